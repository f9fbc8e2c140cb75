//! What runs learn from Asterisk's own logs: who attacks is counted, and blocked by a feed of kind `log`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use crate::testenv::{ATTACKER, DAY, NFT, TestEnv, texts, until};
use jiff::Timestamp;
use serde_json::{Value, json};

const FULL: &str = "/var/log/asterisk/full";
/// Who attacks and is on no list.
const STRANGER: &str = "45.9.0.1";
/// An office: ten phones behind one router.
const OFFICE: &str = "45.9.0.2";

/// The set in force, and the PBX's own log as a feed.
const OWN: &str = "[[feed]]\nname = \"own\"\nkind = \"log\"\n[set]\nenabled = \"yes\"\n";

fn stamp(ago: i64) -> String {
    let at = Timestamp::now().as_second() - ago;
    Timestamp::from_second(at).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn call(address: &str, ago: i64) -> String {
    format!(
        "[{}] WARNING[2212][C-0000001b] Ext. s: \"Rejecting unknown SIP connection from {address}:5080\"\n",
        stamp(ago)
    )
}

fn wrong_password(address: &str, ago: i64) -> String {
    format!(
        "[{}] NOTICE[2210] res_pjsip/pjsip_distributor.c: Request 'REGISTER' from '<sip:200@81.2.69.142>' failed for \
         '{address}:49152' (callid: 77) - Failed to authenticate\n",
        stamp(ago)
    )
}

fn registered(address: &str, ago: i64) -> String {
    format!(
        "[{}] VERBOSE[2210] res_pjsip_registrar.c: Added contact 'sip:100@{address}:5060' to AOR '100' with expiration of 3600 seconds\n",
        stamp(ago)
    )
}

/// Appends to the log as Asterisk does, without which the file would be another each time.
fn append(env: &TestEnv, text: &str) {
    let path = env.pbx.outside(FULL);
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
}

#[track_caller]
fn apply(env: &TestEnv) -> String {
    env.run(&["apply"]).ok()
}

fn is_blocked(env: &TestEnv, address: &str) -> bool {
    env.run(&["check", address]).code == 0
}

fn coverage(env: &TestEnv, words: &[&str]) -> Value {
    env.json(&[&["coverage"], words].concat()).1
}

#[test]
fn a_flood_of_an_unlisted_address_is_cut_by_the_apply_of_the_minute_and_the_office_never_is() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure(OWN);
    env.sync(0, &[]);
    append(&env, &(call(STRANGER, 30).repeat(4) + &registered(OFFICE, 3_000)));
    apply(&env);
    assert!(!is_blocked(&env, STRANGER), "four calls are below the threshold of five");
    append(&env, &(call(STRANGER, 1) + &wrong_password(OFFICE, 1).repeat(40)));
    apply(&env);
    assert!(is_blocked(&env, STRANGER));
    assert!(!is_blocked(&env, OFFICE), "a phone there registered within the day");
    let checked = env.json(&["check", STRANGER]).1;
    assert_eq!((&checked["set"], &checked["feeds"][0]["feed"]), (&json!(true), &json!("own")));
    assert!(env.log().contains("own: blocks 45.9.0.1 for 1h (5 rejected calls)"), "{}", env.log());
    let report = env.sync(0, &["--feed", "own"]);
    let note = report["feeds"][0]["note"].as_str().unwrap();
    assert!(note.contains("1 address passed a threshold") && note.contains(OFFICE), "{note}");

    // An hour later the ban is over, and its next is longer.
    env.later(3_660);
    apply(&env);
    assert!(!is_blocked(&env, STRANGER));
    append(&env, &call(STRANGER, 1).repeat(5));
    apply(&env);
    assert!(is_blocked(&env, STRANGER));
    assert!(env.log().contains("blocks 45.9.0.1 for 1d"), "{}", env.log());
    env.run(&["allow", STRANGER]).ok();
    assert!(!is_blocked(&env, STRANGER), "never-block holds as always");
}

