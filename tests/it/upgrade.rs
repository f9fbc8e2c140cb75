//! What an earlier build left in the database and the configuration goes on to count under this one.

use serde_json::json;

use crate::testenv::*;

/// See its first line.
const LEFT: &str = include_str!("upgrade/047e13e.sql");
/// When it was made, in seconds since 1970.
const MADE: i64 = 1_795_757_075;
/// The rows that it had.
const ROWS: [&str; 5] =
    ["104.37.175.137", "45.134.144.12/31", "5.188.10.0/24", "62.210.149.30", "77.247.110.58"];

/// The same with its times moved, so that it was made a minute ago.
fn moved(text: &str) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let time = regex::Regex::new(r"\b179[0-9]{7}\b").unwrap();
    let later =
        |found: &regex::Captures<'_>| (found[0].parse::<i64>().unwrap() + now - 60 - MADE).to_string();
    time.replace_all(text, later).into_owned()
}

#[test]
fn what_an_earlier_build_knew_stays_known_and_blocked_and_let_through() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    let lists = "/var/lib/asterisk/lists";
    pbx.run(&["mkdir", "-p", lists]).ok();
    let one = "45.134.144.12\n45.134.144.13\n62.210.149.30\n163.172.207.104\n5.188.10.0/24\n2a06:4880::78\n";
    pbx.write_file(format!("{lists}/one"), one);
    pbx.write_file(format!("{lists}/two"), "77.247.110.58\n");
    let list = |name: &str, more: &str| {
        format!(
            "[[feed]]\nname = \"{name}\"\nkind = \"list\"\nurl = \"{lists}/{name}\"\ninterval = \"0s\"\n{more}\n"
        )
    };
    let config = list("one", "") + &list("two", "ttl = \"7d\"");
    env.write_config(&config);
    pbx.write_file("/tmp/left.sql", moved(LEFT));
    pbx.run(&[
        "sh",
        "-c",
        "mariadb --socket=/run/mysqld/mysqld.sock -usandbox -psandbox asterisk </tmp/left.sql",
    ])
    .ok();
    pbx.write_blacklist(ROWS, "banbridge");
    pbx.write_blacklist(["198.51.100.200"], "1");

    let report = env.sync(0, &[]);
    assert_eq!(
        (&report["blacklist"]["added"], &report["blacklist"]["removed"]),
        (&json!(0), &json!(0)),
        "{report:#}"
    );
    assert_eq!((env.ours(), env.his()), (set(ROWS), set(["198.51.100.200"])));
    assert_eq!(env.json(&["list", "--allowed"]).1[0]["comment"], "office");
    assert_eq!(env.json(&["list", "--unblocked"]).1[0]["address"], "163.172.207.104");
    // It left its list before the upgrade, and its seven days still run.
    let gone = env.json(&["check", "104.37.175.137"]).1;
    assert_eq!((&gone["blocked"], &gone["feeds"][0]["feed"]), (&json!(true), &json!("two")), "{gone:#}");
    assert!(!gone["feeds"][0]["expires_at"].is_null());
    assert_eq!(pbx.probe(Attacker("62.210.149.30")), Probe::Refused);
    assert_eq!(pbx.probe(Attacker("163.172.207.104")), Probe::Answered);
    assert_eq!(pbx.read_file(CONFIG), config);
}
