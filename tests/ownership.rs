//! What the administrator decides and takes back: release, purge, the writer, and the surge guard.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod scene;

use scene::{ATTACKER, ATTACKER_V6, Attacker, DAY, NFT, Probe, Scene, addresses, set, texts, until};
use serde_json::json;

#[test]
fn released_is_let_go_at_once_and_stays_out_until_it_is_taken_back() {
    let scene = Scene::new(NFT, &[ATTACKER, "45.0.0.0/30"]);
    let pbx = &scene.pbx;
    scene.sync(0, &[]);
    until("the rule", || pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let (code, said) = scene.json(&["release", ATTACKER]);
    assert_eq!((code, &said["released"], &said["changed"]), (0, &json!(true), &json!(true)));
    until("the rule to go", || pbx.probe(Attacker(ATTACKER)) == Probe::Answered);
    // A part of a network is carved out of its row.
    scene.run(&["release", "45.0.0.2"]).ok();
    assert_eq!(scene.ours(), set(["45.0.0.0/31", "45.0.0.3"]));
    scene.feed.sight(ATTACKER);
    scene.sync(0, &["--full"]);
    assert_eq!(scene.ours(), set(["45.0.0.0/31", "45.0.0.3"]));
    let released = scene.json(&["list", "--released"]).1;
    let released = set(released.as_array().unwrap().iter().map(|one| one["prefix"].as_str().unwrap()));
    assert_eq!(released, set([ATTACKER, "45.0.0.2"]));
    let checked = scene.run(&["check", ATTACKER]);
    assert!(checked.code == 1 && checked.stdout.contains("took it out"), "{checked:?}");

    let said = scene.run(&["unrelease", ATTACKER]).ok();
    assert!(said.contains("released no more"), "{said}");
    assert_eq!(scene.ours(), set(["45.0.0.0/31", "45.0.0.3", ATTACKER]));
    let again = scene.run(&["unrelease", ATTACKER]).ok();
    assert!(again.contains("nothing changed"), "{again}");
    // The release time is over by itself; what still counts is blocked again.
    scene.later(31 * DAY);
    scene.sync(0, &["--full"]);
    assert_eq!(scene.ours(), set(["45.0.0.0/30", ATTACKER]));
    assert_eq!(scene.json(&["list", "--released"]).1, json!([]));
}

#[test]
fn part_of_a_released_network_can_be_taken_back() {
    let scene = Scene::without_firewall(&["45.0.0.0/30"]);
    scene.sync(0, &[]);
    scene.run(&["release", "45.0.0.0/30"]).ok();
    assert_eq!(scene.ours(), set([""; 0]));
    scene.run(&["unrelease", "45.0.0.1"]).ok();
    assert_eq!(scene.ours(), set(["45.0.0.1"]));
}

#[test]
fn purge_takes_what_is_ours_and_nothing_else() {
    let scene = Scene::new(NFT, &addresses(30));
    let pbx = &scene.pbx;
    pbx.names("host.example.com 5.188.11.1");
    pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.0/24", "host.example.com"]).ok();
    scene.sync(0, &[]);
    let his = scene.his();
    let config: Vec<(String, String)> =
        pbx.sql("SELECT `key`, val FROM kvstore_FreePBX_modules_Firewall WHERE id = 'noid'", ());
    let asks = scene.run(&["purge"]);
    assert_eq!(
        (asks.code, scene.ours().len()),
        (2, 30),
        "without a terminal and --yes nothing goes: {asks:?}"
    );

    let (code, purged) = scene.json(&["purge", "--yes"]);
    assert_eq!((code, &purged["rows"], &purged["foreign"]), (0, &json!(30), &json!(his.len())));
    assert_eq!((scene.ours(), scene.his()), (set([""; 0]), his.clone()));
    assert_eq!(scene.tables(), [""; 0]);
    assert_eq!(scene.log(), "");
    let ids: Vec<String> =
        pbx.sql("SELECT DISTINCT id FROM kvstore_FreePBX_modules_Firewall ORDER BY id", ());
    assert_eq!(ids, ["blacklist", "noid"]);
    assert_eq!(
        pbx.sql::<(String, String)>(
            "SELECT `key`, val FROM kvstore_FreePBX_modules_Firewall WHERE id = 'noid'",
            ()
        ),
        config
    );
    // And a new start is a first start.
    let report = scene.sync(0, &[]);
    assert_eq!(report["blacklist"]["added"], 30);
    assert_eq!(scene.his(), his);
}

const BY_FWCONSOLE: &str = "[blacklist]\nwriter = \"fwconsole\"\naggregate = false";

#[test]
fn fwconsole_writes_rows_too_and_the_ledger_alone_knows_whose_they_are() {
    let all = addresses(120);
    let scene = Scene::without_firewall(&all);
    let pbx = &scene.pbx;
    pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.9"]).ok();
    scene.configure(BY_FWCONSOLE);
    let report = scene.sync(0, &[]);
    assert_eq!((&report["blacklist"]["added"], &report["blacklist"]["foreign"]), (&json!(120), &json!(1)));
    let rows = || set(pbx.blacklist().into_iter().map(|(key, _)| key));
    let mut wanted = set(&all);
    wanted.insert("5.188.10.9".into());
    assert_eq!(rows(), wanted);
    assert!(scene.ours().is_empty(), "no row can carry the mark");
    let second = scene.sync(0, &[]);
    assert_eq!((&second["blacklist"]["kept"], &second["reload"]), (&json!(120), &json!("none")));

    // The administrator's hand.
    pbx.fwconsole(&["firewall", "del", "blacklist", &all[7]]).ok();
    let report = scene.sync(0, &[]);
    assert_eq!(report["blacklist"]["released"], 1);
    wanted.remove(&all[7]);
    assert_eq!(rows(), wanted);
    // Expiry goes the same way; one is seen again.
    scene.later(7 * DAY - 60);
    scene.feed.sight(&all[3]);
    scene.sync(0, &[]);
    scene.later(120);
    scene.sync(0, &[]);
    assert_eq!(rows(), set([all[3].as_str(), "5.188.10.9"]));
    // Released is let go, though nothing but the ledger says whose the row is.
    scene.run(&["release", &all[3]]).ok();
    assert_eq!(rows(), set(["5.188.10.9"]));
    scene.run(&["unrelease", &all[3]]).ok();
    // Back to the database: rows without a mark stay ours, and purge finds them.
    scene.configure("");
    let report = scene.sync(0, &[]);
    assert_eq!(report["blacklist"]["kept"], 1);
    scene.json(&["purge", "--yes"]);
    assert_eq!(rows(), set(["5.188.10.9"]));
}

#[test]
fn an_entry_that_fwconsole_does_not_take_costs_no_other_and_is_said() {
    let all = addresses(120);
    let scene = Scene::without_firewall(&all);
    scene.configure(BY_FWCONSOLE);
    // A fwconsole that does not like one of them.
    scene.pbx.run(&["cp", "-L", "/usr/sbin/fwconsole", "/usr/bin/fwconsole.real"]).ok();
    scene.pbx.run(&["rm", "/usr/sbin/fwconsole"]).ok();
    let picky = format!(
        "#!/bin/sh\ncase \" $* \" in *' {} '*) echo 'I do not like it' >&2; exit 1;; esac\nexec /usr/bin/fwconsole.real \"$@\"\n",
        all[60]
    );
    scene.pbx.write_file("/usr/sbin/fwconsole", &picky);
    scene.pbx.run(&["chmod", "755", "/usr/sbin/fwconsole"]).ok();
    let report = scene.sync(69, &[]);
    assert_eq!(report["blacklist"]["added"], 119);
    let warnings = texts(&report["warnings"]);
    assert!(
        warnings.iter().any(|text| text.contains(&all[60]) && text.contains("I do not like it")),
        "{warnings:?}"
    );
    assert_eq!(report["blacklist"]["released"], 0);
    let report = scene.sync(69, &[]);
    assert_eq!(report["blacklist"]["released"], 0, "what never was there was not taken out by hand");
}

#[test]
fn a_feed_that_suddenly_asks_for_much_more_is_held_until_it_is_accepted() {
    let all = addresses(200);
    let scene = Scene::without_firewall(&all[..20]);
    scene.configure("surge_more = 50");
    scene.sync(0, &[]);
    scene.later(300);
    for address in &all[20..] {
        scene.feed.sight(address);
    }
    let report = scene.sync(65, &[]);
    assert_eq!((&report["feeds"][0]["held"], scene.ours()), (&json!(true), set(&all[..20])));
    let error = report["feeds"][0]["error"].as_str().unwrap();
    assert!(error.contains("200") && error.contains("20:") && error.contains("--accept"), "{error}");
    let status = scene.json(&["status"]).1;
    assert_eq!(status["feeds"][0]["held"], 180);
    let text = scene.run(&["status"]).ok();
    assert!(text.contains("HELD") && text.contains("sync --accept"), "{text}");
    // It stays held, and what it named before stays blocked.
    scene.later(300);
    scene.sync(65, &[]);
    assert_eq!(scene.ours(), set(&all[..20]));
    let report = scene.sync(0, &["--accept"]);
    assert_eq!((&report["feeds"][0]["held"], scene.ours()), (&json!(false), set(&all)));
    scene.later(300);
    scene.sync(0, &[]);
    assert_eq!(scene.json(&["status"]).1["feeds"][0]["held"], 0);
}

#[test]
fn a_held_feed_is_free_again_when_it_asks_for_no_more_than_before() {
    let all = addresses(200);
    let scene = Scene::without_firewall(&all[..20]);
    scene.configure("surge_more = 50\nttl = \"1d\"");
    scene.sync(0, &[]);
    scene.later(3600);
    for address in &all[20..] {
        scene.feed.sight(address);
    }
    scene.sync(65, &[]);
    scene.later(DAY);
    scene.feed.sight(&all[3]);
    let report = scene.sync(0, &[]);
    assert_eq!((&report["feeds"][0]["held"], scene.ours()), (&json!(false), set([&all[3]])));
}

#[test]
fn an_empty_list_from_a_feed_that_had_entries_keeps_them_and_is_said() {
    let scene = Scene::without_firewall(&addresses(20));
    scene.sync(0, &[]);
    scene.faults(&["empty"]);
    let report = scene.sync(0, &["--full"]);
    let note = report["feeds"][0]["note"].as_str().unwrap_or_default();
    assert!(note.contains("listed nothing at all"), "{report:#}");
    assert_eq!(scene.ours().len(), 20);
}

#[test]
fn the_set_blocks_what_no_row_can_and_is_back_at_boot_before_the_database() {
    let scene = Scene::new(NFT, &[ATTACKER, ATTACKER_V6, "163.172.207.104"]);
    let pbx = &scene.pbx;
    scene.configure("[set]\nenabled = \"auto\"\n[blacklist]\nlimit = 1");
    let report = scene.sync(0, &[]);
    assert_eq!((&report["set"]["size"], &report["set"]["backend"]), (&json!(3), &json!("nft")));
    assert_eq!(scene.ours().len(), 1, "the limit");
    for attacker in [ATTACKER, ATTACKER_V6, "163.172.207.104"] {
        assert_eq!(pbx.probe(Attacker(attacker)), Probe::Refused, "{attacker}");
        let checked = scene.json(&["check", attacker]);
        assert_eq!(
            (checked.0, &checked.1["set"], &checked.1["refused_packets"]),
            (0, &json!(true), &json!(1))
        );
    }
    let status = scene.json(&["status"]).1;
    assert_eq!((&status["set"]["refused_packets"], &status["set"]["size"]), (&json!(3), &json!(3)));
    let listed = scene.json(&["list"]).1;
    assert!(
        listed.as_array().unwrap().iter().all(|one| one["set"] == true && one["refused_packets"] == 1),
        "{listed:#}"
    );
    // Everybody else sees what root found last.
    let seen = scene.run_as("asterisk", &["status"]).ok();
    assert!(seen.contains("3 networks in the kernel by nft"), "{seen}");

    // A boot: the kernel is empty and the database is not up yet.
    pbx.run(&["nft", "delete", "table", "inet", "banbridge"]).ok();
    pbx.stop_database();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered);
    let (code, loaded) = scene.json(&["apply", "--boot"]);
    assert_eq!((code, &loaded["loaded"]), (0, &json!("nft")));
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused);
    pbx.start_database();

    // Switched off in the configuration, or with the firewall itself, it goes.
    scene.configure("[set]\nenabled = \"no\"");
    scene.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered);
    scene.configure("[set]\nenabled = \"yes\"");
    scene.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused);
    pbx.sql_run("UPDATE kvstore_FreePBX_modules_Firewall SET val = '0' WHERE `key` = 'status'", ());
    scene.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused, "a restart switches it off for a moment");
    scene.later(180);
    scene.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered, "an administrator wants nothing blocked");
    let purged = scene.json(&["purge", "--yes"]).1;
    assert_eq!(purged["set"], false);
}

#[test]
fn rows_written_by_asterisk_are_applied_by_root_and_purge_removes_the_set() {
    let scene = Scene::new(NFT, &addresses(40));
    let pbx = &scene.pbx;
    scene.configure("[set]\nenabled = \"auto\"");
    scene.run_as("asterisk", &["sync"]).ok();
    assert_eq!((scene.ours().len(), pbx.rules().len()), (40, 0));
    scene.run(&["apply"]).ok();
    assert_eq!(pbx.rules().len(), 40, "in force when the command ends");
    assert!(pbx.run(&["nft", "list", "table", "inet", "banbridge"]).code == 0);
    let purged = scene.json(&["purge", "--yes"]).1;
    assert_eq!((&purged["set"], &purged["rows"]), (&json!(true), &json!(40)));
    assert!(pbx.run(&["nft", "list", "table", "inet", "banbridge"]).code != 0);
    until("the rules to go", || pbx.rules().is_empty());
}
