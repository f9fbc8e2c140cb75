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
const MASKS: [(&str, &str); 11] = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( [A-Z]{3,4})?( \(\d+ (s|min|h) ago\))?", "[TIME]"),
    (r"/tmp/banbridge-sandbox-\w+", "[DIRECTORY]"),
    (r"(127\.0\.0\.1|localhost):\d{4,5}", "$1:[PORT]"),
    (r"\b(process|pid) \d+", "$1 [PID]"),
    (r"(?m)^\d{4}-\d\d-\d\d ", "[DAY]      "),
    (r"\b\d+ (s|minutes?|hours?) ago", "[AGE] ago"),
    (r"\b\d+\.\d+\.\d+-MariaDB\S*", "[VERSION]-MariaDB"),
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

#[test]
fn one_address() {
    let env = TestEnv::new(NFT, &[ATTACKER, "163.172.207.104", "45.9.8.0/24", "10.0.0.5"]);
    let checked = |address: &str| format!("check {address}");
    env.sync(0, &[]);
    Transcript::of(&env)
        .says("A listed address, one in a listed network, a protected one, and one that nobody lists.")
        .runs(&checked(ATTACKER))
        .runs("check 45.9.8.7")
        .runs("check 10.0.0.5")
        .runs("check 9.9.9.9")
        .says("You unblock one.")
        .runs(&format!("unblock {ATTACKER}"))
        .runs(&format!("unblock {ATTACKER}"))
        .runs(&checked(ATTACKER))
        .runs("list --unblocked")
        .runs(&format!("unblock --undo {ATTACKER}"))
        .says("You allow one.")
        .runs("allow 163.172.207.104 --comment branch")
        .runs("check 163.172.207.104")
        .runs("list --allowed")
        .runs("unallow 163.172.207.104")
        .runs("unallow 163.172.207.104")
        .says("What is no address, and what is too much.")
        .runs("check 300.1.1.1")
        .runs("allow 0.0.0.0/0")
        .is("one-address.txt");
}

#[test]
fn lists_and_history() {
    let env = TestEnv::new(
        NFT,
        &[ATTACKER, "163.172.207.104", "45.9.8.0/24", "10.0.0.5", "no address", "8.0.0.0/8"],
    );
    env.sync(0, &[]);
    env.pbx.write_blacklist(["81.2.69.160"], "1");
    Transcript::of(&env)
        .runs("list")
        .runs("list --with-other-rows --json")
        .runs("list --skipped")
        .runs("list --unblocked")
        .runs("list --feed nobody")
        .runs("feed list")
        .runs("export")
        .runs("history")
        .is("lists.txt");
}

#[test]
fn apply_doctor_and_purge() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    env.sync(0, &[]);
    Transcript::of(&env)
        .runs("apply")
        .runs("doctor --offline")
        .runs("purge --yes")
        .runs("status")
        .is("apply-doctor-purge.txt");
}

#[test]
fn mistakes() {
    let env = TestEnv::new(NFT, &[ATTACKER]);
    let good = env.pbx.read_file("/etc/asterisk/banbridge.toml");
    let mut all = Transcript::of(&env);
    all.runs("config check").runs("snyc").runs("sync --feed nobody").runs("status --format prom");
    for (words, text) in [
        ("A setting that does not exist.", format!("{good}\n[blacklist]\nlimt = 5\n")),
        ("A line that is no setting.", format!("{good}\nwhat is this\n")),
        (
            "A value of the wrong kind.",
            good.replace("name = \"apiban\"", "name = \"apiban\"\nttl = \"soon\""),
        ),
    ] {
        env.pbx.write_file("/etc/asterisk/banbridge.toml", &text);
        all.says(words).runs("config check");
    }
    all.is("mistakes.txt");
}
