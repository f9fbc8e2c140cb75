//! What the set costs: from a change to the kernel's content, beside the bare `nft -f` of the same content, and beside
//! Debian's crowdsec-firewall-bouncer that gets the same addresses from a server of ours. Prints tables and writes
//! `bench-set.json` into the target directory.
//!
//! `cargo bench --bench set -- 1000,10000,100000`, which is the default.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../testenv/mod.rs"]
mod testenv;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{env, fs, thread};

use banbridge::ban::Prefix;
use banbridge::kernel::set::{DIRECTORY, Desired, Set, change_a_few, is_still};
use banbridge::system::program::System;
use serde_json::{Value, json};
use testenv::{NFT, Sandbox, addresses};

/// Figures of one kind; the median counts.
const TIMES: usize = 5;
/// What the bouncer is given, as the issue of every blocker: ten thousand addresses.
const BOUNCED: u32 = 10_000;
const PASS: [&str; 4] = ["127.0.0.0/8", "192.168.0.0/16", "::1", "2a02:2e02:200::/64"];

fn main() {
    if let Ok(file) = env::var("BENCH_SET") {
        return inside(&file);
    }
    let sizes = env::args().skip(1).find(|word| !word.starts_with('-'));
    let sizes: Vec<u32> =
        sizes.as_deref().unwrap_or("1000,10000,100000").split(',').map(|n| n.parse().unwrap()).collect();
    let rows: Vec<Value> = sizes.into_iter().map(measure).collect();
    println!("The set, milliseconds (nft)");
    println!(
        "{:>8} {:>10} {:>10} {:>14} {:>10} {:>12} {:>14} {:>8} {:>8}",
        "entries",
        "load",
        "nft -f",
        "change a tenth",
        "nft -f",
        "read back",
        "nothing new",
        "x load",
        "x change"
    );
    for row in &rows {
        let ms = |name: &str| row[name].as_f64().unwrap();
        println!(
            "{:>8} {:>10.1} {:>10.1} {:>14.1} {:>10.1} {:>12.1} {:>14.1} {:>8.2} {:>8.2}",
            row["entries"],
            ms("load"),
            ms("floor_load"),
            ms("change"),
            ms("floor_change"),
            ms("read"),
            ms("same"),
            ms("load") / ms("floor_load"),
            ms("change") / ms("floor_change"),
        );
    }
    let bouncer = bouncer();
    println!(
        "\ncrowdsec-firewall-bouncer, {BOUNCED} addresses from its start to the kernel: {} ms",
        bouncer.map_or("not installed".to_owned(), |ms| format!("{ms:.0}"))
    );
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-set.json");
    let all = json!({ "rows": rows, "bouncer": { "entries": BOUNCED, "ms": bouncer } });
    fs::write(&path, format!("{all:#}\n")).unwrap();
    println!("{}", path.display());
}

/// The part that runs inside: brings the set to what the file says, and prints the milliseconds.
fn inside(file: &str) {
    let blocked: Vec<String> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let prefixes = |texts: &[String]| -> Vec<Prefix> { texts.iter().map(|t| t.parse().unwrap()).collect() };
    let desired = Desired::of(&prefixes(&blocked), &prefixes(&PASS.map(str::to_owned)));
    let started = Instant::now();
    let system = System::default();
    let directory = Path::new(DIRECTORY);
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    // As a run does it.
    let (size, wrote) = match is_still(directory, &desired, now) {
        true => (desired.blocked().len(), false),
        false => {
            let outcome = change_a_few(directory, &desired)
                .unwrap_or_else(|| Set::open(&system, directory).unwrap().bring(&desired, now).unwrap());
            (outcome.size, outcome.wrote)
        }
    };
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    println!("{}", json!({ "ms": ms, "size": size, "wrote": wrote }));
}

fn median(mut figure: impl FnMut() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..TIMES).map(|_| figure()).collect();
    all.sort_by(f64::total_cmp);
    all[TIMES / 2]
}

