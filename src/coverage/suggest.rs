//! What other lists would have caught.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::listings::{Listings, When, when};
use super::tally::Tally;
use crate::ban::{Cover, Prefix};

/// One attacker, as much as is needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The attacker's address.
    pub address: IpAddr,
    /// All attempts.
    pub attempts: u64,
    /// The attempts while no feed listed the attacker.
    pub unlisted: u64,
    /// Whether no feed listed the attacker at the first attempt or later.
    pub never: bool,
}

/// The attackers that were counted, in the order of their addresses.
pub fn suspects(tally: &Tally<'_>, listings: &Listings) -> Vec<Suspect> {
    let attackers = tally.attackers.iter().filter(|(_, attacker)| !attacker.protected);
    let mut all: Vec<Suspect> = attackers
        .map(|(address, attacker)| Suspect {
            address: *address,
            attempts: attacker.attempts,
            unlisted: attacker.unlisted,
            never: when(attacker.first, &listings.spans(*address)) == When::Never,
        })
        .collect();
    all.sort_unstable_by_key(|suspect| suspect.address);
    all
}

/// What a list would have caught if it had always been as it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caught {
    /// Attackers that it lists.
    pub attackers: usize,
    /// Their attempts.
    pub attempts: u64,
    /// The attackers among them that no feed listed.
    pub new_attackers: usize,
    /// The attempts while no feed listed the attacker.
    pub new_attempts: u64,
}

/// Compares a list with the attackers.
pub fn caught(list: &[Prefix], suspects: &[Suspect]) -> Caught {
    let cover = Cover::new(list);
    let mut caught = Caught::default();
    for suspect in suspects.iter().filter(|suspect| cover.contains(&Prefix::host(suspect.address))) {
        caught.attackers += 1;
        caught.attempts = caught.attempts.saturating_add(suspect.attempts);
        caught.new_attackers += usize::from(suspect.never);
        caught.new_attempts = caught.new_attempts.saturating_add(suspect.unlisted);
    }
    caught
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_measured_by_what_it_adds() {
        let suspect = |(address, attempts, unlisted, never): (&str, u64, u64, bool)| Suspect {
            address: address.parse().unwrap(),
            attempts,
            unlisted,
            never,
        };
        let suspects = [
            ("203.0.113.7", 10, 10, true),
            ("203.0.113.8", 10, 4, false),
            ("198.51.100.1", 5, 5, true),
            ("2001:db8::1", 1, 1, true),
        ]
        .map(suspect);
        let list: Vec<Prefix> =
            ["203.0.113.0/24", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec();
        let expected = Caught { attackers: 3, attempts: 21, new_attackers: 2, new_attempts: 15 };
        assert_eq!(caught(&list, &suspects), expected);
        assert_eq!(caught(&[], &suspects), Caught::default());
    }
}
