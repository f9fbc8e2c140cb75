//! Which feed listed which addresses when.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::ban::Prefix;

/// Begin and end, seconds since 1970; the end is not part of it.
pub type Span = (i64, i64);

/// One address or network that a feed listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// What it lists.
    pub prefix: Prefix,
    /// The feed's place, from 0.
    pub feed: u16,
    /// When it was listed.
    pub span: Span,
}

/// All listings, searched by address.
#[derive(Debug, Clone, Default)]
pub struct Listings {
    /// Sorted by prefix.
    all: Vec<Listing>,
    /// The prefix lengths that occur, of IPv4 and of IPv6.
    lengths: [Vec<u8>; 2],
}

impl Listings {
    /// Takes listings in any order.
    pub fn new(mut all: Vec<Listing>) -> Self {
        all.retain(|listing| listing.span.0 < listing.span.1);
        all.sort_unstable_by_key(|listing| (listing.prefix, listing.feed, listing.span));
        let lengths = [true, false].map(|ipv4| {
            let of_family = all.iter().filter(|listing| listing.prefix.is_ipv4() == ipv4);
            let mut lengths: Vec<u8> = of_family.map(|listing| listing.prefix.length()).collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        });
        Self { all, lengths }
    }

    /// Adds some.
    pub fn extend(&mut self, more: Vec<Listing>) {
        let all = std::mem::take(&mut self.all).into_iter().chain(more).collect();
        *self = Self::new(all);
    }

    /// The listings that contain an address.
    pub fn covering(&self, address: IpAddr) -> impl Iterator<Item = &Listing> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().flat_map(move |length| {
            let prefix = IpNet::new(address, *length).map(Prefix::new);
            let found = prefix.map(|prefix| {
                let from = self.all.partition_point(|listing| listing.prefix < prefix);
                let to = from + self.all[from..].partition_point(|listing| listing.prefix == prefix);
                &self.all[from..to]
            });
            found.unwrap_or_default()
        })
    }

    /// When any feed listed an address: spans in order that do not touch.
    pub fn spans(&self, address: IpAddr) -> Vec<Span> {
        joined(self.covering(address).map(|listing| listing.span).collect())
    }

    /// When a feed listed an address.
    pub fn spans_of(&self, feed: u16, address: IpAddr) -> Vec<Span> {
        let of_feed = self.covering(address).filter(|listing| listing.feed == feed);
        joined(of_feed.map(|listing| listing.span).collect())
    }

    /// Since when anything is known of a feed.
    pub fn known_since(&self, feed: u16) -> Option<i64> {
        self.all.iter().filter(|listing| listing.feed == feed).map(|listing| listing.span.0).min()
    }
}

fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let touch = next.0 <= kept.1;
        if touch {
            kept.1 = kept.1.max(next.1);
        }
        touch
    });
    spans
}

/// Whether a moment is in one of the spans.
pub fn contain(spans: &[Span], at: i64) -> bool {
    spans.iter().any(|span| span.0 <= at && at < span.1)
}

/// When an attacker was listed, compared with the first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Already at the first attempt.
    Before,
    /// Within a minute of it.
    At,
    /// That many seconds later.
    After(i64),
    /// Neither then nor later.
    Never,
}

/// How close counts as the same moment, in seconds.
const MOMENT: i64 = 60;

/// When an attacker with these spans, whose first attempt was at `first`, was listed.
pub fn when(first: i64, spans: &[Span]) -> When {
    if let Some(span) = spans.iter().find(|span| span.0 <= first && first < span.1) {
        return if first - span.0 <= MOMENT { When::At } else { When::Before };
    }
    match spans.iter().map(|span| span.0 - first).filter(|after| *after > 0).min() {
        None => When::Never,
        Some(after) if after <= MOMENT => When::At,
        Some(after) => When::After(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listings(all: &[(&str, u16, i64, i64)]) -> Listings {
        let listing = |(prefix, feed, from, to): &(&str, u16, i64, i64)| Listing {
            prefix: prefix.parse().unwrap(),
            feed: *feed,
            span: (*from, *to),
        };
        Listings::new(all.iter().map(listing).collect())
    }

    #[test]
    fn an_address_is_listed_while_anything_that_covers_it_is() {
        let of = listings(&[
            ("203.0.113.7", 0, 100, 200),
            ("203.0.113.0/24", 0, 150, 300),
            ("203.0.113.0/24", 1, 400, 500),
            ("203.0.113.8", 1, 0, 900),
            ("2001:db8::/32", 1, 10, 20),
            ("203.0.113.7", 1, 50, 50),
        ]);
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(of.spans(address), [(100, 300), (400, 500)]);
        assert_eq!(of.spans_of(0, address), [(100, 300)]);
        assert_eq!(of.spans_of(1, address), [(400, 500)]);
        assert_eq!(of.spans("2001:db8::9".parse().unwrap()), [(10, 20)]);
        assert_eq!(of.spans("203.0.114.7".parse().unwrap()), []);
        assert_eq!((of.known_since(0), of.known_since(1), of.known_since(2)), (Some(100), Some(0), None));
    }

    #[test]
    fn a_listing_comes_before_at_or_after_the_first_attempt_or_never() {
        let table: [(i64, &[Span], When); 10] = [
            (1_000, &[(0, 2_000)], When::Before),
            (1_000, &[(939, 2_000)], When::Before),
            (1_000, &[(940, 2_000)], When::At),
            (1_000, &[(1_000, 2_000)], When::At),
            (1_000, &[(1_060, 2_000)], When::At),
            (1_000, &[(1_061, 2_000)], When::After(61)),
            (1_000, &[(0, 1_000)], When::Never),
            (1_000, &[(0, 500), (4_600, 5_000)], When::After(3_600)),
            (1_000, &[(0, 1_001)], When::Before),
            (1_000, &[], When::Never),
        ];
        for (first, spans, expected) in table {
            assert_eq!(when(first, spans), expected, "{spans:?}");
        }
    }

    proptest! {
        #[test]
        fn covering_finds_the_same_as_searching_all(
            all in prop::collection::vec((0u32..64, 24u8..=32, 0u16..3, 0i64..9, 1i64..9), 0..40), host in 0u32..64
        ) {
            let all: Vec<Listing> = all
                .into_iter()
                .map(|(host, length, feed, from, more)| {
                    let address = std::net::Ipv4Addr::from(0x2d00_0000 + host);
                    let net = ipnet::Ipv4Net::new(address, length).unwrap();
                    Listing { prefix: net.into(), feed, span: (from, from + more) }
                })
                .collect();
            let address = IpAddr::from(std::net::Ipv4Addr::from(0x2d00_0000 + host));
            let key = |listing: &&Listing| (listing.prefix, listing.feed, listing.span);
            let mut expected: Vec<&Listing> =
                all.iter().filter(|listing| listing.prefix.contains(&Prefix::host(address))).collect();
            expected.sort_by_key(key);
            let of = Listings::new(all.clone());
            let mut found: Vec<&Listing> = of.covering(address).collect();
            found.sort_by_key(key);
            prop_assert_eq!(&found, &expected);
            let spans = of.spans(address);
            for at in 0..20 {
                let any = expected.iter().any(|listing| listing.span.0 <= at && at < listing.span.1);
                prop_assert_eq!(contain(&spans, at), any);
            }
        }
    }
}
