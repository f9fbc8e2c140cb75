//! `doctor`, on a PBX where all is well and on one where one thing after the other is broken: each has its line, its
//! fix and its exit code, and looking changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::testenv::*;
use serde_json::Value;

const CRON: &str = "/etc/cron.d/banbridge";
const OLD_CLIENT: &str =
    "MAILTO=\"\"\n*/4 * * * * root /usr/local/bin/apiban/apiban-iptables-client >/dev/null 2>&1\n";
const KVSTORE: &str = "kvstore_FreePBX_modules_Firewall";

/// A PBX on which banbridge is installed as it should be, after its first run.
fn healthy(firewall: Firewall) -> TestEnv {
    let env = TestEnv::new(firewall, &[ATTACKER, "45.0.0.0/24"]);
    let pbx = &env.pbx;
    env.configure("[set]\nenabled = \"auto\"");
    pbx.write_file(CRON, "*/5 * * * * root banbridge sync -q\n");
    pbx.write_file("/etc/logrotate.d/banbridge", include_str!("../../packaging/logrotate"));
    pbx.write_file("/usr/sbin/logrotate", "#!/bin/sh\n");
    env.sync(0, &[]);
    env
}

/// The lines of `doctor --json` and how it ended.
#[track_caller]
fn doctor(env: &TestEnv, words: &[&str]) -> (i32, Vec<Value>) {
    let (code, value) = env.json(&[&["doctor"], words].concat());
    assert_eq!(value["ok"], code == 0, "{value:#}");
    let checks = value["checks"].as_array().unwrap().clone();
    for check in &checks {
        let fixable = ["warning", "error"].contains(&check["state"].as_str().unwrap());
        assert!(!fixable || check["fix"].is_string(), "no fix: {check}");
    }
    (code, checks)
}

/// The lines that are not ok.
fn not_ok(checks: &[Value]) -> Vec<String> {
    let bad = checks.iter().filter(|check| check["state"] != "ok");
    bad.map(|check| format!("{} {}: {}", check["name"], check["state"], check["found"])).collect()
}

#[track_caller]
fn line<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no line {name}: {checks:#?}"))
}

fn shell(env: &TestEnv, script: &str) {
    env.pbx.run(&["sh", "-c", script]).ok();
}

#[test]
fn a_proxy_is_named_without_its_password() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.configure("[network]\nproxy = \"http://user:s3cr3t@proxy.example.com:3128\"");
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 1, "the feed is on this machine");
    let (_, checks) = doctor(&env, &["--offline"]);
    assert_eq!(
        line(&checks, "proxy")["found"],
        "feeds are asked by proxy.example.com:3128 (from [network] proxy)"
    );
    let shown = env.run(&["config", "show"]).ok() + &env.run(&["config", "get", "network.proxy"]).ok();
    assert!(shown.contains("http://***@proxy.example.com:3128") && !shown.contains("s3cr3t"), "{shown}");
    env.configure("[network]\nproxy = \"s3cr3t.example.com\"");
    let run = env.run(&["config", "check"]);
    assert!(
        run.code == 78 && run.stderr.contains("write the proxy like") && !run.stderr.contains("s3cr3t"),
        "{run:?}"
    );
    env.configure("");
    let mut command = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
    let command =
        command.args(["doctor", "--offline", "--json"]).env("https_proxy", "http://u:s3cr3t@other:3128");
    let checks: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let found = line(checks["checks"].as_array().unwrap(), "proxy")["found"].as_str().unwrap().to_owned();
    assert!(found.contains("other:3128 in this shell") && !found.contains("s3cr3t"), "{found}");
}

#[test]
fn where_all_is_well_there_is_nothing_to_mend_and_looking_changes_nothing() {
    for firewall in FIREWALLS {
        let env = healthy(firewall);
        let seen = || {
            // Without counters.
            let filter = env.pbx.run(&["nft", "-s", "list", "ruleset"]).ok();
            (env.sums(), filter, env.pbx.passes().len(), env.requests().len())
        };
        let before = seen();
        let (code, checks) = doctor(&env, &[]);
        assert_eq!((code, not_ok(&checks)), (0, vec![]), "{firewall:?}");
        let text = env.run(&["doctor"]).ok();
        assert!(text.contains("\nok       set ") && text.ends_with("\nNo problems.\n"), "{text}");
        assert_eq!(env.run(&["doctor", "-q"]).ok(), "");
        assert_eq!(seen(), before, "{firewall:?}");
    }
}

