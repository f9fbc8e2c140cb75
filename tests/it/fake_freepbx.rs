//! The stand-ins of the sandbox do what the real firewall module was seen to do. Every other test
//! stands on these.

use crate::sandbox::{
    Attacker, Backend, FIREWALLS, Family, Firewall, Phone, Probe, Run, Sandbox, rule, until,
};
use serde_json::json;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NFT: Firewall = Firewall::Iptables(Backend::Nft);
const LEGACY: Firewall = Firewall::Iptables(Backend::Legacy);
const ATTACKER: &str = "185.53.88.78";
const ATTACKER_V6: &str = "2a06:4880::78";

/// Keys of the blacklist's rows.
fn keys(pbx: &Sandbox) -> Vec<String> {
    pbx.blacklist().into_iter().map(|(key, _)| key).collect()
}

fn quiet(firewall: Firewall) -> Sandbox {
    Sandbox::builder(firewall).period(3600).start()
}

#[test]
fn an_entry_becomes_the_key_that_fwconsole_and_the_gui_give_it() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    pbx.names("host.example.com 5.188.10.1");
    // Entry, key by fwconsole, key by the GUI, what fwconsole's del must be told to find its key.
    let table: [(&str, &str, &str, Option<&str>); 7] = [
        ("203.0.113.5", "203.0.113.5", "203.0.113.5", Some("203.0.113.5")),
        ("203.0.113.5/32", "203.0.113.5", "203.0.113.5", Some("203.0.113.5/32")),
        ("203.0.113.77/24", "203.0.113.0/24", "203.0.113.0/24", Some("203.0.113.0/24")),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24", "203.0.113.0/24", Some("203.0.113.0/24")),
        ("2001:db8::5", "2001:db8::5/128", "2001:db8::5", None),
        ("2001:db8::/32", "2001:db8::/32", "2001:db8::/32", None),
        ("Host.example.com", "Host.example.com", "Host.example.com", Some("host.EXAMPLE.com")),
    ];
    for (entry, by_console, by_gui, del) in table {
        pbx.gui_blacklist("add", entry).ok();
        assert_eq!(keys(&pbx), [by_gui], "{entry} by the GUI");
        pbx.gui_blacklist("del", by_gui).ok();
        assert!(keys(&pbx).is_empty(), "{entry} deleted by the GUI");

        pbx.fwconsole(&["firewall", "add", "blacklist", entry]).ok();
        assert_eq!(keys(&pbx), [by_console], "{entry} by fwconsole");
        let told = pbx.fwconsole(&["firewall", "del", "blacklist", del.unwrap_or(entry)]);
        assert_eq!(told.code, 0, "{told:?}");
        if del.is_some() {
            assert!(told.stdout.contains("Removed"), "{told:?}");
            assert!(keys(&pbx).is_empty(), "{entry} deleted by fwconsole");
        } else {
            assert!(told.stdout.contains("is not currently in the blacklist"), "{told:?}");
            assert_eq!(keys(&pbx), [by_console], "{entry} is never found");
            pbx.sql_run("DELETE FROM kvstore_FreePBX_modules_Firewall WHERE id = 'blacklist'", ());
        }
    }
    // As typed, the network with host bits is another key.
    pbx.fwconsole(&["firewall", "add", "blacklist", "203.0.113.77/24"]).ok();
    pbx.fwconsole(&["firewall", "del", "blacklist", "203.0.113.77/24"]).ok();
    assert_eq!(keys(&pbx), ["203.0.113.0/24"]);
}

#[test]
fn one_bad_id_aborts_the_rest_of_the_batch() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    let table = [
        ("nowhere.example.com", 1),
        ("5.0.0.0/7", 1),
        ("0.0.0.0/0", 1),
        ("010.0.0.1", 1),
        ("5.188.10.1/33", 255),
    ];
    for (bad, code) in table {
        let run = pbx.fwconsole(&["firewall", "add", "blacklist", "5.188.10.1", bad, "5.188.10.3"]);
        assert_eq!(run.code, code, "{bad}: {run:?}");
        assert_eq!(keys(&pbx), ["5.188.10.1"], "{bad}");
        pbx.fwconsole(&["firewall", "del", "blacklist", "5.188.10.1"]).ok();
    }
}

