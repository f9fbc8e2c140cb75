//! The set by itself, on real packet filters with real packets: what it refuses and lets through, that a restart of
//! the firewall leaves no gap, and what happens with a broken nft, without nft, and when it is killed.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::sandbox::{Attacker, Backend, Firewall, Phone, Probe, Sandbox, until};
use crate::testenv::TestEnv;
use banbridge::ban::Prefix;
use banbridge::kernel::set::{self, DIRECTORY, Desired, Set, SetError};
use banbridge::system::program::System;
use serde_json::{Value, json};

const NFT: Firewall = Firewall::Iptables(Backend::Nft);
const LEGACY: Firewall = Firewall::Iptables(Backend::Legacy);
const ATTACKER: &str = "185.53.88.78";
const ATTACKER_V6: &str = "2a06:4880::78";
const OTHER: &str = "5.188.10.9";
const PASS: [&str; 4] = ["127.0.0.0/8", "192.168.0.0/16", "::1", "2a02:2e02:200::/64"];

/// What runs inside the sandbox: this very test program, told by the environment what to do with the library. Without
/// being told it is no test.
#[test]
fn inside() {
    let Ok(words) = env::var("SET_WORDS") else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let start = Instant::now();
    let mut answer = act(&words).unwrap_or_else(|error| json!({ "error": error.to_string() }));
    if answer.is_null() {
        answer = json!({ "none": true });
    }
    answer["ms"] = u64::try_from(start.elapsed().as_millis()).unwrap().into();
    fs::write(env::var("SET_ANSWER").unwrap(), answer.to_string()).unwrap();
}

/// What a file asks for.
fn asked(file: &str) -> Desired {
    let lists: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let prefixes = |key: &str| -> Vec<Prefix> {
        lists[key].as_array().unwrap().iter().map(|e| e.as_str().unwrap().parse().unwrap()).collect()
    };
    Desired::of(&prefixes("blocked"), &prefixes("pass"))
}

fn act(words: &[&str]) -> Result<Value, SetError> {
    let system = System::default();
    let directory = Path::new(DIRECTORY);
    Ok(match words {
        ["bring", file] => {
            let set = Set::open(&system, directory)?;
            let outcome = set.bring(&asked(file), 0)?;
            json!({
                "backend": set.backend(), "why_not_nft": set.why_not_nft(), "size": outcome.size,
                "added": outcome.added, "removed": outcome.removed, "wrote": outcome.wrote,
                "notes": outcome.notes,
            })
        }
        ["few", file] => {
            json!(set::change_a_few(directory, &asked(file)))
        }
        ["read"] => {
            let set = Set::open(&system, directory)?;
            let held = set.held().map(|held| {
                let blocked: BTreeMap<String, u64> =
                    held.blocked.iter().map(|e| (e.prefix.to_string(), e.counter.packets)).collect();
                json!({ "blocked": blocked, "pass": held.pass, "total": held.total.packets })
            });
            json!({ "backend": set.backend(), "held": held })
        }
        ["load"] => json!({ "loaded": set::load_saved(&system, directory)? }),
        ["remove"] => json!({ "removed": set::remove(&system, directory)? }),
        _ => panic!("{words:?}"),
    })
}

/// Has the library do something inside, as root.
#[track_caller]
fn tool(pbx: &Sandbox, words: &str) -> Value {
    let answer = pbx.dir().join("answer.json");
    let _ = fs::remove_file(&answer);
    let program = env::current_exe().unwrap();
    let output = pbx
        .command(program.to_str().unwrap())
        .args(["--exact", "set::inside"])
        .env("SET_WORDS", words)
        .env("SET_ANSWER", &answer)
        .output()
        .unwrap();
    let text = fs::read_to_string(&answer);
    serde_json::from_str(&text.unwrap_or_else(|_| panic!("{output:?}"))).unwrap()
}

/// Brings the set to this content, and `PASS`.
#[track_caller]
fn bring(pbx: &Sandbox, blocked: &[&str]) -> Value {
    bring_with(pbx, blocked, &PASS)
}

