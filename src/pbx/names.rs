//! Host names to addresses, within a bounded time.
//!
//! The system's resolver is asked, so that `/etc/hosts` and search domains count as they do for the firewall. It can
//! hang for half a minute on each name when the network is down, so each name gets a thread of its own and those
//! that are not back in time are left behind; they end with the program.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time for all names of one run together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Names asked at the same time.
const AT_ONCE: usize = 16;
/// Names looked up in one run at most.
const MOST: usize = 512;

/// What asks for the addresses of names; the tests have one of their own.
pub trait Resolver {
    /// The addresses of each name that was answered. A name that is missing in the answer failed: what was known of
    /// it before goes on to count.
    fn resolve(&self, names: &[String]) -> BTreeMap<String, Vec<IpAddr>>;
}

/// The system's resolver.
pub struct System;

impl Resolver for System {
    fn resolve(&self, names: &[String]) -> BTreeMap<String, Vec<IpAddr>> {
        let until = Instant::now() + PATIENCE;
        let (sender, receiver) = mpsc::channel();
        let mut waiting = names.iter().take(MOST).cloned();
        let mut running = 0;
        let mut found = BTreeMap::new();
        loop {
            while running < AT_ONCE {
                let Some(name) = waiting.next() else { break };
                let sender = sender.clone();
                let look_up = move || {
                    let answer =
                        (name.as_str(), 0).to_socket_addrs().map(|all| all.map(|a| a.ip()).collect());
                    // Nobody listens any more when the time was over.
                    let _ = sender.send((name, answer.unwrap_or_default()));
                };
                if thread::Builder::new().spawn(look_up).is_err() {
                    break;
                }
                running += 1;
            }
            if running == 0 {
                return found;
            }
            let Ok((name, mut addresses)) =
                receiver.recv_timeout(until.saturating_duration_since(Instant::now()))
            else {
                return found;
            };
            running -= 1;
            if !Vec::is_empty(&addresses) {
                addresses.sort_unstable();
                addresses.dedup();
                found.insert(name, addresses);
            }
        }
    }
}

/// Whether a text can be a host name: letters, digits, dots, hyphens and underscores, in labels of 63 at most.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    // A last label of digits only is no host name but a mistyped address, which getaddrinfo would read its own way.
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 191
        && text.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
        && !last.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_etc_hosts_are_found_and_others_are_left_out() {
        let found = System.resolve(&["localhost".to_owned(), "no-such-name.invalid".to_owned()]);
        assert!(found["localhost"].iter().any(IpAddr::is_loopback));
        assert!(!found.contains_key("no-such-name.invalid"));
    }

    #[test]
    fn what_can_be_a_name_is_told_from_mistyped_addresses_and_junk() {
        for name in ["sip.example.com", "pbx", "a_b.example.", "1und1.example"] {
            assert!(is_name(name), "{name}");
        }
        for text in
            ["", "10.0.1", "010.0.0.1", "0x7f.0x1", "a b", "a..b", "-;DROP", "example.com/24", "4.5.6.7"]
        {
            assert!(!is_name(text), "{text}");
        }
    }
}