#[test]
fn a_duplicate_and_a_missing_id_are_no_errors() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    for _ in 0..2 {
        pbx.fwconsole(&["firewall", "add", "blacklist", ATTACKER]).ok();
    }
    assert_eq!(keys(&pbx), [ATTACKER]);
    let run = pbx.fwconsole(&["firewall", "del", "blacklist", "5.188.10.9"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stdout, "Error: 5.188.10.9/32 is not currently in the blacklist.\n");
}

#[test]
fn the_value_of_a_row_carries_its_owner_until_the_administrator_adds_it_again() {
    for firewall in FIREWALLS {
        let pbx = quiet(firewall);
        pbx.write_blacklist([ATTACKER, "5.188.10.1"], "banbridge");
        pbx.hup();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
        let list = pbx.fwconsole(&["firewall", "list", "blacklist"]).ok();
        assert_eq!(list, "All blacklisted entries.\n\t185.53.88.78\n\t5.188.10.1\n");

        pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
        pbx.gui_blacklist("add", "5.188.10.1").ok();
        assert_eq!(pbx.blacklist(), [("5.188.10.1".into(), "1".into())]);
        pbx.hup();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered, "{firewall:?}");
    }
}

#[test]
fn fwconsole_works_as_asterisk_too() {
    let pbx = quiet(NFT);
    pbx.run_as("asterisk", &["fwconsole", "firewall", "add", "blacklist", ATTACKER]).ok();
    assert_eq!(keys(&pbx), [ATTACKER]);
    let (seen, passes) = (pbx.daemon(), pbx.passes().len());
    pbx.run_as("asterisk", &["fwconsole", "firewall", "restart"]).ok();
    pbx.wait_pass_after(passes);
    assert_eq!(pbx.rules(), [rule("185.53.88.78/32")]);
    assert_ne!(pbx.daemon(), seen);
    assert_ne!(pbx.run_as("asterisk", &["kill", "-HUP", "1"]).code, 0);
}

#[test]
fn sighup_makes_a_row_live_at_once() {
    for firewall in FIREWALLS {
        let pbx = quiet(firewall);
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered, "{firewall:?}");
        pbx.fwconsole(&["firewall", "add", "blacklist", ATTACKER]).ok();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered, "{firewall:?}");
        pbx.hup();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
    }
}

#[test]
fn a_row_becomes_live_with_the_period_too() {
    let pbx = Sandbox::builder(NFT).period(0.3).start();
    pbx.write_blacklist([ATTACKER], "1");
    until("the rule", || pbx.rules() == [rule("185.53.88.78/32")]);
}

#[test]
fn a_sighup_during_a_pass_is_lost() {
    let pbx = quiet(NFT);
    let before = pbx.passes().len();
    pbx.hold_after_snapshot();
    until("the daemon to sleep", || pbx.daemon_sleeps());
    pbx.signal_daemon("HUP");
    pbx.wait_held();
    assert!(!pbx.daemon_sleeps());
    pbx.signal_daemon("HUP");
    pbx.release();
    until("the pass to end and the daemon to sleep", || {
        pbx.passes().last().is_some_and(|pass| pass.end.is_some()) && pbx.daemon_sleeps()
    });
    assert_eq!(pbx.passes().len(), before + 1);
}

#[test]
fn the_daemon_can_be_frozen_while_it_sleeps_and_works_on_when_thawed() {
    let pbx = quiet(NFT);
    until("the daemon to sleep", || pbx.daemon_sleeps());
    let pid = pbx.daemon();
    pbx.signal_daemon("STOP");
    until("the daemon to stop", || pbx.daemon_state() == Some('T'));
    pbx.write_blacklist([ATTACKER], "1");
    pbx.signal_daemon("CONT");
    pbx.hup();
    assert_eq!(pbx.rules(), [rule("185.53.88.78/32")]);
    assert_eq!(pbx.daemon(), pid);
    assert!(pbx.read_file("/var/log/asterisk/firewall.log").contains("Interrupted system call"));
}

#[test]
fn each_missing_rule_and_each_left_over_one_costs_a_process() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let idle = pbx.hup().processes;
        pbx.write_blacklist(["5.188.10.1", "5.188.10.2", "5.188.11.0/24"], "1");
        assert_eq!(pbx.hup().processes, idle + 3, "{firewall:?}");
        assert_eq!(pbx.hup().processes, idle, "{firewall:?}");
        pbx.fwconsole(&["firewall", "del", "blacklist", "5.188.10.1", "5.188.10.2"]).ok();
        assert_eq!(pbx.hup().processes, idle + 2, "{firewall:?}");
        assert_eq!(pbx.rules(), [rule("5.188.11.0/24")], "{firewall:?}");
    }
}

