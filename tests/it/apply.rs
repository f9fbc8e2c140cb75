//! Rows and chain together, in the sandbox: in force at once, without a process of the daemon's, and never a daemon
//! that stays stopped, whatever is killed, restarted or edited meanwhile.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::sandbox::{Attacker, Backend, Family, Firewall, Pass, Probe, Run, Sandbox, rule, until};
use crate::testenv::{ATTACKER, ATTACKER_V6, TestEnv, set};
use serde_json::{Value, json};

const NFT: Firewall = Firewall::Iptables(Backend::Nft);
const LEGACY: Firewall = Firewall::Iptables(Backend::Legacy);
/// From the first to the last: what is reached while one call is at work.
const STEPS: [&str; 6] = ["BeforeFreeze", "Frozen", "Committed", "Restored", "Thawed", "Told"];

fn quiet(firewall: Firewall) -> Sandbox {
    Sandbox::builder(firewall).period(3600).start()
}

/// The tool that calls the library; `cargo test` builds it as an example.
fn tool() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_banbridge")).with_file_name("examples").join("apply-tool");
    assert!(path.exists(), "cargo build --example apply-tool");
    path
}

/// Starts a change.
fn start(pbx: &Sandbox, order: &Value) -> Child {
    let mut child = pbx
        .command(tool().to_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    child
}

fn finish(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

/// Makes a change and returns what was done.
#[track_caller]
fn apply(pbx: &Sandbox, order: &Value) -> Value {
    serde_json::from_str(&finish(start(pbx, order)).ok()).unwrap()
}

/// A change that waits at a step.
struct Waiting<'a> {
    pbx: &'a Sandbox,
    child: Child,
    file: PathBuf,
}

impl<'a> Waiting<'a> {
    fn at(pbx: &'a Sandbox, step: &str, mut order: Value) -> Self {
        let file = pbx.dir().join(format!("at-{step}"));
        order["wait_at"] = step.into();
        order["wait_file"] = file.to_str().into();
        let child = start(pbx, &order);
        until(step, || file.exists());
        Self { pbx, child, file }
    }

    fn go(self) -> Run {
        std::fs::write(self.file.with_extension("go"), "").unwrap();
        let run = finish(self.child);
        std::fs::remove_file(self.file.with_extension("go")).unwrap();
        std::fs::remove_file(self.file).unwrap();
        run
    }

    #[track_caller]
    fn goes(self) -> Value {
        serde_json::from_str(&self.go().ok()).unwrap()
    }

    /// Sends the process itself a signal.
    fn signal(&self, signal: &str) {
        kill(signal, self.pbx.pid_of(&self.child));
    }
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("45.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256)).collect()
}

fn rules_of(keys: &[String]) -> BTreeSet<String> {
    keys.iter().map(|key| rule(&format!("{key}/32"))).collect()
}

/// Exactly these rules, none of them twice.
#[track_caller]
fn assert_rules(pbx: &Sandbox, keys: &[String]) {
    let rules = pbx.rules();
    let distinct: BTreeSet<String> = rules.iter().cloned().collect();
    assert_eq!(rules.len(), distinct.len(), "doubled rules");
    assert_eq!(distinct, rules_of(keys));
}

/// Commands of the daemon on the blacklist's chain.
fn commands(pbx: &Sandbox) -> usize {
    let log = pbx.read_file("/var/log/asterisk/firewall.log");
    log.lines().filter(|line| line.contains("/sbin/iptables ") && line.contains("fpbxblacklist")).count()
}

/// The daemon goes on within a second, and nobody watches it any more.
#[track_caller]
fn assert_goes_on(pbx: &Sandbox) {
    let patience = Instant::now() + Duration::from_secs(1);
    while pbx.daemon_state() == Some('T') {
        assert!(Instant::now() < patience, "the daemon was left stopped");
        sleep(Duration::from_millis(5));
    }
    until("the watch to end", || pbx.run(&["pgrep", "-f", "thaw-watch"]).stdout.is_empty());
}

/// Calls again until there is nothing to do, as the timer would.
#[track_caller]
fn converge(pbx: &Sandbox, order: &Value) {
    let mut last = Value::Null;
    for _ in 0..20 {
        last = apply(pbx, order);
        if last["verified"] == true {
            let again = apply(
                pbx,
                &json!({ "names": order["names"].clone().as_object().cloned().unwrap_or_default() }),
            );
            assert_eq!(again["how"], "nothing", "{again}");
            return;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("it does not converge: {last}");
}

#[test]
fn a_thousand_rows_are_in_force_after_one_call_and_the_daemon_starts_no_process() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let idle = pbx.hup().processes;
        let keys = addresses(1_000);
        let applied = apply(&pbx, &json!({ "add": keys }));
        assert_eq!(applied["how"], "frozen-restore", "{firewall:?}: {applied}");
        assert_eq!((&applied["verified"], &applied["repaired"]), (&true.into(), &false.into()), "{applied}");
        assert!(applied["seconds_frozen"].as_f64().unwrap() < 1.0, "{applied}");
        assert_rules(&pbx, &keys);
        for source in [&keys[0], &keys[999]] {
            assert_eq!(pbx.probe(Attacker(source)), Probe::Refused, "{firewall:?}");
        }
        assert_eq!(pbx.probe(Attacker("46.1.1.1")), Probe::Answered);
        assert_eq!(pbx.passes().last().unwrap().processes, idle, "{firewall:?}");

        let applied = apply(&pbx, &json!({ "remove": keys[..100] }));
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{applied}"
        );
        assert_rules(&pbx, &keys[100..]);
        assert_eq!(pbx.probe(Attacker(&keys[0])), Probe::Answered);
        assert_eq!(commands(&pbx), 0);
        assert_goes_on(&pbx);
    }
}

#[test]
fn where_all_is_right_nothing_is_done() {
    for firewall in [NFT, LEGACY, Firewall::Nftables] {
        let pbx = quiet(firewall);
        pbx.write_blacklist(["185.53.88.78", "2a06:4880::78", "bad.example.com"], "1");
        pbx.hup();
        let passes = pbx.passes().len();
        let applied = apply(&pbx, &json!({}));
        assert_eq!((&applied["how"], &applied["verified"]), (&"nothing".into(), &true.into()), "{applied}");
        assert_eq!(applied["steps"], json!([]));
        assert_eq!(pbx.passes().len(), passes);
    }
}

#[test]
fn the_administrators_rules_and_what_his_names_resolve_to_stay() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        pbx.names("bad.example.com 5.188.20.1 5.188.20.2\nworse.example.com 5.188.20.3\n");
        pbx.write_blacklist(["185.53.88.78", "5.188.0.0/24", "bad.example.com", "worse.example.com"], "1");
        pbx.hup();
        // One name is known to us by another address, one not at all.
        let order = json!({ "add": addresses(50), "names": { "bad.example.com": ["5.188.20.1"] } });
        let before = commands(&pbx);
        let applied = apply(&pbx, &order);
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{applied}"
        );
        assert_eq!(commands(&pbx), before, "{firewall:?}");
        let rules = pbx.rules();
        assert_eq!(rules.len(), 55);
        for network in ["185.53.88.78/32", "5.188.0.0/24", "5.188.20.1/32", "5.188.20.2/32", "5.188.20.3/32"]
        {
            assert!(rules.contains(&rule(network)), "{network}");
        }
        assert_eq!(pbx.blacklist().iter().filter(|(_, value)| value == "1").count(), 4);
    }
}

