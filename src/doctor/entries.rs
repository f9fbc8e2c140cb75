//! The administrator's own entries that do nothing, or harm: shown, never changed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Check, Lack};
use crate::ban::plan::{Driver, Present};
use crate::ban::target::{self, Target};
use crate::kernel::module_sets;
use crate::system::text::count;

/// Entries of one kind that are named.
const NAMED: usize = 10;

/// Why an entry does nothing, or less than it seems to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Neither an address, a network nor a name.
    Unreadable,
    /// IPv6 with the iptables driver.
    Ipv6,
    /// A network that the module passes over.
    TooWide,
    /// A network that is half the internet, and that the module takes.
    Everything,
    /// Host bits are set: the daemon adds and removes its rule on each pass.
    HostBits,
    /// The same as another entry in other words.
    Twice,
    /// All of it is in another entry.
    Inside,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "neither an address, a network nor a name, so passed over",
            Self::Ipv6 => "IPv6, which this firewall never blocks and tries again on each pass",
            Self::TooWide => "wider than /8, so the firewall ignores it",
            Self::Everything => "wider than /8: it blocks a large part of the internet",
            Self::HostBits => "with host bits, so the firewall removes and adds it on each pass",
            Self::Twice => "the same as another row",
            Self::Inside => "inside another row",
        })
    }
}

/// Looks through the blacklist.
pub fn look(present: &Present, driver: Driver) -> Vec<Check> {
    let name = "entries";
    let mut by_fault: BTreeMap<Fault, Vec<&str>> = BTreeMap::new();
    for (key, fault) in faults(present, driver) {
        by_fault.entry(fault).or_default().push(key);
    }
    let number = present.others.len();
    let mut checks = vec![if by_fault.is_empty() {
        Check::ok(name, format!("no fault in your {}", count(number, "row", "rows")))
    } else {
        let kinds: Vec<String> =
            by_fault.iter().map(|(fault, keys)| format!("{} ({fault})", some(keys))).collect();
        let mend = "FreePBX, Connectivity, Firewall, Services, Blacklist: remove them, or write them as a plain network";
        Check::warning(name, format!("of your rows: {}", kinds.join("; ")), mend)
    }];
    if driver == Driver::Nftables {
        checks.push(match module_sets::overlap(present) {
            None => Check::ok("overlaps", "no two rows overlap"),
            Some(overlap) => {
                let out = if overlap.inner.ours { &overlap.outer.key } else { &overlap.inner.key };
                let mend = format!("fwconsole firewall del blacklist {out}");
                Check::error("overlaps", Lack::Setting, overlap.to_string(), mend)
            }
        });
    }
    checks
}

/// The first few, and how many more.
fn some(keys: &[&str]) -> String {
    let more = match keys.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    keys.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ") + &more
}

fn faults(present: &Present, driver: Driver) -> Vec<(&str, Fault)> {
    let mut found = Vec::new();
    let mut nets: Vec<(IpNet, &str)> = Vec::new();
    for row in &present.others {
        let key = row.key.as_str();
        let Some(net) = network(key) else {
            if !matches!(target::target(key), Some(Target::Name(_))) {
                found.push((key, Fault::Unreadable));
            }
            continue;
        };
        let iptables = driver == Driver::Iptables;
        match net {
            IpNet::V6(_) if iptables => found.push((key, Fault::Ipv6)),
            _ if net.prefix_len() < 8 && iptables => found.push((key, Fault::TooWide)),
            _ if net.prefix_len() < 8 => found.push((key, Fault::Everything)),
            _ => {
                if iptables && net != net.trunc() {
                    found.push((key, Fault::HostBits));
                }
                nets.push((net.trunc(), key));
            }
        }
    }
    // In this order a network stands before all that lies in it, and equal ones side by side.
    nets.sort_by_key(|(net, _)| (matches!(net, IpNet::V6(_)), net.network(), net.prefix_len()));
    let mut outer: Option<IpNet> = None;
    for (net, key) in nets {
        match outer {
            Some(wide) if wide == net => found.push((key, Fault::Twice)),
            // With FreePBX 18 that is worse than useless, and said as an overlap.
            Some(wide) if wide.contains(&net) => {
                if driver == Driver::Iptables {
                    found.push((key, Fault::Inside));
                }
            }
            _ => outer = Some(net),
        }
    }
    found
}

/// The network as the administrator wrote it, bits behind its length included.
fn network(key: &str) -> Option<IpNet> {
    key.parse::<IpNet>().or_else(|_| key.parse::<IpAddr>().map(IpNet::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::ban::plan::OtherRow;

    fn present(keys: &[&str]) -> Present {
        let row =
            |key: &&str| OtherRow { key: (*key).to_owned(), prefixes: key.parse().into_iter().collect() };
        Present { others: keys.iter().map(row).collect(), ..Present::default() }
    }

    #[test]
    fn what_an_entry_does_depends_on_the_driver() {
        let table: [(&[&str], &[Fault], &[Fault]); 9] = [
            (&["203.0.113.5", "host.example.com", "198.51.100.0/24"], &[], &[]),
            (&["2001:db8::5"], &[Fault::Ipv6], &[]),
            (&["0.0.0.0/0"], &[Fault::TooWide], &[Fault::Everything]),
            (&["203.0.113.77/24"], &[Fault::HostBits], &[]),
            (&["203.0.113.5", "203.0.113.5/32"], &[Fault::Twice], &[Fault::Twice]),
            (&["203.0.113.0/24", "203.0.113.5"], &[Fault::Inside], &[]),
            (&["203.0.113.0/24", "203.0.113.0/25", "203.0.113.9"], &[Fault::Inside, Fault::Inside], &[]),
            (&["203.0.113.5/33", "x y"], &[Fault::Unreadable, Fault::Unreadable], &[Fault::Unreadable; 2]),
            (&["203.0.113.0/24", "203.0.114.0/24"], &[], &[]),
        ];
        for (keys, iptables, nftables) in table {
            let of = |driver| -> Vec<Fault> {
                faults(&present(keys), driver).into_iter().map(|(_, fault)| fault).collect()
            };
            assert_eq!(of(Driver::Iptables), iptables, "{keys:?}");
            assert_eq!(of(Driver::Nftables), nftables, "{keys:?}");
        }
    }

    #[test]
    fn with_nftables_an_overlap_is_bad_and_the_mend_names_an_entry_of_the_administrator() {
        let mut rows = present(&["203.0.113.0/24"]);
        assert_eq!(look(&rows, Driver::Nftables)[1].state, State::Ok);
        rows.ours.insert("203.0.113.5".into());
        let check = look(&rows, Driver::Nftables).remove(1);
        assert_eq!(check.state, State::Error);
        assert_eq!(check.fix.unwrap(), "fwconsole firewall del blacklist 203.0.113.0/24");
    }

    #[test]
    fn many_entries_are_counted() {
        let keys: Vec<String> = (0..13).map(|n| format!("2001:db8::{n}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let check = look(&present(&keys), Driver::Iptables).remove(0);
        assert_eq!(check.state, State::Warning);
        assert!(check.found.contains("2001:db8::9 and 3 more (IPv6"), "{}", check.found);
    }
}
