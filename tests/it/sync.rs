//! `sync` of the real program on a sandboxed PBX: from the feed to the refused packet, within the feed's limits,
//! through kills and losses, without changing what needs no change.

use std::process::Output;

use crate::testenv::{
    self, ATTACKER, ATTACKER_V6, Attacker, DAY, FIREWALLS, Family, Fault, Firewall, KEY, LEGACY, LOG, NFT,
    Phone, Probe, Run, Sandbox, TestEnv, WINDOW, addresses, rule, set, texts, until,
};
use mysql::prelude::Queryable;
use serde_json::json;

#[test]
fn what_a_feed_lists_is_refused_and_who_is_trusted_still_gets_through() {
    let listed =
        [ATTACKER, "163.172.207.104", Sandbox::PHONE_PUBLIC, ATTACKER_V6, "10.0.0.5", "137.184.10/32"];
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &listed);
        let pbx = &env.pbx;
        pbx.fwconsole(&["firewall", "trust", Sandbox::PHONE_PUBLIC]).ok();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), Probe::Answered);
        until("the daemon to sleep", || pbx.daemon_sleeps());
        let passes = pbx.passes().len();

        let report = env.sync(0, &[]);
        let both_families = firewall == Firewall::Nftables;
        let mut rows = set(["163.172.207.104", ATTACKER]);
        rows.extend(both_families.then(|| ATTACKER_V6.to_owned()));
        assert_eq!(env.ours(), rows, "{firewall:?}");
        assert_eq!(report["reload"], "hup");
        assert_eq!(report["blacklist"]["added"], rows.len());
        assert_eq!(report["blacklist"]["not_by_row"], u32::from(!both_families));
        let refused: Vec<_> = report["feeds"][0]["skipped"].as_array().unwrap().iter().collect();
        let refused = set(refused.iter().map(|refused| refused["entry"].as_str().unwrap()));
        assert_eq!(refused, set([Sandbox::PHONE_PUBLIC, "10.0.0.5", "137.184.10/32"]));

        let shown = pbx.fwconsole(&["firewall", "list", "blacklist"]).ok();
        for row in &rows {
            assert!(shown.contains(&format!("\t{row}\n")), "{firewall:?}: {shown}");
        }
        assert_eq!(pbx.wait_pass_after(passes).why, "hup");
        if both_families {
            assert_eq!(pbx.elements("inet fpbx", "blacklist"), ["163.172.207.104", ATTACKER]);
            assert_eq!(pbx.elements("inet fpbx", "blacklist6"), [ATTACKER_V6]);
        } else {
            let rules = [rule("163.172.207.104/32"), rule("185.53.88.78/32")];
            assert_eq!(set(pbx.rules()), set(rules), "{firewall:?}");
            assert!(pbx.chain(Family::V6, "fpbxblacklist").is_empty());
        }
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
        assert_eq!(pbx.probe(Attacker("5.188.10.9")), Probe::Answered, "who is not listed");
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), Probe::Answered, "{firewall:?}");
        if both_families {
            assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Refused);
        }
        assert_eq!(env.run(&["check", ATTACKER]).code, 0);
        assert_eq!(env.run(&["check", Sandbox::PHONE_PUBLIC]).code, 1);
        let log = env.log();
        for row in &rows {
            assert!(log.contains(&format!("blocked {row} (apiban)\n")), "{log}");
        }
        assert!(!log.contains(Sandbox::PHONE_PUBLIC) && log.contains("done: "), "{log}");
    }
}

