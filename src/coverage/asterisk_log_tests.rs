use proptest::prelude::*;

use super::*;

fn described(line: &str) -> String {
    let line = dated(line.as_bytes()).and_then(|(stamp, rest)| split(stamp, rest));
    let Some(line) = line else { return "no line".to_owned() };
    match find(&line) {
        Finding::Nothing => "nothing".to_owned(),
        Finding::Unclear => "unclear".to_owned(),
        Finding::Unknown => "unknown".to_owned(),
        Finding::Rejected(kind, address) => format!("{kind:?} {address}"),
    }
}

/// A message of a level, as Asterisk writes it by default.
fn line(level: &str, source: &str, message: &str) -> String {
    format!("[2026-11-24 06:58:30] {level}[2210] {source}: {message}")
}

#[test]
fn every_kind_of_rejection_is_found_with_its_address() {
    let security = |event: &str, rest: &str| {
        format!(
            "SecurityEvent=\"{event}\",EventTV=\"2026-11-24T06:58:30.123+0100\",Severity=\"Error\",Service=\"PJSIP\",\
             EventVersion=\"1\",AccountID=\"100\",SessionID=\"abc\",LocalAddress=\"IPV4/UDP/192.0.2.1/5060\",\
             RemoteAddress=\"IPV4/UDP/203.0.113.7/5071\"{rest}"
        )
    };
    let table = [
        ("NOTICE", "chan_sip.c", "Registration from '\"100\" <sip:100@192.0.2.1>' failed for '203.0.113.7:5071' - Wrong password".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Registration from '<sip:100@192.0.2.1>' failed for '203.0.113.7' - No matching peer found".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Registration from '<sip:1@x>' failed for '[2001:db8::7]:5060' - ACL error (permit/deny)".to_owned(), "Registration 2001:db8::7"),
        ("NOTICE", "chan_sip.c", "Registration from '<sip:1@x>' failed for '203.0.113.7:5071' - Because".to_owned(), "unknown"),
        ("NOTICE", "chan_sip.c", "Call from '' (TLS:203.0.113.7:5071) to extension '00442' rejected because extension not found in context 'default'.".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Call from '' (WS:203.0.113.7:5071) to extension '00442' rejected because extension not found in context 'default'.".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "res_pjsip_session.c", "Call from '' (WSS:2a05:1::9:5060) to extension '00442' rejected because extension not found in context 'default'.".to_owned(), "Call 2a05:1::9"),
        ("NOTICE", "res_pjsip_session.c", "Call from '' (WSS:203.0.113.7:5071) to extension '00442' rejected because you are you.".to_owned(), "unknown"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from '<sip:a@x>' failed for '2a05:1::a:5060' (callid: x) - No matching endpoint found".to_owned(), "Call 2a05:1::a"),
        ("WARNING", "res_pjsip_registrar.c", "Endpoint 'anonymous' (203.0.113.7:5071) has no configured AORs".to_owned(), "Registration 203.0.113.7"),
        ("WARNING", "res_pjsip_registrar.c", "Endpoint 'anonymous' (2a05:1::a:5071) has no configured AORs".to_owned(), "Registration 2a05:1::a"),
        ("WARNING", "Ext. s", "\"Rejecting unknown SIP connection from 2a05:1::c:5060\"".to_owned(), "unclear"),
        ("WARNING", "Ext. s", "\"Rejecting unknown SIP connection from 2a05:1::c:52126\"".to_owned(), "Call 2a05:1::c"),
        ("WARNING", "Ext. tel:+4420", "\"Rejecting unknown SIP connection from 203.0.113.7:5071\"".to_owned(), "Call 203.0.113.7"),
        ("WARNING", "Ext. 00:9@x:2", "\"Rejecting unknown SIP connection from [2a05:1::9]:52126\"".to_owned(), "Call 2a05:1::9"),
        ("NOTICE", "chan_sip.c", "Call from '' (203.0.113.7:5071) to extension '00442' rejected because extension not found in context 'default'.".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Call from '' (TCP:203.0.113.7:5071) to extension '00442' rejected because extension not found in context 'default'.".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from '\"9\" <sip:9@192.0.2.1>' failed for '203.0.113.7:5071' (callid: 5) - No matching endpoint found".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'REGISTER' from '<sip:9@192.0.2.1>' failed for '203.0.113.7:5071' (callid: 5) - No matching endpoint found after 8 tries in 12.345 ms".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'REGISTER' from '<sip:9@192.0.2.1>' failed for '203.0.113.7:5071' (callid: 5) - Failed to authenticate".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request from '<sip:9@192.0.2.1>' failed for '203.0.113.7:5071' (callid: 5) - Not match Endpoint Contact ACL".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "chan_iax2.c", "No registration for peer '100' (from 203.0.113.7)".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "chan_iax2.c", "Host 203.0.113.7 failed MD5 authentication for '100' (a != b)".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "manager.c", "203.0.113.7 tried to authenticate with nonexistent user 'admin'".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "manager.c", "203.0.113.7 failed to authenticate as 'admin'".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "manager.c", "203.0.113.7 failed to authenticated as 'admin'".to_owned(), "unknown"),
        ("NOTICE", "x.c", "hacking attempt detected '203.0.113.7'".to_owned(), "Authentication 203.0.113.7"),
        ("WARNING", "Ext. s", "\"Rejecting unknown SIP connection from 203.0.113.7:5071\"".to_owned(), "Call 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("InvalidPassword", ",Challenge=\"1\",ReceivedChallenge=\"1\",ReceivedHash=\"2\""), "Authentication 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("ChallengeResponseFailed", ",Challenge=\"\""), "Authentication 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("InvalidAccountID", ""), "Authentication 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("FailedACL", ",ACLName=\"x\""), "Authentication 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("ChallengeSent", ",Challenge=\"1\""), "nothing"),
        ("SECURITY", "res_security_log.c", security("SuccessfulAuth", ",UsingPassword=\"1\""), "Success 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Peer '100' is now Reachable. (12ms / 2000ms)".to_owned(), "nothing"),
        ("NOTICE", "chan_sip.c", "Registration from '<sip:1@x>' failed for 'sip.example.com:5060' - Wrong password".to_owned(), "unknown"),
    ];
    for (level, source, message, expected) in table {
        assert_eq!(described(&line(level, source, &message)), expected, "{message}");
    }
}

