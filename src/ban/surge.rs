//! The surge guard: a feed that suddenly covers much more than before was taken over, or has a fault. What is new is
//! held until somebody reviewed it, for a wrong block cuts off a company's phones.
//!
//! What counts is how much of the internet a feed covers, not only in how many lines it says so. Growth is measured
//! against a base that moves once a week, so that no feed gets far in small steps; and a ceiling holds for all feeds
//! together, but for those that are meant to be wide.

use super::Prefix;
use super::cover::Cover;
use super::special;

/// How long a base stays once it was set, in seconds: a week.
const BASE_STAYS: i64 = 7 * 86_400;

/// How much a feed names, and how much of the internet that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its entries.
    pub entries: u64,
    /// The IPv4 addresses in them, each once.
    pub v4: u64,
    /// The /48 networks of IPv6 that they touch, each once: what one site has.
    pub v6: u64,
}

impl Extent {
    /// The extent of prefixes; they may overlap and come in any order.
    pub fn of<'a>(prefixes: impl IntoIterator<Item = &'a Prefix>) -> Self {
        let mut entries = 0;
        let cover = Cover::new(prefixes.into_iter().inspect(|_| entries += 1));
        Self { entries, v4: cover.v4_addresses(), v6: cover.v6_sites() }
    }
}

/// How many IPv4 addresses that share of the public ones is, in percent.
pub fn public_v4(percent: u8) -> u64 {
    let special = Cover::new(special::RANGES.iter().filter_map(|(range, _)| range.parse::<Prefix>().ok()));
    ((1 << 32) - special.v4_addresses()) / 100 * u64::from(percent)
}

/// What is much more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// So many times the base.
    pub times: u32,
    /// And so many entries more than the base.
    pub more: u32,
    /// Or, in place of entries, so many IPv4 addresses or /48 networks of IPv6 more.
    pub more_addresses: u64,
    /// How many IPv4 addresses all feeds may cover together; none for a feed that may be wide.
    pub ceiling: Option<u64>,
}

/// Why a feed is held. Numbers are the base's and those of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surge {
    /// Many more entries.
    Entries(u64, u64),
    /// Many more IPv4 addresses.
    V4(u64, u64),
    /// Many more /48 networks of IPv6.
    V6(u64, u64),
    /// With it all feeds cover so many IPv4 addresses, more than the ceiling.
    Ceiling(u64),
}

/// What is remembered of a feed's size. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// What it covered when it was complete and not held, a week ago at most.
    pub base: Option<Extent>,
    /// When that was.
    pub based_at: Option<i64>,
    /// When it was last complete and not held.
    pub completed_at: Option<i64>,
    /// While it is held: what it named after this time does not count.
    pub held_since: Option<i64>,
}

impl Guard {
    /// Whether a feed that covers `now` is a surge. `total` is how many IPv4 addresses it and all others cover. A first
    /// load is a surge only above the ceiling; a feed that does not grow never is.
    pub fn surge(&self, base: Option<Extent>, now: Extent, total: u64) -> Option<Surge> {
        let grew = |before: u64, now: u64, more: u64| {
            now > before.saturating_mul(self.times.into()) && now > before.saturating_add(more)
        };
        if let Some(base) = base {
            if grew(base.entries, now.entries, self.more.into()) {
                return Some(Surge::Entries(base.entries, now.entries));
            }
            if grew(base.v4, now.v4, self.more_addresses) {
                return Some(Surge::V4(base.v4, now.v4));
            }
            if grew(base.v6, now.v6, self.more_addresses) {
                return Some(Surge::V6(base.v6, now.v6));
            }
        }
        let grows = now.v4 > base.unwrap_or_default().v4;
        (grows && self.ceiling.is_some_and(|ceiling| total > ceiling)).then_some(Surge::Ceiling(total))
    }

