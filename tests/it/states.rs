//! Every state of the firewall, made for real, in every place that says whether something is blocked. No place may say so
//! where a packet is answered, and each says what to do.

use crate::sandbox::Firewall;
use crate::testenv::{ATTACKER, Attacker, DAY, NFT, Probe, TestEnv, until};
use serde_json::json;

/// One state.
struct Case {
    name: &'static str,
    firewall: Firewall,
    set: bool,
    make: fn(&TestEnv),
    /// `state` of `status --json`.
    state: &'static str,
    /// In the sentence.
    words: &'static str,
    /// The exit code of `status --check`.
    check: i32,
    /// A line of doctor that is not ok; none where all is well.
    doctor: Option<&'static str>,
    /// Whether a packet of the attacker is refused.
    refused: bool,
}

const WELL: Case = Case {
    name: "all is well",
    firewall: NFT,
    set: false,
    make: |_| {},
    state: "blocking",
    words: "1 address or network is blocked.",
    check: 0,
    doctor: None,
    refused: true,
};

fn cases() -> Vec<Case> {
    let flush = |env: &TestEnv| drop(env.pbx.run(&["iptables", "-F", "fpbxblacklist"]).ok());
    vec![
        WELL,
        Case { name: "all is well with the set", set: true, ..WELL },
        Case { name: "all is well with FreePBX 18", firewall: Firewall::Nftables, ..WELL },
        Case {
            name: "a chain that was flushed",
            make: flush,
            state: "pending",
            words: "1 rule of the firewall is missing",
            check: 1,
            doctor: Some("rules"),
            refused: false,
            ..WELL
        },
        Case {
            name: "a chain that was flushed beside the set",
            set: true,
            make: flush,
            state: "pending",
            words: "The kernel set blocks, but 1 rule",
            check: 1,
            doctor: Some("rules"),
            ..WELL
        },
        Case {
            name: "a firewall that was flushed",
            make: |env| drop(env.pbx.run(&["iptables", "-F", "fpbxfirewall"]).ok()),
            state: "not_blocking",
            words: "Nothing is blocked: the firewall has not loaded its rules yet",
            check: 2,
            doctor: Some("rules"),
            refused: false,
            ..WELL
        },
        Case {
            name: "a firewall that was flushed, and no sync for a day",
            make: |env| {
                env.later(DAY);
                env.pbx.run(&["iptables", "-F", "fpbxfirewall"]).ok();
            },
            state: "not_blocking",
            words: "Nothing is blocked: the firewall has not loaded its rules yet",
            check: 2,
            doctor: Some("rules"),
            refused: false,
            ..WELL
        },
        Case {
            name: "a service that was killed with its monitor",
            make: |env| env.pbx.kill_daemon(),
            state: "pending",
            words: "What is in the kernel still blocks, but no change takes effect: the firewall service is not running",
            check: 2,
            doctor: Some("running"),
            ..WELL
        },
        Case {
            name: "a service that was killed while its monitor keeps the lock",
            make: |env| {
                let daemon = env.pbx.daemon();
                env.pbx.signal_daemon("KILL");
                until("the daemon to end", || env.pbx.daemon() != daemon);
                assert_eq!(
                    env.pbx.run(&["pgrep", "-f", "voipfirewalld .Monitor"]).code,
                    0,
                    "the monitor lives"
                );
            },
            state: "pending",
            words: "the firewall service is not running. Start it: fwconsole firewall start",
            check: 2,
            doctor: Some("running"),
            ..WELL
        },
        Case {
            name: "a service that is paused",
            make: |env| {
                until("the daemon to sleep", || env.pbx.daemon_sleeps());
                env.pbx.signal_daemon("STOP");
            },
            state: "pending",
            words: "the firewall service is paused. Resume it as root: banbridge apply",
            check: 2,
            doctor: Some("running"),
            ..WELL
        },
        Case {
            name: "safe mode",
            make: |env| {
                env.pbx.write_file("/run/firewalld.safemode", "");
                env.pbx.run(&["iptables", "-F", "fpbxfirewall"]).ok();
            },
            state: "not_blocking",
            words: "Nothing is blocked: the firewall is in safe mode",
            check: 2,
            doctor: Some("safe_mode"),
            refused: false,
            ..WELL
        },
        Case {
            name: "safe mode beside the set",
            set: true,
            make: |env| {
                env.pbx.write_file("/run/firewalld.safemode", "");
                env.pbx.run(&["iptables", "-F", "fpbxfirewall"]).ok();
            },
            state: "pending",
            words: "Only the kernel set blocks: the firewall is in safe mode",
            check: 2,
            doctor: Some("safe_mode"),
            ..WELL
        },
        Case {
            name: "disabled",
            make: |env| drop(env.pbx.fwconsole(&["firewall", "disable"]).ok()),
            state: "not_blocking",
            words: "Nothing is blocked: the firewall is disabled",
            check: 2,
            doctor: Some("enabled"),
            refused: false,
            ..WELL
        },
        Case {
            name: "all of it unblocked by one wide network",
            make: |env| drop(env.run(&["unblock", "185.53.0.0/16"]).ok()),
            state: "not_blocking",
            words: "Nothing is blocked: all listed addresses are protected, unblocked",
            check: 2,
            refused: false,
            ..WELL
        },
        Case {
            name: "a database that is read-only",
            make: |env| env.pbx.sql_run("SET GLOBAL read_only = 1", ()),
            state: "out_of_date",
            words: "The database is read-only",
            check: 1,
            ..WELL
        },
        Case {
            name: "two rows of yours that overlap with FreePBX 18",
            firewall: Firewall::Nftables,
            make: |env| env.pbx.write_blacklist(["46.0.0.0/24", "46.0.0.7"], "1"),
            state: "pending",
            words: "Changes do not take effect: ",
            check: 1,
            doctor: Some("overlaps"),
            ..WELL
        },
    ]
}

