//! The administrator at work: the other end of the SSH session that a command was started from.
//!
//! `SSH_CONNECTION` says it (sshd sets it: `client port server port`). sudo and su take it out of the environment, so
//! the processes above are asked too, as far as they may be read. A terminal is not asked for: a command that sshd runs
//! has none. What is found counts for a day after it was last seen. It is no proof, and needs none: who can set the
//! variable of a command that writes the ledger could as well write the ledger.

use std::env;
use std::fs;
use std::net::IpAddr;

use super::named::Named;
use crate::ban::target::Target;
use crate::ban::{Prefix, Source};

const VARIABLES: [&str; 2] = ["SSH_CONNECTION", "SSH_CLIENT"];
/// Processes above this one that are looked at.
const GENERATIONS: usize = 16;

/// The client of this session, if there is one, as a protection.
pub fn read() -> Vec<Named> {
    find()
        .map(|address| Named::new(Source::Ssh, Target::Prefix(Prefix::host(address)), &address.to_string()))
        .into_iter()
        .collect()
}

/// The client of this session, if there is one.
pub fn find() -> Option<IpAddr> {
    let own = VARIABLES.iter().find_map(|name| client(&env::var(name).ok()?));
    own.or_else(|| parents().find_map(|pid| in_environment(&fs::read(format!("/proc/{pid}/environ")).ok()?)))
}

/// The first word of the variable's value, if it is an address.
pub fn client(value: &str) -> Option<IpAddr> {
    value.split_whitespace().next()?.split('%').next()?.parse().ok()
}

/// The client that a process's environment (`NAME=value`, each ended by a zero byte) names.
pub fn in_environment(environment: &[u8]) -> Option<IpAddr> {
    let named = |one: &[u8]| {
        let (name, value) = std::str::from_utf8(one).ok()?.split_once('=')?;
        VARIABLES.contains(&name).then(|| client(value))?
    };
    environment.split(|byte| *byte == 0).find_map(named)
}

/// The processes above this one, the nearest first, without the first of all.
fn parents() -> impl Iterator<Item = u32> {
    let above = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Counted behind the name, which may hold anything.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok().filter(|pid| *pid > 1)
    };
    std::iter::successors(Some(std::process::id()), above).skip(1).take(GENERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_client_is_the_first_word_and_only_an_address() {
        let table = [
            ("81.2.69.9 50122 81.2.69.142 22", Some("81.2.69.9")),
            ("2a05::9 50122 22", Some("2a05::9")),
            ("fe80::9%eth0 50122 22", Some("fe80::9")),
            ("0.0.0.0/0 1 2", None),
            ("office.example.com 1 2", None),
            ("", None),
        ];
        for (value, found) in table {
            assert_eq!(client(value), found.map(|text| text.parse().unwrap()), "{value}");
        }
    }

    #[test]
    fn the_client_is_found_in_an_environment() {
        let environment = b"HOME=/root\0XSSH_CLIENT=1.1.1.1\0SSH_CONNECTION=81.2.69.9 1 2 3\0A=\xff\0";
        assert_eq!(in_environment(environment), Some("81.2.69.9".parse().unwrap()));
        assert_eq!(in_environment(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = in_environment(&bytes);
        }
    }
}