/// One thing that is broken: how, how it is put right again, its line, its state, a part of its fix, the exit code.
struct Case {
    breaks: fn(&TestEnv),
    heals: fn(&TestEnv),
    line: &'static str,
    state: &'static str,
    fix: &'static str,
    code: i32,
}

fn sql(env: &TestEnv, statement: &str) {
    env.pbx.sql_run(statement, ());
}

fn cases() -> Vec<Case> {
    let case = |line, state, code, fix, breaks, heals| Case { breaks, heals, line, state, fix, code };
    vec![
        case(
            "freepbx",
            "error",
            78,
            "--freepbx-conf",
            |s| shell(s, "mv /etc/freepbx.conf /etc/kept"),
            |s| shell(s, "mv /etc/kept /etc/freepbx.conf"),
        ),
        case("database", "error", 69, "mariadb", |s| s.pbx.stop_database(), |s| s.pbx.start_database()),
        case(
            "rights",
            "error",
            77,
            "GRANT ALL ON `asterisk`.* TO 'freepbxuser'@'localhost'",
            |s| sql(s, "REVOKE DROP ON asterisk.* FROM freepbxuser@localhost"),
            |s| sql(s, "GRANT ALL ON asterisk.* TO freepbxuser@localhost"),
        ),
        case(
            "kvstore",
            "error",
            78,
            "ADD UNIQUE INDEX",
            |s| sql(s, &format!("ALTER TABLE {KVSTORE} DROP INDEX uniqueindex")),
            |s| {
                let index = "ADD UNIQUE INDEX uniqueindex (`key`(190), `id`(190))";
                sql(s, &format!("ALTER TABLE {KVSTORE} {index}"));
            },
        ),
        case(
            "engine",
            "warning",
            0,
            "ENGINE=InnoDB",
            |s| sql(s, &format!("ALTER TABLE {KVSTORE} ENGINE=MyISAM")),
            |s| sql(s, &format!("ALTER TABLE {KVSTORE} ENGINE=InnoDB")),
        ),
        case(
            "module",
            "error",
            78,
            "fwconsole ma enable firewall",
            |s| sql(s, "UPDATE modules SET enabled = 0 WHERE modulename = 'firewall'"),
            |s| sql(s, "UPDATE modules SET enabled = 1 WHERE modulename = 'firewall'"),
        ),
        case(
            "enabled",
            "error",
            69,
            "Enable it: FreePBX, Connectivity, Firewall.",
            |s| sql(s, &format!("UPDATE {KVSTORE} SET val = '0' WHERE `key` = 'status' AND id = 'noid'")),
            |s| sql(s, &format!("UPDATE {KVSTORE} SET val = '1' WHERE `key` = 'status' AND id = 'noid'")),
        ),
        case(
            "refresh",
            "warning",
            0,
            "refresh rate",
            |s| sql(s, &format!("INSERT INTO {KVSTORE} VALUES ('refresh', 'slow', NULL, 'noid')")),
            |s| sql(s, &format!("DELETE FROM {KVSTORE} WHERE `key` = 'refresh'")),
        ),
        case(
            "safe_mode",
            "warning",
            0,
            "five minutes",
            |s| s.pbx.write_file("/run/firewalld.safemode", ""),
            |s| s.pbx.remove_file("/run/firewalld.safemode"),
        ),
        case(
            "iptables",
            "warning",
            0,
            "update-alternatives --config iptables",
            |s| shell(s, "iptables-legacy -N fpbxblacklist"),
            |s| shell(s, "iptables-legacy -X fpbxblacklist"),
        ),
        case(
            "rules",
            "warning",
            0,
            "banbridge apply",
            |s| shell(s, "iptables -F fpbxblacklist"),
            |s| drop(s.json(&["apply"])),
        ),
        case(
            "rules",
            "warning",
            0,
            "iptables -D INPUT",
            |s| shell(s, "iptables -I INPUT -s 192.0.2.1 -j DROP"),
            |s| shell(s, "iptables -D INPUT -s 192.0.2.1 -j DROP"),
        ),
        case(
            "means",
            "warning",
            0,
            "nftables",
            |s| shell(s, "mv /usr/sbin/nft /usr/sbin/nft-kept; mv /usr/sbin/ipset /usr/sbin/ipset-kept"),
            |s| shell(s, "mv /usr/sbin/nft-kept /usr/sbin/nft; mv /usr/sbin/ipset-kept /usr/sbin/ipset"),
        ),
        case(
            "set",
            "error",
            69,
            "banbridge apply",
            |s| shell(s, "nft delete table inet banbridge"),
            |s| drop(s.json(&["apply"])),
        ),
        case(
            "configuration",
            "error",
            77,
            "chown asterisk:asterisk",
            |s| shell(s, "chown root:root /etc/asterisk/banbridge.toml"),
            |s| s.give_to_asterisk(CONFIG),
        ),
        case(
            "configuration",
            "error",
            78,
            "config check",
            |s| shell(s, "echo nonsense >>/etc/asterisk/banbridge.toml"),
            |s| s.configure("[set]\nenabled = \"auto\""),
        ),
        case(
            "configuration",
            "error",
            78,
            "banbridge setup",
            |s| s.pbx.remove_file(CONFIG),
            |s| s.configure("[set]\nenabled = \"auto\""),
        ),
        case(
            "key apiban",
            "error",
            77,
            "compare the key",
            |s| {
                s.faults(&["key"]);
                sql(s, "UPDATE banbridge_feed SET last_error = 'something'");
            },
            |s| sql(s, "UPDATE banbridge_feed SET last_error = NULL"),
        ),
        case(
            "feed apiban",
            "error",
            69,
            "DNS, routes, proxy",
            |s| {
                s.faults(&["reset-early"]);
                sql(s, "UPDATE banbridge_feed SET last_error = 'something'");
            },
            |s| sql(s, "UPDATE banbridge_feed SET last_error = NULL"),
        ),
        case(
            "feed apiban",
            "error",
            69,
            "banbridge sync --feed apiban",
            |s| sql(s, "UPDATE banbridge_feed SET last_success = last_success - 200000"),
            |s| sql(s, "UPDATE banbridge_feed SET last_success = last_success + 200000"),
        ),
        case(
            "clock",
            "error",
            78,
            "timedatectl",
            |s| sql(s, "UPDATE banbridge_state SET value = value - 900000 WHERE name = 'clock'"),
            |s| sql(s, "UPDATE banbridge_state SET value = value + 900000 WHERE name = 'clock'"),
        ),
        case(
            "never_block",
            "warning",
            0,
            "banbridge allow",
            |s| sql(s, "UPDATE banbridge_source SET last_error = 'no answer' WHERE source = 'contact'"),
            |s| sql(s, "UPDATE banbridge_source SET last_error = NULL"),
        ),
        case(
            "entries",
            "warning",
            0,
            "Blacklist",
            |s| s.pbx.write_blacklist(["2001:db8::5", "203.0.113.77/24", "45.9.9.9", "45.9.9.9/32"], "1"),
            |s| sql(s, &format!("DELETE FROM {KVSTORE} WHERE id = 'blacklist' AND val = '1'")),
        ),
        case(
            "log",
            "error",
            77,
            "chown asterisk:asterisk",
            |s| shell(s, "chown root /var/log/asterisk"),
            |s| shell(s, "chown asterisk /var/log/asterisk"),
        ),
        case(
            "rotation",
            "warning",
            0,
            "logrotate",
            |s| shell(s, "mv /etc/logrotate.d/banbridge /etc/kept"),
            |s| shell(s, "mv /etc/kept /etc/logrotate.d/banbridge"),
        ),
        case(
            "timers",
            "warning",
            0,
            "banbridge setup",
            |s| shell(s, "mv /etc/cron.d/banbridge /etc/kept"),
            |s| shell(s, "mv /etc/kept /etc/cron.d/banbridge"),
        ),
        case(
            "last_run",
            "error",
            69,
            "cron runs",
            |s| sql(s, "UPDATE banbridge_run SET started_at = started_at - 7200"),
            |s| sql(s, "UPDATE banbridge_run SET started_at = started_at + 7200"),
        ),
        case(
            "page",
            "warning",
            0,
            "banbridge setup",
            |s| {
                let insert = "INSERT INTO modules (modulename, version, enabled) VALUES";
                sql(s, &format!("{insert} ('banbridge', '0.0.1', 1)"));
            },
            |s| sql(s, "DELETE FROM modules WHERE modulename = 'banbridge'"),
        ),
        case(
            "apiban_client",
            "warning",
            0,
            "--disable-old-client",
            |s| s.pbx.write_file("/etc/cron.d/apiban", OLD_CLIENT),
            |s| s.pbx.remove_file("/etc/cron.d/apiban"),
        ),
        case(
            "voipbl_script",
            "warning",
            0,
            "--disable-old-client",
            |s| s.pbx.write_file("/etc/cron.d/voipbl", "0 */4 * * * root /usr/local/bin/voipbl.sh\n"),
            |s| s.pbx.remove_file("/etc/cron.d/voipbl"),
        ),
        case(
            "fail2ban",
            "warning",
            0,
            "fail2ban-client stop",
            |s| s.pbx.write_file("/etc/cron.d/x", "*/5 * * * * root /usr/local/bin/apiban/apiban-fail2ban\n"),
            |s| s.pbx.remove_file("/etc/cron.d/x"),
        ),
        case(
            "running",
            "error",
            69,
            "fwconsole firewall start",
            |s| {
                s.pbx.kill_daemon();
            },
            |s| {
                s.pbx.start_daemon();
                s.json(&["apply"]);
            },
        ),
    ]
}