#[test]
fn a_second_run_writes_no_row_tells_nobody_and_asks_once() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &addresses(300));
        let pbx = &env.pbx;
        // 300 rules take the iptables driver a while; the rows are enough here.
        if firewall != Firewall::Nftables {
            pbx.kill_daemon();
        }
        env.sync(0, &[]);
        until("the daemon to sleep", || firewall != Firewall::Nftables || pbx.daemon_sleeps());
        let (passes, sums, log) = (pbx.passes().len(), env.sums(), env.log());
        let asked = env.requests().len();
        pbx.sql_run("SET GLOBAL userstat = 1", ());

        let report = env.sync(0, &[]);
        assert_eq!(report["blacklist"]["kept"], 300);
        assert_eq!(report["reload"], "none");
        assert_eq!(report["feeds"][0]["requests"], 1);
        assert_eq!(env.requests().len(), asked + 1, "one request");
        assert_eq!(env.sums(), sums, "{firewall:?}");
        let written: Vec<u64> = pbx.sql(
            "SELECT ROWS_CHANGED FROM information_schema.TABLE_STATISTICS \
             WHERE TABLE_NAME LIKE 'kvstore%' AND ROWS_CHANGED > 0",
            (),
        );
        assert!(written.is_empty(), "rows of the firewall's table were written: {written:?}");
        assert!(!env.log()[log.len()..].contains("locked "), "{}", &env.log()[log.len()..]);
        if firewall == Firewall::Nftables {
            env.nobody_told_the_daemon_since(passes);
        }
    }
}

#[test]
fn the_statistics_that_the_test_above_relies_on_do_count() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.pbx.sql_run("SET GLOBAL userstat = 1", ());
    env.sync(0, &[]);
    let written: Vec<u64> = env.pbx.sql(
        "SELECT ROWS_CHANGED FROM information_schema.TABLE_STATISTICS WHERE TABLE_NAME LIKE 'kvstore%'",
        (),
    );
    assert_eq!(written, [2], "the row and the number of the change");
}

#[test]
fn a_dry_run_before_the_first_run_prints_its_plan_and_makes_nothing() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &[ATTACKER, ATTACKER_V6, "192.168.77.20", "5.188.10.0/24"]);
        env.pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.7"]).ok();
        until("the daemon to sleep", || env.pbx.daemon_sleeps());
        let (sums, passes) = (env.sums(), env.pbx.passes().len());
        let plan = env.sync(0, &["--dry-run"]);
        assert_eq!(plan["dry_run"], true);
        assert_eq!(env.tables(), [""; 0]);
        assert_eq!(env.sums(), sums);
        assert_eq!(env.log(), "", "no log file either");
        env.nobody_told_the_daemon_since(passes);
        let text = env.run(&["sync", "--dry-run"]).ok();
        assert!(
            text.contains("nothing was changed") && text.contains(&format!("  + {ATTACKER}\n")),
            "{text}"
        );

        let done = env.sync(0, &[]);
        assert_eq!(env.ours(), texts(&plan["plan_add"]), "{firewall:?}");
        assert_eq!(texts(&plan["plan_remove"]), set([""; 0]));
        for count in
            ["added", "removed", "kept", "over_limit", "not_by_row", "protected", "other_rows", "unblocked"]
        {
            assert_eq!(done["blacklist"][count], plan["blacklist"][count], "{count}, {firewall:?}");
        }
    }
}

#[test]
fn a_dry_run_prints_what_time_the_feed_and_the_administrator_changed_as_the_next_run_does_it() {
    let env = TestEnv::without_firewall(&addresses(6));
    let pbx = &env.pbx;
    let all = addresses(9);
    env.configure("[blacklist]\nlimit = 6");
    env.sync(0, &[]);
    env.later(6 * DAY);
    for seen in [&all[0], &all[1], &all[2], &all[3], &all[6], &all[7]] {
        env.feed.sight(seen);
    }
    env.sync(0, &[]);
    // Two of the first batch are over, one was taken out, one is the administrator's now, one is new.
    env.later(2 * DAY);
    pbx.fwconsole(&["firewall", "del", "blacklist", &all[0]]).ok();
    pbx.fwconsole(&["firewall", "add", "blacklist", &all[1]]).ok();
    env.feed.sight(&all[8]);

    let (sums, before) = (env.sums(), env.ours());
    let plan = env.sync(0, &["--dry-run"]);
    assert_eq!(env.sums(), sums);
    let done = env.sync(0, &[]);
    let after = env.ours();
    assert_eq!(texts(&plan["plan_add"]), &after - &before);
    assert_eq!(texts(&plan["plan_remove"]), &before - &after);
    assert_eq!(plan["blacklist"], done["blacklist"]);
    assert!(after.contains(&all[8]) && !after.contains(&all[0]) && !after.contains(&all[1]), "{after:?}");
    assert_eq!(done["blacklist"]["unblocked"], 1);
}

