//! Counts events: how often each address tried, and how often while a feed listed it.
//!
//! One attempt is in several logs: in `full` as a notice, in `security` as an event, in fail2ban's as found. So the
//! logs are read side by side, and of one address in one second the log with the most lines counts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::listings::{Listings, Span, contain};
use super::{Event, Kind};

/// Attackers that are counted one by one. Spoofed addresses can be millions.
pub const MOST_ATTACKERS: usize = 200_000;
/// Hours that are counted one by one: more than ten years.
const MOST_HOURS: usize = 100_000;
/// Addresses of one second that are collected before they are counted.
const MOST_WAITING: usize = 100_000;

/// What is known of one attacker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attacker {
    /// The first attempt, seconds since 1970.
    pub first: i64,
    /// The last attempt.
    pub last: i64,
    /// All attempts.
    pub attempts: u64,
    /// The attempts while no feed listed the address.
    pub unlisted: u64,
    /// Lines of all logs about them.
    pub lines: u64,
    /// Whether the address is protected, so not an attacker's.
    pub protected: bool,
    spans: Box<[Span]>,
    /// The feeds that list it, each with a time.
    by_feed: Box<[(u16, Span)]>,
}

/// Attempts while a feed listed the attacker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stopped {
    /// How many.
    pub attempts: u64,
    /// Of them: while no other feed did.
    pub alone: u64,
}

/// What was counted of an address before. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The first attempt.
    pub first: i64,
    /// The last attempt.
    pub last: i64,
    /// All attempts.
    pub attempts: u64,
    /// The attempts while no feed listed the address.
    pub unlisted: u64,
    /// Lines of all logs about them.
    pub lines: u64,
    /// Whether the address was protected.
    pub protected: bool,
}

/// Attempts of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// While a feed listed the attacker.
    pub listed: u64,
    /// While no feed did.
    pub unlisted: u64,
}

/// Lines by what they are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Kinds {
    /// Rejected calls from unknown callers.
    pub calls: u64,
    /// Failed registrations.
    pub registrations: u64,
    /// Other failed authentications.
    pub authentications: u64,
    /// What fail2ban found.
    pub fail2ban_found: u64,
    /// Bans by fail2ban.
    pub fail2ban_bans: u64,
}

/// The counts.
pub struct Tally<'a> {
    listings: &'a Listings,
    protects: &'a dyn Fn(IpAddr) -> bool,
    from: i64,
    until: i64,
    most: usize,
    second: i64,
    /// Of this second, by address and log: lines.
    waiting: HashMap<(IpAddr, u16), u32>,
    bans: Vec<IpAddr>,
    /// By address.
    pub attackers: HashMap<IpAddr, Attacker>,
    /// By number since 1970.
    pub hours: BTreeMap<i64, Hour>,
    /// Lines by what they are about.
    pub kinds: Kinds,
    /// All attempts, also of attackers that are not counted one by one; none of protected addresses.
    pub all: Hour,
    /// Attempts of attackers beyond the most that are counted one by one.
    pub left_out: u64,
    /// By the feed's place: what it would have stopped, of those that are counted one by one.
    pub stopped: BTreeMap<u16, Stopped>,
}

impl<'a> Tally<'a> {
    /// Counts what is in the span; `protects` says which addresses are protected.
    pub fn new(listings: &'a Listings, protects: &'a dyn Fn(IpAddr) -> bool, span: Span) -> Self {
        Self {
            listings,
            protects,
            from: span.0,
            until: span.1,
            most: MOST_ATTACKERS,
            second: i64::MIN,
            waiting: HashMap::new(),
            bans: Vec::new(),
            attackers: HashMap::new(),
            hours: BTreeMap::new(),
            kinds: Kinds::default(),
            all: Hour::default(),
            left_out: 0,
            stopped: BTreeMap::new(),
        }
    }

    /// Takes over what was counted before of one address.
    pub fn restore(&mut self, address: IpAddr, known: &Restored) {
        let Restored { first, last, attempts, unlisted, lines, protected } = *known;
        let spans = self.listings.spans(address).into_boxed_slice();
        let attacker =
            Attacker { first, last, attempts, unlisted, lines, protected, spans, by_feed: [].into() };
        self.attackers.insert(address, attacker);
    }

