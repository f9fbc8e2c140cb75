//! What is wrong now and who is told: notices, the webhook, the command, and the forms for other programs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::testenv::{self, ATTACKER, NFT, Sandbox, TestEnv, shows_key, until};
use serde_json::Value;

/// What makes the address of the webhook a secret.
const TOKEN: &str = "t0ken-of-the-hook";

/// Whoever is told over HTTP.
struct Hook {
    server: Child,
    dir: std::path::PathBuf,
}

impl Hook {
    fn start(env: &TestEnv) -> Self {
        let dir = env.pbx.dir().join("hook");
        fs::create_dir(&dir).unwrap();
        let router = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/hook/router.php");
        let mut command = env.pbx.command("php");
        command.args(["-S", "127.0.0.1:8098", router]).env("DIR", &dir);
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the hook", || env.pbx.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8098"]).code == 0);
        Self { server, dir }
    }

    fn answer(&self, status: u16) {
        fs::write(self.dir.join("status"), status.to_string()).unwrap();
    }

    fn posts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join("posts.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What each message said: `raised held:apiban`.
    fn told(&self) -> Vec<Vec<String>> {
        self.posts().iter().map(|post| changes(&post["body"])).collect()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn changes(message: &Value) -> Vec<String> {
    let all = message["changes"].as_array().unwrap().iter();
    all.map(|one| format!("{} {}", one["change"].as_str().unwrap(), one["id"].as_str().unwrap())).collect()
}

fn problems(env: &TestEnv) -> Vec<Value> {
    env.json(&["status"]).1["problems"].as_array().unwrap().clone()
}

fn ids(env: &TestEnv) -> Vec<String> {
    problems(env).iter().map(|problem| problem["id"].as_str().unwrap().to_owned()).collect()
}

fn with_hook(env: &TestEnv) -> Hook {
    let hook = Hook::start(env);
    env.configure(&format!("[notify]\nwebhook = \"http://127.0.0.1:8098/{TOKEN}\""));
    hook
}

#[test]
fn a_webhook_hears_once_that_something_came_and_once_that_it_is_over() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let hook = with_hook(&env);
    env.sync(0, &[]);
    assert!(hook.posts().is_empty(), "all is well: {:?}", hook.posts());

    env.faults(&["key*2"]);
    for _ in 0..2 {
        env.sync(77, &[]);
    }
    assert_eq!(hook.told(), [["raised key_not_accepted:apiban"]]);
    assert_eq!(ids(&env), ["key_not_accepted:apiban"]);
    let text = env.run(&["status"]).ok();
    assert!(
        text.contains("Problems:\n- error, since 20") && text.contains("apiban did not accept the API key\n"),
        "{text}"
    );
    let since = problems(&env)[0]["since"].clone();
    env.run(&["apply"]).ok();
    assert_eq!(problems(&env)[0]["since"], since, "it stands since it came");
    // A failure that says nothing of the key.
    env.faults(&["status=500"]);
    env.sync(69, &[]);
    assert_eq!(ids(&env), ["key_not_accepted:apiban"]);

    for _ in 0..2 {
        env.sync(0, &[]);
    }
    assert_eq!(hook.told(), [["raised key_not_accepted:apiban"], ["cleared key_not_accepted:apiban"]]);
    assert!(ids(&env).is_empty());
    assert_eq!(env.pbx.sql::<u64>("SELECT COUNT(*) FROM banbridge_problem", ()), [0]);
    assert_eq!(env.pbx.sql::<u64>("SELECT COUNT(*) FROM banbridge_notified", ()), [0]);

    let post = &hook.posts()[0];
    assert_eq!((&post["path"], &post["type"]), (&format!("/{TOKEN}").into(), &"application/json".into()));
    let text = post["body"]["text"].as_str().unwrap();
    assert!(text.contains("apiban did not accept the API key") && text.contains("Check the key"), "{text}");
    for post in hook.posts() {
        assert!(
            !shows_key(&post["body"].to_string()) && !post["body"].to_string().contains(TOKEN),
            "{post:#}"
        );
    }
    let shown = env.run(&["config", "show"]).ok() + &env.log();
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
fn who_cannot_be_reached_is_tried_five_times_and_no_run_fails_for_it() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104"]);
    let hook = Hook::start(&env);
    let notify = format!("[notify]\nwebhook = \"http://127.0.0.1:8098/{TOKEN}\"");
    env.configure(&format!("[blacklist]\nlimit = 1\n{notify}"));
    hook.answer(500);
    for tried in 1..=7 {
        let report = env.sync(0, &[]);
        let warnings = report["warnings"].to_string();
        assert_eq!(
            warnings.contains("[notify] webhook: 127.0.0.1:8098 answered with the status 500"),
            tried <= 5,
            "{warnings}"
        );
        assert!(!warnings.contains(TOKEN), "{warnings}");
    }
    assert_eq!(hook.told(), vec![vec!["raised row_limit".to_owned()]; 5]);
    // Who never heard of it needs not hear that it is over.
    hook.answer(200);
    env.configure(&notify);
    env.sync(0, &[]);
    assert_eq!(hook.posts().len(), 5);
    // One that cannot be delivered at first is delivered later, once; nobody listening is the same as a bad answer.
    env.configure(&format!("[blacklist]\nlimit = 1\n{}", notify.replace("8098", "8097")));
    let report = env.sync(0, &[]);
    assert!(report["warnings"].to_string().contains("127.0.0.1:8097"), "{report:#}");
    env.configure(&format!("[blacklist]\nlimit = 1\n{notify}"));
    for _ in 0..2 {
        env.run(&["apply"]).ok();
    }
    assert_eq!(hook.posts().len(), 6);
}

/// A program of the administrator's that notes who runs it with what.
fn teller(env: &TestEnv, script: &str) -> String {
    let told = env.pbx.dir().join("told");
    fs::create_dir(&told).unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o777)).unwrap();
    let path = "/usr/local/bin/tell";
    env.pbx.write_file(path, script.replace("TOLD", &told.display().to_string()));
    fs::set_permissions(env.pbx.outside(path), fs::Permissions::from_mode(0o755)).unwrap();
    format!("[notify]\ncommand = \"{path}\"")
}