#[test]
fn the_administrators_ipv6_rows_that_the_daemon_retries_for_ever_are_left_alone() {
    let pbx = quiet(NFT);
    pbx.write_blacklist(["2a06:4880::78", "2a06:4880::/32"], "1");
    let applied = apply(&pbx, &json!({ "add": addresses(3) }));
    assert_eq!(
        (&applied["how"], &applied["verified"]),
        (&"frozen-restore".into(), &true.into()),
        "{applied}"
    );
    assert_rules(&pbx, &addresses(3));
    assert!(pbx.chain(Family::V6, "fpbxblacklist").is_empty());
}

#[test]
fn doubled_rules_go_and_strange_ones_too() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let keys = addresses(20);
        apply(&pbx, &json!({ "add": keys }));
        for words in
            [&["-s", "45.0.0.7", "-j", "REJECT"][..], &["-s", "45.0.0.7", "-j", "REJECT"], &["-j", "RETURN"]]
        {
            pbx.run(&[&["iptables", "-A", "fpbxblacklist"], words].concat()).ok();
        }
        let applied = apply(&pbx, &json!({}));
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{applied}"
        );
        assert_rules(&pbx, &keys);
        assert_eq!(commands(&pbx), 0);
    }
}

#[test]
fn a_pass_that_runs_is_waited_for_before_the_rows_are_written() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let keys = addresses(100);
        // A signal that comes during the first pass would be lost.
        until("the daemon to sleep", || pbx.daemon_sleeps());
        pbx.hold_after_snapshot();
        pbx.signal_daemon("HUP");
        pbx.wait_held();
        let child = start(&pbx, &json!({ "add": keys }));
        sleep(Duration::from_millis(500));
        assert!(pbx.blacklist().is_empty(), "{firewall:?}");
        pbx.release();
        let applied: Value = serde_json::from_str(&finish(child).ok()).unwrap();
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{applied}"
        );
        assert_rules(&pbx, &keys);
        assert_eq!(commands(&pbx), 0);
    }
}

