//! What rows cost the PBX, and so how many of them there should be.
//!
//! A row is what an administrator sees in FreePBX; where the kernel set is in force, it is not what protects. FreePBX 15
//! to 17 loads each row by processes of its own when the firewall starts, and lets phones of the interface zones in only
//! after the last one. FreePBX 18 lists all of its table over and over in each pass, every 30 seconds.

use std::time::Duration;

use super::plan::Driver;

/// With the set in force rows make a start of the firewall so much longer at most.
const START: Duration = Duration::from_secs(5);
/// And a pass of FreePBX 18's driver.
const PASS: Duration = Duration::from_secs(1);
/// Rows without the set: they are all that blocks.
const WITHOUT_SET: usize = 5_000;
/// Limits are multiples of this.
const STEP: usize = 25;

/// How much slower than the machine on which it was measured a machine is taken for, at most: what a busy moment says
/// beyond that is not believed.
const SLOWEST: u32 = 8;

/// What one row costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowCost(Duration);

/// How a driver deals with its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// FreePBX 15 to 17, iptables over nf_tables. Measured with the real service: 1,000 rows 7.7 s, 5,000 36 s.
    Nft,
    /// FreePBX 15 to 17, the older iptables. Measured: 1,000 rows 13 s, 5,000 102 s.
    Legacy,
    /// FreePBX 18, in each pass. Measured: an idle pass took 6 to 16 s with 2,000 rows, 188 s with 20,000.
    Sets,
}

impl Way {
    /// How long the shortest process of its program takes on that machine, start and end: iptables, or nft, which loads
    /// more libraries.
    const fn process(self) -> Duration {
        Duration::from_micros(match self {
            Self::Nft | Self::Legacy => 1_500,
            Self::Sets => 2_500,
        })
    }
}

impl RowCost {
    /// On the machine on which it was measured.
    pub const fn usual(way: Way) -> Self {
        Self(Duration::from_micros(match way {
            Way::Nft => 7_500,
            Way::Legacy => 13_000,
            Way::Sets => 8_000,
        }))
    }

    /// On a machine on which the shortest process of the way's program takes so long. In steps, so that the limit does not move
    /// with each measurement.
    pub fn on(way: Way, process: Duration) -> Self {
        let times = u32::try_from(process.as_nanos() / way.process().as_nanos()).unwrap_or(SLOWEST);
        let times = times.clamp(1, SLOWEST);
        // 1, 2, 4, 8.
        Self(Self::usual(way).0 * (1 << times.ilog2()))
    }

    /// Where nobody measured.
    pub fn of_driver(driver: Driver) -> Self {
        Self::usual(match driver {
            Driver::Iptables => Way::Nft,
            Driver::Nftables => Way::Sets,
        })
    }

    /// As it is saved, in microseconds.
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }

    /// As it was saved; none for what cannot be.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let micros = u64::try_from(micros).ok().filter(|micros| (100..=1_000_000).contains(micros))?;
        Some(Self(Duration::from_micros(micros)))
    }

    /// What so many rows cost, in whole seconds.
    pub fn seconds(self, rows: usize) -> u64 {
        (self.0.as_secs_f64() * rows as f64).ceil() as u64
    }

    /// How many rows `limit = "auto"` allows.
    pub fn auto_limit(self, driver: Driver, by_set: bool) -> usize {
        if !by_set {
            return WITHOUT_SET;
        }
        let most = match driver {
            Driver::Iptables => START,
            Driver::Nftables => PASS,
        };
        let rows = usize::try_from(most.as_micros() / self.0.as_micros().max(1)).unwrap_or(WITHOUT_SET);
        (rows / STEP * STEP).clamp(STEP, WITHOUT_SET)
    }
}

/// How long the firewall of FreePBX 15 to 17 needs for so many rows, in whole seconds, where nobody measured.
pub fn seconds_to_load(rows: usize) -> u64 {
    RowCost::usual(Way::Nft).seconds(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_set_there_are_as_many_rows_as_cost_little_and_without_it_as_many_as_protect() {
        let process = Duration::from_micros;
        let table = [
            (Way::Nft, process(0), Driver::Iptables, 650),
            (Way::Nft, process(1_400), Driver::Iptables, 650),
            (Way::Nft, process(2_900), Driver::Iptables, 650),
            (Way::Nft, process(3_000), Driver::Iptables, 325),
            (Way::Nft, process(10_000), Driver::Iptables, 150),
            (Way::Nft, process(1_000_000), Driver::Iptables, 75),
            (Way::Legacy, process(1_400), Driver::Iptables, 375),
            (Way::Sets, process(4_900), Driver::Nftables, 125),
            (Way::Sets, process(1_000_000), Driver::Nftables, 25),
        ];
        for (way, process, driver, rows) in table {
            let cost = RowCost::on(way, process);
            assert_eq!(cost.auto_limit(driver, true), rows, "{way:?} {process:?}");
            assert_eq!(cost.auto_limit(driver, false), 5_000);
            let most = if driver == Driver::Iptables { 5 } else { 1 };
            assert!(cost.seconds(rows) <= most || rows == STEP, "{way:?} {process:?}");
        }
    }

    #[test]
    fn a_cost_that_cannot_be_is_not_believed() {
        assert_eq!(RowCost::from_micros(7_500), Some(RowCost::usual(Way::Nft)));
        assert_eq!(RowCost::usual(Way::Legacy).micros(), 13_000);
        for wrong in [-1, 0, 99, 1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(RowCost::from_micros(wrong), None, "{wrong}");
        }
        assert_eq!([0, 1, 133, 134, 5_000].map(seconds_to_load), [0, 1, 1, 2, 38]);
    }
}
