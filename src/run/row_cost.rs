//! What a row costs on this machine, and how many rows follow from it.

use std::time::{Duration, Instant};

use crate::ban::cost::{RowCost, Way};
use crate::ban::plan::Driver;
use crate::config::{Config, Enabled, Limit};
use crate::kernel::iptables::{Backend, Iptables};
use crate::ledger::{Ledger, StateKey};
use crate::run::session::Session;
use crate::system::database::Result;
use crate::system::program::Programs;

/// A measurement counts for so long, in seconds: a week; one that is worse than the usual an hour, for a busy moment may
/// be why.
const COUNTS: i64 = 7 * 86_400;
const DOUBTED: i64 = 3_600;
/// Without a run of root for so long nobody knows whether the set is still there, in seconds: a day.
const SET_COUNTS: i64 = 86_400;
/// The shortest of so many processes is taken: all others waited for something else.
const TRIES: u32 = 7;

/// What a row costs here, as root measured it.
pub(super) fn known(ledger: &mut Ledger, driver: Driver) -> Result<RowCost> {
    let micros = ledger.state(StateKey::RowCost(driver))?;
    Ok(micros.and_then(RowCost::from_micros).unwrap_or_else(|| RowCost::of_driver(driver)))
}

/// How many rows of ours there may be at `now`.
pub(super) fn limit(ledger: &mut Ledger, config: &Config, driver: Driver, now: i64) -> Result<usize> {
    let rows = match config.blacklist.limit {
        Limit::Rows(rows) => return Ok(rows),
        Limit::Auto => known(ledger, driver)?,
    };
    let set = ledger.set_found()?.is_some_and(|set| {
        set.backend.is_some() && (set.checked_at - SET_COUNTS..=set.checked_at + SET_COUNTS).contains(&now)
    });
    Ok(rows.auto_limit(driver, set && config.set.enabled != Enabled::No))
}

impl Session {
    /// Measures when that was long ago, and goes by the limit that follows. Called by root once it knows whether there is
    /// a set.
    pub(super) fn follow_row_cost(&mut self) -> Result<()> {
        let (driver, now) = (self.saved.firewall.driver, self.clock.now());
        let measured = self.ledger.state(StateKey::RowCostAt)?;
        let known = self.ledger.state(StateKey::RowCost(driver))?.and_then(RowCost::from_micros);
        let slow = known.is_some_and(|known| known > RowCost::of_driver(driver));
        let counts = if slow { DOUBTED } else { COUNTS };
        if known.is_none() || !measured.is_some_and(|at| (at..at + counts).contains(&now)) {
            if let Some((usual, cost)) = measure(&self.environment.programs, driver) {
                // No machine becomes slower. What was measured of another way of the same driver counts no more.
                let best =
                    known.filter(|known| slow && *known >= usual).map_or(cost, |known| known.min(cost));
                self.ledger.set_state(StateKey::RowCost(driver), best.micros())?;
            }
            self.ledger.set_state(StateKey::RowCostAt, now)?;
        }
        self.saved.policy.limit = limit(&mut self.ledger, &self.config, driver, now)?;
        Ok(())
    }
}

/// What a row costs on the usual machine, and here, by how long processes take. None where the firewall's iptables cannot be found.
fn measure(programs: &dyn Programs, driver: Driver) -> Option<(RowCost, RowCost)> {
    let (way, program) = match driver {
        Driver::Nftables => (Way::Sets, "nft"),
        Driver::Iptables => match Iptables::find(programs).ok()?.backend() {
            Backend::Nft => (Way::Nft, "iptables"),
            Backend::Legacy => (Way::Legacy, "iptables"),
        },
    };
    let one = || {
        let began = Instant::now();
        programs.demand(program, &["--version"], Vec::new()).ok().map(|_| began.elapsed())
    };
    let shortest: Option<Duration> = (0..TRIES).filter_map(|_| one()).min();
    shortest.map(|shortest| (RowCost::usual(way), RowCost::on(way, shortest)))
}