#[test]
fn a_pass_without_an_end_gets_the_rows_and_the_next_run_the_rules() {
    let pbx = quiet(NFT);
    let keys = addresses(100);
    pbx.hold_after_snapshot();
    pbx.signal_daemon("HUP");
    pbx.wait_held();
    let applied = apply(&pbx, &json!({ "add": keys, "patience_ms": 300 }));
    assert_eq!(applied["how"], "rows-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("busy with a pass"), "{applied}");
    assert_eq!(pbx.blacklist().len(), 100);
    pbx.release();
    converge(&pbx, &json!({}));
    assert_rules(&pbx, &keys);
}

#[test]
fn a_pass_that_is_asked_for_at_any_step_doubles_nothing() {
    for (number, step) in STEPS.iter().enumerate() {
        let firewall = if number % 2 == 0 { NFT } else { LEGACY };
        let pbx = quiet(firewall);
        let keys = addresses(100);
        let waiting = Waiting::at(&pbx, step, json!({ "add": keys }));
        pbx.signal_daemon("HUP");
        sleep(Duration::from_millis(100));
        let applied = waiting.goes();
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{step}: {applied}"
        );
        assert_rules(&pbx, &keys);
        assert_goes_on(&pbx);
    }
}

#[test]
fn rows_that_take_too_long_do_not_hold_the_daemon_and_are_restored_in_a_second_try() {
    let pbx = Sandbox::builder(NFT).period(0.5).start();
    let keys = addresses(100);
    let child = start(&pbx, &json!({ "add": keys, "commit_takes_ms": 4_000 }));
    until("the daemon to be stopped", || pbx.daemon_state() == Some('T'));
    let stopped = Instant::now();
    pbx.hold_after_snapshot();
    until("the daemon to go on", || pbx.daemon_state() != Some('T'));
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    // A pass that has looked at the rules before the rows came.
    pbx.wait_held();
    until("the rows", || !pbx.blacklist().is_empty());
    sleep(Duration::from_millis(300));
    pbx.release();
    let applied: Value = serde_json::from_str(&finish(child).ok()).unwrap();
    assert_eq!(
        (&applied["how"], &applied["verified"]),
        (&"frozen-restore".into(), &true.into()),
        "{applied}"
    );
    assert_eq!(applied["repaired"], false, "{applied}");
    assert_rules(&pbx, &keys);
    assert_goes_on(&pbx);
}

#[test]
fn a_firewall_that_is_restarted_at_any_step_gets_its_rules_from_the_next_run_at_the_latest() {
    for (number, step) in STEPS.iter().enumerate() {
        let firewall = if number % 2 == 0 { LEGACY } else { NFT };
        let pbx = quiet(firewall);
        let keys = addresses(100);
        let waiting = Waiting::at(&pbx, step, json!({ "add": keys }));
        pbx.fwconsole(&["firewall", "restart"]).ok();
        let run = waiting.go();
        assert_eq!(run.code, 0, "{step}: {run:?}");
        // Its first pass loads row by row, which takes long where much else is going on.
        until("the new daemon's first pass", || {
            let ended = |pass: &&Pass| pass.why == "first" && pass.end.is_some();
            pbx.passes().iter().filter(ended).count() == 2
        });
        converge(&pbx, &json!({ "add": keys }));
        assert_rules(&pbx, &keys);
        assert_goes_on(&pbx);
        assert_eq!(pbx.chain(Family::V4, "INPUT"), ["-j fpbxfirewall"], "{step}");
    }
}

