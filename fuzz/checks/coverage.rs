//! A log of Asterisk or fail2ban. And the text that an attacker can put into a line: it never makes the line one about
//! another address.

use std::io::Read;
use std::net::IpAddr;

use banbridge::coverage::asterisk_log::{Finding, dated, find, split};
use banbridge::coverage::listings::Listings;
use banbridge::coverage::scan::{Scanner, Seen};
use banbridge::coverage::stamp::Zone;
use banbridge::coverage::tally::{Hour, Tally, merge};
use banbridge::coverage::{Event, report, svg};
use jiff::tz::TimeZone;

/// The address that Asterisk writes.
const REJECTED: &str = "203.0.113.7";

pub fn read(data: &[u8]) {
    let _ = scan(data);
    let words = words(data);
    for (line, _) in lines(&words) {
        let _ = finding(&line);
    }
}

fn finding(line: &str) -> Option<Finding> {
    let (stamp, message) = dated(line.as_bytes())?;
    split(stamp, message).map(|line| find(&line))
}

fn scan(input: impl Read) -> (Vec<Event>, Seen) {
    let mut scanner = Scanner::new(input, Zone::new(TimeZone::UTC), 0);
    let mut events = Vec::new();
    while let Some(event) = scanner.next_event().expect("memory has no errors") {
        events.push(event);
    }
    let seen = scanner.seen();
    (events, seen)
}

/// What an attacker can write: no end of a line.
fn words(data: &[u8]) -> [String; 2] {
    let text = super::text(data).replace(['\n', '\r'], " ");
    // Two places in one line, separated by a character that nobody types.
    match text.split_once('\u{1}') {
        Some((one, other)) => [one.to_owned(), other.to_owned()],
        None => [text.clone(), text],
    }
}

/// Every line with text of an attacker, and whether it must be found.
fn lines([one, other]: &[String; 2]) -> Vec<(String, bool)> {
    let line = |level: &str, source: &str, message: String| {
        format!("[2026-11-24 06:58:30] {level}[2210] {source}: {message}")
    };
    let pjsip = "res_pjsip/pjsip_distributor.c";
    let event = |name: &str, rest: &str| {
        let message = format!(
            "SecurityEvent=\"{name}\",Service=\"PJSIP\",AccountID=\"{one}\",SessionID=\"{other}\",\
             LocalAddress=\"IPV4/UDP/192.0.2.1/5060\",RemoteAddress=\"IPV4/UDP/{REJECTED}/5071\"{rest}"
        );
        line("SECURITY", "res_security_log.c", message)
    };
    let hash = format!(",ReceivedHash=\"{one}\"");
    let request = format!(
        "Request 'INVITE' from '{one}' failed for '{REJECTED}:5071' (callid: {other}) - No matching endpoint found"
    );
    let call = format!(
        "Call from '{one}' ({REJECTED}:5071) to extension '{other}' rejected because extension not found in context 'x'."
    );
    let known = |message: String| (line("NOTICE", "x.c", message), true);
    vec![
        known(format!("Registration from '{one}' failed for '{REJECTED}:5071' - Wrong password")),
        known(format!("No registration for peer '{one}' (from {REJECTED})")),
        known(format!("{REJECTED} failed to authenticate as '{one}'")),
        known(format!("Host {REJECTED} failed MD5 authentication for '{one}' ({other})")),
        (event("InvalidAccountID", ""), true),
        (event("FailedACL", ",ACLName=\"x\""), true),
        (event("InvalidPassword", &hash), false),
        (line("NOTICE", pjsip, request), false),
        (line("NOTICE", "chan_sip.c", call), false),
        (
            line(
                "WARNING",
                &format!("Ext. {one}"),
                format!("\"Rejecting unknown SIP connection from {REJECTED}\""),
            ),
            false,
        ),
        (line("WARNING", &format!("Ext. {one}"), "Something else".to_owned()), false),
    ]
}

pub fn check(data: &[u8]) {
    let rejected: IpAddr = REJECTED.parse().expect("an address");
    for (line, must) in lines(&words(data)) {
        match finding(&line) {
            Some(Finding::Rejected(_, address)) => assert_eq!(address, rejected, "{line}"),
            finding => assert!(!must, "{finding:?}: {line}"),
        }
    }
    let (events, seen) = scan(data);
    assert_eq!((events.clone(), seen.clone()), scan(Drip(data)), "however it drips in");
    assert!(events.len() as u64 + seen.unclear + seen.unknown <= seen.lines);
    assert_eq!(seen.unknown > 0, seen.unknown_line.is_some());
    let listings = Listings::default();
    let nothing_protected = |_: IpAddr| false;
    let mut tally = Tally::new(&listings, &nothing_protected, (i64::MIN, i64::MAX)).keep(3);
    merge(&mut [events.iter().copied()], &mut tally);
    let report = report::report(&tally, &listings, &["one".to_owned()]);
    assert!(report.attackers <= 3 && report.attempts <= events.len() as u64);
    assert_eq!(report.attempts, report.listed + report.unlisted);
    assert_eq!(tally.hours.values().map(Hour::total).sum::<u64>(), report.attempts);
    assert!(svg::draw(&tally.hours, &super::text(data)).len() < 100_000 + 6 * data.len());
}

/// One byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}
