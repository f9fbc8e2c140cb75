//! A set of addresses as sorted ranges: the arithmetic of never-block, carving and aggregation.
//!
//! Ranges rather than prefixes, because "everything in this network but that host" is simple in ranges, and
//! `ipnet` turns a range back into the fewest prefixes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Subnets, Ipv6Subnets};

use super::Prefix;

/// First and last address of a range, both included.
type Range = (u128, u128);

/// A set of addresses of both families. Built once, then asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cover {
    v4: Vec<Range>,
    v6: Vec<Range>,
}

impl Cover {
    /// The union of prefixes; they may overlap and come in any order.
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a Prefix>) -> Self {
        let mut cover = Self::default();
        for prefix in prefixes {
            cover.family_mut(prefix.is_ipv4()).push(prefix.bounds());
        }
        merge(&mut cover.v4);
        merge(&mut cover.v6);
        cover
    }

    /// All addresses from the first to the last; nothing when they are of two families or the wrong way round.
    pub fn range(first: IpAddr, last: IpAddr) -> Self {
        let number = |address| Prefix::host(address).bounds().0;
        let mut cover = Self::default();
        if first.is_ipv4() == last.is_ipv4() && first <= last {
            cover.family_mut(first.is_ipv4()).push((number(first), number(last)));
        }
        cover
    }

    fn family(&self, ipv4: bool) -> &Vec<Range> {
        if ipv4 { &self.v4 } else { &self.v6 }
    }

    fn family_mut(&mut self, ipv4: bool) -> &mut Vec<Range> {
        if ipv4 { &mut self.v4 } else { &mut self.v6 }
    }

    /// The ranges that touch a prefix, as they are (not cut to it).
    fn touching(&self, prefix: &Prefix) -> &[Range] {
        let (first, last) = prefix.bounds();
        let ranges = self.family(prefix.is_ipv4());
        let from = ranges.partition_point(|range| range.1 < first);
        let to = from + ranges[from..].partition_point(|range| range.0 <= last);
        &ranges[from..to]
    }

    /// Whether every address of the prefix is in the set.
    pub fn contains(&self, prefix: &Prefix) -> bool {
        let (first, last) = prefix.bounds();
        matches!(self.touching(prefix), [range] if range.0 <= first && last <= range.1)
    }

    /// Whether any address of the prefix is in the set.
    pub fn overlaps(&self, prefix: &Prefix) -> bool {
        !self.touching(prefix).is_empty()
    }

    /// The prefix without the set: the fewest prefixes that hold exactly the rest, in order. The prefix itself when
    /// nothing of it is in the set, nothing when all of it is.
    pub fn carve(&self, prefix: &Prefix) -> Vec<Prefix> {
        let touching = self.touching(prefix);
        if touching.is_empty() {
            return vec![*prefix];
        }
        let (first, last) = prefix.bounds();
        let mut rest = Vec::new();
        let mut next = Some(first);
        for range in touching {
            let Some(from) = next else { break };
            if range.0 > from {
                push_range((from, range.0 - 1), prefix.is_ipv4(), &mut rest);
            }
            next = range.1.checked_add(1).filter(|&address| address <= last);
        }
        if let Some(from) = next {
            push_range((from, last), prefix.is_ipv4(), &mut rest);
        }
        rest
    }

    /// The whole set as the fewest prefixes, in order: neighbours merged, nothing added or lost.
    pub fn prefixes(&self) -> Vec<Prefix> {
        let mut prefixes = Vec::with_capacity(self.v4.len() + self.v6.len());
        for (ipv4, ranges) in [(true, &self.v4), (false, &self.v6)] {
            for range in ranges {
                push_range(*range, ipv4, &mut prefixes);
            }
        }
        prefixes
    }
}

/// Sorts ranges and joins those that overlap or are neighbours.
fn merge(ranges: &mut Vec<Range>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joined = kept.1 == u128::MAX || next.0 <= kept.1 + 1;
        if joined {
            kept.1 = kept.1.max(next.1);
        }
        joined
    });
}

/// Appends the fewest prefixes that hold exactly the range.
fn push_range((first, last): Range, ipv4: bool, prefixes: &mut Vec<Prefix>) {
    if ipv4 {
        // Ranges of the IPv4 family were made from 32-bit addresses.
        let (first, last) = (Ipv4Addr::from(first as u32), Ipv4Addr::from(last as u32));
        prefixes.extend(Ipv4Subnets::new(first, last, 0).map(Prefix::from));
    } else {
        let (first, last) = (Ipv6Addr::from(first), Ipv6Addr::from(last));
        prefixes.extend(Ipv6Subnets::new(first, last, 0).map(Prefix::from));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefixes(texts: &[&str]) -> Vec<Prefix> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn carved(prefix: &str, cover: &[&str]) -> Vec<String> {
        let rest = Cover::new(&prefixes(cover)).carve(&prefix.parse().unwrap());
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
        let all = Cover::new(&prefixes(&["::/1", "8000::/1", "0.0.0.0/1", "128.0.0.0/1", "::5"]));
        assert_eq!(all.prefixes(), prefixes(&["0.0.0.0/0", "::/0"]));
        assert_eq!(all.carve(&"::/0".parse().unwrap()), []);
    }

    #[test]
    fn no_piece_of_an_ipv6_network_becomes_ipv4() {
        for (whole, without) in [("::/32", "::/96"), ("::/80", "::fffe:0:0/96"), ("::/0", "8000::/1")] {
            let rest = Cover::new(&prefixes(&[without])).carve(&whole.parse().unwrap());
            assert!(!rest.is_empty() && rest.iter().all(|prefix| !prefix.is_ipv4()), "{whole}: {rest:?}");
        }
    }

    #[test]
    fn neighbours_are_merged_and_others_are_not() {
        let cover = Cover::new(&prefixes(&["45.0.0.2", "45.0.0.0/31", "45.0.0.3", "45.0.0.5", "45.0.0.5"]));
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
        fn merging_neither_adds_nor_loses_an_address(all in prop::collection::vec(crowded(), 0..20)) {
            let merged = Cover::new(&all).prefixes();
            for address in corner() {
                let before = all.iter().any(|p| p.contains(&address));
                prop_assert_eq!(merged.iter().filter(|p| p.contains(&address)).count(), usize::from(before));
            }
        }
    }
}
