//! The feeds: when each gave its last good answer, and whether it answers now.

use serde::{Deserialize, Serialize};

use super::{Check, Lack};
use crate::ban::health::patience;
use crate::config::{FeedConfig, FeedKind};
use crate::feed::FetchErrorKind;
use crate::ledger::feeds::FeedState;

/// A good answer that is no older, in seconds, besides the feed's own interval, is as good as one of now: three runs.
const FRESH: i64 = 900;

/// What came of asking a feed just now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The feed's name.
    pub feed: String,
    /// Why it was not asked after all.
    pub not_asked: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What that means; none for a feed that cannot be asked with this configuration.
    pub kind: Option<Trouble>,
    /// That its clock and ours are far apart, in words.
    pub clock: Option<String>,
}

/// What an error means, as [`FetchErrorKind`] has it, in a form that can be sent from one process to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The answer is no use.
    Unusable,
    /// It cannot be reached.
    Unreachable,
    /// Too many requests.
    RateLimited,
    /// The key is refused.
    KeyRefused,
}

impl From<FetchErrorKind> for Trouble {
    fn from(kind: FetchErrorKind) -> Self {
        match kind {
            FetchErrorKind::Unusable => Self::Unusable,
            FetchErrorKind::Unreachable => Self::Unreachable,
            FetchErrorKind::RateLimited => Self::RateLimited,
            FetchErrorKind::KeyRefused => Self::KeyRefused,
        }
    }
}

impl Asked {
    /// Whether an answer of use came.
    pub fn answered(&self) -> bool {
        self.not_asked.is_none() && self.error.is_none()
    }

    /// Whether the key was refused or accepted; none when nothing was heard of it.
    pub fn refused(&self) -> Option<bool> {
        match self.kind {
            Some(Trouble::KeyRefused) => Some(true),
            None if self.answered() => Some(false),
            _ => None,
        }
    }
}

/// Whether what is remembered of a feed says enough, so that its server can be left alone.
pub fn is_known(feed: &FeedConfig, state: Option<&FeedState>, now: i64) -> bool {
    let Some(state) = state else { return false };
    let until = |last: i64| last + feed.interval.as_secs() + FRESH;
    state.last_error.is_none() && state.last_success.is_some_and(|last| (last..=until(last)).contains(&now))
}

/// Judges one feed. `held` is how many of its entries are held.
pub fn judge(
    feed: &FeedConfig,
    state: Option<&FeedState>,
    asked: Option<&Asked>,
    held: usize,
    now: i64,
) -> Check {
    let name = format!("feed {}", feed.name);
    if !feed.enabled {
        return Check::ok(&name, "disabled");
    }
    if let Some(asked) = asked
        && let Some(error) = &asked.error
    {
        return trouble(&name, feed, asked.kind, error);
    }
    if held > 0 {
        let found = format!("it grew suddenly; {held} new entries are held for review");
        return Check::warning(
            &name,
            found,
            format!("to accept: banbridge sync --accept --feed {}", feed.name),
        );
    }
    let answers = asked.is_some_and(Asked::answered);
    let last = state.and_then(|state| state.last_success);
    let age = last.map(|last| now - last);
    let stale = age.is_none_or(|age| age > patience(feed.interval.as_secs()));
    let mend = format!("banbridge sync --feed {}", feed.name);
    match (last, age) {
        (None, _) if answers => Check::ok(&name, "it answers; the first run fetches it"),
        (None, _) | (_, None) => match state.and_then(|state| state.last_error.as_deref()) {
            Some(error) => trouble(&name, feed, None, error),
            None => Check::warning(&name, "not fetched yet", mend),
        },
        (Some(_), Some(age)) if stale && answers => {
            let found = format!("it answers now, but the last update was {} ago", span(age));
            Check::error(&name, Lack::Reach, found, mend)
        }
        (Some(_), Some(age)) if stale => {
            let why = state.and_then(|state| state.last_error.as_deref()).unwrap_or("no run fetched it");
            let found = format!("no update for {}: {why}", span(age));
            Check::error(&name, Lack::Reach, found, mend)
        }
        (Some(_), Some(age)) => {
            match state.and_then(|state| state.last_error.as_deref()).filter(|_| !answers) {
                Some(error) => {
                    let found = format!("the last update was {} ago; since then: {error}", span(age));
                    Check::warning(&name, found, mend)
                }
                None => Check::ok(&name, format!("last update {} ago", span(age))),
            }
        }
    }
}

