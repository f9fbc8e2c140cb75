//! What the commands print and how they end: every field of the JSON output, every documented exit code, and that
//! looking changes nothing.

use crate::testenv::{
    ATTACKER, ATTACKER_V6, CONFIG, DAY, FIREWALLS, Firewall, KEY, Sandbox, TestEnv, WINDOW, addresses, set,
    until,
};
use serde_json::{Value, json};

/// Every field that is documented is there. More may come, as the output grows compatibly.
#[track_caller]
fn has_fields(value: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        assert!(value.get(field).is_some(), "{field} is missing in {value:#}");
    }
}

#[track_caller]
fn is_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert!(
        text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
        "{text} is no RFC 3339 time in UTC"
    );
}

#[test]
fn sync_prints_the_documented_object() {
    let env = TestEnv::without_firewall(&[ATTACKER, "10.0.0.5", "137.184.10/32"]);
    let report = env.sync(0, &[]);
    has_fields(&report, "feeds blacklist set reload dry_run elapsed_ms");
    has_fields(&report["feeds"][0], "name requests fetched used skipped complete error");
    has_fields(&report["blacklist"], "added removed kept over_limit other_rows unblocked");
    has_fields(&report["feeds"][0]["skipped"][0], "entry reason");
    assert!(["hup", "pending", "none"].contains(&report["reload"].as_str().unwrap()));
    assert_eq!((&report["feeds"][0]["fetched"], &report["feeds"][0]["used"]), (&json!(3), &json!(1)));
    assert_eq!((&report["dry_run"], &report["feeds"][0]["error"]), (&json!(false), &json!(null)));
    // A run that fails before it asks prints no half of an object.
    env.pbx.stop_database();
    let run = env.run(&["sync", "--json"]);
    assert_eq!((run.code, run.stdout.as_str()), (69, ""));
}

#[test]
fn status_before_the_first_run_says_so_and_makes_nothing() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &[ATTACKER]);
        let sums = env.sums();
        let (code, status) = env.json(&["status"]);
        assert_eq!(code, 0);
        has_fields(&status, "feeds blacklist set firewall last_run");
        assert_eq!(status["last_run"], json!(null));
        assert_eq!(status["firewall"]["enabled"], true);
        assert_eq!(status["firewall"]["running"], true);
        let driver = if firewall == Firewall::Nftables { "nftables" } else { "iptables" };
        assert_eq!(
            (&status["firewall"]["driver"], &status["blacklist"]["limit"]),
            (&json!(driver), &json!(5_000))
        );
        assert!(env.run(&["status"]).ok().contains("No sync yet"));
        assert_eq!(env.json(&["list"]).1, json!([]));
        assert_eq!(env.json(&["list", "--skipped"]).1, json!([]));
        assert_eq!(env.json(&["list", "--unblocked"]).1, json!([]));
        assert_eq!(env.json(&["check", ATTACKER]).0, 1);
        assert_eq!((env.sums(), env.tables(), env.requests()), (sums, vec![], vec![]));
    }
}

