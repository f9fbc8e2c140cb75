//! Widening: a network is blocked for what several of its addresses did, where an administrator asked for that.
//!
//! What comes out is wanted like any other prefix, so it is carved around all that must get through, and it is made
//! anew from the entries each time, so it narrows by itself when they expire.

use super::wanted::FeedPolicy;
use super::{Entry, Prefix};

/// When a feed's entries widen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widening {
    /// How the feed's entries count.
    pub feed_policy: FeedPolicy,
    /// So many listed addresses in one network.
    pub at_least: usize,
    /// The length of that network; never shorter than [`SHORTEST`].
    pub to: u8,
}

/// The widest network that is blocked for what addresses in it did.
pub const SHORTEST: u8 = 20;

/// A network that is wanted for what its addresses did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widened {
    /// The network.
    pub network: Prefix,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// Place of the feed in the configuration.
    pub priority: u16,
    /// The entries that are the reason.
    pub because: Vec<Entry>,
}

impl Widened {
    /// The first sighting of any of its addresses.
    pub fn first_seen(&self) -> i64 {
        self.because.iter().map(super::entry::Entry::first_seen).min().unwrap_or(0)
    }

    /// The latest sighting of any of its addresses.
    pub fn last_seen(&self) -> i64 {
        self.because.iter().map(super::entry::Entry::last_seen).max().unwrap_or(0)
    }
}

/// The networks that entries widen to at `now`. IPv4 only: in IPv6 one line has a network of its own.
pub fn widen(entries: &[Entry], widening: &Widening, now: i64) -> Vec<Widened> {
    let to = widening.to.max(SHORTEST);
    let of = |entry: &Entry| {
        let net = match entry.prefix.net() {
            ipnet::IpNet::V4(net) if net.prefix_len() > to => net,
            _ => return None,
        };
        ipnet::Ipv4Net::new(net.addr(), to).ok().map(Prefix::from)
    };
    let mut found: Vec<Widened> = Vec::new();
    let mut run: Option<Widened> = None;
    let mut close = |run: Option<Widened>| {
        found.extend(run.filter(|run| run.because.len() >= widening.at_least.max(2)));
    };
    // The entries are sorted, so those of one network follow each other.
    for entry in entries.iter().filter(|entry| widening.feed_policy.holds(entry, now)) {
        let Some(network) = of(entry) else { continue };
        match &mut run {
            Some(run) if run.network == network => run.because.push(*entry),
            _ => {
                close(run.take());
                let (feed, priority) = (entry.feed, widening.feed_policy.priority);
                run = Some(Widened { network, feed, priority, because: vec![*entry] });
            }
        }
    }
    close(run);
    found
}

#[cfg(test)]
mod tests {
    use crate::ban::entry::Said;
    use crate::ban::width::Widest;
    use proptest::prelude::*;

    use super::*;
    use crate::ban::wanted;

    const POLICY: FeedPolicy = FeedPolicy {
        feed: 7,
        priority: 1,
        ttl: 100,
        held_since: None,
        wide: false,
        widest: Widest { v4: 16, v6: 32 },
        quorum: crate::ban::wanted::Quorum { group: 0, agree: 0, trusted: false },
    };

    fn entries(of: &[(&str, u16, i64)]) -> Vec<Entry> {
        let mut all: Vec<Entry> = of
            .iter()
            .map(|(prefix, feed, last_seen)| {
                Entry::from(Said {
                    prefix: prefix.parse().unwrap(),
                    feed: *feed,
                    first_seen: *last_seen,
                    last_seen: *last_seen,
                    expires_at: last_seen + 100,
                })
            })
            .collect();
        wanted::sort(&mut all);
        all
    }

    fn shown(of: &[(&str, u16, i64)], at_least: usize, to: u8, now: i64) -> Vec<String> {
        let widening = Widening { feed_policy: POLICY, at_least, to };
        widen(&entries(of), &widening, now)
            .iter()
            .map(|w| format!("{} {} {}", w.network, w.because.len(), w.last_seen()))
            .collect()
    }

    #[test]
    fn enough_addresses_of_one_feed_widen_to_their_network_and_it_narrows_again() {
        let of = [
            ("45.0.0.1", 7, 0),
            ("45.0.0.9", 7, 5),
            ("45.0.0.77", 7, 9),
            ("45.0.1.1", 7, 9),
            ("45.0.1.2", 3, 9),
        ];
        assert_eq!(shown(&of, 3, 24, 50), ["45.0.0.0/24 3 9"]);
        assert_eq!(shown(&of, 2, 24, 50), ["45.0.0.0/24 3 9"], "another feed does not count");
        assert_eq!(shown(&of, 4, 24, 50), [""; 0]);
        assert_eq!(shown(&of, 4, 20, 50), ["45.0.0.0/20 4 9"]);
        assert_eq!(shown(&of, 4, 8, 50), ["45.0.0.0/20 4 9"], "never shorter than /20");
        assert_eq!(shown(&of, 3, 24, 100), [""; 0], "the first is over");
    }

    #[test]
    fn networks_as_wide_and_ipv6_do_not_count() {
        let of = [("45.0.0.0/24", 7, 0), ("45.0.0.1", 7, 0), ("2a05::1", 7, 0), ("2a05::2", 7, 0)];
        assert_eq!(shown(&of, 2, 24, 50), [""; 0]);
    }

    proptest! {
        #[test]
        fn every_widened_network_has_its_reasons_and_no_other_is_widened(
            hosts in prop::collection::btree_set(0u32..4_096, 0..200), at_least in 2usize..6, to in 20u8..=30
        ) {
            let texts: Vec<String> = hosts.iter().map(|n| format!("45.0.{}.{}", n >> 8, n & 255)).collect();
            let all: Vec<(&str, u16, i64)> = texts.iter().map(|text| (text.as_str(), 7, 0)).collect();
            let widened = widen(&entries(&all), &Widening { feed_policy: POLICY, at_least, to }, 50);
            for (network, count) in hosts.iter().fold(std::collections::BTreeMap::new(), |mut counts, n| {
                *counts.entry(n >> (32 - to)).or_insert(0usize) += 1;
                counts
            }) {
                let first = format!("45.0.{}.{}", (network << (32 - to)) >> 8, (network << (32 - to)) & 255);
                let host: Prefix = first.parse().unwrap();
                let found = widened.iter().find(|w| w.network.contains(&host));
                prop_assert_eq!(found.map(|w| w.because.len()), (count >= at_least).then_some(count));
            }
            for w in &widened {
                prop_assert_eq!(w.network.length(), to);
                prop_assert!(w.because.iter().all(|e| w.network.contains(&e.prefix)));
            }
        }
    }
}
