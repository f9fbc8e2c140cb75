//! Who must get through does, whatever a feed says: every source of the PBX, and what becomes of each when it cannot be
//! read, changes, or is hostile.

use std::time::{Duration, Instant};

use crate::testenv::{
    ATTACKER, Attacker, CONFIG, DAY, FIREWALLS, Firewall, NFT, Probe, Run, Sandbox, TestEnv, set, texts,
    until,
};
use serde_json::{Value, json};

const CONTACTS: &str = "
  Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>
==========================================================================================

";

/// One line of `pjsip show contacts`, with its column cut as Asterisk cuts it.
fn contact(aor: &str, uri: &str) -> String {
    let width = 52 - aor.len();
    format!("  Contact:  {aor}/{uri:<width$.width$} 9fbcd34ab2 Avail        12.345\n")
}

fn registers(env: &TestEnv, contacts: &[(&str, &str)]) {
    let lines: String = contacts.iter().map(|(aor, uri)| contact(aor, uri)).collect();
    env.pbx.asterisk_answers("pjsip show contacts", &format!("{CONTACTS}{lines}\nObjects found: 1\n\n"));
}

/// Writes one setting of a trunk or peer.
fn setting(env: &TestEnv, table: &str, id: &str, keyword: &str, data: &str) {
    env.pbx
        .sql_run(&format!("REPLACE INTO {table} (id, keyword, data) VALUES (?, ?, ?)"), (id, keyword, data));
}

/// Runs a sync as from an SSH session of this client.
fn sync_from(env: &TestEnv, client: &str) -> Run {
    let mut command = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
    command.arg("sync").env("SSH_CONNECTION", format!("{client} 50122 {} 22", Sandbox::WAN));
    command.output().unwrap().into()
}

/// The sources that `check` names for an address.
fn sources(env: &TestEnv, address: &str) -> Vec<String> {
    let (_, checked) = env.json(&["check", address]);
    let all = checked["protections"].as_array().unwrap();
    all.iter().map(|one| one["source"].as_str().unwrap().to_owned()).collect()
}

fn warnings(report: &Value) -> String {
    texts(&report["warnings"]).into_iter().collect::<Vec<_>>().join("\n")
}

/// What `status` says of a source.
fn status_of(env: &TestEnv, source: &str) -> Value {
    let (_, status) = env.json(&["status"]);
    let all = status["protected"].as_array().unwrap();
    all.iter().find(|one| one["source"] == source).unwrap_or(&Value::Null).clone()
}

/// Each address with its source and a word of its label. None of them neighbours another in one network.
const PROTECTED: [(&str, &str, &str); 34] = [
    ("45.1.0.1", "zone", "trusted: 45.1.0.1"),
    ("45.1.3.77", "zone", "trusted: 45.1.3.9/24"),
    ("45.1.4.1", "zone", "internal: voip.example.com:5060"),
    ("45.1.5.1", "zone", "other: office.example.com"),
    ("45.1.6.9", "hidden", "45.1.6.0/24"),
    ("45.2.0.1", "fail2ban", "custom_whitelist: 45.2.0.1"),
    ("45.2.3.9", "fail2ban", "custom_whitelist: 45.2.3.0/24"),
    ("45.2.4.1", "fail2ban", "dynamic_whitelist: 45.2.4.1"),
    ("45.2.5.1", "fail2ban", "whiteHosts: home.example.com"),
    ("45.3.0.1", "pjsip", "Flowroute (3), sip_server"),
    ("45.3.2.1", "pjsip", "Flowroute (3), sip_server"),
    ("45.3.4.1", "pjsip", "Flowroute (3), sip_server"),
    ("45.3.6.1", "pjsip", "Flowroute (3), match"),
    ("45.3.8.9", "pjsip", "Flowroute (3), match"),
    ("45.3.10.1", "pjsip", "Flowroute (3), outbound_proxy"),
    ("45.3.12.1", "pjsip", "Flowroute (3), server_uri"),
    ("45.3.14.1", "pjsip", "4, sip_server"),
    ("45.4.0.1", "sip", "office (tr-peer-5), host"),
    ("45.4.2.9", "sip", "6001, permit"),
    ("45.4.4.1", "sip", "6001, permit"),
    ("45.4.6.1", "sip", "tr-reg-5, register"),
    ("45.5.0.1", "iax", "branch (tr-peer-6), host"),
    ("45.5.2.9", "iax", "tr-user-6, permit"),
    ("45.6.0.1", "contact", "6001"),
    ("45.6.2.1", "contact", "6002"),
    ("45.6.4.1", "contact", "7001"),
    ("45.6.6.1", "contact", "8001"),
    ("81.2.69.1", "gateway", "wan"),
    ("81.2.69.142", "interface", "wan"),
    ("45.7.0.1", "resolver", "/etc/resolv.conf"),
    ("45.7.2.1", "hosts", "backup backup.example.com"),
    ("45.7.4.1", "ssh", "45.7.4.1"),
    ("45.8.0.9", "allow", "45.8.0.0/24 in the configuration"),
    ("45.8.2.1", "allow", "friend.example.com in the configuration"),
];