#[test]
fn status_shows_feeds_rows_firewall_and_the_last_run() {
    let env = TestEnv::new(Firewall::Nftables, &[ATTACKER, "163.172.207.104", "10.0.0.5"]);
    env.pbx.write_blacklist(["5.188.10.5"], "1");
    env.sync(0, &[]);
    let (code, status) = env.json(&["status"]);
    assert_eq!(code, 0);
    let feed = &status["feeds"][0];
    has_fields(feed, "name kind enabled entries last_attempt last_success last_error out_of_date");
    assert_eq!(
        (&feed["name"], &feed["kind"], &feed["enabled"]),
        (&json!("apiban"), &json!("apiban"), &json!(true))
    );
    assert_eq!((&feed["last_error"], &feed["out_of_date"]), (&json!(null), &json!(false)));
    is_time(&feed["last_attempt"]);
    is_time(&feed["last_success"]);
    let blacklist = &status["blacklist"];
    has_fields(blacklist, "rows other_rows limit over_limit");
    assert_eq!((&blacklist["rows"], &blacklist["other_rows"]), (&json!(2), &json!(1)));
    let last = &status["last_run"];
    assert_eq!((&last["exit_code"], &last["added"]), (&json!(0), &json!(2)));
    is_time(&last["started_at"]);
    is_time(&last["finished_at"]);
    let text = env.run(&["status"]).ok();
    for words in ["2 addresses and networks are blocked.", "apiban", "OK", "1 row of yours"] {
        assert!(text.contains(words), "{words}: {text}");
    }

    // What is wrong is said.
    env.faults(&["key"]);
    env.sync(77, &[]);
    let (_, status) = env.json(&["status"]);
    assert!(status["feeds"][0]["last_error"].as_str().unwrap().contains("did not accept the API key"));
    assert_eq!(status["last_run"]["exit_code"], 77);
    env.later(DAY + 60);
    let (_, status) = env.json(&["status"]);
    assert_eq!(status["feeds"][0]["out_of_date"], true);
    assert!(env.run(&["status"]).ok().contains("out of date"));
    env.pbx.kill_daemon();
    let (_, status) = env.json(&["status"]);
    assert_eq!((&status["blocking"], &status["firewall"]["running"]), (&json!(true), &json!(false)));
    let still = "What is in the kernel still blocks, but no change takes effect: the firewall service is not running.";
    assert!(env.run(&["status"]).ok().starts_with(still));
}

#[test]
fn asterisk_sees_the_same_status_as_root() {
    let env = TestEnv::new(Firewall::Nftables, &[ATTACKER]);
    env.sync(0, &[]);
    let status = |user: &str| {
        let mut status: serde_json::Value =
            serde_json::from_str(&env.run_as(user, &["status", "--json"]).ok()).unwrap();
        // Root looks now, asterisk reads what root saw.
        status["firewall"]["rules"].as_object_mut().unwrap().remove("seen_at").unwrap();
        status
    };
    assert_eq!(status("asterisk"), status("root"));
}

#[test]
fn list_shows_every_entry_with_what_became_of_it() {
    let listed = [ATTACKER, ATTACKER_V6, "5.188.10.5", "163.172.207.104", "10.0.0.5", "45.9.8.0", "45.9.8.1"];
    let env = TestEnv::without_firewall(&listed);
    env.pbx.write_blacklist(["5.188.10.0/24"], "1");
    env.sync(0, &[]);
    env.pbx.fwconsole(&["firewall", "del", "blacklist", "163.172.207.104"]).ok();
    env.sync(0, &[]);
    let (code, list) = env.json(&["list"]);
    assert_eq!(code, 0);
    for item in list.as_array().unwrap() {
        has_fields(item, "address feed first_seen last_seen expires_at row set state reason");
        for time in ["first_seen", "last_seen", "expires_at"] {
            is_time(&item[time]);
        }
        assert_eq!(item["feed"], "apiban");
        assert_eq!(item["row"].is_null(), !item["reason"].is_null(), "a row or a reason: {item:#}");
    }
    let seen: Vec<_> =
        list.as_array().unwrap().iter().map(|i| [&i["address"], &i["state"], &i["row"]]).collect();
    for (prefix, state, row) in [
        (ATTACKER, "row", json!(ATTACKER)),
        (ATTACKER_V6, "not_by_row", json!(null)),
        ("5.188.10.5", "your_row", json!("5.188.10.0/24")),
        ("163.172.207.104", "unblocked", json!(null)),
        ("10.0.0.5", "protected", json!(null)),
        ("45.9.8.0", "row", json!("45.9.8.0/31")),
        ("45.9.8.1", "row", json!("45.9.8.0/31")),
    ] {
        assert!(seen.contains(&[&json!(prefix), &json!(state), &row]), "{prefix} {state} {row}: {seen:?}");
    }
    assert_eq!(seen.len(), listed.len());
    let (_, refused) = env.json(&["list", "--skipped"]);
    has_fields(&refused[0], "entry feed reason");
    let (_, released) = env.json(&["list", "--unblocked"]);
    has_fields(&released[0], "address since until");
    is_time(&released[0]["until"]);
    let text = env.run(&["list", "--feed", "apiban"]).ok();
    assert_eq!(text.lines().count(), listed.len() + 1, "{text}");
    let unknown = env.run(&["list", "--feed", "nobody"]);
    assert!(unknown.code == 78 && unknown.stderr.contains("nobody"), "{unknown:?}");
}

