//! What reading a list costs: an IPsum-like list of 120,430 lines (or the one that LIST names) read and merged, beside
//! Debian's `iprange` doing the same in the same run; then 2,000,000 lines, and the memory they take.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use banbridge::ban::Cover;
use banbridge::ban::width::Widest;
use banbridge::feed::list::{self, Settings};
use serde_json::{Value, json};

const TIMES: usize = 9;
const LINES: u32 = 120_430;

/// The address of a line: scattered, each once.
fn address(number: u32) -> std::net::Ipv4Addr {
    (number.wrapping_mul(2_654_435_761) & 0x7fff_ffff | 0x0b00_0000).into()
}

fn median(mut work: impl FnMut() -> usize) -> (Duration, usize) {
    let mut last = 0;
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let started = Instant::now();
            last = work();
            started.elapsed()
        })
        .collect();
    times.sort();
    (times[TIMES / 2], last)
}

/// Lines that are made as they are read, so that only the reader's memory counts.
struct Endless {
    next: u32,
    end: u32,
    line: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.is_empty() && self.next < self.end {
            self.line = format!("{}\t3\n", address(self.next)).into_bytes();
            self.next += 1;
        }
        let length = self.line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.line[..length]);
        self.line.drain(..length);
        Ok(length)
    }
}

/// The most memory that this process took so far, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn main() {
    let before = peak();
    let mut streams = Vec::new();
    let settings = Settings { widest: Widest { v4: 8, ..Widest::default() }, ..Settings::default() };
    for lines in [500_000, 1_000_000, 2_000_000] {
        let started = Instant::now();
        let input = Endless { next: 0, end: lines, line: Vec::new() };
        let parsed = list::read("bench", input, &settings).unwrap();
        let (ms, mib) = (started.elapsed().as_secs_f64() * 1e3, peak());
        println!(
            "{lines} lines: {} prefixes in {ms:.0} ms, peak {mib} MiB (before: {before} MiB)",
            parsed.prefixes.len()
        );
        streams.push(json!({ "lines": lines, "ms": ms, "peak_mib": mib, "before_mib": before }));
    }
    let text = match std::env::var_os("LIST") {
        Some(path) => fs::read(path).unwrap(),
        None => (0..LINES).flat_map(|n| format!("{}\t{}\n", address(n), n % 9 + 1).into_bytes()).collect(),
    };
    let (ours, count) = median(|| {
        let parsed = list::read("bench", text.as_slice(), &settings).unwrap();
        Cover::new(&parsed.prefixes).prefixes().len()
    });
    println!("banbridge: read and merged into {count} prefixes, median {:.1} ms", ours.as_secs_f64() * 1e3);
    // iprange reads no columns.
    let plain: String = String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned() + "\n")
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), plain).unwrap();
    let run = || Command::new("iprange").arg(file.path()).stderr(Stdio::null()).output();
    let save = |iprange: Value| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-lists.json");
        let merged = json!({ "lines": LINES, "ms": ours.as_secs_f64() * 1e3, "iprange_ms": iprange });
        fs::write(&path, format!("{:#}\n", json!({ "streams": streams, "merged": merged }))).unwrap();
    };
    if run().is_err() {
        println!("iprange: not installed (apt-get install iprange)");
        return save(Value::Null);
    }
    let (theirs, count) = median(|| run().unwrap().stdout.split(|b| *b == b'\n').count() - 1);
    println!(
        "iprange:   read, merged and printed {count} prefixes, median {:.1} ms",
        theirs.as_secs_f64() * 1e3
    );
    save((theirs.as_secs_f64() * 1e3).into());
}
