//! Looking at what the kernel has of the rows, without changing anything.

use super::chain::{Snapshot, Wanted};
use super::iptables::{self, Iptables};
use super::module_sets;
use crate::ban::Prefix;
use crate::ban::health::evidence::Rules;
use crate::ban::plan::{Driver, Present};
use crate::pbx::firewall;
use crate::system::program::Programs;

/// Whether the table of FreePBX 18's nftables driver is there. Needs root.
pub fn has_nftables_driver(programs: &dyn Programs) -> bool {
    let [family, table] = firewall::TABLE_OF_NFTABLES;
    iptables::nft(programs, &["list", "tables", family])
        .is_ok_and(|tables| tables.lines().any(|line| line.trim() == format!("table {family} {table}")))
}

/// What the kernel has of these rows. Needs root.
pub fn rules(programs: &dyn Programs, driver: Driver, rows: &Present) -> Rules {
    match driver {
        Driver::Iptables => chain(programs, rows),
        Driver::Nftables => match module_sets::read(programs) {
            Ok(sets) => sets.compare(rows),
            Err(_) => Rules::None,
        },
    }
}

/// Whether the firewall's rules block all of a prefix; none where the kernel cannot be asked. Needs root.
pub fn blocks(programs: &dyn Programs, driver: Driver, prefix: &Prefix) -> Option<bool> {
    match driver {
        Driver::Iptables => {
            let save = Iptables::find(programs).and_then(|iptables| iptables.save()).ok()?;
            Some(Snapshot::new(&save).blocks(prefix))
        }
        Driver::Nftables => Some(module_sets::read(programs).is_ok_and(|sets| sets.hold(prefix))),
    }
}

fn chain(programs: &dyn Programs, rows: &Present) -> Rules {
    let Ok(save) = Iptables::find(programs).and_then(|iptables| iptables.save()) else {
        return Rules::Unknown;
    };
    let snapshot = Snapshot::new(&save);
    if snapshot.unusable().is_some() {
        return Rules::None;
    }
    let difference = snapshot.compare(&Wanted::new(rows));
    match (difference.missing, difference.doubled + difference.extra) {
        (0, 0) => Rules::Match,
        (missing, extra) => Rules::Differ { missing, extra },
    }
}
