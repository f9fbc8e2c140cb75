use proptest::prelude::*;

use super::*;

fn decision(value: &str, duration: &str) -> String {
    format!(
        r#"{{"duration":"{duration}","id":7,"origin":"crowdsec","scenario":"x","scope":"Ip","type":"ban","value":"{value}"}}"#
    )
}

fn answer(new: &[String], deleted: &[String]) -> String {
    format!(r#"{{"deleted":[{}],"new":[{}]}}"#, deleted.join(","), new.join(","))
}

fn of(text: &str) -> Decisions {
    read("cs", text.as_bytes(), &Settings::default()).unwrap()
}

fn why(text: &str) -> String {
    read("cs", text.as_bytes(), &Settings::default()).unwrap_err().to_string()
}

fn bans(decisions: &Decisions) -> Vec<String> {
    decisions.bans.iter().map(|ban| format!("{} {}", ban.prefix, ban.seconds)).collect()
}

#[test]
fn new_and_deleted_decisions_are_read_in_either_order() {
    let new = [decision("45.0.0.1", "3h59m12.5s"), decision("2a05::1", "10s")];
    let deleted = [decision("45.0.0.9", "-5s")];
    for text in [
        answer(&new, &deleted),
        format!(r#" {{"new": [{}], "deleted": [{}]}} "#, new.join(","), deleted.join(",")),
        format!(r#"{{"more":[{{}}],"new":[{}],"deleted":[{}]}}"#, new.join(","), deleted.join(",")),
    ] {
        let told = of(&text);
        assert_eq!(bans(&told), ["45.0.0.1 14353", "2a05::1 10"]);
        assert_eq!(told.deleted, ["45.0.0.9".parse().unwrap()]);
        assert_eq!((told.received, told.accepted(), told.skipped_total), (2, 2, 0));
    }
    assert_eq!(of(r#"{"deleted":null,"new":null}"#), Decisions::default());
}

#[test]
fn what_is_no_ban_of_an_address_or_network_is_counted_and_not_used() {
    let like = |from: &str, to: &str| decision("45.0.0.1", "4h").replace(from, to);
    let table = [
        (like(r#""Ip""#, r#""Country""#), NotUsed::Scope),
        (like(r#""Ip""#, r#""username""#), NotUsed::Scope),
        (like(r#""Ip""#, &format!(r#""{}""#, "x".repeat(5_000))), NotUsed::Scope),
        (like(r#""ban""#, r#""captcha""#), NotUsed::Kind),
        (like("4h", "-1s"), NotUsed::Over),
        (like("4h", "0s"), NotUsed::Over),
    ];
    for (one, reason) in table {
        let told = of(&answer(std::slice::from_ref(&one), std::slice::from_ref(&one)));
        assert_eq!(told.not_used, BTreeMap::from([(reason, 1)]), "{one}");
        assert_eq!((told.bans.len(), told.accepted(), told.received), (0, 0, 1), "{one}");
        assert_eq!(told.deleted.len(), usize::from(reason == NotUsed::Over), "{one}");
    }
    for scope in ["ip", "IP", "Range", "range"] {
        assert_eq!(of(&answer(&[like(r#""Ip""#, &format!("{scope:?}"))], &[])).bans.len(), 1, "{scope}");
    }
}

#[test]
fn only_the_origins_that_were_asked_for_count() {
    let settings = Settings { origins: vec!["cscli".into(), "capi".into()], ..Settings::default() };
    let like = |origin: &str| decision("45.0.0.1", "4h").replace(r#""crowdsec""#, &format!("{origin:?}"));
    for (origin, counts) in [("cscli", true), ("CAPI", true), ("crowdsec", false), ("", false)] {
        let text = answer(&[like(origin)], &[like(origin).replace("45.0.0.1", "45.0.0.2")]);
        let told = read("cs", text.as_bytes(), &settings).unwrap();
        assert_eq!((told.bans.len(), told.deleted.len()), (usize::from(counts), usize::from(counts)));
        assert_eq!(told.not_used.contains_key(&NotUsed::Origin), !counts, "{origin}");
    }
}

#[test]
fn a_bad_decision_is_refused_alone_with_its_number_and_reason() {
    let table = [
        (decision("137.184.10/32", "4h"), "137.184.10/32", "invalid address"),
        (decision("45.0.0.0/33", "4h"), "45.0.0.0/33", "invalid network length"),
        (decision("45.0.0.0/8", "4h"), "45.0.0.0/8", "too wide: wider than /16"),
        (decision("2a05::/16", "4h"), "2a05::/16", "too wide: wider than /32"),
        (decision("45.0.0.2", "forever"), "45.0.0.2", "invalid duration (forever)"),
        (decision("45.0.0.2", ""), "45.0.0.2", "invalid duration"),
        (decision("\\u001b[2J", "4h"), r"\u{1b}[2J", "invalid address"),
        (decision(&"9".repeat(9_000), "4h"), "9999", "invalid address"),
        (r#"{"scope":"Ip","type":"ban","value":7,"duration":"4h"}"#.into(), "not text", "value is missing"),
        (
            r#"{"scope":"Ip","type":"ban","value":"45.0.0.2"}"#.into(),
            "45.0.0.2",
            "invalid duration (nothing)",
        ),
        (r#"{"value":"45.0.0.2","duration":"4h"}"#.into(), "45.0.0.2", "scope is missing"),
        (r#"{"value":"45.0.0.2","scope":["Ip"],"type":"ban"}"#.into(), "45.0.0.2", "scope is missing"),
        ("null".into(), "nothing", "not a decision"),
        (r#"["ban"]"#.into(), "nothing", "not a decision"),
        (r#""45.0.0.2""#.into(), "nothing", "not a decision"),
    ];
    for (bad, text, reason) in table {
        let told = of(&answer(&[decision("45.0.0.1", "4h"), bad.clone()], std::slice::from_ref(&bad)));
        assert_eq!(bans(&told), ["45.0.0.1 14400"], "{bad}");
        assert_eq!((told.skipped_total, told.accepted(), told.received), (1, 1, 2), "{bad}");
        let skipped = &told.skipped[0];
        assert!(skipped.reason.starts_with(reason), "{bad}: {skipped:?}");
        assert!(skipped.text.starts_with(text) && skipped.text.len() <= 80, "{bad}: {skipped:?}");
        // Its duration says nothing about what is taken back.
        assert_eq!(told.deleted.len(), usize::from(reason.starts_with("invalid duration")), "{bad}");
    }
}

#[test]
fn of_several_decisions_about_one_address_the_longest_counts() {
    let new = [decision("45.0.0.1", "4h"), decision("45.0.0.1/32", "9h"), decision("45.0.0.1", "1h")];
    let deleted = [decision("45.0.0.1", "-1s"), decision("45.0.0.2", "-1s"), decision("45.0.0.2", "-9s")];
    let told = of(&answer(&new, &deleted));
    assert_eq!(bans(&told), ["45.0.0.1 32400"]);
    assert_eq!(told.deleted, ["45.0.0.1", "45.0.0.2"].map(|text| text.parse().unwrap()));
    assert_eq!((told.received, told.accepted()), (3, 3));
}

#[test]
fn what_is_no_answer_of_crowdsecs_is_refused_whole_in_plain_words() {
    let good = answer(&[decision("45.0.0.1", "4h")], &[]);
    let table = [
        ("", "the answer is empty"),
        (" \n", "the answer is empty"),
        ("<!DOCTYPE html>\n<title>Log in\u{1b}[2J</title>", "a web page, not CrowdSec's decisions"),
        ("{}", "it does not have both lists"),
        (r#"{"new":[]}"#, "it does not have both lists"),
        (r#"{"message":"access forbidden"}"#, "it does not have both lists"),
        (r#"{"new":[],"deleted":[],"new":[]}"#, "one of its lists appears twice"),
        (r#"{"new":{},"deleted":[]}"#, "new or deleted is not a list"),
        (r#"{"new":"x","deleted":[]}"#, "new or deleted is not a list"),
        ("[]", "it is not an object"),
        ("null", "it is not an object"),
        ("7", "it is not an object"),
        ("45.0.0.1\n45.0.0.2\n", "it is not an object"),
        ("{decisions}", "invalid JSON after decision 0"),
        (&good[..good.len() - 1], "cut off after decision 1"),
        (&good[..40], "cut off after decision 0"),
        (&format!("{good}{good}"), "invalid JSON after decision 1"),
        (&good.replace("4h", "4\u{1}h"), "invalid JSON after decision 0"),
        (&format!(r#"{{"new":[{}"#, "[".repeat(100_000)), "cut off after decision 0"),
    ];
    for (text, words) in table {
        let told = why(text);
        assert!(told.starts_with("cs: ") && told.contains(words), "{text:.99}: {told}");
        assert!(told.chars().count() < 400 && !told.contains(char::is_control), "{told:?}");
    }
}

#[test]
fn more_decisions_or_bytes_than_are_taken_end_the_reading() {
    let many: Vec<String> = (0..6).map(|n| decision(&format!("45.0.0.{n}"), "4h")).collect();
    let text = answer(&many[..3], &many[3..]);
    let read_with = |settings: &Settings| read("cs", text.as_bytes(), settings).map_err(|e| e.to_string());
    let settings = Settings { max_decisions: 5, ..Settings::default() };
    assert!(read_with(&settings).unwrap_err().contains("more than 5 decisions"));
    assert!(read_with(&Settings { max_decisions: 6, ..Settings::default() }).is_ok());
    let bytes = |max_bytes| Settings { max_bytes, ..Settings::default() };
    assert!(read_with(&bytes(text.len() as u64)).is_ok());
    assert!(read_with(&bytes(text.len() as u64 - 1)).unwrap_err().contains("the answer is larger than"));
}

#[test]
fn an_endless_answer_is_read_to_its_limit_and_no_further() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len() as u64;
            assert!(self.0 < 4 << 20, "it is read for ever");
            buffer.fill(b'[');
            if self.0 == buffer.len() as u64 {
                buffer[..8].copy_from_slice(br#"{"new":""#);
            }
            Ok(buffer.len())
        }
    }
    let settings = Settings { max_bytes: 1 << 20, ..Settings::default() };
    let told = read("cs", Endless(0), &settings).unwrap_err().to_string();
    assert!(told.contains("larger than 1 MiB"), "{told}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read("cs", bytes.as_slice(), &Settings::default());
    }

    #[test]
    fn wherever_an_answer_is_cut_nothing_of_it_is_taken(at in 0usize..600) {
        let text = answer(&[decision("45.0.0.1", "4h"), decision("45.0.0.2", "4h")], &[decision("45.0.0.3", "-4h")]);
        let at = at.min(text.len() - 1);
        prop_assert!(read("cs", &text.as_bytes()[..at], &Settings::default()).is_err());
    }

    #[test]
    fn every_address_comes_once_with_its_longest_ban(
        new in prop::collection::vec((0u8..6, 1i64..9_999), 0..30), deleted in prop::collection::vec(0u8..9, 0..9)
    ) {
        let name = |n: &u8| format!("45.0.0.{n}");
        let new_texts: Vec<String> = new.iter().map(|(n, s)| decision(&name(n), &format!("{s}s"))).collect();
        let deleted_texts: Vec<String> = deleted.iter().map(|n| decision(&name(n), "-1s")).collect();
        let told = of(&answer(&new_texts, &deleted_texts));
        for n in 0..9u8 {
            let prefix: Prefix = name(&n).parse().unwrap();
            let longest = new.iter().filter(|(one, _)| *one == n).map(|(_, s)| *s).max();
            let found: Vec<i64> = told.bans.iter().filter(|b| b.prefix == prefix).map(|b| b.seconds).collect();
            prop_assert_eq!(found, longest.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(told.deleted.contains(&prefix), deleted.contains(&n));
        }
    }
}
