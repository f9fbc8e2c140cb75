//! The elements of one of our nftables sets, read from the kernel itself, and changed there: `nft` takes several times as long, for it lets
//! the kernel answer in pieces of 8 KiB, and for each piece the kernel walks the set from its beginning.
//!
//! The kernel keeps a set of intervals as a tree of bounds and hands them over from the highest to the lowest
//! (`nft_rbtree_cmp` of net/netfilter/nft_set_rbtree.c): the end of an interval, which is the first address behind it,
//! then its start. An end is left out where the interval reaches to the last address, and by some versions where the next
//! interval begins there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rustix::io::{Errno, Result};

use crate::ban::hits::{Counter, Element};
use crate::ban::{Cover, Prefix};
use crate::kernel::netlink::{
    CREATE, DUMP, NESTED, Step, ask, attribute, attribute_of, attributes, change, text,
};

/// `NFPROTO_INET`.
const INET: u8 = 1;
/// `NFT_MSG_GETSETELEM`, and `NFT_MSG_NEWSETELEM`, the answer (linux/netfilter/nf_tables.h).
const GET: u8 = 13;
const ANSWER: u8 = 12;
/// `NFT_MSG_NEWSETELEM` and `_DELSETELEM`.
const ADD: u8 = 12;
const REMOVE: u8 = 14;
/// `NFTA_LIST_ELEM`.
const ONE: u16 = 1;
/// So many prefixes are in one step: an attribute holds less than 64 KiB.
const IN_A_STEP: usize = 500;
/// `NFTA_SET_ELEM_LIST_TABLE`, `_SET` and `_ELEMENTS`.
const TABLE: u16 = 1;
const SET: u16 = 2;
const ELEMENTS: u16 = 3;
/// `NFTA_SET_ELEM_KEY`, in which is `NFTA_DATA_VALUE`.
const KEY: u16 = 1;
const VALUE: u16 = 1;
/// `NFTA_SET_ELEM_FLAGS`, where bit 0 is `NFT_SET_ELEM_INTERVAL_END`.
const FLAGS: u16 = 3;
const END: u32 = 1;
/// `NFTA_SET_ELEM_EXPR`, in which are `NFTA_EXPR_NAME` and `_DATA`.
const EXPRESSION: u16 = 7;
/// `NFTA_SET_ELEM_EXPRESSIONS`: several, each in an `NFTA_LIST_ELEM`.
const EXPRESSIONS: u16 = 11;
const NAME: u16 = 1;
const DATA: u16 = 2;
/// `NFTA_COUNTER_BYTES` and `_PACKETS`.
const BYTES: u16 = 1;
const PACKETS: u16 = 2;

/// All that the set `name` of our table holds, from the highest address to the lowest. An error where the kernel has no
/// such set, where somebody changed it meanwhile, and where its bounds are not as this file expects.
pub(super) fn of_set(name: &str, ipv4: bool) -> Result<Vec<Element>> {
    of_set_in("banbridge", name, ipv4)
}

/// The same of another table of ours.
pub(in crate::kernel) fn of_set_in(table: &str, name: &str, ipv4: bool) -> Result<Vec<Element>> {
    let request = [text(TABLE, table), text(SET, name)].concat();
    let mut intervals = Intervals::new(ipv4);
    ask(GET, DUMP, INET, &request, |kind, body| {
        if kind != ANSWER {
            return Err(Errno::BADMSG);
        }
        let list = attribute(body, ELEMENTS).unwrap_or_default();
        attributes(list).try_for_each(|(_, element)| intervals.take(element).ok_or(Errno::BADMSG))
    })?;
    Ok(intervals.elements)
}

/// Takes prefixes out of sets of our table and puts others in, each with the set's name: all at once or not at all, and only
/// if the tables are in this state. Each must be an element as it stands, and be in one step with nothing around it.
pub(super) fn replace_in(
    remove: &[(&str, &[Prefix])],
    add: &[(&str, &[Prefix])],
    generation: u32,
) -> Result<()> {
    let mut steps = Vec::new();
    for (kind, flags, all) in [(REMOVE, 0, remove), (ADD, CREATE, add)] {
        for (name, prefixes) in all {
            steps.extend(prefixes.chunks(IN_A_STEP).map(|some| step(kind, flags, name, some)));
        }
    }
    change(INET, &steps, generation)
}