#[test]
fn three_thousand_addresses_come_in_two_runs_that_never_ask_more_than_eleven_times_in_two_minutes() {
    let all = addresses(3000);
    let env = TestEnv::new(Firewall::Nftables, &all);
    let first = env.sync(75, &[]);
    assert_eq!(first["feeds"][0]["requests"], 11);
    assert_eq!(first["feeds"][0]["complete"], false);
    assert_eq!(env.ours(), set(&all[..2750]));
    assert!(first["feeds"][0]["error"].as_str().unwrap().contains("--wait"), "{first:#}");
    until("the first batches to be in force", || env.pbx.probe(Attacker(&all[2749])) == Probe::Refused);

    let at_once = env.sync(75, &[]);
    assert_eq!(at_once["feeds"][0]["requests"], 0, "the limit is in the ledger, not in the run");
    env.later(WINDOW);
    let second = env.sync(0, &[]);
    assert_eq!(second["feeds"][0]["complete"], true);
    assert_eq!(env.ours(), set(&all));
    let cursors = env.cursors();
    assert_eq!(cursors.iter().filter(|cursor| *cursor == "100").count(), 1, "never from the start again");
    assert_eq!(cursors.len(), 13, "twelve batches, and then nothing new");
    assert!(env.requests().iter().all(|request| request["status"] != 429), "the limit was never met");
}

#[test]
fn a_load_goes_on_where_a_429_stopped_it() {
    let all = addresses(3000);
    let env = TestEnv::without_firewall(&all);
    // The older page's limit, or somebody else who uses the same key.
    env.feed.set_rate(Some((5, std::time::Duration::from_secs(120))));
    for complete in [1250, 2500] {
        let report = env.sync(75, &[]);
        assert_eq!(report["feeds"][0]["requests"], 6, "the sixth is the 429");
        assert_eq!(env.ours(), set(&all[..complete]), "what came is blocked");
        let next = env.sync(75, &[]);
        assert_eq!(next["feeds"][0]["requests"], 0, "it is left alone");
        env.later(WINDOW);
    }
    env.sync(0, &[]);
    assert_eq!(env.ours(), set(&all));
    assert_eq!(env.cursors().iter().filter(|cursor| *cursor == "100").count(), 1);
    assert!(env.log().contains("too many requests"), "{}", env.log());
}

#[test]
fn two_runs_share_the_limit_and_so_do_two_feeds_with_one_key() {
    let env = TestEnv::without_firewall(&addresses(1500));
    assert_eq!(env.sync(0, &[])["feeds"][0]["requests"], 7);
    let again = env.sync(75, &["--full"]);
    assert_eq!(again["feeds"][0]["requests"], 4);
    assert_eq!(env.cursors()[7], "100", "--full starts over");

    env.later(WINDOW);
    let url = env.feed.url();
    let feed = |name: &str| {
        format!("[[feed]]\nname = \"{name}\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n")
    };
    env.write_config(&(feed("one") + &feed("two")));
    let report = env.sync(75, &[]);
    assert_eq!((&report["feeds"][0]["requests"], &report["feeds"][1]["requests"]), (&json!(7), &json!(4)));
    assert!(env.requests().iter().all(|request| request["status"] != 429));
}

#[test]
fn a_dry_run_counts_against_the_limit_too() {
    let env = TestEnv::without_firewall(&addresses(1500));
    env.sync(0, &[]);
    let dry = env.sync(75, &["--dry-run", "--full"]);
    assert_eq!(dry["feeds"][0]["requests"], 4);
    assert_eq!(env.sync(75, &[])["feeds"][0]["requests"], 0);
}