#[test]
fn each_need_that_is_broken_has_its_line_with_the_mend_and_its_exit_code() {
    let env = healthy(NFT);
    for case in cases() {
        (case.breaks)(&env);
        let (code, checks) = doctor(&env, &[]);
        let found = line(&checks, case.line);
        assert_eq!(found["state"], case.state, "{found}\n{:#?}", not_ok(&checks));
        assert!(found["fix"].as_str().unwrap().contains(case.fix), "{found:#}");
        assert_eq!(code, case.code, "{:?}", not_ok(&checks));
        (case.heals)(&env);
        // What was asked on the way is not to be a rate limit at the end.
        sql(&env, "DELETE FROM banbridge_request");
        env.feed.reset_rate();
        let (code, checks) = doctor(&env, &[]);
        assert_eq!((code, not_ok(&checks)), (0, vec![]), "after {}", case.line);
    }
}

#[test]
fn an_overlap_of_entries_that_stops_the_blacklist_of_freepbx_18_is_bad() {
    let env = healthy(Firewall::Nftables);
    env.pbx.write_blacklist(["203.0.113.0/24", "203.0.113.5", "2001:db8::5"], "1");
    let (code, checks) = doctor(&env, &[]);
    let found = line(&checks, "overlaps");
    assert_eq!((code, &found["state"]), (78, &Value::from("error")), "{found:#}");
    assert_eq!(found["fix"], "fwconsole firewall del blacklist 203.0.113.5");
    assert_eq!(line(&checks, "entries")["state"], "ok", "IPv6 is blocked there");
}