fn trouble(name: &str, feed: &FeedConfig, kind: Option<Trouble>, error: &str) -> Check {
    let feed_test = match &feed.kind {
        FeedKind::List(_) => format!("banbridge feed test {}", feed.name),
        _ => format!("banbridge sync --feed {}", feed.name),
    };
    match kind {
        Some(Trouble::KeyRefused) => Check::error(
            name,
            Lack::Right,
            error,
            format!("compare the key of feed {} with the one that you were given", feed.name),
        ),
        Some(Trouble::RateLimited) => Check::warning(
            name,
            error,
            "wait two minutes; check that no other machine and no old client uses the same key",
        ),
        Some(Trouble::Unusable) => Check::error(name, Lack::Answer, error, feed_test),
        Some(Trouble::Unreachable) => Check::error(
            name,
            Lack::Reach,
            error,
            format!("check that this machine can reach it (DNS, routes, proxy), then: {feed_test}"),
        ),
        None => Check::error(name, Lack::Reach, error, feed_test),
    }
}

/// A span of time in words: the largest unit that fits.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::State;
    use super::*;
    use crate::ban::health::OUT_OF_DATE;
    use crate::config::Config;

    const NOW: i64 = 1_700_000_000;

    fn feed(more: &str) -> FeedConfig {
        let text = format!("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"abc\"\n{more}");
        Config::parse(&text, Path::new("x"), None).unwrap().feed.remove(0)
    }

    fn state(age: Option<i64>, error: Option<&str>) -> FeedState {
        FeedState {
            last_success: age.map(|age| NOW - age),
            last_error: error.map(str::to_owned),
            ..FeedState::default()
        }
    }

    fn asked(error: Option<&str>, kind: Option<Trouble>) -> Asked {
        Asked { error: error.map(str::to_owned), kind, ..Asked::default() }
    }

    #[test]
    fn a_feed_is_judged_by_its_last_answer_and_by_the_one_of_just_now() {
        let good = asked(None, None);
        let down = asked(Some("no"), Some(Trouble::Unreachable));
        let table = [
            (Some(state(Some(60), None)), None, State::Ok, None),
            (Some(state(Some(60), Some("x"))), None, State::Warning, None),
            (Some(state(Some(60), Some("x"))), Some(&good), State::Ok, None),
            (Some(state(Some(2 * OUT_OF_DATE), None)), None, State::Error, Some(Lack::Reach)),
            (Some(state(Some(2 * OUT_OF_DATE), None)), Some(&good), State::Error, Some(Lack::Reach)),
            (Some(state(Some(60), None)), Some(&down), State::Error, Some(Lack::Reach)),
            (None, None, State::Warning, None),
            (None, Some(&good), State::Ok, None),
            (Some(state(None, Some("x"))), None, State::Error, Some(Lack::Reach)),
        ];
        for (state, asked, wanted, lack) in table {
            let check = judge(&feed(""), state.as_ref(), asked, 0, NOW);
            assert_eq!((check.state, check.lack), (wanted, lack), "{state:?} {asked:?}: {check:?}");
        }
        assert_eq!(judge(&feed(""), Some(&state(Some(60), None)), None, 7, NOW).state, State::Warning);
        let off = judge(&feed("enabled = false\n"), None, Some(&down), 0, NOW);
        assert_eq!(off.state, State::Ok);
    }

    #[test]
    fn each_trouble_has_its_exit_code() {
        let table = [
            (Some(Trouble::KeyRefused), Some(Lack::Right)),
            (Some(Trouble::Unusable), Some(Lack::Answer)),
            (Some(Trouble::Unreachable), Some(Lack::Reach)),
            (Some(Trouble::RateLimited), None),
        ];
        for (kind, lack) in table {
            assert_eq!(judge(&feed(""), None, Some(&asked(Some("x"), kind)), 0, NOW).lack, lack);
        }
    }

    #[test]
    fn a_feed_that_answered_lately_is_not_asked() {
        let known = |state: Option<FeedState>| is_known(&feed(""), state.as_ref(), NOW);
        assert!(known(Some(state(Some(300), None))));
        assert!(!known(Some(state(Some(FRESH + 1), None))));
        assert!(!known(Some(state(Some(300), Some("x")))));
        assert!(!known(Some(state(Some(-300), None))), "an answer of the future");
        assert!(!known(None));
        assert!(is_known(&feed("interval = \"4h\"\n"), Some(&state(Some(14_400), None)), NOW));
    }

    #[test]
    fn a_span_is_in_its_largest_unit() {
        let all = [90, 3_600, 90_000, 900_000].map(span);
        assert_eq!(all, ["90 s", "60 minutes", "25 hours", "10 days"]);
    }
}