#[test]
fn a_feed_that_says_when_to_come_back_is_left_alone_until_then() {
    for (fault, code) in [("rate=600", 75), ("busy=600", 69)] {
        let env = TestEnv::without_firewall(&[ATTACKER]);
        env.faults(&[fault]);
        env.sync(code, &[]);
        let (_, status) = env.json(&["status"]);
        assert!(status["feeds"][0]["retry_at"].is_string(), "{status:#}");
        env.later(590);
        let early = env.sync(75, &[]);
        assert_eq!(early["feeds"][0]["requests"], 0, "{fault}");
        env.later(11);
        assert_eq!(env.sync(0, &[])["blacklist"]["added"], 1, "{fault}");
        let (_, status) = env.json(&["status"]);
        assert_eq!(status["feeds"][0]["retry_at"], json!(null));
    }
}

#[test]
fn wait_waits_for_the_limit_as_long_as_it_says_and_no_longer() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.faults(&["rate=600"]);
    env.sync(75, &["--wait", "5"]);
    env.later(601);
    env.faults(&["rate=1"]);
    let report = env.sync(0, &["--wait", "5"]);
    assert_eq!(report["feeds"][0]["requests"], 3, "the 429, the batch, and nothing new");
    assert_eq!(env.ours(), set([ATTACKER]));
}

/// A run that was killed while it waited for its fourth batch.
fn killed(env: &TestEnv) {
    env.faults(&["none*3", "stall"]);
    let child = env.start(&[]);
    until("the fourth request", || env.requests().len() == 4);
    env.kill(child);
}

#[test]
fn a_run_killed_between_two_batches_leaves_what_came_and_the_next_goes_on_there() {
    let all = addresses(1200);
    let env = TestEnv::new(Firewall::Nftables, &all);
    killed(&env);
    assert_eq!(env.ours(), set(&all[..750]));
    let status = env.run(&["status"]).ok();
    assert!(status.contains("cut off"), "{status}");
    env.pbx.hup();
    assert_eq!(env.pbx.probe(Attacker(&all[749])), Probe::Refused, "what came is blocked");

    let next = env.sync(0, &[]);
    assert_eq!(next["blacklist"]["added"], 450);
    assert_eq!(next["blacklist"]["unblocked"], 0);
    assert_eq!(env.ours(), set(&all));
    let cursors = env.cursors();
    assert_eq!(cursors[3], cursors[4], "the batch that did not come is asked for again");
    assert_ne!(cursors[4], "100");
}

#[test]
fn what_came_before_a_kill_is_in_force_without_another_run() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &[ATTACKER]);
        env.faults(&["none", "stall"]);
        let child = env.start(&[]);
        until("the second request", || env.requests().len() == 2);
        env.kill(child);
        until("the row to be in force", || env.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    }
}

#[test]
fn rows_that_a_killed_run_of_asterisk_wrote_are_in_force_after_the_next_run_of_root_that_brings_nothing() {
    let env = TestEnv::new(Firewall::Nftables, &[ATTACKER]);
    env.faults(&["none", "stall"]);
    let mut command = env.pbx.command_as("asterisk", env!("CARGO_BIN_EXE_banbridge"));
    let child = command.arg("sync").spawn().unwrap();
    until("the second request", || env.requests().len() == 2);
    env.kill(child);
    assert_eq!(env.pbx.probe(Attacker(ATTACKER)), Probe::Answered, "asterisk cannot tell the daemon");
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["added"], &report["reload"]), (&json!(0), &json!("hup")));
    until("the row to be in force", || env.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
}

