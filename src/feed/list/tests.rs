//! Tests of the list reader, apart only for their length.

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::ban::Prefix;
use crate::ban::width::TooWide;

fn settings() -> Settings {
    Settings { widest: Widest { v4: 8, v6: 16 }, ..Settings::default() }
}

fn parse(text: &[u8], settings: &Settings) -> Result<Parsed, ListError> {
    read("test", text, settings)
}

fn shown(parsed: &Parsed) -> String {
    parsed.prefixes.iter().map(Prefix::to_string).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn good(text: &str) -> String {
    shown(&parse(text.as_bytes(), &settings()).unwrap())
}

fn bad(text: &[u8]) -> String {
    parse(text, &settings()).map(|parsed| shown(&parsed)).unwrap_err().to_string()
}

#[test]
fn every_form_is_recognised_from_its_content() {
    let table = [
        (
            "one a line",
            "45.0.0.1\n45.0.1.0/24\n2a05::1\n::ffff:45.0.0.9\n",
            "45.0.0.1 45.0.0.9 45.0.1.0/24 2a05::1",
        ),
        (
            "comments",
            "# a\n; b\n// c\n45.0.0.1 # d\n45.0.0.2 // e\n45.0.0.3 ; f\n45.0.0.4#g\n\n  45.0.0.5  \n",
            "45.0.0.1 45.0.0.2 45.0.0.3 45.0.0.4 45.0.0.5",
        ),
        ("byte-order mark, CRLF, no final newline", "\u{feff}45.0.0.1\r\n\r\n45.0.0.2", "45.0.0.1 45.0.0.2"),
        (
            "Spamhaus' text",
            "; Spamhaus DROP\n45.0.0.0/20 ; SBL1\n46.0.0.0/20 ; SBL2\n",
            "45.0.0.0/20 46.0.0.0/20",
        ),
        ("VoIPBL", "# TOTAL NETBLOCK: 2\n45.0.0.1/32\n46.0.0.0/24\n", "45.0.0.1 46.0.0.0/24"),
        ("IPsum", "#\n45.0.0.1\t10\n45.0.0.2\t1\n", "45.0.0.1 45.0.0.2"),
        (
            "CSV with names",
            "first_seen,dst_ip,port\n2026-01-01 10:00:00,45.0.0.1,443\n2026-01-02,45.0.0.2,80\n",
            "45.0.0.1 45.0.0.2",
        ),
        (
            "quoted CSV",
            "\"when\",\"ip\"\n\"1 Jan, 10:00\",\"45.0.0.1\"\n\"2 Jan, 11:00\",\"45.0.0.2\"\n",
            "45.0.0.1 45.0.0.2",
        ),
        ("semicolons", "x;y;45.0.0.1\nx z;;45.0.0.2\n", "45.0.0.1 45.0.0.2"),
        (
            "ranges",
            "45.0.0.0-45.0.0.255\n45.0.1.0 - 45.0.1.1\n2a05::-2a05::1\n",
            "45.0.0.0/24 45.0.1.0/31 2a05::/127",
        ),
        ("netmasks", "45.0.0.0/255.255.255.0\n45.0.1.0 255.255.255.0\n", "45.0.0.0/24 45.0.1.0/24"),
        (
            "DShield",
            "# c\nStart\tEnd\tNetblock\tAttacks\tName\n45.0.0.0\t45.0.0.255\t24\t99\tA B\n46.0.0.0\t46.0.0.255\t24\t98\tC\n",
            "45.0.0.0/24 46.0.0.0/24",
        ),
        (
            "Spamhaus' JSON",
            "{\"cidr\":\"45.0.0.0/20\",\"sblid\":\"S\",\"rir\":\"r\"}\n{\"cidr\":\"2a05::/32\"}\n{\"type\":\"metadata\",\"records\":2}\n",
            "45.0.0.0/20 2a05::/32",
        ),
        ("one JSON line", "{\"cidr\":\"45.0.0.0/20\"}", "45.0.0.0/20"),
        ("JSON array", "[\"45.0.0.1\",\n\"45.0.0.2/31\"]", "45.0.0.1 45.0.0.2/31"),
        (
            "JSON array of objects",
            "[{\"ip\":\"45.0.0.1\",\"network\":\"45.0.0.0/8\"},{\"ip\":\"45.0.0.2\"}]",
            "45.0.0.1 45.0.0.2",
        ),
        (
            "nested JSON",
            "{\n \"v\": 1, \"names\": [\"1.2.3.4\"],\n \"prefixes\": [{\"ip_prefix\":\"45.0.0.0/24\"}]}",
            "45.0.0.0/24",
        ),
        ("apiban's JSON", "{\"ipaddress\":[\"45.0.0.1\",\"45.0.0.2\"],\"ID\":\"1\"}", "45.0.0.1 45.0.0.2"),
        (
            "records of one array, and not who asked",
            "{\"request\":{\"ip\":\"46.0.0.9\"},\"data\":[{\"ip\":\"45.0.0.1\",\"resolver\":{\"ip\":\"46.0.0.8\"}},{\"ip\":\"45.0.0.2\"}]}",
            "45.0.0.1 45.0.0.2",
        ),
        (
            "who asked beside the records",
            "{\"ip\":\"46.0.0.9\",\"data\":[{\"ip\":\"45.0.0.1\"},{\"ip\":\"45.0.0.2\"}],\"whitelist\":[{\"ip\":\"46.0.0.7\"}]}",
            "45.0.0.1 45.0.0.2",
        ),
        (
            "a field for each family",
            "{\"prefixes\":[{\"ip_prefix\":\"45.0.1.0/24\"}],\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2a05:1::/48\"}]}",
            "45.0.1.0/24 2a05:1::/48",
        ),
        (
            "the same in one array",
            "{\"prefixes\":[{\"ipv4Prefix\":\"45.0.1.0/24\"},{\"ipv6Prefix\":\"2a05:1::/48\"}]}",
            "45.0.1.0/24 2a05:1::/48",
        ),
        ("apiban's text", "45.0.0.1\n45.0.0.2\n", "45.0.0.1 45.0.0.2"),
        ("repetitions", "45.0.0.1\n45.0.0.1/32\n", "45.0.0.1"),
        ("nothing", "", ""),
        ("nothing but comments", "# nothing today\n", ""),
        ("an empty JSON array", "[]", ""),
    ];
    for (name, text, prefixes) in table {
        assert_eq!(good(text), prefixes, "{name}");
    }
}

#[test]
fn forms_of_other_programs_are_read_and_their_exceptions_are_carved_out() {
    let table = [
        (
            "nginx",
            "# blocked\ndeny 45.0.0.1;\ndeny 45.0.1.0/24;\nallow 45.0.1.128/25;\ndeny all;\n",
            "45.0.0.1 45.0.1.0/25",
        ),
        (
            "ipset",
            "create x hash:net family inet\nadd x 45.0.1.0/31\nadd x 45.0.2.0/24\nadd x 45.0.1.1 nomatch\n",
            "45.0.1.0 45.0.2.0/24",
        ),
        (
            "iptables-save",
            "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 45.0.0.1/32 -j DROP\n-A INPUT -s 46.0.0.1/32 -j ACCEPT\nCOMMIT\n",
            "45.0.0.1",
        ),
        (
            "hosts.deny",
            "ALL: 45.0.0.1\nALL: 45.0.0.2, 45.0.0.3\nsshd: 45.0.0.4\nALL: 45.0.1.\n",
            "45.0.0.1 45.0.0.2 45.0.0.3",
        ),
        (
            "an access list",
            "access-list 9 permit ip 46.0.0.0 0.0.0.255 any\naccess-list 9 deny ip 45.0.1.0 0.0.0.255 any\n",
            "45.0.1.0/24",
        ),
        (
            "levels",
            "45.0.1.0 - 45.0.1.255 , 000 , Bad\n45.0.2.0 - 45.0.2.3 , 100 , Bad, too\n46.0.0.0 - 46.0.0.255 , 200 , good\n",
            "45.0.1.0/24 45.0.2.0/30",
        ),
        (
            "several in a line",
            "45.0.0.1 45.0.0.2 45.0.0.3\n45.0.0.4, 45.0.0.5, 45.0.0.6\n",
            "45.0.0.1 45.0.0.2 45.0.0.3 45.0.0.4 45.0.0.5 45.0.0.6",
        ),
        (
            "ranges with blanks",
            "45.0.1.0 -45.0.1.255\n45.0.2.0 - 45.0.2.255\n45.0.3.0- 45.0.3.255\n45.0.4.0 to 45.0.4.255\n45.0.5.0-45.0.5.255\n",
            "45.0.1.0/24 45.0.2.0/24 45.0.3.0/24 45.0.4.0/24 45.0.5.0/24",
        ),
        (
            "a range by the names of its columns",
            "\"start\",\"end\",\"cc\"\n\"45.0.1.0\",\"45.0.1.255\",\"XX\"\n\"45.0.2.0\",\"45.0.2.127\",\"XX\"\n",
            "45.0.1.0/24 45.0.2.0/25",
        ),
        (
            "bars",
            "# ASN | name | address | seen | kind\n41 | SOME NAME | 45.0.0.1 | 2026-11-24 10:00:00 | sip\nNA | A, B | 45.0.0.2 | 2026-11-24 10:00:01 | sip\n",
            "45.0.0.1 45.0.0.2",
        ),
        ("a word that lets through", "45.0.0.1,block\n45.0.0.2,block\n46.0.0.1,allow\n", "45.0.0.1 45.0.0.2"),
        ("invisible blanks", "45.0.0.1\u{a0}\n\u{200b}45.0.0.2\n45.0.0.3\n", "45.0.0.1 45.0.0.2 45.0.0.3"),
    ];
    for (name, text, prefixes) in table {
        assert_eq!(good(text), prefixes, "{name}");
    }
    let parsed = parse(b"deny 45.0.0.1;\nallow 46.0.0.1;\ndeny 45.0.0.2;\n", &settings()).unwrap();
    assert_eq!((parsed.accepted, parsed.reasons), (2, [(Reason::Exception, 1)].into()));
}

#[test]
fn what_may_mean_two_things_is_refused_with_the_setting_that_says_which() {
    let table: [(&str, &[&str]); 5] = [
        (
            "time,dst_ip,port,src_ip\nx,46.0.0.9,5060,45.0.0.1\ny,46.0.0.9,5060,45.0.0.2\n",
            &["two columns", "dst_ip and src_ip", "column = \"src_ip\""],
        ),
        ("x\t45.0.0.1\t46.0.0.1\ny\t45.0.0.2\t46.0.0.2\n", &["two columns", "2 and 3", "column = 2"]),
        ("45.0.0.1 45.0.0.2\n45.0.0.3 45.0.0.9\n", &["two addresses in a line", "line 1"]),
        (
            "Rate limit exceeded. Your IP 45.40.9.9 may fetch this list once an hour.",
            &["a sentence, not a list", "line 1: Rate limit"],
        ),
        ("error code: 1020", &["a sentence, not a list", "error code: 1020"]),
    ];
    for (text, words) in table {
        let message = bad(text.as_bytes());
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }
}

#[test]
fn what_is_no_list_is_refused_whole_with_list_line_and_harmless_text() {
    let junk = "hello\nworld\n45.0.0.1\n";
    let log = "[2026-08-22 10:00:00] NOTICE[123] chan_sip.c: Registration from '<sip:1@x>' failed for '45.0.0.1:5060'\n";
    let bans = "2026-08-22 10:00:00,123 fail2ban.actions [1]: NOTICE [asterisk] Ban 45.0.0.1\n".repeat(5);
    let long = format!("{}\n", "\u{1b}[2Jx".repeat(400));
    let table: [(&[u8], &[&str]); 18] = [
        (b"<!DOCTYPE html><html>", &["list test", "web page", "line 1", "<!DOCTYPE"]),
        (b"\n\n  <html>\x1b[2J", &["web page", "line 3", "\\u{1b}[2J"]),
        (junk.as_bytes(), &["2 of 3", "line 1: hello", "invalid address"]),
        (log.as_bytes(), &["a log, not a list", "line 1", "NOTICE[123]"]),
        (bans.as_bytes(), &["a log, not a list", "fail2ban"]),
        (long.as_bytes(), &["line 1", "\\u{1b}", "..."]),
        (b"137.184.10/32\n", &["1 of 1", "137.184.10/32"]),
        (b"010.0.0.1\n2130706433\n0x7f.1\n", &["3 of 3"]),
        (b"[\"45.0.0.1\",", &["cut off", "ends in the middle"]),
        (b"{\"cidr\":\"45.0.0.1\"}\n{\"cidr\":\"45.0", &["cut off", "line 2"]),
        (b"[\"45.0.0.1\" nonsense]", &["invalid JSON in line 1", "[\"45.0.0.1\" n"]),
        (b"[{\"x\":1},{\"y\":\"45.0.0.1\"}]", &["no field \"cidr\"", "field"]),
        (b"# TOTAL NETBLOCK: 5000\n45.0.0.1/32\n", &["cut off", "5000"]),
        (b"{\"cidr\":\"45.0.0.1\"}\n{\"type\":\"metadata\",\"records\":900}\n", &["cut off", "900"]),
        (b"\xfd7zXZ\0\0", &["xz"]),
        (b"PK\x03\x04\0\0", &["zip"]),
        (b"\xff\xfe4\x005\0", &["UTF-16"]),
        (b"45.0.0.1\0\n", &["zero bytes"]),
    ];
    for (text, words) in table {
        let message = bad(text);
        assert!(message.chars().count() < 330 && !message.contains('\u{1b}'), "{message}");
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }
}

#[test]
fn single_bad_lines_are_counted_with_their_line_and_reason_and_the_rest_is_taken() {
    let text = "45.0.0.1\nhello \u{1b}[31m\n45.0.0.2\n10.0.0.0/7\n1.1.1.1/33\n45.0.0.3\n45.0.0.4\n";
    let parsed = parse(text.as_bytes(), &settings()).unwrap();
    assert_eq!(shown(&parsed), "45.0.0.1 45.0.0.2 45.0.0.3 45.0.0.4");
    let skipped: Vec<String> =
        parsed.skipped.iter().map(|r| format!("{} {} {:?}", r.line, r.text, r.reason)).collect();
    assert_eq!(
        skipped,
        ["2 hello \\u{1b}[31m NotAnAddress", "4 10.0.0.0/7 Wide(TooWide(8))", "5 1.1.1.1/33 Length"]
    );
    assert_eq!((parsed.received(), parsed.accepted, parsed.skipped_total(), parsed.lines), (7, 4, 3, 7));
}

#[test]
fn a_list_of_nothing_but_wide_networks_is_a_list() {
    let parsed = parse(b"10.0.0.0/7\n0.0.0.0-255.255.255.255\n", &settings()).unwrap();
    assert_eq!((parsed.prefixes.len(), parsed.reasons.get(&Reason::Wide(TooWide(8)))), (0, Some(&2)));
}

#[test]
fn the_configuration_overrides_what_is_recognised() {
    let column = |text: &str| match text.parse() {
        Ok(number) => Some(Column::Number(number)),
        Err(_) => Some(Column::Name(text.to_owned())),
    };
    let with = |change: &dyn Fn(&mut Settings), text: &str| {
        let mut settings = settings();
        change(&mut settings);
        parse(text.as_bytes(), &settings).map(|parsed| shown(&parsed)).map_err(|error| error.to_string())
    };
    let two = "45.0.0.1,46.0.0.1\n45.0.0.2,46.0.0.2\n";
    assert!(with(&|_| {}, two).unwrap_err().contains("two addresses in a line"));
    assert_eq!(with(&|s| s.column = column("2"), two).unwrap(), "46.0.0.1 46.0.0.2");
    assert!(with(&|s| s.column = column("3"), two).unwrap_err().contains("no address column"));
    let named = "# source,Attacker\n45.0.0.1,46.0.0.1\n";
    assert_eq!(with(&|s| s.column = column("attacker"), named).unwrap(), "46.0.0.1");
    assert!(with(&|s| s.column = column("nobody"), named).unwrap_err().contains("column \"nobody\""));
    let pair = "45.0.0.0 45.0.0.255\n46.0.0.0 46.0.0.1\n";
    assert_eq!(with(&|s| s.format = Some(Format::Ranges), pair).unwrap(), "45.0.0.0/24 46.0.0.0/31");
    assert!(with(&|_| {}, pair).unwrap_err().contains("format = \"ranges\""));
    let shield = "45.0.0.0 45.0.0.255 24\n";
    assert_eq!(with(&|s| s.format = Some(Format::Text), shield).unwrap(), "45.0.0.0");
    let json = "[{\"ip\":\"45.0.0.1\",\"victim\":\"46.0.0.1\"}]";
    assert_eq!(with(&|s| s.fields = vec!["victim".into()], json).unwrap(), "46.0.0.1");
    assert_eq!(with(&|s| s.format = Some(Format::Jsonl), json).unwrap(), "45.0.0.1");
    // By a path, whatever else has the name.
    let nested =
        r#"{"meta":{"ip":"9.9.9.9"},"data":{"hosts":[{"ip":"45.0.0.1"},{"ip":"45.0.0.2"}]},"ip":"8.8.8.8"}"#;
    assert_eq!(with(&|s| s.fields = vec!["data.hosts.ip".into()], nested).unwrap(), "45.0.0.1 45.0.0.2");
    assert!(with(&|s| s.fields = vec!["data.ip".into()], nested).unwrap_err().contains("no field"));
}

#[test]
fn known_shapes_of_json_are_read_without_a_setting_and_what_does_not_ban_is_not_taken() {
    let read = |json: &str| shown(&parse(json.as_bytes(), &settings()).unwrap());
    let abuseipdb = r#"{"meta":{"generatedAt":"2026-11-24"},"data":[{"ipAddress":"45.0.0.1","abuseConfidenceScore":100},{"ipAddress":"45.0.0.2","abuseConfidenceScore":90}]}"#;
    assert_eq!(read(abuseipdb), "45.0.0.1 45.0.0.2");
    let stix = r#"{"type":"bundle","objects":[{"type":"identity","name":"x"},{"type":"indicator","pattern":"[ipv4-addr:value = '45.0.0.1']"},{"type":"indicator","pattern":"[ipv6-addr:value = '2a05::1']"},{"type":"indicator","pattern":"[domain-name:value = 'x.example']"}]}"#;
    assert_eq!(read(stix), "45.0.0.1 2a05::1");
    let decision = |kind: &str, value: &str, left: &str| {
        format!(
            r#"{{"duration":"{left}","id":1,"origin":"cscli","scenario":"x","scope":"Ip","type":"{kind}","value":"{value}"}}"#
        )
    };
    let cscli = format!(
        r#"[{{"id":7,"decisions":[{},{}],"source":{{"ip":"9.9.9.9","value":"8.8.8.8"}}}},{{"id":8,"decisions":[{},{}]}}]"#,
        decision("ban", "45.0.0.1", "3h59m"),
        decision("captcha", "45.0.0.2", "3h"),
        decision("ban", "45.0.0.3", "-2m"),
        decision("Ban", "45.0.0.4/31", "1s"),
    );
    assert_eq!(read(&cscli), "45.0.0.1 45.0.0.4/31");
    let misp = r#"{"description":"x","list":["45.0.0.0/24","2a05::/32"],"matching_attributes":["ip-src","ip-dst"],"name":"x","type":"cidr","version":3}"#;
    assert_eq!(read(misp), "45.0.0.0/24 2a05::/32");
}

#[test]
fn several_fields_of_a_record_hold_addresses_where_they_are_named() {
    let with = |fields: &[&str], json: &str| {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        let settings = Settings { fields, ..settings() };
        parse(json.as_bytes(), &settings).map(|parsed| shown(&parsed)).map_err(|error| error.to_string())
    };
    let json = r#"{"peer":{"v4":"8.8.8.8"},"hosts":[{"v4":"45.0.0.1","v6":"2a05::1","seen":"9.9.9.9"},{"v4":"45.0.0.2"},{"v6":"2a05::2"},{"seen":"9.9.9.10"}]}"#;
    assert_eq!(with(&["v4", "v6"], json).unwrap(), "45.0.0.1 45.0.0.2 2a05::1 2a05::2");
    assert_eq!(with(&["hosts.v4", "hosts.v6"], json).unwrap(), "45.0.0.1 45.0.0.2 2a05::1 2a05::2");
    assert_eq!(with(&["peer.v4", "seen"], json).unwrap(), "8.8.8.8 9.9.9.9 9.9.9.10");
    let wrong = with(&["a", "b.c"], json).unwrap_err();
    assert!(wrong.contains(r#"no field "a" or "b.c""#), "{wrong}");
    // With a score, each of them waits for it.
    let scored = r#"[{"v4":"45.0.0.1","v6":"2a05::1","score":9},{"v4":"45.0.0.2","v6":"2a05::2","score":1}]"#;
    let fields = vec!["v4".to_owned(), "v6".to_owned()];
    let settings = Settings { fields, min_score: Some(5.0), ..settings() };
    let parsed = parse(scored.as_bytes(), &settings).unwrap();
    assert_eq!((shown(&parsed).as_str(), parsed.left_out), ("45.0.0.1 2a05::1", 2));
}

#[test]
fn a_registrys_statistics_are_read_for_the_countries_and_registries_that_are_asked_for() {
    let file = "\
2|nro|20261120|7|19830705|20261120|-0500
arin|*|ipv4|*|3|summary
arin|US|ipv4|45.0.0.0|768|20120101|allocated|a
arin|CA|ipv4|45.1.0.0|256|20120101|assigned|b
ripencc|DE|ipv6|2a05::|32|20120101|allocated|c
arin||ipv4|45.2.0.0|256||available|
arin|US|asn|7018|1|19960730|assigned|d
# a comment
arin|US|ipv4|45.3.0.0|0|20120101|allocated|e
";
    let of = |country: &[&str], registry: &[&str]| {
        let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
        let settings = Settings { country: texts(country), registry: texts(registry), ..settings() };
        let parsed = parse(file.as_bytes(), &settings).unwrap();
        (shown(&parsed), parsed.left_out, parsed.skipped_total())
    };
    assert_eq!(of(&[], &[]), ("45.0.0.0/23 45.0.2.0/24 45.1.0.0/24 2a05::/32".into(), 1, 1));
    assert_eq!(of(&["US"], &[]), ("45.0.0.0/23 45.0.2.0/24".into(), 3, 1));
    assert_eq!(of(&["US", "CA"], &["arin"]).0, "45.0.0.0/23 45.0.2.0/24 45.1.0.0/24");
    assert_eq!(of(&[], &["ripencc"]), ("2a05::/32".into(), 4, 0));
    // Bars alone make no such file, and another list has no countries.
    let bars = "45.0.0.1|US|x\n45.0.0.2|CA|x\n";
    assert_eq!(shown(&parse(bars.as_bytes(), &settings()).unwrap()), "45.0.0.1 45.0.0.2");
    let settings = Settings { country: vec!["US".to_owned()], ..settings() };
    let wrong = parse(bars.as_bytes(), &settings).unwrap_err().to_string();
    assert!(
        wrong.contains("not a statistics file of an internet registry (line 1: 45.0.0.1|US|x)"),
        "{wrong}"
    );
}

#[test]
fn every_reason_has_its_examples_however_many_lines_another_one_has() {
    let mut text: String = (0..5_000).map(|n| format!("45.0.{}.{}\n", n / 250, n % 250)).collect();
    text.extend((0..2_000).map(|_| "45.0.0.0/33\n"));
    text.extend(["0.0.0.0/1\n", "!45.0.0.9\n", "45.0.0.300\n"]);
    let parsed = parse(text.as_bytes(), &settings()).unwrap();
    let mut reasons: Vec<Reason> = parsed.examples(10).iter().map(|line| line.reason).collect();
    assert_eq!(reasons.len(), 10);
    reasons.dedup();
    assert_eq!(reasons.len(), parsed.reasons.len(), "{:?} {reasons:?}", parsed.reasons);
    assert!(parsed.reasons.len() >= 3, "{:?}", parsed.reasons);
}

#[test]
fn lines_may_end_as_they_did_on_old_macs() {
    assert_eq!(
        shown(&parse(b"# list\r45.0.0.1\r45.0.0.2\r\n45.0.0.3", &settings()).unwrap()),
        "45.0.0.1 45.0.0.2 45.0.0.3"
    );
}

#[test]
fn entries_below_the_score_are_left_out_and_counted() {
    let scored = |text: &str, score_column, min_score| {
        let settings = Settings { score_column, min_score: Some(min_score), ..settings() };
        let parsed = parse(text.as_bytes(), &settings).unwrap();
        (shown(&parsed), parsed.left_out, parsed.skipped_total())
    };
    let ipsum = "45.0.0.1\t10\n45.0.0.2\t3\n45.0.0.3\t2\n45.0.0.4\tmany\n";
    assert_eq!(scored(ipsum, None, 3.0), ("45.0.0.1 45.0.0.2".into(), 1, 1));
    let third = "45.0.0.1,x,0.5\n45.0.0.2,x,0.7\n";
    assert_eq!(scored(third, Some(Column::Number(3)), 0.6), ("45.0.0.2".into(), 1, 0));
    let named = "ip,rank\n45.0.0.1,5\n45.0.0.2,7\n";
    assert_eq!(scored(named, Some(Column::Name("rank".into())), 6.0), ("45.0.0.2".into(), 1, 0));
    let json =
        "[{\"ip\":\"45.0.0.1\",\"rank\":5},{\"rank\":\"7\",\"ip\":\"45.0.0.2\"},{\"ip\":\"45.0.0.3\"}]";
    assert_eq!(scored(json, Some(Column::Name("rank".into())), 6.0), ("45.0.0.2".into(), 1, 1));
}

#[test]
fn where_scores_count_an_array_or_no_number_in_their_place_costs_its_entry_and_no_memory() {
    let settings = Settings { min_score: Some(2.0), fields: vec!["ip".to_owned()], ..settings() };
    let text = r#"[{"ip":["45.0.0.1",[{}]],"score":9},{"ip":"45.0.0.2","score":{"a":[9]}},{"ip":"45.0.0.3","score":"nan"},
        {"score":null,"ip":"45.0.0.4"},{"score":" 9 ","ip":"45.0.0.5"},{"ip":"45.0.0.6","score":3.5},
        {"ip":"45.0.0.7","score":1},{"ip":"45.0.0.8","score":2}]"#;
    let parsed = parse(text.as_bytes(), &settings).unwrap();
    assert_eq!(shown(&parsed), "45.0.0.5 45.0.0.6 45.0.0.8");
    assert_eq!(parsed.reasons, [(Reason::NoScore, 3), (Reason::NotText, 1)].into());
    assert_eq!(parsed.left_out, 1);
}

#[test]
fn lines_of_any_length_are_read_and_absurd_ones_refused() {
    let text = format!("45.0.0.1 {}\n{}\n45.0.0.2\n", "x".repeat(300), "y".repeat(200_000));
    let parsed = parse(text.as_bytes(), &settings()).unwrap();
    assert_eq!((shown(&parsed).as_str(), parsed.skipped[0].reason), ("45.0.0.1 45.0.0.2", Reason::TooLong));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn packed_lists_are_unpacked_in_every_wrapping_and_cut_ones_refused() {
    let text = b"45.0.0.1\n45.0.0.2\n";
    let (gz, zst) = (gzip(text), zstd(text));
    for packed in [
        gz.clone(),
        zst.clone(),
        gzip(&gz),
        gzip(&zst),
        [gz.clone(), gz.clone()].concat(),
        [zst.clone(), zst.clone()].concat(),
    ] {
        assert_eq!(shown(&parse(&packed, &settings()).unwrap()), "45.0.0.1 45.0.0.2");
    }
    for packed in [&gz, &zst] {
        for length in 7..packed.len() {
            let message = bad(&packed[..length]);
            assert!(
                message.contains("cut off") || message.contains("compressed text"),
                "{length}: {message}"
            );
        }
    }
    let mut broken = gz.clone();
    broken[15] ^= 0xff;
    assert!(bad(&broken).contains("compressed text"), "{}", bad(&broken));
}

#[test]
fn a_bomb_ends_at_the_limit_and_so_does_a_list_without_end() {
    let limited = Settings { max_bytes: 1024 * 1024, max_entries: 1_000, ..settings() };
    let zeros = vec![b'\n'; 8 * 1024 * 1024];
    for bomb in [gzip(&zeros), zstd(&zeros), gzip(&gzip(&zeros))] {
        assert!(bomb.len() < 100_000);
        let message = parse(&bomb, &limited).unwrap_err().to_string();
        assert!(message.contains("larger than 1 MiB"), "{message}");
    }
    let message = read("x", std::io::repeat(b'#'), &limited).unwrap_err().to_string();
    assert!(message.contains("larger than 1 MiB"), "{message}");
    let many: String = (0..2_000).map(|n| format!("45.0.{}.{}\n", n / 250, n % 250)).collect();
    let message = parse(many.as_bytes(), &limited).unwrap_err().to_string();
    assert!(message.contains("more than 1000 entries") && message.contains("line 1001"), "{message}");
    let wide = "2a05::1-2a05:ffff:ffff:ffff:ffff:ffff:ffff:fffe\n".repeat(50);
    let settings = Settings { widest: Widest { v6: 16, ..limited.widest }, ..limited };
    assert!(parse(wide.as_bytes(), &settings).unwrap_err().to_string().contains("more than 1000"));
}

#[test]
fn a_reader_that_fails_is_told_as_such() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let text = b"45.0.0.1\n".chain(Broken);
    let error = read("x", text, &settings()).unwrap_err();
    assert!(
        matches!(error.kind, ListErrorKind::Io(_)) && error.to_string().contains("the disk is gone"),
        "{error}"
    );
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    (any::<u128>(), 8u8..=32, any::<bool>()).prop_map(|(bits, length, four)| {
        let net: ipnet::IpNet = if four {
            // No netmask looks like these.
            ipnet::Ipv4Net::new((bits as u32 & 0x7fff_ffff).into(), length).unwrap().into()
        } else {
            ipnet::Ipv6Net::new((bits | 1 << 126).into(), length * 4).unwrap().into()
        };
        Prefix::new(net)
    })
}

/// Ways to write a list.
fn write(form: usize, prefixes: &[Prefix]) -> Vec<u8> {
    let line = |prefix: &Prefix| {
        let (first, last) = (prefix.net().network(), prefix.net().broadcast());
        match form {
            0 => format!("{prefix}\n"),
            1 => format!("  {prefix}\t# comment 1.2.3.4\r\n"),
            2 => format!("x y,\"{prefix}\",z\n"),
            3 => format!("{first}-{last}\n"),
            4 => format!("{first}\t{last}\t{}\t77\tA name, with 9.9.9.9\n", prefix.length()),
            5 => format!("{{\"n\":1,\"cidr\":\"{prefix}\"}}\n"),
            6 => format!("{prefix} ; SBL123\n"),
            _ => format!("{prefix};7\n"),
        }
    };
    let text: String = prefixes.iter().map(line).collect();
    match form {
        8 => serde_json::to_vec(prefixes).unwrap(),
        9 => gzip(text.as_bytes()),
        10 => zstd(text.as_bytes()),
        11 => serde_json::to_vec_pretty(&serde_json::json!({"a": {"ip_prefix": prefixes}})).unwrap(),
        _ => text.into_bytes(),
    }
}

proptest! {
    #[test]
    fn any_list_written_in_any_form_and_read_again_gives_the_same_prefixes(
        prefixes in prop::collection::vec(any_prefix(), 1..40), form in 0usize..12
    ) {
        let parsed = parse(&write(form, &prefixes), &settings()).unwrap();
        let mut sorted = prefixes.clone();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(&parsed.prefixes, &sorted, "form {}", form);
        prop_assert_eq!((parsed.accepted, parsed.skipped_total()), (prefixes.len(), 0));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, &settings());
    }

    #[test]
    fn no_text_of_likely_characters_makes_the_reader_panic(
        text in "[0-9a-f.:/,;#\" \t\r\n{}\\[\\]-]{0,200}", column in 0u16..20, score in any::<bool>()
    ) {
        let settings = Settings {
            column: Some(Column::Number(column)), min_score: score.then_some(2.0), ..settings()
        };
        let parsed = parse(text.as_bytes(), &settings);
        if let Ok(parsed) = parsed {
            prop_assert!(parsed.prefixes.is_sorted());
            prop_assert!(parsed.left_out <= parsed.accepted);
        }
    }
}