/// Puts everybody of [`PROTECTED`] where the PBX knows him.
fn protect_all(env: &TestEnv) {
    let pbx = &env.pbx;
    pbx.names(
        "voip.example.com 45.1.4.1\noffice.example.com 45.1.5.1\nhome.example.com 45.2.5.1\n\
         sip.example.net 45.3.0.1\n_sip._udp.sip.example.net SRV sip1.example.net sip2.example.net\n\
         sip1.example.net 45.3.2.1\nsip2.example.net 45.3.4.1 2a06:4880::5\nproxy.example.net 45.3.10.1\n\
         friend.example.com 45.8.2.1\n",
    );
    let zones = json!({
        "192.168.77.0/24": "trusted", "45.1.0.1": "trusted", "45.1.3.9/24": "trusted",
        "voip.example.com:5060": "internal", "5.188.10.0/24": "reject",
    });
    pbx.set_config("networkmaps", &zones);
    pbx.set_config("hostmaps", &json!({ "office.example.com": "other" }));
    pbx.set_config("hiddennets", &json!({ "45.1.6.0/24": true, "0.0.0.0/0": true }));
    for (list, text) in [
        ("custom_whitelist", "# our own\r\n45.2.0.1, 45.2.3.0/24 # the branch\r\nnonsense here/\n"),
        ("dynamic_whitelist", "45.2.4.1"),
        ("whiteHosts", "home.example.com\n"),
    ] {
        let insert = "INSERT INTO kvstore_FreePBX_modules_Firewall VALUES (?, ?, NULL, 'noid')";
        pbx.sql_run(insert, (list, text));
    }
    for (table, id, keyword, data) in [
        ("pjsip", "3", "trunk_name", "Flowroute"),
        ("pjsip", "3", "sip_server", "sip.example.net"),
        ("pjsip", "3", "match", "45.3.6.1,45.3.8.0/24"),
        ("pjsip", "3", "outbound_proxy", "sip:proxy.example.net:5060\\;lr"),
        ("pjsip", "3", "server_uri", "sip:45.3.12.1:5060"),
        ("pjsip", "4", "sip_server", "45.3.14.1:5080"),
        ("sip", "tr-peer-5", "account", "office"),
        ("sip", "tr-peer-5", "host", "45.4.0.1"),
        ("sip", "tr-reg-5", "register", "user:s3cr3t@45.4.6.1:5060/100"),
        ("sip", "6001", "host", "dynamic"),
        ("sip", "6001", "permit", "45.4.2.0/255.255.255.0&45.4.4.1/255.255.255.255"),
        ("sip", "6001", "deny", "185.53.0.0/255.255.0.0"),
        ("sip", "6002", "permit", "0.0.0.0/0.0.0.0"),
        ("iax", "tr-peer-6", "account", "branch"),
        ("iax", "tr-peer-6", "host", "45.5.0.1"),
        ("iax", "tr-user-6", "permit", "45.5.2.0/255.255.255.0"),
    ] {
        setting(env, table, id, keyword, data);
    }
    registers(
        env,
        &[("6001", "sip:6001@45.6.0.1:49231;transport=TCP;rinstance=abcdef"), ("6002", "sip:6002@45.6.2.1")],
    );
    pbx.asterisk_answers(
        "sip show peers",
        "Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status\n\
         7001/7001                 45.6.4.1                                 D  Auto (No)  No             5060     OK (9 ms)\n\
         1 sip peers [Monitored: 1 online, 0 offline Unmonitored: 0 online, 0 offline]\n",
    );
    pbx.asterisk_answers(
        "iax2 show peers",
        "Name/Username    Host                                           Mask                                      Port\n\
         8001             45.6.6.1                                 (D)  255.255.255.255                           4569\n\
         1 iax2 peers [1 online, 0 offline, 0 unmonitored]\n",
    );
    pbx.write_file("/etc/resolv.conf", "nameserver 127.0.0.1\nnameserver 45.7.0.1\n");
    pbx.write_file("/etc/hosts", "127.0.0.1 localhost\n45.7.2.1 backup backup.example.com # the NAS\n");
    env.configure("[protect]\nallow = [\"45.8.0.0/24\", \"friend.example.com\"]");
}

