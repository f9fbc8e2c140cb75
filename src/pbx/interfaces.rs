//! The PBX's own addresses: a list that names the PBX itself must not make it refuse its own packets.

use std::io;

use crate::ban::{Prefix, Protection, Source};

/// Every address on every network interface.
pub fn read() -> io::Result<Vec<Protection>> {
    Ok(if_addrs::get_if_addrs()?
        .into_iter()
        .map(|interface| Protection {
            prefix: Prefix::host(interface.ip()),
            source: Source::Interface,
            label: interface.name,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_addresses() {
        let addresses = read().unwrap();
        assert!(addresses.iter().any(|a| a.prefix == "127.0.0.1".parse().unwrap() && a.label == "lo"));
    }
}
