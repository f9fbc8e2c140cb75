//! Permit lists, on real packet filters with real packets: who is outside is closed out at the SIP ports, and nobody else.
//! And the set without the System Firewall.

use std::fs;

use crate::testenv::{ATTACKER, Attacker, LEGACY, NFT, Phone, Probe, Sandbox, TestEnv};
use serde_json::{Value, json};

const INSIDE: &str = "45.0.0.9";
const OUTSIDE: &str = "46.0.0.9";
const OUTSIDE_V6: &str = "2a06:4880::99";
/// Where the lists stand; asterisk can read it.
const LISTS: &str = "/var/log/asterisk";

fn list(env: &TestEnv, name: &str, networks: &[&str]) {
    env.pbx.write_file(format!("{LISTS}/{name}"), networks.join("\n") + "\n");
}

/// A permit feed of a list, and the set.
fn permit(name: &str, more: &str) -> String {
    format!(
        "[[feed]]\nname = \"{name}\"\nkind = \"list\"\nurl = \"{LISTS}/{name}\"\nuse = \"permit\"\n{more}\n[set]\nenabled = \"yes\"\n"
    )
}

fn probe(env: &TestEnv, address: &str) -> Probe {
    env.pbx.probe(Attacker(address))
}

fn status(env: &TestEnv) -> Value {
    env.json(&["status"]).1
}

/// The next run looks at the kernel, whenever it looked last.
fn look_again(env: &TestEnv) {
    let _ = fs::remove_file(env.pbx.outside("/var/lib/banbridge/permit.seen"));
    env.counters_are_due();
}

/// As on EL7: there is no nft that can be used.
fn without_nft(env: &TestEnv) {
    env.pbx.run(&["mv", "/usr/sbin/nft", "/usr/sbin/nft.away"]).ok();
}

#[test]
fn only_who_is_on_a_permit_list_or_protected_gets_in_with_nft_and_with_ipset() {
    for (firewall, nft, closed) in [(NFT, true, Probe::Refused), (LEGACY, false, Probe::Silent)] {
        let env = TestEnv::new(firewall, &[ATTACKER, "45.0.0.7"]);
        if !nft {
            without_nft(&env);
        }
        // A flow that is established goes on.
        let flow = |env: &TestEnv| env.pbx.probe_from_port(Attacker("46.0.0.77"), 45_060);
        assert_eq!(flow(&env), Probe::Answered);
        list(&env, "us", &["45.0.0.0/8", "44.0.0.0/8"]);
        env.configure(&permit("us", ""));
        env.sync(0, &[]);
        assert_eq!(probe(&env, INSIDE), Probe::Answered, "{nft}");
        assert_eq!(probe(&env, OUTSIDE), closed, "{nft}");
        assert_eq!(probe(&env, "45.0.0.7"), closed, "what a blocking feed says wins over a permit");
        assert_eq!(probe(&env, OUTSIDE_V6), Probe::Answered, "IPv6 has no list and is left alone");
        assert_eq!(env.pbx.probe(Phone(Sandbox::PHONE)), Probe::Answered);
        assert_eq!(flow(&env), Probe::Answered, "{nft}");
        assert!(!env.ours().contains("45.0.0.0/8"), "no row says it: {:?}", env.ours());

        // Whoever is protected gets in.
        env.run(&["allow", OUTSIDE]).ok();
        assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
        env.run(&["unallow", OUTSIDE]).ok();
        assert_eq!(probe(&env, OUTSIDE), closed);
        let check = env.run(&["check", OUTSIDE]);
        assert!(check.stdout.contains("outside of the permit lists") && check.code == 1, "{check:?}");
        assert!(env.run(&["check", INSIDE]).stdout.contains("no feed lists it"));

        look_again(&env);
        env.run(&["apply"]).ok();
        let found = status(&env);
        assert_eq!((&found["permit"]["in_force"], &found["permit"]["size"]), (&json!(true), &json!(1)));
        assert!(found["permit"]["outside_packets"].as_u64().unwrap() >= 2, "{}", found["permit"]);
        let text = env.run(&["status"]).ok();
        assert!(text.contains("IPv6 is left alone") && text.contains("udp 5060"), "{text}");
        let figures = env.run(&["status", "--format", "prometheus"]).ok();
        assert!(figures.contains("banbridge_permit_in_force 1\n"), "{figures}");
        let days = env.json(&["history"]).1;
        assert!(days["days"][0]["outside"].as_u64().unwrap() >= 2, "{days}");

        // At boot the saved copy has it.
        if nft {
            env.pbx.run(&["nft", "delete", "table", "inet", "banbridge_permit"]).ok();
        } else {
            env.pbx.run(&["iptables-legacy", "-t", "mangle", "-F"]).ok();
            env.pbx.run(&["iptables-legacy", "-t", "mangle", "-X"]).ok();
            env.pbx.run(&["ip6tables-legacy", "-t", "mangle", "-F"]).ok();
            for set in ["permit4", "permit6", "ppass4", "ppass6"] {
                env.pbx.run(&["ipset", "destroy", &format!("banbridge-{set}")]).ok();
            }
        }
        assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
        env.run(&["apply", "--boot"]).ok();
        assert_eq!(probe(&env, OUTSIDE), closed, "{nft}");

        // It goes with its feed.
        env.run(&["feed", "remove", "us"]).ok();
        assert_eq!(probe(&env, OUTSIDE), Probe::Answered, "{nft}");
        assert_eq!(status(&env)["permit"], Value::Null);
        assert_eq!(probe(&env, "45.0.0.7"), closed, "the set is untouched");
    }
}