#[test]
fn whoever_becomes_protected_is_let_go_on_the_next_run_and_never_blocked_again() {
    let listed: Vec<&str> =
        PROTECTED.iter().map(|(address, ..)| *address).chain([ATTACKER, "5.188.10.9"]).collect();
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &listed);
        let pbx = &env.pbx;
        // Nobody is known yet, but for the PBX itself.
        env.sync(0, &[]);
        let mut before = set(&listed);
        for own in ["81.2.69.1", "81.2.69.142"] {
            before.remove(own);
        }
        assert_eq!(env.ours(), before, "{firewall:?}");
        until("the rules", || pbx.probe(Attacker("45.8.2.1")) == Probe::Refused);

        protect_all(&env);
        let run = sync_from(&env, "45.7.4.1");
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(env.ours(), set([ATTACKER, "5.188.10.9"]), "{firewall:?}");
        for (address, source, label) in PROTECTED {
            let (code, checked) = env.json(&["check", address]);
            let named = checked["protections"].as_array().unwrap();
            let this = |one: &&Value| one["source"] == source && one["label"] == label;
            assert!(code == 1 && named.iter().any(|one| this(&one)), "{address}: {checked:#}");
            assert!(checked["reason"].as_str().unwrap().contains("protected: "), "{checked:#}");
        }
        let shown = env.run(&["check", "45.3.2.1"]);
        assert!(shown.stdout.contains("PJSIP trunk Flowroute (3), sip_server"), "{shown:?}");
        until("the rules to go", || pbx.probe(Attacker("45.8.2.1")) == Probe::Answered);
        for (address, ..) in PROTECTED.iter().filter(|(address, ..)| !address.starts_with("81.2.69.")) {
            assert_eq!(pbx.probe(Attacker(address)), Probe::Answered, "{address}, {firewall:?}");
        }
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
        assert_eq!(pbx.probe(Attacker("5.188.10.9")), Probe::Refused, "the zone reject lets nobody in");
        assert_eq!(sources(&env, ATTACKER), [""; 0], "deny, 0.0.0.0/0 and reject protect nobody");

        // All of it once more, with the same outcome: nothing is taken for the administrator's hand.
        let report = env.sync(0, &["--full"]);
        assert_eq!(env.ours(), set([ATTACKER, "5.188.10.9"]), "{firewall:?}");
        assert_eq!(report["blacklist"]["unblocked"], 0);
        assert!(!env.log().contains("s3cr3t") && !env.run(&["status"]).stdout.contains("s3cr3t"));
    }
}

