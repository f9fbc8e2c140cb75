//! A wrong clock lets nothing go, is said, and is believed again when there is a reason to.

use crate::testenv::{ATTACKER, DAY, TestEnv, set, texts};
use serde_json::json;

const YEAR: i64 = 365 * DAY;

/// As if the last run had left the clock so many seconds ago.
fn left(env: &TestEnv, ago: i64) {
    env.pbx.sql_run("UPDATE banbridge_state SET value = UNIX_TIMESTAMP() - ? WHERE name = 'clock'", (ago,));
}

#[test]
fn a_clock_that_leaps_ahead_lets_nothing_go_however_many_runs_see_it() {
    let env = TestEnv::without_firewall(&[ATTACKER, "163.172.207.104"]);
    env.sync(0, &[]);
    // A year passes on the clock and no feed says so.
    env.later(YEAR);
    left(&env, YEAR);
    for _ in 0..3 {
        env.faults(&["status=500"]);
        let report = env.sync(69, &[]);
        let said = texts(&report["warnings"]);
        assert!(
            said.iter().any(|text| text.contains("Clock") && text.contains("Nothing expires")),
            "{said:?}"
        );
        assert_eq!(env.ours(), set([ATTACKER, "163.172.207.104"]));
        env.pbx.sql_run("DELETE FROM banbridge_request", ());
    }
    assert!(env.run(&["status"]).ok().contains("Clock says"));
    let (_, listing) = env.json(&["list"]);
    assert_eq!(listing.as_array().unwrap().len(), 2, "who only looks goes by the same time");
    // The clock is back: nothing was lost.
    env.later(-YEAR);
    left(&env, 0);
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["kept"], &report["warnings"]), (&json!(2), &json!([])));
    assert_eq!(env.json(&["list"]).1.as_array().unwrap().len(), 2);
}

#[test]
fn after_a_year_switched_off_the_first_answer_makes_the_clock_believed_and_the_list_is_read_anew() {
    let env = TestEnv::without_firewall(&[ATTACKER, "163.172.207.104"]);
    env.sync(0, &[]);
    env.later(YEAR);
    left(&env, YEAR);
    env.feed.set_list(&[ATTACKER.to_owned()]);
    let report = env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    assert_eq!(report["blacklist"]["kept"], 1, "what is listed still was not let go for a moment");
    assert!(!env.run(&["status"]).ok().contains("clock"));
}

#[test]
fn what_was_unblocked_while_the_clock_was_decades_behind_is_not_over_when_it_is_right() {
    let env = TestEnv::without_firewall(&[ATTACKER, "163.172.207.104", "45.0.0.7"]);
    env.sync(0, &[]);
    // The machine starts without a battery: the last run was in another century.
    env.later(20 * YEAR);
    left(&env, 20 * YEAR);
    env.run(&["unblock", "163.172.207.104"]).ok();
    env.pbx.fwconsole(&["firewall", "del", "blacklist", "45.0.0.7"]).ok();
    env.faults(&["status=500"]);
    env.sync(69, &[]);
    for _ in 0..2 {
        env.pbx.sql_run("DELETE FROM banbridge_request", ());
        env.sync(0, &["--full"]);
        assert!(!env.run(&["status"]).ok().contains("Clock says"), "a feed confirmed it");
        assert_eq!(env.ours(), set([ATTACKER]));
        let unblocked = env.json(&["list", "--unblocked"]).1;
        assert_eq!(unblocked.as_array().unwrap().len(), 2, "{unblocked:#}");
    }
    // And not for ever.
    env.later(31 * DAY);
    env.sync(0, &["--full"]);
    assert_eq!(env.ours(), set([ATTACKER, "163.172.207.104", "45.0.0.7"]));
}

#[test]
fn what_was_noted_by_a_clock_that_was_ahead_is_neither_lost_nor_kept_for_a_year() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
    env.feed.sight("163.172.207.104");
    env.sync(0, &[]);
    // All of that was noted by a clock a year ahead.
    env.later(-YEAR);
    left(&env, -YEAR);
    let report = env.sync(0, &[]);
    assert_eq!((&report["blacklist"]["kept"], &report["blacklist"]["unblocked"]), (&json!(1), &json!(1)));
    assert_eq!(env.ours(), set(["163.172.207.104"]));
    // From now on it is over when it should be.
    env.later(8 * DAY);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([""; 0]));
    env.later(23 * DAY);
    env.sync(0, &[]);
    assert_eq!(env.json(&["list", "--unblocked"]).1, json!([]));
}

#[test]
fn a_clock_that_goes_on_for_a_day_is_believed_without_a_feed() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.later(30 * DAY);
    left(&env, 30 * DAY);
    env.run(&["apply"]).ok();
    assert_eq!(env.ours(), set([ATTACKER]));
    let doubted = "UPDATE banbridge_state SET value = value - 90000 WHERE name = 'clock_doubted'";
    env.pbx.sql_run(doubted, ());
    env.run(&["apply"]).ok();
    // The feeds are to be read anew, and until then the rows stay; for a day at most.
    assert_eq!(env.ours(), set([ATTACKER]));
    env.later(DAY + 60);
    env.run(&["apply"]).ok();
    assert_eq!(env.ours(), set([""; 0]));
}
