//! One address or network in its canonical form, and the strict reading of what a feed calls one.
//!
//! Strict, because `inet_aton` reads `010.0.0.1` as 8.0.0.1 and `137.184.10` as 137.184.0.10: a wrong block cuts off
//! a phone, so what is not plainly one address or network is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A canonical network: host bits are zero, and an IPv4 address mapped into IPv6 is IPv4.
///
/// Ordered by family (IPv4 first), then address, then length. Displayed as the firewall module's page writes it: a
/// single address bare, a network as `address/length`. That string is also the key of the row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(IpNet);

/// Why a text is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Neither an IPv4 nor an IPv6 address in full.
    #[error("invalid address")]
    NotAnAddress,
    /// The part behind the slash is no number, or over 32 (IPv4) or 128 (IPv6).
    #[error("invalid network length")]
    Length,
}

/// Longest text that can be a prefix (an IPv6 address with a mapped IPv4 tail, and a length). Longer ones are not
/// looked at, so that a hostile feed cannot make us work.
const LONGEST: usize = 49;

impl Prefix {
    /// The canonical form of a network: host bits cleared, mapped IPv4 unmapped.
    pub fn new(net: IpNet) -> Self {
        match net {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
                Some(v4) => Self::v4(v4, v6.prefix_len() - 96),
                None => Self(net.trunc()),
            },
            _ => Self(net.trunc()),
        }
    }

    /// A single address.
    pub fn host(address: IpAddr) -> Self {
        Self::new(IpNet::from(address))
    }

    fn v4(address: Ipv4Addr, length: u8) -> Self {
        // A length over 32 cannot arrive here; were it to, the single address is the narrowest reading.
        let net = Ipv4Net::new(address, length).unwrap_or_else(|_| Ipv4Net::from(address));
        Self(IpNet::V4(net.trunc()))
    }

    /// The network itself.
    pub fn net(&self) -> IpNet {
        self.0
    }

    /// Length of the network part in bits: up to 32 for IPv4, up to 128 for IPv6.
    pub fn length(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether this is IPv4.
    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// Whether all of `other` lies within this prefix.
    pub fn contains(&self, other: &Prefix) -> bool {
        self.0.contains(&other.0)
    }

    /// The sources that a network of a packet filter holds, in canonical form. None for IPv4 mapped into IPv6, which is
    /// IPv6 there and IPv4 here: no packet has such a source.
    pub fn of_sources(net: IpNet) -> Option<Self> {
        Some(Self::new(net)).filter(|prefix| prefix.is_ipv4() == matches!(net, IpNet::V4(_)))
    }

    /// The networks around this prefix, the nearest first: up to the whole address space.
    pub fn around(&self) -> impl Iterator<Item = Prefix> {
        std::iter::successors(self.0.supernet(), IpNet::supernet).map(Prefix)
    }

    /// First and last address as numbers; compare only within one family.
    pub fn bounds(&self) -> (u128, u128) {
        match self.0 {
            IpNet::V4(net) => (u32::from(net.network()).into(), u32::from(net.broadcast()).into()),
            IpNet::V6(net) => (net.network().into(), net.broadcast().into()),
        }
    }
}

impl From<Ipv4Net> for Prefix {
    fn from(net: Ipv4Net) -> Self {
        Self::new(IpNet::V4(net))
    }
}

impl From<Ipv6Net> for Prefix {
    /// As it is: a network that was cut out of a wider IPv6 one stays IPv6, mapped or not.
    fn from(net: Ipv6Net) -> Self {
        Self(IpNet::V6(net.trunc()))
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self::host(address)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `a.b.c.d`, an IPv6 address, or either with `/length`; white space around it is allowed, nothing else is.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.len() > LONGEST {
            return Err(PrefixError::NotAnAddress);
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        // The standard library's readers take four decimal octets without leading zeros, and RFC 4291 IPv6.
        let address = match address.parse::<Ipv4Addr>() {
            Ok(v4) => IpAddr::V4(v4),
            Err(_) => IpAddr::V6(address.parse::<Ipv6Addr>().map_err(|_| PrefixError::NotAnAddress)?),
        };
        let Some(length) = length else {
            return Ok(Self::host(address));
        };
        if length.is_empty() || length.len() > 3 || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PrefixError::Length);
        }
        let length = length.parse::<u8>().map_err(|_| PrefixError::Length)?;
        IpNet::new(address, length).map(Self::new).map_err(|_| PrefixError::Length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_plainly_an_address_or_network_is_read_into_its_canonical_form() {
        let table = [
            ("185.53.88.78", "185.53.88.78"),
            (" 185.53.88.78\r\n", "185.53.88.78"),
            ("185.53.88.78/32", "185.53.88.78"),
            ("185.53.88.78/24", "185.53.88.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2A05:D018:0:0::1", "2a05:d018::1"),
            ("2a05:d018::1/128", "2a05:d018::1"),
            ("2a05:d018:1:2::9/64", "2a05:d018:1:2::/64"),
            ("::ffff:185.53.88.78", "185.53.88.78"),
            ("::ffff:185.53.88.78/120", "185.53.88.0/24"),
            ("::ffff:0:0/90", "::ffc0:0:0/90"),
        ];
        for (text, canonical) in table {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_not_plainly_an_address_or_network_is_refused() {
        let long = "1".repeat(300);
        let table = [
            ("137.184.10/32", PrefixError::NotAnAddress),
            ("010.0.0.1", PrefixError::NotAnAddress),
            ("0x7f.0.0.1", PrefixError::NotAnAddress),
            ("2130706433", PrefixError::NotAnAddress),
            ("1.2.3.4;DROP TABLE", PrefixError::NotAnAddress),
            ("1.2.3.4 5.6.7.8", PrefixError::NotAnAddress),
            ("fe80::1%eth0", PrefixError::NotAnAddress),
            ("[2a05::1]", PrefixError::NotAnAddress),
            ("1.2.3.4:5060", PrefixError::NotAnAddress),
            ("sip.example.com", PrefixError::NotAnAddress),
            ("", PrefixError::NotAnAddress),
            ("/24", PrefixError::NotAnAddress),
            (long.as_str(), PrefixError::NotAnAddress),
            ("1.2.3.4/33", PrefixError::Length),
            ("1.2.3.4/", PrefixError::Length),
            ("1.2.3.4/+8", PrefixError::Length),
            ("1.2.3.4/255.255.255.0", PrefixError::Length),
            ("1.2.3.4/24/24", PrefixError::Length),
            ("2a05::1/129", PrefixError::Length),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Prefix>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_prefix_written_and_read_again_is_the_same(bits: u128, length in 0u8..=128, four: bool) {
            let net = if four {
                IpNet::V4(Ipv4Net::new(Ipv4Addr::from(bits as u32), length.min(32)).unwrap())
            } else {
                IpNet::V6(Ipv6Net::new(Ipv6Addr::from(bits), length).unwrap())
            };
            let prefix = Prefix::new(net);
            prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<Prefix>();
        }
    }
}