#[test]
fn all_of_it_is_protected_from_the_first_run_on() {
    let listed: Vec<&str> = PROTECTED.iter().map(|(address, ..)| *address).chain([ATTACKER]).collect();
    let env = TestEnv::without_firewall(&listed);
    protect_all(&env);
    let dry = env.json(&["sync", "--dry-run"]).1;
    // The SSH session is the only one that is not there without one.
    assert_eq!(texts(&dry["plan_add"]), set([ATTACKER, "45.7.4.1"]));
    assert!(env.tables().is_empty());
    assert_eq!(sync_from(&env, "45.7.4.1").code, 0);
    assert_eq!(env.ours(), set([ATTACKER]));
    let (_, refused) = env.json(&["list", "--skipped"]);
    assert_eq!(refused.as_array().unwrap().len(), PROTECTED.len());
    let status = status_of(&env, "contact");
    assert_eq!((&status["protects"], &status["last_error"]), (&json!(4), &json!(null)));
}

#[test]
fn a_name_that_is_not_answered_keeps_its_last_addresses_and_one_that_moves_keeps_them_for_a_day() {
    let env = TestEnv::without_firewall(&["45.3.0.1", "45.3.2.1", "45.3.4.1", "45.9.0.1", ATTACKER]);
    let pbx = &env.pbx;
    let known =
        "sip.example.net 45.3.0.1\n_sips._tcp.sip.example.net SRV a.example.net\na.example.net 45.3.2.1\n";
    pbx.names(known);
    setting(&env, "pjsip", "3", "sip_server", "sip.example.net");
    env.sync(0, &[]);
    let first = set(["45.3.4.1", "45.9.0.1", ATTACKER]);
    assert_eq!(env.ours(), first);

    for fault in ["hang", "fail", ""] {
        pbx.names(fault);
        let started = Instant::now();
        let report = env.sync(0, &[]);
        assert!(started.elapsed() < Duration::from_secs(10), "{fault}: {:?}", started.elapsed());
        assert_eq!(env.ours(), first, "{fault}");
        assert!(warnings(&report).contains("Could not resolve sip.example.net"), "{fault}: {report:#}");
        // Even after a week of it.
        env.later(7 * DAY - 3600);
        pbx.sql_run(
            "UPDATE banbridge_entry SET last_seen = UNIX_TIMESTAMP(), expires_at = UNIX_TIMESTAMP() + 604800",
            (),
        );
        env.sync(0, &[]);
        assert_eq!(env.ours(), first, "{fault}");
    }

    // The provider's name is answered with others and back again: all of them count for a day.
    let moved =
        known.replace("45.3.0.1", "45.3.4.1").replace("a.example.net 45.3.2.1", "a.example.net 45.9.0.1");
    for names in [moved.as_str(), known] {
        pbx.names(names);
        env.sync(0, &[]);
    }
    for address in ["45.3.0.1", "45.3.2.1", "45.3.4.1", "45.9.0.1"] {
        assert_eq!(sources(&env, address), ["pjsip"], "{address}");
    }
    assert_eq!(env.ours(), set([ATTACKER]));
    env.later(DAY + 3600);
    env.sync(0, &[]);
    assert_eq!(env.ours(), first);
}

#[test]
fn an_asterisk_that_is_down_hangs_or_starts_loses_nobody_and_costs_no_time() {
    let env = TestEnv::without_firewall(&["45.6.0.1", ATTACKER]);
    let pbx = &env.pbx;
    registers(&env, &[("6001", "sip:6001@45.6.0.1:5060")]);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    type Fault = fn(&TestEnv);
    let faults: [(&str, Fault); 3] = [
        ("Asterisk is not running", |env| env.pbx.stop_asterisk()),
        ("did not answer within 5 s", |env| env.pbx.hang_asterisk()),
        ("still starting", |env| env.pbx.remove_file("/var/lib/sandbox/asterisk/pjsip show contacts")),
    ];
    for (words, fault) in faults {
        fault(&env);
        // For longer than a registered phone counts otherwise.
        env.later(2 * DAY);
        let started = Instant::now();
        let report = env.sync(0, &[]);
        assert!(started.elapsed() < Duration::from_secs(10), "{words}: {:?}", started.elapsed());
        assert!(warnings(&report).contains(words), "{report:#}");
        assert_eq!(env.ours(), set([ATTACKER]), "{words}");
        assert!(status_of(&env, "contact")["last_error"].as_str().unwrap().contains(words));
        assert!(env.run(&["status"]).ok().contains("Could not read registered phones"), "{words}");
        pbx.start_asterisk();
        if words.contains("starting") {
            break;
        }
        env.sync(0, &[]);
    }
    // Nothing that hung is left.
    assert_ne!(pbx.run(&["pgrep", "-f", "sleep 86400"]).code, 0);
}