    /// The same for fewer attackers.
    pub fn keep(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Counts one event. Events must come in the order of their times, or one attempt in two logs counts twice.
    pub fn add(&mut self, event: &Event) {
        if event.at < self.from || event.at >= self.until || event.kind == Kind::Success {
            return;
        }
        if event.at != self.second || self.waiting.len() >= MOST_WAITING {
            self.finish();
            self.second = event.at;
        }
        let kind = match event.kind {
            Kind::Call => &mut self.kinds.calls,
            Kind::Registration => &mut self.kinds.registrations,
            Kind::Authentication => &mut self.kinds.authentications,
            Kind::Found => &mut self.kinds.fail2ban_found,
            Kind::Ban | Kind::Success => &mut self.kinds.fail2ban_bans,
        };
        *kind += 1;
        if event.kind == Kind::Ban {
            self.bans.push(event.address);
        } else {
            let lines = self.waiting.entry((event.address, event.channel)).or_default();
            *lines = lines.saturating_add(1);
        }
    }

    /// Counts what was collected. To be called after the last event.
    pub fn finish(&mut self) {
        let mut waiting: Vec<((IpAddr, u16), u32)> = self.waiting.drain().collect();
        // Sorted, so that two runs keep the same attackers.
        waiting.sort_unstable();
        let mut rest = waiting.as_slice();
        while let Some(((address, _), _)) = rest.first() {
            let (of_one, others) =
                rest.split_at(rest.iter().take_while(|((other, _), _)| other == address).count());
            let most = of_one.iter().map(|(_, lines)| *lines).max().unwrap_or(0);
            let lines = of_one.iter().map(|(_, lines)| u64::from(*lines)).sum();
            self.count(*address, u64::from(most), lines);
            rest = others;
        }
        // Older logs of fail2ban contain bans only. A ban counts as an attempt only if no attempt is known.
        for address in std::mem::take(&mut self.bans) {
            if !self.attackers.contains_key(&address) {
                self.count(address, 1, 1);
            }
        }
    }

    fn count(&mut self, address: IpAddr, attempts: u64, lines: u64) {
        let at = self.second;
        let room = self.attackers.len() < self.most;
        let known = match self.attackers.get_mut(&address) {
            Some(known) => Some(known),
            None if room => {
                let spans = self.listings.spans(address).into_boxed_slice();
                let protected = (self.protects)(address);
                let (first, last) = (at, at);
                let by_feed = self.listings.covering(address).map(|one| (one.feed, one.span)).collect();
                let new =
                    Attacker { first, last, attempts: 0, unlisted: 0, lines: 0, protected, spans, by_feed };
                Some(self.attackers.entry(address).or_insert(new))
            }
            None => None,
        };
        let listed = match known {
            Some(attacker) => {
                let listed = contain(&attacker.spans, at);
                attacker.first = attacker.first.min(at);
                attacker.last = attacker.last.max(at);
                attacker.attempts += attempts;
                attacker.unlisted += if listed { 0 } else { attempts };
                attacker.lines += lines;
                if attacker.protected {
                    return;
                }
                if listed {
                    let mut feeds: Vec<u16> = attacker
                        .by_feed
                        .iter()
                        .filter(|(_, span)| contain(&[*span], at))
                        .map(|(feed, _)| *feed)
                        .collect();
                    feeds.sort_unstable();
                    feeds.dedup();
                    for feed in &feeds {
                        let stopped = self.stopped.entry(*feed).or_default();
                        stopped.attempts += attempts;
                        stopped.alone += if feeds.len() == 1 { attempts } else { 0 };
                    }
                }
                listed
            }
            None if (self.protects)(address) => return,
            None => {
                self.left_out += attempts;
                contain(&self.listings.spans(address), at)
            }
        };
        self.all.add(listed, attempts);
        let hour = at.div_euclid(3_600);
        if self.hours.len() < MOST_HOURS || self.hours.contains_key(&hour) {
            self.hours.entry(hour).or_default().add(listed, attempts);
        }
    }
}

impl Hour {
    fn add(&mut self, listed: bool, attempts: u64) {
        *if listed { &mut self.listed } else { &mut self.unlisted } += attempts;
    }

    /// All attempts.
    pub fn total(&self) -> u64 {
        self.listed + self.unlisted
    }
}

/// Counts the events of several logs, side by side in the order of their times. Each log returns its own in order.
pub fn merge<I: Iterator<Item = Event>>(logs: &mut [I], tally: &mut Tally<'_>) {
    if let [log] = logs {
        for event in log {
            tally.add(&event);
        }
    } else {
        let mut next: Vec<Option<Event>> = logs.iter_mut().map(Iterator::next).collect();
        let earliest = |next: &[Option<Event>]| {
            let at = |(place, event): (usize, &Option<Event>)| event.map(|event| (event.at, place));
            next.iter().enumerate().filter_map(at).min()
        };
        while let Some((_, place)) = earliest(&next) {
            if let Some(event) = std::mem::replace(&mut next[place], logs[place].next()) {
                tally.add(&event);
            }
        }
    }
    tally.finish();
}

#[cfg(test)]
mod tests {
    use super::super::listings::Listing;
    use super::*;
    use proptest::prelude::*;

    fn nothing_protected(_: IpAddr) -> bool {
        false
    }

    fn event(at: i64, host: u8, channel: u16) -> Event {
        Event { at, address: IpAddr::from([203, 0, 113, host]), kind: Kind::Call, channel }
    }

    fn listing(prefix: &str, span: Span) -> Listing {
        Listing { prefix: prefix.parse().unwrap(), feed: 0, span }
    }

