//! Is all well? Judged here and nowhere else: the [`state`] in one word and one sentence, the [`problem`]s that need
//! somebody, and the thresholds. `status`, `status --check`, Prometheus, `doctor`, `check`, the report of a run and
//! FreePBX's page say what is judged here.
//!
//! All of it is a function of facts; somebody else collects them (`run::status`). Whoever learns a new fact about the
//! firewall adds it to [`state::Facts`], a case to the judgement, and a sentence.

pub mod coded;
pub mod evidence;
pub mod problem;
pub mod state;

use evidence::Service;

/// Without a run for so long something is wrong with the timer, in seconds: runs are minutes apart.
pub const LATE: i64 = 3_600;
/// A feed without a good answer for so long is out of date, in seconds; of a feed that is asked less often, twice its
/// interval.
pub const OUT_OF_DATE: i64 = 86_400;

/// Whether there was no run for too long. Times are seconds since 1970.
pub fn is_late(last_run: i64, now: i64) -> bool {
    now.saturating_sub(last_run) > LATE
}

/// How long a feed that is asked every `interval` seconds may go without a good answer, in seconds.
pub fn patience(interval: i64) -> i64 {
    OUT_OF_DATE.max(2 * interval)
}

/// Whether a feed gave no good answer for too long.
pub fn is_out_of_date(last_success: Option<i64>, interval: i64, now: i64) -> bool {
    last_success.is_none_or(|last| now - last > patience(interval))
}

/// What keeps the firewall from following its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// It is disabled in FreePBX.
    Disabled,
    /// It is enabled, and its service does not run.
    NotRunning,
    /// Its service is paused.
    Paused,
    /// Its service waits in safe mode.
    SafeMode,
}

/// What blocks all the same while the firewall does not follow its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Nothing.
    Nothing,
    /// The kernel set.
    Set,
    /// Rules that are in the kernel from before, and the kernel set where there is one.
    Rules,
}

impl Blocks {
    /// What blocks: whether rules were seen in the kernel, and whether there is a kernel set.
    pub fn of(rules: bool, set: bool) -> Self {
        match (rules, set) {
            (true, _) => Self::Rules,
            (false, true) => Self::Set,
            (false, false) => Self::Nothing,
        }
    }
}

impl Hindrance {
    /// What keeps it; none if nothing does.
    pub fn of(enabled: bool, service: Service) -> Option<Self> {
        match (enabled, service) {
            (false, _) => Some(Self::Disabled),
            (true, Service::Runs) => None,
            (true, Service::Stopped) => Some(Self::NotRunning),
            (true, Service::Paused) => Some(Self::Paused),
            (true, Service::SafeMode) => Some(Self::SafeMode),
        }
    }

    /// What it is, within a sentence.
    pub fn what(self) -> &'static str {
        match self {
            Self::Disabled => "the firewall is disabled",
            Self::NotRunning => "the firewall service is not running",
            Self::Paused => "the firewall service is paused",
            Self::SafeMode => "the firewall is in safe mode after a reboot",
        }
    }

    /// What to do about it, a sentence.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Disabled => "Enable it: FreePBX, Connectivity, Firewall.",
            Self::NotRunning => "Start it: fwconsole firewall start",
            Self::Paused => "Resume it as root: banbridge apply",
            Self::SafeMode => "It ends five minutes after the start of the machine.",
        }
    }

    /// The whole sentence, with what is blocked all the same.
    pub fn sentence(self, blocks: Blocks) -> String {
        let blocks = match blocks {
            Blocks::Nothing => "Nothing is blocked",
            Blocks::Set => "Only the kernel set blocks",
            Blocks::Rules => "What is in the kernel still blocks, but no change takes effect",
        };
        format!("{blocks}: {}. {}", self.what(), self.fix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_is_passed_by_one_second() {
        assert!(!is_late(0, LATE) && is_late(0, LATE + 1));
        assert!(!is_out_of_date(Some(0), 60, OUT_OF_DATE) && is_out_of_date(Some(0), 60, OUT_OF_DATE + 1));
        assert!(!is_out_of_date(Some(0), 86_400, 172_800) && is_out_of_date(Some(0), 86_400, 172_801));
        assert!(is_out_of_date(None, 60, 0), "never");
    }

    #[test]
    fn a_firewall_that_does_not_follow_says_why_what_blocks_all_the_same_and_what_to_do() {
        let table = [
            (true, Service::Runs, None),
            (false, Service::Runs, Some(Hindrance::Disabled)),
            (false, Service::Stopped, Some(Hindrance::Disabled)),
            (true, Service::Stopped, Some(Hindrance::NotRunning)),
            (true, Service::Paused, Some(Hindrance::Paused)),
            (true, Service::SafeMode, Some(Hindrance::SafeMode)),
        ];
        for (enabled, service, hindrance) in table {
            assert_eq!(Hindrance::of(enabled, service), hindrance);
        }
        let sentences = [
            (
                Hindrance::Disabled,
                Blocks::of(false, false),
                "Nothing is blocked: the firewall is disabled. Enable it: FreePBX, Connectivity, Firewall.",
            ),
            (
                Hindrance::SafeMode,
                Blocks::of(false, true),
                "Only the kernel set blocks: the firewall is in safe mode after a reboot. It ends five minutes after the \
                 start of the machine.",
            ),
            (
                Hindrance::NotRunning,
                Blocks::of(true, true),
                "What is in the kernel still blocks, but no change takes effect: the firewall service is not running. \
                 Start it: fwconsole firewall start",
            ),
        ];
        for (hindrance, blocks, sentence) in sentences {
            assert_eq!(hindrance.sentence(blocks), sentence);
        }
    }
}