#[test]
fn a_phone_that_is_away_counts_for_a_day_and_so_does_an_administrator_who_logged_out() {
    let env = TestEnv::without_firewall(&["45.6.0.1", "45.7.4.1", ATTACKER]);
    registers(&env, &[("6001", "sip:6001@45.6.0.1:5060")]);
    assert_eq!(sync_from(&env, "45.7.4.1").code, 0);
    registers(&env, &[]);
    env.later(DAY - 3600);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    env.later(2 * 3600);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set(["45.6.0.1", "45.7.4.1", ATTACKER]));
}

#[test]
fn a_missing_table_or_value_is_said_and_never_means_nothing_to_protect() {
    let env = TestEnv::without_firewall(&["45.3.0.1", "45.4.0.1", "45.5.0.1", "45.1.3.9", ATTACKER]);
    let pbx = &env.pbx;
    for (table, host) in [("pjsip", "45.3.0.1"), ("sip", "45.4.0.1"), ("iax", "45.5.0.1")] {
        setting(&env, table, "1", if table == "pjsip" { "sip_server" } else { "host" }, host);
    }
    // So long that FreePBX keeps it as a blob.
    let zones: Vec<String> = (0..200).map(|n| format!("45.1.{n}.9")).collect();
    let zones: serde_json::Map<String, Value> =
        zones.into_iter().map(|zone| (zone, json!("trusted"))).collect();
    pbx.set_config("networkmaps", &Value::Object(zones));
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));

    for table in ["pjsip", "sip", "iax", "kvblobstore"] {
        pbx.sql_run(&format!("RENAME TABLE {table} TO {table}_away"), ());
    }
    let report = env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    for words in ["Could not read PJSIP trunks", "chan_sip peers", "IAX2 peers", "the firewall's zones"] {
        assert!(warnings(&report).contains(words), "{words}: {report:#}");
    }
    pbx.sql_run("RENAME TABLE kvblobstore_away TO kvblobstore", ());
    pbx.sql_run("DELETE FROM kvblobstore", ());
    let report = env.sync(0, &[]);
    assert!(warnings(&report).contains("networkmaps is missing in kvblobstore"), "{report:#}");
    assert_eq!(env.ours(), set([ATTACKER]));
    // A source that was never read: that is said too.
    let other = TestEnv::without_firewall(&[ATTACKER]);
    other.pbx.sql_run("DROP TABLE iax", ());
    other.sync(0, &[]);
    let shown = other.run(&["status"]).ok();
    assert!(
        shown.contains("Could not read IAX2 peers and trunks") && shown.contains("It protects nobody yet"),
        "{shown}"
    );
}

#[test]
fn a_value_that_should_name_a_provider_and_cannot_be_read_is_told_with_trunk_and_field() {
    let env = TestEnv::without_firewall(&[ATTACKER, "45.10.0.1"]);
    setting(&env, "pjsip", "7", "trunk_name", "Flowroute");
    setting(&env, "pjsip", "7", "outbound_proxy", r"sip:45.10.0.1\;lr");
    setting(&env, "pjsip", "7", "sip_server", "sip server.example.com");
    setting(&env, "sip", "tr-reg-8", "register", "user:topsecret");
    env.pbx.set_config("networkmaps", &json!({"10.20.30/24x": "trusted"}));
    let (_, report) = env.json(&["sync"]);
    assert_eq!(env.ours(), set([ATTACKER]));
    let said = warnings(&report);
    for told in [
        r#"PJSIP trunks: cannot read an address or host in Flowroute (7), sip_server: "sip server.example.com". Nobody is protected by it."#,
        "in tr-reg-8, register. Nobody is protected by it.",
        "in trusted: 10.20.30/24x. Nobody is protected by it.",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!said.contains("topsecret"), "{said}");
    assert!(!env.pbx.read_file(crate::testenv::LOG).contains("topsecret"));
}

