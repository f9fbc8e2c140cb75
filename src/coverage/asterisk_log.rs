//! Lines of Asterisk's logs about a rejection, and the address that was rejected.
//!
//! Attackers choose much of such a line: user names, numbers, call ids. They may write anything there that makes the
//! line look as if it were about someone else. So each function knows where Asterisk itself writes the address, and
//! reads from the end of the line if only Asterisk writes there. If an attacker can write on both sides and the text
//! fits two addresses, the line is [`Finding::Unclear`].
//!
//! What counts is what fail2ban's filter for Asterisk counts.

use std::net::IpAddr;

use memchr::{memchr, memchr2, memmem};

use super::{Kind, address, address_before_port, is_unclear};

/// The longest time stamp.
const STAMP: usize = 48;
/// The longest address with a port and the name of a transport.
const ADDRESS: usize = 64;

/// A line of a level at which Asterisk logs rejections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The time.
    pub stamp: &'a [u8],
    /// Whether it is a security event.
    pub security: bool,
    /// Where it comes from: a source file of Asterisk, or `Ext. NUMBER` for what the dialplan logs.
    pub source: &'a [u8],
    /// The message.
    pub message: &'a [u8],
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Not a rejection.
    Nothing,
    /// This address was rejected, or with [`Kind::Success`] it was not.
    Rejected(Kind, IpAddr),
    /// A rejection that fits more than one address.
    Unclear,
    /// It looks like a rejection, in a form that is not known.
    Unknown,
}

/// Words of rejections, by which one in a form that is not known is noticed.
const REJECTIONS: [&[u8]; 6] = [
    b" failed for '",
    b" rejected",
    b"ailed to authenticate",
    b"No matching ",
    b"Wrong password",
    b" has no configured AORs",
];

/// A line without the colours of Asterisk's console, as it is or as syslog writes them (`#033[1;33m`). What was left out
/// is left out in `room`.
pub fn without_colours<'a>(line: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    const BEGINS: [&[u8]; 2] = [b"\x1b[", b"#033["];
    if memchr2(0x1b, b'#', line).is_none() || !BEGINS.iter().any(|begin| memmem::find(line, begin).is_some())
    {
        return line;
    }
    room.clear();
    let mut rest = line;
    while let Some(first) = rest.first() {
        let colour = BEGINS.iter().find_map(|begin| rest.strip_prefix(*begin)).and_then(|code| {
            let end = code.iter().position(|byte| !(byte.is_ascii_digit() || *byte == b';'))?;
            code[end..].strip_prefix(b"m")
        });
        match colour {
            Some(behind) => rest = behind,
            None => {
                room.push(*first);
                rest = &rest[1..];
            }
        }
    }
    room
}

/// The time and the message of a line that Asterisk sent to syslog: `TIME HOST asterisk[1]: MESSAGE`.
pub fn of_syslog(line: &[u8]) -> Option<(&[u8], &[u8])> {
    // `2026-11-24T06:58:30.123456+01:00`, or `Nov 24 06:58:30`, which has no year.
    let end = match line.first()? {
        b'0'..=b'9' => memchr(b' ', &line[..line.len().min(STAMP)]).filter(|end| *end >= 19)?,
        first if first.is_ascii_uppercase() => Some(15).filter(|end| line.get(*end) == Some(&b' '))?,
        _ => return None,
    };
    let (stamp, rest) = (&line[..end], &line[end + 1..]);
    let rest = &rest[memchr(b' ', &rest[..rest.len().min(256)])? + 1..];
    let rest = rest.strip_prefix(b"asterisk")?;
    let message = &rest[memmem::find(&rest[..rest.len().min(16)], b": ")? + 2..];
    stamp.iter().any(u8::is_ascii_digit).then_some((stamp, message))
}

/// A line that begins a packet, if SIP debugging writes packets into the log: the sender's text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// That many bytes of it follow.
    Bytes(u64),
    /// It ends with [`PACKET_END`].
    UntilEnd,
}

/// What chan_sip writes before a packet.
pub const PACKET_BEGIN: &[u8] = b"<--- SIP read from ";
/// What it writes after one.
pub const PACKET_END: &[u8] = b"<------------->";

/// The time of a line, and the text after it.
pub fn dated(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"[")?;
    let end = memchr(b']', &rest[..rest.len().min(STAMP)])?;
    Some((&rest[..end], rest[end + 1..].trim_ascii_start()))
}