#[test]
fn a_daemon_that_is_still_starting_is_not_sent_the_signal_that_would_end_it() {
    let pbx = quiet(NFT);
    pbx.write_file("/var/lib/sandbox/hold-start", "");
    pbx.fwconsole(&["firewall", "restart"]).ok();
    until("the new daemon to start", || pbx.outside("/var/lib/sandbox/starting").exists());
    let daemon = pbx.daemon().unwrap();
    let keys = addresses(10);
    let applied = apply(&pbx, &json!({ "add": keys, "patience_ms": 200 }));
    assert_eq!((&applied["how"], &applied["verified"]), (&"rows-only".into(), &false.into()), "{applied}");
    // The mask in its status shows a handler already.
    let status = pbx.run(&["grep", "SigCgt", &format!("/proc/{daemon}/status")]).ok();
    assert!(status.trim().ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']), "{status}");
    assert_eq!(pbx.daemon(), Some(daemon));
    pbx.remove_file("/var/lib/sandbox/hold-start");
    until("its first pass", || pbx.rules().len() == 10);
    assert_eq!(pbx.daemon(), Some(daemon));
}

#[test]
fn a_firewall_that_is_stopped_meanwhile_is_not_given_a_chain_back() {
    let pbx = quiet(NFT);
    let waiting = Waiting::at(&pbx, "Frozen", json!({ "add": addresses(10) }));
    pbx.fwconsole(&["firewall", "disable"]).ok();
    let applied = waiting.goes();
    assert_eq!(applied["how"], "rows-only", "{applied}");
    assert_ne!(pbx.run(&["iptables", "-S", "fpbxblacklist"]).code, 0);
    assert_eq!(apply(&pbx, &json!({}))["why"], "the firewall is disabled");
}

#[test]
fn a_firewall_that_is_flushed_meanwhile_is_left_to_the_daemon_to_build_again() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let keys = addresses(10);
        let waiting = Waiting::at(&pbx, "Frozen", json!({ "add": keys }));
        pbx.run(&["/var/www/html/admin/modules/firewall/bin/clean-iptables"]).ok();
        let applied = waiting.goes();
        assert_eq!(applied["how"], "hup-only", "{firewall:?}: {applied}");
        assert!(applied["why"].as_str().unwrap().starts_with("iptables-restore"), "{applied}");
        until("the daemon's own work", || {
            pbx.run(&["iptables", "-S", "fpbxblacklist"]).stdout.lines().count() == 11
        });
        converge(&pbx, &json!({}));
        assert_rules(&pbx, &keys);
    }
}

#[test]
fn a_daemon_that_is_killed_while_it_is_held_still_is_told_of() {
    for step in ["Frozen", "Committed", "Restored"] {
        let pbx = quiet(NFT);
        let keys = addresses(100);
        let waiting = Waiting::at(&pbx, step, json!({ "add": keys }));
        pbx.kill_daemon();
        let applied = waiting.goes();
        assert_eq!(applied["verified"], false, "{step}: {applied}");
        assert!(applied.to_string().contains("ended"), "{step}: {applied}");
        assert_eq!(pbx.blacklist().len(), 100, "{step}");
        pbx.start_daemon();
        converge(&pbx, &json!({}));
        assert_rules(&pbx, &keys);
    }
}

#[test]
fn killed_at_any_step_we_leave_no_daemon_stopped_and_the_next_run_finishes() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        for (number, step) in STEPS.iter().enumerate() {
            let keys = addresses(50 * (number + 1));
            let run = finish(start(&pbx, &json!({ "add": keys, "kill_at": step })));
            assert_ne!(run.code, 0, "{step}: {run:?}");
            assert_goes_on(&pbx);
            converge(&pbx, &json!({ "add": keys }));
            assert_rules(&pbx, &keys);
        }
    }
}

