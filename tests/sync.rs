//! `sync` of the real program on a sandboxed PBX: from the feed to the refused packet, within the feed's limits,
//! through kills and losses, without changing what needs no change.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod scene;

use std::process::Output;

use mysql::prelude::Queryable;
use scene::{
    ATTACKER, ATTACKER_V6, Attacker, DAY, FIREWALLS, Family, Fault, Firewall, KEY, LEGACY, LOG, NFT, Phone,
    Probe, Run, Sandbox, Scene, WINDOW, addresses, rule, set, texts, until,
};
use serde_json::json;

#[test]
fn what_a_feed_lists_is_refused_and_who_is_trusted_still_gets_through() {
    let listed =
        [ATTACKER, "163.172.207.104", Sandbox::PHONE_PUBLIC, ATTACKER_V6, "10.0.0.5", "137.184.10/32"];
    for firewall in FIREWALLS {
        let scene = Scene::new(firewall, &listed);
        let pbx = &scene.pbx;
        pbx.fwconsole(&["firewall", "trust", Sandbox::PHONE_PUBLIC]).ok();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), Probe::Answered);
        until("the daemon to sleep", || pbx.daemon_sleeps());
        let passes = pbx.passes().len();

        let report = scene.sync(0, &[]);
        let both_families = firewall == Firewall::Nftables;
        let mut rows = set(["163.172.207.104", ATTACKER]);
        rows.extend(both_families.then(|| ATTACKER_V6.to_owned()));
        assert_eq!(scene.ours(), rows, "{firewall:?}");
        assert_eq!(report["reload"], "hup");
        assert_eq!(report["blacklist"]["added"], rows.len());
        assert_eq!(report["blacklist"]["not_by_row"], u32::from(!both_families));
        let refused: Vec<_> = report["feeds"][0]["refused"].as_array().unwrap().iter().collect();
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
        assert_eq!(scene.run(&["check", ATTACKER]).code, 0);
        assert_eq!(scene.run(&["check", Sandbox::PHONE_PUBLIC]).code, 1);
        let log = scene.log();
        for row in &rows {
            assert!(log.contains(&format!("blocked {row} (apiban)\n")), "{log}");
        }
        assert!(!log.contains(Sandbox::PHONE_PUBLIC) && log.contains("done: "), "{log}");
    }
}

#[test]
fn a_second_run_writes_no_row_tells_nobody_and_asks_once() {
    for firewall in FIREWALLS {
        let scene = Scene::new(firewall, &addresses(300));
        let pbx = &scene.pbx;
        // 300 rules take the iptables driver a while; the rows are enough here.
        if firewall != Firewall::Nftables {
            pbx.kill_daemon();
        }
        scene.sync(0, &[]);
        until("the daemon to sleep", || firewall != Firewall::Nftables || pbx.daemon_sleeps());
        let (passes, sums, log) = (pbx.passes().len(), scene.sums(), scene.log());
        let asked = scene.requests().len();
        pbx.sql_run("SET GLOBAL userstat = 1", ());

        let report = scene.sync(0, &[]);
        assert_eq!(report["blacklist"]["kept"], 300);
        assert_eq!(report["reload"], "none");
        assert_eq!(report["feeds"][0]["requests"], 1);
        assert_eq!(scene.requests().len(), asked + 1, "one request");
        assert_eq!(scene.sums(), sums, "{firewall:?}");
        let written: Vec<u64> = pbx.sql(
            "SELECT ROWS_CHANGED FROM information_schema.TABLE_STATISTICS \
             WHERE TABLE_NAME LIKE 'kvstore%' AND ROWS_CHANGED > 0",
            (),
        );
        assert!(written.is_empty(), "rows of the firewall's table were written: {written:?}");
        assert!(!scene.log()[log.len()..].contains("locked "), "{}", &scene.log()[log.len()..]);
        if firewall == Firewall::Nftables {
            scene.nobody_told_the_daemon_since(passes);
        }
    }
}

