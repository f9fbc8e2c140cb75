//! A set of addresses as sorted ranges: the arithmetic of never-block, carving and aggregation.
//!
//! Ranges rather than prefixes, because "everything in this network but that host" is simple in ranges, and
//! `ipnet` turns a range back into the fewest prefixes.

use std::borrow::Borrow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::Prefix;

/// First and last address of a range, both included, as numbers: of 32 bits for IPv4, since there are millions.
type Range<N> = (N, N);

/// A set of addresses of both families. Built once, then asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cover {
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
}

/// A [`Cover`] that is still being gathered.
#[derive(Debug, Default)]
pub struct Gathering(Cover);

impl Gathering {
    /// Adds a prefix; they may overlap and come in any order.
    pub fn add(&mut self, prefix: &Prefix) {
        match bounds(prefix) {
            Bounds::V4(range) => self.0.v4.push(range),
            Bounds::V6(range) => self.0.v6.push(range),
        }
    }

    /// The union of all.
    pub fn done(mut self) -> Cover {
        merge(&mut self.0.v4);
        merge(&mut self.0.v6);
        self.0
    }
}

impl Cover {
    /// The union of prefixes; they may overlap and come in any order.
    pub fn new<P: Borrow<Prefix>>(prefixes: impl IntoIterator<Item = P>) -> Self {
        let mut all = Gathering::default();
        for prefix in prefixes {
            all.add(prefix.borrow());
        }
        all.done()
    }

    /// All addresses from the first to the last; nothing when they are of two families or the wrong way round.
    pub fn range(first: IpAddr, last: IpAddr) -> Self {
        let mut cover = Self::default();
        match (bounds(&Prefix::host(first)), bounds(&Prefix::host(last))) {
            (Bounds::V4((first, _)), Bounds::V4((last, _))) if first <= last => cover.v4.push((first, last)),
            (Bounds::V6((first, _)), Bounds::V6((last, _))) if first <= last => cover.v6.push((first, last)),
            _ => {}
        }
        cover
    }

    /// Whether every address of the prefix is in the set.
    pub fn contains(&self, prefix: &Prefix) -> bool {
        match bounds(prefix) {
            Bounds::V4(asked) => contains(&self.v4, asked),
            Bounds::V6(asked) => contains(&self.v6, asked),
        }
    }

    /// Whether any address of the prefix is in the set.
    pub fn overlaps(&self, prefix: &Prefix) -> bool {
        match bounds(prefix) {
            Bounds::V4(asked) => !touching(&self.v4, asked).is_empty(),
            Bounds::V6(asked) => !touching(&self.v6, asked).is_empty(),
        }
    }

    /// The prefix without the set: the fewest prefixes that hold exactly the rest, in order. The prefix itself when
    /// nothing of it is in the set, nothing when all of it is.
    pub fn carve(&self, prefix: &Prefix) -> Vec<Prefix> {
        match bounds(prefix) {
            Bounds::V4(asked) => carve(&self.v4, asked, prefix),
            Bounds::V6(asked) => carve(&self.v6, asked, prefix),
        }
    }