#[track_caller]
fn bring_with(pbx: &Sandbox, blocked: &[&str], pass: &[&str]) -> Value {
    let file = pbx.dir().join("lists.json");
    fs::write(&file, json!({ "blocked": blocked, "pass": pass }).to_string()).unwrap();
    tool(pbx, &format!("bring {}", file.display()))
}

/// What the kernel holds, each with its packets.
#[track_caller]
fn held(pbx: &Sandbox) -> BTreeMap<String, u64> {
    let answer = tool(pbx, "read");
    serde_json::from_value(answer["held"]["blocked"].clone()).unwrap_or_else(|_| panic!("{answer}"))
}

/// From here on nft cannot be used: the kernel has no nftables, says this one, as nft does on such a kernel.
fn break_nft(pbx: &Sandbox) {
    pbx.run(&["mv", "/usr/sbin/nft", "/usr/sbin/nft.away"]).ok();
    pbx.write_file(
        "/usr/sbin/nft",
        "#!/bin/sh\necho 'netlink: Error: cache initialization failed: Protocol not supported' >&2\nexit 1\n",
    );
    pbx.run(&["chmod", "755", "/usr/sbin/nft"]).ok();
}

fn mend_nft(pbx: &Sandbox) {
    pbx.run(&["mv", "/usr/sbin/nft.away", "/usr/sbin/nft"]).ok();
}

fn quiet(firewall: Firewall) -> Sandbox {
    Sandbox::builder(firewall).period(3600).start()
}

/// Every kind of firewall with every way to the set; ipset needs iptables.
fn everywhere() -> impl Iterator<Item = (Sandbox, Probe, String)> {
    let ways = [(NFT, true), (LEGACY, true), (Firewall::Nftables, true), (NFT, false), (LEGACY, false)];
    ways.into_iter().map(|(firewall, nft)| {
        let pbx = quiet(firewall);
        if !nft {
            break_nft(&pbx);
        }
        let refused = if nft { Probe::Refused } else { Probe::Silent };
        (pbx, refused, format!("{firewall:?}, {}", if nft { "nft" } else { "ipset" }))
    })
}

#[test]
fn what_no_row_can_block_is_refused_and_everybody_else_gets_through() {
    for (pbx, refused, how) in everywhere() {
        for source in [Attacker(ATTACKER), Attacker(ATTACKER_V6), Attacker("185.53.89.1")] {
            assert_eq!(pbx.probe(source), Probe::Answered, "{how}");
        }
        let phones = [Phone(Sandbox::PHONE), Phone(Sandbox::PHONE_V6)];
        // Prefixes around the phones are listed too.
        let listed = [
            ATTACKER,
            "185.53.89.0/24",
            "2a06:4880::/32",
            "192.168.77.0/24",
            "2a02:2e02:200::20",
            "127.0.0.1",
        ];
        let outcome = bring(&pbx, &listed);
        assert_eq!((&outcome["wrote"], &outcome["size"]), (&json!(true), &json!(3)), "{how}: {outcome}");
        assert_eq!(outcome["notes"], json!([]), "{how}");
        for source in [Attacker(ATTACKER), Attacker(ATTACKER_V6), Attacker("185.53.89.1")] {
            assert_eq!(pbx.probe(source), refused, "{how}: {source:?}");
        }
        for source in phones.into_iter().chain([Attacker(OTHER), Attacker("2a06:4881::1")]) {
            assert_eq!(pbx.probe(source), Probe::Answered, "{how}: {source:?}");
        }
        // What passes here still meets the firewall's own blacklist.
        if refused == Probe::Refused {
            pbx.write_blacklist([OTHER], "1");
            pbx.hup();
            assert_eq!(pbx.probe(Attacker(OTHER)), Probe::Refused, "{how}");
        }

        let counted = held(&pbx);
        assert_eq!(counted[ATTACKER], 1, "{how}");
        assert_eq!(counted["185.53.89.0/24"], 1, "{how}");
        assert_eq!(counted["2a06:4880::/32"], 1, "{how}");
        assert_eq!(tool(&pbx, "read")["held"]["total"], 3, "{how}");

        assert_eq!(tool(&pbx, "remove")["removed"], true);
        assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), Probe::Answered, "{how}");
        assert_eq!(tool(&pbx, "read")["held"], Value::Null);
        assert!(!pbx.outside(DIRECTORY).exists());
        assert_eq!(tool(&pbx, "remove")["removed"], false);
        assert!(
            !pbx.run(&["sh", "-c", "ipset save; iptables-save; ip6tables-save"]).stdout.contains("banbridge")
        );
    }
}