#[test]
fn the_statistics_that_the_test_above_relies_on_do_count() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.pbx.sql_run("SET GLOBAL userstat = 1", ());
    scene.sync(0, &[]);
    let written: Vec<u64> = scene.pbx.sql(
        "SELECT ROWS_CHANGED FROM information_schema.TABLE_STATISTICS WHERE TABLE_NAME LIKE 'kvstore%'",
        (),
    );
    assert_eq!(written, [2], "the row and the number of the change");
}

#[test]
fn a_dry_run_before_the_first_run_prints_its_plan_and_makes_nothing() {
    for firewall in FIREWALLS {
        let scene = Scene::new(firewall, &[ATTACKER, ATTACKER_V6, "192.168.77.20", "5.188.10.0/24"]);
        scene.pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.7"]).ok();
        until("the daemon to sleep", || scene.pbx.daemon_sleeps());
        let (sums, passes) = (scene.sums(), scene.pbx.passes().len());
        let plan = scene.sync(0, &["--dry-run"]);
        assert_eq!(plan["dry_run"], true);
        assert_eq!(scene.tables(), [""; 0]);
        assert_eq!(scene.sums(), sums);
        assert_eq!(scene.log(), "", "no log file either");
        scene.nobody_told_the_daemon_since(passes);
        let text = scene.run(&["sync", "--dry-run"]).ok();
        assert!(
            text.contains("nothing was changed") && text.contains(&format!("  + {ATTACKER}\n")),
            "{text}"
        );

        let done = scene.sync(0, &[]);
        assert_eq!(scene.ours(), texts(&plan["plan_add"]), "{firewall:?}");
        assert_eq!(texts(&plan["plan_remove"]), set([""; 0]));
        for count in
            ["added", "removed", "kept", "over_limit", "not_by_row", "refused", "foreign", "released"]
        {
            assert_eq!(done["blacklist"][count], plan["blacklist"][count], "{count}, {firewall:?}");
        }
    }
}

#[test]
fn a_dry_run_prints_what_time_the_feed_and_the_administrator_changed_as_the_next_run_does_it() {
    let scene = Scene::without_firewall(&addresses(6));
    let pbx = &scene.pbx;
    let all = addresses(9);
    scene.configure("[blacklist]\nlimit = 6");
    scene.sync(0, &[]);
    scene.later(6 * DAY);
    for seen in [&all[0], &all[1], &all[2], &all[3], &all[6], &all[7]] {
        scene.feed.sight(seen);
    }
    scene.sync(0, &[]);
    // Two of the first batch are over, one was taken out, one is the administrator's now, one is new.
    scene.later(2 * DAY);
    pbx.fwconsole(&["firewall", "del", "blacklist", &all[0]]).ok();
    pbx.fwconsole(&["firewall", "add", "blacklist", &all[1]]).ok();
    scene.feed.sight(&all[8]);

    let (sums, before) = (scene.sums(), scene.ours());
    let plan = scene.sync(0, &["--dry-run"]);
    assert_eq!(scene.sums(), sums);
    let done = scene.sync(0, &[]);
    let after = scene.ours();
    assert_eq!(texts(&plan["plan_add"]), &after - &before);
    assert_eq!(texts(&plan["plan_remove"]), &before - &after);
    assert_eq!(plan["blacklist"], done["blacklist"]);
    assert!(after.contains(&all[8]) && !after.contains(&all[0]) && !after.contains(&all[1]), "{after:?}");
    assert_eq!(done["blacklist"]["released"], 1);
}

