//! What a run costs: wall time and peak memory of the real program (release build) on a sandboxed PBX, for a first
//! load and for a run with nothing new. `make bench` prints a table and writes `bench-cost.json` into the target
//! directory. Measured here, because a test that asserts times fails on a busy machine and proves nothing on a
//! quick one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../testenv/mod.rs"]
mod testenv;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testenv::{NFT, Sandbox, TestEnv, addresses};

/// Runs of each kind; the median counts.
const TIMES: usize = 9;

/// One run of the program.
struct Cost {
    wall: Duration,
    /// Of all its processes together, in KiB.
    peak: u64,
    /// Of the process that took most, in KiB.
    each: u64,
}

/// Memory of a process, in KiB.
#[derive(Default, Clone, Copy)]
struct Memory {
    /// The most that it had at once.
    all: u64,
    /// Of that, pages of files: of the program itself, nearly all.
    file: u64,
}

fn main() {
    let mut results = Vec::new();
    for entries in [1_413, 14_217] {
        results.extend(measure(entries));
    }
    results.extend(measure_with_set(5_000));
    // ARIN whole, and forty countries.
    for networks in [80_000, 120_000] {
        results.extend(measure_permit(networks));
    }
    for entries in [1_000, 10_000, 100_000, 1_000_000, 2_000_000] {
        results.extend(measure_list(entries));
    }
    println!(
        "{:32} {:>8} {:>10} {:>10} {:>10} {:>10}",
        "run", "entries", "median ms", "most ms", "peak MiB", "of one MiB"
    );
    for result in &results {
        println!(
            "{:32} {:>8} {:>10.1} {:>10.1} {:>10.1} {:>10.1}",
            result["run"].as_str().unwrap(),
            result["entries"],
            result["median_ms"].as_f64().unwrap(),
            result["most_ms"].as_f64().unwrap(),
            result["peak_kib"].as_f64().unwrap() / 1024.0,
            result["each_kib"].as_f64().unwrap() / 1024.0
        );
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-cost.json");
    fs::write(&path, format!("{:#}\n", json!({ "results": results }))).unwrap();
}

fn measure(entries: u32) -> Vec<Value> {
    // Without the firewall: how long its daemon takes over the rows is not the program's.
    let first: Vec<Cost> = (0..3).map(|_| cost(&prepared(entries))).collect();
    let env = prepared(entries);
    cost(&env);
    let quiet: Vec<Cost> = (0..TIMES)
        .map(|_| {
            env.later(testenv::WINDOW);
            cost(&env)
        })
        .collect();
    // The same without a request, as when the feed's interval has not passed.
    configure(&env, "interval = \"1h\"");
    let silent: Vec<Cost> = (0..TIMES).map(|_| cost(&env)).collect();
    vec![
        told("first load", entries, &first),
        told("nothing new, one request", entries, &quiet),
        told("nothing new, no request", entries, &silent),
    ]
}

/// The firewall runs and the kernel set is in force: what a PBX pays each minute and each five.
fn measure_with_set(entries: u32) -> Vec<Value> {
    let env = TestEnv::on_with(Sandbox::builder(NFT).period(3600), &addresses(entries), |options| {
        (options.batch, options.rate) = (2_000, None);
    });
    env.configure("[set]\nenabled = \"yes\"");
    // A log that does not grow.
    let line = "[2026-11-24 06:58:30] VERBOSE[1] pbx.c: Executing something\n";
    env.pbx.write_file("/var/log/asterisk/full", line.repeat(20_000));
    // Twice more, so that what was written was read back.
    let first: Vec<Cost> = (0..3).map(|_| cost_of(&env, "sync")).collect();
    let quiet = |command: &str| -> Vec<Cost> {
        (0..TIMES)
            .map(|_| {
                // Each asks the feed, and reads nothing back, as in most minutes.
                env.pbx.sql_run("DELETE FROM banbridge_request", ());
                cost_of(&env, command)
            })
            .collect()
    };
    let (sync, apply) = (quiet("sync"), quiet("apply"));
    // The same without a request: what it costs besides the network.
    env.configure("interval = \"1h\"\n[set]\nenabled = \"yes\"");
    cost_of(&env, "sync");
    let silent = quiet("sync");
    vec![
        told("with the set, first load", entries, &first[..1]),
        told("with the set, nothing new, sync", entries, &sync),
        told("with the set, no request, sync", entries, &silent),
        told("with the set, nothing new, apply", entries, &apply),
    ]
}

/// A permit list of so many networks: fetched and loaded, loaded again, and a run in which nothing changed.
fn measure_permit(networks: u32) -> Vec<Value> {
    let env = TestEnv::on(Sandbox::builder(NFT).period(3600), &addresses(1_000));
    // Every other /23, from 1.0.0.0 on.
    let network = |n: u32| format!("{}.{}.{}.0/23", 1 + (n >> 14), n >> 6 & 255, (n & 63) << 2);
    env.pbx.write_file("/tmp/permit", (0..networks).map(network).collect::<Vec<_>>().join("\n"));
    env.give_to_asterisk("/tmp/permit");
    env.configure("interval = \"1h\"\n[set]\nenabled = \"yes\"");
    cost_of(&env, "sync");
    let before: Vec<Cost> = (0..TIMES).map(|_| cost_of(&env, "apply")).collect();
    env.configure(
        "interval = \"1h\"\n[[feed]]\nname = \"permit\"\nkind = \"list\"\nurl = \"/tmp/permit\"\nuse = \"permit\"\n\
         [set]\nenabled = \"yes\"",
    );
    let first = [cost_of(&env, "sync")];
    let again: Vec<Cost> = (0..3)
        .map(|_| {
            env.pbx.run(&["nft", "delete", "table", "inet", "banbridge_permit"]).ok();
            cost_of(&env, "apply")
        })
        .collect();
    // Once more, so that what was written was looked at.
    cost_of(&env, "apply");
    let quiet: Vec<Cost> = (0..TIMES).map(|_| cost_of(&env, "apply")).collect();
    vec![
        told("no permit list, nothing new, apply", networks, &before),
        told("permit list, first load, sync", networks, &first),
        told("permit list, loaded again, apply", networks, &again),
        told("permit list, nothing new, apply", networks, &quiet),
    ]
}

/// The same with a list in a file and the limit at its default, to see how a run grows.
fn measure_list(entries: u32) -> Vec<Value> {
    let env = TestEnv::without_firewall(&[] as &[&str]);
    env.pbx.write_file("/tmp/list", addresses(entries).join("\n"));
    env.give_to_asterisk("/tmp/list");
    // As often as it is asked, it is read.
    env.write_config(
        "[[feed]]\nname = \"list\"\nkind = \"list\"\nurl = \"/tmp/list\"\ninterval = \"1s\"\nhold_more = 2000000\n",
    );
    let first = [cost(&env)];
    let later: Vec<Cost> = (0..3)
        .map(|_| {
            env.later(60);
            cost(&env)
        })
        .collect();
    vec![told("list, first load", entries, &first), told("list, read again", entries, &later)]
}

/// A PBX whose feed gives everything within the rate limit, so that no time goes by waiting for it.
fn prepared(entries: u32) -> TestEnv {
    let builder = Sandbox::builder(NFT).disabled();
    let env = TestEnv::on_with(builder, &addresses(entries), |options| options.batch = 2_000);
    configure(&env, "");
    env
}

fn configure(env: &TestEnv, lines: &str) {
    env.configure(&format!("{lines}\n[blacklist]\nlimit = 20000"));
}

fn cost(env: &TestEnv) -> Cost {
    cost_of(env, "sync")
}

fn cost_of(env: &TestEnv, command: &str) -> Cost {
    let program = fs::read(env!("CARGO_BIN_EXE_banbridge")).map(|bytes| bytes.len());
    assert!(program.is_ok(), "the program is there, and in the page cache");
    let started = Instant::now();
    let mut child = env.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
    let mut child =
        child.args([command, "--json"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut peaks: BTreeMap<Vec<u8>, Memory> = BTreeMap::new();
    let mut begun = started;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        for (words, peak) in processes(env) {
            if peaks.is_empty() {
                begun = Instant::now();
            }
            let most = peaks.entry(words).or_default();
            *most = Memory { all: peak.all.max(most.all), file: peak.file.max(most.file) };
        }
        std::thread::sleep(Duration::from_micros(300));
    };
    let wall = begun.elapsed();
    assert!(status.success(), "{:?}", child.wait_with_output());
    let each = || peaks.values().map(|memory| memory.all);
    // The program's file is in memory once, however many processes run it.
    let shared = peaks.values().map(|memory| memory.file).min().unwrap_or_default();
    let twice = shared * (peaks.len() as u64).saturating_sub(1);
    Cost { wall, peak: each().sum::<u64>() - twice, each: each().max().unwrap_or_default() }
}

/// Words and peak memory of the program's processes. By their words, for each program that one starts is the same process
/// for a moment, with the same memory.
fn processes(env: &TestEnv) -> Vec<(Vec<u8>, Memory)> {
    let Ok(all) = fs::read_dir(env.pbx.outside("/proc")) else { return Vec::new() };
    all.flatten()
        .filter_map(|entry| {
            let _: u32 = entry.file_name().to_str()?.parse().ok()?;
            let words = fs::read(entry.path().join("cmdline")).ok().filter(|words| !words.is_empty())?;
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let kib = |name: &str| field(name)?.strip_suffix(" kB")?.trim().parse().ok();
            let memory = Memory { all: kib("VmHWM:")?, file: kib("RssFile:")? };
            (field("Name:") == Some("banbridge")).then_some((words, memory))
        })
        .collect()
}

fn told(run: &str, entries: u32, costs: &[Cost]) -> Value {
    let mut walls: Vec<f64> = costs.iter().map(|cost| cost.wall.as_secs_f64() * 1000.0).collect();
    walls.sort_by(f64::total_cmp);
    json!({
        "run": run,
        "entries": entries,
        "runs": costs.len(),
        "median_ms": walls[walls.len() / 2],
        "most_ms": walls[walls.len() - 1],
        "peak_kib": costs.iter().map(|cost| cost.peak).max(),
        "each_kib": costs.iter().map(|cost| cost.each).max(),
    })
}