#[test]
fn a_command_is_run_as_asterisk_and_given_the_message_and_nothing_else() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let notify = teller(
        &env,
        "#!/bin/bash\ncat > TOLD/$$.json\n{ id -un; id -Gn; grep CapEff /proc/self/status; echo \"$# $0\"; \
         ls -l /proc/self/fd; env; } > TOLD/$$.who\n",
    );
    env.configure(&format!("{notify}\n[set]\nenabled = \"no\""));
    env.faults(&["key"]);
    let run = env
        .pbx
        .command(env!("CARGO_BIN_EXE_banbridge"))
        .args(["sync"])
        .env("BANBRIDGE_APIBAN_KEY", testenv::KEY)
        .env("SECRET", "yes")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(77), "{run:?}");
    let told = |end: &str| -> Vec<String> {
        let files = fs::read_dir(env.pbx.dir().join("told")).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|ext| ext == end))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    };
    let messages = told("json");
    assert_eq!(messages.len(), 1);
    let message: Value = serde_json::from_str(&messages[0]).unwrap();
    assert_eq!(changes(&message), ["raised key_not_accepted:apiban"]);
    assert_eq!(message["program"], "banbridge");
    let who = &told("who")[0];
    let lines: Vec<&str> = who.lines().collect();
    assert_eq!(lines[..2], ["asterisk", "asterisk"], "{who}");
    assert!(lines[2].ends_with("0000000000000000") && lines[3] == "0 /usr/local/bin/tell", "{who}");
    assert!(!who.contains("SECRET") && !shows_key(who) && who.contains("LC_ALL=C"), "{who}");
    assert!(!who.contains("socket:"), "the database's connection is not handed on: {who}");

    // The same of a run by asterisk itself.
    let run = env.run_as("asterisk", &["sync"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(told("json").len(), 2);
    assert!(told("who").iter().all(|who| who.starts_with("asterisk\n")));
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_started_and_the_run_goes_on() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let notify = teller(&env, "#!/bin/bash\nsleep 4711 &\necho x >> TOLD/tried\nwait\n");
    env.configure(&notify);
    env.faults(&["key"]);
    let report = env.sync(77, &[]);
    assert!(report["warnings"].to_string().contains("took over 10 s and was ended"), "{report:#}");
    assert_eq!(env.pbx.run(&["pgrep", "-f", "sleep 4711"]).stdout, "");
    // A program that is not there is no more than a warning either.
    env.configure("[notify]\ncommand = \"/usr/local/bin/nobody\"");
    let run = env.run(&["apply"]);
    assert!(run.code == 0, "{run:?}");
    assert!(env.log().contains("/usr/local/bin/nobody cannot be run"), "{}", env.log());
}

#[test]
fn a_protected_address_that_is_listed_is_named_and_whom_one_allowed_oneself_is_not() {
    let env = TestEnv::new(NFT, &[ATTACKER, "62.210.149.30", "45.9.8.0/24", "192.168.0.0/16", "10.0.0.5"]);
    env.pbx.fwconsole(&["firewall", "trust", "62.210.149.30"]).ok();
    env.pbx.fwconsole(&["firewall", "trust", "45.9.8.7"]).ok();
    env.run(&["allow", ATTACKER]).ok();
    env.sync(0, &[]);
    let all = problems(&env);
    assert_eq!(ids(&env), ["protected_listed"], "{all:#?}");
    assert_eq!(all[0]["title"], "2 protected addresses are listed");
    let text = all[0]["text"].as_str().unwrap();
    assert!(text.contains("62.210.149.30 (in the firewall's zone") && text.contains("by apiban"), "{text}");
    assert!(text.contains("45.9.8.7 ("), "the network around him is listed: {text}");
    assert!(!text.contains(ATTACKER) && !text.contains("192.168") && !text.contains("10.0.0.5"), "{text}");
    env.pbx.fwconsole(&["firewall", "untrust", "62.210.149.30"]).ok();
    env.pbx.fwconsole(&["firewall", "untrust", "45.9.8.7"]).ok();
    env.sync(0, &[]);
    assert!(ids(&env).is_empty());
}

#[test]
fn monitoring_gets_its_codes_and_one_line() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104"]);
    let check = |code: i32, words: &str| {
        let run = env.run(&["status", "--check"]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stdout.lines().count() == 1 && run.stdout.contains(words), "{run:?}");
        run.stdout
    };
    check(1, "BANBRIDGE WARNING - No sync yet | rows=0;;;0;5000");
    env.sync(0, &[]);
    let line = check(0, "BANBRIDGE OK - 2 rows in the blacklist");
    let (_, figures) = line.trim().split_once(" | ").unwrap();
    for figure in figures.split(' ') {
        let (name, value) = figure.split_once('=').unwrap();
        let number = value.split(';').next().unwrap().trim_end_matches(['s', 'c']);
        assert!(
            !name.is_empty() && number.parse::<u64>().is_ok() && value.split(';').count() <= 5,
            "{figure}"
        );
    }
    assert!(figures.contains("entries_apiban=2;"), "{figures}");
    env.later(3_700);
    check(1, "WARNING - No sync for over an hour");
    env.faults(&["key"]);
    env.sync(77, &[]);
    check(2, "CRITICAL - apiban did not accept the API key");
    let (code, json) = env.json(&["status", "--check"]);
    assert_eq!((code, &json["check"], &json["code"]), (2, &"CRITICAL".into(), &2.into()));
    env.pbx.kill_daemon();
    check(2, "The firewall service is not running");
    env.pbx.run(&["database", "stop"]).ok();
    check(3, "UNKNOWN - ");
    env.pbx.run(&["database", "start"]).ok();
    env.write_config("[[feed]\n");
    check(3, "UNKNOWN - /etc/asterisk/banbridge.toml");
}