#[test]
fn ended_by_a_signal_while_it_holds_the_daemon_we_leave_it_going() {
    let pbx = quiet(NFT);
    for signal in ["TERM", "INT", "HUP", "QUIT", "PIPE"] {
        let waiting = Waiting::at(&pbx, "Committed", json!({ "add": addresses(10) }));
        assert_eq!(pbx.daemon_state(), Some('T'), "{signal}");
        waiting.signal(signal);
        if signal == "PIPE" {
            // Ignored by every Rust program; it only must do no harm.
            waiting.goes();
        } else {
            assert_ne!(waiting.go().code, 0, "{signal}");
        }
        assert_goes_on(&pbx);
    }
}

#[test]
fn a_whole_service_that_is_ended_at_once_leaves_the_daemon_going() {
    let pbx = quiet(NFT);
    for signal in ["TERM", "INT", "HUP"] {
        let waiting = Waiting::at(&pbx, "Committed", json!({ "add": addresses(10) }));
        // As systemd does it: everything of the service is sent the signal, the watch first.
        let watch = pbx.run(&["pgrep", "-f", "thaw-watch"]).ok();
        pbx.run(&["kill", "-s", signal, watch.trim()]).ok();
        sleep(Duration::from_millis(100));
        assert_eq!(pbx.daemon_state(), Some('T'), "{signal}");
        waiting.signal(signal);
        assert_ne!(waiting.go().code, 0);
        assert_goes_on(&pbx);
    }
}

#[test]
fn stopped_ourselves_we_do_not_hold_the_daemon_for_long() {
    let pbx = quiet(NFT);
    let waiting = Waiting::at(&pbx, "Frozen", json!({ "add": addresses(10) }));
    waiting.signal("STOP");
    let since = Instant::now();
    until("the daemon to go on", || pbx.daemon_state() != Some('T'));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    // The helper that waits for it stops with it.
    kill("CONT", waiting.child.id());
    waiting.signal("CONT");
    let run = waiting.go();
    assert_eq!(run.code, 0, "{run:?}");
    converge(&pbx, &json!({}));
    assert_rules(&pbx, &addresses(10));
}

#[test]
fn a_daemon_that_was_left_stopped_goes_on_with_the_next_run() {
    for firewall in [NFT, Firewall::Nftables] {
        let pbx = quiet(firewall);
        let waiting = Waiting::at(&pbx, "Committed", json!({ "add": addresses(10) }));
        if firewall == NFT {
            // Killed together with the watch: nothing is left that could set it going.
            let watch = pbx.run(&["pgrep", "-f", "thaw-watch"]).ok();
            pbx.run(&["kill", "-s", "KILL", watch.trim()]).ok();
            waiting.signal("KILL");
            waiting.go();
        } else {
            waiting.goes();
            pbx.signal_daemon("STOP");
        }
        sleep(Duration::from_millis(300));
        assert_eq!(pbx.daemon_state(), Some('T'), "{firewall:?}");
        let applied = apply(&pbx, &json!({}));
        assert!(applied["notes"].to_string().contains("left paused"), "{applied}");
        assert_goes_on(&pbx);
        converge(&pbx, &json!({}));
    }
}

#[test]
fn rows_that_fail_or_a_bug_of_ours_leave_the_daemon_going_and_the_chain_as_it_was() {
    let pbx = quiet(NFT);
    for fault in ["commit_fails", "commit_panics"] {
        let run = finish(start(&pbx, &json!({ "add": addresses(10), fault: true })));
        assert_ne!(run.code, 0);
        assert!(run.stderr.contains("told to"), "{run:?}");
        assert_goes_on(&pbx);
        assert!(pbx.rules().is_empty() && pbx.blacklist().is_empty());
    }
}

#[test]
fn an_iptables_restore_that_fails_leaves_the_work_to_the_daemon_and_says_so() {
    let pbx = quiet(NFT);
    let keys = addresses(20);
    let real = pbx.run(&["readlink", "/usr/sbin/iptables-restore"]).ok();
    pbx.remove_file("/usr/sbin/iptables-restore");
    let version = pbx.run(&["iptables", "--version"]).ok();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo '{}' && exit\necho 'out of luck' >&2\nexit 1\n",
        version.trim()
    );
    pbx.write_file("/usr/sbin/iptables-restore", script);
    pbx.run(&["chmod", "755", "/usr/sbin/iptables-restore"]).ok();
    let applied = apply(&pbx, &json!({ "add": keys }));
    assert_eq!(applied["how"], "hup-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("out of luck"), "{applied}");
    assert_goes_on(&pbx);
    until("the daemon's own work", || pbx.rules().len() == keys.len());
    assert_rules(&pbx, &keys);
    pbx.remove_file("/usr/sbin/iptables-restore");
    pbx.run(&["ln", "-s", real.trim(), "/usr/sbin/iptables-restore"]).ok();
    let applied = apply(&pbx, &json!({ "remove": keys[..1] }));
    assert_eq!(applied["how"], "frozen-restore", "{applied}");
}

