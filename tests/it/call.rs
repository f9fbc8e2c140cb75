//! What FreePBX's page needs of the program: commands given as JSON, single settings, the key's test, the state in
//! words, and the request to root.

use std::io::Write;
use std::process::Stdio;

use crate::testenv::{self, ATTACKER, Attacker, CONFIG, KEY, NFT, Probe, Run, TestEnv, set, until};
use mysql::prelude::Queryable;
use serde_json::{Value, json};

/// Runs `call` as asterisk, as the page does it.
#[track_caller]
fn call(env: &TestEnv, request: &Value) -> Run {
    let mut command = env.pbx.command_as("asterisk", env!("CARGO_BIN_EXE_banbridge"));
    command.arg("call").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What is too long is not read to its end.
    let _ = child.stdin.take().unwrap().write_all(request.to_string().as_bytes());
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn answer(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// Without how long ago something was: a second may pass between two outputs.
fn timeless(text: &str) -> String {
    let mut parts = text.split(" (");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(" ago)") {
        Some((_, behind)) => text + behind,
        None => text + " (" + part,
    })
}

#[test]
fn a_command_given_as_json_has_the_output_and_the_exit_code_of_the_command() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    for (words, code) in [
        (&["check", ATTACKER, "--json"][..], 0),
        (&["check", "81.2.69.1"], 1),
        (&["check", "no address"], 2),
        (&["status"], 0),
        (&["snyc"], 2),
    ] {
        let called = call(&env, &json!({ "args": words }));
        let run = env.run_as("asterisk", words);
        let said = (called.code, timeless(&called.stdout));
        assert_eq!(said, (code, timeless(&run.stdout)), "{words:?}: {called:?}");
        assert_eq!(called.stderr, run.stderr, "{words:?}");
    }
    // Nothing of it meets a shell.
    let odd = "$(touch /tmp/odd); `touch /tmp/odd` & 'x'\n\"";
    let run = call(&env, &json!({ "args": ["allow", "192.0.2.9", "--json", format!("--comment={odd}")] }));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!env.pbx.outside("/tmp/odd").exists());
    for refused in [json!({ "args": "status" }), json!([]), json!({ "args": [] })] {
        assert_eq!(call(&env, &refused).code, 2, "{refused}");
    }
    for hidden in ["call", "child", "thaw-watch 1 1"] {
        let words: Vec<&str> = hidden.split(' ').collect();
        let run = call(&env, &json!({ "args": words }));
        assert!(run.code == 2 && run.stderr.contains("only documented commands"), "{hidden}: {run:?}");
    }
    let run = call(&env, &json!({ "args": ["status"], "detach": true }));
    assert!(run.code == 2 && run.stderr.contains("only sync"), "{run:?}");
}

#[test]
fn a_sync_goes_on_alone_and_status_says_how_far_it_is() {
    let env = TestEnv::new(NFT, &testenv::addresses(3_000));
    // Twelve batches: it waits for the rate limit.
    let run = call(&env, &json!({ "args": ["sync", "--wait", "600"], "detach": true }));
    assert_eq!((run.code, answer(&run)), (0, json!({ "started": true })));
    let status = || env.json(&["status"]).1;
    until("the run to wait", || !status()["running"]["waiting_until"].is_null());
    let running = status()["running"].clone();
    assert_eq!(
        (&running["feed"], running["entries"].as_u64() > Some(1_000)),
        (&json!("apiban"), true),
        "{running}"
    );
    env.feed.set_rate(None);
    env.later(testenv::WINDOW);
    let pid = env.pbx.sql::<u32>("SELECT pid FROM banbridge_run ORDER BY id DESC LIMIT 1", ())[0];
    env.pbx.run(&["kill", &pid.to_string()]).ok();
    until("the run to end", || status()["running"].is_null());
}

