//! The set without the rest of the program, for the set's own tests: `set-tool bring FILE`, `read`, `load` and
//! `remove`, run inside the sandbox by root. FILE holds `{"blocked": [...], "pass": [...]}`. What comes out is JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use banbridge::ban::Prefix;
use banbridge::kernel::program::System;
use banbridge::kernel::set::{self, DIRECTORY, Desired, Set, SetError};
use serde_json::{Value, json};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let start = Instant::now();
    let mut answer = answer(&words).unwrap_or_else(|error| json!({ "error": error.to_string() }));
    answer["ms"] = u64::try_from(start.elapsed().as_millis()).unwrap().into();
    println!("{answer}");
}

fn answer(words: &[&str]) -> Result<Value, SetError> {
    let system = System::default();
    let directory = Path::new(DIRECTORY);
    Ok(match words {
        ["bring", file] => {
            let text = std::fs::read_to_string(file).unwrap();
            let lists: Value = serde_json::from_str(&text).unwrap();
            let prefixes = |key: &str| -> Vec<Prefix> {
                let all = lists[key].as_array().into_iter().flatten();
                all.map(|entry| entry.as_str().unwrap().parse().unwrap()).collect()
            };
            let desired = Desired::of(&prefixes("blocked"), &prefixes("pass"));
            let start = Instant::now();
            let set = Set::open(&system, directory)?;
            let read = start.elapsed();
            let outcome = set.bring(&desired)?;
            json!({
                "backend": set.backend(), "why_not_nft": set.why_not_nft(), "size": outcome.size,
                "added": outcome.added, "removed": outcome.removed, "wrote": outcome.wrote,
                "notes": outcome.notes, "read_ms": u64::try_from(read.as_millis()).unwrap(),
                "bring_ms": u64::try_from(start.elapsed().as_millis()).unwrap(),
            })
        }
        ["read"] => {
            let set = Set::open(&system, directory)?;
            let held = set.held().map(|held| {
                let blocked: serde_json::Map<String, Value> = held
                    .blocked
                    .iter()
                    .map(|element| (element.prefix.to_string(), element.refused.packets.into()))
                    .collect();
                json!({
                    "blocked": blocked, "pass": held.pass, "counts": held.counts, "total": held.total.packets,
                })
            });
            json!({ "backend": set.backend(), "held": held })
        }
        ["load"] => json!({ "loaded": set::load_saved(&system, directory)? }),
        ["remove"] => json!({ "removed": set::remove(&system, directory)? }),
        _ => panic!("set-tool bring FILE | read | load | remove"),
    })
}
