//! What administrators write in the place of a host: an address, a network, a name, with ports, masks and SIP URIs
//! around it.
//!
//! The readers are lenient where being wrong protects somebody too many, and never guess at an address: what the
//! strict reader of [`Prefix`] refuses is at most a name.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::ban::Prefix;

/// Longest text that is looked at; FreePBX's own column ends at 8,100.
const LONGEST: usize = 8_192;
/// Longest name whose SRV records are asked for, so that it fits the ledger with its mark.
const LONGEST_SERVICE: usize = 180;

/// Whom a protection is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An address or network.
    Prefix(Prefix),
    /// A host name.
    Name(String),
    /// A domain whose SRV records name the hosts.
    Service(String),
}

impl Target {
    /// What the ledger and the resolver call a target that is to be resolved: a name as it is, a domain with a mark
    /// that no name can have.
    pub fn question(&self) -> Option<String> {
        match self {
            Self::Prefix(_) => None,
            Self::Name(name) => Some(name.clone()),
            Self::Service(domain) => Some(format!("{SERVICE}{domain}")),
        }
    }
}

/// Before a domain whose SRV records are asked for, see [`Target::question`].
pub const SERVICE: &str = "srv/";

/// A row of the firewall's blacklist as FreePBX 18's driver reads it (drivers/Nftables.class.php, normalizeAddress): what
/// stands behind a slash is a number as PHP reads one, so `0.0.0.0/0x` and `0.0.0.0/none` are the whole internet. None
/// for what it takes for a host name or passes over. IPv4 that is mapped into IPv6 is IPv6 to it.
pub fn as_nftables_reads(key: &str) -> Option<IpNet> {
    let (address, length) = key.split_once('/').unwrap_or((key, ""));
    let address: IpAddr = address.parse().ok()?;
    if length.is_empty() {
        return Some(address.into());
    }
    let length = length.trim_start();
    let digits = length.strip_prefix('+').unwrap_or(length);
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let length = match &digits[..end] {
        "" => 0,
        number => number.parse().ok()?,
    };
    Some(IpNet::new(address, length).ok()?.trunc())
}

/// Exactly an address, a network or a name, as the firewall module reads it.
pub fn target(text: &str) -> Option<Target> {
    match text.parse() {
        Ok(prefix) => Some(Target::Prefix(prefix)),
        Err(_) => is_name(text).then(|| Target::Name(text.trim_end_matches('.').to_ascii_lowercase())),
    }
}

/// A host as people write it, with whatever stands around it: `192.0.2.1:5060`, `[2001:db8::1]:5060`,
/// `192.0.2.0/255.255.255.0`, `sip:user@host:5060;transport=udp`, `<sip:host;lr>`, `tls://host`. `dynamic` and what is
/// no host are none.
pub fn host(text: &str) -> Option<Target> {
    parts(text).map(|(target, _)| target)
}

/// A SIP server: where a name has no port, its SRV records count too (RFC 3263), so it is both.
pub fn server(text: &str) -> Vec<Target> {
    match parts(text) {
        Some((Target::Name(name), false)) if name.contains('.') && name.len() <= LONGEST_SERVICE => {
            vec![Target::Name(name.clone()), Target::Service(name)]
        }
        Some((target, _)) => vec![target],
        None => Vec::new(),
    }
}

/// The entries of a list: one a line, or with commas, semicolons, `&` or spaces between them; `#` begins a comment.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '"' | '\'');
    text.lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(move |line| line.split(between))
        .filter(|entry| !entry.is_empty())
}

/// The target, and whether a port was written.
fn parts(text: &str) -> Option<(Target, bool)> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    // Asterisk's files have a ; that begins no comment as \;, and FreePBX keeps it so.
    let unescaped = text.replace("\\;", ";");
    let text = unescaped.as_str();
    if let Some(target) = masked(text) {
        return Some((target, false));
    }
    let text = match text.split_once('<') {
        Some((_, inside)) => inside.split('>').next()?,
        None => text,
    };
    let text = without_scheme(text);
    // The user may hold anything but an @; passwords of chan_sip's register lines hold those too.
    let text = text.rsplit('@').next()?;
    let text = text.split([';', '?', '>', '~']).next()?.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return Some((Target::Prefix(Prefix::host(IpAddr::V6(address))), rest.starts_with(':')));
    }
    if let Some(target) = masked(text) {
        return Some((target, false));
    }
    let text = text.split('/').next()?;
    let (name, port) = match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, true),
        _ => (text, false),
    };
    match target(name)? {
        Target::Name(name) if name == "dynamic" => None,
        target => Some((target, port)),
    }
}

