//! What a new version of a list changes: the difference between what it held and what it holds.
//!
//! While a list is held (see [`super::surge`]), what its last good version held stays whole, and what a later version
//! added is known but does not count: neither for what is blocked nor for how much a version lost.

use super::cover::Cover;
use super::entry::NEVER;
use super::{Entry, Prefix};
use crate::ban::entry::Said;

/// A list of fewer entries may shrink to any size but none.
const SMALL: usize = 10;

/// What a server gave with a list, to be sent back so that it sends the list only when it changed (the validators of
/// RFC 9110).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its version.
    pub etag: Option<String>,
    /// Its date.
    pub last_modified: Option<String>,
}

/// What to write. All together is the difference and nothing else, so that a list that did not change writes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// New entries, and those that came back.
    pub added: Vec<Entry>,
    /// Entries that the list dropped and that count a while longer (`ttl`).
    pub leaving: Vec<Entry>,
    /// Entries that the list dropped.
    pub removed: Vec<Prefix>,
    /// How many stay as they are.
    pub kept: usize,
}

/// The list of one feed as it is known and as it came now.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// What all feeds said, in the order of [`sort`](super::wanted::sort).
    pub known: &'a [Entry],
    /// The ledger's number of the feed.
    pub feed: u16,
    /// What the list holds now, sorted, each once.
    pub list: &'a [Prefix],
    /// When the list was last seen whole.
    pub last_seen: Option<i64>,
    /// While the list is held: what came after this time is no part of its last good version.
    pub held_since: Option<i64>,
    /// Seconds that an entry counts after its list dropped it.
    pub ttl: i64,
}

impl Versions<'_> {
    /// Whether a later version than the last good one added the entry.
    fn is_held(&self, entry: &Entry) -> bool {
        self.held_since.is_some_and(|since| entry.first_seen() > since)
    }

    /// The last good version.
    fn good(&self) -> impl Iterator<Item = &Entry> {
        let of_feed = |entry: &&Entry| entry.feed == self.feed && entry.expires_at() == NEVER;
        self.known.iter().filter(of_feed).filter(|entry| !self.is_held(entry))
    }

    /// How many entries the last good version has, and how many of them the list still covers.
    pub fn overlap(&self) -> (usize, usize) {
        let cover = Cover::new(self.list);
        self.good()
            .fold((0, 0), |(all, left), entry| (all + 1, left + usize::from(cover.contains(&entry.prefix))))
    }

    /// Whether the list lost so much that it is more likely broken than better: all of it, or more than half of what its
    /// last good version had, however long it is itself.
    pub fn collapsed(&self) -> bool {
        self.lost_more_than(50)
    }

    /// Whether it lost all, or more than so many percent of what its last good version had.
    pub fn lost_more_than(&self, percent: usize) -> bool {
        let (all, left) = self.overlap();
        (all > 0 && self.list.is_empty()) || (all >= SMALL && left * 100 < all * (100 - percent.min(100)))
    }

    /// What a version that is held changes, at `now`: the last good one stays as it is, and what an earlier held version
    /// added goes where this one does not have it.
    pub fn held(&self, now: i64) -> Change {
        let change = self.change(now);
        let stale = |prefix: &Prefix| {
            let place =
                self.known.binary_search_by_key(&(*prefix, self.feed), |entry| (entry.prefix, entry.feed));
            place.is_ok_and(|place| self.is_held(&self.known[place]))
        };
        Change {
            kept: change.kept + change.leaving.len(),
            leaving: Vec::new(),
            removed: change.removed.into_iter().filter(stale).collect(),
            added: change.added,
        }
    }

    /// The difference, at `now`.
    pub fn change(&self, now: i64) -> Change {
        let mut change = Change::default();
        let mut known = self.known.iter().filter(|entry| entry.feed == self.feed).peekable();
        for prefix in self.list {
            while let Some(gone) = known.next_if(|entry| entry.prefix < *prefix) {
                self.drop_entry(gone, now, &mut change);
            }
            let first_seen = match known.next_if(|entry| entry.prefix == *prefix) {
                Some(entry) if entry.expires_at() == NEVER => {
                    change.kept += 1;
                    continue;
                }
                Some(entry) => entry.first_seen().min(now),
                None => now,
            };
            let (feed, prefix) = (self.feed, *prefix);
            change.added.push(Entry::from(Said {
                prefix,
                feed,
                first_seen,
                last_seen: now,
                expires_at: NEVER,
            }));
        }
        for gone in known {
            self.drop_entry(gone, now, &mut change);
        }
        change
    }

    fn drop_entry(&self, gone: &Entry, now: i64, change: &mut Change) {
        if self.is_held(gone) {
            return change.removed.push(gone.prefix);
        }
        if gone.expires_at() != NEVER {
            // It left with an earlier version; its time runs.
            match self.ttl > 0 && gone.expires_at() > now {
                true => change.kept += 1,
                false => change.removed.push(gone.prefix),
            }
            return;
        }
        let last_seen = self.last_seen.unwrap_or(gone.last_seen()).max(gone.last_seen()).min(now);
        let expires_at = last_seen.saturating_add(self.ttl);
        match self.ttl > 0 && expires_at > now {
            true => change.leaving.push(Entry::from(Said { last_seen, expires_at, ..gone.said() })),
            false => change.removed.push(gone.prefix),
        }
    }
}

