//! When a list is asked for again. Pure: the jitter comes from the feed's name and its last attempt, so that the
//! same question has the same answer, and a thousand PBXs set up by one image do not ask in the same second.

use crate::system::hash;

/// The first pause after a failure, in seconds.
const FIRST_PAUSE: i64 = 300;
/// The longest pause after failures.
const LONGEST_PAUSE: i64 = 86_400;

/// What decides whether a feed is asked now. Times are seconds since 1970, spans are seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Schedule<'a> {
    /// When it was last asked.
    pub last_attempt: Option<i64>,
    /// When an answer of it was last of use.
    pub last_success: Option<i64>,
    /// Not to be asked before then, by its own word.
    pub retry_at: Option<i64>,
    /// The shortest span between two requests.
    pub interval: i64,
    /// The publisher's minimum after a good answer, which binds a forced request too.
    pub minimum: i64,
    /// For a list that many ask for: its name, failures in a row, and whether the last of them was an answer. Such a
    /// feed waits longer after failures, and not all PBXs ask in the same second.
    pub spread: Option<(&'a str, u32, bool)>,
}

impl Schedule<'_> {
    /// Whether the feed is asked at `now`; `forced` when somebody asks for just this.
    pub fn is_due(&self, forced: bool, now: i64) -> bool {
        // A time to come is none: the clock was ahead then.
        let Some(last) = self.last_attempt.filter(|last| *last <= now) else { return true };
        if forced {
            let was_good = self.last_success == Some(last);
            return !was_good || now >= last + self.minimum;
        }
        let due = match self.spread {
            Some((name, failures, answered)) => due(name, self.interval, last, failures, answered),
            None => last.saturating_add(self.interval),
        };
        now >= due.max(self.retry_at.unwrap_or(0))
    }
}

/// When a list is due, in seconds since 1970. `failures`: how many attempts failed since the last good one;
/// `answered`: the last failure was an answer, which costs its publisher as much as a good one.
pub fn due(name: &str, interval: i64, last_attempt: i64, failures: u32, answered: bool) -> i64 {
    let pause = match failures {
        0 => interval,
        _ if answered => interval.max(back_off(failures)),
        _ => back_off(failures),
    };
    last_attempt.saturating_add(pause).saturating_add(jitter(name, last_attempt, pause))
}

/// The pause after so many failures in a row: five minutes, doubled each time, a day at most.
pub fn back_off(failures: u32) -> i64 {
    let doubled = FIRST_PAUSE.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(LONGEST_PAUSE);
    doubled.clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

/// Up to a tenth of the pause, and never less than none: the publisher's minimum is kept.
fn jitter(name: &str, last_attempt: i64, pause: i64) -> i64 {
    let mixed = hash::mixed(name.bytes().chain(last_attempt.to_le_bytes())) >> 33;
    let most = u64::try_from(pause / 10).unwrap_or(0);
    i64::try_from(mixed % (most + 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_feed_is_due_after_its_interval_and_a_forced_one_after_its_publishers_minimum() {
        let plain = Schedule { last_attempt: Some(100), interval: 60, ..Schedule::default() };
        let list = Schedule { last_success: Some(100), minimum: 600, ..plain };
        let table = [
            // schedule, forced, now, due
            (Schedule::default(), false, 0, true),
            (plain, false, 159, false),
            (plain, false, 160, true),
            (plain, true, 101, true),
            (plain, false, 99, true),
            (Schedule { retry_at: Some(500), ..plain }, false, 499, false),
            (Schedule { retry_at: Some(500), ..plain }, true, 101, true),
            (list, true, 699, false),
            (list, true, 700, true),
            (Schedule { last_success: Some(40), ..list }, true, 101, true),
            (Schedule { spread: Some(("x", 3, true)), ..plain }, false, 100 + 1199, false),
            (Schedule { spread: Some(("x", 3, true)), ..plain }, false, 100 + 1320, true),
        ];
        for (schedule, forced, now, due) in table {
            assert_eq!(schedule.is_due(forced, now), due, "{schedule:?} {forced} {now}");
        }
    }

    #[test]
    fn failures_double_the_pause_up_to_a_day() {
        let pauses: Vec<i64> = (1..12).map(back_off).collect();
        assert_eq!(pauses, [300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400, 86400]);
        assert_eq!(back_off(u32::MAX), 86_400);
    }

    #[test]
    fn many_machines_do_not_ask_in_the_same_second() {
        let times: std::collections::BTreeSet<i64> =
            (0..1_000).map(|second| due("voipbl", 14_400, second, 0, false) - second).collect();
        assert!(times.len() > 400 && times.iter().all(|t| (14_400..=15_840).contains(t)), "{}", times.len());
    }

    proptest! {
        #[test]
        fn a_list_is_never_due_before_its_interval_nor_much_later(
            name in "[a-z]{1,9}", interval in 1i64..1_000_000, last in 0i64..4_000_000_000, failures in 0u32..50
        ) {
            let at = due(&name, interval, last, failures, true) - last;
            prop_assert!(at >= interval);
            prop_assert!(at <= interval.max(LONGEST_PAUSE) * 11 / 10);
            prop_assert_eq!(at, due(&name, interval, last, failures, true) - last);
            if failures > 0 {
                prop_assert!(due(&name, interval, last, failures, false) - last <= LONGEST_PAUSE * 11 / 10);
            }
        }
    }
}