#[test]
fn both_families_have_a_list_of_their_own_and_drop_is_silent() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    list(&env, "both", &["45.0.0.0/8", "2a05::/16"]);
    env.configure(&(permit("both", "") + "action = \"drop\"\n"));
    env.sync(0, &[]);
    assert_eq!((probe(&env, INSIDE), probe(&env, "2a05::9")), (Probe::Answered, Probe::Answered));
    assert_eq!((probe(&env, OUTSIDE), probe(&env, OUTSIDE_V6)), (Probe::Silent, Probe::Silent));
    assert_eq!(probe(&env, ATTACKER), Probe::Silent, "the set too");
    env.configure(&(permit("both", "") + "action = \"reject\"\n"));
    env.run(&["apply"]).ok();
    assert_eq!((probe(&env, OUTSIDE), probe(&env, ATTACKER)), (Probe::Refused, Probe::Refused));
}

#[test]
fn the_ports_are_those_of_this_freepbx_and_follow_when_they_change() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    list(&env, "us", &["45.0.0.0/8"]);
    env.configure(&permit("us", ""));
    env.pbx.sql_run(
        "CREATE TABLE kvstore_FreePBX_modules_Sipsettings (`key` CHAR(255), `val` VARCHAR(4096), `type` CHAR(16), id CHAR(255))",
        (),
    );
    let set = |port: &str| {
        env.pbx.sql_run("DELETE FROM kvstore_FreePBX_modules_Sipsettings", ());
        let sql = "INSERT INTO kvstore_FreePBX_modules_Sipsettings VALUES ('binds', ?, 'json-arr', 'noid'), \
             ('udpport-0.0.0.0', ?, NULL, 'noid')";
        env.pbx.sql_run(sql, (r#"{"udp":{"0.0.0.0":"on"}}"#, port));
        env.pbx.sql_run(
            "REPLACE INTO freepbx_settings (keyword, value) VALUES ('ASTSIPDRIVER', 'chan_pjsip')",
            (),
        );
    };
    set("5080");
    env.sync(0, &[]);
    assert_eq!(probe(&env, OUTSIDE), Probe::Answered, "5060 is no SIP port of this PBX");
    assert_eq!(status(&env)["permit"]["ports"], json!([{ "protocol": "udp", "port": 5080 }]));
    set("5060");
    env.run(&["apply"]).ok();
    assert_eq!(probe(&env, OUTSIDE), Probe::Refused);
    env.configure(&(permit("us", "") + "[permit]\nports = [5090]\n"));
    env.run(&["apply"]).ok();
    assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
    env.configure(&(permit("us", "") + "[permit]\nports = \"all\"\n"));
    env.run(&["apply"]).ok();
    assert_eq!((probe(&env, OUTSIDE), probe(&env, INSIDE)), (Probe::Refused, Probe::Answered));
    env.configure(&(permit("us", "") + "[permit]\nports = \"some\"\n"));
    let run = env.run(&["apply"]);
    assert!(run.code == 78 && run.stderr.contains("ports must be"), "{run:?}");
}

#[test]
fn a_list_that_fails_or_shrinks_by_a_tenth_keeps_its_last_good_version() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure(&permit("us", ""));
    // Where none was ever good nothing is enforced, and that is an error.
    let run = env.run(&["sync"]);
    assert_ne!(run.code, 0);
    assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
    let found = status(&env);
    let problem = found["problems"].as_array().unwrap().iter().find(|one| one["id"] == "permit").unwrap();
    assert_eq!((&problem["level"], &problem["coded"]["code"]), (&json!("error"), &json!("permit_not_ready")));
    let networks: Vec<String> = (0..20).map(|n| format!("45.{n}.0.0/16")).collect();
    let some = |from: usize| networks[from..].iter().map(String::as_str).collect::<Vec<_>>();
    list(&env, "us", &some(0));
    env.sync(0, &["--feed", "us"]);
    assert_eq!((probe(&env, OUTSIDE), probe(&env, "45.0.0.9")), (Probe::Refused, Probe::Answered));
    assert!(!ids(&env).contains(&"permit".to_owned()));
    for shorter in [some(3), Vec::new()] {
        list(&env, "us", &shorter);
        env.sync(65, &["--feed", "us"]);
        assert_eq!((probe(&env, OUTSIDE), probe(&env, "45.0.0.9")), (Probe::Refused, Probe::Answered));
    }
    env.pbx.remove_file(format!("{LISTS}/us"));
    assert_ne!(env.run(&["sync", "--feed", "us"]).code, 0);
    assert_eq!(probe(&env, "45.0.0.9"), Probe::Answered);
    list(&env, "us", &some(1));
    env.sync(0, &["--feed", "us"]);
    assert_eq!((probe(&env, "45.0.0.9"), probe(&env, "45.9.0.9")), (Probe::Refused, Probe::Answered));
    // Without a set it does nothing, and that is said.
    env.configure(&permit("us", "").replace("\"yes\"", "\"no\""));
    env.run(&["apply"]).ok();
    assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
    assert!(status(&env)["permit"]["note"].as_str().unwrap().contains("[set] enabled is \"no\""));
    assert!(ids(&env).contains(&"permit".to_owned()));
}