#[test]
fn no_place_says_that_it_is_blocked_where_a_packet_is_answered() {
    for case in cases() {
        let name = case.name;
        let env = TestEnv::new(case.firewall, &[ATTACKER]);
        if case.set {
            env.configure("[set]\nenabled = \"yes\"");
        }
        env.sync(0, &[]);
        (case.make)(&env);
        let probed = env.pbx.probe(Attacker(ATTACKER));
        assert_eq!(probed == Probe::Refused, case.refused, "{name}: {probed:?}");

        let (_, status) = env.json(&["status"]);
        assert_eq!(status["state"], case.state, "{name}: {status:#}");
        let sentence = status["state_text"].as_str().unwrap();
        assert!(sentence.contains(case.words), "{name}: {sentence}");
        if !case.refused {
            assert_eq!(status["blocking"], json!(false), "{name}: {status:#}");
        }
        assert!(env.run(&["status"]).ok().starts_with(sentence), "{name}");
        let check = env.run(&["status", "--check"]);
        assert_eq!(check.code, case.check, "{name}: {check:?}");
        if case.state == "not_blocking" {
            assert!(check.stdout.contains("CRITICAL - Nothing is blocked"), "{name}: {check:?}");
        }
        let (code, address) = env.json(&["check", ATTACKER]);
        assert_eq!(
            (code == 0, &address["blocked"]),
            (case.refused, &json!(case.refused)),
            "{name}: {address:#}"
        );
        let (_, checks) = env.json(&["doctor", "--offline"]);
        for line in ["running", "rules", "set", "overlaps", "enabled", "safe_mode"] {
            let Some(found) = checks["checks"].as_array().unwrap().iter().find(|one| one["name"] == line)
            else {
                continue;
            };
            let fine = ["ok", "unknown"].contains(&found["state"].as_str().unwrap());
            assert!(fine || case.doctor.is_some(), "{name}: {found}");
            assert!(!(fine && case.doctor == Some(line)), "{name}: {found}");
        }
        env.pbx.sql_run("SET GLOBAL read_only = 0", ());
    }
}

#[test]
fn a_warning_does_not_hide_that_nothing_is_blocked() {
    let env = TestEnv::new(NFT, &[ATTACKER, "45.0.0.7"]);
    env.pbx.set_config("networkmaps", &json!({ "45.0.0.7/32": "trusted" }));
    env.sync(0, &[]);
    let check = env.run(&["status", "--check"]);
    assert!(check.code == 1 && check.stdout.contains("WARNING - A protected"), "{check:?}");
    env.pbx.run(&["iptables", "-F", "fpbxfirewall"]).ok();
    let check = env.run(&["status", "--check"]);
    let said = ["CRITICAL - Nothing is blocked", "; A protected"];
    assert!(check.code == 2 && said.iter().all(|words| check.stdout.contains(words)), "{check:?}");
}

#[test]
fn what_root_saw_counts_for_two_minutes_and_then_nothing_is_known() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    let of = |words: &[&str]| env.run_as("asterisk", words);
    assert!(of(&["status"]).ok().starts_with("1 address or network is blocked."));
    assert_eq!((of(&["status", "--check"]).code, of(&["check", ATTACKER]).code), (0, 0));
    env.later(125);
    let status = of(&["status"]).ok();
    assert!(status.starts_with("Not known since ") && status.contains("systemctl list-timers"), "{status}");
    assert_eq!((of(&["status", "--check"]).code, of(&["check", ATTACKER]).code), (3, 1));
    // Root looks itself, and its next run is evidence for others.
    assert_eq!((env.run(&["status", "--check"]).code, env.run(&["check", ATTACKER]).code), (0, 0));
    env.run(&["apply"]).ok();
    assert_eq!((of(&["status", "--check"]).code, of(&["check", ATTACKER]).code), (0, 0));
}

#[test]
fn a_quiet_run_says_that_it_saw_everything_in_place() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    for words in [&["sync"][..], &["apply"]] {
        let (_, report) = env.json(words);
        assert_eq!((&report["verified"], &report["reload"]), (&json!(true), &json!("none")), "{report:#}");
    }
}
