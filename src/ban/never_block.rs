//! Who must get through, whatever a feed says. The firewall looks into its blacklist before its Trusted zone and
//! before registered phones, so nobody but us keeps a listed trunk, phone or office from being cut off.

use std::fmt;

use super::{Cover, Prefix, special};

/// Where a protection comes from. The words are those of the JSON output and of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Special-purpose ranges, see [`special`].
    Special,
    /// Addresses of the PBX's own network interfaces.
    Interface,
    /// The firewall's Trusted, Internal and Other zones.
    Zone,
    /// The firewall's hidden networks.
    Hidden,
}

impl Source {
    /// Sources that are read from the PBX, so that they can fail and are remembered in the ledger.
    pub const READ: [Self; 3] = [Self::Interface, Self::Zone, Self::Hidden];

    /// The word of the JSON output and of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Special => "special",
            Self::Interface => "interface",
            Self::Zone => "zone",
            Self::Hidden => "hidden",
        }
    }

    /// The source that a word of the ledger names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::READ.into_iter().find(|source| source.word() == word)
    }
}

/// One prefix that must not be blocked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// What is protected.
    pub prefix: Prefix,
    /// Where that was found.
    pub source: Source,
    /// What the administrator knows it by: the zone and the name or network in it, the interface.
    pub label: String,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Special => write!(f, "{}, {}", self.prefix, self.label),
            Source::Interface => write!(f, "this PBX's own address on {}", self.label),
            Source::Zone => write!(f, "in the firewall's zone {}", self.label),
            Source::Hidden => write!(f, "in the firewall's hidden network {}", self.label),
        }
    }
}

/// What never-block says of one prefix.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing in it is protected.
    Free,
    /// All of it is protected; here is one reason.
    Refused(&'a Protection),
    /// Part of it is protected: the fewest prefixes that hold exactly the rest.
    Carved(Vec<Prefix>),
}

/// All protections, the special-purpose ranges always among them.
#[derive(Debug, Clone)]
pub struct NeverBlock {
    /// Sorted by prefix length, widest first, so that the reason named is the widest one.
    protections: Vec<Protection>,
    cover: Cover,
}

impl NeverBlock {
    /// The special-purpose ranges and what was read from the PBX.
    pub fn new(read: impl IntoIterator<Item = Protection>) -> Self {
        let special = special::RANGES.iter().filter_map(|(range, label)| {
            let prefix = range.parse().ok()?;
            Some(Protection { prefix, source: Source::Special, label: (*label).to_owned() })
        });
        let mut protections: Vec<Protection> = special.chain(read).collect();
        protections.sort_by_key(|protection| protection.prefix.length());
        let cover = Cover::new(protections.iter().map(|protection| &protection.prefix));
        Self { protections, cover }
    }

    /// Whether a prefix may be blocked, and what of it.
    pub fn judge(&self, prefix: &Prefix) -> Verdict<'_> {
        if !self.cover.overlaps(prefix) {
            return Verdict::Free;
        }
        if self.cover.contains(prefix) {
            // Several protections may cover it only together: then one of them is named.
            if let Some(reason) = self.reason(prefix) {
                return Verdict::Refused(reason);
            }
        }
        Verdict::Carved(self.cover.carve(prefix))
    }

    /// A protection that covers the prefix, or failing that one inside it.
    pub fn reason(&self, prefix: &Prefix) -> Option<&Protection> {
        self.protections
            .iter()
            .find(|protection| protection.prefix.contains(prefix))
            .or_else(|| self.inside(prefix).next())
    }

    /// All that is protected as the fewest prefixes, in order.
    pub fn prefixes(&self) -> Vec<Prefix> {
        self.cover.prefixes()
    }

    /// The protections that lie inside a prefix.
    pub fn inside<'a>(&'a self, prefix: &Prefix) -> impl Iterator<Item = &'a Protection> {
        let prefix = *prefix;
        self.protections.iter().filter(move |protection| prefix.contains(&protection.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never_block() -> NeverBlock {
        let zone = |prefix: &str| Protection {
            prefix: prefix.parse().unwrap(),
            source: Source::Zone,
            label: format!("trusted: {prefix}"),
        };
        NeverBlock::new([zone("81.2.69.0/25"), zone("81.2.69.128/25"), zone("45.0.0.9"), zone("2a05::/64")])
    }

    fn judged(text: &str) -> String {
        match never_block().judge(&text.parse().unwrap()) {
            Verdict::Free => "free".to_owned(),
            Verdict::Refused(protection) => protection.to_string(),
            Verdict::Carved(rest) => format!("{rest:?}"),
        }
    }

    #[test]
    fn a_prefix_is_free_refused_with_its_reason_or_carved() {
        let table = [
            ("46.0.0.1", "free"),
            ("45.0.0.8/30", "[45.0.0.8, 45.0.0.10/31]"),
            ("45.0.0.9", "in the firewall's zone trusted: 45.0.0.9"),
            ("81.2.69.7", "in the firewall's zone trusted: 81.2.69.0/25"),
            ("81.2.69.0/24", "in the firewall's zone trusted: 81.2.69.0/25"),
            ("2a05::5", "in the firewall's zone trusted: 2a05::/64"),
            ("2a05:0:0:1::5", "free"),
            ("10.1.2.3", "10.0.0.0/8, private network"),
            ("127.0.0.1", "127.0.0.0/8, loopback"),
            ("::ffff:127.0.0.1", "127.0.0.0/8, loopback"),
            ("239.1.1.1", "224.0.0.0/4, multicast"),
            ("fe80::1", "fe80::/10, link-local"),
            ("::1", "::/96, unspecified, loopback and retired IPv4-compatible addresses"),
        ];
        for (text, verdict) in table {
            assert_eq!(judged(text), verdict, "{text}");
        }
    }

    #[test]
    fn what_is_left_of_everything_is_carved_around_all_that_is_protected() {
        let never_block = never_block();
        let Verdict::Carved(rest) = never_block.judge(&"0.0.0.0/0".parse().unwrap()) else {
            panic!("0.0.0.0/0 holds free and protected addresses");
        };
        assert!(rest.iter().all(|prefix| never_block.judge(prefix) == Verdict::Free));
    }

    #[test]
    fn every_source_that_is_read_has_a_word_of_its_own() {
        for source in Source::READ {
            assert_eq!(Source::from_word(source.word()), Some(source));
        }
    }
}