#[test]
fn a_table_full_of_permits_is_read_to_a_bound_that_is_told_and_the_trunks_come_first() {
    let env = TestEnv::without_firewall(&[ATTACKER, "45.10.0.1"]);
    let full = "INSERT INTO sip (id, keyword, data) \
                SELECT seq, 'permit', CONCAT(INET_NTOA(INET_ATON('60.0.0.0') + 2 * seq), '/32') FROM seq_1_to_300000";
    env.pbx.sql_run(full, ());
    setting(&env, "sip", "tr-peer-1", "host", "45.10.0.1");
    let (code, report) = env.json(&["sync"]);
    assert_eq!((code, env.ours()), (0, set([ATTACKER])));
    let said = warnings(&report);
    assert!(said.contains("everything beyond the first 50,000 in table sip"), "{said}");
}

#[test]
fn what_an_administrator_protects_or_no_longer_does_is_so_within_the_next_apply() {
    for user in ["root", "asterisk"] {
        let env = TestEnv::without_firewall(&[ATTACKER, "45.20.0.1"]);
        env.sync(0, &[]);
        assert_eq!(env.ours(), set([ATTACKER, "45.20.0.1"]));
        let asked = env.requests().len();
        let apply = || {
            let run = if user == "root" { env.run(&["apply"]) } else { env.run_as(user, &["apply"]) };
            assert_eq!(run.code, 0, "{run:?}");
        };
        let steps: [(&dyn Fn(), &[&str]); 4] = [
            (&|| env.pbx.set_config("networkmaps", &json!({"45.20.0.0/24": "trusted"})), &[ATTACKER]),
            (
                &|| env.pbx.set_config("networkmaps", &json!({"45.20.0.0/24": "external"})),
                &[ATTACKER, "45.20.0.1"],
            ),
            (&|| setting(&env, "pjsip", "7", "sip_server", "45.20.0.1"), &[ATTACKER]),
            // What cannot be read counts as it did before.
            (&|| env.pbx.sql_run("RENAME TABLE pjsip TO elsewhere", ()), &[ATTACKER]),
        ];
        for (number, (change, rows)) in steps.into_iter().enumerate() {
            change();
            apply();
            assert_eq!(env.ours(), set(rows), "{user} {number}");
        }
        assert_eq!(env.requests().len(), asked, "nobody is asked");
    }
}

#[test]
fn what_would_protect_most_of_the_internet_protects_nobody() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.pbx.set_config("hiddennets", &json!({ "0.0.0.0/0": true, "::/0": true }));
    setting(&env, "sip", "6001", "permit", "0.0.0.0/0.0.0.0");
    setting(&env, "sip", "6002", "permit", "128.0.0.0/128.0.0.0");
    setting(&env, "pjsip", "3", "match", "0.0.0.0/0");
    let report = env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    let warnings = warnings(&report);
    assert!(warnings.contains("0.0.0.0/0 (0.0.0.0/0) is most of the internet"), "{warnings}");
    assert!(warnings.contains("128.0.0.0/1 (6002, permit)") && !warnings.contains("6001"), "{warnings}");
}