#[test]
fn who_is_never_blocked_passes_even_a_set_that_somebody_else_filled() {
    for (pbx, refused, how) in everywhere() {
        bring(&pbx, &["212.58.0.0/16"]);
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), refused, "{how}");
        // Allowed, he gets through at once although his network stays.
        let outcome = bring_with(&pbx, &["212.58.0.0/16"], &[Sandbox::PHONE_PUBLIC]);
        assert_eq!(outcome["wrote"], true, "{how}");
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), Probe::Answered, "{how}");
        let add = match refused {
            Probe::Refused => {
                let set = "add element inet banbridge blocked4 { 212.58.244.20 }";
                pbx.run(&["nft", set]).ok();
                pbx.run(&["nft", "add element inet banbridge blocked4 { 127.0.0.1 }"])
            }
            _ => pbx.run(&["ipset", "add", "banbridge4", "212.58.244.20"]),
        };
        add.ok();
        assert_eq!(pbx.probe(Phone(Sandbox::PHONE_PUBLIC)), Probe::Answered, "{how}");
        assert_eq!(pbx.run(&["probe", "127.0.0.1", "127.0.0.1"]).stdout, "answered\n", "{how}");
        // And what was put there is found and taken out.
        let outcome = bring_with(&pbx, &["212.58.0.0/16"], &[Sandbox::PHONE_PUBLIC]);
        assert_eq!(outcome["wrote"], true, "{how}");
        assert!(!held(&pbx).contains_key(Sandbox::PHONE_PUBLIC), "{how}");
    }
}

