//! The lists of FreePBX's page, the log, and what goes into FreePBX's backup.

use std::io::Write;
use std::process::{Child, Stdio};

use crate::testenv::{self, ATTACKER, ATTACKER_V6, CONFIG, NFT, Run, TestEnv, addresses, until};
use mysql::prelude::Queryable;
use serde_json::{Value, json};

/// A page of a list, as asterisk.
#[track_caller]
fn page(env: &TestEnv, words: &[&str]) -> Value {
    let run = env.run_as("asterisk", &[&["list", "--json"], words].concat());
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

fn column(page: &Value, name: &str) -> Vec<Value> {
    page["rows"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn a_page_is_searched_sorted_and_cut_and_shows_the_administrators_rows_as_his() {
    let mut entries = addresses(30);
    entries.extend([ATTACKER.to_owned(), ATTACKER_V6.to_owned(), "163.172.0.0/17".to_owned()]);
    let env = TestEnv::without_firewall(&entries);
    env.sync(0, &[]);
    env.pbx.write_blacklist(["9.9.9.9", "bad.example.com"], "1");

    let first = page(&env, &["--offset=0", "--limit=10", "--sort=address"]);
    assert_eq!((&first["total"], first["rows"].as_array().unwrap().len()), (&json!(33), 10));
    assert_eq!(column(&first, "address")[0], addresses(1)[0]);
    let last = page(&env, &["--offset=30", "--limit=10", "--sort=address"]);
    assert_eq!(column(&last, "address"), ["163.172.0.0/17", ATTACKER, ATTACKER_V6]);
    let turned = page(&env, &["--limit=1", "--sort=address", "--order=desc"]);
    assert_eq!(column(&turned, "address"), [ATTACKER_V6]);

    let found = page(&env, &["--limit=10", "--search=163.172.5.6"]);
    assert_eq!((&found["total"], column(&found, "address")), (&json!(1), vec![json!("163.172.0.0/17")]));
    assert_eq!(page(&env, &["--limit=10", "--search=APIBAN"])["total"], 33);
    assert_eq!(page(&env, &["--limit=10", "--search=nowhere"]), json!({ "total": 0, "rows": [] }));

    let with = page(&env, &["--limit=50", "--with-other-rows", "--sort=feed"]);
    assert_eq!(with["total"], 35);
    let his: Vec<Value> = with["rows"].as_array().unwrap()[33..].to_vec();
    for (row, key) in his.iter().zip(["9.9.9.9", "bad.example.com"]) {
        assert_eq!(
            (&row["address"], &row["state"], &row["feed"], &row["first_seen"]),
            (&json!(key), &json!("your_row"), &Value::Null, &Value::Null)
        );
    }
    // A feed's list has none of his, whatever the page asks for besides.
    assert_eq!(page(&env, &["--limit=5", "--feed=apiban", "--with-other-rows"])["total"], 33);
    // Without a page it is what it always was.
    assert_eq!(page(&env, &[]).as_array().unwrap().len(), 33);
    let wrong = env.run(&["list", "--json", "--limit=5", "--sort=colour"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn the_other_lists_come_in_pages_too() {
    let env = TestEnv::without_firewall(&["192.168.1.1", "nonsense", ATTACKER, "5.188.10.9"]);
    env.sync(0, &[]);
    env.pbx.names("sip.example.com 62.210.149.30\n");
    env.run(&["allow", "sip.example.com", "--comment", "our <b>trunk</b>"]).ok();
    env.run(&["unblock", ATTACKER]).ok();
    let refused = page(&env, &["--skipped", "--limit=1", "--search=NONS"]);
    assert_eq!((&refused["total"], column(&refused, "entry")), (&json!(1), vec![json!("nonsense")]));
    for text in ["trunk", "62.210.149.30"] {
        let allowed = page(&env, &["--allowed", "--limit=5", "--search", text]);
        assert_eq!(column(&allowed, "target"), ["sip.example.com"]);
    }
    let released = page(&env, &["--unblocked", "--limit=5", "--sort=expires_at"]);
    assert_eq!(column(&released, "address"), [ATTACKER]);
}

#[test]
fn the_end_of_the_log_is_shown_line_by_line() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let log = |lines: &str| -> Value {
        let run = env.run_as("asterisk", &["log", "--json", "--lines", lines]);
        assert_eq!(run.code, 0, "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    assert_eq!(log("5")["lines"], json!([]), "no run, no log");
    env.sync(0, &[]);
    let all = log("1000");
    assert_eq!(all["file"], testenv::LOG);
    let lines = all["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().contains(ATTACKER)), "{all:#}");
    assert!(lines.iter().all(|line| line["level"].is_string() && line["at"].is_string()), "{all:#}");
    assert_eq!(log("1")["lines"][0], lines[lines.len() - 1]);
    // What went wrong is to be seen also when nothing works.
    env.pbx.stop_database();
    assert_eq!(log("1000"), all);
}

#[track_caller]
fn start_restore(env: &TestEnv, text: &str) -> Child {
    let mut command = env.pbx.command_as("asterisk", env!("CARGO_BIN_EXE_banbridge"));
    command.args(["restore", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child
}

#[track_caller]
fn restore(env: &TestEnv, text: &str) -> Run {
    start_restore(env, text).wait_with_output().unwrap().into()
}

#[test]
fn what_was_decided_is_taken_over_from_a_backup_and_the_blacklist_follows() {
    let env = TestEnv::new(NFT, &[ATTACKER, "5.188.10.9", "163.172.207.104"]);
    env.sync(0, &[]);
    env.run(&["allow", "5.188.10.9", "--comment", "ours"]).ok();
    env.run(&["unblock", "163.172.207.104"]).ok();
    let configuration = env.pbx.read_file(CONFIG);
    // It holds the key, as FreePBX's backup must.
    let backup = env.pbx.banbridge_as("asterisk", &["backup"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&backup).unwrap()["configuration"], configuration);
    assert_eq!(env.ours(), testenv::set([ATTACKER]));

    env.run(&["unallow", "5.188.10.9"]).ok();
    env.run(&["unblock", "--undo", "163.172.207.104"]).ok();
    env.run(&["allow", ATTACKER]).ok();
    env.run(&["config", "set", "protect.unblock", "9d"]).ok();
    assert_eq!(env.ours(), testenv::set(["5.188.10.9", "163.172.207.104"]));

    // What is no backup changes nothing.
    let broken = [
        backup.replace("\"target\":\"5.188.10.9\"", "\"target\":\"0.0.0.0/0\""),
        backup.replace("[[feed]]", "[[fee]]"),
        backup[..backup.len() / 2].to_owned(),
        String::new(),
    ];
    for (text, code) in broken.iter().zip([65, 78, 65, 65]) {
        let run = restore(&env, text);
        assert!(run.code == code && !run.stderr.is_empty() && !testenv::shows_key(&run.stderr), "{run:?}");
    }
    assert_eq!(env.ours(), testenv::set(["5.188.10.9", "163.172.207.104"]));

    let run = restore(&env, &backup);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        serde_json::from_str::<Value>(&run.stdout).unwrap(),
        json!({ "configuration": true, "allowed": 1, "unblocked": 1 })
    );
    assert_eq!((env.ours(), env.pbx.read_file(CONFIG)), (testenv::set([ATTACKER]), configuration));
    let mode = env.pbx.run(&["stat", "-c", "%U:%G %a", CONFIG]).ok();
    assert_eq!(mode.trim(), "asterisk:asterisk 640");
    assert_eq!(page(&env, &["--allowed"])[0]["comment"], "ours");
}

#[test]
fn a_restore_waits_for_another_run_and_at_last_leaves_the_blacklist_to_it() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.run(&["unblock", ATTACKER]).ok();
    let backup = env.pbx.banbridge_as("asterisk", &["backup"]).ok();
    let mut other = env.pbx.database();
    let mut hold = |how: &str| {
        let done: Option<u8> = other.query_first(format!("SELECT {how}")).unwrap();
        assert_eq!(done, Some(1));
    };
    for ends in [true, false] {
        env.run(&["unblock", "--undo", ATTACKER]).ok();
        assert_eq!(env.ours(), testenv::set([ATTACKER]));
        hold("GET_LOCK(CONCAT('banbridge.', DATABASE()), 0)");
        let child = start_restore(&env, &backup);
        let asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE user <> 'root'";
        until("it to be connected", || env.pbx.sql::<u64>(asked, ()) != [0]);
        if ends {
            hold("RELEASE_LOCK(CONCAT('banbridge.', DATABASE()))");
        }
        let run: Run = child.wait_with_output().unwrap().into();
        let restored: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(restored, json!({ "configuration": true, "allowed": 0, "unblocked": 1 }));
        assert_eq!(run.code, if ends { 0 } else { 75 }, "{run:?}");
        assert_eq!(run.stderr.contains("another run is in progress"), !ends, "{run:?}");
        if !ends {
            hold("RELEASE_LOCK(CONCAT('banbridge.', DATABASE()))");
            assert_eq!(env.ours(), testenv::set([ATTACKER]), "that run brings it into force");
            env.run(&["apply"]).ok();
        }
        assert!(env.ours().is_empty());
    }
}

#[test]
fn a_hundred_thousand_entries_come_page_by_page() {
    let env = TestEnv::without_firewall(&[] as &[&str]);
    env.pbx.write_file("/tmp/list", addresses(100_000).join("\n"));
    env.give_to_asterisk("/tmp/list");
    env.write_config(
        "[[feed]]\nname = \"l\"\nkind = \"list\"\nurl = \"/tmp/list\"\n[set]\nenabled = \"no\"\n",
    );
    env.sync(0, &[]);
    let far = page(&env, &["--offset=99999", "--limit=25", "--sort=address"]);
    assert_eq!(
        (&far["total"], column(&far, "address")),
        (&json!(100_000), vec![json!(addresses(100_000)[99_999])])
    );
}

#[test]
fn what_an_administrator_decides_waits_for_a_run_that_is_nearly_done() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    let mut run = env.pbx.database();
    run.query_drop("SELECT GET_LOCK('banbridge.asterisk', 0)").unwrap();
    // What comes by the clock does not wait: the next minute is soon.
    assert_eq!(env.run(&["apply"]).code, 75);
    let mut command = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
    let mut decision = command.args(["unblock", ATTACKER]).stdout(Stdio::null()).spawn().unwrap();
    let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE state = 'User lock'";
    until("the decision to wait", || env.pbx.sql::<u64>(waiting, ()) == [1]);
    run.query_drop("SELECT RELEASE_LOCK('banbridge.asterisk')").unwrap();
    assert!(decision.wait().unwrap().success());
    assert_eq!(env.json(&["list", "--unblocked"]).1[0]["address"], ATTACKER);
}
