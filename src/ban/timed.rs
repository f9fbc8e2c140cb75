//! Feeds that say for how long each of their bans counts, and take some back: what their answer changes.

use super::snapshot::Change;
use super::{Entry, Prefix};
use crate::ban::entry::Said;

/// A ban with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    /// What to block.
    pub prefix: Prefix,
    /// For how many seconds from now on.
    pub seconds: i64,
}

/// An end that moved by no more seconds is the same end: it is told in seconds from the answer on.
const SAME: i64 = 2;
/// Of fewer bans any number may vanish without a word.
const SMALL: usize = 10;

/// One answer of a feed, and what is known of the feed.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What all feeds said, in the order of [`sort`](super::wanted::sort).
    pub known: &'a [Entry],
    /// The ledger's number of the feed.
    pub feed: u16,
    /// Seconds that an entry counts at most after its last sighting.
    pub ttl: i64,
    /// What is banned, sorted, each once.
    pub bans: &'a [Ban],
    /// What was taken back, sorted, each once. What is banned as well is banned anew.
    pub deleted: &'a [Prefix],
    /// Whether a ban that is named is the longest there is of its prefix, and one that was taken back the last.
    pub decides: bool,
}

impl Answer<'_> {
    /// What changes when the answer names all that is banned: what it does not name goes.
    pub fn whole(&self, now: i64) -> Change {
        let mut change = Change::default();
        let mut known = self.of_feed().peekable();
        for ban in self.bans {
            while let Some(gone) = known.next_if(|entry| entry.prefix < ban.prefix) {
                change.removed.push(gone.prefix);
            }
            self.take(ban, known.next_if(|entry| entry.prefix == ban.prefix), now, &mut change);
        }
        change.removed.extend(known.map(|gone| gone.prefix));
        change
    }

    /// What changes when the answer names what is new and what was taken back.
    pub fn delta(&self, now: i64) -> Change {
        let mut change = Change::default();
        for ban in self.bans {
            self.take(ban, self.find(&ban.prefix), now, &mut change);
        }
        let gone = self.deleted.iter().filter(|prefix| !self.is_banned(prefix));
        change.removed.extend(gone.filter(|prefix| self.find(prefix).is_some()));
        change
    }

    /// Whether a delta cannot tell what is left: something was taken back of a prefix that is still banned by what is
    /// known, and another ban of it may go on.
    pub fn is_unclear(&self, now: i64) -> bool {
        let counts = |prefix: &Prefix| self.find(prefix).is_some_and(|entry| entry.expires_at() > now + SAME);
        !self.decides && self.deleted.iter().any(counts)
    }

    /// Whether so much is missing from a whole answer, without having been taken back or being over, that the answer
    /// is more likely broken than right; and how much was known.
    pub fn collapsed(&self, now: i64) -> Option<usize> {
        let (mut held, mut missing) = (0, 0);
        for entry in self.of_feed().filter(|entry| entry.expires_at() > now + SAME) {
            held += 1;
            let told = self.is_banned(&entry.prefix) || self.deleted.binary_search(&entry.prefix).is_ok();
            missing += usize::from(!told);
        }
        (held >= SMALL && missing * 2 > held).then_some(held)
    }

    fn of_feed(&self) -> impl Iterator<Item = &Entry> {
        self.known.iter().filter(|entry| entry.feed == self.feed)
    }

    fn find(&self, prefix: &Prefix) -> Option<&Entry> {
        let key = |entry: &Entry| (entry.prefix, entry.feed);
        let at = self.known.binary_search_by_key(&(*prefix, self.feed), key).ok()?;
        self.known.get(at)
    }

    fn is_banned(&self, prefix: &Prefix) -> bool {
        self.bans.binary_search_by_key(prefix, |ban| ban.prefix).is_ok()
    }

    fn take(&self, ban: &Ban, known: Option<&Entry>, now: i64, change: &mut Change) {
        let mut expires_at = now.saturating_add(ban.seconds);
        if let Some(entry) = known {
            if !self.decides {
                expires_at = expires_at.max(entry.expires_at());
            }
            let same = (entry.expires_at() - expires_at).abs() <= SAME;
            // Where the ttl ends it earlier, it is to be seen again.
            if same && entry.last_seen().saturating_add(self.ttl) >= entry.expires_at() {
                change.kept += 1;
                return;
            }
        }
        let first_seen = known.map_or(now, |entry| entry.first_seen().min(now));
        change.added.push(Entry::from(Said {
            prefix: ban.prefix,
            feed: self.feed,
            first_seen,
            last_seen: now,
            expires_at,
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ban::wanted;

    const TTL: i64 = 1_000;

    fn prefix(n: u8) -> Prefix {
        format!("45.0.0.{n}").parse().unwrap()
    }

    fn bans(of: &[(u8, i64)]) -> Vec<Ban> {
        let mut all: Vec<Ban> =
            of.iter().map(|(n, seconds)| Ban { prefix: prefix(*n), seconds: *seconds }).collect();
        all.sort_by_key(|ban| (ban.prefix, -ban.seconds));
        all.dedup_by_key(|ban| ban.prefix);
        all
    }

    fn deleted(of: &[u8]) -> Vec<Prefix> {
        let mut all: Vec<Prefix> = of.iter().map(|n| prefix(*n)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// A feed as it goes on, beside another one.
    struct Feed(Vec<Entry>);

    impl Feed {
        fn new() -> Self {
            let other = Entry::from(Said {
                prefix: prefix(1),
                feed: 2,
                first_seen: 0,
                last_seen: 0,
                expires_at: 9_999,
            });
            Self(vec![other])
        }

        fn step(&mut self, whole: bool, decides: bool, new: &[(u8, i64)], gone: &[u8], now: i64) -> Change {
            let (bans, deleted) = (bans(new), deleted(gone));
            let answer =
                Answer { known: &self.0, feed: 7, ttl: TTL, bans: &bans, deleted: &deleted, decides };
            let change = if whole { answer.whole(now) } else { answer.delta(now) };
            change.clone().apply(7, &mut self.0);
            change
        }

        fn shown(&self) -> Vec<String> {
            let ours = self.0.iter().filter(|entry| entry.feed == 7);
            ours.map(|e| format!("{} {}-{} {}", e.prefix, e.first_seen(), e.last_seen(), e.expires_at()))
                .collect()
        }
    }

    #[test]
    fn a_whole_answer_is_all_that_is_banned_and_a_delta_adds_and_takes_back() {
        let mut feed = Feed::new();
        feed.step(true, true, &[(1, 100), (2, 200)], &[9], 1_000);
        assert_eq!(feed.shown(), ["45.0.0.1 1000-1000 1100", "45.0.0.2 1000-1000 1200"]);
        let change = feed.step(false, true, &[(3, 50)], &[1, 8], 1_010);
        assert_eq!((change.added.len(), change.removed.len()), (1, 1));
        assert_eq!(feed.shown(), ["45.0.0.2 1000-1000 1200", "45.0.0.3 1010-1010 1060"]);
        feed.step(true, true, &[(3, 40)], &[], 1_020);
        assert_eq!(feed.shown(), ["45.0.0.3 1010-1010 1060"]);
    }

    #[test]
    fn an_end_that_stays_writes_nothing_and_another_one_is_taken_over() {
        let mut feed = Feed::new();
        feed.step(true, true, &[(1, 100)], &[], 1_000);
        assert!(feed.step(true, true, &[(1, 91)], &[], 1_010).is_empty());
        assert_eq!(feed.step(true, true, &[(1, 50)], &[], 1_010).added.len(), 1);
        assert_eq!(feed.shown(), ["45.0.0.1 1000-1010 1060"]);
        assert_eq!(feed.step(false, true, &[(1, 500)], &[1], 1_020).added.len(), 1);
        assert_eq!(feed.shown(), ["45.0.0.1 1000-1020 1520"]);
        // Longer than the ttl: each whole answer is a sighting.
        feed.step(true, true, &[(1, 5_000)], &[], 1_030);
        assert_eq!(feed.step(true, true, &[(1, 4_990)], &[], 1_040).added.len(), 1);
        assert_eq!(feed.shown(), ["45.0.0.1 1000-1040 6030"]);
    }

    #[test]
    fn where_several_bans_of_one_address_are_told_the_longest_counts_and_a_loss_is_asked_about() {
        let mut feed = Feed::new();
        feed.step(true, false, &[(1, 100), (2, 5)], &[], 1_000);
        feed.step(false, false, &[(1, 50)], &[], 1_000);
        assert_eq!(feed.shown()[0], "45.0.0.1 1000-1000 1100");
        let unclear = |decides: bool, gone: &[u8], now: i64| {
            let deleted = deleted(gone);
            Answer { known: &feed.0, feed: 7, ttl: TTL, bans: &[], deleted: &deleted, decides }
                .is_unclear(now)
        };
        assert!(unclear(false, &[1], 1_010));
        assert!(!unclear(true, &[1], 1_010));
        assert!(!unclear(false, &[2], 1_005), "it is over anyway");
        assert!(!unclear(false, &[3], 1_010), "it was never known");
    }

    #[test]
    fn an_answer_that_lacks_more_than_half_without_a_word_has_collapsed() {
        let known: Vec<(u8, i64)> = (0..20).map(|n| (n, 100)).collect();
        let mut feed = Feed::new();
        feed.step(true, true, &known, &[], 1_000);
        let collapsed = |named: usize, gone: &[u8], now: i64| {
            let (bans, deleted) = (bans(&known[..named]), deleted(gone));
            Answer { known: &feed.0, feed: 7, ttl: TTL, bans: &bans, deleted: &deleted, decides: true }
                .collapsed(now)
        };
        assert_eq!(collapsed(10, &[], 1_010), None);
        assert_eq!(collapsed(9, &[], 1_010), Some(20));
        assert_eq!(collapsed(0, &[], 1_010), Some(20));
        assert_eq!(collapsed(9, &[15], 1_010), None, "taken back with a word");
        assert_eq!(collapsed(0, &[], 1_098), None, "over by themselves");
        feed.step(true, true, &known[..9], &[], 1_010);
        let empty = Answer { known: &feed.0, feed: 7, ttl: TTL, bans: &[], deleted: &[], decides: true };
        assert_eq!(empty.collapsed(1_010), None, "so few may go");
    }

    proptest! {
        #[test]
        fn deltas_lead_to_what_a_whole_answer_says_and_touch_no_other_feed(
            steps in prop::collection::vec(
                (prop::collection::vec((0u8..20, 1i64..500), 0..6), prop::collection::vec(0u8..20, 0..6)), 1..8)
        ) {
            let (mut feed, mut model) = (Feed::new(), BTreeMap::new());
            for (at, (new, gone)) in steps.iter().enumerate() {
                // Closer together than any ban is long, so that none is over before it is taken back.
                let now = 1_000 + at as i64;
                for n in gone { model.remove(&prefix(*n)); }
                for ban in bans(new) { model.insert(ban.prefix, now + ban.seconds); }
                feed.step(false, true, new, gone, now);
            }
            let found: BTreeMap<Prefix, i64> =
                feed.0.iter().filter(|e| e.feed == 7).map(|e| (e.prefix, e.expires_at())).collect();
            prop_assert_eq!(found.keys().collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
            prop_assert!(model.iter().all(|(prefix, end)| (found[prefix] - end).abs() <= SAME));
            prop_assert_eq!(feed.0.iter().filter(|e| e.feed == 2).count(), 1);
            prop_assert!(feed.0.is_sorted_by_key(|e| (e.prefix, e.feed)));
            wanted::sort(&mut feed.0);
        }
    }
}