#[test]
fn rules_restored_by_someone_else_in_the_daemons_words_are_taken_as_its_own() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let idle = pbx.hup().processes;
        pbx.write_blacklist([ATTACKER], "1");
        pbx.write_file(
            "/run/rules",
            format!("*filter\n-A fpbxblacklist {}\nCOMMIT\n", rule("185.53.88.78/32")),
        );
        pbx.run(&["iptables-restore", "--noflush", "/run/rules"]).ok();
        assert_eq!(pbx.hup().processes, idle, "{firewall:?}");
        assert_eq!(pbx.rules(), [rule("185.53.88.78/32")], "{firewall:?}");
    }
}

#[test]
fn a_foreign_rule_in_the_chain_is_deleted_on_the_next_pass() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        pbx.run(&["iptables", "-A", "fpbxblacklist", "-s", ATTACKER, "-j", "DROP"]).ok();
        assert_eq!(pbx.rules(), ["-s 185.53.88.78/32 -j DROP"]);
        pbx.hup();
        assert!(pbx.rules().is_empty(), "{firewall:?}");
    }
}

#[test]
fn a_rule_added_between_snapshot_and_add_is_doubled_and_stays_so() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let doubled = [rule("185.53.88.78/32"), rule("185.53.88.78/32")];
        pbx.write_blacklist([ATTACKER], "1");
        pbx.hold_after_snapshot();
        until("the daemon to sleep", || pbx.daemon_sleeps());
        pbx.signal_daemon("HUP");
        pbx.wait_held();
        let words = format!("iptables -A fpbxblacklist {}", doubled[0]);
        pbx.run(&words.split(' ').collect::<Vec<_>>()).ok();
        pbx.release();
        until("the daemon to sleep", || pbx.daemon_sleeps());
        assert_eq!(pbx.rules(), doubled, "{firewall:?}");
        pbx.hup();
        assert_eq!(pbx.rules(), doubled, "{firewall:?}");

        pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
        pbx.hup();
        assert_eq!(pbx.rules().len(), 1, "{firewall:?}: one goes at a pass");
        pbx.hup();
        assert!(pbx.rules().is_empty(), "{firewall:?}");
    }
}

#[test]
fn an_entry_with_host_bits_is_added_and_deleted_on_every_pass() {
    let pbx = quiet(NFT);
    let idle = pbx.hup().processes;
    pbx.write_blacklist(["5.188.10.77/24"], "1");
    assert_eq!(pbx.hup().processes, idle + 1);
    for _ in 0..2 {
        assert_eq!(pbx.hup().processes, idle + 2);
        assert_eq!(pbx.rules(), [rule("5.188.10.0/24")]);
    }
}

#[test]
fn ipv6_entries_are_never_enforced_by_iptables_and_cost_a_process_on_every_pass() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        let idle = pbx.hup().processes;
        pbx.write_blacklist([ATTACKER_V6, "2a06:4881::/32"], "1");
        for _ in 0..2 {
            assert_eq!(pbx.hup().processes, idle + 2, "{firewall:?}");
        }
        assert!(pbx.chain(Family::V6, "fpbxblacklist").is_empty());
        assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered, "{firewall:?}");
    }
}

#[test]
fn what_is_no_network_of_8_or_longer_is_silently_ignored_by_iptables() {
    let pbx = quiet(NFT);
    let rows = [
        "0.0.0.0/0",
        "5.0.0.0/7",
        "5.188.10.1/33",
        "2a06::/7",
        "2a06::/129",
        "nowhere.example.com",
        "1.2.3",
        "::ffff:1.2.3.4/7",
    ];
    pbx.write_blacklist(rows, "1");
    let pass = pbx.hup();
    assert!(pbx.rules().is_empty());
    assert_eq!(pass.processes, 3, "nothing was even tried");
}

#[test]
fn a_hostname_blocks_the_ipv4_addresses_that_it_resolves_to() {
    for firewall in FIREWALLS {
        let pbx = quiet(firewall);
        pbx.names("bad.example.com 5.188.10.1 5.188.10.2 2a06:4880::78\n");
        pbx.fwconsole(&["firewall", "add", "blacklist", "bad.example.com"]).ok();
        let list = pbx.fwconsole(&["firewall", "list", "blacklist"]).ok();
        assert!(list.ends_with("\n\tbad.example.com: (Resolves to 5.188.10.1,5.188.10.2)\n"), "{list}");
        pbx.hup();
        assert_eq!(pbx.probe(Attacker("5.188.10.2")), Probe::Refused, "{firewall:?}");
        assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered, "{firewall:?}");
    }
}

