//! Whole outputs, as they stand in `tests/golden`: each file is the transcript of one scene, command after command.
//!
//! After a change of words `make golden` writes the files anew; `git diff tests/golden` is then what to review, as any
//! other change. What differs from run to run stands there as `[TIME]`, `[PORT]` and the like.

use std::fmt::Write;
use std::path::Path;

use expect_test::expect_file;
use regex::Regex;
use serde_json::Value;

use crate::testenv::{ATTACKER, NFT, TestEnv};

/// What differs from one run to the next, and what stands for it.
const MASKS: [(&str, &str); 8] = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( [A-Z]{3,4})?( \(\d+ (s|min|h) ago\))?", "[TIME]"),
    (r"/tmp/banbridge-sandbox-\w+", "[DIRECTORY]"),
    (r"(127\.0\.0\.1|localhost):\d{4,5}", "$1:[PORT]"),
    (r"\b(process|pid) \d+", "$1 [PID]"),
    (r"\b\d+\.\d+ s\b", "[DURATION]"),
    (r"\brun_age=\d+s", "run_age=[AGE]"),
    (r#"("ms"|"\w+_ms"): \d+"#, "$1: [DURATION]"),
];

/// A scene's commands and what they printed.
struct Transcript<'a> {
    env: &'a TestEnv,
    text: String,
}

impl<'a> Transcript<'a> {
    fn of(env: &'a TestEnv) -> Self {
        Self { env, text: String::new() }
    }

    /// Says what comes, or what happened meanwhile.
    fn says(&mut self, words: &str) -> &mut Self {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        writeln!(self.text, "{gap}# {words}").unwrap();
        self
    }

    /// Lets time pass.
    fn later(&mut self, seconds: i64, words: &str) -> &mut Self {
        self.env.later(seconds);
        self.says(words)
    }

    /// Runs the program as root.
    fn runs(&mut self, words: &str) -> &mut Self {
        let run = self.env.run(&words.split(' ').collect::<Vec<_>>());
        let printed = match serde_json::from_str::<Value>(&run.stdout) {
            Ok(json) => format!("{json:#}"),
            Err(_) => run.stdout.trim_end().to_owned(),
        };
        writeln!(self.text, "$ banbridge {words}\n{printed}").unwrap();
        if !run.stderr.is_empty() {
            writeln!(self.text, "[stderr]\n{}", run.stderr.trim_end()).unwrap();
        }
        writeln!(self.text, "[exit {}]", run.code).unwrap();
        self
    }

    /// Compares it with the file.
    fn is(&self, name: &str) {
        let masks = MASKS.iter().map(|(pattern, mask)| (Regex::new(pattern).unwrap(), *mask));
        let text = masks
            .fold(self.text.clone(), |text, (pattern, mask)| pattern.replace_all(&text, mask).into_owned());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        expect_file![path].assert_eq(&text);
    }
}

#[test]
fn sync_and_status() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104", "45.9.8.0/24", "10.0.0.5", "no address"]);
    Transcript::of(&env)
        .says("Before the first run.")
        .runs("status")
        .runs("sync --dry-run")
        .says("The first run.")
        .runs("sync")
        .later(300, "Five minutes later.")
        .runs("sync")
        .runs("status")
        .runs("status --check")
        .runs("status --json")
        .is("sync-and-status.txt");
}