#[test]
fn asterisk_sees_what_it_can_and_says_what_it_cannot() {
    let env = healthy(NFT);
    let run = env.run_as("asterisk", &["doctor", "--json"]);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    let checks = value["checks"].as_array().unwrap();
    assert_eq!(run.code, 0, "{run:?}");
    let state = |wanted: &str| -> Vec<&str> {
        let all = checks.iter().filter(|check| check["state"] == wanted);
        all.map(|check| check["name"].as_str().unwrap()).collect()
    };
    assert_eq!(state("unknown"), ["iptables", "rules", "means", "set", "apiban_client", "voipbl_script"]);
    assert_eq!((state("error"), state("warning")), (vec![], vec![]));
}

#[test]
fn a_feed_is_asked_only_when_its_last_answer_says_too_little_and_never_offline_or_too_often() {
    let env = healthy(NFT);
    let asked = |words: &[&str]| {
        let before = env.requests().len();
        let (_, checks) = doctor(&env, words);
        (env.requests().len() - before, line(&checks, "feed apiban")["found"].as_str().unwrap().to_owned())
    };
    assert_eq!(asked(&[]).0, 0);
    env.later(3_600);
    assert_eq!(asked(&["--offline"]).0, 0);
    assert_eq!(asked(&[]).0, 1);
    for _ in 0..12 {
        asked(&[]);
    }
    let (requests, found) = asked(&[]);
    assert!(requests == 0 && found.contains("rate limit"), "{found}");
    assert!(env.requests().len() <= 1 + 12, "{}", env.requests().len());
}

