use std::path::Path;

use super::super::{Backend, Outcome};
use super::*;
use crate::system::program::Output;
use crate::system::program::tests::{Scripted, complained, printed};

/// What nft 1.0.6 printed for the table that `script` makes of `desired()`, with two packets refused.
const LISTING: &str = include_str!("nft_listing.json");

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn desired() -> Desired {
    Desired::of(&prefixes(&["45.0.0.4", "45.0.1.0/24", "2a05::/64"]), &prefixes(&["10.0.0.0/8", "::1"]))
}

fn held() -> Held {
    parse(LISTING.as_bytes()).unwrap().unwrap().0
}

#[test]
fn the_script_makes_the_whole_table_in_one_step_and_carries_the_counters_over() {
    let expected = "table inet banbridge
delete table inet banbridge
table inet banbridge {
\tcounter refused { packets 2 bytes 856 }
\tset pass4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
\tset pass6 { type ipv6_addr; flags interval; elements = { ::1 }; }
\tset blocked4 { type ipv4_addr; flags interval; counter; elements = { 45.0.0.4 counter packets 2 bytes 856,
45.0.1.0/24 }; }
\tset blocked6 { type ipv6_addr; flags interval; counter; elements = { 2a05::/64 }; }
\tchain input {
\t\ttype filter hook input priority -10; policy accept;
\t\tiif \"lo\" accept
\t\tmeta l4proto tcp ct state established accept
\t\tip saddr @pass4 accept
\t\tip6 saddr @pass6 accept
\t\tip saddr @blocked4 counter name refused reject with icmp type port-unreachable
\t\tip6 saddr @blocked6 counter name refused reject with icmpv6 type port-unreachable
\t}
}
";
    assert_eq!(script(&desired(), &held()), expected);
    let plain = script(&Desired::default(), &Held::default());
    assert!(plain.contains("set blocked4 { type ipv4_addr; flags interval; }\n"), "{plain}");
}

#[test]
fn a_script_of_ours_is_read_back_and_no_other() {
    for counts in [true, false] {
        for desired in [desired(), Desired::default()] {
            let text = script(&desired, &Held { counts, ..Held::default() });
            assert_eq!(read(&text), Some((desired, counts)));
        }
    }
    let text = script(&desired(), &Held::default());
    for cut in [0, 10, 200, text.find("blocked6").unwrap()] {
        assert_eq!(read(&text[..cut]), None, "{cut}");
    }
    assert_eq!(read(&text.replace("45.0.0.4", "45.0.0.x")), None);
}

#[test]
fn what_nft_prints_is_read_with_its_counters() {
    let held = held();
    assert!(held.intact && held.counts && held.holds_exactly(&desired()));
    assert_eq!(held.total.packets, 2);
    assert_eq!(held.counter(&"45.0.0.4".parse().unwrap()).packets, 2);
    assert_eq!(held.find(&"45.0.1.9".parse().unwrap()).unwrap().prefix.to_string(), "45.0.1.0/24");
    assert_eq!(held.find(&"45.0.2.9".parse().unwrap()), None);
    assert_eq!(held.find(&"45.0.0.0/16".parse().unwrap()), None);
}

