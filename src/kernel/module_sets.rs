//! The module's own sets with FreePBX 18: reading them back, and finding the two rows that stop them.
//!
//! The driver replaces the sets `blacklist` and `blacklist6` of `inet fpbx` in one transaction. They are interval sets
//! without auto-merge: one overlap among all rows, resolved names included, fails the whole of it, and but for a line
//! in its log nobody hears of it. The same network twice is no overlap, neighbours are none.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::Deserialize;

use super::element::{Printed, Span};
use crate::ban::health::evidence::Rules;
use crate::ban::plan::Present;
use crate::ban::target::{Target, as_nftables_reads, target};
use crate::ban::{Cover, Prefix};
use crate::system::program::Programs;

/// Addresses that a host name can plausibly stand for.
const ADDRESSES_OF_A_NAME: usize = 32;

/// What the two sets hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    elements: Vec<Prefix>,
}

/// Asks nft for the sets.
pub fn read(programs: &dyn Programs) -> Result<Sets, String> {
    let mut sets = Sets::default();
    for set in ["blacklist", "blacklist6"] {
        let text = super::iptables::nft(programs, &["-j", "list", "set", "inet", "fpbx", set])?;
        sets.elements.extend(
            elements(&text)
                .ok_or_else(|| format!("nft lists the firewall's set {set} in an unknown form"))?,
        );
    }
    Ok(sets)
}

/// The elements in nft's JSON of one set.
fn elements(json: &str) -> Option<Vec<Prefix>> {
    #[derive(Deserialize)]
    struct Listing {
        nftables: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        set: Option<SetItem>,
    }
    #[derive(Deserialize)]
    struct SetItem {
        #[serde(default)]
        elem: Vec<Printed>,
    }
    let listing: Listing = serde_json::from_str(json).ok()?;
    let set = listing.nftables.into_iter().find_map(|item| item.set)?;
    let mut all = Vec::new();
    for element in set.elem {
        match element.span {
            Span::Net(net) => all.extend(Prefix::of_sources(net)),
            Span::Range(IpAddr::V4(first), IpAddr::V4(last)) => {
                all.extend(Ipv4Subnets::new(first, last, 0).map(Prefix::from));
            }
            Span::Range(IpAddr::V6(first), IpAddr::V6(last)) => {
                all.extend(
                    Ipv6Subnets::new(first, last, 0).filter_map(|net| Prefix::of_sources(IpNet::V6(net))),
                );
            }
            Span::Range(..) => return None,
        }
    }
    Some(all)
}

impl Sets {
    /// Whether the sets hold all of a prefix.
    pub fn hold(&self, prefix: &Prefix) -> bool {
        Cover::new(&self.elements).contains(prefix)
    }

    /// Whether the sets hold what the rows say.
    pub fn holds(&self, rows: &Present) -> bool {
        self.compare(rows) == Rules::Match
    }

    /// How the sets differ from what the rows say. What a name resolves to is neither asked for nor objected to: the
    /// daemon may have got another answer than we.
    pub fn compare(&self, rows: &Present) -> Rules {
        let keys = rows.others.iter().map(|row| row.key.as_str()).chain(rows.ours.iter().map(String::as_str));
        let wanted: Vec<Prefix> = keys.filter_map(as_nftables_reads).filter_map(Prefix::of_sources).collect();
        let there = Cover::new(&self.elements);
        let missing = wanted.iter().filter(|prefix| !there.contains(prefix)).count();
        let names = rows.others.iter().filter(|row| matches!(target(&row.key), Some(Target::Name(_))));
        let named: Vec<Prefix> = names.clone().flat_map(|row| row.prefixes.iter().copied()).collect();
        let known = Cover::new(wanted.iter().chain(&named));
        let unknown = self.elements.iter().filter(|element| !known.contains(element)).count();
        let extra = if unknown <= names.count() * ADDRESSES_OF_A_NAME { 0 } else { unknown };
        match (missing, extra) {
            (0, 0) => Rules::Match,
            (missing, extra) => Rules::Differ { missing, extra },
        }
    }
}

/// One of two rows that overlap.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Party {
    /// The row's key.
    pub key: String,
    /// What it blocks: itself, or one of the addresses that its name resolves to.
    pub prefix: String,
    /// Whether the row is ours.
    pub ours: bool,
}

/// Two rows that overlap and so stop every update of the blacklist with FreePBX 18.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    /// The wider one.
    pub outer: Party,
    /// The one inside it.
    pub inner: Party,
}

impl Overlap {
    /// Whether a row of ours takes part.
    pub fn ours(&self) -> bool {
        self.outer.ours || self.inner.ours
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key == self.prefix {
            write!(f, "{}", self.key)
        } else {
            write!(f, "{} ({})", self.key, self.prefix)
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the blacklist's entries {} and {} overlap, and with this firewall that stops every change of the \
             blacklist: take one of them out",
            self.outer, self.inner
        )
    }
}

/// Finds the first two rows that overlap, in the order of their addresses.
pub fn overlap(rows: &Present) -> Option<Overlap> {
    struct Range<'a> {
        ipv6: bool,
        first: u128,
        last: u128,
        net: IpNet,
        key: &'a str,
        ours: bool,
    }
    let range = |net: IpNet, key, ours| {
        let (first, last) = match net {
            IpNet::V4(net) => (u32::from(net.network()).into(), u32::from(net.broadcast()).into()),
            IpNet::V6(net) => (net.network().into(), net.broadcast().into()),
        };
        Range { ipv6: matches!(net, IpNet::V6(_)), first, last, net, key, ours }
    };
    let mut all: Vec<Range<'_>> = Vec::with_capacity(rows.ours.len() + rows.others.len());
    for row in &rows.others {
        match as_nftables_reads(&row.key) {
            Some(net) => all.push(range(net, row.key.as_str(), false)),
            None => {
                all.extend(row.prefixes.iter().map(|prefix| range(prefix.net(), row.key.as_str(), false)));
            }
        }
    }
    all.extend(rows.ours.iter().filter_map(|key| Some(range(as_nftables_reads(key)?, key.as_str(), true))));
    // In this order a network stands before all that lies in it.
    all.sort_by(|a, b| (a.ipv6, a.first, b.last, a.key).cmp(&(b.ipv6, b.first, a.last, b.key)));
    let party = |range: &Range<'_>| {
        let host = range.net.prefix_len() == range.net.max_prefix_len();
        let prefix = if host { range.net.addr().to_string() } else { range.net.to_string() };
        Party { key: range.key.to_owned(), prefix, ours: range.ours }
    };
    // Networks are nested or apart, so an overlap always shows between two that follow one another, once those that
    // are equal count as one.
    all.windows(2).find_map(|pair| {
        let [outer, inner] = pair else { return None };
        let apart = outer.ipv6 != inner.ipv6 || inner.first > outer.last;
        let same = (outer.first, outer.last) == (inner.first, inner.last);
        (!apart && !same).then(|| Overlap { outer: party(outer), inner: party(inner) })
    })
}

#[cfg(test)]
#[path = "module_sets_tests.rs"]
mod tests;