/// The parts of a line of level NOTICE, WARNING or SECURITY, whose time was read; none for other levels.
pub fn split<'a>(stamp: &'a [u8], rest: &'a [u8]) -> Option<Line<'a>> {
    // By its first letter, since nearly all lines are of other levels.
    let (security, rest) = match rest.first()? {
        b'N' => (false, rest.strip_prefix(b"NOTICE")?),
        b'W' => (false, rest.strip_prefix(b"WARNING")?),
        b'S' => (true, rest.strip_prefix(b"SECURITY")?),
        _ => return None,
    };
    let rest = after_thread(rest)?.strip_prefix(b" ")?;
    // Whom the caller dialled may hold a colon.
    let colon = match rest.starts_with(DIALPLAN) {
        true => memmem::rfind(rest, b": \"").or_else(|| memchr(b':', rest))?,
        false => memchr(b':', rest)?,
    };
    let (source, rest) = (&rest[..colon], &rest[colon + 1..]);
    Some(Line { stamp, security, source, message: after_function(rest)? })
}

/// Skips the thread and the call: `[123][C-0000001a]`, each with a colon or without.
fn after_thread(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b"[")?;
    let end = rest.iter().take(12).position(|b| !b.is_ascii_digit()).filter(|end| *end > 0)?;
    let rest = rest[end..].strip_prefix(b"]")?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let Some(call) = rest.strip_prefix(b"[C-") else { return Some(rest) };
    let end = call.iter().take(20).position(|b| !b.is_ascii_hexdigit())?;
    let rest = call[end..].strip_prefix(b"]")?;
    Some(rest.strip_prefix(b":").unwrap_or(rest))
}

/// Skips the number of the line and the function, which some formats have: `1234 handle_request:`.
fn after_function(rest: &[u8]) -> Option<&[u8]> {
    let digits = rest.iter().take(8).position(|b| !b.is_ascii_digit())?;
    let message = rest[digits..].strip_prefix(b" ")?;
    if digits == 0 {
        return Some(message);
    }
    let message = message.strip_prefix(b"in ").unwrap_or(message);
    let function = message.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(0);
    let called = message[function..].strip_prefix(b": ").filter(|_| function > 0);
    Some(called.unwrap_or(message))
}

/// What a line of level VERBOSE, behind its time and thread, says: where it was written, and the message.
pub fn verbose(rest: &[u8]) -> Option<&[u8]> {
    Some(after_thread(rest.strip_prefix(b"VERBOSE")?)?.trim_ascii_start())
}

/// Who registered, or answered when it was asked whether it is there. The address is what the phone calls itself, or what
/// Asterisk saw (`rewrite_contact`); no phone gets as far without its password.
pub fn success(rest: &[u8]) -> Option<IpAddr> {
    let contact = |rest: &[u8]| {
        let uri = &rest[..memchr2(b' ', b'\'', rest).unwrap_or(rest.len())];
        let host = &uri[uri.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1)..];
        let host = &host[..memchr2(b';', b'>', host).unwrap_or(host.len())];
        address_before_port(host)
    };
    if let Some(rest) = rest.strip_prefix(b"res_pjsip_registrar.c: Added contact '") {
        return contact(rest);
    }
    let reachable = [b"res_pjsip/pjsip_options.c: Contact ".as_slice(), b"pjsip_options.c: Contact "];
    if let Some(rest) = reachable.iter().find_map(|words| rest.strip_prefix(*words)) {
        memmem::rfind(rest, b" is now Reachable")?;
        return contact(rest);
    }
    let rest = rest.strip_prefix(b"chan_sip.c:")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"-- ").unwrap_or(rest).strip_prefix(b"Registered SIP '")?;
    address_before_port(&rest[memmem::rfind(rest, b"' at ")? + 5..])
}

/// Whether a line of level VERBOSE begins a packet that SIP debugging writes into the log.
pub fn packet(rest: &[u8]) -> Option<Packet> {
    if let Some(rest) = rest.strip_prefix(b"res_pjsip_logger.c: <--- ") {
        let rest = &rest[memchr(b'(', rest)? + 1..];
        let digits = &rest[..memchr(b' ', rest)?];
        let bytes = std::str::from_utf8(digits).ok()?.parse().ok()?;
        return rest[digits.len()..].starts_with(b" bytes)").then_some(Packet::Bytes(bytes));
    }
    let rest = rest.strip_prefix(b"chan_sip.c: ")?.trim_ascii_start();
    rest.starts_with(PACKET_BEGIN).then_some(Packet::UntilEnd)
}

/// What begins the place of a line of the dialplan.
const DIALPLAN: &[u8] = b"Ext. ";

