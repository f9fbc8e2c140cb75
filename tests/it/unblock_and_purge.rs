//! What the administrator decides and takes back: release, purge, the writer, and the surge guard.

use crate::sandbox::rule;
use crate::testenv::{
    ATTACKER, ATTACKER_V6, Attacker, DAY, LEGACY, NFT, Probe, TestEnv, addresses, set, texts, until,
};
use serde_json::json;

#[test]
fn released_is_let_go_at_once_and_stays_out_until_it_is_taken_back() {
    let env = TestEnv::new(NFT, &[ATTACKER, "45.0.0.0/30"]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    until("the rule", || pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let (code, said) = env.json(&["unblock", ATTACKER]);
    assert_eq!((code, &said["unblocked"], &said["changed"]), (0, &json!(true), &json!(true)));
    until("the rule to go", || pbx.probe(Attacker(ATTACKER)) == Probe::Answered);
    // A part of a network is carved out of its row.
    env.run(&["unblock", "45.0.0.2"]).ok();
    assert_eq!(env.ours(), set(["45.0.0.0/31", "45.0.0.3"]));
    env.feed.sight(ATTACKER);
    env.sync(0, &["--full"]);
    assert_eq!(env.ours(), set(["45.0.0.0/31", "45.0.0.3"]));
    let released = env.json(&["list", "--unblocked"]).1;
    let released = set(released.as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()));
    assert_eq!(released, set([ATTACKER, "45.0.0.2"]));
    let checked = env.run(&["check", ATTACKER]);
    assert!(checked.code == 1 && checked.stdout.contains("unblocked until"), "{checked:?}");

    let said = env.run(&["unblock", "--undo", ATTACKER]).ok();
    assert!(said.contains("no longer unblocked"), "{said}");
    assert_eq!(env.ours(), set(["45.0.0.0/31", "45.0.0.3", ATTACKER]));
    let again = env.run(&["unblock", "--undo", ATTACKER]).ok();
    assert!(again.contains("Nothing was changed"), "{again}");
    // The release time is over by itself; what still counts is blocked again.
    env.later(31 * DAY);
    env.sync(0, &["--full"]);
    assert_eq!(env.ours(), set(["45.0.0.0/30", ATTACKER]));
    assert_eq!(env.json(&["list", "--unblocked"]).1, json!([]));
}

#[test]
fn part_of_a_released_network_can_be_taken_back() {
    let env = TestEnv::without_firewall(&["45.0.0.0/30"]);
    env.sync(0, &[]);
    env.run(&["unblock", "45.0.0.0/30"]).ok();
    assert_eq!(env.ours(), set([""; 0]));
    env.run(&["unblock", "--undo", "45.0.0.1"]).ok();
    assert_eq!(env.ours(), set(["45.0.0.1"]));
}

#[test]
fn an_unblock_says_how_much_it_lets_through_and_is_not_for_most_of_the_internet() {
    let env = TestEnv::without_firewall(&["45.0.0.0/30", "45.0.1.1", "46.0.0.1"]);
    env.sync(0, &[]);
    for (network, entries, words) in [
        ("45.0.0.2", 1, "This lets through 1 entry of the feeds."),
        ("45.0.0.0/16", 2, "This lets through 2 entries of the feeds."),
        ("47.0.0.0/8", 0, "No feed lists it now."),
    ] {
        let (code, said) = env.json(&["unblock", network]);
        assert_eq!((code, &said["entries"]), (0, &json!(entries)), "{network}");
        let said = env.run(&["unblock", network]).ok();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(env.ours(), set(["46.0.0.1"]));
    for network in ["0.0.0.0/0", "44.0.0.0/7", "::/0", "2000::/15"] {
        let refused = env.run(&["unblock", network]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("most of the internet"), "{refused:?}");
    }
    assert_eq!(env.ours(), set(["46.0.0.1"]));
}

#[test]
fn purge_removes_rules_and_rows_together_and_the_daemon_starts_no_process() {
    for firewall in [NFT, LEGACY] {
        let env = TestEnv::new(firewall, &addresses(300));
        env.pbx.fwconsole(&["firewall", "add", "blacklist", "81.2.69.160"]).ok();
        env.pbx.hup();
        env.sync(0, &[]);
        assert_eq!(env.pbx.rules().len(), 301);
        let commands = |env: &TestEnv| {
            let log = env.pbx.read_file("/var/log/asterisk/firewall.log");
            log.lines()
                .filter(|line| line.contains("/sbin/iptables ") && line.contains("fpbxblacklist"))
                .count()
        };
        let before = commands(&env);
        let purged = env.run(&["purge", "--yes"]);
        assert_eq!((purged.code, purged.stderr.as_str()), (0, ""), "{purged:?}");
        assert_eq!(env.pbx.rules(), [rule("81.2.69.160/32")]);
        env.pbx.hup();
        assert_eq!(commands(&env), before, "{firewall:?}");
    }
}

#[test]
fn purge_takes_away_what_a_newer_version_or_a_hand_left_in_the_tables() {
    let newer = "INSERT INTO banbridge_schema (version, program, applied_at) VALUES (99, '9.9.9', 0)";
    let changes: [&[&str]; 4] = [
        &[newer],
        &[newer, "ALTER TABLE banbridge_schema DROP COLUMN program", "CREATE TABLE banbridge_later (id INT)"],
        &[newer, "ALTER TABLE banbridge_row DROP COLUMN unmarked", "DROP TABLE banbridge_name"],
        &["ALTER TABLE banbridge_set MODIFY backend BLOB", "UPDATE banbridge_set SET backend = X'ff'"],
    ];
    for change in changes {
        let env = TestEnv::new(NFT, &addresses(20));
        env.configure("[set]\nenabled = \"yes\"");
        env.pbx.fwconsole(&["firewall", "add", "blacklist", "81.2.69.160"]).ok();
        env.sync(0, &[]);
        for statement in change {
            env.pbx.sql_run(statement, ());
        }
        assert_eq!(env.run(&["sync"]).code, 78, "{change:?}");
        let (code, purged) = env.json(&["purge", "--yes"]);
        let removed = (code, &purged["rows"], &purged["set"], &purged["other_rows"]);
        assert_eq!(removed, (0, &json!(20), &json!(true), &json!(1)), "{change:?}");
        assert_eq!(env.pbx.sql::<String>("SHOW TABLES LIKE 'banbridge%'", ()), [""; 0], "{change:?}");
        assert_eq!(env.his().len(), 1);
    }
}

#[test]
fn purge_as_asterisk_says_that_the_rules_stay_until_the_firewall_removes_them() {
    let env = TestEnv::new(NFT, &addresses(20));
    env.sync(0, &[]);
    let purged = env.run_as("asterisk", &["purge", "--yes"]);
    assert_eq!(purged.code, 0, "{purged:?}");
    assert!(purged.stderr.contains("Until then they block"), "{purged:?}");
    assert_eq!((env.ours(), env.pbx.rules().len()), (set([""; 0]), 20));
}

#[test]
fn rows_with_a_mark_that_only_looks_like_ours_stay() {
    let env = TestEnv::new(NFT, &addresses(5));
    let alike = [
        ("46.0.0.1", "BANBRIDGE", "blacklist"),
        ("46.0.0.2", "banbridge ", "blacklist"),
        ("mine", "1", "BANBRIDGE"),
    ];
    for row in alike {
        env.pbx.sql_run(
            "INSERT INTO kvstore_FreePBX_modules_Firewall (`key`, val, type, id) VALUES (?, ?, NULL, ?)",
            row,
        );
    }
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 5);
    let (code, purged) = env.json(&["purge", "--yes"]);
    assert_eq!((code, &purged["rows"], &purged["other_rows"]), (0, &json!(5), &json!(2)));
    for (key, val, id) in alike {
        let sql = "SELECT COUNT(*) FROM kvstore_FreePBX_modules_Firewall WHERE `key` = ? AND BINARY val = ? AND BINARY id = ?";
        assert_eq!(env.pbx.sql::<u64>(sql, (key, val, id)), [1], "{key}");
    }
}

#[test]
fn purge_takes_what_is_ours_and_nothing_else() {
    let env = TestEnv::new(NFT, &addresses(30));
    let pbx = &env.pbx;
    pbx.names("host.example.com 5.188.11.1");
    pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.0/24", "host.example.com"]).ok();
    env.sync(0, &[]);
    let his = env.his();
    let config: Vec<(String, String)> =
        pbx.sql("SELECT `key`, val FROM kvstore_FreePBX_modules_Firewall WHERE id = 'noid'", ());
    let asks = env.run(&["purge"]);
    assert_eq!((asks.code, env.ours().len()), (2, 30), "without a terminal and --yes nothing goes: {asks:?}");

    let (code, purged) = env.json(&["purge", "--yes"]);
    assert_eq!((code, &purged["rows"], &purged["other_rows"]), (0, &json!(30), &json!(his.len())));
    assert_eq!((env.ours(), env.his()), (set([""; 0]), his.clone()));
    assert_eq!(env.tables(), [""; 0]);
    assert_eq!(env.log(), "");
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
    let report = env.sync(0, &[]);
    assert_eq!(report["blacklist"]["added"], 30);
    assert_eq!(env.his(), his);
}

const BY_FWCONSOLE: &str = "[blacklist]\nwriter = \"fwconsole\"\naggregate = false";

#[test]
fn fwconsole_writes_rows_too_and_the_ledger_alone_knows_whose_they_are() {
    let all = addresses(120);
    let env = TestEnv::without_firewall(&all);
    let pbx = &env.pbx;
    pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.9"]).ok();
    env.configure(BY_FWCONSOLE);
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["added"], &report["blacklist"]["other_rows"]), (&json!(120), &json!(1)));
    let rows = || set(pbx.blacklist().into_iter().map(|(key, _)| key));
    let mut wanted = set(&all);
    wanted.insert("5.188.10.9".into());
    assert_eq!(rows(), wanted);
    assert!(env.ours().is_empty(), "no row can carry the mark");
    let second = env.sync(0, &[]);
    assert_eq!((&second["blacklist"]["kept"], &second["reload"]), (&json!(120), &json!("none")));

    // The administrator's hand.
    pbx.fwconsole(&["firewall", "del", "blacklist", &all[7]]).ok();
    let report = env.sync(0, &[]);
    assert_eq!(report["blacklist"]["unblocked"], 1);
    wanted.remove(&all[7]);
    assert_eq!(rows(), wanted);
    // Expiry goes the same way; one is seen again.
    env.later(7 * DAY - 60);
    env.feed.sight(&all[3]);
    env.sync(0, &[]);
    env.later(120);
    env.sync(0, &[]);
    assert_eq!(rows(), set([all[3].as_str(), "5.188.10.9"]));
    // Released is let go, though nothing but the ledger says whose the row is.
    env.run(&["unblock", &all[3]]).ok();
    assert_eq!(rows(), set(["5.188.10.9"]));
    env.run(&["unblock", "--undo", &all[3]]).ok();
    // Back to the database: rows without a mark stay ours, and purge finds them.
    env.configure("");
    let report = env.sync(0, &[]);
    assert_eq!(report["blacklist"]["kept"], 1);
    env.json(&["purge", "--yes"]);
    assert_eq!(rows(), set(["5.188.10.9"]));
}

