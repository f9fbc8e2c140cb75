//! From entries, each the word of one feed, to what is wanted: each prefix once, with its foremost feed and its
//! latest sighting.

use super::entry::{Entry, NEVER};
use super::plan::Wanted;
use super::width::Widest;

/// How a feed's entries count: its number in the ledger, its place in the configuration, and its `ttl` in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPolicy {
    /// The ledger's number of the feed.
    pub feed: u16,
    /// Place in the configuration, 0 first.
    pub priority: u16,
    /// Seconds after the last sighting.
    pub ttl: i64,
    /// While the feed is held (see [`super::surge`]): what it named after this time does not count.
    pub held_since: Option<i64>,
    /// Whether it is meant to cover much of the internet: the ceiling of all feeds does not count it.
    pub wide: bool,
    /// The widest networks that count. What was taken under a wider limit counts no more: an administrator who narrows
    /// it is obeyed at once.
    pub widest: Widest,
    /// The group that has to agree, if it is in one.
    pub quorum: Quorum,
}

/// A feed's place in a group, whose entries count where enough of its members name the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quorum {
    /// The group, from 1 on; 0: the feed is in none.
    pub group: u8,
    /// So many of its members have to name a prefix.
    pub agree: u8,
    /// Whether this feed's word is enough.
    pub trusted: bool,
}

impl Quorum {
    /// Whether a feed's own word is enough.
    pub fn decides_alone(&self) -> bool {
        self.group == 0 || self.trusted || self.agree <= 1
    }
}

impl FeedPolicy {
    /// Whether an entry of this feed still counts at `now`. A clock that was a year ahead when the entry was written
    /// must not keep it for a year: nothing counts for longer than `ttl` from now.
    pub fn holds(&self, entry: &Entry, now: i64) -> bool {
        // What a list holds counts for as long as the list holds it.
        let end = match entry.expires_at() {
            NEVER => NEVER,
            at => at.min(entry.last_seen().saturating_add(self.ttl)),
        };
        entry.feed == self.feed
            && end > now
            && self.held_since.is_none_or(|since| entry.first_seen() <= since)
            && self.widest.check(&entry.prefix).is_ok()
    }

    /// How many entries of the feed count at `now`, or would if it were not held.
    pub fn size<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>, now: i64) -> usize {
        let free = Self { held_since: None, ..*self };
        entries.into_iter().filter(|entry| free.holds(entry, now)).count()
    }
}

/// The order that [`wanted`] needs.
pub fn sort(entries: &mut [Entry]) {
    entries.sort_unstable_by_key(|entry| (entry.prefix, entry.feed));
}

/// What the feeds that are asked want at `now`, one after the other: held all at once, millions would cost much.
/// `entries` must be in the order of [`sort`].
pub fn wanted(entries: &[Entry], feeds: &[FeedPolicy], now: i64) -> impl Iterator<Item = Wanted> {
    let mut words = entries
        .iter()
        .filter_map(move |entry| {
            let feed = feeds.iter().find(|feed| feed.holds(entry, now))?;
            let want = Wanted { prefix: entry.prefix, priority: feed.priority, last_seen: entry.last_seen() };
            Some((want, feed.quorum))
        })
        .peekable();
    std::iter::from_fn(move || {
        loop {
            let (mut want, quorum) = words.next()?;
            let mut votes = Votes::default();
            let mut counts = votes.add(quorum);
            while let Some((again, quorum)) = words.next_if(|(next, _)| next.prefix == want.prefix) {
                want.priority = want.priority.min(again.priority);
                want.last_seen = want.last_seen.max(again.last_seen);
                counts |= votes.add(quorum);
            }
            if counts {
                return Some(want);
            }
        }
    })
}

/// How many members of each group named one prefix, for a few groups.
#[derive(Default)]
struct Votes([(u8, u8); 8]);

