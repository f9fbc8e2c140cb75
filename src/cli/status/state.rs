//! The state in one word and one sentence: whether what is wanted is in force, and if not, why.

use serde::Serialize;

use crate::cli::output::{Time, count};

/// A PBX whose last run is longer ago than this is not kept up to date, in seconds: the runs are minutes apart.
const LATE: i64 = 3_600;

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What is wanted is blocked.
    Blocking,
    /// Something waits for the firewall, or for root.
    Pending,
    /// A feed is stale, or no run was made for an hour. What was listed before is blocked.
    OutOfDate,
    /// Nothing of it is blocked.
    NotBlocking,
    /// No feed lists anything.
    NothingToBlock,
    /// There was no run yet.
    NoRun,
}

/// What the word depends on. Times are seconds since 1970.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Whether a run was ever made.
    pub has_run: bool,
    /// When the last one began.
    pub last_run: Option<i64>,
    /// Whether the firewall is switched on, and since when it is off if that is known.
    pub enabled: bool,
    /// Since when it is off.
    pub off_since: Option<i64>,
    /// Whether its daemon runs.
    pub running: bool,
    /// Whether the set is in the kernel, as root saw it last.
    pub set: bool,
    /// Prefixes that are wanted.
    pub wanted: usize,
    /// Those of them that are blocked.
    pub blocked: usize,
    /// Rows that the next run changes.
    pub due: usize,
    /// Since when rows wait for the firewall to look.
    pub rows_wait: Option<i64>,
    /// Stale feeds, each with its last good answer.
    pub stale: &'a [(&'a str, Option<i64>)],
}

/// What is said: the word, one sentence, since when.
pub fn judge(facts: &Facts<'_>, now: i64) -> (State, String, Option<i64>) {
    if !facts.has_run {
        return (State::NoRun, "No run was made yet, so nothing is blocked by banbridge.".to_owned(), None);
    }
    if !facts.enabled {
        let text = "The firewall is switched off, so nothing is blocked.".to_owned();
        return (State::NotBlocking, text, facts.off_since);
    }
    if !facts.running {
        return match facts.set {
            false => {
                let text = "The firewall's daemon does not run, so nothing is blocked.".to_owned();
                (State::NotBlocking, text, None)
            }
            true => {
                let text =
                    "The firewall's daemon does not run; the set alone refuses what is listed.".to_owned();
                (State::Pending, text, None)
            }
        };
    }
    let late = facts.last_run.filter(|last| now.saturating_sub(*last) > LATE);
    if let Some(last) = late {
        let text = format!(
            "No run was made since {}; what was listed then is blocked until its time is over.",
            Time(last)
        );
        return (State::OutOfDate, text, Some(last));
    }
    if let Some((name, last)) = facts.stale.first() {
        let more = match facts.stale.len() {
            1 => String::new(),
            several => format!(" (and {} more)", count(several - 1, "feed", "feeds")),
        };
        let since = last.map_or("never gave a good answer".to_owned(), |last| {
            format!("gave no good answer since {}", Time(last))
        });
        let text =
            format!("{name}{more} {since}; what was listed before stays blocked until its time is over.");
        return (State::OutOfDate, text, *last);
    }
    if facts.wanted == 0 {
        return (State::NothingToBlock, "No feed lists anything to block.".to_owned(), None);
    }
    if let Some(since) = facts.rows_wait {
        let text = "Changed rows wait for the firewall to take them up.".to_owned();
        return (State::Pending, text, Some(since));
    }
    if facts.blocked == 0 {
        let text = match facts.due {
            0 => "Nothing of what is listed is blocked: all of it is protected, released or finds no room."
                .to_owned(),
            due => format!("{} for the next run.", waits(due)),
        };
        return (if facts.due > 0 { State::Pending } else { State::NotBlocking }, text, None);
    }
    if facts.due > 0 {
        return (State::Pending, format!("{} for the next run.", waits(facts.due)), facts.last_run);
    }
    let text = format!(
        "In force: {} blocked.",
        count_are(facts.blocked, "network or address", "networks and addresses")
    );
    (State::Blocking, text, facts.last_run)
}

fn waits(rows: usize) -> String {
    let verb = if rows == 1 { "waits" } else { "wait" };
    format!("{} {verb}", count(rows, "changed row", "changed rows"))
}

fn count_are(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one} is") } else { format!("{number} {many} are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn good() -> Facts<'static> {
        Facts {
            has_run: true,
            last_run: Some(NOW - 60),
            enabled: true,
            off_since: None,
            running: true,
            set: true,
            wanted: 100,
            blocked: 98,
            due: 0,
            rows_wait: None,
            stale: &[],
        }
    }

    #[test]
    fn the_worst_that_is_true_is_said() {
        const STALE: &[(&str, Option<i64>)] = &[("apiban", Some(NOW - 90_000)), ("voipbl", None)];
        const NEVER: &[(&str, Option<i64>)] = &[("apiban", None)];
        let table: [(Facts<'_>, State, &str, Option<i64>); 14] = [
            (good(), State::Blocking, "In force: 98 networks and addresses are blocked.", Some(NOW - 60)),
            (Facts { blocked: 1, ..good() }, State::Blocking, "1 network or address is", Some(NOW - 60)),
            (Facts { has_run: false, enabled: false, ..good() }, State::NoRun, "No run", None),
            (Facts { enabled: false, off_since: Some(5), ..good() }, State::NotBlocking, "off", Some(5)),
            (Facts { running: false, set: false, ..good() }, State::NotBlocking, "daemon does not run", None),
            (Facts { running: false, ..good() }, State::Pending, "the set alone", None),
            (
                Facts { last_run: Some(NOW - 3_601), stale: STALE, ..good() },
                State::OutOfDate,
                "No run was made since",
                Some(NOW - 3_601),
            ),
            (Facts { last_run: Some(NOW - 3_600), ..good() }, State::Blocking, "98", Some(NOW - 3_600)),
            (
                Facts { stale: STALE, wanted: 0, ..good() },
                State::OutOfDate,
                "apiban (and 1 feed more) gave no good answer",
                Some(NOW - 90_000),
            ),
            (Facts { stale: NEVER, ..good() }, State::OutOfDate, "apiban never gave", None),
            (Facts { wanted: 0, blocked: 0, ..good() }, State::NothingToBlock, "No feed lists", None),
            (
                Facts { rows_wait: Some(NOW - 5), ..good() },
                State::Pending,
                "for the firewall to take them up",
                Some(NOW - 5),
            ),
            (Facts { blocked: 0, ..good() }, State::NotBlocking, "protected, released", None),
            (
                Facts { due: 1, ..good() },
                State::Pending,
                "1 changed row waits for the next run",
                Some(NOW - 60),
            ),
        ];
        for (facts, state, words, since) in table {
            let (said, text, at) = judge(&facts, NOW);
            assert_eq!((said, at), (state, since), "{facts:?}: {text}");
            assert!(text.contains(words), "{text}");
        }
    }
}
