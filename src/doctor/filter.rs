//! The kernel's side: which packet filter is there, whether it holds the rows, and whether it holds the set. Only root
//! can look.

use std::path::Path;

use super::{Check, Lack};
use crate::ban::plan::{Driver, Present};
use crate::config::Enabled;
use crate::kernel::chain::{Difference, Snapshot, Wanted};
use crate::kernel::iptables::{Backend, Iptables};
use crate::kernel::module_sets;
use crate::kernel::set::{self, Desired, Set, SetError};
use crate::system::program::Programs;
use crate::system::text::count;

/// What brings it in force.
const APPLY: &str = "banbridge apply";
/// Names of the lines that need root.
pub const NAMES: [&str; 4] = ["iptables", "rules", "means", "set"];

/// What is wanted of the kernel.
pub struct Wish<'a> {
    /// The driver of the firewall.
    pub driver: Driver,
    /// Why there can be no rules, if there can be none.
    pub no_rules: Option<&'static str>,
    /// Whether the firewall is enabled.
    pub enabled: bool,
    /// The rows as they are.
    pub present: &'a Present,
    /// Whether there is to be a set.
    pub set: Enabled,
    /// What the set is to hold.
    pub desired: &'a Desired,
}

/// Looks at all of it.
pub fn look(programs: &dyn Programs, wish: &Wish<'_>) -> Vec<Check> {
    let mut checks = match wish.driver {
        Driver::Iptables => iptables(programs, wish),
        Driver::Nftables => nftables(programs, wish),
    };
    checks.extend(look_at_set(programs, wish));
    checks
}

fn iptables(programs: &dyn Programs, wish: &Wish<'_>) -> Vec<Check> {
    let name = "iptables";
    let iptables = match Iptables::find(programs) {
        Ok(iptables) => iptables,
        Err(why) => {
            let mend = "apt-get install iptables; update-alternatives --config iptables";
            let found = format!("{why}; only the firewall service can load the rows, which is slow");
            return vec![Check::warning(name, found, mend), Check::unknown("rules", "cannot ask iptables")];
        }
    };
    let face = match iptables.backend() {
        Backend::Nft => "iptables on nf_tables",
        Backend::Legacy => "iptables on the older tables (legacy)",
    };
    let mut checks = vec![match iptables.is_in_the_other_backend() {
        None => Check::ok(name, face),
        Some(other) => {
            let mend =
                "update-alternatives --config iptables, then restart the machine, so that only one is in use";
            Check::warning(name, format!("{face}, but {other}: two firewalls at once"), mend)
        }
    }];
    checks.push(match iptables.save() {
        Err(why) => Check::error(
            "rules",
            Lack::Reach,
            why,
            "banbridge doctor again; if the error stays: fwconsole firewall start",
        ),
        Ok(save) => {
            let snapshot = Snapshot::new(&save);
            let wanted = Wanted::new(wish.present);
            let difference = snapshot.compare(&wanted);
            rules(wish.no_rules, snapshot.unusable(), snapshot.above(), difference, wanted.len())
        }
    });
    checks
}

/// Judges the chain of the firewall's blacklist.
fn rules(
    no_rules: Option<&str>,
    unusable: Option<&str>,
    above: Option<&str>,
    difference: Difference,
    wanted: usize,
) -> Check {
    let name = "rules";
    if let Some(why) = no_rules {
        return Check::unknown(name, format!("{why}, so there are no rules"));
    }
    if let Some(why) = unusable {
        return Check::error(name, Lack::Reach, why, "fwconsole firewall start");
    }
    if let Some(rule) = above {
        let found = format!(
            "a rule stands in INPUT above the firewall's ({rule}): unless custom rules are enabled, the firewall \
             removes all its rules and starts again, on each pass"
        );
        let mend = "banbridge doctor --disable-old-client for the rule of an old client; else iptables -D INPUT with that rule";
        return Check::warning(name, found, mend);
    }
    if difference.is_none() {
        Check::ok(name, format!("the kernel has {} of the firewall blacklist", all_rows(wanted)))
    } else {
        Check::warning(name, difference.to_string(), APPLY)
    }
}

fn nftables(programs: &dyn Programs, wish: &Wish<'_>) -> Vec<Check> {
    let mut checks = vec![Check::ok("iptables", "not used: this firewall uses nftables")];
    checks.push(if let Some(why) = wish.no_rules {
        Check::unknown("rules", format!("{why}, so there are no rules"))
    } else {
        match module_sets::read(programs) {
            Ok(sets) if sets.holds(wish.present) => {
                let number = wish.present.ours.len() + wish.present.others.len();
                Check::ok("rules", format!("the kernel has {} of the firewall blacklist", all_rows(number)))
            }
            Ok(_) => Check::warning("rules", "the firewall's sets differ from the firewall blacklist", APPLY),
            Err(why) => Check::error("rules", Lack::Reach, why, "fwconsole firewall start"),
        }
    });
    checks
}

