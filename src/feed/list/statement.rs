//! Lines that say more than an address: rules of other programs, ranges with blanks, several addresses in a line. What
//! a line says of its address decides: a rule that lets it through is an exception, never a ban. Every word of a line is
//! accounted for, or it is no statement.

use super::entry::{self, Reason, is_one};
use crate::ban::Prefix;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// These are to be blocked.
    Block(Vec<Prefix>),
    /// These are not to be blocked.
    Exception(Vec<Prefix>),
    /// It belongs to the form and names nobody, such as `COMMIT`.
    Nothing,
    /// It belongs to the form and cannot be used, and why.
    Bad(Reason),
}

/// Words that say that an address is not to be blocked, as a whole field of a line.
pub(super) fn is_exception(word: &[u8]) -> bool {
    const WORDS: [&str; 9] = [
        "allow",
        "allowed",
        "permit",
        "accept",
        "nomatch",
        "whitelist",
        "whitelisted",
        "allowlist",
        "exempt",
    ];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Reads a line as a statement; none where it is none in a form that is known here.
pub(super) fn read(line: &[u8]) -> Option<Statement> {
    let line = std::str::from_utf8(line).ok()?.trim().trim_end_matches([';', ',']).trim_end();
    let words: Vec<&str> = line.split_whitespace().collect();
    let (first, rest) = words.split_first()?;
    let lower = first.to_ascii_lowercase();
    match lower.as_str() {
        "deny" | "allow" | "permit" | "block" | "drop" | "reject" if !rest.is_empty() => {
            Some(rule(&lower, rest))
        }
        "access-list" => {
            // A number or a name, perhaps "extended" or "standard", then the rule.
            let at = rest
                .iter()
                .position(|word| ["deny", "permit"].contains(&word.to_ascii_lowercase().as_str()))?;
            Some(rule(&rest[at].to_ascii_lowercase(), &rest[at + 1..]))
        }
        "create" | "commit" | "flush" => Some(Statement::Nothing),
        "add" => Some(ipset(rest)),
        "-a" | "-i" | "iptables" | "ip6tables" => Some(iptables(&words)),
        _ if first.starts_with('*') && words.len() == 1 => Some(Statement::Nothing),
        _ if first.starts_with(':') && line.ends_with(']') => Some(Statement::Nothing),
        _ if first.ends_with(':') && first.len() > 1 && !first[..first.len() - 1].contains([':', '.']) => {
            Some(hosts_deny(&lower, rest))
        }
        _ if first.starts_with('!') => Some(exception(&line[1..])),
        _ => range_line(line, &words).or_else(|| several(line)),
    }
}

/// The prefixes of one entry as a statement.
fn entry_of(text: &str, blocks: bool) -> Statement {
    let mut prefixes = Vec::new();
    match entry::read(text.trim().as_bytes(), &mut prefixes) {
        Ok(()) if blocks => Statement::Block(prefixes),
        Ok(()) => Statement::Exception(prefixes),
        Err(reason) => Statement::Bad(reason),
    }
}

fn exception(text: &str) -> Statement {
    entry_of(text, false)
}

/// `deny A`, `deny from A`, `deny ip host A any`, `deny ip A WILDCARD any`; the same with permit and allow.
fn rule(verb: &str, rest: &[&str]) -> Statement {
    let blocks = !["allow", "permit"].contains(&verb);
    let mut rest = rest;
    while let Some((word, after)) = rest.split_first() {
        let word = word.to_ascii_lowercase();
        if !["from", "ip", "ipv4", "host", "src", "source", "quick", "in", "tcp", "udp"]
            .contains(&word.as_str())
        {
            break;
        }
        rest = after;
    }
    let (address, after) = match rest {
        [address, after @ ..] => (*address, after),
        [] => return Statement::Bad(Reason::NotAnAddress),
    };
    match after {
        [] | ["any", ..] | ["to", "any", ..] => entry_of(address, blocks),
        [mask, more @ ..] if more.is_empty() || more[0] == "any" => match wildcard(mask) {
            Some(length) => entry_of(&format!("{address}/{length}"), blocks),
            None => entry_of(&format!("{address}/{mask}"), blocks),
        },
        _ => Statement::Bad(Reason::Unaccounted),
    }
}

/// The length that a wildcard mask of Cisco's stands for: the netmask turned round.
fn wildcard(text: &str) -> Option<u32> {
    let bits = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
    let length = bits.leading_zeros();
    (length >= 8 && bits.count_ones() + length == 32).then_some(length)
}

/// `add NAME A`, perhaps with a time-out, counters or a comment, or `nomatch`.
fn ipset(rest: &[&str]) -> Statement {
    let [_, address, options @ ..] = rest else { return Statement::Bad(Reason::Unaccounted) };
    let nomatch = options.iter().take_while(|word| **word != "comment").any(|word| *word == "nomatch");
    entry_of(address, !nomatch)
}

/// A rule of iptables-save: a ban where it drops or rejects what comes from an address and asks for nothing else.
fn iptables(words: &[&str]) -> Statement {
    let value = |names: [&str; 2]| {
        let at = words.iter().position(|word| names.contains(word))?;
        Some((*words.get(at + 1)?, at.checked_sub(1).is_some_and(|before| words[before] == "!")))
    };
    let Some((address, negated)) = value(["-s", "--source"]) else { return Statement::Nothing };
    let target = value(["-j", "--jump"]).map(|(target, _)| target);
    match target {
        Some("DROP" | "REJECT" | "TARPIT") if !negated => entry_of(address, true),
        Some("ACCEPT" | "RETURN") => entry_of(address, false),
        _ if negated => entry_of(address, false),
        _ => Statement::Bad(Reason::Unaccounted),
    }
}

/// `ALL: A, B`: who is denied everything. A line for one program only says nothing of other packets.
fn hosts_deny(daemon: &str, rest: &[&str]) -> Statement {
    if daemon != "all:" {
        return Statement::Bad(Reason::OneProgram);
    }
    let mut prefixes = Vec::new();
    for word in rest.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
        if let Err(reason) = entry::read(word.as_bytes(), &mut prefixes) {
            return Statement::Bad(reason);
        }
    }
    Statement::Block(prefixes)
}

