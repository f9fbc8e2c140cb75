//! What blocking costs a packet, and what a restart of the firewall lets through: the firewall alone beside banbridge,
//! in one run. Prints tables and writes `bench-packets.json` into the target directory.
//!
//! `cargo bench --bench packets -- 1000,10000,100000`, which is the default.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../testenv/mod.rs"]
mod testenv;

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};
use testenv::{Attacker, Firewall, LEGACY, NFT, Probe, Sandbox, TestEnv, addresses, rule, until};

/// Figures of one kind; the median counts.
const TIMES: usize = 5;
/// The most that one figure may take, in packets times rules: a hundred thousand linear rules take a packet 1 ms.
const WORK: u32 = 60_000_000;
/// Rows that a restart is measured with.
const RESTARTED: u32 = 1_000;
/// Nobody lists this address.
const CLEAN: &str = "212.58.250.9";

fn main() {
    let sizes = env::args().skip(1).find(|word| !word.starts_with('-'));
    let sizes: Vec<u32> =
        sizes.as_deref().unwrap_or("1000,10000,100000").split(',').map(|n| n.parse().unwrap()).collect();
    let mut packets = Vec::new();
    for (name, firewall) in [("nft", NFT), ("legacy", LEGACY)] {
        for &size in &sizes {
            packets.push(cost(name, firewall, size));
        }
    }
    println!("A packet through the whole chain, microseconds more than without any entry");
    println!(
        "{:8} {:>8} {:>16} {:>16} {:>16} {:>16} {:>16}",
        "backend", "entries", "firewall: clean", "listed", "set: clean", "listed", "set+rows: clean"
    );
    for row in &packets {
        let us = |name: &str| row[name].as_f64().unwrap();
        println!(
            "{:8} {:>8} {:>16.1} {:>16.1} {:>16.1} {:>16.1} {:>16.1}",
            row["backend"].as_str().unwrap(),
            row["entries"],
            us("firewall_clean"),
            us("firewall_listed"),
            us("set_clean"),
            us("set_listed"),
            us("both_clean"),
        );
    }
    let permits: Vec<Value> =
        [("nft", NFT), ("legacy", LEGACY)].into_iter().map(|(name, f)| permit(name, f, 80_000)).collect();
    println!("\nA permit list beside the set, microseconds more than the set alone");
    for row in &permits {
        println!(
            "{:8} {:>8} networks: {:.2} (aim: at most 1)",
            row["backend"].as_str().unwrap(),
            row["entries"],
            row["permit"].as_f64().unwrap()
        );
    }
    let restarts: Vec<Value> =
        [("nft", NFT), ("legacy", LEGACY)].into_iter().map(|(name, f)| restart(name, f)).collect();
    println!("\nA banned address floods the PBX while the firewall is restarted, {RESTARTED} rows");
    for row in &restarts {
        println!(
            "{:8} firewall: {} of {} answered, refused again after {:.1} s; with the set: {} of {}",
            row["backend"].as_str().unwrap(),
            row["alone"]["answered"],
            row["alone"]["sent"],
            row["alone"]["seconds"].as_f64().unwrap(),
            row["set"]["answered"],
            row["set"]["sent"],
        );
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-packets.json");
    fs::write(
        &path,
        format!("{:#}\n", json!({ "packets": packets, "permits": permits, "restarts": restarts })),
    )
    .unwrap();
    println!("{}", path.display());
}

/// Microseconds that a packet takes its sender: on these wires the receiver's work is done in the sender's call.
fn sample(pbx: &Sandbox, from: &str, count: u32) -> f64 {
    let program = format!(
        "$s = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP); socket_bind($s, '{from}') or exit(1); \
         $t = microtime(true); for ($n = 0; $n < {count}; $n++) {{ @socket_sendto($s, 'x', 1, 0, '{}', 9); }} \
         printf('%.3f', (microtime(true) - $t) * 1e6 / {count});",
        Sandbox::WAN
    );
    let mut figures: Vec<f64> = (0..TIMES)
        .map(|_| pbx.run_at_attacker(&["php", "-r", &program]).ok().trim().parse().unwrap())
        .collect();
    figures.sort_by(f64::total_cmp);
    figures[TIMES / 2]
}

/// A PBX whose feed lists so many, with the set or without.
fn prepared(firewall: Firewall, keys: &[String], lines: &str) -> TestEnv {
    let env = TestEnv::on(Sandbox::builder(firewall).period(36_000), &[] as &[&str]);
    env.pbx.write_file("/tmp/list", keys.join("\n"));
    env.give_to_asterisk("/tmp/list");
    env.write_config(&format!(
        "[[feed]]\nname = \"list\"\nkind = \"list\"\nurl = \"/tmp/list\"\nhold_more = 2000000\n{lines}"
    ));
    env
}

fn cost(name: &str, firewall: Firewall, size: u32) -> Value {
    println!("packets, {name}, {size} entries ...");
    let keys = addresses(size);
    let listed = &keys[keys.len() / 2];
    let few = (WORK / size).clamp(500, 20_000);

    // The firewall alone: its own rules, loaded by one restore because it would take hours.
    let pbx = Sandbox::builder(firewall).period(36_000).start();
    let bare = sample(&pbx, CLEAN, 20_000);
    let mut text = "*filter\n-F fpbxblacklist\n".to_owned();
    for key in &keys {
        text += &format!("-A fpbxblacklist {}\n", rule(&format!("{key}/32")));
    }
    pbx.write_file("/tmp/rules", text + "COMMIT\n");
    pbx.run(&["bash", "-c", "iptables-restore --noflush </tmp/rules"]).ok();
    let (firewall_clean, firewall_listed) = (sample(&pbx, CLEAN, few), sample(&pbx, listed, few));
    drop(pbx);

    // The set alone, then with as many rows as the limit allows, as it is by default.
    let at = |limit: &str| {
        let lines = format!("[blacklist]\nlimit = {limit}\naggregate = false\n[set]\nenabled = \"yes\"");
        let env = prepared(firewall, &keys, &lines);
        let bare = sample(&env.pbx, CLEAN, 20_000);
        let report = env.sync(0, &[]);
        assert_eq!(report["set"]["size"], size, "{report:#}");
        let figures = (sample(&env.pbx, CLEAN, 20_000) - bare, sample(&env.pbx, listed, 20_000) - bare);
        (figures, report["blacklist"]["added"].clone())
    };
    let ((set_clean, set_listed), _) = at("0");
    let ((both_clean, _), rows) = at("\"auto\"");
    json!({
        "backend": name, "entries": size, "bare": bare,
        "firewall_clean": firewall_clean - bare, "firewall_listed": firewall_listed - bare,
        "set_clean": set_clean, "set_listed": set_listed, "both_clean": both_clean, "rows": rows,
    })
}

/// What a permit list costs a packet that it lets in, beside a set of a thousand addresses.
fn permit(name: &str, firewall: Firewall, networks: u32) -> Value {
    println!("permit list, {name}, {networks} networks ...");
    let set = "[set]\nenabled = \"yes\"";
    let env = prepared(firewall, &addresses(1_000), set);
    env.sync(0, &[]);
    let alone = sample(&env.pbx, CLEAN, 20_000);
    let network = |n: u32| format!("{}.{}.{}.0/23", 1 + (n >> 14), n >> 6 & 255, (n & 63) << 2);
    let all: Vec<String> = (0..networks).map(network).chain(["212.58.0.0/16".to_owned()]).collect();
    env.pbx.write_file("/tmp/permit", all.join("\n"));
    env.give_to_asterisk("/tmp/permit");
    env.write_config(&format!(
        "[[feed]]\nname = \"list\"\nkind = \"list\"\nurl = \"/tmp/list\"\n[[feed]]\nname = \"permit\"\nkind = \"list\"\n\
         url = \"/tmp/permit\"\nuse = \"permit\"\n{set}"
    ));
    env.sync(0, &[]);
    assert_eq!(env.json(&["status"]).1["permit"]["in_force"], true);
    json!({ "backend": name, "entries": networks, "permit": sample(&env.pbx, CLEAN, 20_000) - alone })
}

/// Who got through while the firewall was restarted, until it refuses the last of its rows again. The limit is set, so
/// that both restarts load the same rows: with the set fewer are written by default.
fn restart(name: &str, firewall: Firewall) -> Value {
    println!("restart, {name} ...");
    let keys = addresses(RESTARTED);
    let last = keys.last().unwrap();
    let flooded = |lines: &str| {
        let env = prepared(firewall, &keys, lines);
        env.sync(0, &[]);
        until("the rows to be in force", || env.pbx.probe(Attacker(last)) == Probe::Refused);
        let flood = env.pbx.flood(Attacker(last), 1_000);
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        env.pbx.run(&["fwconsole", "firewall", "restart"]).ok();
        // In force again when all rows are rules: the flood goes on until then.
        // Asked plainly: while the chain is being made the program complains.
        let rules = || env.pbx.run(&["iptables", "-S", "fpbxblacklist"]).stdout.lines().count();
        while rules() <= keys.len() {
            assert!(started.elapsed() < Duration::from_secs(120));
            thread::sleep(Duration::from_millis(20));
        }
        let seconds = started.elapsed().as_secs_f64();
        let counts = flood.stop();
        assert_eq!(env.pbx.probe(Attacker(last)), Probe::Refused);
        json!({ "sent": counts.sent, "answered": counts.answered, "refused": counts.refused, "seconds": seconds })
    };
    json!({
        "backend": name,
        "alone": flooded("[blacklist]\nlimit = 2000\naggregate = false\n[set]\nenabled = \"no\""),
        "set": flooded("[blacklist]\nlimit = 2000\naggregate = false\n[set]\nenabled = \"yes\""),
    })
}
