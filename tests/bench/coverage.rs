//! What reading Asterisk's logs costs, beside `grep -c` counting one word in the same file in the same run; and
//! 10 GB of them, and the memory that takes. Writes `bench-coverage.json` into the target directory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use banbridge::ban::Prefix;
use banbridge::coverage::listings::{Listing, Listings};
use banbridge::coverage::scan::Scanner;
use banbridge::coverage::stamp::Zone;
use banbridge::coverage::tally::{Tally, merge};
use flate2::bufread::MultiGzDecoder;
use jiff::tz::TimeZone;
use serde_json::json;

const TIMES: usize = 5;
/// Of one log, in bytes.
const SIZE: u64 = 256 << 20;
/// Of the long one.
const LONG: u64 = 10_000_000_000;
/// 2026-11-01, in seconds since 1970.
const START: i64 = 1_793_491_200;

/// The address of an attacker: scattered, each once.
fn address(number: u32) -> Ipv4Addr {
    (number.wrapping_mul(2_654_435_761) & 0x7fff_ffff | 0x0b00_0000).into()
}

/// A log in which every `nth` line is a rejection of one of that many attackers, and the others are those of a call.
fn write_log(path: &Path, nth: u32, attackers: u32) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let (mut written, mut number) = (0u64, 0u32);
    while written < SIZE {
        let at = jiff::Timestamp::from_second(START + i64::from(number / 40)).unwrap();
        let time = at.strftime("%Y-%m-%d %H:%M:%S");
        let line = match number {
            n if !n.is_multiple_of(nth) => format!(
                "[{time}] VERBOSE[{}][C-{:08x}] pbx.c: Executing [s@macro-dialout-trunk:{}] GotoIf(\"PJSIP/{}-{n:08x}\", \
                 \"0?bypass,1\") in new stack\n",
                2_000 + n % 90,
                n / 60,
                n % 60,
                100 + n % 40
            ),
            n if (n / nth).is_multiple_of(2) => format!(
                "[{time}] NOTICE[2210] res_pjsip/pjsip_distributor.c: Request 'REGISTER' from '<sip:{n}@192.0.2.1>' \
                 failed for '{}:5060' (callid: {n}) - No matching endpoint found\n",
                address(n / nth % attackers)
            ),
            n => format!(
                "[{time}] SECURITY[2211] res_security_log.c: SecurityEvent=\"InvalidAccountID\",EventTV=\"x\",\
                 Severity=\"Error\",Service=\"PJSIP\",EventVersion=\"1\",AccountID=\"{n}\",SessionID=\"{n}\",\
                 LocalAddress=\"IPV4/UDP/192.0.2.1/5060\",RemoteAddress=\"IPV4/UDP/{}/5060\"\n",
                address(n / nth % attackers)
            ),
        };
        file.write_all(line.as_bytes()).unwrap();
        written += line.len() as u64;
        number += 1;
    }
    file.into_inner().unwrap();
}

/// Bytes and attackers of a log.
fn scan(input: impl Read, listings: &Listings) -> (u64, usize) {
    let mut scanner = Scanner::new(input, Zone::new(TimeZone::UTC), 0);
    let nothing_protected = |_: IpAddr| false;
    let mut tally = Tally::new(listings, &nothing_protected, (i64::MIN, i64::MAX));
    merge(&mut [std::iter::from_fn(|| scanner.next_event().unwrap())], &mut tally);
    (scanner.bytes(), tally.attackers.len())
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[TIMES / 2]
}

/// The same log again and again, up to a length.
struct Again {
    log: File,
    left: u64,
}

impl Read for Again {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap());
        let mut length = self.log.read(&mut buffer[..most])?;
        if length == 0 && most > 0 {
            self.log.rewind()?;
            length = self.log.read(&mut buffer[..most])?;
        }
        self.left -= length as u64;
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
    let listings = (0..20_000).map(|n| Listing {
        prefix: Prefix::host(address(n).into()),
        feed: 0,
        span: (START + 40_000, i64::MAX),
    });
    let listings = Listings::new(listings.collect());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-coverage.log");
    let mut results = Vec::new();
    // First, as long as nothing else has taken memory.
    write_log(&file, 1, 300_000);
    let before = peak();
    let started = Instant::now();
    let (bytes, kept) = scan(Again { log: File::open(&file).unwrap(), left: LONG }, &listings);
    let rate = bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    let memory = peak() - before;
    println!("10 GB of nothing but rejections: {rate:.0} MB/s, {kept} attackers kept, {memory} MiB");
    results.push(json!({ "log": "10 GB", "bytes": bytes, "mb_s": rate, "attackers": kept, "mib": memory }));
    for (log, nth, attackers) in
        [("calls, 1 line of 100 a rejection", 100, 5_000), ("nothing but rejections", 1, 300_000)]
    {
        write_log(&file, nth, attackers);
        let bytes = fs::metadata(&file).unwrap().len();
        let mut found = 0;
        let ours = median(|| found = scan(File::open(&file).unwrap(), &listings).1);
        let grep = median(|| {
            let run = Command::new("grep").args(["-c", "failed for"]).arg(&file).env("LC_ALL", "C").output();
            assert!(!run.unwrap().stdout.is_empty());
        });
        let rate = bytes as f64 / 1e6 / ours.as_secs_f64();
        let ratio = ours.as_secs_f64() / grep.as_secs_f64();
        println!("{log}: {rate:.0} MB/s, {found} attackers; {ratio:.2} times as long as grep -c");
        results
            .push(json!({ "log": log, "bytes": bytes, "mb_s": rate, "to_grep": ratio, "attackers": found }));
        if nth > 1 {
            let run = Command::new("gzip").arg("-6k").arg("-f").arg(&file).status().unwrap();
            assert!(run.success());
            let packed = file.with_extension("log.gz");
            let open = || MultiGzDecoder::new(io::BufReader::new(File::open(&packed).unwrap()));
            let ours = median(|| found = scan(open(), &listings).1);
            let zcat = median(|| {
                let run =
                    Command::new("gzip").arg("-dc").arg(&packed).stdout(std::process::Stdio::null()).status();
                assert!(run.unwrap().success());
            });
            let rate = bytes as f64 / 1e6 / ours.as_secs_f64();
            let ratio = ours.as_secs_f64() / zcat.as_secs_f64();
            println!("the same, packed: {rate:.0} MB/s of text; {ratio:.2} times as long as gzip -dc");
            results
                .push(json!({ "log": "the same, packed", "bytes": bytes, "mb_s": rate, "to_gzip": ratio }));
            fs::remove_file(packed).unwrap();
        }
    }
    fs::remove_file(&file).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-coverage.json");
    fs::write(&path, format!("{:#}\n", json!({ "results": results }))).unwrap();
}
