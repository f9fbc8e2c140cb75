use super::*;
use crate::ban::plan::OtherRow;

fn rows(ours: &[&str], others: &[(&str, &[&str])]) -> Present {
    Present {
        ours: ours.iter().map(|key| (*key).to_owned()).collect(),
        others: others
            .iter()
            .map(|(key, prefixes)| OtherRow {
                key: (*key).to_owned(),
                prefixes: prefixes.iter().map(|text| text.parse().unwrap()).collect(),
            })
            .collect(),
    }
}

#[test]
fn every_form_of_an_element_in_nfts_json_is_read() {
    let json = r#"{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}, {"set": {
        "family": "inet", "name": "blacklist", "table": "fpbx", "type": "ipv4_addr", "flags": ["interval"],
        "elem": ["185.53.88.78", {"prefix": {"addr": "5.188.10.0", "len": 24}}, {"range": ["5.188.11.4", "5.188.11.6"]},
        {"elem": {"val": {"prefix": {"addr": "2a06:4880::", "len": 32}}, "counter": {"packets": 0, "bytes": 0}}}]}}]}"#;
    let texts: Vec<String> = elements(json).unwrap().iter().map(Prefix::to_string).collect();
    assert_eq!(texts, ["185.53.88.78", "5.188.10.0/24", "5.188.11.4/31", "5.188.11.6", "2a06:4880::/32"]);
    assert_eq!(elements(r#"{"nftables": [{"set": {"name": "blacklist"}}]}"#), Some(vec![]));
    for unknown in ["", "{}", r#"{"nftables": []}"#, r#"{"nftables": [{"set": {"elem": [{"concat": []}]}}]}"#]
    {
        assert_eq!(elements(unknown), None, "{unknown}");
    }
}

#[test]
fn sets_hold_the_rows_when_they_cover_the_same_addresses() {
    let there = |texts: &[&str]| Sets { elements: texts.iter().map(|text| text.parse().unwrap()).collect() };
    let wanted =
        rows(&["5.188.10.0/25", "5.188.10.128/25", "2a06:4880::78"], &[("5.1.1.9/24", &["5.1.1.0/24"])]);
    assert!(there(&["5.188.10.0/24", "2a06:4880::78", "5.1.1.0/24"]).holds(&wanted));
    for wrong in [
        &["5.188.10.0/24", "5.1.1.0/24"][..],
        &["5.188.10.0/25", "2a06:4880::78", "5.1.1.0/24"],
        &["5.188.10.0/24", "2a06:4880::78", "5.1.1.0/24", "5.2.2.2"],
    ] {
        assert!(!there(wrong).holds(&wanted), "{wrong:?}");
    }
    // An address that only the daemon's resolver knows.
    let named = rows(&["5.188.10.5"], &[("bad.example.com", &["5.1.1.1"])]);
    assert!(there(&["5.188.10.5", "5.2.2.2"]).holds(&named));
    assert!(!there(&["5.2.2.2"]).holds(&named));
}

#[test]
fn the_two_rows_that_overlap_are_found_among_all() {
    let found = |rows: &Present| overlap(rows).map(|o| (o.outer.to_string(), o.inner.to_string(), o.ours()));
    let pair = |a: &str, b: &str, ours| Some((a.to_owned(), b.to_owned(), ours));
    let net: (&str, &[&str]) = ("5.188.10.0/24", &["5.188.10.0/24"]);
    let table = [
        (rows(&["5.188.10.5", "1.1.1.1"], &[net]), pair("5.188.10.0/24", "5.188.10.5", true)),
        (
            rows(&["1.1.1.1"], &[net, ("bad.example.com", &["5.188.10.7"])]),
            pair("5.188.10.0/24", "bad.example.com (5.188.10.7)", false),
        ),
        // Host bits are cleared before.
        (
            rows(&[], &[net, ("5.188.10.9/25", &["5.188.10.0/25"])]),
            pair("5.188.10.0/24", "5.188.10.9/25 (5.188.10.0/25)", false),
        ),
        (
            rows(&["2a06::/16"], &[("2a06:4880::78", &["2a06:4880::78"])]),
            pair("2a06::/16", "2a06:4880::78", true),
        ),
        // Twice the same between the two.
        (
            rows(&["5.188.10.0/24"], &[net, ("5.188.10.200", &[])]),
            pair("5.188.10.0/24", "5.188.10.200", true),
        ),
        // The same twice, neighbours, and both families from zero on.
        (rows(&["5.188.10.0/25", "5.188.10.128/25"], &[("5.188.10.0/25", &[])]), None),
        (rows(&["1.2.3.4"], &[("a.example.com", &["1.2.3.4"]), ("1.2.3.4/32", &[])]), None),
        (rows(&["0.0.0.0/8", "::/8"], &[]), None),
    ];
    for (rows, expected) in table {
        assert_eq!(found(&rows), expected, "{rows:?}");
    }
}

#[test]
fn an_overlap_is_found_exactly_when_two_networks_overlap_and_differ() {
    use proptest::prelude::*;
    let net = (0u8..=255, 24u8..=32).prop_map(|(host, length)| {
        let net: IpNet = format!("5.188.10.{host}/{length}").parse().unwrap();
        net.trunc()
    });
    proptest!(|(nets in proptest::collection::vec(net, 0..8))| {
        let keys: Vec<String> = nets.iter().map(|net| Prefix::new(*net).to_string()).collect();
        let rows = Present { ours: keys.into_iter().collect(), others: vec![] };
        let any = nets.iter().any(|a| nets.iter().any(|b| a != b && a.contains(b)));
        prop_assert_eq!(overlap(&rows).is_some(), any);
    });
}
