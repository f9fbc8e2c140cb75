//! The time that a run goes by.
//!
//! A clock can be wrong: a year ahead after a dead battery or a wrong answer of a time server, decades behind until
//! the network is up. Were it believed, one run would let everything go because its time is over, and a feed does not
//! list again what it listed before. So:
//!
//! - The clock is read once, when a run begins, and counted on by the machine's steady clock: setting it while a run
//!   is at work moves nothing.
//! - A clock that is more than a day from where the last run left it is doubted. Meanwhile time stands still: what
//!   comes is blocked, nothing is let go, nothing is forgotten, and the administrator is told.
//! - It is believed again when it is back, when a feed's `Date` says the same, or when it went on for a day without
//!   another leap (feeds without a `Date`, a PBX without a network). A machine that was switched off for a month
//!   believes its clock with the first answer.
//! - After a step forward every feed is asked for its whole list, because what seems over may not be, and our rows
//!   stay until that is done; what the administrator unblocked stays so for as long as was left of its time. After a
//!   step back, what was noted in the future counts from now.

use std::time::Instant;

use jiff::Timestamp;

use crate::ledger::{Ledger, StateKey};
use crate::system::database::Result;
use crate::system::fault;
use crate::system::time::Time;

/// How far the clock may be from where the last run left it, and from a feed's, in seconds: a day. Time zones set
/// wrongly are less than that.
const LEAP: i64 = 86_400;
/// How long a doubted clock must go on before it is believed, in seconds, and how long that may be looked for.
const GOES_ON: i64 = 86_400;
const LOOKED_FOR: i64 = 8 * 86_400;

/// The time that a run goes by. Nothing else in the program reads the time of day for its decisions.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    time: i64,
    doubt: Option<String>,
}

/// What is to be thought of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    /// It goes on from where it was, or there is nothing to compare it with.
    Believed,
    /// It leapt, and has gone on from there for long enough.
    BelievedAfterAll,
    /// It leapt: the time to go by.
    Doubted(i64),
}

/// `left` is where the last run left it, `doubted` what it said when it was first doubted.
fn judge(clock: i64, left: Option<i64>, doubted: Option<i64>) -> Judgement {
    let Some(left) = left else { return Judgement::Believed };
    if (left - LEAP..=left + LEAP).contains(&clock) {
        return Judgement::Believed;
    }
    match doubted {
        Some(first) if (first + GOES_ON..first + LOOKED_FOR).contains(&clock) => Judgement::BelievedAfterAll,
        // Later than all that was noted before, so that what comes meanwhile can be told from it.
        _ => Judgement::Doubted(left + 1),
    }
}

/// The machine's clock, seconds since 1970, right or wrong.
fn read() -> i64 {
    Timestamp::now().as_second() + fault::clock_is_off()
}

impl Clock {
    /// The machine's clock, believed.
    pub fn of_machine() -> Self {
        Self::going_by(read(), None)
    }

    fn going_by(time: i64, doubt: Option<String>) -> Self {
        Self { began: Instant::now(), time, doubt }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.time.saturating_add_unsigned(self.began.elapsed().as_secs())
    }

    /// Why the clock is doubted, in words, when it is.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// Decides what time to go by; changes nothing in the ledger.
    pub fn look(ledger: &mut Ledger) -> Result<Self> {
        let (clock, left) = (read(), ledger.state(StateKey::Clock)?);
        Ok(match judge(clock, left, ledger.state(StateKey::ClockDoubted)?) {
            Judgement::Believed | Judgement::BelievedAfterAll => Self::going_by(clock, None),
            Judgement::Doubted(time) => Self::going_by(
                time,
                Some(format!(
                    "Clock says {}, last run was {}. Nothing expires until a feed confirms the time, or for one day. If \
                     the clock is wrong: timedatectl set-ntp true",
                    Time(clock),
                    Time(left.unwrap_or_default())
                )),
            ),
        })
    }