/// `A - B`, `A to B`, `A / 24`, `A mask M`; `A - B , LEVEL , name` of eMule, whose levels from 128 on let through; and
/// `name:A-B` of PeerGuardian; F5's `A,24,bl,name`.
fn range_line(line: &str, words: &[&str]) -> Option<Statement> {
    let parts: Vec<&str> = line.split(',').map(str::trim).collect();
    if let [range, level, _, ..] = parts.as_slice()
        && range.contains('-')
        && let Ok(level) = level.parse::<u16>()
    {
        return Some(entry_of(&joined(range), level < 128));
    }
    if let [address, length, kind @ ("bl" | "wl"), ..] = parts.as_slice() {
        return Some(entry_of(&format!("{address}/{length}"), *kind == "bl"));
    }
    match words {
        [a, "-" | "to" | "\u{2013}", b] => Some(entry_of(&format!("{a}-{b}"), true)),
        [a, b] if a.ends_with('-') || b.starts_with('-') => {
            Some(entry_of(&format!("{}-{}", a.trim_end_matches('-'), b.trim_start_matches('-')), true))
        }
        [a, "/" | "mask" | "netmask", b] => Some(entry_of(&format!("{a}/{b}"), true)),
        _ => {
            let (name, range) = line.rsplit_once(':')?;
            let is_range = range.contains('-') && range.contains('.') && !name.is_empty();
            (is_range && entry::read(joined(range).as_bytes(), &mut Vec::new()).is_ok())
                .then(|| entry_of(&joined(range), true))
        }
    }
}

/// A range without the blanks in it.
fn joined(range: &str) -> String {
    range.split_whitespace().collect()
}

