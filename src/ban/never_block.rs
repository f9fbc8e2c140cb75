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
    /// The lists of those whom fail2ban never bans.
    Fail2ban,
    /// Trunks of PJSIP.
    Pjsip,
    /// Peers and trunks of chan_sip, and what extensions are held to.
    Sip,
    /// Peers and trunks of IAX2.
    Iax,
    /// Registered phones and trunks.
    Contact,
    /// The routers that the PBX sends through.
    Gateway,
    /// The nameservers that the PBX asks.
    Resolver,
    /// The host of FreePBX's database.
    Database,
    /// `/etc/hosts`.
    Hosts,
    /// The other end of the SSH session that a command was started from.
    Ssh,
    /// The `allow` list of the configuration and of the command.
    Allow,
}

impl Source {
    /// Sources that are read, so that they can fail and are remembered in the ledger.
    pub const READ: [Self; 14] = [
        Self::Allow,
        Self::Zone,
        Self::Hidden,
        Self::Fail2ban,
        Self::Pjsip,
        Self::Sip,
        Self::Iax,
        Self::Contact,
        Self::Interface,
        Self::Gateway,
        Self::Resolver,
        Self::Database,
        Self::Hosts,
        Self::Ssh,
    ];

    /// The word of the JSON output and of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Special => "special",
            Self::Interface => "interface",
            Self::Zone => "zone",
            Self::Hidden => "hidden",
            Self::Fail2ban => "fail2ban",
            Self::Pjsip => "pjsip",
            Self::Sip => "sip",
            Self::Iax => "iax",
            Self::Contact => "contact",
            Self::Gateway => "gateway",
            Self::Resolver => "resolver",
            Self::Database => "database",
            Self::Hosts => "hosts",
            Self::Ssh => "ssh",
            Self::Allow => "allow",
        }
    }

    /// What it is, for messages.
    pub fn title(self) -> &'static str {
        match self {
            Self::Special => "special-purpose ranges",
            Self::Interface => "this PBX's own addresses",
            Self::Zone => "the firewall's zones",
            Self::Hidden => "the firewall's hidden networks",
            Self::Fail2ban => "Intrusion Detection's whitelists",
            Self::Pjsip => "PJSIP trunks",
            Self::Sip => "chan_sip peers and trunks",
            Self::Iax => "IAX2 peers and trunks",
            Self::Contact => "registered phones",
            Self::Gateway => "gateways",
            Self::Resolver => "nameservers",
            Self::Database => "the database's host",
            Self::Hosts => "/etc/hosts",
            Self::Ssh => "the SSH session",
            Self::Allow => "the allow list",
        }
    }

    /// The source that a word of the ledger names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::READ.into_iter().find(|source| source.word() == word)
    }

    /// Whether what it named goes on to count for a while: a phone that restarts is not registered and must be able to
    /// register again, an administrator who logged out will log in again.
    pub fn lingers(self) -> bool {
        matches!(self, Self::Contact | Self::Ssh)
    }

    /// Whether it is a table of trunks and peers, where `0.0.0.0/0` is a default and means that anyone may try.
    pub fn is_trunks(self) -> bool {
        matches!(self, Self::Pjsip | Self::Sip | Self::Iax)
    }

    /// Whether a network of this source protects. Most of the internet is no one to let through: `permit` of
    /// `0.0.0.0/0.0.0.0` is FreePBX's default for an extension and means that anyone may try. Only the zones are the
    /// administrator's word for the whole firewall, and taken as it is.
    pub fn accepts(self, prefix: &Prefix) -> bool {
        self == Self::Zone || prefix.length() >= if prefix.is_ipv4() { WIDEST_V4 } else { WIDEST_V6 }
    }
}