fn step(kind: u8, flags: u16, name: &str, prefixes: &[Prefix]) -> Step {
    let mut bounds = Vec::new();
    for prefix in prefixes {
        let (first, last) = prefix.bounds();
        let width = if prefix.is_ipv4() { 4 } else { 16 };
        bounds.extend(bound(first, width, false));
        // An interval to the last address has no end.
        let behind = last.checked_add(1).filter(|behind| width == 16 || *behind <= u32::MAX.into());
        if let Some(behind) = behind {
            bounds.extend(bound(behind, width, true));
        }
    }
    let list = attribute_of(ELEMENTS | NESTED, &bounds);
    (kind, flags, [text(TABLE, "banbridge"), text(SET, name), list].concat())
}

/// A bound as an element; `width` is that of an address, in bytes.
fn bound(address: u128, width: usize, is_end: bool) -> Vec<u8> {
    let bytes = address.to_be_bytes();
    let key = attribute_of(KEY | NESTED, &attribute_of(VALUE, &bytes[bytes.len() - width..]));
    let flags = if is_end { attribute_of(FLAGS, &END.to_be_bytes()) } else { Vec::new() };
    attribute_of(ONE | NESTED, &[key, flags].concat())
}

/// Intervals, put together of their bounds.
struct Intervals {
    ipv4: bool,
    elements: Vec<Element>,
    /// The last address that the next start reaches to, and the one before it was narrowed.
    last: u128,
    before: u128,
    /// The bound that was seen last: all that follow are lower, or as high.
    bound: Option<u128>,
}

impl Intervals {
    fn new(ipv4: bool) -> Self {
        let last = if ipv4 { u128::from(u32::MAX) } else { u128::MAX };
        Self { ipv4, elements: Vec::new(), last, before: last, bound: None }
    }

    /// Takes one bound. None when it is none of such a set.
    fn take(&mut self, element: &[u8]) -> Option<()> {
        let key = attribute(attribute(element, KEY)?, VALUE)?;
        let key = match self.ipv4 {
            true => u32::from_be_bytes(key.try_into().ok()?).into(),
            false => u128::from_be_bytes(key.try_into().ok()?),
        };
        let flags = match attribute(element, FLAGS) {
            Some(flags) => u32::from_be_bytes(flags.try_into().ok()?),
            None => 0,
        };
        if self.bound.replace(key).is_some_and(|bound| bound < key) {
            return None;
        }
        if flags & END == 0 {
            // The end of the interval before this one may stand at the same address.
            let last = if self.last >= key { self.last } else { self.before };
            self.push(key, last, counter(element).unwrap_or_default());
        }
        // The kernel begins with an end at 0.
        if let Some(below) = key.checked_sub(1) {
            self.before = self.last;
            self.last = below;
        }
        Some(())
    }

    fn push(&mut self, first: u128, last: u128, counter: Counter) {
        let size = last - first;
        // Nearly always one address or one network.
        if first & size == 0 && size.wrapping_add(1) & size == 0 {
            let host = u8::try_from(size.count_ones()).unwrap_or(128);
            let net = match self.ipv4 {
                true => IpNet::new(self.address(first), 32 - host.min(32)),
                false => IpNet::new(self.address(first), 128 - host),
            };
            if let Ok(net) = net {
                self.elements.push(Element { prefix: Prefix::new(net), counter });
                return;
            }
        }
        let prefixes = Cover::range(self.address(first), self.address(last)).prefixes();
        // The counter of a range stands at its first.
        let counters = std::iter::once(counter).chain(std::iter::repeat(Counter::default()));
        self.elements
            .extend(prefixes.into_iter().zip(counters).map(|(prefix, counter)| Element { prefix, counter }));
    }

    fn address(&self, number: u128) -> IpAddr {
        match u32::try_from(number) {
            Ok(number) if self.ipv4 => Ipv4Addr::from(number).into(),
            _ => Ipv6Addr::from(number).into(),
        }
    }
}

/// The counter of an element; none where it has none.
fn counter(element: &[u8]) -> Option<Counter> {
    let is_counter = |expression: &&[u8]| attribute(expression, NAME) == Some(b"counter\0");
    let single = attribute(element, EXPRESSION).into_iter();
    let several = attribute(element, EXPRESSIONS).into_iter().flat_map(attributes).map(|(_, one)| one);
    let data = attribute(single.chain(several).find(is_counter)?, DATA)?;
    let number = |kind| Some(u64::from_be_bytes(attribute(data, kind)?.try_into().ok()?));
    Some(Counter { packets: number(PACKETS)?, bytes: number(BYTES)? })
}

