//! What a feed calls an address (the first line), and what never-block makes of it, with a protection in each line
//! below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use banbridge::ban::never_block::Verdict;
use banbridge::ban::{Cover, NeverBlock, Prefix, Protection, Source, special};

use super::text;

/// Who is never blocked, whatever the program's own table says.
const NEVER: [&str; 13] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "::",
    "::1",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// The entry as it is written, and who is protected; no more than a few, since all are compared with all.
fn parts(text: &str) -> (&str, Vec<Prefix>) {
    let mut lines = text.split('\n');
    let entry = lines.next().unwrap_or_default();
    (entry, lines.filter_map(|line| line.parse().ok()).take(8).collect())
}

fn never_block(protected: &[Prefix]) -> NeverBlock {
    NeverBlock::new(protected.iter().map(|prefix| Protection {
        prefix: *prefix,
        source: Source::Zone,
        label: prefix.to_string(),
    }))
}

pub fn read(data: &[u8]) {
    let text = text(data);
    let (entry, protected) = parts(&text);
    if let Ok(prefix) = entry.parse::<Prefix>() {
        let _ = never_block(&protected).judge(&prefix);
    }
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let (entry, protected) = parts(&text);
    let Ok(prefix) = entry.parse::<Prefix>() else {
        assert!(entry.parse::<IpAddr>().is_err(), "{entry:?} is an address");
        return;
    };
    // It was written in full, and nothing was guessed.
    let address = entry.trim_ascii().split('/').next().unwrap_or_default();
    let address: IpAddr = address.parse().expect("an address in full");
    assert!(prefix.contains(&address.into()) || Prefix::from(address).is_ipv4() != prefix.is_ipv4());
    same_when_written(&prefix);

    let all: Vec<Prefix> = special::RANGES
        .iter()
        .map(|(range, _)| *range)
        .chain(NEVER)
        .map(|range| range.parse().expect("a prefix"))
        .chain(protected.iter().copied())
        .collect();
    let never_block = never_block(&protected);
    let rest = match never_block.judge(&prefix) {
        Verdict::Free => vec![prefix],
        Verdict::Protected(reason) => {
            assert!(reason.prefix.contains(&prefix) || prefix.contains(&reason.prefix));
            Vec::new()
        }
        Verdict::Carved(rest) => {
            assert_ne!(rest, [prefix]);
            rest
        }
    };
    for piece in &rest {
        same_when_written(piece);
        assert!(prefix.contains(piece));
        assert_eq!(never_block.judge(piece), Verdict::Free);
        for never in &all {
            assert!(!piece.contains(never) && !never.contains(piece), "{piece} blocks {never}");
        }
    }
    assert_eq!(Cover::new(&rest).prefixes(), rest, "not the fewest prefixes in order");
    // Nothing else is lost: every address beside a border is blocked once or protected.
    for address in all.iter().chain([&prefix]).flat_map(beside) {
        if prefix.contains(&address) {
            let is_protected = all.iter().any(|one| one.contains(&address));
            let times = rest.iter().filter(|piece| piece.contains(&address)).count();
            assert_eq!(times, usize::from(!is_protected), "{address}");
        }
    }
}

/// The first and the last address of a prefix and their neighbours.
fn beside(prefix: &Prefix) -> Vec<Prefix> {
    let (first, last) = prefix.bounds();
    let around = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
    around
        .into_iter()
        .flatten()
        .filter_map(|number| match prefix.is_ipv4() {
            true => u32::try_from(number).ok().map(|number| Prefix::host(Ipv4Addr::from(number).into())),
            // Those that are IPv4 in another coat are of the other family.
            false => Some(Prefix::host(Ipv6Addr::from(number).into())).filter(|prefix| !prefix.is_ipv4()),
        })
        .collect()
}

/// Canonical, short enough for the column, and nothing in it that another program would read in its own way.
fn same_when_written(prefix: &Prefix) {
    let written = prefix.to_string();
    assert_eq!(written.parse(), Ok(*prefix));
    assert_eq!(Prefix::new(prefix.net()), *prefix);
    assert!(written.len() <= 43 && written.bytes().all(|b| b.is_ascii_hexdigit() || b".:/".contains(&b)));
    let (first, last) = prefix.bounds();
    let bits = if prefix.is_ipv4() { 32 } else { 128 } - u32::from(prefix.length());
    assert_eq!(last - first, if bits == 128 { u128::MAX } else { (1 << bits) - 1 });
}
