//! The small world of a schedule: 512 addresses of IPv4 and 128 of IPv6, so that what must be blocked can be reckoned
//! address by address, without a line of the program.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address of the world: its family and its place there.
pub type Place = (bool, u32);

const FIRST_V4: u32 = 0x2d00_0000;
const COUNT_V4: u32 = 512;
const FIRST_V6: u128 = 0x2a0f << 112;
const COUNT_V6: u32 = 128;

/// What the resolver says all the time.
pub const NAMES: [(&str, &str); 2] = [("bad.example.com", "45.0.0.77"), ("office.example.com", "45.0.1.9")];

/// All places that an entry, a row or a zone's member covers; a name covers what it resolves to.
pub fn places(text: &str) -> BTreeSet<Place> {
    let text = NAMES.iter().find(|(name, _)| *name == text).map_or(text, |(_, address)| address);
    let (address, length) = text.split_once('/').unwrap_or((text, "200"));
    let Ok(length) = length.parse::<u32>() else { return BTreeSet::new() };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let free = 32 - length.min(32);
            let same =
                |at: &u32| (u64::from(FIRST_V4 + at) >> free) == (u64::from(u32::from(address)) >> free);
            (0..COUNT_V4).filter(same).map(|at| (false, at)).collect()
        }
        Ok(IpAddr::V6(address)) => {
            let free = 128 - length.min(128);
            let same = |at: &u32| {
                let one = FIRST_V6 + u128::from(*at);
                free == 128 || (one >> free) == (u128::from(address) >> free)
            };
            (0..COUNT_V6).filter(same).map(|at| (true, at)).collect()
        }
        Err(_) => BTreeSet::new(),
    }
}

/// All places of several texts.
pub fn all_places<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> BTreeSet<Place> {
    texts.into_iter().flat_map(|text| places(text.as_ref())).collect()
}

/// An address as a text.
pub fn address(place: Place) -> String {
    match place {
        (false, at) => Ipv4Addr::from(FIRST_V4 + at).to_string(),
        (true, at) => Ipv6Addr::from(FIRST_V6 + u128::from(at)).to_string(),
    }
}

/// Chance that a seed repeats: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, count: u32) -> u32 {
        u32::try_from(self.next() % u64::from(count)).unwrap()
    }

    /// True once in `count` times.
    pub fn once_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    pub fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(u32::try_from(all.len()).unwrap()) as usize]
    }

    /// An address or network of the world, mostly single addresses and mostly of IPv4.
    pub fn entry(&mut self) -> String {
        if self.once_in(6) {
            let at = self.below(COUNT_V6);
            return if self.once_in(3) {
                format!("{}/125", address((true, at & !7)))
            } else {
                address((true, at))
            };
        }
        self.entry_v4()
    }

    /// The same of IPv4 only.
    pub fn entry_v4(&mut self) -> String {
        let at = self.below(COUNT_V4);
        let length = [32, 32, 32, 32, 31, 30, 28, 26][self.below(8) as usize];
        match length {
            32 => address((false, at)),
            _ => format!("{}/{length}", address((false, at >> (32 - length) << (32 - length)))),
        }
    }
}

#[test]
fn the_world_is_what_it_says() {
    assert_eq!(places("45.0.0.4/30"), (4..8).map(|at| (false, at)).collect());
    assert_eq!(places("45.0.0.77"), places("bad.example.com"));
    assert_eq!(places("45.0.0.0/8").len(), 512);
    assert_eq!(places("2a0f::/125"), (0..8).map(|at| (true, at)).collect());
    assert_eq!(places("5.188.10.9").len() + places("<b>").len() + places("1.2.3.4/x").len(), 0);
    assert_eq!(places(&address((true, 99))), [(true, 99)].into());
}