#[test]
fn three_thousand_addresses_come_in_two_runs_that_never_ask_more_than_eleven_times_in_two_minutes() {
    let all = addresses(3000);
    let scene = Scene::new(Firewall::Nftables, &all);
    let first = scene.sync(75, &[]);
    assert_eq!(first["feeds"][0]["requests"], 11);
    assert_eq!(first["feeds"][0]["complete"], false);
    assert_eq!(scene.ours(), set(&all[..2750]));
    assert!(first["feeds"][0]["error"].as_str().unwrap().contains("--wait"), "{first:#}");
    until("the first batches to be in force", || scene.pbx.probe(Attacker(&all[2749])) == Probe::Refused);

    let at_once = scene.sync(75, &[]);
    assert_eq!(at_once["feeds"][0]["requests"], 0, "the limit is in the ledger, not in the run");
    scene.later(WINDOW);
    let second = scene.sync(0, &[]);
    assert_eq!(second["feeds"][0]["complete"], true);
    assert_eq!(scene.ours(), set(&all));
    let cursors = scene.cursors();
    assert_eq!(cursors.iter().filter(|cursor| *cursor == "100").count(), 1, "never from the start again");
    assert_eq!(cursors.len(), 13, "twelve batches, and then nothing new");
    assert!(scene.requests().iter().all(|request| request["status"] != 429), "the limit was never met");
}

#[test]
fn a_load_goes_on_where_a_429_stopped_it() {
    let all = addresses(3000);
    let scene = Scene::without_firewall(&all);
    // The older page's limit, or somebody else who uses the same key.
    scene.feed.set_rate(Some((5, std::time::Duration::from_secs(120))));
    for complete in [1250, 2500] {
        let report = scene.sync(75, &[]);
        assert_eq!(report["feeds"][0]["requests"], 6, "the sixth is the 429");
        assert_eq!(scene.ours(), set(&all[..complete]), "what came is blocked");
        let next = scene.sync(75, &[]);
        assert_eq!(next["feeds"][0]["requests"], 0, "it is left alone");
        scene.later(WINDOW);
    }
    scene.sync(0, &[]);
    assert_eq!(scene.ours(), set(&all));
    assert_eq!(scene.cursors().iter().filter(|cursor| *cursor == "100").count(), 1);
    assert!(scene.log().contains("too many requests"), "{}", scene.log());
}

#[test]
fn two_runs_share_the_limit_and_so_do_two_feeds_with_one_key() {
    let scene = Scene::without_firewall(&addresses(1500));
    assert_eq!(scene.sync(0, &[])["feeds"][0]["requests"], 7);
    let again = scene.sync(75, &["--full"]);
    assert_eq!(again["feeds"][0]["requests"], 4);
    assert_eq!(scene.cursors()[7], "100", "--full starts over");

    scene.later(WINDOW);
    let url = scene.feed.url();
    let feed = |name: &str| {
        format!("[[feed]]\nname = \"{name}\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n")
    };
    scene.write_config(&(feed("one") + &feed("two")));
    let report = scene.sync(75, &[]);
    assert_eq!((&report["feeds"][0]["requests"], &report["feeds"][1]["requests"]), (&json!(7), &json!(4)));
    assert!(scene.requests().iter().all(|request| request["status"] != 429));
}

#[test]
fn a_dry_run_counts_against_the_limit_too() {
    let scene = Scene::without_firewall(&addresses(1500));
    scene.sync(0, &[]);
    let dry = scene.sync(75, &["--dry-run", "--full"]);
    assert_eq!(dry["feeds"][0]["requests"], 4);
    assert_eq!(scene.sync(75, &[])["feeds"][0]["requests"], 0);
}

#[test]
fn a_feed_that_says_when_to_come_back_is_left_alone_until_then() {
    for (fault, code) in [("rate=600", 75), ("busy=600", 69)] {
        let scene = Scene::without_firewall(&[ATTACKER]);
        scene.faults(&[fault]);
        scene.sync(code, &[]);
        let (_, status) = scene.json(&["status"]);
        assert!(status["feeds"][0]["retry_at"].is_string(), "{status:#}");
        scene.later(590);
        let early = scene.sync(75, &[]);
        assert_eq!(early["feeds"][0]["requests"], 0, "{fault}");
        scene.later(11);
        assert_eq!(scene.sync(0, &[])["blacklist"]["added"], 1, "{fault}");
        let (_, status) = scene.json(&["status"]);
        assert_eq!(status["feeds"][0]["retry_at"], json!(null));
    }
}