#[test]
fn forged_sources_reach_the_ceiling_of_an_hour_and_a_protected_one_never() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure(&OWN.replace("kind = \"log\"", "kind = \"log\"\nmost_new = 3"));
    env.run(&["allow", "45.8.0.9"]).ok();
    env.sync(0, &[]);
    let flood: String = (1..=9).map(|host| call(&format!("45.8.0.{host}"), 1).repeat(5)).collect();
    append(&env, &flood);
    let run = env.run(&["apply"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("5 more addresses passed a threshold"), "{said}");
    let blocked = (1..=9).filter(|host| is_blocked(&env, &format!("45.8.0.{host}"))).count();
    assert_eq!(blocked, 3);
    assert!(!is_blocked(&env, "45.8.0.9"));
    apply(&env);
    assert!(!is_blocked(&env, "45.8.0.8"), "the next run of the hour takes no more");
}

#[test]
fn coverage_answers_from_what_runs_read_and_the_same_as_from_the_files() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    append(&env, &(call(STRANGER, 100) + &call(ATTACKER, 90)));
    env.sync(0, &[]);
    append(&env, &(call(STRANGER, 50) + &call(ATTACKER, 40)));
    env.sync(0, &[]);
    let (saved, read) = (coverage(&env, &[]), coverage(&env, &["--logs"]));
    assert!(saved["saved_since"].is_string() && read["saved_since"].is_null());
    for field in ["attackers", "attempts", "lines", "any_feed", "hours", "networks_total"] {
        assert_eq!(saved[field], read[field], "{field}");
    }
    assert_eq!(saved["worst"].as_array().unwrap().len(), 2);
    // What the feed listed is known when the feed has forgotten it.
    env.run(&["feed", "disable", "apiban"]).ok();
    env.run(&["feed", "enable", "apiban"]).ok();
    let week = env.run(&["coverage", "--week"]).ok();
    assert!(week.contains("2 attackers reached Asterisk, with 4 attempts"), "{week}");
    let status = env.json(&["status"]).1;
    assert_eq!(status["week"]["attackers"], 2);
    let text = env.run(&["coverage"]).ok();
    assert!(text.contains("read by the runs since") && text.contains("STOPS"), "{text}");
    // A day is counted by its hours and forgotten after ninety of them.
    env.later(91 * DAY);
    env.sync(0, &["--full"]);
    assert_eq!(coverage(&env, &[])["attackers"], 0);
}

#[test]
fn who_is_in_force_as_blocked_and_reaches_asterisk_all_the_same_is_a_notice() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure("[set]\nenabled = \"yes\"");
    env.sync(0, &[]);
    append(&env, &call(ATTACKER, 1));
    env.sync(0, &[]);
    let leaks = |env: &TestEnv| {
        let problems = env.json(&["status"]).1["problems"].clone();
        problems.as_array().unwrap().iter().find(|one| one["id"] == "leak").cloned()
    };
    assert_eq!(leaks(&env), None, "it may have come before it was blocked");
    env.later(1_200);
    env.sync(0, &[]);
    append(&env, &call(ATTACKER, 1).repeat(2));
    env.sync(0, &[]);
    let leak = leaks(&env).expect("a notice");
    assert_eq!(leak["coded"]["code"], "leak_set");
    let text = leak["text"].as_str().unwrap();
    assert!(text.contains("185.53.88.78 reached Asterisk 2 times") && text.contains("proxy"), "{text}");
    assert_eq!(coverage(&env, &[])["leaks"][0]["attempts"], 2);
    env.later(2 * DAY);
    env.sync(0, &["--full"]);
    assert_eq!(leaks(&env), None);
}