    /// How many IPv4 addresses are in the set.
    pub fn v4_addresses(&self) -> u64 {
        self.v4.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// How many /48 networks of IPv6 the set touches.
    pub fn v6_sites(&self) -> u64 {
        let (mut sites, mut before) = (0, None);
        for (first, last) in self.v6.iter().map(|(first, last)| (first >> 80, last >> 80)) {
            let again = u64::from(before == Some(first));
            sites += u64::try_from(last - first).unwrap_or(u64::MAX - 1) + 1 - again;
            before = Some(last);
        }
        sites
    }

    /// The whole set as the fewest prefixes, in order: neighbours merged, nothing added or lost.
    pub fn prefixes(&self) -> Vec<Prefix> {
        let mut prefixes = Vec::with_capacity(self.v4.len() + self.v6.len());
        self.v4.iter().for_each(|range| u32::push(*range, &mut prefixes));
        self.v6.iter().for_each(|range| u128::push(*range, &mut prefixes));
        prefixes
    }

    /// Whether these would be more than so many, without making them all.
    pub fn is_more_than(&self, most: usize) -> bool {
        let mut count = 0;
        let mut of_one = Vec::new();
        self.v4.len() + self.v6.len() > most
            || self.v4.iter().any(|range| is_more(*range, &mut of_one, &mut count, most))
            || self.v6.iter().any(|range| is_more(*range, &mut of_one, &mut count, most))
    }
}

/// Adds the prefixes of one range to the count and says whether they are too many by now.
fn is_more<N: Number>(range: Range<N>, of_one: &mut Vec<Prefix>, count: &mut usize, most: usize) -> bool {
    of_one.clear();
    N::push(range, of_one);
    *count += of_one.len();
    *count > most
}

/// First and last address of a prefix.
enum Bounds {
    V4(Range<u32>),
    V6(Range<u128>),
}

fn bounds(prefix: &Prefix) -> Bounds {
    match prefix.net() {
        IpNet::V4(net) => Bounds::V4((net.network().into(), net.broadcast().into())),
        IpNet::V6(net) => Bounds::V6((net.network().into(), net.broadcast().into())),
    }
}

/// The number of an address.
trait Number: Copy + Ord {
    /// The next one; none after the last.
    fn next(self) -> Option<Self>;
    /// The one before; of the first itself.
    fn before(self) -> Self;
    /// Appends the fewest prefixes that hold exactly the range.
    fn push(range: Range<Self>, prefixes: &mut Vec<Prefix>);
}

impl Number for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn before(self) -> Self {
        self.saturating_sub(1)
    }
    fn push((first, last): Range<Self>, prefixes: &mut Vec<Prefix>) {
        prefixes.extend(Ipv4Subnets::new(Ipv4Addr::from(first), Ipv4Addr::from(last), 0).map(Prefix::from));
    }
}

impl Number for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn before(self) -> Self {
        self.saturating_sub(1)
    }
    fn push((first, last): Range<Self>, prefixes: &mut Vec<Prefix>) {
        prefixes.extend(Ipv6Subnets::new(Ipv6Addr::from(first), Ipv6Addr::from(last), 0).map(Prefix::from));
    }
}

/// The ranges that touch another, as they are (not cut to it).
fn touching<N: Number>(ranges: &[Range<N>], (first, last): Range<N>) -> &[Range<N>] {
    let from = ranges.partition_point(|range| range.1 < first);
    let to = from + ranges[from..].partition_point(|range| range.0 <= last);
    &ranges[from..to]
}

fn contains<N: Number>(ranges: &[Range<N>], asked: Range<N>) -> bool {
    matches!(touching(ranges, asked), [range] if range.0 <= asked.0 && asked.1 <= range.1)
}

fn carve<N: Number>(ranges: &[Range<N>], (first, last): Range<N>, prefix: &Prefix) -> Vec<Prefix> {
    let touching = touching(ranges, (first, last));
    if touching.is_empty() {
        return vec![*prefix];
    }
    let mut rest = Vec::new();
    let mut next = Some(first);
    for range in touching {
        let Some(from) = next else { break };
        if range.0 > from {
            N::push((from, range.0.before()), &mut rest);
        }
        next = range.1.next().filter(|address| *address <= last);
    }
    if let Some(from) = next {
        N::push((from, last), &mut rest);
    }
    rest
}