/// A tool of the tests.
fn promtool() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools/prometheus/usr/bin/promtool")
}

#[test]
fn prometheus_takes_the_figures_and_the_dashboard_asks_for_no_others() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104"]);
    env.configure("[blacklist]\nlimit = 1");
    env.sync(0, &[]);
    let text = env.run(&["status", "--format", "prometheus"]).ok();
    for line in [
        "banbridge_blocking 1",
        "banbridge_blacklist_rows{owner=\"banbridge\"} 1",
        "banbridge_feed_entries{feed=\"apiban\"} 2",
        "banbridge_blocked_packets_total 0",
        "banbridge_last_run_exit_code 0",
        "banbridge_problem{id=\"row_limit\",level=\"warning\"} 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is missing:\n{text}");
    }
    let mut checked = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: make deps");
    checked.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checked.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && complaints.is_empty(), "{complaints}");

    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let dashboard: Value = serde_json::from_str(include_str!("../../docs/grafana.json")).unwrap();
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    assert!(asked.len() > 10, "{asked:?}");
    let guide =
        include_str!("../../docs/monitoring.md").lines().filter(|line| line.trim().starts_with("expr:"));
    asked.extend(guide.map(str::to_owned));
    let mut used = BTreeSet::new();
    for query in &asked {
        let of_ours: Vec<&str> = query
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("banbridge_"))
            .collect();
        assert!(!of_ours.is_empty(), "{query}");
        for name in of_ours {
            assert!(names.contains(name), "{query} asks for {name}, which is not exported");
            used.insert(name);
        }
        let expression = query.trim().trim_start_matches("expr: ").replace("$__rate_interval", "5m");
        if !expression.starts_with("label_values") {
            let rule = format!(
                "groups:\n- name: x\n  rules:\n  - record: x\n    expr: {}\n",
                Value::from(expression)
            );
            let file = env.pbx.dir().join("rules.yml");
            fs::write(&file, rule).unwrap();
            let run = Command::new(promtool()).args(["check", "rules"]).arg(&file).output().unwrap();
            assert!(run.status.success(), "{query}: {run:?}");
        }
    }
    assert!(used.len() > 12, "{used:?}");
}