impl Change {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.leaving.is_empty() && self.removed.is_empty()
    }

    /// What is known when the difference is carried out, in no order.
    pub fn preview<'a>(&'a self, feed: u16, known: &'a [Entry]) -> impl Iterator<Item = &'a Entry> {
        let stays = known.iter().filter(move |entry| !self.changes(feed, entry));
        stays.chain(&self.added).chain(&self.leaving)
    }

    /// Carries the difference out in what is known. What is new is moved there and not copied: it may be all there is.
    pub fn apply(mut self, feed: u16, known: &mut Vec<Entry>) {
        known.retain(|entry| !self.changes(feed, entry));
        let mut new = std::mem::take(&mut self.added);
        if new.len() > known.len() {
            std::mem::swap(&mut new, known);
        }
        known.append(&mut new);
        known.append(&mut self.leaving);
        super::wanted::sort(known);
    }

    fn changes(&self, feed: u16, entry: &Entry) -> bool {
        let is = |list: &[Entry]| list.binary_search_by_key(&entry.prefix, |other| other.prefix).is_ok();
        entry.feed == feed
            && (self.removed.binary_search(&entry.prefix).is_ok() || is(&self.added) || is(&self.leaving))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefixes(numbers: &[u8]) -> Vec<Prefix> {
        let mut all: Vec<Prefix> = numbers.iter().map(|n| format!("45.0.0.{n}").parse().unwrap()).collect();
        all.sort();
        all.dedup();
        all
    }

    fn step(known: &mut Vec<Entry>, numbers: &[u8], now: i64, last_seen: Option<i64>, ttl: i64) -> Change {
        let list = prefixes(numbers);
        let change = Versions { known, feed: 7, list: &list, last_seen, held_since: None, ttl }.change(now);
        change.clone().apply(7, known);
        change
    }

    #[test]
    fn what_the_list_holds_is_known_and_what_it_dropped_goes() {
        let mut known = Vec::new();
        assert_eq!(step(&mut known, &[1, 2, 3], 100, None, 0).added.len(), 3);
        let change = step(&mut known, &[2, 3, 4], 200, Some(100), 0);
        assert_eq!((change.added.len(), change.kept), (1, 2));
        assert_eq!(change.removed, prefixes(&[1]));
        let first: Vec<i64> = known.iter().map(super::super::entry::Entry::first_seen).collect();
        assert_eq!(first, [100, 100, 200]);
        assert!(step(&mut known, &[2, 3, 4], 300, Some(200), 0).is_empty());
    }

    #[test]
    fn with_a_ttl_a_dropped_entry_stays_until_its_time_is_over_and_may_come_back() {
        let mut known = Vec::new();
        step(&mut known, &[1, 2], 100, None, 50);
        let change = step(&mut known, &[2], 120, Some(100), 50);
        assert_eq!((change.leaving.len(), change.leaving[0].expires_at()), (1, 150));
        assert!(step(&mut known, &[2], 130, Some(120), 50).is_empty());
        let back = step(&mut known, &[1, 2], 140, Some(130), 50);
        assert_eq!((back.added.len(), back.added[0].first_seen()), (1, 100));
        step(&mut known, &[2], 150, Some(140), 50);
        assert_eq!(step(&mut known, &[2], 190, Some(150), 50).removed, prefixes(&[1]));
    }

    #[test]
    fn a_list_that_lost_all_or_more_than_half_has_collapsed() {
        let table =
            [(0, 0, false), (1, 0, true), (9, 1, false), (10, 5, false), (10, 4, true), (10, 900, false)];
        for (before, after, collapsed) in table {
            let numbers = |n: usize| prefixes(&(0..n.min(255)).map(|n| n as u8).collect::<Vec<_>>());
            let mut known = Vec::new();
            Versions {
                known: &[],
                feed: 7,
                list: &numbers(before),
                last_seen: None,
                held_since: None,
                ttl: 0,
            }
            .change(1)
            .apply(7, &mut known);
            let versions = Versions {
                known: &known,
                feed: 7,
                list: &numbers(after),
                last_seen: None,
                held_since: None,
                ttl: 0,
            };
            assert_eq!(versions.collapsed(), collapsed, "{before} {after}");
        }
    }

    proptest! {
        #[test]
        fn after_a_change_the_feed_holds_exactly_the_list_and_other_feeds_are_untouched(
            before in prop::collection::vec(0u8..30, 0..20), after in prop::collection::vec(0u8..30, 0..20)
        ) {
            let mut known: Vec<Entry> = prefixes(&[3, 5]).into_iter()
                .map(|prefix| Entry::from(Said { prefix, feed: 2, first_seen: 1, last_seen: 1, expires_at: 9 })).collect();
            let others = known.clone();
            step(&mut known, &before, 100, None, 0);
            let list = prefixes(&after);
            let change = Versions { known: &known, feed: 7, list: &list, last_seen: Some(100), held_since: None, ttl: 0 }.change(200);
            let mut previewed: Vec<Entry> = change.preview(7, &known).copied().collect();
            crate::ban::wanted::sort(&mut previewed);
            change.apply(7, &mut known);
            prop_assert_eq!(&previewed, &known);
            let ours: Vec<Prefix> = known.iter().filter(|e| e.feed == 7).map(|e| e.prefix).collect();
            prop_assert_eq!(ours, prefixes(&after));
            let rest: Vec<Entry> = known.iter().filter(|e| e.feed != 7).copied().collect();
            prop_assert_eq!(rest, others);
            prop_assert!(known.is_sorted_by_key(|e| (e.prefix, e.feed)));
        }
    }
}
