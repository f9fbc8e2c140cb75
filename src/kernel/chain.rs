//! What the chain `fpbxblacklist` must hold, and the one `iptables-restore` that brings it there.
//!
//! The daemon compares the text of its rules with the text of `iptables-save`, and starts a process for each that is
//! missing and for each that is left over (drivers/Iptables.class.php, updateBlacklist). A chain that already holds
//! exactly its rules, in its own words, costs it nothing. Two equal rules count as one for it, so it never takes a
//! doubled one away; we do.
//!
//! All here is pure: text in, text out. IPv6 is not touched at all: ip6tables refuses the daemon's reject type, so it
//! has no rules for IPv6 and never will.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::table::{self, Line};
use crate::ban::Prefix;
use crate::ban::plan::Present;
use crate::ban::target::{self, Target};

/// The module's chain.
pub const CHAIN: &str = "fpbxblacklist";
/// What the daemon writes behind the network, as iptables-save prints it.
const REJECT: &str = " -j REJECT --reject-with icmp-port-unreachable";
/// The daemon ignores networks that are shorter.
const SHORTEST: u8 = 8;
/// Addresses that a host name can plausibly stand for. More unexplained rules than this for each name are no
/// name's, but left over from an interrupted change.
const ADDRESSES_OF_A_NAME: usize = 32;

/// The rules that the daemon will want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Rules of rows that are addresses or networks, in order and each once: the administrator's first.
    required: Vec<Ipv4Net>,
    /// What the administrator's names resolve to as far as we know. The daemon asks the resolver itself and may get
    /// another answer, so these are neither asked for nor objected to.
    named: Vec<Ipv4Net>,
    /// How many rows are names.
    names: usize,
    /// Networks that two rows want. The daemon adds such a rule anew on every pass; that is not ours to mend.
    twice: HashSet<Ipv4Net>,
}

impl Wanted {
    /// From the rows as they are in the table.
    pub fn new(present: &Present) -> Self {
        let mut wanted = Self::default();
        let mut seen = HashSet::with_capacity(present.ours.len() + present.others.len());
        let mut named = HashSet::new();
        for row in &present.others {
            if let Some(Target::Name(_)) = target::target(&row.key) {
                wanted.names += 1;
                for prefix in &row.prefixes {
                    if let IpNet::V4(net) = prefix.net() {
                        if named.insert(net) {
                            wanted.named.push(net);
                        } else {
                            wanted.twice.insert(net);
                        }
                    }
                }
            }
        }
        let others = present.others.iter().map(|row| row.key.as_str());
        // In the order of the addresses, so that the same rows always give the same text.
        let mut ours: Vec<Ipv4Net> = present.ours.iter().filter_map(|key| rule_of_key(key)).collect();
        ours.sort_unstable();
        for net in others.filter_map(rule_of_key).chain(ours) {
            if seen.insert(net) {
                wanted.required.push(net);
            } else {
                wanted.twice.insert(net);
            }
        }
        wanted.twice.extend(wanted.named.iter().filter(|net| seen.contains(*net)));
        wanted.named.retain(|net| !seen.contains(net));
        wanted
    }

    /// How many rules must be there.
    pub fn len(&self) -> usize {
        self.required.len()
    }

    /// Whether no rule must be there.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty()
    }

    /// Whether rows are host names, whose addresses only the daemon knows for sure.
    pub fn has_names(&self) -> bool {
        self.names > 0
    }
}

/// The rule that the daemon makes of a row that is an address or a network, or nothing where it makes none: IPv6 by
/// its look, also where that holds an IPv4 address, and networks shorter than /8. A row with host bits set never
/// matches for the daemon; iptables clears them.
fn rule_of_key(key: &str) -> Option<Ipv4Net> {
    let (address, length) = match key.split_once('/') {
        Some((address, length)) => (address, length.parse().ok()?),
        None => (key, 32),
    };
    let net = Ipv4Net::new(address.parse::<Ipv4Addr>().ok()?, length).ok()?.trunc();
    (length >= SHORTEST).then_some(net)
}

/// The network of a rule in the daemon's words, `-s 203.0.113.5/32 -j REJECT --reject-with icmp-port-unreachable`.
fn network_of_rule(rule: &str) -> Option<Ipv4Net> {
    rule.strip_prefix("-s ")?.strip_suffix(REJECT)?.parse().ok().filter(|net: &Ipv4Net| *net == net.trunc())
}

/// What `iptables-save -t filter` says of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The chain's rules without `-A fpbxblacklist`; nothing when there is no such chain.
    rules: Option<Vec<&'a str>>,
    /// Whether packets get there: INPUT jumps to fpbxfirewall and that to the chain.
    reached: bool,
    /// A rule in INPUT above the module's that is not fail2ban's. Unless custom rules are switched on, the daemon
    /// then flushes everything and starts over, on each pass.
    above: Option<&'a str>,
}