/// The shortest prefixes that protect, see [`Source::accepts`].
pub const WIDEST_V4: u8 = 8;
/// The same for IPv6.
pub const WIDEST_V6: u8 = 16;

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
            Source::Fail2ban => write!(f, "Intrusion Detection never bans it, {}", self.label),
            Source::Pjsip => write!(f, "of the PJSIP trunk {}", self.label),
            Source::Sip => write!(f, "of the SIP peer or trunk {}", self.label),
            Source::Iax => write!(f, "of the IAX2 peer or trunk {}", self.label),
            Source::Contact => write!(f, "registered as {}", self.label),
            Source::Gateway => write!(f, "this PBX's gateway on {}", self.label),
            Source::Resolver => write!(f, "this PBX's nameserver, {}", self.label),
            Source::Database => write!(f, "the host of FreePBX's database, {}", self.label),
            Source::Hosts => write!(f, "in /etc/hosts as {}", self.label),
            Source::Ssh => write!(f, "an SSH session from {}", self.label),
            Source::Allow => write!(f, "on the allow list, {}", self.label),
        }
    }
}

/// What never-block says of one prefix.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing in it is protected.
    Free,
    /// All of it is protected; here is one reason.
    Protected(&'a Protection),
    /// Part of it is protected: the fewest prefixes that hold exactly the rest.
    Carved(Vec<Prefix>),
}

/// All protections, the special-purpose ranges always among them.
#[derive(Debug, Clone, PartialEq, Eq)]
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
                return Verdict::Protected(reason);
            }
        }
        Verdict::Carved(self.cover.carve(prefix))
    }

    /// Whether anything of a prefix is protected.
    pub fn touches(&self, prefix: &Prefix) -> bool {
        self.cover.overlaps(prefix)
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

    /// Every protection that holds the prefix, or part of it, the widest first.
    pub fn touching<'a>(&'a self, prefix: &Prefix) -> impl Iterator<Item = &'a Protection> {
        let prefix = *prefix;
        self.protections
            .iter()
            .filter(move |one| one.prefix.contains(&prefix) || prefix.contains(&one.prefix))
    }

    /// How many protections a source gives.
    pub fn count(&self, source: Source) -> usize {
        self.protections.iter().filter(|protection| protection.source == source).count()
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
            Verdict::Protected(protection) => protection.to_string(),
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
            ("::1", "::/8, loopback, addresses that carry IPv4 ones, and reserved"),
            // What holds all mapped IPv4 addresses must not turn into IPv4 when it is taken apart.
            ("::/32", "::/8, loopback, addresses that carry IPv4 ones, and reserved"),
            ("64:ff9b::1", "::/8, loopback, addresses that carry IPv4 ones, and reserved"),
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
    fn all_that_protect_an_address_are_named() {
        let all = NeverBlock::new(["45.0.0.0/24", "45.0.0.9", "45.0.0.10"].map(|prefix| Protection {
            prefix: prefix.parse().unwrap(),
            source: Source::Contact,
            label: prefix.to_owned(),
        }));
        let touching = |text: &str| {
            all.touching(&text.parse().unwrap()).map(|one| one.label.clone()).collect::<Vec<_>>()
        };
        assert_eq!(touching("45.0.0.9"), ["45.0.0.0/24", "45.0.0.9"]);
        assert_eq!(touching("45.0.0.8/31"), ["45.0.0.0/24", "45.0.0.9"]);
        assert_eq!(touching("46.0.0.9"), [""; 0]);
    }

    #[test]
    fn most_of_the_internet_is_protected_by_nobody_but_the_zones() {
        let table = [
            ("0.0.0.0/0", false),
            ("64.0.0.0/7", false),
            ("45.0.0.0/8", true),
            ("::/0", false),
            ("2a00::/15", false),
            ("2a05::/16", true),
        ];
        for (prefix, protects) in table {
            let prefix = prefix.parse().unwrap();
            for source in Source::READ {
                assert_eq!(source.accepts(&prefix), protects || source == Source::Zone, "{prefix}");
            }
        }
    }

    #[test]
    fn every_source_that_is_read_has_a_word_of_its_own() {
        for source in Source::READ {
            assert_eq!(Source::from_word(source.word()), Some(source));
            // The ledger's column.
            assert!(source.word().len() <= 16);
            assert_eq!(serde_json::to_value(source).unwrap(), source.word());
        }
    }
}