#[test]
fn check_says_who_blocks_or_why_nobody_does() {
    let env = TestEnv::new(Firewall::Nftables, &[ATTACKER, "45.9.8.0/24", Sandbox::PHONE, "62.210.149.30"]);
    env.pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.0/24"]).ok();
    env.sync(0, &[]);
    env.pbx.fwconsole(&["firewall", "del", "blacklist", "62.210.149.30"]).ok();
    env.sync(0, &[]);
    let table = [
        (ATTACKER, 0, Some(ATTACKER), "banbridge's row"),
        ("45.9.8.77", 0, Some("45.9.8.0/24"), "banbridge's row"),
        ("45.9.8.0/25", 0, Some("45.9.8.0/24"), "banbridge's row"),
        ("5.188.10.77", 0, Some("5.188.10.0/24"), "your row"),
        (Sandbox::PHONE, 1, None, "protected: "),
        ("62.210.149.30", 1, None, "unblocked until"),
        ("163.172.207.104", 1, None, "no feed lists it"),
        ("2a06:4880::78", 1, None, "no feed lists it"),
        ("127.0.0.1", 1, None, "it is protected"),
        ("45.9.0.0/16", 1, None, "no feed lists it"),
    ];
    for (address, code, row, words) in table {
        let (ended, check) = env.json(&["check", address]);
        has_fields(&check, "address blocked feeds row set reason");
        assert_eq!((ended, check["blocked"].as_bool()), (code, Some(code == 0)), "{check:#}");
        assert_eq!(check["row"].as_str(), row, "{check:#}");
        assert!(check["reason"].as_str().unwrap().contains(words), "{check:#}");
        for feed in check["feeds"].as_array().unwrap() {
            has_fields(feed, "feed address first_seen last_seen expires_at");
            is_time(&feed["expires_at"]);
        }
        let quiet = env.run(&["-q", "check", address]);
        assert_eq!((quiet.code, quiet.stdout.as_str()), (code, ""), "for scripts");
    }
    let (_, check) = env.json(&["check", "45.9.8.77"]);
    assert_eq!(check["feeds"][0]["address"], "45.9.8.0/24");
}

#[test]
fn config_shows_what_is_in_use_and_masks_the_key() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let (code, shown) = env.json(&["config", "show"]);
    assert_eq!(code, 0);
    assert_eq!((&shown["feed"][0]["name"], &shown["feed"][0]["ttl"]), (&json!("apiban"), &json!("7d")));
    assert_eq!(shown["blacklist"]["limit"], "auto");
    let text = env.run(&["config", "show"]).ok();
    assert!(text.contains("[[feed]]") && text.contains("dataset = \"sip\""), "{text}");
    let (code, check) = env.json(&["config", "check"]);
    assert_eq!((code, &check["ok"], &check["feeds"]), (0, &json!(true), &json!(1)));
    assert_eq!(check["warnings"], json!([]));
    env.pbx.run(&["chmod", "644", CONFIG]).ok();
    let check = env.run(&["config", "check"]);
    assert!(check.code == 0 && check.stderr.contains("every user of this machine can read"), "{check:?}");
    assert!(env.requests().is_empty() && env.tables().is_empty(), "asks nobody, makes nothing");
}