impl<'a> Snapshot<'a> {
    /// Reads the text.
    pub fn new(save: &'a str) -> Self {
        let mut snapshot = Self::default();
        let (mut firewall, mut chain) = (false, false);
        for line in table::lines(save, "filter") {
            match line {
                Line::Chain(CHAIN) => drop(snapshot.rules.get_or_insert_default()),
                Line::Rule { chain: CHAIN, rule } => snapshot.rules.get_or_insert_default().push(rule),
                Line::Rule { chain: "INPUT", rule } => {
                    if rule == "-j fpbxfirewall" {
                        firewall = true;
                    } else if !firewall && !rule.contains("fail2ban") && !rule.contains("f2b") {
                        snapshot.above = snapshot.above.or(Some(rule));
                    }
                }
                Line::Rule { chain: "fpbxfirewall", rule } => chain |= rule == "-j fpbxblacklist",
                Line::Chain(_) | Line::Rule { .. } => {}
            }
        }
        snapshot.reached = firewall && chain;
        snapshot
    }

    /// Why the chain is not the daemon's working chain just now, if it is not.
    pub fn unusable(&self) -> Option<&'static str> {
        match (&self.rules, self.reached) {
            (None, _) => Some("the firewall has no chain fpbxblacklist; it is stopped or being rebuilt"),
            (_, false) => Some("no packet gets to the chain fpbxblacklist; the firewall is being rebuilt"),
            _ => None,
        }
    }

    /// Whether there is such a chain.
    pub fn has_chain(&self) -> bool {
        self.rules.is_some()
    }

    /// A rule in INPUT above the module's.
    pub fn above(&self) -> Option<&'a str> {
        self.above
    }

    /// The rules that are there, each with its network if it is in the daemon's words.
    fn networks(&self) -> impl Iterator<Item = Option<Ipv4Net>> {
        self.rules.iter().flatten().map(|rule| network_of_rule(rule))
    }

    /// Whether a rule of the chain blocks all of a prefix, and packets get there.
    pub fn blocks(&self, prefix: &Prefix) -> bool {
        self.unusable().is_none()
            && self.networks().flatten().any(|net| Prefix::new(net.into()).contains(prefix))
    }

    /// How the chain differs from what is wanted.
    pub fn compare(&self, wanted: &Wanted) -> Difference {
        let mut count: HashMap<Ipv4Net, usize> = HashMap::with_capacity(wanted.required.len());
        let mut difference = Difference::default();
        for network in self.networks() {
            match network {
                Some(network) => *count.entry(network).or_default() += 1,
                None => difference.extra += 1,
            }
        }
        for (network, count) in &count {
            if !wanted.twice.contains(network) {
                difference.doubled += count - 1;
            }
        }
        difference.missing = wanted.required.iter().filter(|network| count.remove(network).is_none()).count();
        for network in &wanted.named {
            count.remove(network);
        }
        if !wanted.may_be_names(count.len()) {
            difference.extra += count.len();
        }
        difference
    }

    /// The input of `iptables-restore --noflush` that makes the chain what is wanted, in one transaction.
    ///
    /// The chain is flushed by `-F` and not by a line `:fpbxblacklist`, which would make the chain where it is
    /// missing: what is missing is the daemon's to make.
    pub fn restore(&self, wanted: &Wanted) -> String {
        let mut text = String::with_capacity(80 * (wanted.required.len() + 4));
        let _ = writeln!(text, "*filter\n-F {CHAIN}");
        for network in wanted.required.iter().chain(&wanted.named) {
            let _ = writeln!(text, "-A {CHAIN} -s {network}{REJECT}");
        }
        let known: HashSet<&Ipv4Net> = wanted.required.iter().chain(&wanted.named).collect();
        let mut seen = HashSet::new();
        let unknown: Vec<Ipv4Net> =
            self.networks().flatten().filter(|net| !known.contains(net) && seen.insert(*net)).collect();
        if wanted.may_be_names(unknown.len()) {
            for network in unknown {
                let _ = writeln!(text, "-A {CHAIN} -s {network}{REJECT}");
            }
        }
        text.push_str("COMMIT\n");
        text
    }
}

impl Wanted {
    /// Whether so many rules that no row explains can be what the administrator's names resolve to.
    fn may_be_names(&self, rules: usize) -> bool {
        rules <= self.names * ADDRESSES_OF_A_NAME
    }
}

/// How a chain differs from what is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Wanted rules that are not there.
    pub missing: usize,
    /// Rules that are there more than once, without the first of each.
    pub doubled: usize,
    /// Rules that nobody wants.
    pub extra: usize,
}

impl Difference {
    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rules missing, {} doubled, {} too many", self.missing, self.doubled, self.extra)
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