fn ids(env: &TestEnv) -> Vec<String> {
    let problems = status(env)["problems"].clone();
    problems.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn turning_it_on_shows_who_would_be_outside_and_needs_a_yes() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.configure("[set]\nenabled = \"yes\"");
    list(&env, "us", &["45.0.0.0/8"]);
    env.run(&["allow", "46.7.7.7", "--comment", "the provider"]).ok();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let log = format!(
        "[{now}] VERBOSE[1] res_pjsip_registrar.c: Added contact 'sip:100@46.0.0.50:5060' to AOR '100' with expiration of 3600 seconds\n\
         [{now}] WARNING[2][C-1] Ext. s: \"Rejecting unknown SIP connection from {OUTSIDE}:5080\"\n\
         [{now}] WARNING[2][C-1] Ext. s: \"Rejecting unknown SIP connection from {INSIDE}:5080\"\n"
    );
    env.pbx.write_file("/var/log/asterisk/full", log);
    env.sync(0, &[]);
    let file = format!("{LISTS}/us");
    let add = |words: &[&str]| env.run(&[&["feed", "add", "us", &file, "--permit"], words].concat());
    let shown: Value = serde_json::from_str(&add(&["--preview", "--json"]).ok()).unwrap();
    assert_eq!((&shown["attackers"], &shown["attackers_outside"]), (&json!(2), &json!(1)));
    assert_eq!(shown["callers_outside"], json!([{ "address": "46.0.0.50", "successes": 1 }]));
    assert!(texts_of(&shown["by_protection"], "address").contains(&"46.7.7.7".to_owned()), "{shown:#}");
    assert_eq!((&shown["networks"], &shown["you"]), (&json!([1, 0]), &Value::Null));
    for (from, you) in
        [("46.1.1.1", json!("46.1.1.1")), ("45.1.1.1", Value::Null), ("192.168.77.20", Value::Null)]
    {
        let shown: Value = serde_json::from_str(&add(&["--preview", "--json", "--from", from]).ok()).unwrap();
        assert_eq!(shown["you"], you, "{from}");
    }
    let run = add(&[]);
    assert_eq!(run.code, 2, "nobody is there to say yes: {run:?}");
    assert!(
        run.stdout.contains("46.0.0.50  1 time") && run.stdout.contains("IPv6 would be left alone"),
        "{run:?}"
    );
    assert!(!env.pbx.read_file(testenv_config()).contains("permit"));
    add(&["--yes"]).ok();
    env.sync(0, &[]);
    assert_eq!((probe(&env, OUTSIDE), probe(&env, "46.7.7.7")), (Probe::Refused, Probe::Answered));
    let run = env.run(&["feed", "add", "country:xx1,us", "--permit", "--yes"]);
    assert!(run.code == 78 && run.stderr.contains("no feed \"country-xx1\""), "{run:?}");
}