fn all_rows(number: usize) -> String {
    match number {
        0 | 1 => format!("the {}", count(number, "row", "rows")),
        _ => format!("all {}", count(number, "row", "rows")),
    }
}

/// The second place that blocks.
fn look_at_set(programs: &dyn Programs, wish: &Wish<'_>) -> Vec<Check> {
    let set = match Set::open(programs, Path::new(set::DIRECTORY)) {
        Ok(set) => set,
        Err(SetError::Denied(why)) => {
            let mend = "run it as root, and not in a container without NET_ADMIN";
            return vec![
                Check::error("means", Lack::Right, why, mend),
                Check::unknown("set", "cannot ask the kernel"),
            ];
        }
        Err(error) => return without_means(wish.set, &error),
    };
    let means = match set.why_not_nft() {
        None => Check::ok("means", set.backend().word()),
        Some(why) => Check::ok("means", format!("{}, because nft cannot be used: {why}", set.backend())),
    };
    let held = set.held();
    let found = held.map(|held| (held.holds_exactly(wish.desired), held.blocked.len(), held.notes.clone()));
    vec![means, judge_set(wish.set, wish.enabled, found, wish.desired.blocked().len())]
}

fn without_means(wished: Enabled, error: &SetError) -> Vec<Check> {
    let found = error.to_string();
    let mend = "apt-get install nftables, or yum install ipset; or [set] enabled = \"no\"";
    vec![match wished {
        Enabled::Yes => Check::error("means", Lack::Reach, found, mend),
        Enabled::Auto => {
            let found = format!("{found}; IPv6, and addresses over the row limit, are not blocked");
            Check::warning("means", found, mend)
        }
        Enabled::No => Check::ok("means", "none, as configured"),
    }]
}

/// `found`: whether the set holds exactly what it is to hold, how many prefixes it blocks, and what does not work.
fn judge_set(
    wished: Enabled,
    enabled: bool,
    found: Option<(bool, usize, Vec<String>)>,
    wanted: usize,
) -> Check {
    let name = "set";
    match (wished, found) {
        (Enabled::No, None) => Check::ok(name, "none, as configured"),
        (Enabled::No, Some(_)) => Check::warning(name, "the kernel has one, but none is configured", APPLY),
        (_, None) if !enabled => Check::unknown(name, "the firewall is disabled, so there is no kernel set"),
        (_, None) => Check::error(name, Lack::Reach, "the kernel has none", APPLY),
        (_, Some((true, size, notes))) => match notes.first() {
            None => Check::ok(name, format!("it has all {size} addresses and networks to block")),
            Some(note) => Check::warning(name, note.clone(), APPLY),
        },
        (_, Some((false, size, _))) => {
            let found =
                format!("it has {size} addresses and networks, and they differ from the {wanted} to block");
            Check::warning(name, found, APPLY)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn rules_are_judged_only_where_there_can_be_some() {
        let none = Difference::default();
        let missing = Difference { missing: 2, ..none };
        let of =
            |no_rules, unusable, above, difference| rules(no_rules, unusable, above, difference, 5).state;
        assert_eq!(of(None, None, None, none), State::Ok);
        assert_eq!(of(Some("off"), Some("x"), None, missing), State::Unknown);
        assert_eq!(of(None, Some("x"), None, none), State::Error);
        assert_eq!(of(None, None, Some("-j APIBAN"), none), State::Warning);
        assert_eq!(of(None, None, None, missing), State::Warning);
    }

    #[test]
    fn a_set_is_judged_by_what_was_wished() {
        let holds = |all| Some((all, 3, Vec::new()));
        let table = [
            (Enabled::Auto, true, holds(true), State::Ok),
            (Enabled::Auto, true, holds(false), State::Warning),
            (Enabled::Auto, true, Some((true, 3, vec!["x".to_owned()])), State::Warning),
            (Enabled::Auto, true, None, State::Error),
            (Enabled::Auto, false, None, State::Unknown),
            (Enabled::No, true, None, State::Ok),
            (Enabled::No, true, holds(true), State::Warning),
        ];
        for (wished, enabled, found, state) in table {
            assert_eq!(judge_set(wished, enabled, found.clone(), 3).state, state, "{wished:?} {found:?}");
        }
        let error = SetError::NoMeans { nft: "a".into(), ipset: "b".into() };
        let of = |wished| without_means(wished, &error)[0].state;
        assert_eq!(
            [Enabled::Yes, Enabled::Auto, Enabled::No].map(of),
            [State::Error, State::Warning, State::Ok]
        );
    }
}