#[test]
fn before_anything_is_set_up_it_says_so_and_does_not_fail_otherwise() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.pbx.remove_file(CONFIG);
    let (code, checks) = doctor(&env, &[]);
    assert_eq!(code, 78);
    assert_eq!(line(&checks, "configuration")["fix"], "banbridge setup");
    assert_eq!(line(&checks, "timers")["fix"], "banbridge setup");
    assert_eq!(line(&checks, "tables")["state"], "unknown");
    assert_eq!(env.tables(), Vec::<String>::new());
}

/// An old client that has been at work: its line of cron, its chain above the firewall's, its set.
fn with_old_clients(env: &TestEnv) {
    let pbx = &env.pbx;
    pbx.write_file("/etc/cron.d/apiban", OLD_CLIENT);
    fs::create_dir_all(pbx.outside("/var/spool/cron/crontabs")).unwrap();
    let crontab = "/var/spool/cron/crontabs/root";
    pbx.write_file(crontab, "0 3 * * * backup\n0 */4 * * * /usr/local/bin/voipbl.sh\n");
    fs::set_permissions(pbx.outside(crontab), fs::Permissions::from_mode(0o600)).unwrap();
    shell(
        env,
        "iptables -N APIBAN; iptables -I INPUT 1 -j APIBAN; iptables -I FORWARD 1 -j APIBAN
         iptables -A APIBAN -s 45.66.77.88/32 -d 0/0 -j REJECT
         ipset create voipbl hash:ip; iptables -I INPUT 1 -m set --match-set voipbl src -j DROP",
    );
}

#[test]
fn old_clients_are_disabled_when_told_and_not_before() {
    for firewall in [NFT, LEGACY] {
        let env = healthy(firewall);
        let pbx = &env.pbx;
        let files = ["/etc/cron.d/apiban", "/var/spool/cron/crontabs/root"];
        let rules = pbx.run(&["iptables-save", "-t", "filter"]).ok();
        let plain = |save: &str| {
            let lines = save.lines().filter(|line| !line.starts_with([':', '#']));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        with_old_clients(&env);
        let before = files.map(|file| pbx.read_file(file));
        let (code, checks) = doctor(&env, &[]);
        assert_eq!(code, 0);
        for name in ["apiban_client", "voipbl_script", "rules"] {
            assert_eq!(line(&checks, name)["state"], "warning", "{firewall:?}");
        }
        // Nobody is there who could say yes.
        let run = env.run(&["doctor", "--disable-old-client"]);
        assert!(run.code == 2 && run.stderr.contains("the chain APIBAN with 1 rule"), "{run:?}");
        assert_eq!(files.map(|file| pbx.read_file(file)), before);
        let run = env.run_as("asterisk", &["doctor", "--disable-old-client", "--yes"]);
        assert_eq!(run.code, 77, "{run:?}");

        let (code, value) = env.json(&["doctor", "--disable-old-client", "--yes"]);
        assert_eq!(code, 0, "{value:#}");
        let done = value["disabled"].as_array().unwrap();
        assert!(done.iter().all(|one| one["error"].is_null()), "{done:#?}");
        let copies: Vec<String> =
            done.iter().filter_map(|one| one["copy"].as_str()).map(|copy| pbx.read_file(copy)).collect();
        assert_eq!(copies, before);
        let after = files.map(|file| pbx.read_file(file));
        assert!(after[0].contains("\n# disabled by banbridge doctor --disable-old-client: */4"), "{after:?}");
        assert!(after[1].starts_with("0 3 * * * backup\n# disabled"), "{after:?}");
        let mode = fs::metadata(pbx.outside(files[1])).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // The firewall's own rules are as before, the client's are gone.
        assert_eq!(plain(&pbx.run(&["iptables-save", "-t", "filter"]).ok()), plain(&rules));
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
        let (code, checks) = doctor(&env, &["--disable-old-client", "--yes"]);
        assert_eq!((code, not_ok(&checks)), (0, vec![]), "a second time there is nothing to do");
    }
}
