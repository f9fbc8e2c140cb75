//! How far we are with CrowdSec. It remembers by itself what each key has seen; what is kept here says whether its
//! memory and ours are still about the same.

use std::fmt;
use std::str::FromStr;

use crate::system::hash;

/// The longest time between two answers that may be joined, in seconds: what was taken back before is forgotten there
/// some time.
const LONGEST_GAP: i64 = 3_600;
/// After so many seconds everything is read again, whatever was missed meanwhile.
const WHOLE_EVERY: i64 = 86_400;

/// Kept with each answer that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When everything was read last, in seconds since 1970.
    pub whole_at: i64,
    /// Of what was asked; see [`fingerprint`].
    pub question: u16,
    /// Which start of this machine it was.
    pub boot: i64,
}

impl Cursor {
    /// Whether what changed since `last_success` is enough to ask for at `now`, with the same question on the same
    /// start of the machine.
    pub fn goes_on(&self, question: u16, boot: i64, last_success: Option<i64>, now: i64) -> bool {
        let recent = |at: i64, most: i64| (0..most).contains(&now.saturating_sub(at));
        self.question == question
            && self.boot == boot
            && recent(self.whole_at, WHOLE_EVERY)
            && last_success.is_some_and(|at| recent(at, LONGEST_GAP))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whole {} of {:04x} on {:x}", self.whole_at, self.question, self.boot)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let ["whole", at, "of", question, "on", boot] = words[..] else { return Err(()) };
        Ok(Self {
            whole_at: at.parse().map_err(|_| ())?,
            question: u16::from_str_radix(question, 16).map_err(|_| ())?,
            boot: i64::from_str_radix(boot, 16).map_err(|_| ())?,
        })
    }
}

/// A number for all that decides what an answer is about. It is so short because the key is in it, and it is shown:
/// nobody learns a key from 16 bits. Should two questions have the same number, the daily reading puts it right.
pub fn fingerprint(parts: &[&str]) -> u16 {
    (hash::mixed(parts.iter().flat_map(|part| part.bytes().chain([0]))) >> 48) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_written_and_read_is_the_same_and_no_other_text_is_one() {
        let cursor = Cursor { whole_at: 1_700_000_000, question: 0xab1, boot: 0x1234 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "100",
            "whole x of 1 on a",
            "whole 1 of 10000 on a",
            "whole 1 of 1 on a b",
            "whole 1 of 1 on -",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }

    #[test]
    fn changes_are_enough_only_soon_after_the_last_answer_to_the_same_question() {
        let cursor = Cursor { whole_at: 100_000, question: 7, boot: 3 };
        let table = [
            ((7, 3, Some(100_000), 100_000), true),
            ((7, 3, Some(103_000), 103_300), true),
            ((8, 3, Some(103_000), 103_300), false),
            ((7, 4, Some(103_000), 103_300), false),
            ((7, 3, None, 103_300), false),
            ((7, 3, Some(103_000), 106_599), true),
            ((7, 3, Some(103_000), 106_600), false),
            ((7, 3, Some(186_000), 186_399), true),
            ((7, 3, Some(186_000), 186_400), false),
            // A clock that was put back.
            ((7, 3, Some(103_000), 102_999), false),
            ((7, 3, Some(99_000), 99_999), false),
        ];
        for ((question, boot, last, now), goes_on) in table {
            assert_eq!(
                cursor.goes_on(question, boot, last, now),
                goes_on,
                "{question} {boot} {last:?} {now}"
            );
        }
    }

    #[test]
    fn another_key_address_or_filter_is_another_question() {
        let parts = ["http://127.0.0.1:8080/", "key", "cscli"];
        let number = fingerprint(&parts);
        assert_eq!(number, fingerprint(&parts));
        for changed in
            [["http://127.0.0.1:8081/", "key", "cscli"], ["http://127.0.0.1:8080/", "kez", "cscli"]]
        {
            assert_ne!(number, fingerprint(&changed));
        }
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