    /// The same as a run begins, noted in the ledger.
    pub fn begin(ledger: &mut Ledger) -> Result<Self> {
        let (clock, left, doubted) =
            (read(), ledger.state(StateKey::Clock)?, ledger.state(StateKey::ClockDoubted)?);
        match judge(clock, left, doubted) {
            Judgement::Doubted(_) => {
                if doubted.is_none_or(|first| !(first..first + LOOKED_FOR).contains(&clock)) {
                    ledger.set_state(StateKey::ClockDoubted, clock)?;
                }
                Self::look(ledger)
            }
            Judgement::Believed => {
                if doubted.is_some() {
                    ledger.clear_state(StateKey::ClockDoubted)?;
                }
                ledger.set_state(StateKey::Clock, clock)?;
                Ok(Self::going_by(clock, None))
            }
            Judgement::BelievedAfterAll => Self::believe(ledger),
        }
    }

    /// Notes where the run leaves the clock.
    pub fn end(&self, ledger: &mut Ledger) -> Result<()> {
        if self.doubt.is_none() { ledger.set_state(StateKey::Clock, self.now()) } else { Ok(()) }
    }

    /// Compares the clock with a feed's. True when it was doubted and is believed from now on.
    pub fn compare(&mut self, ledger: &mut Ledger, theirs: Timestamp) -> Result<bool> {
        let clock = read();
        let agree = (theirs.as_second() - LEAP..=theirs.as_second() + LEAP).contains(&clock);
        if self.doubt.is_none() || !agree {
            return Ok(false);
        }
        *self = Self::believe(ledger)?;
        Ok(true)
    }

    fn believe(ledger: &mut Ledger) -> Result<Self> {
        let (clock, left) = (read(), ledger.state(StateKey::Clock)?.unwrap_or_default());
        if clock > left {
            ledger.start_all_over(clock)?;
            ledger.carry_on(left, clock)?;
        }
        ledger.bring_back(clock)?;
        // Last, so that a run that is cut off in between does it again.
        ledger.set_state(StateKey::Clock, clock)?;
        ledger.clear_state(StateKey::ClockDoubted)?;
        Ok(Self::going_by(clock, None))
    }
}

/// That this machine's clock is far from a feed's, in words.
pub fn contradiction(feed: &str, theirs: Timestamp) -> Option<String> {
    let clock = read();
    let apart = (clock - theirs.as_second()).abs() > LEAP;
    apart.then(|| {
        let theirs = Time(theirs.as_second());
        format!(
            "Clock says {}, {feed} says {theirs}. If the clock is wrong: timedatectl set-ntp true",
            Time(clock)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_leapt_is_doubted_until_it_is_back_or_has_gone_on_for_a_day() {
        const DAY: i64 = 86_400;
        const LEFT: i64 = 1_700_000_000;
        let year = LEFT + 365 * DAY;
        let table = [
            // Clock, where the last run left it, what it said when it was first doubted.
            (LEFT, None, None, Judgement::Believed),
            (LEFT + DAY, Some(LEFT), None, Judgement::Believed),
            (LEFT - DAY, Some(LEFT), None, Judgement::Believed),
            (LEFT + DAY + 1, Some(LEFT), None, Judgement::Doubted(LEFT + 1)),
            (LEFT - DAY - 1, Some(LEFT), None, Judgement::Doubted(LEFT + 1)),
            (0, Some(LEFT), None, Judgement::Doubted(LEFT + 1)),
            (year + 3600, Some(LEFT), Some(year), Judgement::Doubted(LEFT + 1)),
            (year + DAY, Some(LEFT), Some(year), Judgement::BelievedAfterAll),
            (LEFT + 60, Some(LEFT), Some(year), Judgement::Believed),
            // Another leap begins the day anew.
            (year + 300 * DAY, Some(LEFT), Some(year), Judgement::Doubted(LEFT + 1)),
        ];
        for (clock, left, doubted, judgement) in table {
            assert_eq!(judge(clock, left, doubted), judgement, "{clock} {left:?} {doubted:?}");
        }
    }
}
