//! Lines of fail2ban's own log: the addresses that its jails for Asterisk found and banned.

use std::net::IpAddr;

use memchr::{memchr, memmem};

use super::{Kind, address};

/// A line about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The time: of what was found, if the line has it, else when fail2ban saw it.
    pub stamp: &'a [u8],
    /// [`Kind::Found`] or [`Kind::Ban`].
    pub kind: Kind,
    /// The address.
    pub address: IpAddr,
}

/// The time of a line of fail2ban, and the text after it.
fn after_stamp(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let name = b" fail2ban.";
    let end = memmem::find(&line[..line.len().min(50)], name)?;
    Some((&line[..end], &line[end + name.len()..]))
}

/// The time of any line of fail2ban.
pub fn stamp(line: &[u8]) -> Option<&[u8]> {
    after_stamp(line).map(|(stamp, _)| stamp)
}

/// Reads a line `... [JAIL] Found ADDRESS - TIME` or `... [JAIL] Ban ADDRESS` of a jail that guards Asterisk.
pub fn read(line: &[u8]) -> Option<Line<'_>> {
    let (stamp, rest) = after_stamp(line)?;
    let rest = rest[memmem::find(rest, b": ")? + 2..].trim_ascii_start();
    let rest = rest[memchr(b' ', rest)?..].trim_ascii_start().strip_prefix(b"[")?;
    let end = memchr(b']', rest)?;
    let (jail, rest) = (&rest[..end], rest[end + 1..].trim_ascii());
    if !guards_asterisk(jail) {
        return None;
    }
    let (kind, rest) = if let Some(rest) = rest.strip_prefix(b"Found ") {
        (Kind::Found, rest)
    } else {
        let rest = rest.strip_prefix(b"Restore ").unwrap_or(rest);
        (Kind::Ban, rest.strip_prefix(b"Ban ")?)
    };
    let end = memchr(b' ', rest).unwrap_or(rest.len());
    let found = rest[end..].strip_prefix(b" - ").filter(|_| kind == Kind::Found);
    Some(Line { stamp: found.unwrap_or(stamp), kind, address: address(&rest[..end])? })
}

/// By the jail's name: other jails guard the web server or SSH.
fn guards_asterisk(jail: &[u8]) -> bool {
    let jail = jail.to_ascii_lowercase();
    memmem::find(&jail, b"asterisk").is_some() || memmem::find(&jail, b"sip").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn described(line: &str) -> Option<String> {
        let line = read(line.as_bytes())?;
        Some(format!("{:?} {} {}", line.kind, line.address, String::from_utf8_lossy(line.stamp)))
    }

    #[test]
    fn lines_of_the_jails_for_asterisk_are_read_and_no_others() {
        let at = "2026-11-24 06:58:31,123";
        let table = [
            (
                "fail2ban.filter         [1234]: INFO    [asterisk] Found 203.0.113.7 - 2026-11-24 06:58:30",
                Some("Found 203.0.113.7 2026-11-24 06:58:30"),
            ),
            (
                "fail2ban.filter         [1234]: INFO    [asterisk-iptables] Found 2001:db8::7",
                Some("Found 2001:db8::7 2026-11-24 06:58:31,123"),
            ),
            (
                "fail2ban.actions        [1234]: NOTICE  [asterisk] Ban 203.0.113.7",
                Some("Ban 203.0.113.7 2026-11-24 06:58:31,123"),
            ),
            (
                "fail2ban.actions        [1234]: NOTICE  [my-sip] Restore Ban 203.0.113.7",
                Some("Ban 203.0.113.7 2026-11-24 06:58:31,123"),
            ),
            (
                "fail2ban.actions: WARNING [asterisk-iptables] Ban 203.0.113.7",
                Some("Ban 203.0.113.7 2026-11-24 06:58:31,123"),
            ),
            ("fail2ban.actions        [1234]: NOTICE  [asterisk] Unban 203.0.113.7", None),
            ("fail2ban.actions        [1234]: NOTICE  [sshd] Ban 203.0.113.7", None),
            ("fail2ban.filter         [1234]: INFO    [asterisk] Found sip.example.com - x", None),
            ("fail2ban.jail           [1234]: INFO    Jail 'asterisk' started", None),
            ("sshd[1]: fail2ban.filter [1]: INFO", None),
        ];
        for (rest, expected) in table {
            assert_eq!(described(&format!("{at} {rest}")).as_deref(), expected, "{rest}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let head = b"2026-11-24 06:58:31,123 fail2ban.x: ";
            let _ = (read(&bytes), read(&[head.as_slice(), &bytes].concat()), stamp(&bytes));
        }
    }
}
