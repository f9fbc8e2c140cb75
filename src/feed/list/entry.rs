//! One entry of a list: an address, a network with a length or a netmask, or a range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{Ipv4Subnets, Ipv6Subnets};

use crate::ban::Prefix;
use crate::ban::prefix::PrefixError;
use crate::ban::width::TooWide;

/// Why an entry is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Neither an address nor a network in full.
    NotAnAddress,
    /// The length of the network does not exist.
    Length,
    /// A netmask with holes.
    Netmask,
    /// A range whose end comes before its beginning, or is of the other family.
    Range,
    /// First address, last address and length contradict each other.
    Contradiction,
    /// The line ends before the column.
    NoColumn,
    /// No number in the place of the score.
    NoScore,
    /// A JSON value that is no text.
    NotText,
    /// The line is too long to be one of a list.
    TooLong,
    /// The list says that it is not to be blocked.
    Exception,
    /// A rule for one program of this machine, not for all packets.
    OneProgram,
    /// Two addresses, which may be a range or two entries.
    Ambiguous,
    /// Words that nobody accounts for.
    Unaccounted,
    /// Wider than the feed may ask for.
    Wide(TooWide),
}

impl Reason {
    /// Whether the line is no entry at all, instead of an entry that is not taken.
    pub fn is_junk(self) -> bool {
        !matches!(self, Self::Wide(_) | Self::Exception | Self::OneProgram)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "invalid address",
            Self::Length => "invalid network length",
            Self::Netmask => "invalid netmask",
            Self::Range => "invalid range",
            Self::Contradiction => "first address, last address and length contradict each other",
            Self::NoColumn => "the line has no address column",
            Self::NoScore => "invalid score",
            Self::NotText => "not text",
            Self::TooLong => "line too long",
            Self::Exception => "an exception: the list says not to block it",
            Self::OneProgram => "for one program only",
            Self::Ambiguous => {
                "two addresses in a line: a range, or two entries. Set format = \"ranges\", or column"
            }
            Self::Unaccounted => "words besides the address. Set column to where the address is",
            Self::Wide(error) => return error.fmt(f),
        })
    }
}

impl From<PrefixError> for Reason {
    fn from(error: PrefixError) -> Self {
        match error {
            PrefixError::NotAnAddress => Self::NotAnAddress,
            PrefixError::Length => Self::Length,
        }
    }
}

fn text(field: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(field).map_err(|_| Reason::NotAnAddress)
}

/// A single address; mapped IPv4 is IPv4.
pub(super) fn address(field: &[u8]) -> Result<IpAddr, Reason> {
    let prefix: Prefix = text(field)?.parse()?;
    match prefix.net().prefix_len() == prefix.net().max_prefix_len() && !field.contains(&b'/') {
        true => Ok(prefix.net().addr()),
        false => Err(Reason::NotAnAddress),
    }
}

/// The length that a netmask stands for.
pub(super) fn netmask(field: &[u8]) -> Option<u8> {
    let mask: Ipv4Addr = std::str::from_utf8(field).ok()?.parse().ok()?;
    let bits = u32::from(mask);
    let length = bits.leading_ones();
    // Those of 0.0.0.0 to 254.0.0.0 are as good as never meant.
    (length >= 8 && bits.count_ones() == length).then_some(length as u8)
}

/// Whether a field looks like an entry; for the recognition of columns.
pub(super) fn is_one(field: &[u8]) -> bool {
    let likely = |b: &u8| b.is_ascii_hexdigit() || b".:/-".contains(b);
    field.len() >= 3
        && field.iter().all(likely)
        && (field.contains(&b'.') || field.contains(&b':'))
        && read(field, &mut Vec::new()).is_ok()
}