/// Sorts ranges and joins those that overlap or are neighbours.
fn merge<N: Number>(ranges: &mut Vec<Range<N>>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joined = kept.1.next().is_none_or(|after| next.0 <= after);
        if joined {
            kept.1 = kept.1.max(next.1);
        }
        joined
    });
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefixes(texts: &[&str]) -> Vec<Prefix> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn carved(prefix: &str, cover: &[&str]) -> Vec<String> {
        let rest = Cover::new(prefixes(cover)).carve(&prefix.parse().unwrap());
        rest.iter().map(Prefix::to_string).collect()
    }

    #[test]
    fn carving_leaves_the_fewest_prefixes_around_what_is_taken_out() {
        let table: [(&str, &[&str], &[&str]); 8] = [
            ("45.0.0.0/30", &[], &["45.0.0.0/30"]),
            ("45.0.0.0/30", &["46.0.0.0/8"], &["45.0.0.0/30"]),
            ("45.0.0.0/30", &["45.0.0.1"], &["45.0.0.0", "45.0.0.2/31"]),
            ("45.0.0.0/30", &["45.0.0.0", "45.0.0.3"], &["45.0.0.1", "45.0.0.2"]),
            ("45.0.0.0/30", &["45.0.0.0/8"], &[]),
            ("45.0.0.0/30", &["45.0.0.0/30"], &[]),
            ("0.0.0.0/0", &["0.0.0.0/1"], &["128.0.0.0/1"]),
            ("2a05::/126", &["2a05::3", "45.0.0.1"], &["2a05::/127", "2a05::2"]),
        ];
        for (prefix, cover, rest) in table {
            assert_eq!(carved(prefix, cover), rest, "{prefix} without {cover:?}");
        }
    }

    #[test]
    fn the_whole_address_space_is_merged_and_carved_without_overflow() {
        let all = Cover::new(prefixes(&["::/1", "8000::/1", "0.0.0.0/1", "128.0.0.0/1", "::5"]));
        assert_eq!(all.prefixes(), prefixes(&["0.0.0.0/0", "::/0"]));
        assert_eq!(all.carve(&"::/0".parse().unwrap()), []);
    }

    #[test]
    fn no_piece_of_an_ipv6_network_becomes_ipv4() {
        for (whole, without) in [("::/32", "::/96"), ("::/80", "::fffe:0:0/96"), ("::/0", "8000::/1")] {
            let rest = Cover::new(prefixes(&[without])).carve(&whole.parse().unwrap());
            assert!(!rest.is_empty() && rest.iter().all(|prefix| !prefix.is_ipv4()), "{whole}: {rest:?}");
        }
    }

    #[test]
    fn neighbours_are_merged_and_others_are_not() {
        let cover = Cover::new(prefixes(&["45.0.0.2", "45.0.0.0/31", "45.0.0.3", "45.0.0.5", "45.0.0.5"]));
        assert_eq!(cover.prefixes(), prefixes(&["45.0.0.0/30", "45.0.0.5"]));
    }

    /// Prefixes in a small corner of the address space, so that they meet.
    pub(crate) fn crowded() -> impl Strategy<Value = Prefix> {
        (0u32..64, 26u8..=32, any::<bool>()).prop_map(|(bits, length, four)| {
            if four {
                format!("45.0.0.{bits}/{length}").parse().unwrap()
            } else {
                format!("2a05::{bits:x}/{}", length + 96).parse().unwrap()
            }
        })
    }

    /// Every address of that corner.
    pub(crate) fn corner() -> impl Iterator<Item = Prefix> {
        (0..64).flat_map(|bits| {
            [format!("45.0.0.{bits}"), format!("2a05::{bits:x}")].map(|text| text.parse().unwrap())
        })
    }

    proptest! {
        #[test]
        fn carving_covers_the_rest_exactly_and_never_what_is_taken_out(
            prefix in crowded(), taken in prop::collection::vec(crowded(), 0..6)
        ) {
            let cover = Cover::new(&taken);
            let rest = cover.carve(&prefix);
            for address in corner() {
                let is_taken = taken.iter().any(|t| t.contains(&address));
                let in_rest = rest.iter().filter(|r| r.contains(&address)).count();
                prop_assert_eq!(in_rest, usize::from(prefix.contains(&address) && !is_taken));
                prop_assert_eq!(cover.contains(&address), is_taken);
            }
            prop_assert_eq!(cover.overlaps(&prefix), rest != vec![prefix]);
            prop_assert_eq!(cover.contains(&prefix), rest.is_empty());
            // The fewest: merging what came out changes nothing.
            prop_assert_eq!(Cover::new(&rest).prefixes(), rest);
        }

        #[test]
        fn whether_they_are_more_is_told_without_making_them(all in prop::collection::vec(crowded(), 0..20)) {
            let cover = Cover::new(&all);
            let number = cover.prefixes().len();
            for most in 0..number + 3 {
                prop_assert_eq!(cover.is_more_than(most), number > most);
            }
        }

        #[test]
        fn merging_neither_adds_nor_loses_an_address(all in prop::collection::vec(crowded(), 0..20)) {
            let merged = Cover::new(&all).prefixes();
            for address in corner() {
                let before = all.iter().any(|p| p.contains(&address));
                prop_assert_eq!(merged.iter().filter(|p| p.contains(&address)).count(), usize::from(before));
            }
        }
    }
}