#[test]
fn a_run_killed_while_it_writes_rows_leaves_nothing_that_looks_like_the_administrators_hand() {
    // Before the first row goes, and when the rows are written and their number is not. MyISAM undoes nothing.
    for (engine, moment) in
        [("innodb", "DELETE"), ("innodb", "UPDATE"), ("myisam", "DELETE"), ("myisam", "UPDATE")]
    {
        let builder = Sandbox::builder(Firewall::Nftables).disabled();
        let builder = if engine == "myisam" { builder.myisam() } else { builder };
        let env = TestEnv::on(builder, &["45.9.8.0", "45.9.8.1", ATTACKER]);
        let pbx = &env.pbx;
        env.sync(0, &[]);
        // The next run has a row to take away and two to write.
        env.configure("[blacklist]\naggregate = false");
        let mut holder = pbx.database();
        holder.query_drop("SELECT GET_LOCK('hold', 0)").unwrap();
        let trigger = format!("CREATE TRIGGER hold BEFORE {moment} ON kvstore_FreePBX_modules_Firewall");
        holder.query_drop(format!("{trigger} FOR EACH ROW SET @held = GET_LOCK('hold', 60)")).unwrap();
        let connections = |which: &str| {
            let sql = format!("SELECT id FROM information_schema.PROCESSLIST WHERE {which}");
            pbx.sql::<u64>(&sql, ())
        };
        let child = env.start(&[]);
        until("the run to stand there", || connections("state = 'User lock'").len() == 1);
        let stands = connections("state = 'User lock'")[0];
        env.kill(child);
        pbx.sql_run(&format!("KILL CONNECTION {stands}"), ());
        let theirs = format!("id = {stands} OR user = 'freepbxuser'");
        until("its connections to end", || connections(&theirs).is_empty());
        holder.query_drop("DROP TRIGGER hold").unwrap();

        // His own hand in between is told from what the killed run did.
        pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
        let report = env.sync(0, &[]);
        assert_eq!(report["blacklist"]["unblocked"], 1, "{engine}, {moment}");
        assert_eq!(env.json(&["list", "--unblocked"]).1[0]["address"], ATTACKER);
        assert_eq!(env.ours(), set(["45.9.8.0", "45.9.8.1"]), "{engine}, {moment}");
        // And so it is from there on.
        pbx.fwconsole(&["firewall", "del", "blacklist", "45.9.8.1"]).ok();
        assert_eq!(env.sync(0, &[])["blacklist"]["unblocked"], 2, "{engine}, {moment}");
    }
}

#[test]
fn an_entry_goes_seven_days_after_its_last_sighting_and_not_before() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104"]);
    let pbx = &env.pbx;
    env.sync(0, &[]);
    env.later(6 * DAY);
    env.feed.sight("163.172.207.104");
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 2);
    env.later(DAY - 60);
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 2, "a minute is left");
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let passes = pbx.passes().len();
    env.later(60);
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["removed"], &report["reload"]), (&json!(1), &json!("hup")));
    assert_eq!(env.ours(), set(["163.172.207.104"]));
    assert!(env.log().contains(&format!("expired: {ATTACKER} (apiban)\n")), "{}", env.log());
    pbx.wait_pass_after(passes);
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    assert_eq!(pbx.probe(Attacker("163.172.207.104")), Probe::Refused);
    env.later(6 * DAY + 60);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([""; 0]));
}

#[test]
fn expiry_needs_no_feed() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.later(8 * DAY);
    env.faults(&["status=500"]);
    let report = env.sync(69, &[]);
    assert_eq!(report["blacklist"]["removed"], 1);
    assert_eq!(env.ours(), set([""; 0]));
}

#[test]
fn a_second_run_at_the_same_time_ends_at_once_and_names_the_first() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.faults(&["stall"]);
    let child = env.start(&[]);
    until("the first request", || env.requests().len() == 1);
    let names = std::fs::read_to_string(format!("/proc/{}/status", env.pbx.pid_of(&child))).unwrap();
    let line = names.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    let inner = line.split_whitespace().last().unwrap();
    for words in [&["sync"][..], &["sync", "--dry-run"], &["sync", "--json"]] {
        let second = env.run(words);
        assert_eq!(second.code, 75, "{second:?}");
        assert!(second.stderr.contains(&format!("process {inner}")), "{inner}: {second:?}");
    }
    // For cron that is nothing to write a mail about.
    let quiet = env.run(&["-q", "sync"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (75, ""), "{quiet:?}");
    assert_eq!(env.run(&["status"]).code, 0, "who only looks does not wait");
    assert_eq!(env.requests().len(), 1);
    env.kill(child);
    env.sync(0, &[]);
}

