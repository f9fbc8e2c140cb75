//! What was, what is wrong now, and who is told: history, notices, figures for other programs.

use crate::testenv::{ATTACKER, Attacker, DAY, NFT, Probe, TestEnv};
use serde_json::Value;

/// With the set, which counts.
fn counting(entries: &[&str]) -> TestEnv {
    let env = TestEnv::new(NFT, entries);
    env.configure("[set]\nenabled = \"yes\"");
    env
}

fn history(env: &TestEnv, words: &[&str]) -> Value {
    let (code, history) = env.json(&[&["history"], words].concat());
    assert_eq!(code, 0, "{history:#}");
    history
}

#[test]
fn packets_runs_and_sizes_are_kept_by_the_hour_and_by_the_day() {
    let env = counting(&[ATTACKER, "163.172.207.104"]);
    let empty = history(&env, &["--runs"]);
    assert!(empty["hours"] == serde_json::json!([]) && empty["runs"] == serde_json::json!([]), "{empty:#}");
    assert!(env.run(&["history"]).stdout.contains("banbridge sync"));

    env.sync(0, &[]);
    for _ in 0..3 {
        assert_eq!(env.pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    }
    env.counters_are_due();
    env.run(&["apply"]).ok();
    let status = env.json(&["status"]).1;
    let counted = status["set"]["blocked_packets"].as_u64().unwrap();
    assert!(counted >= 3, "{status:#}");
    assert_eq!(status["packets"]["day"], counted);
    // The hour may have changed between the two runs.
    let sum = |hours: &Value| -> u64 {
        hours.as_array().unwrap().iter().map(|hour| hour["packets"].as_u64().unwrap()).sum()
    };
    assert_eq!(sum(&status["packets"]["hours"]), counted);

    // A day and two hours later.
    env.later(26 * 3_600);
    env.faults(&["status=500"]);
    env.sync(69, &[]);
    let status = env.json(&["status"]).1;
    assert_eq!(status["packets"]["day"], 0, "{:#}", status["packets"]);
    assert_eq!(sum(&status["packets"]["hours"]), counted);
    let whole = history(&env, &["--runs"]);
    let hours = whole["hours"].as_array().unwrap();
    assert!(hours.len() >= 27, "{whole:#}");
    let times: Vec<i64> = hours.iter().map(|hour| seconds(&hour["at"])).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 3_600), "no gap: {times:?}");
    let last = hours.last().unwrap();
    assert_eq!((&last["runs"], &last["failed"]), (&1.into(), &1.into()), "{last:#}");
    assert!(hours[3]["rows"].is_null() && hours[3]["packets"] == 0, "nothing was noted: {:#}", hours[3]);
    let (first, today) = (&whole["days"][0], whole["days"].as_array().unwrap().last().unwrap());
    assert_eq!(first["added"], 2, "{whole:#}");
    assert_eq!((&today["rows"], &today["to_block"], &today["set"]), (&2.into(), &2.into(), &2.into()));
    assert_eq!(today["feeds"], serde_json::json!([{"name": "apiban", "entries": 2}]));
    let codes: Vec<&Value> = whole["runs"].as_array().unwrap().iter().map(|run| &run["exit_code"]).collect();
    assert_eq!(codes, [69, 0], "the apply changed nothing a day ago");
    assert!(whole["runs"][0]["error"].as_str().unwrap().contains("500"));

    let table = env.run(&["history", "--runs"]).ok();
    assert!(table.contains("apiban 2") && table.contains("EXIT CODE") && table.contains("500"), "{table}");
    assert!(history(&env, &["--days", "1"])["hours"].as_array().unwrap().len() <= 24);
    assert_eq!(env.run(&["history", "--days", "91"]).code, 2);

    // Ninety days later nothing of it is left but what the next run notes.
    env.later(91 * DAY);
    env.sync(0, &[]);
    let noted: Vec<(u64, u64)> = env
        .pbx
        .sql("SELECT (SELECT COUNT(*) FROM banbridge_hour), (SELECT COUNT(*) FROM banbridge_feed_day)", ());
    assert_eq!(noted, [(1, 1)]);
    assert_eq!(history(&env, &["--days", "90", "--runs"])["runs"].as_array().unwrap().len(), 1);
}

/// Seconds since 1970 of a time as the JSON writes it.
fn seconds(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn a_run_every_minute_does_not_fill_the_disk() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.later(2 * 3_600);
    // A month of runs: quiet ones, one in a thousand that changed something, and of them one that failed for each.
    let insert = "INSERT INTO banbridge_run (pid, started_at, finished_at, exit_code, added, removed) SELECT 1, \
         UNIX_TIMESTAMP() - 60 * seq - 7200, UNIX_TIMESTAMP() - 60 * seq - 7199, \
         IF(seq % 1000 = 1, 69, 0), IF(seq % 1000 = 2, 5, 0), 0 FROM seq_43200_to_1 seqs";
    env.pbx.sql_run(&insert.replace("seqs", "AS seqs"), ());
    env.sync(0, &[]);
    let kept: Vec<(u64, u64, u64)> =
        env.pbx.sql("SELECT COUNT(*), SUM(added = 5), SUM(exit_code = 69) FROM banbridge_run", ());
    let (all, changed, failed) = kept[0];
    assert_eq!((changed, failed), (44, 44), "what changed or failed is kept");
    // Those of the last day, but for the two hours that are free.
    assert!((1_300..1_500).contains(&all), "{all}");

    // However many fail: never more than the bound.
    let fail = insert.replace("seqs", "AS seqs").replace("IF(seq % 1000 = 1, 69, 0)", "69");
    env.pbx.sql_run(&fail, ());
    env.later(3_600);
    env.sync(0, &[]);
    let kept: Vec<u64> = env.pbx.sql("SELECT COUNT(*) FROM banbridge_run", ());
    assert_eq!(kept, [20_000]);
}

#[test]
fn a_run_that_changes_nothing_writes_one_row_of_history() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.run(&["apply"]).ok();
    env.pbx.sql_run("SET GLOBAL userstat = 1", ());
    env.run(&["apply"]).ok();
    let written: Vec<(String, u64)> = env.pbx.sql(
        "SELECT TABLE_NAME, ROWS_CHANGED FROM information_schema.TABLE_STATISTICS WHERE ROWS_CHANGED > 0 \
         AND (TABLE_NAME LIKE 'banbridge_hour' OR TABLE_NAME LIKE 'banbridge_feed_day' \
         OR TABLE_NAME LIKE 'banbridge_problem' OR TABLE_NAME LIKE 'banbridge_notified')",
        (),
    );
    assert_eq!(written.len(), 1, "{written:?}");
    assert!(written[0].0 == "banbridge_hour" && written[0].1 <= 2, "{written:?}");
}