#[test]
fn wait_waits_for_the_limit_as_long_as_it_says_and_no_longer() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.faults(&["rate=600"]);
    scene.sync(75, &["--wait", "5"]);
    scene.later(601);
    scene.faults(&["rate=1"]);
    let report = scene.sync(0, &["--wait", "5"]);
    assert_eq!(report["feeds"][0]["requests"], 3, "the 429, the batch, and nothing new");
    assert_eq!(scene.ours(), set([ATTACKER]));
}

/// A run that was killed while it waited for its fourth batch.
fn killed(scene: &Scene) {
    scene.faults(&["none*3", "stall"]);
    let child = scene.start(&[]);
    until("the fourth request", || scene.requests().len() == 4);
    scene.kill(child);
}

#[test]
fn a_run_killed_between_two_batches_leaves_what_came_and_the_next_goes_on_there() {
    let all = addresses(1200);
    let scene = Scene::new(Firewall::Nftables, &all);
    killed(&scene);
    assert_eq!(scene.ours(), set(&all[..750]));
    let status = scene.run(&["status"]).ok();
    assert!(status.contains("cut off"), "{status}");
    scene.pbx.hup();
    assert_eq!(scene.pbx.probe(Attacker(&all[749])), Probe::Refused, "what came is blocked");

    let next = scene.sync(0, &[]);
    assert_eq!(next["blacklist"]["added"], 450);
    assert_eq!(next["blacklist"]["released"], 0);
    assert_eq!(scene.ours(), set(&all));
    let cursors = scene.cursors();
    assert_eq!(cursors[3], cursors[4], "the batch that did not come is asked for again");
    assert_ne!(cursors[4], "100");
}