#[test]
fn asterisk_writes_the_rows_and_says_when_the_daemon_takes_them_up() {
    for (refresh, period) in [(None, 30), (Some("fast"), 15), (Some("slow"), 120)] {
        let env = TestEnv::new(Firewall::Nftables, &[ATTACKER]);
        let pbx = &env.pbx;
        if let Some(refresh) = refresh {
            let row = "INSERT INTO kvstore_FreePBX_modules_Firewall VALUES ('refresh', ?, NULL, 'noid')";
            pbx.sql_run(row, (refresh,));
        }
        until("the daemon to sleep", || pbx.daemon_sleeps());
        let passes = pbx.passes().len();
        let run = env.run_as("asterisk", &["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(&format!("loads them within {period} s")), "{run:?}");
        assert_eq!(env.ours(), set([ATTACKER]));
        let owner = pbx.run(&["stat", "-c", "%U", LOG]).ok();
        assert_eq!(owner.trim(), "asterisk");
        // Root's next run, soon after, tells it.
        if period == 30 {
            assert_eq!(pbx.passes().len(), passes, "asterisk cannot tell the daemon");
            assert_eq!(env.sync(0, &[])["reload"], "hup");
            pbx.wait_pass_after(passes);
        } else {
            env.nobody_told_the_daemon_since(passes);
        }
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    }
}

#[test]
fn root_and_asterisk_write_the_same_log() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    assert_eq!(env.run_as("asterisk", &["sync"]).stderr, "");
    assert_eq!(env.log().matches("done: ").count(), 2, "{}", env.log());
}

#[test]
fn a_firewall_that_is_off_or_does_not_run_is_said_and_the_rows_wait_for_it() {
    for firewall in FIREWALLS {
        let env = TestEnv::on(Sandbox::builder(firewall).disabled(), &[ATTACKER]);
        let pbx = &env.pbx;
        let run = env.run(&["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("Nothing is blocked: the firewall is disabled"), "{run:?}");
        let check = env.run(&["check", ATTACKER]);
        assert!(check.code == 1 && check.stdout.contains("the firewall is disabled"), "{check:?}");

        pbx.start_daemon();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "the row was there for it");
        assert_eq!(env.run(&["check", ATTACKER]).code, 0);
        pbx.kill_daemon();
        env.feed.sight("163.172.207.104");
        let run = env.run(&["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(
            run.stdout.contains("still blocks, but no change takes effect")
                && run.stdout.contains("fwconsole firewall start"),
            "{run:?}"
        );
        assert_eq!(env.ours().len(), 2);
    }
}

#[test]
fn a_limit_keeps_the_newest_and_counts_the_others() {
    let all = addresses(6);
    let env = TestEnv::without_firewall(&all[..5]);
    env.configure("[blacklist]\nlimit = 3");
    let report = env.sync(0, &[]);
    assert_eq!(env.ours().len(), 3);
    assert_eq!(report["blacklist"]["over_limit"], 2);
    let text = env.run(&["sync"]).ok();
    assert!(text.contains("Not blocked: 2 addresses and networks. The row limit of 3 is reached"), "{text}");
    env.later(60);
    env.feed.sight(&all[5]);
    let report = env.sync(0, &[]);
    assert!(env.ours().contains(&all[5]), "the newest has room");
    assert_eq!((&report["blacklist"]["over_limit"], env.ours().len()), (&json!(3), 3));
    let (_, status) = env.json(&["status"]);
    assert_eq!(status["blacklist"]["over_limit"], 3);
    let outside = all.iter().find(|address| !env.ours().contains(*address)).unwrap();
    let check = env.run(&["check", outside]);
    assert!(check.code == 1 && check.stdout.contains("the row limit of 3 is reached"), "{check:?}");

    env.configure("[blacklist]\nlimit = 0");
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 0);
}

#[test]
fn neighbours_are_one_row_and_aggregate_false_leaves_each_its_own() {
    let env = TestEnv::without_firewall(&["45.9.8.0", "45.9.8.1", "45.9.8.2", "45.9.8.3", "45.9.8.2/31"]);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set(["45.9.8.0/30"]));
    for address in ["45.9.8.0", "45.9.8.3"] {
        assert!(env.log().contains(&format!("blocked {address} (apiban)")), "found with grep");
    }
    env.configure("[blacklist]\naggregate = false");
    env.sync(0, &[]);
    assert_eq!(env.ours(), set(["45.9.8.0", "45.9.8.1", "45.9.8.2/31"]), "and none within another");
}

#[test]
fn both_versions_of_the_api_bring_the_same() {
    let all = addresses(600);
    for api in [1, 2] {
        let env = TestEnv::without_firewall(&all);
        env.configure(&format!("api = {api}"));
        let report = env.sync(0, &[]);
        assert_eq!(report["feeds"][0]["requests"], 4);
        assert_eq!(env.ours(), set(&all));
        for request in env.requests() {
            assert_eq!(request["authorization"], api == 2);
            let in_url = request["path"].as_str().unwrap().contains("Quirk");
            assert_eq!(in_url, api == 1, "{request}");
        }
    }
}

#[test]
fn the_key_is_shown_nowhere_whatever_goes_wrong() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let closed = "http://127.0.0.1:9/api";
    let mut shown = Vec::new();
    let see = |run: Run| format!("{}{}", run.stdout, run.stderr);
    for api in [1, 2] {
        env.configure(&format!("api = {api}\n[log]\nlevel = \"debug\""));
        for fault in ["echo", "close", "garbage", "redirect-loop", "redirect-http", "html=404", "key", "rate"]
        {
            env.faults(&[fault]);
            shown.push(see(env.pbx.banbridge(&["-vv", "sync", "--json"])));
            // Here one process does it all, and the libraries below would log what they connect to.
            env.later(3600);
            env.faults(&[fault]);
            let by_asterisk = see(env.pbx.banbridge_as("asterisk", &["-vv", "sync"]));
            assert!(!by_asterisk.contains("new connection"), "only lines of its own: {by_asterisk}");
            shown.push(by_asterisk);
            env.later(3600);
        }
        env.faults(&["redirect=https://user:pass@192.0.2.1/"]);
        shown.push(see(env.pbx.banbridge(&["-vv", "sync"])));
        env.later(3600);
        env.write_config(&format!(
            "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{closed}\"\napi = {api}\n"
        ));
        let refused = env.pbx.banbridge(&["-vv", "sync"]);
        assert!(refused.code == 69 && refused.stdout.contains("refused"), "{refused:?}");
        shown.push(see(refused));
        shown.push(see(env.pbx.banbridge(&["-vv", "status", "--json"])));
        shown.push(see(env.pbx.banbridge(&["-vv", "config", "show"])));
        env.later(3600);
    }
    // The environment's key, which wins over the file's.
    env.write_config(&format!(
        "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nurl = \"{}\"\napi = 1\n",
        env.feed.url()
    ));
    for fault in ["echo", "none"] {
        env.faults(&[fault]);
        let mut command = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
        let output: Output = command.env("BANBRIDGE_APIBAN_KEY", KEY).args(["-vv", "sync"]).output().unwrap();
        shown.push(see(output.into()));
        env.later(3600);
    }
    assert_eq!(env.ours(), set([ATTACKER]), "the environment's key was used");
    let kept: Vec<(Option<String>, Option<String>)> =
        env.pbx.sql("SELECT f.last_error, r.error FROM banbridge_feed f, banbridge_run r", ());
    shown.extend(kept.into_iter().flat_map(|(a, b)| [a, b]).flatten());
    shown.push(env.log());
    for text in shown {
        assert!(!testenv::shows_key(&text), "{text}");
    }
}