/// Every query of a dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("expr" | "query", Value::String(text)) if text != "prometheus" => {
                        found.push(text.clone());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn the_sandbox_is_what_these_tests_think() {
    // Nobody is listed who is protected by something else than what a test does.
    let env = TestEnv::new(NFT, &[ATTACKER, Sandbox::PHONE]);
    env.sync(0, &[]);
    assert!(ids(&env).is_empty(), "{:?}", problems(&env));
}

#[test]
fn once_a_week_both_get_a_summary_in_plain_words_where_that_is_wanted() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let hook = Hook::start(&env);
    env.configure(&format!("[notify]\nweekly = true\nwebhook = \"http://127.0.0.1:8098/{TOKEN}\""));
    env.sync(0, &[]);
    assert!(hook.posts().is_empty(), "the first week has to pass");
    let a_week_later = || {
        env.pbx.sql_run("UPDATE banbridge_state SET value = value - 604800 WHERE name = 'week_sent_at'", ());
    };
    a_week_later();
    env.sync(0, &[]);
    let posts = hook.posts();
    assert_eq!(posts.len(), 1, "{posts:?}");
    let text = posts[0]["body"]["text"].as_str().unwrap();
    assert!(text.contains("The week until") && text.contains("The kernel set rejected 0 packets."), "{text}");
    env.sync(0, &[]);
    assert_eq!(hook.posts().len(), 1);
    hook.answer(500);
    a_week_later();
    let report = env.sync(0, &[]);
    assert!(
        report["warnings"].to_string().contains("this week's summary is in: banbridge coverage --week"),
        "{report:#}"
    );
    assert!(!shows_key(&report.to_string()) && !report.to_string().contains(TOKEN));
}