#[test]
fn an_entry_that_fwconsole_does_not_take_costs_no_other_and_is_said() {
    let all = addresses(120);
    let env = TestEnv::without_firewall(&all);
    env.configure(BY_FWCONSOLE);
    // A fwconsole that does not like one of them.
    env.pbx.run(&["cp", "-L", "/usr/sbin/fwconsole", "/usr/bin/fwconsole.real"]).ok();
    env.pbx.run(&["rm", "/usr/sbin/fwconsole"]).ok();
    let picky = format!(
        "#!/bin/sh\ncase \" $* \" in *' {} '*) echo 'I do not like it' >&2; exit 1;; esac\nexec /usr/bin/fwconsole.real \"$@\"\n",
        all[60]
    );
    env.pbx.write_file("/usr/sbin/fwconsole", &picky);
    env.pbx.run(&["chmod", "755", "/usr/sbin/fwconsole"]).ok();
    let report = env.sync(69, &[]);
    assert_eq!(report["blacklist"]["added"], 119);
    let warnings = texts(&report["warnings"]);
    assert!(
        warnings.iter().any(|text| text.contains(&all[60]) && text.contains("I do not like it")),
        "{warnings:?}"
    );
    assert_eq!(report["blacklist"]["unblocked"], 0);
    let report = env.sync(69, &[]);
    assert_eq!(report["blacklist"]["unblocked"], 0, "what never was there was not taken out by hand");
}