/// A paused firewall service follows nobody. Whatever is wrong with configuration or FreePBX, the minute's `apply` sets it
/// going again.
#[test]
fn a_firewall_service_that_was_left_paused_goes_on_whatever_else_is_wrong() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    let pbx = &env.pbx;
    let paused = |words: &[&str], code: i32| {
        until("the daemon to sleep", || pbx.daemon_sleeps());
        pbx.signal_daemon("STOP");
        until("the daemon to be stopped", || pbx.daemon_state() == Some('T'));
        let run = env.run(words);
        assert_eq!(run.code, code, "{run:?}");
        assert_ne!(pbx.daemon_state(), Some('T'), "{words:?}");
        assert!(run.stderr.contains("left paused"), "{run:?}");
    };
    paused(&["apply"], 0);
    paused(&["apply", "--freepbx-conf", "/etc/no.conf"], 78);
    env.write_config("[[feed]");
    paused(&["apply"], 78);
    paused(&["sync"], 78);
    paused(&["apply", "--boot"], 0);
}

#[test]
fn one_bad_feed_does_not_keep_the_good_ones_from_being_applied() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let url = env.feed.url();
    // Exit codes: unreachable, key refused; the worst is said.
    let text = format!(
        "[[feed]]\nname = \"down\"\nkind = \"apiban\"\nkey = \"a\"\nurl = \"http://127.0.0.1:9/\"\n\
         [[feed]]\nname = \"refused\"\nkind = \"apiban\"\nkey = \"wrong\"\nurl = \"{url}\"\n\
         [[feed]]\nname = \"good\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n\
         [[feed]]\nname = \"off\"\nkind = \"apiban\"\nenabled = false\n"
    );
    env.write_config(&text);
    let report = env.sync(77, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    let told: Vec<_> =
        report["feeds"].as_array().unwrap().iter().map(|f| (&f["name"], f["error"].is_null())).collect();
    assert_eq!(told, [(&json!("down"), false), (&json!("refused"), false), (&json!("good"), true)]);
    // One feed alone.
    env.sync(0, &["--feed", "good"]);
    env.sync(69, &["--feed", "down"]);
    for (name, words) in [("nobody", "nobody"), ("off", "is disabled")] {
        let run = env.run(&["sync", "--feed", name]);
        assert!(run.code == 78 && run.stderr.contains(words), "{run:?}");
    }
    // A feed that leaves the configuration or is switched off takes its rows with it.
    env.write_config(
        &text.replace(&format!("key = \"{KEY}\""), &format!("key = \"{KEY}\"\nenabled = false")),
    );
    env.run(&["sync"]);
    assert_eq!(env.ours(), set([""; 0]));
}

