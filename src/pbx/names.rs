//! Host names to addresses, within a bounded time.
//!
//! The system's resolver is asked, so that `/etc/hosts` and search domains count as they do for the firewall. It can
//! hang for half a minute on each name when the network is down, so each name gets a thread of its own and those
//! that are not back in time are left behind; they end with the program. SRV records it cannot ask for: [`srv`] does.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::srv;
use crate::ban::target::SERVICE;

/// Longest time for all names of one run together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Names asked at the same time.
const AT_ONCE: usize = 16;
/// Names looked up in one run at most.
const MOST: usize = 512;

/// What asks for the addresses of names; the tests have one of their own.
pub trait Resolver {
    /// The addresses of each question that was answered (see [`crate::ban::target::Target::question`]); none where there are
    /// surely none. A question that is missing in the answer failed: what was known of it before goes on to count.
    fn resolve(&self, questions: &[String]) -> BTreeMap<String, Vec<IpAddr>>;
}

/// The system's resolver.
pub struct System;

impl Resolver for System {
    fn resolve(&self, questions: &[String]) -> BTreeMap<String, Vec<IpAddr>> {
        let until = Instant::now() + PATIENCE;
        let (sender, receiver) = mpsc::channel();
        let mut waiting = questions.iter().take(MOST).cloned();
        let mut running = 0;
        let mut found = BTreeMap::new();
        loop {
            while running < AT_ONCE {
                let Some(question) = waiting.next() else { break };
                let sender = sender.clone();
                let look_up = move || {
                    let answer = ask(&question);
                    // Nobody listens any more when the time was over.
                    let _ = sender.send((question, answer));
                };
                if thread::Builder::new().spawn(look_up).is_err() {
                    break;
                }
                running += 1;
            }
            if running == 0 {
                return found;
            }
            let Ok((question, answer)) =
                receiver.recv_timeout(until.saturating_duration_since(Instant::now()))
            else {
                return found;
            };
            running -= 1;
            if let Some(mut addresses) = answer {
                addresses.sort_unstable();
                addresses.dedup();
                found.insert(question, addresses);
            }
        }
    }
}

/// The addresses of one question, none when it was not answered.
fn ask(question: &str) -> Option<Vec<IpAddr>> {
    let Some(domain) = question.strip_prefix(SERVICE) else { return addresses(question) };
    let hosts = srv::hosts(domain)?;
    let found: Vec<IpAddr> = hosts.iter().filter_map(|host| addresses(host)).flatten().collect();
    // Hosts that are named and not found are no answer.
    (hosts.is_empty() || !found.is_empty()).then_some(found)
}

fn addresses(name: &str) -> Option<Vec<IpAddr>> {
    let found: Vec<IpAddr> = (name, 0).to_socket_addrs().ok()?.map(|address| address.ip()).collect();
    (!found.is_empty()).then_some(found)
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
}