#[test]
fn what_other_versions_print_of_the_same_content_is_the_same() {
    let table = [
        // No counters by element: bare values.
        (r#"{"elem": {"val": "45.0.0.4", "counter": {"packets": 2, "bytes": 856}}}"#, r#""45.0.0.4""#),
        // Networks as ranges, a set of flags, more keys.
        (r#"{"prefix": {"addr": "45.0.1.0", "len": 24}}"#, r#"{"range": ["45.0.1.0", "45.0.1.255"]}"#),
        (r#""flags": ["interval"]"#, r#""flags": ["interval"], "size": 65535, "gc-interval": 5"#),
        (r#""val": "45.0.0.4""#, r#""val": "45.0.0.4", "comment": "x", "expires": 3"#),
        (r#""right": "established""#, r#""right": {"set": ["established"]}"#),
    ];
    for (ours, theirs) in table {
        assert!(LISTING.contains(ours), "{ours}");
        let held = parse(LISTING.replace(ours, theirs).as_bytes()).unwrap().unwrap().0;
        assert!(held.holds_exactly(&desired()), "{theirs}");
    }
}

#[test]
fn a_table_of_another_shape_is_seen() {
    let table = [
        (r#""hook": "input""#, r#""hook": "forward""#),
        (r#""prio": -10"#, r#""prio": 10"#),
        (r#""policy": "accept""#, r#""policy": "drop""#),
        (r#""right": "@blocked4""#, r#""right": "@pass4""#),
        (r#"{"reject": {"type": "icmpv6", "expr": "port-unreachable"}}"#, r#"{"accept": null}"#),
        (r#""name": "pass6""#, r#""name": "other""#),
        (r#""type": "ipv6_addr""#, r#""type": "ipv4_addr""#),
        (r#""type": "ipv6_addr""#, r#""type": ["ipv6_addr", "inet_service"]"#),
        (r#""flags": ["interval"]"#, r#""flags": ["timeout"]"#),
        (r#"{"rule": {"#, r#"{"rool": {"#),
        (r#""addr": "10.0.0.0", "len": 8"#, r#""addr": "10.0.0.0", "len": 9"#),
        (r#""val": "45.0.0.4""#, r#""val": "45.0.0.5""#),
    ];
    for (ours, theirs) in table {
        assert!(LISTING.contains(ours), "{ours}");
        let held = parse(LISTING.replacen(ours, theirs, 1).as_bytes()).unwrap().unwrap().0;
        assert!(!held.holds_exactly(&desired()), "{theirs}");
    }
}

#[test]
fn a_listing_that_cannot_be_read_is_an_error_and_never_an_empty_set() {
    for text in ["", "{}", r#"{"nftables": [{"set": 3}]}"#, r#"{"nftables": "#] {
        assert!(matches!(parse(text.as_bytes()), Err(SetError::Unreadable("nft", _))), "{text}");
    }
    let strange = LISTING.replace("\"45.0.0.4\"", "\"host.example.com\"");
    assert!(parse(strange.as_bytes()).is_err());
}

/// A system where nft answers so, and ipset is not installed.
fn with_nft(listing: Output, load: impl Fn(&str) -> Output) -> Scripted<impl Fn(&str, &str) -> Output> {
    Scripted::new(move |line, script| match line {
        "nft -j -t list ruleset inet" => listing.clone(),
        "nft -c -f -" => printed(""),
        "nft -f -" => load(script),
        _ => Output { code: Some(127), ..Output::default() },
    })
}

fn bring(programs: &dyn Programs, directory: &Path, desired: &Desired) -> Result<Outcome, SetError> {
    Set::open(programs, directory)?.bring(desired, 0)
}

#[test]
fn an_nft_that_knows_no_listing_without_elements_is_asked_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let system = Scripted::new(|line, _| match line {
        "nft -j -t list ruleset inet" => complained("nft: invalid option -- 't'"),
        "nft -j list table inet banbridge" => printed(LISTING),
        _ => panic!("{line}"),
    });
    let set = Set::open(&system, dir.path()).unwrap();
    assert!(set.held().unwrap().holds_exactly(&desired()));
}

#[test]
fn elements_that_the_kernel_does_not_hand_over_are_asked_of_nft() {
    // This machine's tables have no table of ours, or another; the listing says what there is.
    let dir = tempfile::tempdir().unwrap();
    let listing: serde_json::Value = serde_json::from_str(LISTING).unwrap();
    let mut terse = listing;
    for item in terse["nftables"].as_array_mut().unwrap() {
        if let Some(set) = item.get_mut("set") {
            set.as_object_mut().unwrap().remove("elem");
        }
    }
    let (held, bare) = parse(terse.to_string().as_bytes()).unwrap().unwrap();
    assert!(held.intact && held.counts && held.blocked.is_empty());
    assert_eq!(bare.len(), 4);
    let system = Scripted::new(move |line, _| match line {
        "nft -j -t list ruleset inet" => printed(&terse.to_string()),
        "nft -j list table inet banbridge" => printed(LISTING),
        _ => panic!("{line}"),
    });
    let set = Set::open(&system, dir.path()).unwrap();
    assert!(set.held().unwrap().holds_exactly(&desired()));
}

#[test]
fn content_that_is_there_already_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let system = with_nft(printed(LISTING), |_| panic!("written"));
    for _ in 0..2 {
        let outcome = bring(&system, dir.path(), &desired()).unwrap();
        assert_eq!(outcome, Outcome { size: 3, ..Outcome::default() });
    }
    // But a saved copy that was missing is.
    let saved = std::fs::read_to_string(dir.path().join("set.nft")).unwrap();
    assert!(saved.contains("45.0.0.4") && !saved.contains("packets 2"), "{saved}");
}

#[test]
fn what_differs_is_written_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let system = with_nft(printed(LISTING), |_| printed(""));
    let other = Desired::of(&prefixes(&["45.0.0.4", "45.0.2.0/24", "45.0.3.1"]), desired().pass());
    let outcome = bring(&system, dir.path(), &other).unwrap();
    assert_eq!((outcome.size, outcome.added, outcome.removed, outcome.wrote), (3, 2, 2, true));
    let asked = system.asked.borrow();
    let (line, script) = asked.last().unwrap();
    assert_eq!(line, "nft -f -");
    assert!(script.contains("45.0.0.4 counter packets 2 bytes 856"), "{script}");
}

#[test]
fn without_counters_by_element_the_set_is_made_without() {
    let dir = tempfile::tempdir().unwrap();
    let none = complained("Error: No such file or directory");
    let system = with_nft(none, |script| {
        if script.contains("; counter;") {
            complained("Error: syntax error, unexpected counter")
        } else {
            printed("")
        }
    });
    let outcome = bring(&system, dir.path(), &desired()).unwrap();
    assert!(outcome.wrote && outcome.notes.is_empty());
    let saved = std::fs::read_to_string(dir.path().join("set.nft")).unwrap();
    assert!(!saved.contains("; counter;"), "{saved}");
}

#[test]
fn an_nft_that_refuses_the_content_is_an_error_in_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let system = with_nft(printed(LISTING), |_| complained("Error: conflicting intervals specified"));
    let error = bring(&system, dir.path(), &Desired::default()).unwrap_err();
    assert_eq!(error.to_string(), "nft: Error: conflicting intervals specified");
}

#[test]
fn without_root_it_is_a_missing_right_and_no_missing_program() {
    let dir = tempfile::tempdir().unwrap();
    let system =
        with_nft(complained("Error: Could not process rule: Operation not permitted"), |_| printed(""));
    assert!(matches!(Set::open(&system, dir.path()), Err(SetError::Denied(_))));
}

#[test]
fn a_directory_that_is_not_roots_keeps_no_packet_in() {
    let dir = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), open).unwrap();
    let system = with_nft(complained("Error: No such file or directory"), |_| printed(""));
    let outcome = bring(&system, dir.path(), &desired()).unwrap();
    assert!(outcome.wrote);
    assert!(outcome.notes[0].contains("does not block early at boot"), "{:?}", outcome.notes);
}

#[test]
fn neither_way_is_an_error_that_names_both_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let system = Scripted::new(|_, _| Output { code: Some(127), ..Output::default() });
    let Err(error) = Set::open(&system, dir.path()) else { panic!("opened") };
    let text = error.to_string();
    assert!(text.contains("nft is not installed") && text.contains("ipset is not installed"), "{text}");
    assert!(!super::super::remove(&system, dir.path()).unwrap());
}

#[test]
fn the_way_is_known_by_a_word() {
    for backend in [Backend::Nft, Backend::Ipset] {
        assert_eq!(Backend::from_word(backend.word()), Some(backend));
    }
}
