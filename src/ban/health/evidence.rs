//! What was seen: whether the firewall service follows, and whether the kernel has the rules of the rows. Only root can
//! look into the kernel; what it saw is recorded, and counts for two minutes, since root looks each minute.

use serde::{Deserialize, Serialize};

/// How long a look counts, in seconds.
pub const COUNTS: i64 = 120;

/// What the firewall service does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// It runs.
    Runs,
    /// Somebody stopped its process with a signal: it follows no change.
    Paused,
    /// It waits after a reboot, without rules.
    SafeMode,
    /// There is no such process.
    #[default]
    Stopped,
}

/// What the kernel has of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum Rules {
    /// All of them, and no other.
    Match,
    /// So many are missing, and so many are there that no row explains.
    Differ {
        /// Missing rules.
        missing: usize,
        /// Rules that no row explains, doubled ones too.
        extra: usize,
    },
    /// None: the firewall's chain is not there, or no packet gets to it.
    None,
    /// It could not be asked.
    Unknown,
}

/// One look of root's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What it saw.
    pub rules: Rules,
}

impl Evidence {
    /// What was seen, where the look still counts at `now`. One in the future does not: the clock was wrong.
    pub fn counts(self, now: i64) -> Option<Rules> {
        (0..=COUNTS).contains(&(now - self.at)).then_some(self.rules)
    }
}

impl Rules {
    /// Whether all that the rows say is blocked by rules.
    pub fn are_complete(self) -> bool {
        matches!(self, Self::Match | Self::Differ { missing: 0, .. })
    }

    /// Whether some of what the rows say is blocked by rules.
    pub fn block(self) -> bool {
        matches!(self, Self::Match | Self::Differ { .. })
    }

    /// As two numbers, for the saved state.
    pub fn numbers(self) -> (i64, i64) {
        let bounded = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Match => (0, 0),
            Self::Differ { missing, extra } => (bounded(missing), bounded(extra)),
            Self::None => (-1, 0),
            Self::Unknown => (-2, 0),
        }
    }

    /// The other way round.
    pub fn from_numbers(missing: i64, extra: i64) -> Self {
        match (usize::try_from(missing), usize::try_from(extra)) {
            (Ok(0), Ok(0)) => Self::Match,
            (Ok(missing), Ok(extra)) => Self::Differ { missing, extra },
            _ if missing == -1 => Self::None,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_counts_for_two_minutes_and_one_of_the_future_never() {
        let look = Evidence { at: 1_000, rules: Rules::Match };
        for (now, counts) in [(999, false), (1_000, true), (1_120, true), (1_121, false)] {
            assert_eq!(look.counts(now).is_some(), counts, "{now}");
        }
    }

    #[test]
    fn what_was_seen_is_the_same_after_it_was_saved() {
        let all = [
            Rules::Match,
            Rules::Differ { missing: 3, extra: 0 },
            Rules::Differ { missing: 0, extra: 2 },
            Rules::None,
            Rules::Unknown,
        ];
        for rules in all {
            let (missing, extra) = rules.numbers();
            assert_eq!(Rules::from_numbers(missing, extra), rules);
        }
    }
}
