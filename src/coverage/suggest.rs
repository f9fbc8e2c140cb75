//! What other lists would have caught.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ban::{Cover, Prefix};

/// One attacker, as much as is needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// Who.
    pub address: IpAddr,
    /// His attempts.
    pub attempts: u64,
    /// Those that came while no feed listed him.
    pub unlisted: u64,
    /// Whether no feed listed him when he came or later.
    pub never: bool,
}

/// What a list would have caught, had it been in force all the time as it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caught {
    /// Attackers that it lists.
    pub attackers: usize,
    /// Their attempts.
    pub attempts: u64,
    /// Those attackers that no feed listed.
    pub new_attackers: usize,
    /// The attempts that came while no feed listed the attacker.
    pub new_attempts: u64,
}

/// Compares a list with those who came.
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
