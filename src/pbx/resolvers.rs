//! The nameservers that the PBX asks: `/etc/resolv.conf`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use super::named::{Named, SourceError};
use crate::ban::target::Target;
use crate::ban::{Prefix, Source};

const FILE: &str = "/etc/resolv.conf";
/// Nameservers that the system's resolver looks at.
const MOST: usize = 3;

/// The PBX's nameservers, as protections. No file is no nameserver but the local one.
pub fn read() -> Result<Vec<Named>, SourceError> {
    let text = super::named::small_file(FILE)?;
    let named = |address| Named::new(Source::Resolver, Target::Prefix(Prefix::host(address)), FILE);
    Ok(parse(&text).into_iter().map(named).collect())
}

/// The nameservers to ask, in their order; the local one where none is named.
pub fn nameservers() -> Vec<IpAddr> {
    let mut all = parse(&fs::read_to_string(FILE).unwrap_or_default());
    all.truncate(MOST);
    if all.is_empty() {
        all.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    all
}

/// The addresses of all `nameserver` lines.
pub fn parse(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        // A link-local one carries its interface: fe80::1%eth0.
        address.split('%').next()?.parse().ok()
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nameserver_lines_are_read_and_others_are_not() {
        let text = "# nameserver 1.1.1.1\nsearch example.com\nnameserver 81.2.69.1\n nameserver\t2a05::1 # x\n\
                    nameserver fe80::1%eth0\nnameserver\nnameserver bad\noptions rotate";
        let all: Vec<String> = parse(text).iter().map(IpAddr::to_string).collect();
        assert_eq!(all, ["81.2.69.1", "2a05::1", "fe80::1"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(nameserver )?\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