#[test]
fn a_blacklisted_phone_loses_sip_although_it_is_in_the_trusted_zone() {
    for firewall in FIREWALLS {
        let pbx = quiet(firewall);
        pbx.fwconsole(&["firewall", "trust", Sandbox::PHONE_PUBLIC]).ok();
        let list = pbx.fwconsole(&["firewall", "list", "trusted"]).ok();
        assert_eq!(list, "All entries in zone 'trusted':\n\t192.168.77.0/24\n\t212.58.244.20/32\n");
        let phones = [Sandbox::PHONE, Sandbox::PHONE_PUBLIC];
        for phone in phones {
            assert_eq!(pbx.probe(Phone(phone)), Probe::Answered, "{firewall:?} {phone}");
        }
        pbx.fwconsole(&["firewall", "add", "blacklist", phones[0], phones[1]]).ok();
        pbx.hup();
        for phone in phones {
            assert_eq!(pbx.probe(Phone(phone)), Probe::Refused, "{firewall:?} {phone}");
        }
    }
}

#[test]
fn a_flow_that_exists_is_cut_by_iptables_and_goes_on_with_nftables() {
    for (firewall, then) in
        [(NFT, Probe::Refused), (LEGACY, Probe::Refused), (Firewall::Nftables, Probe::Answered)]
    {
        let pbx = quiet(firewall);
        assert_eq!(pbx.probe_from_port(Attacker(ATTACKER), 5061), Probe::Answered);
        pbx.write_blacklist([ATTACKER], "1");
        pbx.hup();
        assert_eq!(pbx.probe_from_port(Attacker(ATTACKER), 5061), then, "{firewall:?}");
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
    }
}

#[test]
fn the_zones_of_the_interfaces_come_only_after_the_whole_blacklist() {
    let pbx = quiet(NFT);
    pbx.write_blacklist([ATTACKER], "1");
    pbx.restart_firewall();
    let log = pbx.read_file("/var/log/asterisk/firewall.log");
    let last = |what: &str| log.rfind(what).unwrap_or_else(|| panic!("{what} in {log}"));
    assert!(last("-A fpbxblacklist") < last("-A fpbxinterfaces"));
}

#[test]
fn a_restart_flushes_filter_and_nat_and_leaves_what_stands_elsewhere() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        pbx.write_blacklist([ATTACKER], "1");
        pbx.hup();
        let doing = [
            "iptables -N APIBAN",
            "iptables -A FORWARD -j APIBAN",
            "iptables -t nat -N MINE",
            "ip6tables -N APIBAN",
            "iptables -N f2b-sip",
            "iptables -A f2b-sip -s 5.188.10.9/32 -j DROP",
            "iptables -I INPUT -j f2b-sip",
            "iptables -t raw -A PREROUTING -s 5.188.10.8/32 -j DROP",
            "nft add table inet banbridge",
            "ipset create banned hash:net",
        ];
        for line in doing {
            pbx.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        let pid = pbx.daemon();
        pbx.restart_firewall();
        assert_ne!(pbx.daemon(), pid);
        assert_eq!(pbx.rules(), [rule("185.53.88.78/32")]);
        for gone in ["iptables -S APIBAN", "iptables -t nat -S MINE", "ip6tables -S APIBAN"] {
            assert_ne!(pbx.run(&gone.split(' ').collect::<Vec<_>>()).code, 0, "{firewall:?}: {gone}");
        }
        for there in ["nft list table inet banbridge", "ipset list banned"] {
            pbx.run(&there.split(' ').collect::<Vec<_>>()).ok();
        }
        assert_eq!(pbx.chain(Family::V4, "f2b-sip"), ["-s 5.188.10.9/32 -j DROP"]);
        assert_eq!(pbx.chain(Family::V4, "INPUT"), ["-j f2b-sip", "-j fpbxfirewall"], "{firewall:?}");
        let raw = pbx.run(&["iptables", "-t", "raw", "-S", "PREROUTING"]).ok();
        assert!(raw.contains("-s 5.188.10.8/32 -j DROP"), "{firewall:?}: {raw}");
    }
}