#[test]
fn the_key_may_stand_in_a_file_or_in_the_environment_and_other_places_can_be_named() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let feed = format!("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nurl = \"{}\"\n", env.feed.url());
    env.write_config(&(feed.clone() + "key_file = \"/etc/asterisk/key\"\n"));
    env.pbx.write_file("/etc/asterisk/key", format!("{KEY}\n"));
    env.give_to_asterisk("/etc/asterisk/key");
    assert_eq!(env.run_as("asterisk", &["sync"]).code, 0);
    env.pbx.remove_file("/etc/asterisk/key");
    let missing = env.run(&["sync"]);
    assert!(missing.code == 78 && missing.stdout.contains("/etc/asterisk/key"), "{missing:?}");

    // Other places, by options and by the environment.
    env.pbx.run(&["mv", CONFIG, "/root/other.toml"]);
    env.pbx.write_file("/etc/other.toml", feed + &format!("key = \"{KEY}\"\n"));
    env.pbx.run(&["mv", "/etc/freepbx.conf", "/etc/other.conf"]).ok();
    let options = ["--config", "/etc/other.toml", "--freepbx-conf", "/etc/other.conf", "sync"];
    assert_eq!(env.run(&options).code, 0);
    let mut command = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
    command.env("BANBRIDGE_CONFIG", "/etc/other.toml").env("BANBRIDGE_FREEPBX_CONF", "/etc/other.conf");
    assert!(command.arg("sync").output().unwrap().status.success());
}

#[test]
fn a_wrong_command_line_ends_with_2_and_help_with_0() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    for words in [
        &[][..],
        &["snyc"],
        &["sync", "--wait", "soon"],
        &["sync", "--wait", "-1"],
        &["check"],
        &["check", "185.53.88"],
        &["check", "185.53.88.078"],
        &["check", "example.com"],
        &["check", "1.2.3.4/33"],
        &["list", "--skipped", "--unblocked"],
        &["-q", "-v", "sync"],
        &["config"],
    ] {
        let run = env.run(words);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{words:?}");
        assert!(!run.stderr.is_empty());
    }
    for words in [&["--help"][..], &["--version"], &["sync", "--help"], &["help", "check"]] {
        assert!(!env.run(words).ok().is_empty());
    }
    assert!(env.tables().is_empty() && env.requests().is_empty());
}

#[test]
fn every_documented_exit_code_is_reached() {
    let env = TestEnv::without_firewall(&addresses(3000));
    assert_eq!(env.run(&["sync"]).code, 75, "the rate limit came before the end of the list");
    env.later(WINDOW);
    assert_eq!(env.run(&["sync"]).code, 0, "done");
    assert_eq!(env.run(&["sync"]).code, 0, "nothing new");
    assert_eq!(env.run(&["check", "5.188.10.5"]).code, 1);
    assert_eq!(env.run(&["no-command"]).code, 2);
    for (fault, code) in [("no-json", 65), ("status=503", 69), ("key", 77)] {
        env.faults(&[fault]);
        assert_eq!(env.run(&["sync"]).code, code, "{fault}");
    }
    env.write_config("nonsense");
    assert_eq!(env.run(&["sync"]).code, 78);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let env = TestEnv::without_firewall(&addresses(2000));
    env.sync(0, &[]);
    let program = env!("CARGO_BIN_EXE_banbridge");
    let line = format!("{program} list | head -n 1; echo ${{PIPESTATUS[0]}}");
    let run = env.pbx.run(&["bash", "-c", &line]);
    assert!(run.stdout.ends_with("\n0\n") && run.stderr.is_empty(), "{run:?}");
}

#[test]
fn two_pbxs_on_one_database_server_do_not_hold_each_other_up() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let pbx = &env.pbx;
    pbx.sql_run("CREATE DATABASE second", ());
    for table in ["kvstore_FreePBX_modules_Firewall", "kvblobstore", "freepbx_settings"] {
        pbx.sql_run(&format!("CREATE TABLE second.{table} LIKE {table}"), ());
        pbx.sql_run(&format!("INSERT INTO second.{table} SELECT * FROM {table}"), ());
    }
    pbx.sql_run("GRANT ALL ON second.* TO freepbxuser@localhost", ());
    let conf = pbx.read_file("/etc/freepbx.conf").replace("'asterisk'", "'second'");
    pbx.write_file("/etc/second.conf", conf);
    env.faults(&["stall"]);
    let child = env.start(&[]);
    until("the first run to ask", || env.requests().len() == 1);
    assert_eq!(env.run(&["--freepbx-conf", "/etc/second.conf", "sync"]).code, 0);
    env.kill(child);
    assert_eq!(env.ours(), set([""; 0]), "each has its own rows");
}
