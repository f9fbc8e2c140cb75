//! The PBX's own addresses: a list that names the PBX itself must not make it refuse its own packets.

use super::named::{Named, SourceError};
use crate::ban::target::Target;
use crate::ban::{Prefix, Source};

/// Every address on every network interface.
pub fn read() -> Result<Vec<Named>, SourceError> {
    let all = if_addrs::get_if_addrs().map_err(|error| {
        SourceError::unreadable(format!("the network interfaces cannot be read: {error}"))
    })?;
    let named = |interface: if_addrs::Interface| {
        Named::new(Source::Interface, Target::Prefix(Prefix::host(interface.ip())), &interface.name)
    };
    Ok(all.into_iter().map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_addresses() {
        let loopback = Target::Prefix("127.0.0.1".parse().unwrap());
        assert!(read().unwrap().iter().any(|named| named.target == loopback && named.label == "lo"));
    }
}