/// Appends the prefixes of one entry: `address`, `address/length`, `address/netmask` or `first-last`.
pub(super) fn read(field: &[u8], out: &mut Vec<Prefix>) -> Result<(), Reason> {
    let entry = text(field)?;
    let error = match entry.parse::<Prefix>() {
        Ok(prefix) => {
            out.push(prefix);
            return Ok(());
        }
        Err(error) => error,
    };
    if let Some((first, last)) = entry.split_once('-') {
        return range(first.trim().as_bytes(), last.trim().as_bytes(), out);
    }
    match entry.split_once('/') {
        Some((network, mask)) if mask.contains('.') => masked(network.as_bytes(), mask.as_bytes(), out),
        _ => Err(error.into()),
    }
}

/// Appends the network of an address and a netmask.
pub(super) fn masked(network: &[u8], mask: &[u8], out: &mut Vec<Prefix>) -> Result<(), Reason> {
    let IpAddr::V4(network) = address(network)? else { return Err(Reason::Netmask) };
    let length = netmask(mask).ok_or(Reason::Netmask)?;
    let net = ipnet::Ipv4Net::new(network, length).map_err(|_| Reason::Netmask)?;
    out.push(Prefix::from(net));
    Ok(())
}

/// Appends the fewest prefixes that hold exactly a range.
pub(super) fn range(first: &[u8], last: &[u8], out: &mut Vec<Prefix>) -> Result<(), Reason> {
    match (address(first)?, address(last)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            out.extend(Ipv4Subnets::new(first, last, 0).map(Prefix::from));
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            out.extend(Ipv6Subnets::new(first, last, 0).map(Prefix::from));
        }
        _ => return Err(Reason::Range),
    }
    Ok(())
}

/// Appends the network that DShield writes as first address, last address and length.
pub(super) fn dshield(first: &[u8], last: &[u8], length: &[u8], out: &mut Vec<Prefix>) -> Result<(), Reason> {
    let (first, last) = (address(first)?, address(last)?);
    let length: u8 = text(length)?.parse().map_err(|_| Reason::Length)?;
    let net = ipnet::IpNet::new(first, length).map_err(|_| Reason::Length)?;
    if net.network() != first || net.broadcast() != last {
        return Err(Reason::Contradiction);
    }
    out.push(Prefix::new(net));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        match read(text.as_bytes(), &mut out) {
            Ok(()) => out.iter().map(Prefix::to_string).collect::<Vec<_>>().join(" "),
            Err(reason) => format!("{reason:?}"),
        }
    }

    #[test]
    fn every_form_of_an_entry_becomes_its_prefixes_and_no_other_text_does() {
        let table = [
            ("45.0.0.1", "45.0.0.1"),
            ("45.0.0.1/24", "45.0.0.0/24"),
            ("45.0.0.0/255.255.255.0", "45.0.0.0/24"),
            ("45.0.0.0/255.0.255.0", "Netmask"),
            ("45.0.0.0/0.0.0.255", "Netmask"),
            ("45.0.0.0/128.0.0.0", "Netmask"),
            ("2a05::/255.255.0.0", "Netmask"),
            ("45.0.0.0-45.0.0.255", "45.0.0.0/24"),
            ("45.0.0.1-45.0.0.4", "45.0.0.1 45.0.0.2/31 45.0.0.4"),
            ("45.0.0.1 - 45.0.0.1", "45.0.0.1"),
            ("::ffff:45.0.0.2-::ffff:45.0.0.3", "45.0.0.2/31"),
            ("2a05::-2a05::f", "2a05::/124"),
            ("45.0.0.4-45.0.0.1", "Range"),
            ("45.0.0.4-2a05::1", "Range"),
            ("45.0.0.4-5", "NotAnAddress"),
            ("45.0.0.0/24-45.0.1.0/24", "NotAnAddress"),
            ("45.0.0.0/32-45.0.0.3", "NotAnAddress"),
            ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
            ("137.184.10/32", "NotAnAddress"),
            ("010.0.0.1", "NotAnAddress"),
            ("45.0.0.1/33", "Length"),
            ("45.0.0.1:5060", "NotAnAddress"),
            ("", "NotAnAddress"),
            ("\u{1b}[2J", "NotAnAddress"),
        ];
        for (text, prefixes) in table {
            assert_eq!(shown(text), prefixes, "{text}");
        }
    }
}