/// Several entries, and nothing else. Two addresses alone may be a range as well.
fn several(line: &str) -> Option<Statement> {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|word| !word.is_empty())
        .collect();
    let is_mask = |word: &&str| word.starts_with("255.");
    if words.len() < 2 || words.iter().any(is_mask) || !words.iter().all(|word| is_one(word.as_bytes())) {
        return None;
    }
    if words.len() == 2 && !words.iter().any(|word| word.contains(['/', '-'])) {
        return Some(Statement::Bad(Reason::Ambiguous));
    }
    let mut prefixes = Vec::new();
    for word in words {
        if let Err(reason) = entry::read(word.as_bytes(), &mut prefixes) {
            return Some(Statement::Bad(reason));
        }
    }
    Some(Statement::Block(prefixes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says_of_its_address_decides() {
        let table = [
            ("deny 45.0.0.1;", "+45.0.0.1"),
            ("deny from 45.0.1.0/24", "+45.0.1.0/24"),
            ("allow 46.0.0.9;", "-46.0.0.9"),
            ("access-list 101 permit ip 46.0.0.0 0.0.0.255 any", "-46.0.0.0/24"),
            ("access-list 101 deny ip 45.0.1.0 0.0.0.255 any", "+45.0.1.0/24"),
            ("access-list 101 deny ip host 45.0.1.7 any", "+45.0.1.7"),
            ("access-list 101 deny ip 45.0.1.0 0.0.255.0 any", "invalid netmask"),
            ("add blocklist 45.0.1.0/24 timeout 300", "+45.0.1.0/24"),
            ("add blocklist 45.0.1.9 nomatch", "-45.0.1.9"),
            ("create blocklist hash:net family inet", ""),
            ("-A INPUT -s 45.0.0.1/32 -j DROP", "+45.0.0.1"),
            ("-A INPUT -s 46.0.0.1/32 -p tcp -j ACCEPT", "-46.0.0.1"),
            ("-A INPUT ! -s 46.0.0.0/8 -j DROP", "-46.0.0.0/8"),
            (":INPUT ACCEPT [0:0]", ""),
            ("*filter", ""),
            ("ALL: 45.0.0.2, 45.0.0.3", "+45.0.0.2 45.0.0.3"),
            ("ALL: 45.0.1.", "invalid address"),
            ("sshd: 45.0.0.4", "for one program only"),
            ("45.0.1.0 -45.0.1.255", "+45.0.1.0/24"),
            ("45.0.3.0- 45.0.3.255", "+45.0.3.0/24"),
            ("45.0.4.0 to 45.0.4.255", "+45.0.4.0/24"),
            ("45.0.4.0 / 24", "+45.0.4.0/24"),
            ("45.0.4.0 netmask 255.255.255.0", "+45.0.4.0/24"),
            ("45.0.1.0 - 45.0.1.255 , 000 , Bad org", "+45.0.1.0/24"),
            ("46.0.0.0 - 46.0.0.255 , 200 , allowed org", "-46.0.0.0/24"),
            ("Some name:45.0.2.0-45.0.2.3", "+45.0.2.0/30"),
            ("45.0.0.0,24,bl,botnets", "+45.0.0.0/24"),
            ("46.0.0.0,24,wl,", "-46.0.0.0/24"),
            ("45.0.0.1 45.0.0.2 45.0.0.3", "+45.0.0.1 45.0.0.2 45.0.0.3"),
            ("45.0.0.1, 45.0.0.0/31", "+45.0.0.1 45.0.0.0/31"),
            ("45.0.0.1 45.0.0.2", "two addresses in a line: a range, or two entries"),
            ("!46.0.0.1", "-46.0.0.1"),
        ];
        let shown =
            |prefixes: &[Prefix]| prefixes.iter().map(Prefix::to_string).collect::<Vec<_>>().join(" ");
        for (line, expected) in table {
            let said = match read(line.as_bytes()) {
                Some(Statement::Block(prefixes)) => format!("+{}", shown(&prefixes)),
                Some(Statement::Exception(prefixes)) => format!("-{}", shown(&prefixes)),
                Some(Statement::Nothing) => String::new(),
                Some(Statement::Bad(reason)) => reason.to_string(),
                None => "none".to_owned(),
            };
            assert!(
                said == expected || (!expected.starts_with(['+', '-']) && said.contains(expected)),
                "{line}: {said}"
            );
        }
        for line in
            ["45.0.0.1", "45.0.0.1\t10", "hello world", "2a05::1", "45.0.1.0 255.255.255.0", "x;y;45.0.0.1"]
        {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }
}