fn testenv_config() -> &'static str {
    crate::testenv::CONFIG
}

fn texts_of(value: &Value, key: &str) -> Vec<String> {
    value.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_the_system_firewall_the_set_protects_alone_and_comes_back_whoever_flushes_it() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.configure("[set]\nenabled = \"yes\"");
    env.sync(0, &[]);
    env.later(300);
    env.run(&["apply"]).ok();
    assert_eq!(
        probe(&env, ATTACKER),
        Probe::Answered,
        "an administrator who switched it off wants nothing blocked"
    );
    assert_eq!(status(&env)["state"], "not_blocking");

    env.configure("[set]\nenabled = \"yes\"\nwithout_firewall = true");
    env.run(&["apply"]).ok();
    assert_eq!(probe(&env, ATTACKER), Probe::Refused);
    assert_eq!(env.pbx.probe(Phone(Sandbox::PHONE)), Probe::Answered);
    env.later(600);
    env.run(&["apply"]).ok();
    env.run(&["sync"]).ok();
    assert_eq!(probe(&env, ATTACKER), Probe::Refused);
    let found = status(&env);
    assert_eq!((&found["state"], &found["blocking"]), (&json!("blocking"), &json!(true)), "{found:#}");
    assert!(found["state_text"].as_str().unwrap().contains("by the kernel set alone"), "{found:#}");
    assert!(!ids(&env).contains(&"not_blocking".to_owned()));
    let check = env.run(&["check", ATTACKER]);
    assert!(check.code == 0 && check.stdout.contains("the kernel set"), "{check:?}");
    let doctor = env.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains("the kernel set protects alone"), "{doctor:?}");
    assert_eq!(env.run(&["status", "--check"]).code, 0, "{:?}", env.run(&["status", "--check"]));

    // The module flushes even then, and others flush everything.
    env.pbx.run(&["bash", "/var/www/html/admin/modules/firewall/bin/clean-iptables"]);
    assert_eq!(probe(&env, ATTACKER), Probe::Refused);
    env.pbx.run(&["nft", "flush", "ruleset"]).ok();
    assert_eq!(probe(&env, ATTACKER), Probe::Answered);
    env.run(&["apply"]).ok();
    assert_eq!(probe(&env, ATTACKER), Probe::Refused, "mended by the apply of the minute");
    // Also while there is nothing to block.
    env.run(&["feed", "disable", "apiban"]).ok();
    env.pbx.run(&["nft", "flush", "ruleset"]).ok();
    env.run(&["feed", "enable", "apiban"]).ok();
    assert_eq!(probe(&env, ATTACKER), Probe::Refused);
}

#[test]
fn purge_leaves_nothing_of_it_in_the_kernel() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    list(&env, "us", &["45.0.0.0/8"]);
    env.configure(&permit("us", ""));
    env.sync(0, &[]);
    assert_eq!(probe(&env, OUTSIDE), Probe::Refused);
    env.run(&["purge", "--yes"]).ok();
    assert_eq!(probe(&env, OUTSIDE), Probe::Answered);
    let left = env.pbx.run(&["nft", "list", "tables"]).ok();
    assert!(!left.contains("banbridge"), "{left}");
    assert!(!env.pbx.outside("/var/lib/banbridge").exists());
}

#[test]
fn a_restart_of_the_firewall_lets_nobody_in_from_outside() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    list(&env, "us", &["45.0.0.0/8"]);
    env.configure(&permit("us", ""));
    env.sync(0, &[]);
    assert_eq!(probe(&env, OUTSIDE), Probe::Refused);
    let flood = env.pbx.flood(Attacker(OUTSIDE), 300);
    env.pbx.run(&["fwconsole", "firewall", "stop"]).ok();
    // A run in the middle of it, which finds the firewall switched off for a moment.
    env.pbx.sql_run("UPDATE kvstore_FreePBX_modules_Firewall SET val = '0' WHERE `key` = 'status'", ());
    env.run(&["apply"]).ok();
    env.pbx.sql_run("UPDATE kvstore_FreePBX_modules_Firewall SET val = '1' WHERE `key` = 'status'", ());
    env.pbx.run(&["fwconsole", "firewall", "start"]).ok();
    let counts = flood.stop();
    assert!(counts.sent > 0 && counts.answered == 0, "{} of {}", counts.answered, counts.sent);
    assert_eq!(probe(&env, INSIDE), Probe::Answered);
}