#[test]
fn a_registering_phone_protects_its_own_address_and_nothing_else() {
    let listed = ["45.6.0.1", "45.6.2.1", "45.6.4.1", "45.6.6.12", "45.6.6.123", "45.6.8.1", ATTACKER];
    let env = TestEnv::without_firewall(&listed);
    env.pbx.names("evil.example.com 45.6.8.1\n");
    // The fifth is cut behind its last digit but one: what is shown is somebody else's address.
    let cut = format!("sip:{}@45.6.6.123", "u".repeat(52 - 4 - "sip:@45.6.6.12".len()));
    registers(
        &env,
        &[
            ("6001", "sip:6001@45.6.0.1:5060"),
            ("6002", "sip:x@0.0.0.0/0"),
            ("6003", "sip:x@45.6.2.1@185.53.88.78"),
            ("6004", "sip:x@evil.example.com:5060"),
            ("6005", &cut),
            ("6006", "sip:6006@185.53.88.78/45.6.4.1"),
        ],
    );
    let registrar =
        format!("/registrar/contact/6005;@9fbcd34ab2 : {{\"via_addr\":\"10.0.0.5\",\"uri\":\"{cut}\"}}\n");
    env.pbx.asterisk_answers("database show registrar/contact", &registrar);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set(["45.6.2.1", "45.6.4.1", "45.6.6.12", "45.6.8.1", ATTACKER]));
}

#[test]
fn a_listed_network_is_carved_around_everybody_in_it_who_is_protected() {
    let env = TestEnv::new(NFT, &["45.3.8.0/24"]);
    let pbx = &env.pbx;
    setting(&env, "pjsip", "3", "sip_server", "45.3.8.77:5060");
    registers(&env, &[("6001", "sip:6001@45.3.8.200:5060")]);
    env.sync(0, &[]);
    until("the rules", || pbx.probe(Attacker("45.3.8.1")) == Probe::Refused);
    for (source, probe) in [
        ("45.3.8.76", Probe::Refused),
        ("45.3.8.77", Probe::Answered),
        ("45.3.8.78", Probe::Refused),
        ("45.3.8.200", Probe::Answered),
        ("45.3.8.255", Probe::Refused),
    ] {
        assert_eq!(pbx.probe(Attacker(source)), probe, "{source}");
    }
    assert_eq!(env.ours().len(), 14, "the fewest that can be");
}

#[test]
fn allow_lets_go_at_once_and_unallow_lets_the_feed_block_again() {
    for firewall in FIREWALLS {
        let env = TestEnv::new(firewall, &[ATTACKER, "45.8.0.7", "45.8.2.1"]);
        let pbx = &env.pbx;
        pbx.names("friend.example.com 45.8.2.1\n");
        env.sync(0, &[]);
        until("the rules", || pbx.probe(Attacker("45.8.2.1")) == Probe::Refused);
        let asked = env.requests().len();

        let (code, answer) = env.json(&["allow", "45.8.0.9/24", "--comment", "Main office"]);
        assert_eq!(code, 0, "{answer:#}");
        assert_eq!((&answer["target"], &answer["changed"]), (&json!("45.8.0.0/24"), &json!(true)));
        assert_eq!((&answer["comment"], &answer["blacklist"]["removed"]), (&json!("Main office"), &json!(1)));
        assert_eq!(answer["reload"], "hup");
        assert_eq!(env.ours(), set([ATTACKER, "45.8.2.1"]), "{firewall:?}");
        until("the rule to go", || pbx.probe(Attacker("45.8.0.7")) == Probe::Answered);

        let shown = env.run(&["allow", "Friend.example.com"]).ok();
        assert!(
            shown.contains("friend.example.com is now on the allow list") && shown.contains("45.8.2.1"),
            "{shown}"
        );
        assert_eq!(env.ours(), set([ATTACKER]), "{firewall:?}");
        // A row that is in the middle of a listed network is carved.
        env.run(&["allow", "185.53.88.0/24"]).ok();
        assert_eq!(env.ours(), set::<&str>([]));
        assert_eq!(env.requests().len(), asked, "no feed is asked");
        let (_, checked) = env.json(&["check", "45.8.0.7"]);
        assert_eq!(checked["protections"][0]["label"], "45.8.0.0/24 (Main office)");

        // The list survives the next run, and the same words twice change nothing.
        env.sync(0, &["--full"]);
        assert_eq!(env.ours(), set::<&str>([]), "{firewall:?}");
        assert_eq!(env.json(&["allow", "45.8.0.0/24"]).1["changed"], false);
        let (_, list) = env.json(&["list", "--allowed"]);
        let targets: Vec<_> = list.as_array().unwrap().iter().map(|item| item["target"].clone()).collect();
        assert_eq!(targets, ["185.53.88.0/24", "45.8.0.0/24", "friend.example.com"]);
        assert_eq!(
            (&list[1]["comment"], &list[2]["addresses"]),
            (&json!("Main office"), &json!(["45.8.2.1"]))
        );
        assert!(env.run(&["list", "--allowed"]).ok().contains("Main office"));

        let (code, answer) = env.json(&["unallow", "185.53.88.0/24"]);
        assert_eq!((code, &answer["changed"], &answer["allowed"]), (0, &json!(true), &json!(false)));
        assert_eq!(env.ours(), set([ATTACKER]), "{firewall:?}");
        until("the rule", || pbx.probe(Attacker(ATTACKER)) == Probe::Refused);
        env.run(&["unallow", "friend.example.com"]).ok();
        env.run(&["unallow", "45.8.0.0/24"]).ok();
        assert_eq!(env.ours(), set([ATTACKER, "45.8.0.7", "45.8.2.1"]), "{firewall:?}");
        assert_eq!(env.json(&["unallow", "45.8.0.0/24"]).1["changed"], false);
    }
}