#[test]
fn an_attacker_who_writes_another_address_into_a_line_is_found_by_their_own() {
    // 203.0.113.7 is where Asterisk writes the address; 198.51.100.9 is what the attacker wants to be blamed.
    let security = |event: &str, account: &str, rest: &str| {
        format!(
            "SecurityEvent=\"{event}\",AccountID=\"{account}\",SessionID=\"a\",LocalAddress=\"IPV4/UDP/192.0.2.1/5060\",\
             RemoteAddress=\"IPV4/UDP/203.0.113.7/5071\"{rest}"
        )
    };
    let fake = "x\",RemoteAddress=\"IPV4/UDP/198.51.100.9/5060";
    let table = [
        // Only Asterisk writes at the end.
        ("NOTICE", "chan_sip.c", "Registration from 'x' failed for '198.51.100.9:5060' - Wrong password' failed for '203.0.113.7:5071' - Wrong password".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Registration from '\"' failed for '198.51.100.9' - Wrong password\" <sip:1@x>' failed for '203.0.113.7:5071' - No matching peer found".to_owned(), "Registration 203.0.113.7"),
        ("NOTICE", "chan_iax2.c", "No registration for peer 'x' (from 198.51.100.9)' (from 203.0.113.7)".to_owned(), "Registration 203.0.113.7"),
        ("WARNING", "Ext. 1: \"Rejecting unknown SIP connection from 198.51.100.9\"", "\"Rejecting unknown SIP connection from 203.0.113.7\"".to_owned(), "Call 203.0.113.7"),
        ("WARNING", "Ext. 198.51.100.9 failed to authenticate", "\"Rejecting unknown SIP connection from 203.0.113.7\"".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "Ext. 1: 198.51.100.9 failed to authenticate as", "hello".to_owned(), "nothing"),
        ("NOTICE", "Ext. 1: hacking attempt detected '198.51.100.9'", "hello".to_owned(), "nothing"),
        ("SECURITY", "res_security_log.c", security("InvalidAccountID", fake, ""), "Authentication 203.0.113.7"),
        ("SECURITY", "res_security_log.c", security("FailedACL", fake, ",ACLName=\"a\""), "Authentication 203.0.113.7"),
        // Only Asterisk writes at the beginning.
        ("NOTICE", "manager.c", "203.0.113.7 failed to authenticate as '198.51.100.9 failed to authenticate'".to_owned(), "Authentication 203.0.113.7"),
        ("NOTICE", "chan_iax2.c", "Host 203.0.113.7 failed to authenticate as Host 198.51.100.9 failed to authenticate".to_owned(), "Authentication 203.0.113.7"),
        // Quotes alone are not enough: Asterisk's words are not all there.
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from '\"' failed for '198.51.100.9:5060'\" <sip:1@x>' failed for '203.0.113.7:5071' (callid: 5) - No matching endpoint found".to_owned(), "Call 203.0.113.7"),
        ("NOTICE", "chan_sip.c", "Call from 'x (198.51.100.9:5060) to extension 'y' (203.0.113.7:5071) to extension '1' rejected because extension not found in context 'default'.".to_owned(), "Call 203.0.113.7"),
        // The attacker writes on both sides, and the line fits two addresses.
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from 'x' failed for '198.51.100.9:5060' (callid: 1' failed for '203.0.113.7:5071' (callid: 5) - No matching endpoint found".to_owned(), "unclear"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from '<sip:1@x>' failed for '203.0.113.7:5071' (callid: 1) - x' failed for '198.51.100.9:5060' (callid: 5) - No matching endpoint found".to_owned(), "unclear"),
        ("NOTICE", "chan_sip.c", "Call from '' (203.0.113.7:5071) to extension '1' (198.51.100.9:5060) to extension '2' rejected because extension not found in context 'default'.".to_owned(), "unclear"),
        ("SECURITY", "res_security_log.c", security("InvalidPassword", "100", &format!(",ReceivedHash=\"{fake}\"")), "unclear"),
        ("SECURITY", "res_security_log.c", security("ChallengeResponseFailed", fake, ",Response=\"x\""), "unclear"),
        (
            "NOTICE",
            "res_pjsip/pjsip_distributor.c",
            "Request 'INVITE' from 'x' failed for ' failed for '203.0.113.7:5071' (callid: 1' failed for '198.51.100.9:1' (callid: 2) - No matching endpoint found".to_owned(),
            "unclear",
        ),
        // The attacker's own address twice.
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'INVITE' from 'x' failed for '203.0.113.7:1' (callid: 1' failed for '203.0.113.7:5071' (callid: 5) - No matching endpoint found".to_owned(), "Call 203.0.113.7"),
        // A rejection in the words of a line that is none.
        ("NOTICE", "chan_sip.c", "Peer 'Registration from 'x' failed for '198.51.100.9' - Wrong password' is now Lagged".to_owned(), "unknown"),
        ("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'x' from 'x' failed for '198.51.100.9:5060' (callid: 5) - No matching endpoint found' failed for '203.0.113.7:5071' (callid: 5) - Whatever".to_owned(), "unknown"),
    ];
    for (level, source, message, expected) in table {
        assert_eq!(described(&line(level, source, &message)), expected, "{source}: {message}");
    }
}

#[test]
fn a_line_is_read_in_all_formats_of_its_head() {
    let message = "203.0.113.7 failed to authenticate as 'admin'";
    for head in [
        "[2026-11-24 06:58:30] NOTICE[2210] manager.c: ",
        "[2026-11-24 06:58:30.123] NOTICE[2210][C-0000001a] manager.c: ",
        "[2026-11-24 06:58:30] NOTICE[2210]: manager.c: ",
        "[2026-11-24 06:58:30] NOTICE[2210][C-0000001a]: manager.c: ",
        "[2026-11-24 06:58:30] NOTICE[2210]:[C-0000001a]: manager.c: ",
        "[Nov 24 06:58:30] NOTICE[2210]: manager.c:1234 authenticate: ",
        "[2026-11-24 06:58:30] NOTICE[2210]: manager.c:1234 in authenticate: ",
        "[2026-11-24 06:58:30] NOTICE[2210]: manager.c:1234 ",
        "[2026-11-24 06:58:30] WARNING[2210] manager.c: ",
        "[2026-11-24 06:58:30] NOTICE [2210] manager.c: ",
    ] {
        assert_eq!(described(&format!("{head}{message}")), "Authentication 203.0.113.7", "{head}");
        assert_eq!(described(&format!("{head}{message}\r")), "Authentication 203.0.113.7", "{head}");
    }
    for head in [
        "[2026-11-24 06:58:30] VERBOSE[2210] manager.c: ",
        "[2026-11-24 06:58:30] NOTICE manager.c: ",
        "[2026-11-24 06:58:30] NOTICES[2210] manager.c: ",
        "[2026-11-24 06:58:30] NOTICE[x] manager.c: ",
        "[2026-11-24 06:58:30 NOTICE[2210] manager.c ",
        "NOTICE[2210] manager.c: ",
        "",
    ] {
        assert_eq!(described(&format!("{head}{message}")), "no line", "{head}");
    }
}

#[test]
fn the_beginning_of_a_packet_in_the_log_is_known() {
    let table = [
        (
            "[x] VERBOSE[1] res_pjsip_logger.c: <--- Received SIP request (543 bytes) from UDP:203.0.113.7:5060 --->",
            Some(Packet::Bytes(543)),
        ),
        (
            "[x] VERBOSE[1][C-1] res_pjsip_logger.c: <--- Transmitting SIP response (9 bytes) to UDP:203.0.113.7:5060 --->",
            Some(Packet::Bytes(9)),
        ),
        ("[x] VERBOSE[1] chan_sip.c: <--- SIP read from UDP:203.0.113.7:5060 --->", Some(Packet::UntilEnd)),
        ("[x] VERBOSE[1] res_pjsip_logger.c: <--- Received SIP request (-1 bytes) from", None),
        ("[x] VERBOSE[1] app_dial.c: <--- Received SIP request (543 bytes) from", None),
        ("[x] NOTICE[1] res_pjsip_logger.c: <--- Received SIP request (543 bytes) from", None),
    ];
    for (line, expected) in table {
        assert_eq!(dated(line.as_bytes()).and_then(|(_, rest)| packet(verbose(rest)?)), expected, "{line}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (split(b"", &bytes).map(|line| find(&line)), packet(&bytes), success(&bytes), dated(&bytes), of_syslog(&bytes));
        let _ = without_colours(&bytes, &mut Vec::new());
    }

    #[test]
    fn whatever_he_writes_where_only_he_writes_the_address_is_asterisks(
        words in "[ -~]{0,80}", fake in "(' failed for |'|' - Wrong password|198.51.100.9|' \\(callid: |' \\(from |' \\(|\\) to extension ){0,8}"
    ) {
        let theirs = format!("{words}{fake}");
        let text = format!("Registration from '{theirs}' failed for '203.0.113.7:5071' - Wrong password");
        prop_assert_eq!(described(&line("NOTICE", "chan_sip.c", &text)), "Registration 203.0.113.7");
        let text = format!("No registration for peer '{theirs}' (from 203.0.113.7)");
        prop_assert_eq!(described(&line("NOTICE", "chan_iax2.c", &text)), "Registration 203.0.113.7");
        let text = format!("203.0.113.7 failed to authenticate as '{theirs}'");
        prop_assert_eq!(described(&line("NOTICE", "manager.c", &text)), "Authentication 203.0.113.7");
        let text = format!(
            "Request 'INVITE' from '{theirs}' failed for '203.0.113.7:5071' (callid: {theirs}) - No matching endpoint found"
        );
        let verdict = described(&line("NOTICE", "res_pjsip/pjsip_distributor.c", &text));
        prop_assert!(verdict == "Call 203.0.113.7" || verdict == "unclear", "{}", verdict);
        let text = format!(
            "Call from '{theirs}' (203.0.113.7:5071) to extension '{theirs}' rejected because extension not found in context 'x'."
        );
        let verdict = described(&line("NOTICE", "chan_sip.c", &text));
        prop_assert!(verdict == "Call 203.0.113.7" || verdict == "unclear", "{}", verdict);
    }
}