#[test]
fn a_foreign_rule_above_the_firewall_makes_it_flush_and_rebuild_everything() {
    for firewall in [NFT, LEGACY] {
        let pbx = quiet(firewall);
        pbx.write_blacklist([ATTACKER], "1");
        pbx.hup();
        pbx.run(&["iptables", "-N", "MINE"]).ok();
        pbx.run(&["iptables", "-I", "INPUT", "-s", "5.188.10.9", "-j", "DROP"]).ok();
        pbx.hup();
        assert_eq!(pbx.chain(Family::V4, "INPUT"), ["-j fpbxfirewall"], "{firewall:?}");
        assert_ne!(pbx.run(&["iptables", "-S", "MINE"]).code, 0, "{firewall:?}");
        assert_eq!(pbx.rules(), [rule("185.53.88.78/32")], "{firewall:?}");
        assert_eq!(pbx.chain(Family::V4, "fpbxinterfaces").len(), 2, "{firewall:?}");
        assert!(pbx.read_file("/var/log/asterisk/firewall.log").contains("foreign rule above"));
    }
}

#[test]
fn a_firewall_that_someone_flushed_is_started_anew() {
    for firewall in FIREWALLS {
        let pbx = quiet(firewall);
        pbx.write_blacklist([ATTACKER], "1");
        if firewall == Firewall::Nftables {
            pbx.run(&["nft", "delete", "table", "inet", "fpbx"]).ok();
        } else {
            pbx.run(&["iptables", "-F"]).ok();
        }
        until("the daemon to sleep", || pbx.daemon_sleeps());
        let passes = pbx.passes().len();
        pbx.signal_daemon("HUP");
        pbx.wait_pass_after(passes + 1);
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
    }
}

#[test]
fn start_is_no_reload_and_a_second_copy_ends_on_the_lock() {
    let pbx = quiet(NFT);
    let (pid, passes) = (pbx.daemon(), pbx.passes().len());
    pbx.fwconsole(&["firewall", "start"]).ok();
    let copy = pbx.run(&["/var/www/html/admin/modules/firewall/hooks/voipfirewalld"]);
    assert_eq!((copy.code, copy.stdout.as_str()), (0, ""));
    assert_eq!((pbx.daemon(), pbx.passes().len()), (pid, passes));

    let lock = "/var/run/asterisk/firewall/lock-firewall";
    assert_eq!(pbx.run(&["flock", "--nonblock", lock, "true"]).code, 1);
    // The directory's mode lets nobody but root reach the lock.
    let asterisk = pbx.run_as("asterisk", &["cat", lock]);
    assert!(asterisk.stderr.contains("Permission denied"), "{asterisk:?}");
    pbx.kill_daemon();
    // A killed process lets go of its files last.
    until("the lock to be free", || pbx.run(&["flock", "--nonblock", lock, "true"]).code == 0);
}

#[test]
fn the_stop_hook_kills_everything_with_the_daemons_name_in_its_arguments() {
    let pbx = quiet(NFT);
    let mut bystander = pbx.command("sh").args(["-c", "sleep 60; true", "voipfirewalld"]).spawn().unwrap();
    pbx.pid_of(&bystander);
    let matching = pbx.run(&["pgrep", "-f", "voipfirewalld"]).ok();
    assert!(matching.lines().count() >= 3, "daemon, monitor, bystander: {matching}");
    pbx.fwconsole(&["firewall", "stop"]).ok();
    assert!(!bystander.wait().unwrap().success());
    assert_eq!(pbx.daemon(), None);
    assert_eq!(pbx.run(&["pgrep", "-f", "voipfirewalld"]).stdout, "");
    assert_ne!(pbx.run(&["iptables", "-S", "fpbxblacklist"]).code, 0);
}

#[test]
fn a_firewall_that_is_not_enabled_has_no_row_and_does_not_run() {
    for firewall in FIREWALLS {
        let pbx = Sandbox::builder(firewall).disabled().start();
        let status =
            "SELECT val FROM kvstore_FreePBX_modules_Firewall WHERE `key` = 'status' AND id = 'noid'";
        assert!(pbx.sql::<String>(status, ()).is_empty());
        assert_eq!(pbx.daemon(), None);
        pbx.write_blacklist([ATTACKER], "1");
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
        pbx.start_daemon();
        assert_eq!(pbx.sql::<String>(status, ()), ["1"]);
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{firewall:?}");
    }
}