#[test]
fn a_feed_that_suddenly_asks_for_much_more_is_held_until_it_is_accepted() {
    let all = addresses(200);
    let env = TestEnv::without_firewall(&all[..20]);
    env.configure("hold_more = 50");
    env.sync(0, &[]);
    env.later(300);
    for address in &all[20..] {
        env.feed.sight(address);
    }
    let report = env.sync(65, &[]);
    assert_eq!((&report["feeds"][0]["held"], env.ours()), (&json!(true), set(&all[..20])));
    let error = report["feeds"][0]["error"].as_str().unwrap();
    assert!(error.contains("200") && error.contains("from 20 to") && error.contains("--accept"), "{error}");
    let status = env.json(&["status"]).1;
    assert_eq!(status["feeds"][0]["held"], 180);
    let text = env.run(&["status"]).ok();
    assert!(text.contains("held") && text.contains("sync --accept"), "{text}");
    // It stays held, and what it named before stays blocked.
    env.later(300);
    env.sync(65, &[]);
    assert_eq!(env.ours(), set(&all[..20]));
    let report = env.sync(0, &["--accept"]);
    assert_eq!((&report["feeds"][0]["held"], env.ours()), (&json!(false), set(&all)));
    env.later(300);
    env.sync(0, &[]);
    assert_eq!(env.json(&["status"]).1["feeds"][0]["held"], 0);
}