#[test]
fn what_came_before_a_kill_is_in_force_without_another_run() {
    for firewall in FIREWALLS {
        let scene = Scene::new(firewall, &[ATTACKER]);
        scene.faults(&["none", "stall"]);
        let child = scene.start(&[]);
        until("the second request", || scene.requests().len() == 2);
        scene.kill(child);
        until("the row to be in force", || scene.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    }
}

#[test]
fn rows_that_a_killed_run_of_asterisk_wrote_are_in_force_after_the_next_run_of_root_that_brings_nothing() {
    let scene = Scene::new(Firewall::Nftables, &[ATTACKER]);
    scene.faults(&["none", "stall"]);
    let mut command = scene.pbx.command_as("asterisk", env!("CARGO_BIN_EXE_banbridge"));
    let child = command.arg("sync").spawn().unwrap();
    until("the second request", || scene.requests().len() == 2);
    scene.kill(child);
    assert_eq!(scene.pbx.probe(Attacker(ATTACKER)), Probe::Answered, "asterisk cannot tell the daemon");
    let report = scene.sync(0, &[]);
    assert_eq!((&report["blacklist"]["added"], &report["reload"]), (&json!(0), &json!("hup")));
    until("the row to be in force", || scene.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
}

#[test]
fn a_run_killed_while_it_writes_rows_leaves_nothing_that_looks_like_the_administrators_hand() {
    // Before the first row goes, and when the rows are written and their number is not. MyISAM undoes nothing.
    for (engine, moment) in
        [("innodb", "DELETE"), ("innodb", "UPDATE"), ("myisam", "DELETE"), ("myisam", "UPDATE")]
    {
        let builder = Sandbox::builder(Firewall::Nftables).disabled();
        let builder = if engine == "myisam" { builder.myisam() } else { builder };
        let scene = Scene::on(builder, &["45.9.8.0", "45.9.8.1", ATTACKER]);
        let pbx = &scene.pbx;
        scene.sync(0, &[]);
        // The next run has a row to take away and two to write.
        scene.configure("[blacklist]\naggregate = false");
        let mut holder = pbx.database();
        holder.query_drop("SELECT GET_LOCK('hold', 0)").unwrap();
        let trigger = format!("CREATE TRIGGER hold BEFORE {moment} ON kvstore_FreePBX_modules_Firewall");
        holder.query_drop(format!("{trigger} FOR EACH ROW SET @held = GET_LOCK('hold', 60)")).unwrap();
        let connections = |which: &str| {
            let sql = format!("SELECT id FROM information_schema.PROCESSLIST WHERE {which}");
            pbx.sql::<u64>(&sql, ())
        };
        let child = scene.start(&[]);
        until("the run to stand there", || connections("state = 'User lock'").len() == 1);
        let stands = connections("state = 'User lock'")[0];
        scene.kill(child);
        pbx.sql_run(&format!("KILL CONNECTION {stands}"), ());
        let theirs = format!("id = {stands} OR user = 'freepbxuser'");
        until("its connections to end", || connections(&theirs).is_empty());
        holder.query_drop("DROP TRIGGER hold").unwrap();

        // His own hand in between is told from what the killed run did.
        pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
        let report = scene.sync(0, &[]);
        assert_eq!(report["blacklist"]["released"], 1, "{engine}, {moment}");
        assert_eq!(scene.json(&["list", "--released"]).1[0]["prefix"], ATTACKER);
        assert_eq!(scene.ours(), set(["45.9.8.0", "45.9.8.1"]), "{engine}, {moment}");
        // And so it is from there on.
        pbx.fwconsole(&["firewall", "del", "blacklist", "45.9.8.1"]).ok();
        assert_eq!(scene.sync(0, &[])["blacklist"]["released"], 2, "{engine}, {moment}");
    }
}

#[test]
fn an_entry_goes_seven_days_after_its_last_sighting_and_not_before() {
    let scene = Scene::new(NFT, &[ATTACKER, "163.172.207.104"]);
    let pbx = &scene.pbx;
    scene.sync(0, &[]);
    scene.later(6 * DAY);
    scene.feed.sight("163.172.207.104");
    scene.sync(0, &[]);
    assert_eq!(scene.ours().len(), 2);
    scene.later(DAY - 60);
    scene.sync(0, &[]);
    assert_eq!(scene.ours().len(), 2, "a minute is left");
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let passes = pbx.passes().len();
    scene.later(60);
    let report = scene.sync(0, &[]);
    assert_eq!((&report["blacklist"]["removed"], &report["reload"]), (&json!(1), &json!("hup")));
    assert_eq!(scene.ours(), set(["163.172.207.104"]));
    assert!(scene.log().contains(&format!("let go {ATTACKER} (apiban)\n")), "{}", scene.log());
    pbx.wait_pass_after(passes);
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    assert_eq!(pbx.probe(Attacker("163.172.207.104")), Probe::Refused);
    scene.later(6 * DAY + 60);
    scene.sync(0, &[]);
    assert_eq!(scene.ours(), set([""; 0]));
}

#[test]
fn expiry_needs_no_feed() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.sync(0, &[]);
    scene.later(8 * DAY);
    scene.faults(&["status=500"]);
    let report = scene.sync(69, &[]);
    assert_eq!(report["blacklist"]["removed"], 1);
    assert_eq!(scene.ours(), set([""; 0]));
}

#[test]
fn a_second_run_at_the_same_time_ends_at_once_and_names_the_first() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.faults(&["stall"]);
    let child = scene.start(&[]);
    until("the first request", || scene.requests().len() == 1);
    let names = std::fs::read_to_string(format!("/proc/{}/status", scene.pbx.pid_of(&child))).unwrap();
    let line = names.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    let inner = line.split_whitespace().last().unwrap();
    for words in [&["sync"][..], &["sync", "--dry-run"], &["sync", "--json"]] {
        let second = scene.run(words);
        assert_eq!(second.code, 75, "{second:?}");
        assert!(second.stderr.contains(&format!("process {inner}")), "{inner}: {second:?}");
    }
    // For cron that is nothing to write a mail about.
    let quiet = scene.run(&["-q", "sync"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (75, ""), "{quiet:?}");
    assert_eq!(scene.run(&["status"]).code, 0, "who only looks does not wait");
    assert_eq!(scene.requests().len(), 1);
    scene.kill(child);
    scene.sync(0, &[]);
}

#[test]
fn asterisk_writes_the_rows_and_says_when_the_daemon_takes_them_up() {
    for (refresh, period) in [(None, 30), (Some("fast"), 15), (Some("slow"), 120)] {
        let scene = Scene::new(Firewall::Nftables, &[ATTACKER]);
        let pbx = &scene.pbx;
        if let Some(refresh) = refresh {
            let row = "INSERT INTO kvstore_FreePBX_modules_Firewall VALUES ('refresh', ?, NULL, 'noid')";
            pbx.sql_run(row, (refresh,));
        }
        until("the daemon to sleep", || pbx.daemon_sleeps());
        let passes = pbx.passes().len();
        let run = scene.run_as("asterisk", &["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(&format!("by itself within {period} s")), "{run:?}");
        assert_eq!(scene.ours(), set([ATTACKER]));
        let owner = pbx.run(&["stat", "-c", "%U", LOG]).ok();
        assert_eq!(owner.trim(), "asterisk");
        // Root's next run, soon after, tells it.
        if period == 30 {
            assert_eq!(pbx.passes().len(), passes, "asterisk cannot tell the daemon");
            assert_eq!(scene.sync(0, &[])["reload"], "hup");
            pbx.wait_pass_after(passes);
        } else {
            scene.nobody_told_the_daemon_since(passes);
        }
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    }
}

#[test]
fn root_and_asterisk_write_the_same_log() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.sync(0, &[]);
    assert_eq!(scene.run_as("asterisk", &["sync"]).stderr, "");
    assert_eq!(scene.log().matches("done: ").count(), 2, "{}", scene.log());
}

#[test]
fn a_firewall_that_is_off_or_does_not_run_is_said_and_the_rows_wait_for_it() {
    for firewall in FIREWALLS {
        let scene = Scene::on(Sandbox::builder(firewall).disabled(), &[ATTACKER]);
        let pbx = &scene.pbx;
        let run = scene.run(&["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("NOT in force") && run.stdout.contains("switched off"), "{run:?}");
        let check = scene.run(&["check", ATTACKER]);
        assert!(check.code == 1 && check.stdout.contains("switched off"), "{check:?}");

        pbx.start_daemon();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "the row was there for it");
        assert_eq!(scene.run(&["check", ATTACKER]).code, 0);
        pbx.kill_daemon();
        scene.feed.sight("163.172.207.104");
        let run = scene.run(&["sync"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(
            run.stdout.contains("NOT in force") && run.stdout.contains("fwconsole firewall start"),
            "{run:?}"
        );
        assert_eq!(scene.ours().len(), 2);
    }
}

#[test]
fn a_limit_keeps_the_newest_and_counts_the_others() {
    let all = addresses(6);
    let scene = Scene::without_firewall(&all[..5]);
    scene.configure("[blacklist]\nlimit = 3");
    let report = scene.sync(0, &[]);
    assert_eq!(scene.ours().len(), 3);
    assert_eq!(report["blacklist"]["over_limit"], 2);
    let text = scene.run(&["sync"]).ok();
    assert!(text.contains("2 prefixes found no room under the limit of 3 rows"), "{text}");
    scene.later(60);
    scene.feed.sight(&all[5]);
    let report = scene.sync(0, &[]);
    assert!(scene.ours().contains(&all[5]), "the newest has room");
    assert_eq!((&report["blacklist"]["over_limit"], scene.ours().len()), (&json!(3), 3));
    let (_, status) = scene.json(&["status"]);
    assert_eq!(status["blacklist"]["over_limit"], 3);
    let outside = all.iter().find(|address| !scene.ours().contains(*address)).unwrap();
    let check = scene.run(&["check", outside]);
    assert!(check.code == 1 && check.stdout.contains("no room"), "{check:?}");

    scene.configure("[blacklist]\nlimit = 0");
    scene.sync(0, &[]);
    assert_eq!(scene.ours().len(), 0);
}

#[test]
fn neighbours_are_one_row_and_aggregate_false_leaves_each_its_own() {
    let scene = Scene::without_firewall(&["45.9.8.0", "45.9.8.1", "45.9.8.2", "45.9.8.3", "45.9.8.2/31"]);
    scene.sync(0, &[]);
    assert_eq!(scene.ours(), set(["45.9.8.0/30"]));
    for address in ["45.9.8.0", "45.9.8.3"] {
        assert!(scene.log().contains(&format!("blocked {address} (apiban)")), "found with grep");
    }
    scene.configure("[blacklist]\naggregate = false");
    scene.sync(0, &[]);
    assert_eq!(scene.ours(), set(["45.9.8.0", "45.9.8.1", "45.9.8.2/31"]), "and none within another");
}

#[test]
fn both_versions_of_the_api_bring_the_same() {
    let all = addresses(600);
    for api in [1, 2] {
        let scene = Scene::without_firewall(&all);
        scene.configure(&format!("api = {api}"));
        let report = scene.sync(0, &[]);
        assert_eq!(report["feeds"][0]["requests"], 4);
        assert_eq!(scene.ours(), set(&all));
        for request in scene.requests() {
            assert_eq!(request["authorization"], api == 2);
            let in_url = request["path"].as_str().unwrap().contains("Quirk");
            assert_eq!(in_url, api == 1, "{request}");
        }
    }
}

#[test]
fn the_key_is_shown_nowhere_whatever_goes_wrong() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    let closed = "http://127.0.0.1:9/api";
    let mut shown = Vec::new();
    let see = |run: Run| format!("{}{}", run.stdout, run.stderr);
    for api in [1, 2] {
        scene.configure(&format!("api = {api}\n[log]\nlevel = \"debug\""));
        for fault in ["echo", "close", "garbage", "redirect-loop", "redirect-http", "html=404", "key", "rate"]
        {
            scene.faults(&[fault]);
            shown.push(see(scene.pbx.banbridge(&["-vv", "sync", "--json"])));
            // Here one process does it all, and the libraries below would log what they connect to.
            scene.later(3600);
            scene.faults(&[fault]);
            let by_asterisk = see(scene.pbx.banbridge_as("asterisk", &["-vv", "sync"]));
            assert!(!by_asterisk.contains("new connection"), "only lines of its own: {by_asterisk}");
            shown.push(by_asterisk);
            scene.later(3600);
        }
        scene.faults(&["redirect=https://user:pass@192.0.2.1/"]);
        shown.push(see(scene.pbx.banbridge(&["-vv", "sync"])));
        scene.later(3600);
        scene.write_config(&format!(
            "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{closed}\"\napi = {api}\n"
        ));
        let refused = scene.pbx.banbridge(&["-vv", "sync"]);
        assert!(refused.code == 69 && refused.stdout.contains("refused"), "{refused:?}");
        shown.push(see(refused));
        shown.push(see(scene.pbx.banbridge(&["-vv", "status", "--json"])));
        shown.push(see(scene.pbx.banbridge(&["-vv", "config", "show"])));
        scene.later(3600);
    }
    // The environment's key, which wins over the file's.
    scene.write_config(&format!(
        "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nurl = \"{}\"\napi = 1\n",
        scene.feed.url()
    ));
    for fault in ["echo", "none"] {
        scene.faults(&[fault]);
        let mut command = scene.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
        let output: Output = command.env("BANBRIDGE_APIBAN_KEY", KEY).args(["-vv", "sync"]).output().unwrap();
        shown.push(see(output.into()));
        scene.later(3600);
    }
    assert_eq!(scene.ours(), set([ATTACKER]), "the environment's key was used");
    let kept: Vec<(Option<String>, Option<String>)> =
        scene.pbx.sql("SELECT f.last_error, r.error FROM banbridge_feed f, banbridge_run r", ());
    shown.extend(kept.into_iter().flat_map(|(a, b)| [a, b]).flatten());
    shown.push(scene.log());
    for text in shown {
        assert!(!scene::shows_key(&text), "{text}");
    }
}

#[test]
fn one_bad_feed_does_not_keep_the_good_ones_from_being_applied() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    let url = scene.feed.url();
    // Exit codes: unreachable, key refused; the worst is said.
    let text = format!(
        "[[feed]]\nname = \"down\"\nkind = \"apiban\"\nkey = \"a\"\nurl = \"http://127.0.0.1:9/\"\n\
         [[feed]]\nname = \"refused\"\nkind = \"apiban\"\nkey = \"wrong\"\nurl = \"{url}\"\n\
         [[feed]]\nname = \"good\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n\
         [[feed]]\nname = \"off\"\nkind = \"apiban\"\nenabled = false\n"
    );
    scene.write_config(&text);
    let report = scene.sync(77, &[]);
    assert_eq!(scene.ours(), set([ATTACKER]));
    let told: Vec<_> =
        report["feeds"].as_array().unwrap().iter().map(|f| (&f["name"], f["error"].is_null())).collect();
    assert_eq!(told, [(&json!("down"), false), (&json!("refused"), false), (&json!("good"), true)]);
    // One feed alone.
    scene.sync(0, &["--feed", "good"]);
    scene.sync(69, &["--feed", "down"]);
    for (name, words) in [("nobody", "nobody"), ("off", "switched off")] {
        let run = scene.run(&["sync", "--feed", name]);
        assert!(run.code == 78 && run.stderr.contains(words), "{run:?}");
    }
    // A feed that leaves the configuration or is switched off takes its rows with it.
    scene.write_config(
        &text.replace(&format!("key = \"{KEY}\""), &format!("key = \"{KEY}\"\nenabled = false")),
    );
    scene.run(&["sync"]);
    assert_eq!(scene.ours(), set([""; 0]));
}

#[test]
fn an_interval_is_waited_for_unless_the_feed_is_asked_for_by_name() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    scene.configure("interval = \"1h\"");
    scene.sync(0, &[]);
    assert_eq!(scene.sync(0, &[])["feeds"][0]["requests"], 0);
    assert_eq!(scene.sync(0, &["--feed", "apiban"])["feeds"][0]["requests"], 1);
    scene.later(3601);
    assert_eq!(scene.sync(0, &[])["feeds"][0]["requests"], 1);
}

#[test]
fn cron_hears_nothing_unless_something_is_wrong() {
    let scene = Scene::without_firewall(&[ATTACKER]);
    let run = scene.run(&["-q", "sync"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    scene.faults(&["status=500"]);
    let run = scene.run(&["-q", "sync"]);
    assert!(run.code == 69 && run.stdout.is_empty() && run.stderr.contains("500"), "{run:?}");
}

#[test]
fn a_kvstore_in_myisam_is_no_matter() {
    let scene = Scene::on(Sandbox::builder(LEGACY).myisam().period(3600), &[ATTACKER, "163.172.207.104"]);
    scene.sync(0, &[]);
    until("the rows to be in force", || scene.pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
    let sums = scene.sums();
    scene.sync(0, &[]);
    assert_eq!(scene.sums(), sums);
    scene.later(8 * DAY);
    assert_eq!(scene.sync(0, &[])["blacklist"]["removed"], 2);
}

#[test]
fn faults_are_what_they_are_called() {
    // The harness itself: `none` is no fault.
    assert!(Fault::parse("none").is_ok() && Fault::parse("nothing").is_err());
}
