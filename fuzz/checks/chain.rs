//! What iptables-save prints of the module's chain, and rows of its blacklist: lines `our KEY`, and `row KEY PREFIX...`
//! for one of the administrator's. The other lines are the saved table.

use std::collections::BTreeSet;

use banbridge::ban::plan::{OtherRow, Present};
use banbridge::ban::target::as_nftables_reads;
use banbridge::kernel::chain::{CHAIN, Snapshot, Wanted};
use banbridge::kernel::module_sets::overlap;
use ipnet::{IpNet, Ipv4Net};

use super::text;

fn parts(text: &str) -> (Present, String) {
    let mut present = Present { ours: BTreeSet::new(), others: Vec::new() };
    let mut save = String::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("our"), Some(key)) => {
                present.ours.insert(key.to_owned());
            }
            (Some("row"), Some(key)) => {
                let prefixes = words.filter_map(|word| word.parse().ok()).collect();
                present.others.push(OtherRow { key: key.to_owned(), prefixes });
            }
            _ => save += &format!("{line}\n"),
        }
    }
    (present, save)
}

pub fn read(data: &[u8]) {
    let (present, save) = parts(&text(data));
    let (wanted, snapshot) = (Wanted::new(&present), Snapshot::new(&save));
    let _ = (snapshot.compare(&wanted), snapshot.restore(&wanted), overlap(&present));
}

pub fn check(data: &[u8]) {
    let (present, save) = parts(&text(data));
    let (wanted, snapshot) = (Wanted::new(&present), Snapshot::new(&save));
    let script = snapshot.restore(&wanted);
    // Root runs it: nothing in it but the flush and rules in the daemon's words.
    let mut rules = script
        .strip_prefix(&format!("*filter\n-F {CHAIN}\n"))
        .and_then(|script| script.strip_suffix("COMMIT\n"))
        .expect("a transaction")
        .lines();
    let is_rule = |line: &str| {
        let network = line
            .strip_prefix("-A fpbxblacklist -s ")
            .and_then(|rest| rest.strip_suffix(" -j REJECT --reject-with icmp-port-unreachable"));
        network.and_then(|network| network.parse::<Ipv4Net>().ok()).is_some()
    };
    assert!(rules.all(is_rule), "{script}");
    // Carried out, it leaves nothing to do.
    let after = script.replace(&format!("-F {CHAIN}\n"), &format!(":{CHAIN} - [0:0]\n"));
    let after = Snapshot::new(&after);
    assert!(after.has_chain());
    let difference = after.compare(&wanted);
    assert!(difference.is_none(), "{difference}");
    assert_eq!(after.restore(&wanted), script);
    // Two rows that overlap are found wherever they stand; equal ones are none.
    if present.ours.len() + present.others.len() <= 16 {
        let nets = nets(&present);
        let apart =
            |one: &IpNet, other: &IpNet| one == other || !(one.contains(other) || other.contains(one));
        let any = nets.iter().any(|one| nets.iter().any(|other| !apart(one, other)));
        assert_eq!(overlap(&present).is_some(), any);
    }
}

/// What the rows block: networks as they are, and what names resolve to.
fn nets(present: &Present) -> Vec<IpNet> {
    let net = as_nftables_reads;
    let ours = present.ours.iter().filter_map(|key| net(key));
    let foreign = present.others.iter().flat_map(|row| match net(&row.key) {
        Some(net) => vec![net],
        None => row.prefixes.iter().map(banbridge::ban::Prefix::net).collect(),
    });
    ours.chain(foreign).collect()
}