fn without_scheme(text: &str) -> &str {
    let schemes = ["sips:", "sip:", "iax2:", "iax:", "udp:", "tcp:", "tls:", "ws:", "wss:"];
    let scheme = schemes
        .iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let text = scheme.and_then(|scheme| text.get(scheme.len()..)).unwrap_or(text);
    text.trim_start_matches('/')
}

/// An address or network, with its length or its mask.
fn masked(text: &str) -> Option<Target> {
    if let Ok(prefix) = text.parse() {
        return Some(Target::Prefix(prefix));
    }
    let (address, mask) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let mask: IpAddr = mask.parse().ok()?;
    let length = match (address, mask) {
        (IpAddr::V4(_), IpAddr::V4(mask)) => {
            contiguous(u32::from(mask).leading_ones(), u32::from(mask).count_ones())
        }
        (IpAddr::V6(_), IpAddr::V6(mask)) => {
            contiguous(u128::from(mask).leading_ones(), u128::from(mask).count_ones())
        }
        _ => None,
    }?;
    format!("{address}/{length}").parse().ok().map(Target::Prefix)
}

/// The length of a mask whose ones stand together.
fn contiguous(leading: u32, all: u32) -> Option<u32> {
    (leading == all).then_some(leading)
}

/// Whether a text can be a host name: letters, digits, dots, hyphens and underscores, in labels of 63 at most, and no
/// hyphen to begin with, as options have it that somebody forgot or slipped in.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    // A last label of digits only is no host name but a mistyped address, which getaddrinfo would read its own way.
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 191
        && !text.starts_with('-')
        && text.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
        && !last.starts_with("0x")
        && !last.starts_with("0X")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(target: Option<Target>) -> String {
        match target {
            Some(Target::Prefix(prefix)) => prefix.to_string(),
            Some(Target::Name(name)) => name,
            Some(Target::Service(domain)) => format!("srv {domain}"),
            None => String::new(),
        }
    }

    #[test]
    fn a_host_is_found_in_whatever_people_write_around_it() {
        let table = [
            ("81.2.69.1", "81.2.69.1"),
            ("81.2.69.1:5060", "81.2.69.1"),
            ("81.2.69.7/24", "81.2.69.0/24"),
            ("81.2.69.7/255.255.255.0", "81.2.69.0/24"),
            ("81.2.69.7/255.255.255.255", "81.2.69.7"),
            ("0.0.0.0/0.0.0.0", "0.0.0.0/0"),
            // No network that can be: the address alone is the narrowest reading.
            ("81.2.69.7/255.0.255.0", "81.2.69.7"),
            ("81.2.69.7/33", "81.2.69.7"),
            ("2a05::1", "2a05::1"),
            ("2a05::/ffff::", "2a05::/16"),
            ("[2a05::1]", "2a05::1"),
            ("[2a05::1]:5060", "2a05::1"),
            ("sip:[2a05::1]:5060;transport=tcp", "2a05::1"),
            ("Sip.Example.com", "sip.example.com"),
            ("sip.example.com.", "sip.example.com"),
            ("sip.example.com:5061", "sip.example.com"),
            ("sip:81.2.69.1:5060;lr", "81.2.69.1"),
            ("sip:sip.example.com;lr;hide", "sip.example.com"),
            ("sip:81.2.69.1\\;lr", "81.2.69.1"),
            ("81.2.69.1\\;lr", "81.2.69.1"),
            ("sip:sip.example.com:5061\\;transport=tls\\;lr", "sip.example.com"),
            ("sips:sip.example.com\\;lr", "sip.example.com"),
            ("sip:user/name@81.2.69.1:5060", "81.2.69.1"),
            ("<sip:100@81.2.69.1:5060;transport=udp>", "81.2.69.1"),
            ("\"Office\" <sip:100@81.2.69.1>", "81.2.69.1"),
            ("SIPS:100@sip.example.com:5061?Subject=x", "sip.example.com"),
            ("user:p@ss:word@sip.example.com:5060/100", "sip.example.com"),
            ("tls://user:secret@sip.example.com/100~60", "sip.example.com"),
            ("dynamic", ""),
            ("Dynamic", ""),
            ("010.0.0.1", ""),
            ("", ""),
            ("<", ""),
            ("sip:", ""),
            ("[::1", ""),
            ("a b", ""),
        ];
        for (text, found) in table {
            assert_eq!(shown(host(text)), found, "{text}");
        }
    }

    #[test]
    fn a_row_is_what_freepbx_18_makes_of_it() {
        let table = [
            ("192.0.2.7", Some("192.0.2.7")),
            ("192.0.2.7/", Some("192.0.2.7")),
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            ("192.0.2.7/24abc", Some("192.0.2.0/24")),
            ("192.0.2.7/ 24", Some("192.0.2.0/24")),
            ("0.0.0.0/0x", Some("0.0.0.0/0")),
            ("192.0.2.7/abc", Some("0.0.0.0/0")),
            ("2001:db8::7/64", Some("2001:db8::/64")),
            ("2001:db8::7/x", Some("::/0")),
            ("192.0.2.7/33", None),
            ("bad.example.com", None),
            ("bad.example.com/24", None),
            ("010.0.0.1", None),
        ];
        for (key, prefix) in table {
            let read = as_nftables_reads(key).map(|net| Prefix::new(net).to_string());
            assert_eq!(read.as_deref(), prefix, "{key}");
        }
        let mapped = as_nftables_reads("::ffff:192.0.2.7");
        assert!(matches!(mapped, Some(IpNet::V6(_))), "to the driver it is IPv6: {mapped:?}");
    }

    #[test]
    fn a_server_without_a_port_is_looked_for_by_its_srv_records_too() {
        let all = |text| server(text).into_iter().map(|t| shown(Some(t))).collect::<Vec<_>>();
        assert_eq!(all("sip.example.com"), ["sip.example.com", "srv sip.example.com"]);
        assert_eq!(all("sip:sip.example.com;lr"), ["sip.example.com", "srv sip.example.com"]);
        assert_eq!(all("sip.example.com:5060"), ["sip.example.com"]);
        assert_eq!(all("81.2.69.1"), ["81.2.69.1"]);
        assert_eq!(all("pbx"), ["pbx"]);
        assert_eq!(all(""), [""; 0]);
    }

    #[test]
    fn a_list_is_read_with_every_separator_and_without_its_comments() {
        let text = "81.2.69.1 # the office\r\n# nobody\n81.2.69.2,81.2.69.3 81.2.69.4;\n\n a&b \n";
        let all: Vec<&str> = list(text).collect();
        assert_eq!(all, ["81.2.69.1", "81.2.69.2", "81.2.69.3", "81.2.69.4", "a", "b"]);
    }

    #[test]
    fn what_can_be_a_name_is_told_from_mistyped_addresses_and_junk() {
        for name in ["sip.example.com", "pbx", "a_b.example", "1und1.example"] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "",
            "10.0.1",
            "010.0.0.1",
            "0x7f.0x1",
            "0X7F",
            "a b",
            "a..b",
            "-;DROP",
            "--help",
            "-v",
            "example.com/24",
            "4.5.6.7",
        ] {
            assert!(!is_name(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_a_name_is_always_a_name(text in "[\\[\\]<>@:;/.sip0-9a-f\u{e9} ]{0,40}|\\PC{0,60}") {
            for target in server(&text).into_iter().chain(host(&text)) {
                if let Target::Name(name) | Target::Service(name) = target {
                    prop_assert!(is_name(&name));
                }
            }
            let _ = list(&text).count();
        }
    }
}