/// What a line is about.
pub fn find(line: &Line<'_>) -> Finding {
    let message = line.message.trim_ascii_end();
    let finding = if line.security {
        security_event(message)
    } else if line.source.starts_with(DIALPLAN) {
        // Before the message is the called number, as the caller wrote it: only the end is safe.
        unknown_connection(message)
    } else {
        match message.first() {
            Some(b'R') if message.starts_with(b"Registration from '") => registration(message),
            Some(b'R') if message.starts_with(b"Request ") => request(message),
            Some(b'C') if message.starts_with(b"Call from '") => call(message),
            Some(b'N') if message.starts_with(b"No registration for peer '") => no_registration(message),
            Some(b'h') => hacking(message),
            Some(b'E') if message.starts_with(b"Endpoint '") => no_aors(message),
            Some(b'"') => unknown_connection(message),
            _ => host_failed(message),
        }
    };
    finding.unwrap_or_else(|| {
        // In a security event and in what the dialplan logs, callers write too much.
        let others = line.security || line.source.starts_with(DIALPLAN);
        let looks = !others && REJECTIONS.iter().any(|words| memmem::find(message, words).is_some());
        if looks { Finding::Unknown } else { Finding::Nothing }
    })
}

fn rejected(kind: Kind, text: &[u8]) -> Option<Finding> {
    if is_unclear(text) {
        return Some(Finding::Unclear);
    }
    address_before_port(text).map(|address| Finding::Rejected(kind, address))
}

/// The address, if all places that may be Asterisk's agree.
fn agreed(kind: Kind, candidates: impl Iterator<Item = IpAddr>) -> Option<Finding> {
    let mut found = None;
    for candidate in candidates {
        match found {
            Some(address) if address != candidate => return Some(Finding::Unclear),
            _ => found = Some(candidate),
        }
    }
    found.map(|address| Finding::Rejected(kind, address))
}

/// `Registration from 'TO' failed for 'ADDRESS' - REASON`: only the first is the attacker's.
fn registration(message: &[u8]) -> Option<Finding> {
    const REASONS: [&[u8]; 7] = [
        b"Wrong password",
        b"Username/auth name mismatch",
        b"No matching peer found",
        b"Not a local domain",
        b"Device does not match ACL",
        b"Peer is not supposed to register",
        b"ACL error (permit/deny)",
    ];
    let rest = REASONS.iter().find_map(|reason| message.strip_suffix(*reason))?.strip_suffix(b"' - ")?;
    let before = b"' failed for '";
    rejected(Kind::Registration, &rest[memmem::rfind(rest, before)? + before.len()..])
}

/// `Request 'METHOD' from 'FROM' failed for 'ADDRESS' (callid: ID) - REASON`: FROM and ID are the attacker's.
fn request(message: &[u8]) -> Option<Finding> {
    const REASONS: [(&[u8], bool); 5] = [
        (b"No matching endpoint found", true),
        (b"Failed to authenticate", false),
        (b"Not match Endpoint ACL", true),
        (b"Not match Endpoint Contact ACL", true),
        (b"Error to authenticate", false),
    ];
    // Newer versions add the number of tries and their time.
    let text = match message.ends_with(b" ms") {
        true => &message[..memmem::rfind(message, b" after ")?],
        false => message,
    };
    let reason = |(reason, unknown): &(&[u8], bool)| {
        text.strip_suffix(*reason).filter(|rest| rest.ends_with(b") - ")).map(|_| *unknown)
    };
    let unknown = REASONS.iter().find_map(reason)?;
    let kind = match message.strip_prefix(b"Request '") {
        Some(rest) if unknown && rest.starts_with(b"INVITE'") => Kind::Call,
        Some(rest) if unknown && rest.starts_with(b"REGISTER'") => Kind::Registration,
        _ => Kind::Authentication,
    };
    // Without its first quote, so that a quote of the attacker's cannot hide Asterisk's.
    let (before, behind) = (b" failed for '".as_slice(), b"' (callid: ".as_slice());
    let quoted = |place: &usize| place.checked_sub(1).is_some_and(|before| message[before] == b'\'');
    let places = memmem::find_iter(message, before).filter(quoted).filter_map(|place| {
        let rest = &message[place + before.len()..];
        let rest = &rest[..rest.len().min(ADDRESS + behind.len())];
        address_before_port(&rest[..memmem::find(rest, behind)?])
    });
    agreed(kind, places)
}

