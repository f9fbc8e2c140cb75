//! What other lists would have caught.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ban::{Cover, Prefix};

/// One attacker, as much of him as is needed here. Written and read as one line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl std::fmt::Display for Suspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, attempts, unlisted, never } = self;
        write!(f, "{address} {attempts} {unlisted} {}", u8::from(*never))
    }
}

impl FromStr for Suspect {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let [address, attempts, unlisted, never] = words.as_slice() else { return Err(()) };
        Ok(Self {
            address: address.parse().map_err(drop)?,
            attempts: attempts.parse().map_err(drop)?,
            unlisted: unlisted.parse().map_err(drop)?,
            never: *never == "1",
        })
    }
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
        let suspects: Vec<Suspect> =
            ["203.0.113.7 10 10 1", "203.0.113.8 10 4 0", "198.51.100.1 5 5 1", "2001:db8::1 1 1 1"]
                .map(|line| line.parse().unwrap())
                .to_vec();
        let list: Vec<Prefix> =
            ["203.0.113.0/24", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec();
        let expected = Caught { attackers: 3, attempts: 21, new_attackers: 2, new_attempts: 15 };
        assert_eq!(caught(&list, &suspects), expected);
        assert_eq!(caught(&[], &suspects), Caught::default());
    }

    #[test]
    fn a_suspect_goes_through_text_unchanged() {
        for line in ["203.0.113.7 10 4 0", "2001:db8::1 1 1 1"] {
            assert_eq!(line.parse::<Suspect>().unwrap().to_string(), line);
        }
        for line in ["", "203.0.113.7", "203.0.113.7 1 1 1 1", "x 1 1 1", "203.0.113.7 -1 1 1"] {
            assert_eq!(line.parse::<Suspect>(), Err(()), "{line}");
        }
    }
}