impl Votes {
    /// Counts the word of a feed. Returns whether the prefix counts by it. There is room for eight groups that name the
    /// same prefix; a ninth group's word counts where one feed is enough.
    fn add(&mut self, quorum: Quorum) -> bool {
        if quorum.decides_alone() {
            return true;
        }
        let place = self.0.iter_mut().find(|(group, _)| *group == quorum.group || *group == 0);
        let Some((group, votes)) = place else { return false };
        *group = quorum.group;
        *votes = votes.saturating_add(1);
        *votes >= quorum.agree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::entry::Said;

    fn entry(prefix: &str, feed: u16, last_seen: i64) -> Entry {
        let prefix = prefix.parse().unwrap();
        Entry::from(Said { prefix, feed, first_seen: 0, last_seen, expires_at: last_seen + 100 })
    }

    const FEEDS: [FeedPolicy; 2] = [
        FeedPolicy {
            feed: 7,
            priority: 0,
            ttl: 100,
            held_since: None,
            wide: false,
            widest: Widest { v4: 16, v6: 32 },
            quorum: Quorum { group: 0, agree: 0, trusted: false },
        },
        FeedPolicy {
            feed: 3,
            priority: 1,
            ttl: 100,
            held_since: None,
            wide: false,
            widest: Widest { v4: 16, v6: 32 },
            quorum: Quorum { group: 0, agree: 0, trusted: false },
        },
    ];

    #[test]
    fn a_groups_entry_counts_where_enough_of_its_members_name_it_or_a_trusted_one() {
        let feed = |number: u16, group: u8, trusted| FeedPolicy {
            feed: number,
            quorum: Quorum { group, agree: 2, trusted },
            ..FEEDS[0]
        };
        let feeds =
            [feed(1, 1, false), feed(2, 1, false), feed(3, 1, true), feed(4, 2, false), feed(5, 0, false)];
        let table: &[(&[u16], bool)] = &[
            (&[1], false),
            (&[1, 2], true),
            (&[3], true),
            (&[1, 4], false),
            (&[4], false),
            (&[5], true),
            (&[1, 4, 5], true),
            (&[1, 2, 4], true),
        ];
        for (names, counts) in table {
            let mut entries: Vec<Entry> = names.iter().map(|feed| entry("45.9.0.1", *feed, 0)).collect();
            sort(&mut entries);
            assert_eq!(wanted(&entries, &feeds, 50).count() == 1, *counts, "{names:?}");
            let expired = entry("45.9.0.1", names[0], -200);
            let mut with_old = [expired, entry("45.9.0.1", 1, 0)];
            sort(&mut with_old);
            assert_eq!(wanted(&with_old, &feeds, 50).count(), 0, "an old word is no vote");
        }
    }

    fn shown(entries: &[Entry], now: i64) -> Vec<String> {
        let mut entries = entries.to_vec();
        sort(&mut entries);
        wanted(&entries, &FEEDS, now)
            .map(|want| format!("{} {} {}", want.prefix, want.priority, want.last_seen))
            .collect()
    }

    #[test]
    fn a_prefix_of_two_feeds_has_the_foremost_place_and_the_latest_sighting() {
        let entries = [entry("45.0.0.1", 3, 9), entry("46.0.0.1", 3, 5), entry("45.0.0.1", 7, 4)];
        assert_eq!(shown(&entries, 50), ["45.0.0.1 0 9", "46.0.0.1 1 5"]);
    }

    #[test]
    fn a_prefix_goes_with_its_last_feed_and_at_the_second_its_time_is_over() {
        let entries = [entry("45.0.0.1", 3, 9), entry("45.0.0.1", 7, 4)];
        assert_eq!(shown(&entries, 104), ["45.0.0.1 1 9"]);
        assert_eq!(shown(&entries, 108), ["45.0.0.1 1 9"]);
        assert_eq!(shown(&entries, 109), [""; 0]);
    }

    #[test]
    fn of_a_held_feed_only_what_it_named_before_counts() {
        let held = FeedPolicy { held_since: Some(5), ..FEEDS[0] };
        let old = Entry::from(Said { first_seen: 5, ..entry("45.0.0.1", 7, 9).said() });
        let new = Entry::from(Said { first_seen: 6, ..entry("46.0.0.1", 7, 9).said() });
        assert_eq!([held.holds(&old, 50), held.holds(&new, 50)], [true, false]);
        assert_eq!(held.size(&[old, new], 50), 2);
    }

    #[test]
    fn a_network_that_is_wider_than_its_feed_may_ask_for_now_does_not_count() {
        let entries = [entry("45.0.0.0/16", 7, 4), entry("46.0.0.0/15", 7, 4), entry("2a05::/31", 7, 4)];
        assert_eq!(shown(&entries, 50), ["45.0.0.0/16 0 4"]);
        let narrowed = FeedPolicy { widest: Widest { v4: 17, v6: 32 }, ..FEEDS[0] };
        assert_eq!(narrowed.size(&entries, 50), 0);
        let widened = FeedPolicy { widest: Widest { v4: 8, v6: 16 }, ..FEEDS[0] };
        assert_eq!(widened.size(&entries, 50), 3);
    }

    #[test]
    fn feeds_that_are_not_asked_want_nothing() {
        assert_eq!(shown(&[entry("45.0.0.1", 5, 9)], 50), [""; 0]);
    }
}