#[test]
fn a_log_that_cannot_be_read_is_told_once_and_harms_nothing() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure(OWN);
    append(&env, &"[Nov 24 06:58:30] NOTICE[1] x.c: y\n".repeat(3));
    let report = env.sync(0, &[]);
    let warnings = texts(&report["warnings"]);
    assert!(warnings.iter().any(|text| text.contains("full") && text.contains("no year")), "{warnings:?}");
    append(&env, "[Nov 24 06:58:31] NOTICE[1] x.c: y\n");
    assert!(!texts(&env.sync(0, &[])["warnings"]).iter().any(|text| text.contains("no year")));
    assert!(env.ours().contains(ATTACKER));
    let log = env.run(&["coverage"]).ok();
    assert!(log.contains("The log full: its times have no year"), "{log}");
    std::fs::remove_file(env.pbx.outside(FULL)).unwrap();
    std::fs::create_dir(env.pbx.outside(FULL)).unwrap();
    env.sync(0, &[]);
}

#[test]
fn sightings_are_exported_and_read_by_a_sibling_that_asks_two_to_agree() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure(OWN);
    env.sync(0, &[]);
    append(&env, &call(STRANGER, 1).repeat(7));
    env.sync(0, &["--feed", "own"]);
    let lines = env.run(&["export", "--feed", "own", "--format", "jsonl"]).ok();
    let sighting: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((&sighting["prefix"], &sighting["count"]), (&json!(STRANGER), &json!(7)));
    assert_eq!(sighting["kinds"], json!(["calls"]));
    env.pbx.write_file("/var/log/asterisk/one.jsonl", &lines);
    env.pbx.write_file("/var/log/asterisk/two.jsonl", lines.replace(STRANGER, "45.9.0.77") + &lines);
    let list = |name: &str, more: &str| {
        format!(
            "[[feed]]\nname = \"{name}\"\nkind = \"list\"\nurl = \"/var/log/asterisk/{name}.jsonl\"\ngroup = \"herd\"\n{more}"
        )
    };
    let group = "[[group]]\nname = \"herd\"\n";
    env.write_config(&format!("{}{}{group}", list("one", ""), list("two", "")));
    env.sync(0, &[]);
    assert!(is_blocked(&env, STRANGER) && !is_blocked(&env, "45.9.0.77"));
    let text = env.run(&["check", "45.9.0.77"]).stdout;
    assert!(text.contains("too few feeds of their group list it"), "{text}");
    env.write_config(&format!("{}{}{group}", list("one", ""), list("two", "trusted = true\n")));
    apply(&env);
    assert!(is_blocked(&env, "45.9.0.77"), "one that is trusted is enough");
    env.write_config(&format!("{}{group}", list("one", "")));
    let run = env.run(&["apply"]);
    assert!(run.code == 78 && run.stderr.contains("agree is 2, but it has 1 feeds"), "{run:?}");
}

/// The real fail2ban, with one jail and without actions, inside the sandbox.
struct Fail2ban {
    server: Child,
}