#[test]
fn a_connection_that_is_open_goes_on_and_no_new_one_comes_about() {
    for (pbx, _, how) in everywhere() {
        pbx.write_file(
            "/tmp/listen.php",
            "<?php $s = stream_socket_server('tcp://0.0.0.0:8088'); echo \"ready\\n\";
            while ($c = stream_socket_accept($s, 600)) { while (($l = fgets($c)) !== false) fwrite($c, $l); }",
        );
        // The module lets only some ports in from outside.
        if pbx.firewall() != Firewall::Nftables {
            pbx.run(&[
                "iptables",
                "-I",
                "INPUT",
                "-p",
                "tcp",
                "--dport",
                "8088",
                "-m",
                "conntrack",
                "--ctstate",
                "NEW",
                "-j",
                "ACCEPT",
            ])
            .ok();
        } else {
            pbx.fwconsole(&["firewall", "trust", ATTACKER]).ok();
            pbx.restart_firewall();
        }
        let mut server = pbx.command("php").arg("/tmp/listen.php").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // Says one line, waits for the file, says another, then tries a second connection.
        pbx.write_file(
            "/tmp/talk.php",
            format!(
                "<?php $o = stream_context_create(['socket' => ['bindto' => '{ATTACKER}:0']]);
                $open = fn() => @stream_socket_client('tcp://{}:8088', $e, $m, 2, STREAM_CLIENT_CONNECT, $o);
                $c = $open() ?: exit(\"no connection\\n\"); stream_set_timeout($c, 5);
                fwrite($c, \"one\\n\"); echo fgets($c); 
                while (!file_exists('/tmp/banned')) {{ usleep(10000); clearstatcache(); }}
                fwrite($c, \"two\\n\"); echo fgets($c); fclose($c);
                echo $open() ? 'open' : 'closed', \"\\n\";",
                Sandbox::WAN
            ),
        );
        let mut enter =
            std::process::Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/enter"));
        let mut talk = enter
            .arg(pbx.dir())
            .args(["--net", "attacker", "php", "/tmp/talk.php"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(talk.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(said.next().as_deref(), Some("one"), "{how}");
        bring(&pbx, &[ATTACKER]);
        pbx.write_file("/tmp/banned", "");
        assert_eq!(said.next().as_deref(), Some("two"), "{how}");
        assert_eq!(said.next().as_deref(), Some("closed"), "{how}");
        talk.wait().unwrap();
        let _ = server.kill();
        let _ = server.wait();
    }
}

#[test]
fn a_restart_of_the_firewall_leaves_no_gap() {
    for (pbx, refused, how) in everywhere() {
        bring(&pbx, &[ATTACKER, ATTACKER_V6]);
        let floods = [pbx.flood(Attacker(ATTACKER), 300), pbx.flood(Attacker(ATTACKER_V6), 300)];
        until("the floods to arrive", || held(&pbx).values().all(|packets| *packets > 0));
        pbx.restart_firewall();
        pbx.hup();
        for flood in floods {
            let counts = flood.stop();
            assert!(counts.sent > 50, "{how}: {counts:?}");
            assert_eq!(counts.answered, 0, "{how}: {counts:?}");
        }
        assert_eq!(pbx.probe(Attacker(ATTACKER)), refused, "{how}");
        assert_eq!(bring(&pbx, &[ATTACKER, ATTACKER_V6])["wrote"], false, "{how}");
        // Nor does replacing it while packets come.
        let before = held(&pbx)[ATTACKER];
        let flood = pbx.flood(Attacker(ATTACKER), 1000);
        until("the flood to arrive", || held(&pbx)[ATTACKER] > before);
        for round in 0..5 {
            bring(&pbx, &[ATTACKER, &format!("5.188.10.{round}")]);
        }
        let counts = flood.stop();
        assert_eq!((counts.answered, counts.sent > 50), (0, true), "{how}: {counts:?}");
        // Counters went on through five replacements; what came in between may be missing.
        let counted = held(&pbx)[ATTACKER] - before;
        assert!(counted > counts.sent / 2, "{how}: {counted} of {counts:?}");
    }
}

#[test]
fn content_that_is_there_is_not_written_again_and_what_differs_is_found_in_the_kernel() {
    let pbx = quiet(NFT);
    let listed = [ATTACKER, "45.0.0.0/24", "45.0.1.0/24", ATTACKER_V6];
    bring(&pbx, &listed);
    let generation = || {
        let mut monitor = pbx.command("nft").args(["monitor"]).stdout(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let wrote = bring(&pbx, &listed)["wrote"].clone();
        std::thread::sleep(std::time::Duration::from_millis(200));
        let pid = pbx.pid_of(&monitor);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut monitor.stdout.take().unwrap(), &mut text).unwrap();
        monitor.wait().unwrap();
        (wrote, text)
    };
    assert_eq!(generation(), (json!(false), String::new()));
    let changes = [
        "delete element inet banbridge blocked4 { 185.53.88.78 }",
        "add element inet banbridge blocked4 { 46.0.0.1 }",
        "flush set inet banbridge pass4",
        "flush chain inet banbridge input",
        "add rule inet banbridge input accept",
        "insert rule inet banbridge input accept",
        "add chain inet banbridge other",
        "delete table inet banbridge",
        "flush ruleset",
    ];
    for change in changes {
        pbx.run(&["nft", change]).ok();
        let (wrote, seen) = generation();
        assert_eq!((wrote, seen.is_empty()), (json!(true), false), "{change}");
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused, "{change}");
        assert_eq!(generation(), (json!(false), String::new()), "{change}");
    }
}

#[test]
fn any_content_follows_any_other_exactly() {
    for (pbx, how) in [(quiet(NFT), "nft"), (quiet(LEGACY), "ipset")] {
        if how == "ipset" {
            break_nft(&pbx);
        }
        let mut random = 88172645463325252u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        for round in 0..25 {
            let mut list: Vec<String> = (0..next(40))
                .map(|_| match next(4) {
                    0 => format!("2a05::{:x}/{}", next(64), 122 + next(7)),
                    1 => format!("45.{}.0.0/{}", next(4), 8 + next(9)),
                    _ => format!("45.0.0.{}/{}", next(64), 26 + next(7)),
                })
                .collect();
            let everything = ["0.0.0.0/0", "::/0"].into_iter().filter(|_| next(12) == 0);
            list.extend(everything.map(str::to_owned));
            let blocked: Vec<&str> = list.iter().map(String::as_str).collect();
            let pass = ["127.0.0.0/8", "45.0.0.9", "2a05::9", "fe80::/10"];
            let outcome = bring_with(&pbx, &blocked, &pass);
            assert_eq!(outcome.get("error"), None, "{how} {round}: {outcome} {list:?}");
            let parse = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<Prefix>>();
            let desired = Desired::of(&parse(&blocked), &parse(&pass));
            let now: Vec<Prefix> = held(&pbx).keys().map(|key| key.parse().unwrap()).collect();
            let now = Desired::of(&now, &parse(&pass));
            assert_eq!(now, desired, "{how} {round}");
            assert_eq!(bring_with(&pbx, &blocked, &pass)["wrote"], false, "{how} {round}");
        }
    }
}

#[test]
fn without_a_usable_nft_ipset_takes_over_and_goes_when_nft_comes_back() {
    let pbx = quiet(LEGACY);
    break_nft(&pbx);
    let outcome = bring(&pbx, &[ATTACKER]);
    assert_eq!(outcome["backend"], "ipset");
    let why = outcome["why_not_nft"].as_str().unwrap();
    assert!(why.contains("cache initialization failed"), "{why}");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Silent);
    mend_nft(&pbx);
    assert_eq!(bring(&pbx, &[ATTACKER])["backend"], "nft");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    assert_eq!(pbx.run(&["ipset", "list", "-n"]).stdout, "");
    // Without either there is a plain word and no set.
    tool(&pbx, "remove");
    pbx.remove_file("/usr/sbin/nft");
    pbx.remove_file("/usr/sbin/ipset");
    let error = bring(&pbx, &[ATTACKER])["error"].clone();
    assert_eq!(
        error,
        "neither nft nor ipset can be used: nft is not installed (looked in /usr/sbin, /sbin, /usr/bin, /bin); \
         ipset is not installed (looked in /usr/sbin, /sbin, /usr/bin, /bin)"
    );
}

#[test]
fn an_nft_that_refuses_to_write_leaves_what_is_in_force_and_says_why() {
    let pbx = quiet(NFT);
    bring(&pbx, &[ATTACKER]);
    pbx.run(&["mv", "/usr/sbin/nft", "/usr/sbin/nft.away"]).ok();
    pbx.write_file(
        "/usr/sbin/nft",
        "#!/bin/sh\n[ \"$1\" = -f ] && { echo 'Error: Could not process rule: Cannot allocate memory' >&2; exit 1; }\n\
         exec /usr/sbin/nft.away \"$@\"\n",
    );
    pbx.run(&["chmod", "755", "/usr/sbin/nft"]).ok();
    let outcome = bring(&pbx, &[OTHER]);
    assert_eq!(outcome["error"], "nft: Error: Could not process rule: Cannot allocate memory");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    assert_eq!(pbx.run(&["ipset", "list", "-n"]).stdout, "");
    mend_nft(&pbx);
    assert_eq!(bring(&pbx, &[OTHER])["wrote"], true);
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered);
}

#[test]
fn a_program_that_others_can_write_is_not_run_as_root() {
    let pbx = quiet(NFT);
    pbx.run(&["cp", "/usr/sbin/nft", "/usr/local/sbin/nft"]).ok();
    pbx.run(&["chown", "asterisk", "/usr/sbin/nft"]).ok();
    let outcome = bring(&pbx, &[ATTACKER]);
    assert_eq!(outcome["backend"], "ipset");
}

#[test]
fn what_is_saved_is_in_force_again_after_a_boot() {
    for (pbx, refused, how) in everywhere() {
        bring(&pbx, &[ATTACKER, ATTACKER_V6]);
        // What a boot leaves of the kernel's content.
        let forget = "nft.away delete table inet banbridge || nft delete table inet banbridge || \
            { for t in iptables ip6tables; do $t -t raw -F; $t -t raw -X; done; ipset destroy; }";
        pbx.run(&["sh", "-c", forget]).ok();
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Answered, "{how}");
        let way = if refused == Probe::Refused { "nft" } else { "ipset" };
        assert_eq!(tool(&pbx, "load")["loaded"], way, "{how}");
        assert_eq!(pbx.probe(Attacker(ATTACKER)), refused, "{how}");
        assert_eq!(pbx.probe(Attacker(ATTACKER_V6)), refused, "{how}");
        assert_eq!(tool(&pbx, "load")["loaded"], Value::Null, "{how}: a second time");
        assert_eq!(bring(&pbx, &[ATTACKER, ATTACKER_V6])["wrote"], false, "{how}");
        // A copy that somebody else could write is not loaded.
        pbx.run(&["chown", "asterisk", DIRECTORY]).ok();
        assert!(tool(&pbx, "load")["error"].as_str().unwrap().contains("others than root"), "{how}");
    }
}

#[test]
fn killed_between_filling_and_swapping_the_next_run_cleans_up() {
    let pbx = quiet(LEGACY);
    break_nft(&pbx);
    bring(&pbx, &[ATTACKER]);
    // What it leaves: the new set filled, or only made, or the old one gone from the rules.
    let left = [
        "ipset create banbridge-new hash:net family inet counters; ipset add banbridge-new 9.9.9.9",
        "ipset create banbridge-new bitmap:port range 0-9",
        "ipset create banbridge-new hash:net family inet6; ipset swap banbridge-new banbridge6",
        "iptables -t raw -F banbridge",
        "iptables -t raw -D PREROUTING -m set --match-set banbridge4 src -j banbridge",
        "ip6tables -t raw -F; ip6tables -t raw -X; ipset destroy banbridge6",
        "iptables -t raw -F; iptables -t raw -X; ipset destroy banbridge4; ipset create banbridge4 bitmap:port range 0-9",
    ];
    for (round, left) in left.into_iter().enumerate() {
        pbx.run(&["sh", "-c", left]).ok();
        let another = format!("5.188.10.{round}");
        bring(&pbx, &[ATTACKER, ATTACKER_V6, &another]);
        for source in [ATTACKER, ATTACKER_V6, &another] {
            assert_eq!(pbx.probe(Attacker(source)), Probe::Silent, "{left}: {source}");
        }
        assert!(!pbx.run(&["ipset", "list", "-n"]).stdout.contains("new"), "{left}");
        assert_eq!(bring(&pbx, &[ATTACKER, ATTACKER_V6, &another])["wrote"], false, "{left}");
    }
}

#[test]
fn tables_sets_and_rules_of_others_stay_as_they_are() {
    for (pbx, _, how) in everywhere() {
        let foreign = "ipset create lefilter hash:ip; ipset add lefilter 9.9.9.9; ipset create banbridge-mine hash:ip; \
            iptables -t raw -A PREROUTING -m set --match-set lefilter src -j ACCEPT; \
            iptables -t mangle -A INPUT -s 9.9.9.8 -j ACCEPT; ip6tables -t raw -A OUTPUT -j ACCEPT; \
            for nft in nft.away nft; do $nft add table inet crowdsec 2>/dev/null && \
            $nft 'add set inet crowdsec s { type ipv4_addr; elements = { 9.9.9.9 }; }'; done; true";
        pbx.run(&["sh", "-c", foreign]).ok();
        let look = || {
            let all = "ipset save lefilter; ipset save banbridge-mine; iptables-save; ip6tables-save; \
                nft.away list table inet crowdsec || nft list table inet crowdsec";
            let text = pbx.run(&["sh", "-c", all]).ok();
            text.lines()
                .filter(|line| {
                    !line.starts_with('#') && !line.starts_with(':') && !line.contains("banbridge4")
                })
                .filter(|line| !line.contains("banbridge6") && !line.contains("-A banbridge "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let before = look();
        bring(&pbx, &[ATTACKER, ATTACKER_V6]);
        bring(&pbx, &[OTHER]);
        assert_eq!(look(), before, "{how}");
        tool(&pbx, "remove");
        assert_eq!(look(), before, "{how}");
    }
}

#[test]
fn a_hundred_thousand_prefixes_are_in_force_within_seconds() {
    let many: Vec<String> = (0..100_000u32)
        .map(|n| format!("{}.{}.{}.{}", 11 + n / 65_536, n / 256 % 256, n % 256, n % 7 * 2))
        .collect();
    let blocked: Vec<&str> = many.iter().map(String::as_str).chain([ATTACKER]).collect();
    for (pbx, refused, how) in everywhere() {
        if pbx.firewall() == Firewall::Nftables {
            continue;
        }
        let first = bring(&pbx, &blocked);
        assert_eq!(first["size"].as_u64(), Some(100_001), "{how}: {first}");
        assert_eq!(pbx.probe(Attacker(ATTACKER)), refused, "{how}");
        assert_eq!(pbx.probe(Attacker("11.0.9.4")), refused, "{how}");
        assert_eq!(pbx.probe(Attacker("11.0.9.5")), Probe::Answered, "{how}");
        let same = bring(&pbx, &blocked);
        assert_eq!(same["wrote"], false, "{how}");
        let less = bring(&pbx, &blocked[10_000..]);
        assert_eq!(less["removed"], 10_000, "{how}");
        // Bounded with much room: other tests run at the same time.
        for outcome in [first, same, less] {
            assert!(outcome["ms"].as_u64().unwrap() < 60_000, "{how}: {outcome}");
        }
    }
}

#[test]
fn the_set_needs_root_and_says_so() {
    let pbx = quiet(NFT);
    let answer = pbx.dir().join("answer.json");
    fs::write(&answer, "").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(&answer, open).unwrap();
    let program = pbx.dir().join("set");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(pbx.dir(), open).unwrap();
    pbx.command_as("asterisk", program.to_str().unwrap())
        .args(["--exact", "set::inside"])
        .env("SET_WORDS", "read")
        .env("SET_ANSWER", &answer)
        .output()
        .unwrap();
    let text = fs::read_to_string(&answer).unwrap();
    assert!(text.contains("needs root"), "{text}");
}

#[test]
fn what_root_read_back_is_not_read_again_while_nobody_changes_a_table() {
    let env = TestEnv::new(NFT, &[ATTACKER, OTHER]);
    env.configure("[set]\nenabled = \"yes\"");
    let pbx = &env.pbx;
    // Every nft that is run is noted.
    pbx.run(&["mv", "/usr/sbin/nft", "/usr/sbin/nft.real"]).ok();
    let noting = "#!/bin/sh\necho \"$*\" >>/run/nft.log\nexec /usr/sbin/nft.real \"$@\"\n";
    pbx.write_file("/usr/sbin/nft", noting);
    pbx.run(&["chmod", "755", "/usr/sbin/nft"]).ok();
    let read = || {
        let log = pbx.run(&["cat", "/run/nft.log"]).stdout;
        pbx.run(&["rm", "-f", "/run/nft.log"]).ok();
        assert!(!log.contains("list table"), "elements come from the kernel itself: {log}");
        log.contains("list ruleset inet")
    };
    env.sync(0, &[]);
    env.run(&["apply"]).ok();
    assert!(read(), "what was written is read once");
    for words in [&["apply"][..], &["sync"]] {
        let (_, report) = env.json(words);
        assert!(!read(), "{words:?}");
        assert_eq!((&report["set"]["size"], &report["verified"]), (&json!(2), &json!(true)), "{report:#}");
    }
    // Somebody takes an address out, flushes the set, or all rules: found at once.
    for change in [
        &["nft.real", "delete", "element", "inet", "banbridge", "blocked4", "{", ATTACKER, "}"][..],
        &["nft.real", "flush", "set", "inet", "banbridge", "blocked4"],
        &["nft.real", "flush", "table", "inet", "banbridge"],
        &["nft.real", "delete", "table", "inet", "banbridge"],
    ] {
        pbx.run(change).ok();
        env.run(&["apply"]).ok();
        assert!(read());
        assert_eq!(pbx.elements("inet banbridge", "blocked4").len(), 2, "{change:?}");
        env.run(&["apply"]).ok();
        assert!(read());
        env.run(&["apply"]).ok();
        assert!(!read(), "{change:?}");
    }
    // Counters are read again after two minutes.
    for _ in 0..3 {
        assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    }
    let seen = "/var/lib/banbridge/set.seen";
    let note = pbx.read_file(seen);
    let (what, at) = note.trim_end().rsplit_once(' ').unwrap();
    let at: i64 = at.parse().unwrap();
    pbx.write_file(seen, format!("{what} {}\n", at - 121));
    env.run(&["apply"]).ok();
    assert!(read());
    let hits: u64 = env.pbx.sql("SELECT CAST(SUM(packets) AS UNSIGNED) FROM banbridge_hit", ())[0];
    assert!(hits >= 3, "{hits}");
    // One that others can write is none.
    pbx.run(&["chmod", "666", seen]).ok();
    env.run(&["apply"]).ok();
    assert!(read());
    env.run(&["purge", "--yes"]).ok();
    assert_ne!(pbx.run(&["test", "-e", "/var/lib/banbridge"]).code, 0, "nothing is left");
}

/// A large list: addresses and networks of both families, many of them neighbors that no network joins.
fn large(from: u32, to: u32) -> Vec<String> {
    (from..to)
        .map(|n| match n % 5 {
            0 => format!("45.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
            1 => format!("46.{}.{}.0/24", n >> 8 & 255, n & 255),
            2 => format!("2a05:{:x}::/48", n),
            3 => format!("2a06::{:x}:1", n),
            _ => format!("47.{}.{}.{}", n >> 14 & 255, n >> 6 & 255, n % 64 * 4 + 1),
        })
        .collect()
}

#[test]
fn a_few_of_a_large_set_are_changed_alone_and_only_where_nobody_else_changed_it() {
    let pbx = Sandbox::builder(NFT).disabled().start();
    let mut first = large(0, 30_000);
    first.push(ATTACKER.into());
    // The last address has no end, and these two are neighbors.
    first.extend(["255.255.255.255", "198.51.100.4", "198.51.100.5"].map(str::to_owned));
    let change = |words: &str, all: &[String]| {
        let file = pbx.dir().join("lists.json");
        fs::write(&file, json!({ "blocked": all, "pass": PASS }).to_string()).unwrap();
        tool(&pbx, &format!("{words} {}", file.display()))
    };
    let expected = |all: &[String]| -> Vec<String> {
        let blocked: Vec<Prefix> = all.iter().map(|text| text.parse().unwrap()).collect();
        Desired::of(&blocked, &[]).blocked().iter().map(ToString::to_string).collect()
    };
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    assert_eq!(change("bring", &first)["wrote"], true);
    let mut second = large(2_000, 32_000);
    second.push(ATTACKER.into());
    second.extend(["198.51.100.5", "198.51.100.6", "255.255.255.254"].map(str::to_owned));
    // What was written was not read back yet, so nothing is known.
    assert_eq!(change("few", &second)["none"], true);
    assert_eq!(change("bring", &first)["wrote"], false);
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    let outcome = change("few", &second);
    assert_eq!(outcome["size"], expected(&second).len(), "{outcome}");
    let kernel = held(&pbx);
    assert_eq!(sorted(kernel.keys().cloned().collect()), sorted(expected(&second)));
    assert_eq!(kernel[ATTACKER], 1, "counters go on");
    assert_eq!(pbx.probe(Attacker(ATTACKER)), Probe::Refused);
    // The copy for the next boot is the new one, and all is as a whole replacement would have left it.
    assert_eq!(change("bring", &second)["wrote"], false);
    pbx.run(&["nft", "delete", "table", "inet", "banbridge"]).ok();
    assert_eq!(tool(&pbx, "load")["loaded"], "nft");
    assert_eq!(sorted(held(&pbx).keys().cloned().collect()), sorted(expected(&second)));

    // Somebody changes a table, ours or another: nothing is known any more.
    assert_eq!(change("bring", &second)["wrote"], false);
    pbx.run(&["nft", "add", "table", "inet", "others"]).ok();
    assert_eq!(change("few", &first)["none"], true);
    assert_eq!(change("bring", &second)["wrote"], false);
    pbx.run(&["nft", "delete", "element", "inet", "banbridge", "blocked4", "{", ATTACKER, "}"]).ok();
    assert_eq!(change("few", &first)["none"], true);
    // Much of it is replaced as a whole.
    assert_eq!(change("bring", &second)["wrote"], true);
    assert_eq!(change("bring", &second)["wrote"], false);
    assert_eq!(change("few", &large(16_000, 46_000))["none"], true);
}