#[test]
fn freepbx_18_replaces_both_sets_whole_and_ipv6_works() {
    let pbx = quiet(Firewall::Nftables);
    let idle = pbx.hup().processes;
    pbx.write_blacklist([ATTACKER, ATTACKER_V6, "5.188.10.77/24", "5.188.11.0/24"], "1");
    assert_eq!(pbx.hup().processes, idle, "no process for an entry");
    assert_eq!(pbx.elements("inet fpbx", "blacklist"), ["5.188.10.0/24", "5.188.11.0/24", ATTACKER]);
    assert_eq!(pbx.elements("inet fpbx", "blacklist6"), [ATTACKER_V6]);
    for source in [ATTACKER, ATTACKER_V6, "5.188.10.1"] {
        assert_eq!(pbx.probe(Attacker(source)), Probe::Refused, "{source}");
    }
    pbx.run(&["nft", "add", "element", "inet", "fpbx", "blacklist", "{ 5.188.12.1 }"]).ok();
    pbx.fwconsole(&["firewall", "del", "blacklist", ATTACKER]).ok();
    pbx.hup();
    assert_eq!(pbx.elements("inet fpbx", "blacklist"), ["5.188.10.0/24", "5.188.11.0/24"]);
    assert_eq!(pbx.run(&["iptables-save"]).ok(), "", "no iptables at run time");
}

#[test]
fn on_freepbx_18_every_pass_lists_the_whole_table_more_than_fifty_times() {
    let pbx = quiet(Firewall::Nftables);
    pbx.write_blacklist(["5.188.10.9"], "1");
    pbx.hup();
    pbx.hup();
    let idle = pbx.passes().pop().unwrap();
    assert!((50..60).contains(&idle.processes), "{idle:?}");
}

#[test]
fn on_freepbx_18_one_overlap_stops_every_change_of_the_blacklist() {
    let pbx = quiet(Firewall::Nftables);
    pbx.names("bad.example.com 5.188.10.5\n");
    pbx.write_blacklist([ATTACKER, "5.188.10.0/24"], "1");
    pbx.hup();
    let before = pbx.elements("inet fpbx", "blacklist");
    for overlap in ["5.188.10.5", "bad.example.com", "5.0.0.0/8"] {
        pbx.write_blacklist([overlap, "5.188.99.1"], "1");
        pbx.hup();
        assert_eq!(pbx.elements("inet fpbx", "blacklist"), before, "{overlap}");
        assert!(pbx.read_file("/var/log/asterisk/firewall.log").contains("conflicting intervals specified"));
        pbx.fwconsole(&["firewall", "del", "blacklist", overlap, "5.188.99.1"]).ok();
    }
}

#[test]
fn on_freepbx_18_an_address_written_twice_and_neighbours_are_no_overlap() {
    let pbx = quiet(Firewall::Nftables);
    pbx.names("bad.example.com 5.188.10.5\n");
    pbx.write_blacklist(["5.188.10.5", "5.188.10.5/32", "5.188.10.6", "bad.example.com"], "1");
    pbx.hup();
    assert_eq!(pbx.elements("inet fpbx", "blacklist"), ["5.188.10.5", "5.188.10.6"]);
}

#[test]
fn on_freepbx_18_a_default_route_in_the_blacklist_blocks_everyone() {
    let pbx = quiet(Firewall::Nftables);
    pbx.write_blacklist(["0.0.0.0/0"], "1");
    pbx.hup();
    assert_eq!(pbx.probe(Attacker("5.188.10.5")), Probe::Refused);
    assert_eq!(pbx.probe(Phone(Sandbox::PHONE)), Probe::Refused);
}

#[test]
fn on_freepbx_18_a_restart_rebuilds_its_own_table_and_no_other() {
    let pbx = quiet(Firewall::Nftables);
    pbx.write_blacklist([ATTACKER], "1");
    pbx.run(&["nft", "add", "table", "inet", "banbridge"]).ok();
    pbx.run(&["nft", "add", "set", "inet", "fpbx", "mine", "{ type ipv4_addr; }"]).ok();
    pbx.restart_firewall();
    assert_eq!(pbx.elements("inet fpbx", "blacklist"), [ATTACKER]);
    assert_ne!(pbx.run(&["nft", "list", "set", "inet", "fpbx", "mine"]).code, 0);
    pbx.run(&["nft", "list", "table", "inet", "banbridge"]).ok();
}

