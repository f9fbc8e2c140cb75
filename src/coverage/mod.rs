//! Which attackers of this PBX were listed, and when: Asterisk's and fail2ban's logs beside what the feeds list.
//!
//! [`logs`] finds and reads files; the rest does no I/O: lines come from any reader, listings and the time zone are
//! arguments, a report and a chart are the result. Logs contain text that attackers chose, so an address counts only
//! where Asterisk wrote it, and a line where that is not certain counts as unclear and as nothing else. Memory is
//! bounded, whatever the logs contain: by the number of attackers and of hours, and by the longest line.

pub mod asterisk_log;
pub mod fail2ban_log;
pub mod follow;
pub mod lines;
pub mod listings;
pub mod logs;
pub mod moment;
pub mod report;
pub mod scan;
pub mod stamp;
pub mod suggest;
pub mod svg;
pub mod tally;

use std::net::IpAddr;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A call from someone this PBX does not know.
    Call,
    /// A registration.
    Registration,
    /// Any other authentication: a wrong password, an unknown account, an address that an ACL excludes.
    Authentication,
    /// Something that fail2ban found; its log has no details.
    Found,
    /// A ban by fail2ban: a sign of an attacker, but not an attempt.
    Ban,
    /// The opposite of a rejection: a phone that authenticated, registered or answered.
    Success,
}

/// One log line about a rejection, or about a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The address that was rejected, or that succeeded.
    pub address: IpAddr,
    /// What was rejected.
    pub kind: Kind,
    /// Which log has it: the same attempt is in several logs, and each log is counted on its own.
    pub channel: u16,
}

/// An address as logs write it: with or without a port, IPv6 in brackets then. An IPv4 address in IPv6 is IPv4.
fn address(text: &[u8]) -> Option<IpAddr> {
    // The longest: an IPv6 address with an IPv4 tail, brackets and a port.
    if text.len() > 53 {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':')?),
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(|port| is_port(port.as_bytes())) {
        return None;
    }
    let address = host.parse::<IpAddr>().ok()?;
    (address.is_ipv6() == text.starts_with('[')).then(|| address.to_canonical())
}

/// An address where Asterisk writes it with a port behind a colon always, to IPv6 without brackets too.
fn address_before_port(text: &[u8]) -> Option<IpAddr> {
    let is_v6 = !text.starts_with(b"[") && text.iter().filter(|byte| **byte == b':').count() > 1;
    match text.iter().rposition(|byte| *byte == b':').filter(|_| is_v6) {
        Some(colon) if is_port(&text[colon + 1..]) => address(&text[..colon]).or_else(|| address(text)),
        _ => address(text),
    }
}

/// Whether a text is an IPv6 address that may as well be a shorter one and a port: nobody can tell which.
fn is_unclear(text: &[u8]) -> bool {
    address(text).is_some_and(|whole| address_before_port(text) != Some(whole))
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_with_a_port_and_no_brackets_is_never_a_wrong_one() {
        let table = [
            // text, where a port is always written, whether it is unclear where it may be missing
            ("2a05:1::9:5060", Some("2a05:1::9"), true),
            ("2a05:1::9:52126", Some("2a05:1::9"), false),
            ("2a05:1:2:3:4:5:6:7:5060", Some("2a05:1:2:3:4:5:6:7"), false),
            ("2a05:1:2:3:4:5:6:7", Some("2a05:1:2:3:4:5:6:7"), false),
            ("2a05:1::9", Some("2a05:1::9"), false),
            ("2a05:1::beef", Some("2a05:1::beef"), false),
            ("[2a05:1::9]:5060", Some("2a05:1::9"), false),
            ("203.0.113.7:5060", Some("203.0.113.7"), false),
            ("::ffff:203.0.113.7:5060", Some("203.0.113.7"), false),
        ];
        for (text, expected, unclear) in table {
            let found = address_before_port(text.as_bytes()).map(|address| address.to_string());
            assert_eq!((found.as_deref(), is_unclear(text.as_bytes())), (expected, unclear), "{text}");
        }
    }

    #[test]
    fn an_address_is_read_with_and_without_its_port_and_nothing_else_is() {
        let table = [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:5060", Some("203.0.113.7")),
            ("[2001:db8::7]:5060", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:", None),
            ("203.0.113.7:506000", None),
            ("203.0.113.7:x", None),
            ("203.0.113.7 ", None),
            ("[203.0.113.7]:5060", None),
            ("[2001:db8::7]5060", None),
            ("203.0.113", None),
            ("sip.example.com:5060", None),
            ("", None),
        ];
        for (text, read) in table {
            assert_eq!(address(text.as_bytes()), read.map(|text| text.parse().unwrap()), "{text}");
        }
    }
}
