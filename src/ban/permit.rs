//! Permit lists: at the SIP ports only who is on one of them gets in, and whoever is protected. What the blocking feeds say
//! wins over a permit. No row of the blacklist can say it; the kernel does.

use serde::{Deserialize, Serialize};

use super::{Cover, NeverBlock, Prefix};
use crate::ban::never_block::Verdict;

/// What becomes of a packet that is not let in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is answered that the port is closed, as the firewall of FreePBX 15 to 17 does.
    #[default]
    Reject,
    /// It is not answered.
    Drop,
}

/// What follows of the permit feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Permit {
    /// No feed is one: everybody may try.
    #[default]
    Off,
    /// These feeds were never read whole: nothing is enforced, or who would be locked out is not known.
    NotReady(Vec<String>),
    /// Who is let in.
    Ready(Vec<Prefix>),
}

impl Permit {
    /// Whether an address or all of a network is outside: not let in where its family has a list.
    pub fn is_outside(&self, prefix: &Prefix, never_block: &NeverBlock) -> bool {
        let Self::Ready(permitted) = self else { return false };
        let of_family = || permitted.iter().filter(|one| one.is_ipv4() == prefix.is_ipv4());
        let has_list = of_family().next().is_some();
        has_list
            && !Cover::new(of_family()).overlaps(prefix)
            && !matches!(never_block.judge(prefix), Verdict::Protected(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::{Protection, Source};

    #[test]
    fn outside_is_who_no_list_holds_and_nobody_protects_in_a_family_that_has_a_list() {
        let permit = Permit::Ready(vec!["45.0.0.0/8".parse().unwrap()]);
        let protects = NeverBlock::new([Protection {
            source: Source::Contact,
            prefix: "46.0.0.1".parse().unwrap(),
            label: "phone".to_owned(),
        }]);
        let table = [("45.1.2.3", false), ("46.0.0.2", true), ("46.0.0.1", false), ("2a05::1", false)];
        for (address, outside) in table {
            assert_eq!(permit.is_outside(&address.parse().unwrap(), &protects), outside, "{address}");
        }
        for permit in [Permit::Off, Permit::NotReady(vec!["us".to_owned()]), Permit::Ready(Vec::new())] {
            assert!(!permit.is_outside(&"46.0.0.2".parse().unwrap(), &protects));
        }
    }
}
