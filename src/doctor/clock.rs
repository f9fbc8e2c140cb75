//! The machine's clock.

use super::{Check, Lack};

/// `doubt` is why the program doubts it, `apart` which feeds say another time.
pub fn judge(doubt: Option<&str>, apart: &[String], compared: bool) -> Check {
    let wrong = apart.first().map(String::as_str).or(doubt);
    match wrong {
        Some(why) => Check::error("clock", Lack::Setting, why, "timedatectl set-ntp true"),
        None if compared => Check::ok("clock", "it continues from the last run, and the feeds agree"),
        None => Check::ok("clock", "it continues from the last run"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_doubted_clock_and_one_that_a_feed_contradicts_are_bad() {
        assert_eq!(judge(None, &[], false).state, State::Ok);
        assert_eq!(judge(Some("a year ahead"), &[], true).found, "a year ahead");
        assert_eq!(judge(None, &["apart".into()], true).state, State::Error);
    }
}