    fn count(events: &[Event], listings: &Listings, most: usize) -> Vec<(u8, u64, u64, u64)> {
        let mut tally = Tally::new(listings, &nothing_protected, (i64::MIN, i64::MAX)).keep(most);
        merge(&mut [events.iter().copied()], &mut tally);
        let last = |address: &IpAddr| match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        let mut all: Vec<_> = tally
            .attackers
            .iter()
            .map(|(address, a)| (last(address), a.attempts, a.unlisted, a.lines))
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn what_two_logs_say_of_one_second_is_one_attempt() {
        let none = Listings::default();
        let one_after_the_other =
            [event(5, 1, 0), event(5, 1, 0), event(5, 1, 4), event(6, 1, 4), event(6, 2, 0)];
        assert_eq!(count(&one_after_the_other, &none, 9), [(1, 3, 3, 4), (2, 1, 1, 1)]);
        let full = [event(5, 1, 0), event(5, 1, 0), event(7, 1, 0)];
        let security = [event(5, 1, 4), event(5, 2, 4), event(7, 1, 4), event(9, 1, 4)];
        let mut tally = Tally::new(&none, &nothing_protected, (i64::MIN, i64::MAX));
        let mut logs: [Box<dyn Iterator<Item = Event>>; 2] =
            [Box::new(full.into_iter()), Box::new(security.into_iter())];
        merge(&mut logs, &mut tally);
        let attacker = &tally.attackers[&IpAddr::from([203, 0, 113, 1])];
        assert_eq!((attacker.attempts, attacker.lines, attacker.first, attacker.last), (4, 6, 5, 9));
        assert_eq!(tally.all, Hour { listed: 0, unlisted: 5 });
    }

    #[test]
    fn an_attempt_counts_as_listed_while_somebody_lists_the_attacker() {
        let listings = Listings::new(vec![listing("203.0.113.0/31", (7, 9))]);
        let events = [event(6, 1, 0), event(7, 1, 0), event(8, 1, 0), event(9, 1, 0), event(8, 2, 0)];
        assert_eq!(count(&events, &listings, 9), [(1, 4, 2, 4), (2, 1, 1, 1)]);
    }

    #[test]
    fn a_ban_is_an_attempt_only_where_none_is_known() {
        let none = Listings::default();
        let ban = |at, host| Event { kind: Kind::Ban, ..event(at, host, 3) };
        assert_eq!(
            count(&[event(5, 1, 2), ban(5, 1), ban(6, 1), ban(6, 2), ban(7, 2)], &none, 9),
            [(1, 1, 1, 1), (2, 1, 1, 1)]
        );
    }

    #[test]
    fn who_finds_no_room_counts_in_the_sum_and_in_the_hour() {
        let listings = Listings::new(vec![listing("203.0.113.9", (0, 99_999))]);
        let mut tally = Tally::new(&listings, &nothing_protected, (0, i64::MAX)).keep(2);
        let events = [event(1, 1, 0), event(1, 2, 0), event(2, 3, 0), event(3, 9, 0), event(3_600, 1, 0)];
        merge(&mut [events.into_iter()], &mut tally);
        assert_eq!((tally.attackers.len(), tally.left_out), (2, 2));
        assert_eq!(tally.all, Hour { listed: 1, unlisted: 4 });
        assert_eq!(tally.hours[&0], Hour { listed: 1, unlisted: 3 });
        assert_eq!(tally.hours[&1], Hour { listed: 0, unlisted: 1 });
    }

    #[test]
    fn the_protected_are_kept_and_do_not_count_and_the_span_is_kept() {
        let none = Listings::default();
        let protects = |address: IpAddr| address == IpAddr::from([203, 0, 113, 1]);
        let mut tally = Tally::new(&none, &protects, (5, 8));
        let events = [event(4, 2, 0), event(5, 1, 0), event(5, 2, 0), event(7, 2, 0), event(8, 2, 0)];
        merge(&mut [events.into_iter()], &mut tally);
        assert_eq!(tally.all, Hour { listed: 0, unlisted: 2 });
        assert!(tally.attackers[&IpAddr::from([203, 0, 113, 1])].protected);
        assert_eq!(tally.kinds.calls, 3);
    }

    proptest! {
        #[test]
        fn sums_agree_however_events_come(
            events in prop::collection::vec((0i64..20_000, 0u8..20, 0u16..3), 0..200), most in 0usize..30
        ) {
            let listings = Listings::new(vec![listing("203.0.113.0/29", (5_000, 15_000))]);
            let mut logs: Vec<Vec<Event>> = vec![Vec::new(); 3];
            for (at, host, log) in events {
                logs[usize::from(log)].push(event(at, host, log));
            }
            let mut tally = Tally::new(&listings, &nothing_protected, (0, i64::MAX)).keep(most);
            let mut sources: Vec<Box<dyn Iterator<Item = Event> + '_>> =
                logs.iter().map(|log| Box::new(log.iter().copied()) as _).collect();
            merge(&mut sources, &mut tally);
            prop_assert!(tally.attackers.len() <= most);
            let attempts: u64 = tally.attackers.values().map(|a| a.attempts).sum();
            prop_assert_eq!(attempts + tally.left_out, tally.all.total());
            prop_assert_eq!(tally.hours.values().map(Hour::total).sum::<u64>(), tally.all.total());
            let lines: usize = logs.iter().map(Vec::len).sum();
            prop_assert!(tally.all.total() <= lines as u64);
            prop_assert_eq!(tally.kinds.calls, lines as u64);
        }
    }
}