#[test]
fn long_values_are_kept_as_blobs_and_still_work() {
    let pbx = quiet(NFT);
    let mut map = serde_json::Map::new();
    for n in 0..300 {
        map.insert(format!("10.{}.{}.0/24", n / 256, n % 256), json!("trusted"));
    }
    pbx.set_config("networkmaps", &json!(map));
    pbx.fwconsole(&["firewall", "trust", "212.58.244.20"]).ok();
    let rows: Vec<(String, String)> = pbx.sql(
        "SELECT k.type, b.type FROM kvstore_FreePBX_modules_Firewall k JOIN kvblobstore b ON b.uuid = k.val WHERE k.key = 'networkmaps'",
        (),
    );
    assert_eq!(rows, [("blob".into(), "json-arr".into())]);
    assert_eq!(pbx.chain(Family::V4, "fpbxnets").len(), 301);
}

#[test]
fn the_kvstore_can_be_myisam() {
    let pbx = Sandbox::builder(NFT).myisam().period(3600).start();
    let engines = "SELECT DISTINCT ENGINE FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'kv%'";
    assert_eq!(pbx.sql::<String>(engines, ()), ["MyISAM"]);
    pbx.fwconsole(&["firewall", "add", "blacklist", ATTACKER]).ok();
    pbx.hup();
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
}

#[test]
fn the_daemon_outlives_the_database() {
    let pbx = Sandbox::builder(NFT).period(0.3).start();
    pbx.stop_database();
    pbx.start_database();
    pbx.kill_database();
    pbx.start_database();
    pbx.write_blacklist([ATTACKER], "1");
    until("the rule", || pbx.rules() == [rule("185.53.88.78/32")]);
}

#[test]
fn asterisk_answers_fails_and_hangs_as_told() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    let ask = ["asterisk", "-rx", "pjsip show contacts"];
    pbx.asterisk_answers("pjsip show contacts", "No objects found.\n");
    assert_eq!(pbx.run_as("asterisk", &ask).ok(), "No objects found.\n");
    pbx.stop_asterisk();
    let run = pbx.run(&ask);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("Unable to connect to remote asterisk"));
    pbx.hang_asterisk();
    assert_eq!(pbx.run(&["timeout", "0.2", "asterisk", "-rx", "sip show peers"]).code, 124);
}

#[test]
fn a_flood_counts_what_came_back() {
    let pbx = quiet(NFT);
    let flood = pbx.flood(Attacker(ATTACKER), 500);
    until("the flood to arrive", || {
        pbx.run(&["conntrack", "-L", "-s", ATTACKER]).stdout.contains("dport=5060")
    });
    pbx.write_blacklist([ATTACKER], "1");
    pbx.hup();
    std::thread::sleep(Duration::from_millis(200));
    let counts = flood.stop();
    assert!(counts.answered > 0 && counts.refused > 0, "{counts:?}");
    assert!(counts.answered + counts.refused <= counts.sent + 1, "{counts:?}");
}

#[test]
fn two_sandboxes_do_not_see_each_other() {
    let one = quiet(NFT);
    let two = quiet(NFT);
    one.write_blacklist([ATTACKER], "1");
    one.hup();
    one.write_file("/etc/mark", "one");
    let daemon = two.daemon();
    one.fwconsole(&["firewall", "stop"]).ok();
    assert!(two.blacklist().is_empty());
    assert_eq!(two.daemon(), daemon);
    assert!(two.rules().is_empty());
    assert!(!two.outside("/etc/mark").exists());
    assert_eq!(two.probe(Attacker(ATTACKER)), Probe::Answered);
}

#[test]
fn nothing_of_the_machine_can_be_written_from_inside() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    for path in ["/root/banbridge-mark", "/opt/banbridge-mark", env!("CARGO_MANIFEST_DIR")] {
        let target = if path.ends_with("mark") { path.to_owned() } else { format!("{path}/mark") };
        let run = pbx.run(&["touch", &target]);
        // Below /tmp, where a checkout may be, it can be written and is gone with the sandbox.
        let overlaid = target.starts_with("/tmp/") && run.code == 0;
        assert!(overlaid || run.stderr.contains("Read-only file system"), "{target}: {run:?}");
        assert!(!fs::exists(&target).unwrap(), "{target}");
    }
    for path in [
        "/etc/banbridge-mark",
        "/usr/banbridge-mark",
        "/var/banbridge-mark",
        "/tmp/banbridge-mark",
        "/run/banbridge-mark",
    ] {
        pbx.write_file(path, "");
        assert!(!fs::exists(path).unwrap(), "{path}");
    }
}