#[test]
fn allow_refuses_what_is_no_host_and_most_of_the_internet() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    for (target, words) in [
        ("0.0.0.0/0", "most of the internet"),
        ("128.0.0.0/1", "most of the internet"),
        ("::/0", "most of the internet"),
        ("010.0.0.1", "not a valid address, network or host name"),
        ("a b", "not a valid address, network or host name"),
        ("x;DROP TABLE", "not a valid address, network or host name"),
    ] {
        let run = env.run(&["allow", target]);
        assert!(run.code == 2 && run.stderr.contains(words), "{target}: {run:?}");
    }
    assert!(env.tables().is_empty());
    // A name that nobody knows is kept and said.
    let run = env.run(&["allow", "nobody.example.com"]);
    assert_eq!(run.code, 75, "{run:?}");
    assert!(run.stdout.contains("Could not resolve the name, so nobody is protected by it yet"), "{run:?}");
    env.pbx.names(&format!("nobody.example.com {ATTACKER}\n"));
    env.sync(0, &[]);
    assert_eq!(env.ours(), set::<&str>([]));
}

#[test]
fn what_the_configuration_allows_is_taken_out_there() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.configure(&format!("[protect]\nallow = [\"{ATTACKER}\"]"));
    env.sync(0, &[]);
    assert_eq!(env.ours(), set::<&str>([]));
    let run = env.run(&["unallow", ATTACKER]);
    assert!(run.code == 1 && run.stdout.contains(CONFIG), "{run:?}");
    let (_, list) = env.json(&["list", "--allowed"]);
    assert_eq!((&list[0]["target"], &list[0]["in_configuration"]), (&json!(ATTACKER), &json!(true)));
    env.configure("");
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn allow_counts_also_while_another_run_is_at_work() {
    let env = TestEnv::without_firewall(&[ATTACKER, "45.8.0.7"]);
    env.sync(0, &[]);
    env.faults(&["stall"]);
    let asked = env.requests().len();
    let busy = env.start(&[]);
    until("the feed to be asked", || env.requests().len() > asked);
    let (code, answer) = env.json(&["allow", "45.8.0.7"]);
    assert_eq!(
        (code, &answer["changed"], &answer["blacklist"]),
        (75, &json!(true), &json!(null)),
        "{answer:#}"
    );
    env.kill(busy);
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn asterisks_own_user_learns_the_same_as_root() {
    let listed: Vec<&str> = PROTECTED.iter().map(|(address, ..)| *address).chain([ATTACKER]).collect();
    let env = TestEnv::on(Sandbox::builder(Firewall::Nftables).disabled(), &listed);
    protect_all(&env);
    let run = env.run_as("asterisk", &["sync"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(env.ours(), set([ATTACKER, "45.7.4.1"]));
}
