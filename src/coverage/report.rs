//! What follows from the counts: which feed listed the attackers when, what got through, and from where.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;

use super::listings::{Listings, When, when};
use super::tally::{Attacker, Hour, Tally};
use crate::ban::Prefix;

/// Attackers in a report.
const NAMED: usize = 10_000;
/// Networks in it.
const NETWORKS: usize = 100;
/// Protected addresses in it.
const PROTECTED: usize = 100;

/// A time, as programs read it.
fn time(at: i64) -> Option<Timestamp> {
    Timestamp::from_second(at).ok()
}

/// When attackers were listed, compared with each one's first attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many were listed already.
    pub before: usize,
    /// How many within a minute.
    pub at: usize,
    /// How many later.
    pub after: usize,
    /// How many neither then nor later.
    pub never: usize,
    /// Of those later: seconds until half of them were.
    pub after_median_s: Option<i64>,
    /// Of those later: seconds until the last was.
    pub after_most_s: Option<i64>,
}

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedItem {
    /// Its name.
    pub feed: String,
    /// Since when anything is known of it.
    pub known_since: Option<Timestamp>,
    /// Attempts while it listed the attacker: it would have stopped them by itself.
    pub stopped: u64,
    /// Of them: while no other feed did.
    pub stopped_alone: u64,
    /// When it listed the attackers.
    #[serde(flatten)]
    pub listed: Listed,
}

/// One attacker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttackerItem {
    /// The address.
    pub address: IpAddr,
    /// All attempts.
    pub attempts: u64,
    /// The attempts while no feed listed it.
    pub unlisted: u64,
    /// Lines of all logs about them.
    pub lines: u64,
    /// The first attempt.
    pub first: Option<Timestamp>,
    /// The last attempt.
    pub last: Option<Timestamp>,
    /// `before`, `at`, `after` or `never`: when the first feed listed it.
    pub listed: &'static str,
    /// How many seconds after the first attempt, if it was later.
    pub after_s: Option<i64>,
    /// The feeds that listed it at the first attempt or later.
    pub feeds: Vec<String>,
}

/// One network: a /24, or a /48 of IPv6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkItem {
    /// The network.
    pub network: Prefix,
    /// Attackers in it.
    pub attackers: usize,
    /// Their attempts.
    pub attempts: u64,
    /// The attempts while no feed listed the attacker.
    pub unlisted: u64,
}

/// A protected address that was rejected: usually a phone with a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedItem {
    /// The address.
    pub address: IpAddr,
    /// How often it was rejected.
    pub attempts: u64,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The last time.
    pub last: Option<Timestamp>,
}

/// Attempts of one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HourItem {
    /// When it began.
    pub at: Option<Timestamp>,
    /// While a feed listed the attacker.
    pub listed: u64,
    /// While no feed did.
    pub unlisted: u64,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Attackers that were counted one by one.
    pub attackers: usize,
    /// Attackers with an attempt while no feed listed them.
    pub attackers_unlisted: usize,
    /// All attempts.
    pub attempts: u64,
    /// Attempts while a feed listed the attacker.
    pub listed: u64,
    /// Attempts while no feed did: they get through even if every feed is enabled.
    pub unlisted: u64,
    /// Attempts of attackers that were not counted one by one; they are in the totals only.
    pub left_out: u64,
    /// All feeds together.
    pub any_feed: Listed,
    /// Each feed.
    pub feeds: Vec<FeedItem>,
    /// The busiest networks, first those with the most attempts while no feed listed the attacker.
    pub networks: Vec<NetworkItem>,
    /// How many networks there are.
    pub networks_total: usize,
    /// Attackers, in the same order.
    pub worst: Vec<AttackerItem>,
    /// Protected addresses that were rejected.
    pub protected: Vec<ProtectedItem>,
    /// Attempts by the hour; hours without any are left out.
    pub hours: Vec<HourItem>,
}