#[test]
fn a_held_feed_is_free_again_when_it_asks_for_no_more_than_before() {
    let all = addresses(200);
    let env = TestEnv::without_firewall(&all[..20]);
    env.configure("hold_more = 50\nttl = \"1d\"");
    env.sync(0, &[]);
    env.later(3600);
    for address in &all[20..] {
        env.feed.sight(address);
    }
    env.sync(65, &[]);
    env.later(DAY);
    env.feed.sight(&all[3]);
    let report = env.sync(0, &[]);
    assert_eq!((&report["feeds"][0]["held"], env.ours()), (&json!(false), set([&all[3]])));
}

#[test]
fn an_empty_list_from_a_feed_that_had_entries_keeps_them_and_is_said() {
    let env = TestEnv::without_firewall(&addresses(20));
    env.sync(0, &[]);
    env.faults(&["empty"]);
    let report = env.sync(0, &["--full"]);
    let note = report["feeds"][0]["note"].as_str().unwrap_or_default();
    assert!(note.contains("listed nothing"), "{report:#}");
    assert_eq!(env.ours().len(), 20);
}

#[test]
fn the_set_blocks_what_no_row_can_and_is_back_at_boot_before_the_database() {
    let env = TestEnv::new(NFT, &[ATTACKER, ATTACKER_V6, "163.172.207.104"]);
    let pbx = &env.pbx;
    env.configure("[set]\nenabled = \"auto\"\n[blacklist]\nlimit = 1");
    let report = env.sync(0, &[]);
    assert_eq!((&report["set"]["size"], &report["set"]["backend"]), (&json!(3), &json!("nft")));
    assert_eq!(env.ours().len(), 1, "the limit");
    for attacker in [ATTACKER, ATTACKER_V6, "163.172.207.104"] {
        assert_eq!(pbx.probe(Attacker(attacker)), Probe::Refused, "{attacker}");
        let checked = env.json(&["check", attacker]);
        assert_eq!(
            (checked.0, &checked.1["set"], &checked.1["blocked_packets"]),
            (0, &json!(true), &json!(1))
        );
    }
    let status = env.json(&["status"]).1;
    assert_eq!((&status["set"]["blocked_packets"], &status["set"]["size"]), (&json!(3), &json!(3)));
    let listed = env.json(&["list"]).1;
    assert!(
        listed.as_array().unwrap().iter().all(|one| one["set"] == true && one["blocked_packets"] == 1),
        "{listed:#}"
    );
    // Who sent them: each with its feeds, the latest first.
    let sources = env.json(&["list", "--packets", "--sort", "last_blocked", "--order", "desc"]).1;
    let said = |one: &serde_json::Value| {
        (one["blocked_packets"] == 1, one["feeds"] == json!(["apiban"]), one["blocked"] == true)
    };
    assert!(sources.as_array().unwrap().iter().all(|one| said(one) == (true, true, true)), "{sources:#}");
    assert_eq!(sources.as_array().unwrap().len(), 3);
    let alone = env.json(&["feed", "overlap"]).1;
    assert_eq!((&alone[0]["blocked_packets"], &alone[0]["alone_packets"]), (&json!(3), &json!(3)));
    // Everybody else sees what root found last.
    let seen = env.run_as("asterisk", &["status"]).ok();
    assert!(seen.contains("Kernel set: 3 addresses and networks, made with nft"), "{seen}");

    // A boot: the kernel is empty and the database is not up yet.
    pbx.run(&["nft", "delete", "table", "inet", "banbridge"]).ok();
    pbx.stop_database();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered);
    let (code, loaded) = env.json(&["apply", "--boot"]);
    assert_eq!((code, &loaded["loaded"]), (0, &json!("nft")));
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused);
    pbx.start_database();

    // Switched off in the configuration, or with the firewall itself, it goes.
    env.configure("[set]\nenabled = \"no\"");
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered);
    env.configure("[set]\nenabled = \"yes\"");
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused);
    pbx.sql_run("UPDATE kvstore_FreePBX_modules_Firewall SET val = '0' WHERE `key` = 'status'", ());
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused, "a restart switches it off for a moment");
    env.later(180);
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered, "an administrator wants nothing blocked");
    let purged = env.json(&["purge", "--yes"]).1;
    assert_eq!(purged["set"], false);
}

#[test]
fn rows_written_by_asterisk_are_applied_by_root_and_purge_removes_the_set() {
    let env = TestEnv::new(NFT, &addresses(40));
    let pbx = &env.pbx;
    env.configure("[set]\nenabled = \"auto\"");
    env.run_as("asterisk", &["sync"]).ok();
    assert_eq!((env.ours().len(), pbx.rules().len()), (40, 0));
    env.run(&["apply"]).ok();
    assert_eq!(pbx.rules().len(), 40, "in force when the command ends");
    assert!(pbx.run(&["nft", "list", "table", "inet", "banbridge"]).code == 0);
    let purged = env.json(&["purge", "--yes"]).1;
    assert_eq!((&purged["set"], &purged["rows"]), (&json!(true), &json!(40)));
    assert!(pbx.run(&["nft", "list", "table", "inet", "banbridge"]).code != 0);
    until("the rules to go", || pbx.rules().is_empty());
}