#[test]
fn a_setting_is_changed_and_the_rest_of_the_file_stays() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let before = env.pbx.read_file(CONFIG);
    let get = |name: &str| {
        let run = call(&env, &json!({ "args": ["config", "get", name, "--json"] }));
        assert_eq!(run.code, 0, "{run:?}");
        answer(&run)
    };
    assert_eq!(get("feed.apiban.ttl")["value"], "7d");
    let run = call(&env, &json!({ "args": ["config", "set", "feed.apiban.ttl", "3d", "--json"] }));
    assert_eq!((run.code, &answer(&run)["changed"]), (0, &json!(true)), "{run:?}");
    assert_eq!(
        (&get("feed.apiban.ttl")["value"], &get("feed.apiban.ttl")["default"]),
        (&json!("3d"), &json!("7d"))
    );
    let after = env.pbx.read_file(CONFIG);
    assert_eq!(after.replace("ttl = \"3d\"\n", ""), before);
    // Wrong ones change nothing.
    for (name, value, code) in
        [("feed.apiban.ttl", "soon", 78), ("feed.apiban.nothing", "1", 78), ("nonsense", "1", 2)]
    {
        let run = call(&env, &json!({ "args": ["config", "set", name, value] }));
        assert_eq!((run.code, run.stderr.is_empty()), (code, false), "{run:?}");
    }
    assert_eq!(env.pbx.read_file(CONFIG), after);
    // The key goes in through standard input, and never comes out.
    let run =
        call(&env, &json!({ "args": ["config", "set", "feed.apiban.key", "-", "--json"], "stdin": KEY }));
    assert_eq!((run.code, run.stdout.contains(KEY)), (0, false), "{run:?}");
    let run = call(&env, &json!({ "args": ["config", "set", "feed.apiban.key", KEY] }));
    assert_eq!((run.code, run.stderr.contains(KEY)), (2, false), "{run:?}");
    let mode = env.pbx.run(&["stat", "-c", "%U:%G %a", CONFIG]).ok();
    assert_eq!(mode.trim(), "asterisk:asterisk 640");
    env.sync(0, &[]);
}

#[test]
fn one_request_says_whether_the_key_is_good_and_changes_nothing() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    env.later(testenv::WINDOW);
    let (asked, sums) = (env.requests().len(), env.tables());
    let test = |key: Value| call(&env, &json!({ "args": ["feed", "test", "apiban", "--json"], "env": key }));
    let good = test(Value::Null);
    assert_eq!((good.code, &answer(&good)["key_good"]), (0, &json!(true)), "{good:?}");
    let bad = test(json!({ "BANBRIDGE_APIBAN_KEY": "of-nobody" }));
    assert_eq!((bad.code, &answer(&bad)["key_good"]), (77, &json!(false)), "{bad:?}");
    assert!(!bad.stdout.contains("of-nobody") && !bad.stderr.contains("of-nobody"), "{bad:?}");
    let silent = {
        env.faults(&["reset"]);
        test(Value::Null)
    };
    assert_eq!((silent.code, &answer(&silent)["key_good"]), (69, &Value::Null), "{silent:?}");
    assert_eq!((env.requests().len() - asked, env.tables()), (3, sums));
    // Each counts: the limit holds here too.
    for _ in 0..8 {
        test(Value::Null);
    }
    let late = test(Value::Null);
    assert!(late.code == 75 && late.stderr.contains("Rate limit of apiban reached"), "{late:?}");
}

#[test]
fn status_says_the_state_in_a_word_and_when_the_feeds_are_asked_again() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104"]);
    let status = || env.json(&["status"]).1;
    assert_eq!(status()["state"], "no_run");
    env.run_as("asterisk", &["sync"]).ok();
    let now = status();
    assert_eq!(
        (&now["state"], &now["root"]["timer"], &now["root"]["install"]),
        (&json!("pending"), &json!(false), &json!("banbridge setup")),
        "{now:#}"
    );
    env.run(&["apply"]).ok();
    let now = status();
    assert_eq!((&now["state"], &now["root"]["timer"]), (&json!("blocking"), &json!(true)), "{now:#}");
    assert_eq!((&now["blacklist"]["to_block"], &now["blacklist"]["blocked"]), (&json!(2), &json!(2)));
    assert_eq!(now["next_run"], Value::Null, "one run has no distance to another");
    env.later(300);
    env.sync(0, &[]);
    assert!(status()["next_run"].is_string());
    env.run(&["allow", ATTACKER]).ok();
    assert_eq!(status()["blacklist"]["blocked"], 1);
    env.later(7_200);
    assert_eq!(status()["state"], "out_of_date");
    assert!(status()["root"]["timer"] == false);
    env.sync(0, &[]);
    env.pbx.sql_run("UPDATE kvstore_FreePBX_modules_Firewall SET val = '0' WHERE `key` = 'status'", ());
    assert_eq!(status()["state"], "not_blocking");
}