/// `Call from 'NAME' (ADDRESS) to extension 'NUMBER' rejected because ...`: NAME and NUMBER are the attacker's.
fn call(message: &[u8]) -> Option<Finding> {
    memmem::rfind(message, b"' rejected because extension not found in context")?;
    let behind = b") to extension '".as_slice();
    let places = memmem::find_iter(message, behind).filter_map(|place| {
        let rest = &message[place.saturating_sub(ADDRESS)..place];
        let text = &rest[memmem::rfind(rest, b"' (")? + 3..];
        let text = TRANSPORTS.iter().find_map(|name| text.strip_prefix(*name)).unwrap_or(text);
        address_before_port(text)
    });
    agreed(Kind::Call, places)
}

/// What chan_sip and PJSIP write before an address.
const TRANSPORTS: [&[u8]; 5] = [b"UDP:", b"TCP:", b"TLS:", b"WSS:", b"WS:"];

/// `Endpoint 'NAME' (ADDRESS:PORT) has no configured AORs`: somebody registers as an endpoint that nobody may register
/// as. The name is one of the configuration.
fn no_aors(message: &[u8]) -> Option<Finding> {
    let rest = message.strip_suffix(b") has no configured AORs")?;
    let before = b"' (";
    let address = address_before_port(&rest[memmem::rfind(rest, before)? + before.len()..])?;
    Some(Finding::Rejected(Kind::Registration, address))
}

/// `No registration for peer 'NAME' (from ADDRESS)`.
fn no_registration(message: &[u8]) -> Option<Finding> {
    let rest = message.strip_suffix(b")")?;
    let before = b"' (from ";
    rejected(Kind::Registration, &rest[memmem::rfind(rest, before)? + before.len()..])
}

/// `hacking attempt detected 'ADDRESS'`.
fn hacking(message: &[u8]) -> Option<Finding> {
    let rest = message.strip_prefix(b"hacking attempt detected '")?;
    rejected(Kind::Authentication, rest.strip_suffix(b"'")?)
}

/// `"Rejecting unknown SIP connection from ADDRESS"`, as FreePBX's dialplan logs an unknown caller.
fn unknown_connection(message: &[u8]) -> Option<Finding> {
    let rest = message.strip_suffix(b"\"")?;
    let before = b"\"Rejecting unknown SIP connection from ";
    rejected(Kind::Call, &rest[memmem::rfind(rest, before)? + before.len()..])
}

/// `ADDRESS failed to authenticate as NAME` and its like, of the manager interface and of IAX2.
fn host_failed(message: &[u8]) -> Option<Finding> {
    let message = message.strip_prefix(b"Host ").unwrap_or(message);
    let end = memchr(b' ', &message[..message.len().min(ADDRESS)])?;
    let rest = &message[end + 1..];
    let failed = [
        b"failed to authenticate".as_slice(),
        b"failed MD5 authentication",
        b"tried to authenticate with nonexistent user",
    ];
    let rest = failed.iter().find_map(|words| rest.strip_prefix(*words))?;
    let word_ends = rest.first().is_none_or(|b| !(b.is_ascii_alphanumeric() || *b == b'_'));
    if word_ends { rejected(Kind::Authentication, &message[..end]) } else { None }
}

/// `SecurityEvent="NAME",...,RemoteAddress="IPV4/UDP/ADDRESS/PORT",...`: account and session come before the address
/// and are the attacker's; in two of the events so is something after it. Asterisk does not escape quotes in them.
fn security_event(message: &[u8]) -> Option<Finding> {
    let rest = message.strip_prefix(b"SecurityEvent=\"")?;
    let (kind, ends_with_asterisks_words) = match &rest[..memchr(b'"', &rest[..rest.len().min(40)])?] {
        b"InvalidAccountID" | b"FailedACL" => (Kind::Authentication, true),
        b"ChallengeResponseFailed" | b"InvalidPassword" => (Kind::Authentication, false),
        b"SuccessfulAuth" => (Kind::Success, true),
        _ => return None,
    };
    let before = b",RemoteAddress=\"IPV".as_slice();
    let read = |place: usize| {
        let rest = &message[place + before.len()..];
        let value = &rest[..memchr(b'"', &rest[..rest.len().min(ADDRESS)])?];
        let mut parts = value.split(|b| *b == b'/');
        let (_family, _transport, host) = (parts.next()?, parts.next()?, parts.next()?);
        address(host)
    };
    if ends_with_asterisks_words {
        let address = read(memmem::rfind(message, before)?)?;
        return Some(Finding::Rejected(kind, address));
    }
    agreed(kind, memmem::find_iter(message, before).filter_map(read))
}

#[cfg(test)]
#[path = "asterisk_log_tests.rs"]
mod tests;
