//! Replays the corpus of every fuzz target, on any toolchain: what fuzzing once found stays found, and what must hold
//! holds for every form in it. `make fuzz` looks for more.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "../../fuzz/checks/mod.rs"]
mod checks;

/// A body that asks for so much is blown up to this size to see that the time grows with it and not with its square.
const LARGE: usize = 256 << 10;
/// Linear readers take some hundredths of a second for that, in this build and on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(path)
}

fn names(directory: &str) -> BTreeSet<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    fs::read_dir(here(directory)).unwrap().map(|entry| name(entry.unwrap())).collect()
}

/// All that `make fuzz` may have found of a target and that is worth keeping, with its name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = format!("corpus/{target}");
    let file = |name: String| {
        let bytes = fs::read(here(&directory).join(&name)).unwrap();
        (name, bytes)
    };
    names(&directory).into_iter().map(file).collect()
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(corpus.len() >= 3, "the corpus of {target} holds next to nothing");
    let fails = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| check(bytes))).is_err();
    let failed: Vec<&str> =
        corpus.iter().filter(|(_, bytes)| fails(bytes)).map(|(name, _)| name.as_str()).collect();
    assert!(failed.is_empty(), "in fuzz/corpus/{target}: {failed:?}; what failed stands above");
}

fn in_time(target: &str, read: fn(&[u8])) {
    for (name, bytes) in corpus(target) {
        let line: Vec<u8> = bytes.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
        for seed in [bytes, line] {
            let large: Vec<u8> = seed.iter().copied().cycle().take(LARGE).collect();
            let start = Instant::now();
            read(&large);
            let took = start.elapsed();
            assert!(took < PATIENCE, "{target}: {name}, blown up, takes {took:?}");
        }
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(mod $target {
            #[test]
            fn what_must_hold_holds_for_the_whole_corpus() {
                super::replay(stringify!($target), super::checks::$target::check);
            }

            #[test]
            fn a_large_input_takes_no_more_than_its_time() {
                super::in_time(stringify!($target), super::checks::$target::read);
            }
        })*
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
    };
}

targets! {
    answer chain config contacts coverage crowdsec entry firewall_maps freepbx_conf ipset list nft srv system_files trunks
}

#[test]
fn every_target_is_built_has_a_corpus_and_is_replayed_here() {
    let all: BTreeSet<String> = TARGETS.iter().map(|target| (*target).to_owned()).collect();
    assert_eq!(names("corpus"), all);
    assert_eq!(names("fuzz_targets"), all.iter().map(|target| format!("{target}.rs")).collect());
    let manifest = fs::read_to_string(here("Cargo.toml")).unwrap();
    for target in all {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
    }
}