#[test]
fn another_iptables_restore_than_the_daemons_iptables_is_not_used() {
    let pbx = quiet(NFT);
    pbx.run(&["ln", "-sf", "xtables-legacy-multi", "/usr/sbin/iptables-restore"]).ok();
    let applied = apply(&pbx, &json!({ "add": addresses(3) }));
    assert_eq!(applied["how"], "hup-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("different programs"), "{applied}");
    until("the daemon's own work", || pbx.rules().len() == 3);
}

#[test]
fn a_chain_in_the_other_backend_too_is_left_to_the_daemon() {
    for (firewall, words) in [
        (NFT, &["iptables-legacy", "-N", "fpbxblacklist"][..]),
        (LEGACY, &["iptables-nft", "-N", "fpbxblacklist"]),
    ] {
        let pbx = quiet(firewall);
        pbx.run(words).ok();
        let applied = apply(&pbx, &json!({ "add": addresses(3) }));
        assert_eq!(applied["how"], "hup-only", "{applied}");
        assert!(applied["why"].as_str().unwrap().contains("is also in"), "{applied}");
        until("the daemon's own work", || pbx.rules().len() == 3);
    }
}

#[test]
fn a_chain_that_no_packet_reaches_is_left_to_the_daemon() {
    let pbx = quiet(NFT);
    pbx.run(&["iptables", "-D", "fpbxfirewall", "-j", "fpbxblacklist"]).ok();
    let applied = apply(&pbx, &json!({ "add": addresses(3) }));
    assert_eq!(applied["how"], "hup-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("no packet gets to"), "{applied}");
}

#[test]
fn in_safe_mode_switched_off_or_not_running_the_rows_are_written_and_nobody_is_told() {
    let pbx = quiet(NFT);
    let passes = pbx.passes().len();
    pbx.write_file("/run/firewalld.safemode", "");
    let applied = apply(&pbx, &json!({ "add": ["45.0.0.1"] }));
    assert_eq!(applied["how"], "rows-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("safe mode"), "{applied}");
    pbx.remove_file("/run/firewalld.safemode");
    assert_eq!(pbx.passes().len(), passes);
    pbx.kill_daemon();
    let applied = apply(&pbx, &json!({ "add": ["45.0.0.2"] }));
    assert_eq!(
        (&applied["how"], &applied["why"]),
        (&"rows-only".into(), &"the firewall service is not running".into())
    );
    pbx.fwconsole(&["firewall", "disable"]).ok();
    let applied = apply(&pbx, &json!({ "add": ["45.0.0.3"] }));
    assert_eq!((&applied["how"], &applied["why"]), (&"rows-only".into(), &"the firewall is disabled".into()));
    assert_eq!(pbx.blacklist().len(), 3);
}

#[test]
fn somebody_who_only_looks_at_the_daemons_file_is_not_taken_for_it() {
    let pbx = quiet(NFT);
    // Older than the daemon.
    let script = "/var/www/html/admin/modules/firewall/hooks/voipfirewalld";
    pbx.kill_daemon();
    let mut reader = pbx.command("tail").args(["-f", script]).stdout(Stdio::null()).spawn().unwrap();
    pbx.pid_of(&reader);
    pbx.start_daemon();
    until("the daemon to sleep", || pbx.run(&["pgrep", "-f", "Monitor"]).code == 0);
    let applied = apply(&pbx, &json!({ "add": addresses(3) }));
    assert_eq!(
        (&applied["how"], &applied["verified"]),
        (&"frozen-restore".into(), &true.into()),
        "{applied}"
    );
    assert!(reader.try_wait().unwrap().is_none());
    reader.kill().unwrap();
    reader.wait().unwrap();
}

#[test]
fn of_several_that_look_like_the_daemon_none_is_touched() {
    let pbx = quiet(NFT);
    let passes = pbx.passes().len();
    let holder = "exec 9</var/run/asterisk/firewall/lock-firewall; sleep 60; true";
    let mut other = pbx.command("sh").args(["-c", holder, "hooks/voipfirewalld"]).spawn().unwrap();
    pbx.pid_of(&other);
    sleep(Duration::from_millis(100));
    let applied = apply(&pbx, &json!({ "add": addresses(3) }));
    assert_eq!(applied["how"], "rows-only", "{applied}");
    assert!(applied["why"].as_str().unwrap().contains("several processes"), "{applied}");
    assert_eq!(pbx.passes().len(), passes);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_row_that_somebody_adds_meanwhile_is_in_force_too() {
    for (firewall, step) in [(NFT, "Frozen"), (LEGACY, "Committed"), (NFT, "Thawed"), (NFT, "Told")] {
        let pbx = quiet(firewall);
        let mut keys = addresses(20);
        let waiting = Waiting::at(&pbx, step, json!({ "add": keys }));
        pbx.gui_blacklist("add", "185.53.88.78").ok();
        let applied = waiting.goes();
        assert_eq!(
            (&applied["how"], &applied["verified"]),
            (&"frozen-restore".into(), &true.into()),
            "{step}: {applied}"
        );
        keys.push("185.53.88.78".into());
        assert_rules(&pbx, &keys);
        assert_eq!(pbx.blacklist().iter().filter(|(_, value)| value == "1").count(), 1);
    }
}

#[test]
fn a_chain_that_somebody_disturbs_meanwhile_is_mended_once() {
    let pbx = quiet(LEGACY);
    let keys = addresses(20);
    let waiting = Waiting::at(&pbx, "Thawed", json!({ "add": keys }));
    for _ in 0..3 {
        pbx.run(&["iptables", "-A", "fpbxblacklist", "-s", "45.0.0.1", "-j", "REJECT"]).ok();
    }
    let applied = waiting.goes();
    assert_eq!((&applied["verified"], &applied["repaired"]), (&true.into(), &true.into()), "{applied}");
    assert_rules(&pbx, &keys);
}

#[test]
fn a_rule_above_the_firewall_that_makes_it_start_over_on_each_pass_is_named() {
    let pbx = quiet(NFT);
    pbx.run(&["iptables", "-I", "INPUT", "-s", "5.188.10.9", "-j", "DROP"]).ok();
    let waiting = Waiting::at(&pbx, "Told", json!({ "add": addresses(20) }));
    // The daemon flushes everything, the rule too, and somebody's script puts it back.
    until("the pass", || pbx.passes().len() > 1 && pbx.daemon_sleeps());
    pbx.run(&["iptables", "-I", "INPUT", "-s", "5.188.10.9", "-j", "DROP"]).ok();
    pbx.run(&["iptables", "-D", "fpbxblacklist", "-s", "45.0.0.1", "-j", "REJECT"]).ok();
    let applied = waiting.goes();
    assert_eq!(applied["verified"], false, "{applied}");
    assert!(applied["notes"].to_string().contains("-s 5.188.10.9/32 -j DROP"), "{applied}");
}

#[test]
fn with_freepbx_18_rows_and_a_hangup_are_enough_and_the_sets_are_read_back() {
    let pbx = quiet(Firewall::Nftables);
    let keys = addresses(1_000);
    let add = [&keys[..], &["2a06:4880::78".to_owned()]].concat();
    let applied = apply(&pbx, &json!({ "add": add }));
    assert_eq!((&applied["how"], &applied["verified"]), (&"hup-only".into(), &true.into()), "{applied}");
    assert_eq!(applied["why"], Value::Null);
    assert_eq!(pbx.elements("inet fpbx", "blacklist").len(), 1_000);
    for source in [keys[0].as_str(), "2a06:4880::78"] {
        assert_eq!(pbx.probe(Attacker(source)), Probe::Refused, "{source}");
    }
    assert_eq!(apply(&pbx, &json!({}))["how"], "nothing");
}

#[test]
fn with_freepbx_18_an_overlap_of_the_administrators_making_is_explained_by_its_two_rows() {
    for (inner, named) in [("5.188.10.5", false), ("bad.example.com", true)] {
        let pbx = quiet(Firewall::Nftables);
        pbx.names("bad.example.com 5.188.10.5\n");
        pbx.write_blacklist(["5.188.10.0/24", inner], "1");
        let names = if named { json!({ "bad.example.com": ["5.188.10.5"] }) } else { json!({}) };
        let applied = apply(&pbx, &json!({ "add": ["45.0.0.1"], "names": names, "mend": true }));
        assert_eq!((&applied["verified"], &applied["repaired"]), (&false.into(), &false.into()), "{applied}");
        assert_eq!(applied["overlap"]["outer"]["key"], "5.188.10.0/24");
        assert_eq!(applied["overlap"]["inner"]["key"], inner);
        assert_eq!(applied["overlap"]["inner"]["prefix"], "5.188.10.5");
        // What we cannot mend is not tried again and again.
        let passes = pbx.passes().len();
        let again = apply(&pbx, &json!({ "names": names }));
        assert_eq!((&again["how"], &again["verified"]), (&"nothing".into(), &false.into()), "{again}");
        assert_eq!(again["overlap"], applied["overlap"]);
        assert_eq!(pbx.passes().len(), passes);
    }
}

#[test]
fn with_freepbx_18_a_row_of_rubbish_behind_a_slash_is_everything_and_is_named() {
    let env = TestEnv::new(Firewall::Nftables, &["45.0.0.1", "46.0.0.0/24"]);
    env.sync(0, &[]);
    assert_eq!(env.ours().len(), 2);
    env.pbx.write_blacklist(["0.0.0.0/0x"], "1");
    let report = env.sync(0, &[]);
    let said = report["warnings"].to_string();
    assert!(
        said.contains("Your row 0.0.0.0/0x is no address, and FreePBX 18 takes it for 0.0.0.0/0"),
        "{said}"
    );
    // No row of ours may overlap it: one that did would stop every update of the firewall.
    assert_eq!(env.ours().len(), 0);
    env.pbx.hup();
    assert_eq!(env.pbx.elements("inet fpbx", "blacklist"), ["0.0.0.0/0"]);
    // It is taken out: all is as before.
    env.pbx.sql_run("DELETE FROM kvstore_FreePBX_modules_Firewall WHERE `key` = '0.0.0.0/0x'", ());
    env.sync(0, &[]);
    assert_eq!(env.pbx.elements("inet fpbx", "blacklist"), ["45.0.0.1", "46.0.0.0/24"]);
}

#[test]
fn with_freepbx_18_a_row_of_ours_that_overlaps_the_administrators_is_mended() {
    let pbx = quiet(Firewall::Nftables);
    pbx.write_blacklist(["5.188.10.0/24"], "1");
    let applied = apply(&pbx, &json!({ "add": ["5.188.10.5", "45.0.0.1"], "mend": true }));
    assert_eq!((&applied["verified"], &applied["repaired"]), (&true.into(), &true.into()), "{applied}");
    assert_eq!(applied["overlap"], Value::Null);
    assert_eq!(pbx.elements("inet fpbx", "blacklist"), ["5.188.10.0/24", "45.0.0.1"]);
}

#[test]
fn freepbx_18_is_told_by_its_table_in_the_kernel_where_no_setting_names_the_driver() {
    let env = TestEnv::new(Firewall::Nftables, &[ATTACKER, ATTACKER_V6]);
    env.pbx.sql_run("DELETE FROM kvstore_FreePBX_modules_Firewall WHERE `key` = 'firewall_backend'", ());
    let report = env.sync(0, &[]);
    assert_eq!((&report["firewall"]["driver"], &report["verified"]), (&json!("nftables"), &json!(true)));
    assert_eq!(env.ours(), set([ATTACKER, ATTACKER_V6]), "IPv6 has rows");
    // Who cannot look goes by what root saw.
    let status: Value = serde_json::from_str(&env.run_as("asterisk", &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["firewall"]["driver"], "nftables");
    env.run(&["purge", "--yes"]).ok();
    assert_eq!(env.pbx.probe(Attacker(ATTACKER)), Probe::Answered, "its rules went with the rows");
}