#[test]
fn a_switch_of_the_firewalls_driver_is_noticed_and_the_set_goes_on() {
    let env = TestEnv::new(NFT, &[ATTACKER, "2a06:4880::78"]);
    list(&env, "us", &["45.0.0.0/8"]);
    env.configure(&permit("us", ""));
    env.sync(0, &[]);
    assert_eq!(env.ours(), crate::testenv::set([ATTACKER]), "iptables enforces no IPv6 rows");
    let switch = |backend: &str| {
        let sql = "REPLACE INTO kvstore_FreePBX_modules_Firewall (`key`, val, id) VALUES ('firewall_backend', ?, 'noid')";
        env.pbx.sql_run(sql, (backend,));
        env.run(&["apply"]).ok();
    };
    switch("nftables");
    assert_eq!(status(&env)["firewall"]["driver"], "nftables");
    assert_eq!(env.ours(), crate::testenv::set([ATTACKER, "2a06:4880::78"]));
    assert_eq!((probe(&env, ATTACKER), probe(&env, OUTSIDE)), (Probe::Refused, Probe::Refused));
    switch("iptables");
    assert_eq!(env.ours(), crate::testenv::set([ATTACKER]));
    assert_eq!((probe(&env, ATTACKER), probe(&env, OUTSIDE)), (Probe::Refused, Probe::Refused));
}

/// The registrar's end: waits for a REGISTER and says yes.
const REGISTRAR: &str = r#"
    $s = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    socket_bind($s, '46.0.0.50', 5060) or exit(1);
    socket_set_option($s, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 20, 'usec' => 0]);
    socket_recvfrom($s, $asked, 2000, 0, $from, $port) or exit(2);
    $answer = preg_replace('/^REGISTER [^\r]*/', 'SIP/2.0 200 OK', $asked);
    socket_sendto($s, $answer, strlen($answer), 0, $from, $port);"#;

/// The PBX's end: registers from another port than it is called at, and waits for the yes.
const REGISTERS: &str = r#"
    $s = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    socket_bind($s, '81.2.69.142', 45999) or exit(1);
    socket_set_option($s, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 0, 'usec' => 200000]);
    $ask = "REGISTER sip:46.0.0.50 SIP/2.0\r\nVia: SIP/2.0/UDP 81.2.69.142:45999;branch=z9hG4bK1\r\n"
        . "From: <sip:pbx@46.0.0.50>;tag=1\r\nTo: <sip:pbx@46.0.0.50>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
        . "Contact: <sip:pbx@81.2.69.142:5060>\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n";
    for ($n = 0; $n < 100; $n++) {
        socket_sendto($s, $ask, strlen($ask), 0, '46.0.0.50', 5060);
        if (@socket_recvfrom($s, $answer, 2000, 0, $from, $port)) { echo $answer; exit(0); }
    }
    exit(3);"#;

/// Connection tracking follows SIP where the administrator has it do so: it then expects the provider's calls, which
/// come from another port than the one that was registered with.
const TRACKING: &str = "table inet tracking {\n ct helper sip {\n type \"sip\" protocol udp\n }\n chain out {\n \
     type filter hook output priority 0\n udp dport 5060 ct helper set \"sip\"\n }\n}\n";

#[test]
fn a_provider_that_answers_from_elsewhere_gets_in_as_related() {
    for nft in [true, false] {
        let env = TestEnv::new(if nft { NFT } else { LEGACY }, &[ATTACKER]);
        env.pbx.write_file("/tmp/tracking", TRACKING);
        env.pbx.run(&["nft", "-f", "/tmp/tracking"]).ok();
        if !nft {
            without_nft(&env);
        }
        list(&env, "us", &["45.0.0.0/8"]);
        env.configure(&permit("us", ""));
        env.sync(0, &[]);
        let closed = probe(&env, "46.0.0.50");
        assert_ne!(closed, Probe::Answered, "nobody was asked yet");
        std::thread::scope(|scope| {
            let registrar = scope.spawn(|| env.pbx.run_at_attacker(&["php", "-r", REGISTRAR]));
            let answer = env.pbx.run(&["php", "-r", REGISTERS]).ok();
            assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
            registrar.join().unwrap().ok();
        });
        assert_eq!(env.pbx.probe_from_port(Attacker("46.0.0.50"), 5070), Probe::Answered, "{nft}");
        assert_eq!(probe(&env, "46.0.0.51"), closed, "nobody else comes in with it: {nft}");
    }
}