fn measure(size: u32) -> Value {
    println!("set of {size} ...");
    let pbx = Sandbox::builder(NFT).disabled().start();
    let mut keys = addresses(size + size / 10);
    let new = keys.split_off(size as usize);
    let bring = |keys: &[String], wrote: bool| {
        let file = pbx.dir().join("keys.json");
        fs::write(&file, json!(keys).to_string()).unwrap();
        let program = env::current_exe().unwrap();
        let mut command = pbx.command(program.to_str().unwrap());
        let output = command.env("BENCH_SET", &file).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!((&said["size"], &said["wrote"]), (&keys.len().into(), &wrote.into()));
        said["ms"].as_f64().unwrap()
    };
    let timed = |script: &str| {
        let command = format!("s=$(date +%s%N); nft -f {script} || exit 1; e=$(date +%s%N); echo $((e - s))");
        pbx.run(&["bash", "-c", &command]).ok().trim().parse::<f64>().unwrap() / 1e6
    };
    let clear = || drop(pbx.run(&["nft", "delete", "table", "inet", "banbridge"]));
    let saved = format!("{DIRECTORY}/set.nft");

    let load = median(|| {
        clear();
        bring(&keys, true)
    });
    let note = pbx.outside(format!("{DIRECTORY}/set.seen"));
    let read = median(|| {
        let _ = fs::remove_file(&note);
        bring(&keys, false)
    });
    let same = median(|| bring(&keys, false));
    let floor_load = median(|| {
        clear();
        timed(&saved)
    });
    // A tenth goes and another comes.
    let changed: Vec<String> = keys[new.len()..].iter().chain(&new).cloned().collect();
    let mut on = false;
    let change = median(|| {
        // As between two runs: what was written last was read back.
        bring(if on { &changed } else { &keys }, false);
        on = !on;
        bring(if on { &changed } else { &keys }, true)
    });
    let floor_change = median(|| timed(&saved));
    json!({
        "entries": size, "load": load, "read": read, "same": same, "change": change,
        "floor_load": floor_load, "floor_change": floor_change,
    })
}

/// Milliseconds from the bouncer's start until the kernel holds all; none where it is not installed.
fn bouncer() -> Option<f64> {
    if !Path::new("/usr/bin/crowdsec-firewall-bouncer").exists() {
        return None;
    }
    let pbx = Sandbox::builder(NFT).disabled().start();
    let listener = testenv::inside(&pbx, || TcpListener::bind("127.0.0.1:8081").unwrap());
    thread::spawn(move || serve(&listener));
    pbx.write_file(
        "/tmp/bouncer.yaml",
        "mode: nftables\npid_dir: /tmp/\nupdate_frequency: 1s\ndaemonize: false\nlog_mode: stdout\nlog_level: info\n\
         api_url: http://127.0.0.1:8081/\napi_key: bench\ndisable_ipv6: false\ndeny_action: DROP\ndeny_log: false\n\
         supported_decisions_types: [ban]\nblacklists_ipv4: crowdsec-blacklists\n\
         blacklists_ipv6: crowdsec6-blacklists\nnftables:\n\
         \x20 ipv4: {enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}\n\
         \x20 ipv6: {enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}\n\
         prometheus: {enabled: false}\n",
    );
    let started = Instant::now();
    let mut child = pbx
        .command("crowdsec-firewall-bouncer")
        .args(["-c", "/tmp/bouncer.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // To look costs the kernel a listing of all, so not too often.
    let count =
        "nft list set ip crowdsec crowdsec-blacklists 2>/dev/null | grep -oE '[0-9]+(\\.[0-9]+){3}' | wc -l";
    let ms = loop {
        let held: u32 = pbx.run(&["bash", "-c", count]).stdout.trim().parse().unwrap_or(0);
        if held >= BOUNCED {
            break Some(started.elapsed().as_secs_f64() * 1000.0);
        }
        if started.elapsed() > Duration::from_secs(120) || child.try_wait().unwrap().is_some() {
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let _ = child.kill();
    let _ = child.wait();
    ms
}

/// The part of CrowdSec's local API that a bouncer asks: all decisions at once, and none after that.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let request = lines.next().unwrap_or_default();
        for line in lines {
            if line.is_empty() {
                break;
            }
        }
        let decisions: Vec<Value> = (1u32..)
            .zip(addresses(BOUNCED))
            .map(|(id, value)| {
                json!({ "duration": "4h0m0s", "id": id, "origin": "bench", "scenario": "bench", "scope": "Ip",
                        "type": "ban", "value": value })
            })
            .collect();
        let new = if request.contains("startup=true") { json!(decisions) } else { json!([]) };
        let body = json!({ "new": new, "deleted": [] }).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
}