impl Fail2ban {
    fn start(env: &TestEnv) -> Self {
        let home = "/var/lib/sandbox/fail2ban";
        env.pbx.run(&["mkdir", "-p", home, "/run/fail2ban"]).ok();
        let file = |name: &str, text: &str| env.pbx.write_file(format!("{home}/{name}"), text);
        file(
            "fail2ban.conf",
            "[Definition]\nloglevel = INFO\nlogtarget = STDERR\nsyslogsocket = auto\nsocket = /run/fail2ban/fail2ban.sock\n\
             pidfile = /run/fail2ban/fail2ban.pid\ndbfile = None\ndbpurgeage = 1d\n",
        );
        file(
            "jail.conf",
            "[sshd]\nenabled = true\nfilter = asterisk\nbackend = polling\nlogpath = /var/log/asterisk/fail2ban\n\
             bantime = 600\naction =\n\
             [asterisk]\nenabled = true\nfilter = asterisk\nbackend = polling\nlogpath = /var/log/asterisk/fail2ban\n\
             ignoreip = 127.0.0.0/8\nbantime = 600\nmaxretry = 3\naction =\n",
        );
        env.pbx.run(&["mkdir", "-p", &format!("{home}/filter.d"), &format!("{home}/action.d")]).ok();
        file("filter.d/asterisk.conf", "[Definition]\nfailregex = rejected from <HOST>$\n");
        env.pbx.write_file("/var/log/asterisk/fail2ban", "");
        let mut command = env.pbx.command("fail2ban-server");
        command.args(["-c", home, "-f", "-x", "start"]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().unwrap();
        until("fail2ban", || {
            let run =
                env.pbx.run(&["fail2ban-client", "-s", "/run/fail2ban/fail2ban.sock", "status", "asterisk"]);
            run.code == 0
        });
        Self { server }
    }
}

impl Drop for Fail2ban {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn what_fail2ban_bans_is_a_feed_and_named_by_check_and_lifted_by_allow() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let _fail2ban = Fail2ban::start(&env);
    let client = |words: &[&str]| env.pbx.run(&[&["fail2ban-client"], words].concat()).ok();
    client(&["set", "asterisk", "banip", STRANGER]);
    // Without the feed it is named all the same.
    env.sync(0, &[]);
    let run = env.run(&["check", STRANGER]);
    assert!(run.code == 1 && run.stdout.contains("is blocked by fail2ban's jail asterisk until"), "{run:?}");
    let run = env.run_as("asterisk", &["check", STRANGER]);
    assert!(run.stdout.contains("only root can ask fail2ban"), "{run:?}");
    env.configure("[[feed]]\nname = \"jails\"\nkind = \"fail2ban\"");
    let report = env.sync(0, &[]);
    assert_eq!(
        (&report["feeds"][1]["fetched"], &report["feeds"][1]["used"]),
        (&json!(1), &json!(1)),
        "{report:#}"
    );
    assert!(env.ours().contains(STRANGER));
    let entry = env.json(&["check", STRANGER]).1;
    assert_eq!(entry["also"][0]["name"], "asterisk");
    // As asterisk nothing is asked and nothing lost.
    env.run_as("asterisk", &["sync"]).ok();
    assert!(env.ours().contains(STRANGER));
    client(&["set", "asterisk", "banip", OFFICE]);
    let allowed = env.run(&["allow", OFFICE]).ok();
    assert!(allowed.contains("Released 45.9.0.2 from fail2ban's jail asterisk."), "{allowed}");
    assert!(!client(&["status", "asterisk"]).contains(OFFICE));
    assert!(client(&["status", "asterisk"]).contains(STRANGER));
    // From the page it is root's next apply that does it, but for SSH.
    client(&["set", "asterisk", "banip", "45.9.0.3"]);
    client(&["set", "sshd", "banip", "45.9.0.3"]);
    env.run_as("asterisk", &["allow", "45.9.0.3"]).ok();
    assert!(client(&["status", "asterisk"]).contains("45.9.0.3"));
    apply(&env);
    assert!(!client(&["status", "asterisk"]).contains("45.9.0.3"));
    assert!(client(&["status", "sshd"]).contains("45.9.0.3"));
    env.run(&["unallow", "45.9.0.3"]).ok();
    let allowed = env.run(&["allow", "45.9.0.3"]).ok();
    assert!(allowed.contains("Released 45.9.0.3 from fail2ban's jail sshd."), "{allowed}");
    // When fail2ban lifts the ban, the feed does.
    client(&["set", "asterisk", "unbanip", STRANGER]);
    env.sync(0, &[]);
    assert!(!env.ours().contains(STRANGER));
    // It does not ignore whom the firewall trusts.
    env.pbx.sql_run(
        "REPLACE INTO kvstore_FreePBX_modules_Firewall (`key`, val, type, id) \
         VALUES ('networkmaps', '{\"81.2.70.0/24\":\"trusted\"}', 'json-arr', 'noid')",
        (),
    );
    env.sync(0, &[]);
    let doctor = env.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains("its jail asterisk may ban whom the firewall trusts"), "{doctor:?}");
    client(&["set", "asterisk", "addignoreip", "81.2.70.0/24"]);
    client(&["set", "sshd", "addignoreip", "81.2.70.0/24"]);
    let doctor = env.run(&["doctor", "--offline"]);
    assert!(!doctor.stdout.contains("may ban whom"), "{doctor:?}");
}