#[test]
fn an_interval_is_waited_for_unless_the_feed_is_asked_for_by_name() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.configure("interval = \"1h\"");
    env.sync(0, &[]);
    assert_eq!(env.sync(0, &[])["feeds"][0]["requests"], 0);
    assert_eq!(env.sync(0, &["--feed", "apiban"])["feeds"][0]["requests"], 1);
    env.later(3601);
    assert_eq!(env.sync(0, &[])["feeds"][0]["requests"], 1);
}

#[test]
fn cron_hears_nothing_unless_something_is_wrong() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let run = env.run(&["-q", "sync"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    env.faults(&["status=500"]);
    let run = env.run(&["-q", "sync"]);
    assert!(run.code == 69 && run.stdout.is_empty() && run.stderr.contains("500"), "{run:?}");
}

#[test]
fn a_kvstore_in_myisam_is_no_matter() {
    let env = TestEnv::on(Sandbox::builder(LEGACY).myisam().period(3600), &[ATTACKER, "163.172.207.104"]);
    env.sync(0, &[]);
    until("the rows to be in force", || env.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    let sums = env.sums();
    env.sync(0, &[]);
    assert_eq!(env.sums(), sums);
    env.later(8 * DAY);
    assert_eq!(env.sync(0, &[])["blacklist"]["removed"], 2);
}

#[test]
fn faults_are_what_they_are_called() {
    // The harness itself: `none` is no fault.
    assert!(Fault::parse("none").is_ok() && Fault::parse("nothing").is_err());
}