/// Reports what was counted. `feeds` are the names of the feeds, by their place.
pub fn report(tally: &Tally<'_>, listings: &Listings, feeds: &[String]) -> Report {
    let mut any = Times::default();
    let mut each: Vec<Times> = feeds.iter().map(|_| Times::default()).collect();
    let mut networks: HashMap<Prefix, NetworkItem> = HashMap::new();
    let mut all: Vec<(&IpAddr, &Attacker)> =
        tally.attackers.iter().filter(|(_, attacker)| !attacker.protected).collect();
    all.sort_unstable_by_key(|(address, a)| (u64::MAX - a.unlisted, u64::MAX - a.attempts, **address));
    let mut worst = Vec::with_capacity(all.len().min(NAMED));
    for (address, attacker) in &all {
        let found = when(attacker.first, &listings.spans(**address));
        any.add(found);
        let mut of = Vec::new();
        for ((place, name), times) in (0u16..).zip(feeds).zip(&mut each) {
            let found = when(attacker.first, &listings.spans_of(place, **address));
            times.add(found);
            if found != When::Never {
                of.push(name.clone());
            }
        }
        let network = network(**address);
        let new = NetworkItem { network, attackers: 0, attempts: 0, unlisted: 0 };
        let network = networks.entry(network).or_insert(new);
        network.attackers += 1;
        network.attempts += attacker.attempts;
        network.unlisted += attacker.unlisted;
        if worst.len() < NAMED {
            worst.push(attacker_item(**address, attacker, found, of));
        }
    }
    let networks_total = networks.len();
    let mut networks: Vec<NetworkItem> = networks.into_values().collect();
    networks.sort_unstable_by_key(|n| (u64::MAX - n.unlisted, u64::MAX - n.attempts, n.network));
    networks.truncate(NETWORKS);
    let each = feeds.iter().zip(each).zip(0u16..).map(|((feed, times), place)| FeedItem {
        feed: feed.clone(),
        known_since: listings.known_since(place).and_then(time),
        stopped: tally.stopped.get(&place).map_or(0, |stopped| stopped.attempts),
        stopped_alone: tally.stopped.get(&place).map_or(0, |stopped| stopped.alone),
        listed: times.listed(),
    });
    Report {
        attackers: all.len(),
        attackers_unlisted: all.iter().filter(|(_, attacker)| attacker.unlisted > 0).count(),
        attempts: tally.all.total(),
        listed: tally.all.listed,
        unlisted: tally.all.unlisted,
        left_out: tally.left_out,
        any_feed: any.listed(),
        feeds: each.collect(),
        networks,
        networks_total,
        worst,
        protected: protected(tally),
        hours: tally.hours.iter().map(|(hour, of)| hour_item(*hour, of)).collect(),
    }
}

fn attacker_item(address: IpAddr, attacker: &Attacker, found: When, feeds: Vec<String>) -> AttackerItem {
    let (listed, after_s) = match found {
        When::Before => ("before", None),
        When::At => ("at", None),
        When::After(seconds) => ("after", Some(seconds)),
        When::Never => ("never", None),
    };
    AttackerItem {
        address,
        attempts: attacker.attempts,
        unlisted: attacker.unlisted,
        lines: attacker.lines,
        first: time(attacker.first),
        last: time(attacker.last),
        listed,
        after_s,
        feeds,
    }
}

fn hour_item(hour: i64, of: &Hour) -> HourItem {
    HourItem { at: time(hour.saturating_mul(3_600)), listed: of.listed, unlisted: of.unlisted }
}

fn protected(tally: &Tally<'_>) -> Vec<ProtectedItem> {
    let protected = tally.attackers.iter().filter(|(_, attacker)| attacker.protected);
    let mut all: Vec<ProtectedItem> = protected
        .map(|(address, attacker)| ProtectedItem {
            address: *address,
            attempts: attacker.attempts,
            first: time(attacker.first),
            last: time(attacker.last),
        })
        .collect();
    all.sort_unstable_by_key(|one| (u64::MAX - one.attempts, one.address));
    all.truncate(PROTECTED);
    all
}