/// Processes of the machine that name this directory, and mounts of this process below it.
fn traces(dir: &str) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(dir))
        .collect();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    found.extend(mounts.lines().filter(|line| line.contains(dir)).map(str::to_owned));
    if fs::exists(dir).unwrap() {
        found.push(dir.to_owned());
    }
    found
}

/// Every process of the machine in this network namespace.
fn neighbours(namespace: &str) -> usize {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path().join("ns/net")).ok())
        .filter(|link| link.to_string_lossy() == namespace)
        .count()
}

#[test]
fn nothing_is_left_after_a_sandbox_not_even_after_a_panic() {
    let outcome = std::thread::spawn(|| {
        let pbx = quiet(NFT);
        let dir = pbx.dir().to_string_lossy().into_owned();
        let namespace = fs::read_link(format!("/proc/{}/ns/net", pbx.pid())).unwrap();
        assert!(!traces(&dir).is_empty());
        std::panic::panic_any((dir, namespace.to_string_lossy().into_owned()));
    });
    let payload = outcome.join().unwrap_err();
    let (dir, namespace) = payload.downcast_ref::<(String, String)>().unwrap();
    assert_eq!(traces(dir), Vec::<String>::new());
    assert_eq!(neighbours(namespace), 0);
}

/// Starts a sandbox from a process group of its own and waits for it.
fn booted(words: &[&str], path: &str) -> Child {
    // Whoever starts the tests in the background lets them ignore the interruption that is sent here.
    let child = Command::new("env")
        .arg("--default-signal=INT")
        .args(words)
        .args(["--cache", env!("CARGO_TARGET_TMPDIR"), "--disabled", "--dir", path])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    until("the sandbox", || fs::exists(format!("{path}/ready")).unwrap());
    child
}

#[test]
fn its_asterisk_has_the_same_number_on_a_machine_that_has_another() {
    let sandbox = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox");
    let machine = r#"
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/etc /mnt/work
        mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work /etc
        sed -i /^asterisk:/d /etc/passwd /etc/group
        echo asterisk:x:990:989::/:/usr/sbin/nologin >>/etc/passwd
        echo phone:x:5060:5060::/:/bin/sh >>/etc/passwd
        printf 'asterisk:x:989:\nphone:x:5060:\ndialout2:x:988:asterisk\n' >>/etc/group
        [ "$(id -u asterisk)" = 990 ] && [ "$(id -G asterisk)" = "989 988" ] || exit 1
        exec "$0/boot" "$@"
    "#;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pbx").to_string_lossy().into_owned();
    let mut child = booted(&["unshare", "--mount", "sh", "-euc", machine, sandbox, "--until-eof"], &path);
    let enter = |words: &[&str]| {
        let run = Command::new(format!("{sandbox}/enter")).arg(&path).args(words).output().unwrap();
        Run::from(run).ok()
    };
    let asterisk = "uid=5060(asterisk) gid=5060(asterisk) groups=5060(asterisk)\n";
    assert_eq!(enter(&["id", "asterisk"]), asterisk);
    assert_eq!(enter(&["--user", "asterisk", "id"]), asterisk);
    assert_eq!(enter(&["stat", "-c", "%u:%g %U", "/etc/freepbx.conf"]), "5060:5060 asterisk\n");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn nothing_is_left_after_a_test_or_a_shell_was_killed_or_interrupted() {
    let boot = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/boot");
    let by_test: &[&str] = &[boot, "--until-eof"];
    let by_shell: &[&str] = &["sh", "-c", r#""$0" "$@" & wait"#, boot];
    for (words, how) in [(by_test, "killed"), (by_test, "-INT"), (by_shell, "killed"), (by_shell, "-INT")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pbx").to_string_lossy().into_owned();
        let mut child = booted(words, &path);
        if how == "-INT" {
            let group = format!("-{}", child.id());
            assert!(Command::new("kill").args([how, "--", &group]).status().unwrap().success());
        } else if words == by_shell {
            child.kill().unwrap();
        } else {
            // What the end of a test does to the pipe.
            drop(child.stdin.take());
        }
        until("everything to be gone", || {
            let mut left = traces(&path);
            // A shell's directory is the shell's to remove.
            left.retain(|trace| words == by_test || trace != &path);
            left.is_empty()
        });
        let _ = child.kill();
        child.wait().unwrap();
    }
}