#[test]
fn what_another_user_changes_is_asked_of_root_and_roots_apply_brings_it_into_force() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let pbx = &env.pbx;
    let request = "/run/banbridge/request";
    let asked = || pbx.run(&["sh", "-c", &format!("test -s {request} && rm {request}")]).code == 0;
    // Without the package's directory nothing is asked, and nothing fails.
    env.run_as("asterisk", &["sync"]).ok();
    assert!(!asked());
    pbx.run(&["install", "-d", "-o", "asterisk", "-g", "asterisk", "/run/banbridge"]).ok();
    env.run(&["apply"]).ok();
    assert!(!asked(), "root asks nobody");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    env.run_as("asterisk", &["unblock", ATTACKER]).ok();
    assert!(asked());
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "the daemon did not look yet");
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
    env.run_as("asterisk", &["unblock", "--undo", ATTACKER]).ok();
    assert!(asked());
    env.run(&["apply"]).ok();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    env.run_as("asterisk", &["config", "set", "set.enabled", "auto"]).ok();
    assert!(asked());
    env.run_as("asterisk", &["status"]).ok();
    assert!(!asked(), "to look changes nothing");
    // A link in its place leads nowhere.
    pbx.run_as("asterisk", &["ln", "-s", "/tmp/elsewhere", request]).ok();
    env.run_as("asterisk", &["unblock", ATTACKER]).ok();
    assert!(!pbx.outside("/tmp/elsewhere").exists());
}

#[test]
fn what_is_handed_over_may_be_long_and_only_the_key_of_the_environment_is_taken() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let key = "k".repeat(60_000);
    let run = call(&env, &json!({ "args": ["config", "set", "feed.apiban.key", "-"], "stdin": key }));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(env.pbx.read_file(CONFIG).contains(&key) && !run.stdout.contains("kkk"));
    let variables = json!({ "BANBRIDGE_APIBAN_KEY": "MY API KEY", "BANBRIDGE_CONFIG": "/nowhere" });
    let run = call(&env, &json!({ "args": ["config", "check"], "env": variables }));
    assert!(run.code == 78 && run.stderr.contains("placeholder"), "{run:?}");
    let huge = json!({ "args": ["restore"], "stdin": "x".repeat(1 << 20) });
    let run = call(&env, &huge);
    assert!(run.code == 2 && run.stderr.contains("larger"), "{run:?}");
}

#[test]
fn a_detached_run_waits_for_another_one_since_nobody_is_told_that_it_did_not_run() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    let mut other = env.pbx.database();
    let taken: Option<u8> = other.query_first("SELECT GET_LOCK('banbridge.asterisk', 0)").unwrap();
    assert_eq!(taken, Some(1));
    assert_eq!(env.run(&["sync"]).code, 75, "it is the lock");
    call(&env, &json!({ "args": ["sync", "--json"], "detach": true })).ok();
    let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'";
    until("the run to wait", || other.query_first(waiting).unwrap() == Some(1));
    assert!(env.ours().is_empty());
    drop(other);
    until("its end", || env.ours() == set([ATTACKER]));
}

#[test]
fn a_detached_run_leads_a_session_without_a_terminal_and_whoever_called_is_gone() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.configure("timeout = \"5s\"");
    env.faults(&["stall"]);
    let run = call(&env, &json!({ "args": ["sync", "--json"], "detach": true }));
    assert_eq!(run.code, 0, "{run:?}");
    until("the run to ask", || env.requests().len() == 1);
    let shown = env.pbx.run(&["ps", "-eo", "pid=,sid=,tty=,args="]).ok();
    let line = shown.lines().find(|line| line.contains("banbridge sync --json")).expect(&shown);
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((fields[0], fields[2]), (fields[1], "?"), "{shown}");
    assert!(!shown.contains(" call"), "{shown}");
    until("its end", || !env.pbx.run(&["ps", "-eo", "args="]).stdout.contains("banbridge sync"));
}

#[test]
fn the_first_key_makes_the_configuration_and_it_is_asterisks_whoever_gives_it() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    for user in ["root", "asterisk"] {
        env.pbx.remove_file(CONFIG);
        let mut command = env.pbx.command_as(user, env!("CARGO_BIN_EXE_banbridge"));
        command.args(["config", "set", "feed.apiban.key", "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{KEY}\n").as_bytes()).unwrap();
        let run: Run = child.wait_with_output().unwrap().into();
        assert!(run.code == 0 && !testenv::shows_key(&run.stdout), "{run:?}");
        let mode = env.pbx.run(&["stat", "-c", "%U:%G %a", CONFIG]).ok();
        assert_eq!(mode.trim(), "asterisk:asterisk 640", "{user}");
        assert_eq!(env.run(&["config", "check"]).code, 0);
    }
    env.pbx.remove_file(CONFIG);
    let other = env.run(&["config", "set", "blacklist.limit", "5"]);
    assert!(other.code == 78 && other.stderr.contains("no such file"), "{other:?}");
}