/// The network that an address counts with.
fn network(address: IpAddr) -> Prefix {
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).map_or_else(|_| Prefix::host(address), Prefix::new)
}

/// Collects when attackers were listed.
#[derive(Default)]
struct Times {
    listed: Listed,
    after: Vec<i64>,
}

impl Times {
    fn add(&mut self, found: When) {
        match found {
            When::Before => self.listed.before += 1,
            When::At => self.listed.at += 1,
            When::After(seconds) => self.after.push(seconds),
            When::Never => self.listed.never += 1,
        }
    }

    fn listed(mut self) -> Listed {
        self.after.sort_unstable();
        Listed {
            after: self.after.len(),
            after_median_s: self.after.get(self.after.len() / 2).copied(),
            after_most_s: self.after.last().copied(),
            ..self.listed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listings::Listing;
    use super::super::tally::merge;
    use super::super::{Event, Kind};
    use super::*;

    #[test]
    fn attackers_are_counted_by_when_each_feed_and_any_feed_listed_them() {
        let listing = |prefix: &str, feed, from, to| Listing {
            prefix: prefix.parse().unwrap(),
            feed,
            span: (from, to),
        };
        let listings = Listings::new(vec![
            listing("203.0.113.1", 0, 0, 999_999),
            listing("203.0.113.2", 0, 10_030, 999_999),
            listing("203.0.113.3", 0, 17_200, 999_999),
            listing("203.0.113.3", 1, 0, 999_999),
            listing("198.51.100.0/24", 1, 20_000, 999_999),
        ]);
        let event =
            |at, address: &str| Event { at, address: address.parse().unwrap(), kind: Kind::Call, channel: 0 };
        let events = [
            event(10_000, "203.0.113.1"),
            event(10_000, "203.0.113.2"),
            event(10_000, "203.0.113.3"),
            event(10_000, "203.0.113.4"),
            event(10_000, "198.51.100.7"),
            event(10_000, "2001:db8::1"),
            event(10_000, "192.0.2.1"),
            event(20_000, "198.51.100.7"),
        ];
        let protects = |address: IpAddr| address == "192.0.2.1".parse::<IpAddr>().unwrap();
        let mut tally = Tally::new(&listings, &protects, (0, i64::MAX));
        merge(&mut [events.into_iter()], &mut tally);
        let report = report(&tally, &listings, &["one".to_owned(), "two".to_owned()]);
        let listed = |of: &Listed| (of.before, of.at, of.after, of.never, of.after_median_s);
        assert_eq!(listed(&report.feeds[0].listed), (1, 1, 1, 3, Some(7_200)));
        assert_eq!(listed(&report.feeds[1].listed), (1, 0, 1, 4, Some(10_000)));
        assert_eq!(listed(&report.any_feed), (2, 1, 1, 2, Some(10_000)));
        let stopped = |place: usize| (report.feeds[place].stopped, report.feeds[place].stopped_alone);
        assert_eq!((stopped(0), stopped(1)), ((1, 1), (2, 2)));
        assert_eq!((report.attackers, report.attackers_unlisted), (6, 4));
        assert_eq!((report.attempts, report.listed, report.unlisted), (7, 3, 4));
        assert_eq!(report.protected[0].address.to_string(), "192.0.2.1");
        let of_three = report.worst.iter().find(|one| one.address.to_string() == "203.0.113.3").unwrap();
        assert_eq!((of_three.listed, of_three.feeds.join(" ")), ("before", "one two".to_owned()));
        let networks: Vec<String> =
            report.networks.iter().map(|n| format!("{} {} {}", n.network, n.attackers, n.unlisted)).collect();
        assert_eq!(networks, ["203.0.113.0/24 4 2", "198.51.100.0/24 1 1", "2001:db8::/48 1 1"]);
    }
}