    /// What is to be remembered of a feed that covers `extent` at `now`. A surge holds everything that came after the
    /// last complete list, and all of a first load.
    pub fn weigh(&self, known: Size, extent: Extent, total: u64, complete: bool, now: i64) -> Size {
        if self.surge(known.base, extent, total).is_some() {
            let since = known.held_since.or(known.completed_at).unwrap_or(0);
            return Size { held_since: Some(since), ..known };
        }
        if !complete {
            return known;
        }
        let done = Size { completed_at: Some(now), held_since: None, ..known };
        // A clock that was ahead must not keep the base for ever.
        let stays = known.based_at.is_some_and(|at| (0..BASE_STAYS).contains(&(now - at)));
        match known.base {
            Some(_) if stays => done,
            _ => Size { base: Some(extent), based_at: Some(now), ..done },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::snapshot::Versions;
    use crate::ban::{Entry, wanted};
    use proptest::prelude::*;

    const GUARD: Guard =
        Guard { times: 4, more: 5_000, more_addresses: 1_000_000, ceiling: Some(70_000_000) };

    fn entries(entries: u64) -> Extent {
        Extent { entries, v4: entries, v6: 0 }
    }

    #[test]
    fn an_extent_counts_each_address_and_each_site_once() {
        let of = |texts: &[&str]| {
            let prefixes: Vec<Prefix> = texts.iter().map(|text| text.parse().unwrap()).collect();
            let extent = Extent::of(&prefixes);
            (extent.entries, extent.v4, extent.v6)
        };
        assert_eq!(of(&[]), (0, 0, 0));
        assert_eq!(of(&["45.0.0.0/24", "45.0.0.7", "45.0.1.0/24", "46.0.0.1"]), (4, 513, 0));
        assert_eq!(
            of(&["2a05::1", "2a05::2", "2a05:0:0:1::/64", "2a05:0:1::/48", "2a06::/32"]),
            (5, 0, 2 + 65_536)
        );
        assert_eq!(of(&["0.0.0.0/0", "::/0"]), (2, 1 << 32, 1 << 48));
    }

    #[test]
    fn two_percent_of_the_public_addresses_are_some_seventy_millions() {
        assert!((70_000_000..80_000_000).contains(&public_v4(2)), "{}", public_v4(2));
    }

    #[test]
    fn a_surge_is_many_times_more_and_many_more_and_never_a_first_load() {
        let table = [
            (None, 1_000_000, false),
            (Some(0), 5_000, false),
            (Some(0), 5_001, true),
            (Some(1_000), 6_000, false),
            (Some(1_000), 6_001, true),
            (Some(3_000), 12_000, false),
            (Some(3_000), 12_001, true),
            (Some(5_000), 4_000, false),
        ];
        for (before, size, surge) in table {
            let found = GUARD.surge(before.map(entries), entries(size), size);
            assert_eq!(found, surge.then(|| Surge::Entries(before.unwrap(), size)), "{before:?} to {size}");
        }
    }

    #[test]
    fn wide_networks_are_a_surge_in_few_lines_and_a_ceiling_holds_for_all_feeds() {
        let extent = |entries, v4, v6| Extent { entries, v4, v6 };
        let base = extent(1_000, 1_000, 10);
        let table = [
            (extent(1_010, 500_000, 10), 500_000, None),
            (extent(1_010, 2_000_000, 10), 2_000_000, Some(Surge::V4(1_000, 2_000_000))),
            (extent(1_010, 1_000, 2_000_000), 1_000, Some(Surge::V6(10, 2_000_000))),
            (extent(1_001, 1_001, 10), 70_000_001, Some(Surge::Ceiling(70_000_001))),
            // The others are too wide, and this one does not grow.
            (extent(1_000, 1_000, 10), 90_000_000, None),
        ];
        for (now, total, surge) in table {
            assert_eq!(GUARD.surge(Some(base), now, total), surge, "{now:?}");
        }
        let first = extent(3, 80_000_000, 0);
        assert_eq!(GUARD.surge(None, first, 80_000_000), Some(Surge::Ceiling(80_000_000)));
        assert_eq!(Guard { ceiling: None, ..GUARD }.surge(None, first, 80_000_000), None);
    }

    #[test]
    fn a_feed_is_held_from_its_last_complete_list_on_until_a_list_is_no_surge() {
        let week = BASE_STAYS;
        let size = |base: Option<u64>, based_at, completed_at, held_since| Size {
            base: base.map(entries),
            based_at,
            completed_at,
            held_since,
        };
        let now = 50 + week;
        let table = [
            // known, size, complete: remembered
            (Size::default(), 900, true, size(Some(900), Some(now), Some(now), None)),
            (Size::default(), 900, false, Size::default()),
            (Size::default(), 80_000_000, true, Size { held_since: Some(0), ..Size::default() }),
            (
                size(Some(10), Some(60), Some(70), None),
                9_000,
                true,
                size(Some(10), Some(60), Some(70), Some(70)),
            ),
            (
                size(Some(10), Some(60), Some(70), None),
                9_000,
                false,
                size(Some(10), Some(60), Some(70), Some(70)),
            ),
            (
                size(Some(10), Some(60), Some(90), Some(70)),
                9_000,
                true,
                size(Some(10), Some(60), Some(90), Some(70)),
            ),
            // The base stays for a week, and goes at once where its time lies in the future.
            (
                size(Some(10), Some(60), Some(70), Some(70)),
                12,
                true,
                size(Some(10), Some(60), Some(now), None),
            ),
            (size(Some(10), Some(50), Some(70), None), 12, true, size(Some(12), Some(now), Some(now), None)),
            (size(Some(10), Some(now + 9), None, None), 12, true, size(Some(12), Some(now), Some(now), None)),
            // Not to its end: what is held stays held.
            (
                size(Some(10), Some(60), Some(70), Some(70)),
                12,
                false,
                size(Some(10), Some(60), Some(70), Some(70)),
            ),
        ];
        for (known, size, complete, remembered) in table {
            let weighed = GUARD.weigh(known, entries(size), size, complete, now);
            assert_eq!(weighed, remembered, "{known:?} {size} {complete}");
        }
    }

    /// A list: so many networks of one length, from one place on.
    fn version() -> impl Strategy<Value = Vec<Prefix>> {
        let block = (0u32..1 << 12, 8u8..=32, 0u32..900).prop_map(|(place, length, count)| {
            let step = 1u64 << (32 - length);
            (0..u64::from(count))
                .filter_map(|n| {
                    let first = (u64::from(place) << 20) / step * step + n * step;
                    let address = std::net::Ipv4Addr::from(u32::try_from(first).ok()?);
                    format!("{address}/{length}").parse().ok()
                })
                .collect::<Vec<Prefix>>()
        });
        prop::collection::vec(block, 0..3).prop_map(|blocks| {
            let mut all = blocks.concat();
            all.sort();
            all.dedup();
            all
        })
    }

    proptest! {
        #[test]
        fn whatever_a_list_sends_for_months_it_never_covers_more_than_its_ceiling(
            versions in prop::collection::vec((version(), 1i64..20 * 86_400), 1..12)
        ) {
            let guard = Guard { ceiling: Some(3_000_000), ..GUARD };
            let (mut known, mut size, mut now) = (Vec::<Entry>::new(), Size::default(), 1_000);
            for (list, pause) in versions {
                now += pause;
                let of = Versions { known: &known, feed: 7, list: &list, last_seen: None, held_since: size.held_since, ttl: 0 };
                if of.collapsed() {
                    continue;
                }
                let extent = Extent::of(&list);
                size = guard.weigh(size, extent, extent.v4, true, now);
                let change = if size.held_since.is_some() { of.held(now) } else { of.change(now) };
                change.apply(7, &mut known);
                let policy = wanted::FeedPolicy {
                    feed: 7,
                    priority: 0,
                    ttl: 0,
                    held_since: size.held_since,
                    wide: false,
                    widest: crate::ban::width::Widest { v4: 8, v6: 16 },
                    quorum: wanted::Quorum::default(),
                };
                let counts = known.iter().filter(|entry| policy.holds(entry, now)).map(|entry| &entry.prefix);
                let covered = Extent::of(counts).v4;
                prop_assert!(covered <= 3_000_000, "{covered}");
            }
        }
    }
}