#[test]
fn the_firewalls_rate_limiter_is_named_and_an_allowed_address_leaves_it() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    let rule = [
        "iptables",
        "-A",
        "fpbxrfw",
        "-s",
        "45.9.9.9",
        "-m",
        "recent",
        "--set",
        "--name",
        "ATTACKER",
        "--rsource",
    ];
    env.pbx.run(&["iptables", "-N", "fpbxrfw"]);
    env.pbx.run(&rule).ok();
    let list = "/proc/net/xt_recent/ATTACKER";
    env.pbx.run(&["bash", "-c", &format!("echo +{STRANGER} > {list}")]).ok();
    let run = env.run(&["check", STRANGER]);
    assert!(run.stdout.contains("the firewall's rate limiter (Responsive Firewall, ATTACKER)"), "{run:?}");
    let allowed = env.run(&["allow", STRANGER]).ok();
    assert!(allowed.contains("Released 45.9.0.1 from the firewall's rate limiter."), "{allowed}");
    assert!(!env.pbx.run(&["cat", list]).ok().contains(STRANGER));
}

#[test]
fn attackers_beyond_a_hundred_thousand_are_left_in_the_sum() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    // Made up in the database: as many as there may be, of the day before, one attempt each.
    let digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
         UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let sql = format!(
        "INSERT INTO banbridge_attack SELECT d.day, CONCAT('101.', a.n * 10 + b.n, '.', c.n * 10 + e.n, '.', f.n), d.day, d.day, \
         1, 1, 0, 1, 0, 0, 0 FROM (SELECT UNIX_TIMESTAMP() DIV 86400 * 86400 - 86400 day) d, {digits} a, {digits} b, {digits} c, \
         {digits} e, {digits} f"
    );
    env.pbx.sql_run(&sql, ());
    append(&env, &(call(STRANGER, 9).repeat(2) + &call("45.9.0.8", 8).repeat(2)));
    env.sync(0, &[]);
    let rows: Vec<u64> = env.pbx.sql("SELECT COUNT(*) FROM banbridge_attack", ());
    assert_eq!(rows, [100_000]);
    let found = coverage(&env, &[]);
    assert_eq!((&found["attackers"], &found["left_out"]), (&json!(100_000), &json!(2)));
    let kept: Vec<u64> = env.pbx.sql("SELECT attempts FROM banbridge_attack WHERE address = '45.9.0.1'", ());
    assert_eq!(kept, [2], "those with the fewest attempts go first");
}

#[test]
fn apiban_is_asked_about_one_address_within_its_rate_limit() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    env.later(600);
    let before = env.requests().len();
    let said = env.run(&["check", ATTACKER, "--ask"]).ok();
    assert!(said.contains("asked: apiban lists it now"), "{said}");
    let run = env.run(&["check", STRANGER, "--ask"]);
    assert!(run.stdout.contains("asked: apiban does not list it now"), "{run:?}");
    assert_eq!(env.requests().len(), before + 2);
    for _ in 0..12 {
        env.run(&["check", STRANGER, "--ask"]);
    }
    let run = env.run(&["check", STRANGER, "--ask"]);
    assert!(run.stdout.contains("apiban did not say (its rate limit allows the next request in"), "{run:?}");
    assert_eq!(env.run(&["check", "45.0.0.0/24", "--ask"]).code, 2);
}