#[cfg(test)]
mod tests {
    use super::super::super::netlink::tests::written;
    use super::*;

    fn bound(address: &str, end: bool, packets: Option<u64>) -> Vec<u8> {
        let key = match address.parse().unwrap() {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let mut element = written(KEY, &written(VALUE, &key));
        if end {
            element.extend(written(FLAGS, &END.to_be_bytes()));
        }
        if let Some(packets) = packets {
            let data =
                [written(BYTES, &800u64.to_be_bytes()), written(PACKETS, &packets.to_be_bytes())].concat();
            let expression = [written(NAME, b"counter\0"), written(DATA, &data)].concat();
            element.extend(written(EXPRESSION, &expression));
        }
        element
    }

    /// What the bounds are put together to; an `e` in front of an end.
    fn read(ipv4: bool, bounds: &str) -> Option<String> {
        let mut intervals = Intervals::new(ipv4);
        for text in bounds.split_whitespace() {
            let address = text.trim_start_matches('e');
            intervals.take(&bound(address, address != text, None))?;
        }
        let texts: Vec<String> =
            intervals.elements.iter().map(|element| element.prefix.to_string()).collect();
        Some(texts.join(" "))
    }

    #[test]
    fn bounds_become_addresses_and_networks() {
        for (bounds, elements) in [
            ("", ""),
            ("e0.0.0.0", ""),
            ("e45.0.0.5 45.0.0.4 e0.0.0.0", "45.0.0.4"),
            ("e45.0.2.0 45.0.1.0 e45.0.0.5 45.0.0.4 e0.0.0.0", "45.0.1.0/24 45.0.0.4"),
            // To the last address there is no end; from the first there is none at 0.
            ("255.255.255.255 e0.0.0.1 0.0.0.0", "255.255.255.255 0.0.0.0"),
            ("0.0.0.0", "0.0.0.0/0"),
            ("224.0.0.0 e0.0.0.0", "224.0.0.0/3"),
            // Neighbors: the end of one stands where the other starts, before or behind it, or is left out.
            ("e45.0.0.6 45.0.0.5 e45.0.0.5 45.0.0.4", "45.0.0.5 45.0.0.4"),
            ("e45.0.0.6 e45.0.0.5 45.0.0.5 45.0.0.4", "45.0.0.5 45.0.0.4"),
            ("e45.0.0.6 45.0.0.5 45.0.0.4", "45.0.0.5 45.0.0.4"),
            // A range that is no network.
            ("e45.0.0.7 45.0.0.4", "45.0.0.4/31 45.0.0.6"),
            ("e45.0.0.7 45.0.0.5", "45.0.0.5 45.0.0.6"),
        ] {
            assert_eq!(read(true, bounds).as_deref(), Some(elements), "{bounds}");
        }
        for (bounds, elements) in [
            ("e2a05:0:0:1:: 2a05:: e::", "2a05::/64"),
            ("e::2 ::1 e::", "::1"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::", "::/0"),
        ] {
            assert_eq!(read(false, bounds).as_deref(), Some(elements), "{bounds}");
        }
    }

    #[test]
    fn bounds_in_another_order_and_keys_of_another_kind_are_refused() {
        assert_eq!(read(true, "45.0.0.4 e45.0.0.5"), None);
        assert_eq!(read(true, "::1"), None);
        assert_eq!(read(false, "45.0.0.4"), None);
        assert_eq!(Intervals::new(true).take(&[]), None);
    }

    #[test]
    fn the_counter_is_read_wherever_the_kernel_puts_it() {
        let one = bound("45.0.0.4", false, Some(2));
        assert_eq!(counter(&one), Some(Counter { packets: 2, bytes: 800 }));
        let expression = attribute(&one, EXPRESSION).unwrap();
        let limit = written(1, &written(NAME, b"limit\0"));
        let several = written(EXPRESSIONS, &[limit, written(1, expression)].concat());
        assert_eq!(counter(&several), Some(Counter { packets: 2, bytes: 800 }));
        assert_eq!(counter(&bound("45.0.0.4", false, None)), None);
    }
}
