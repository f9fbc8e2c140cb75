//! A PBX with a feed and a configuration, where most black-box tests begin.
//!
//! The feed runs in the test's own process but listens inside the sandbox, so a test can change its list, its rate
//! limit and its faults directly. Time passes by moving the ledger's times into the past: nothing sleeps.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../sandbox/mod.rs"]
pub mod sandbox;
#[path = "../sandbox/apiban_simulator/mod.rs"]
pub mod simulator;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

pub use sandbox::{
    Attacker, Backend, Builder, FIREWALLS, Family, Firewall, Phone, Probe, Run, Sandbox, rule, until,
};
pub use simulator::{Fault, Options, Simulator};

pub const NFT: Firewall = Firewall::Iptables(Backend::Nft);
pub const LEGACY: Firewall = Firewall::Iptables(Backend::Legacy);
/// A list of today would hold it; so would one of the year 2020.
pub const ATTACKER: &str = "185.53.88.78";
pub const ATTACKER_V6: &str = "2a06:4880::78";
/// With characters that look otherwise in a URL. No output of the program may hold it, whatever it does.
pub const KEY: &str = "k3y/Quirk+Test%42";
pub const CONFIG: &str = "/etc/asterisk/banbridge.toml";
pub const LOG: &str = "/var/log/asterisk/banbridge.log";
pub const DAY: i64 = 86_400;
/// apiban's window.
pub const WINDOW: i64 = 120;

/// The sandbox, the feed and the program's configuration.
pub struct TestEnv {
    pub pbx: Sandbox,
    pub feed: Simulator,
}

impl TestEnv {
    /// A PBX whose firewall runs and makes a pass only when it is told to; a feed that lists these entries; a
    /// configuration that asks it.
    pub fn new<S: AsRef<str>>(firewall: Firewall, entries: &[S]) -> Self {
        Self::on(Sandbox::builder(firewall).period(3600), entries)
    }

    /// The same with the firewall switched off, for what does not need it: starting its daemon takes time.
    pub fn without_firewall<S: AsRef<str>>(entries: &[S]) -> Self {
        Self::on(Sandbox::builder(NFT).disabled(), entries)
    }

    pub fn on<S: AsRef<str>>(builder: Builder, entries: &[S]) -> Self {
        Self::on_with(builder, entries, |_| ())
    }

    /// The same with a feed of another kind.
    pub fn on_with<S: AsRef<str>>(
        builder: Builder,
        entries: &[S],
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let pbx = builder.start();
        let mut options = Options {
            keys: vec![KEY.into()],
            entries: entries.iter().map(|entry| entry.as_ref().to_owned()).collect(),
            log: Some(pbx.dir().join("requests.log")),
            ..Options::default()
        };
        change(&mut options);
        let feed = inside(&pbx, || Simulator::start(options).expect("the feed"));
        let env = Self { pbx, feed };
        env.configure("");
        env
    }

    /// Writes the configuration: the one feed with `lines` after its own, tables such as `[blacklist]` included.
    pub fn configure(&self, lines: &str) {
        // Most tests are about rows: the set would refuse the packets before the rows do.
        let set = if lines.contains("[set]") { "" } else { "[set]\nenabled = \"no\"" };
        let url = self.feed.url();
        self.write_config(&format!(
            "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"{KEY}\"\nurl = \"{url}\"\n{lines}\n{set}\n"
        ));
    }

    /// Writes the whole configuration, asterisk's and nobody else's as its directory is.
    pub fn write_config(&self, text: &str) {
        self.pbx.write_file(CONFIG, text);
        self.give_to_asterisk(CONFIG);
    }

    /// Gives a file to asterisk, readable by nobody else.
    pub fn give_to_asterisk(&self, path: &str) {
        let directory = fs::metadata(self.pbx.outside("/etc/asterisk")).unwrap();
        let path = self.pbx.outside(path);
        chown(&path, Some(directory.uid()), Some(directory.gid())).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
    }

    /// Runs the program as root.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Run {
        no_key_in(self.pbx.banbridge(words))
    }

    /// Runs the program as another user.
    #[track_caller]
    pub fn run_as(&self, user: &str, words: &[&str]) -> Run {
        no_key_in(self.pbx.banbridge_as(user, words))
    }

    /// Runs the program with `--json`: its exit code and what it printed, which must be one JSON value and nothing
    /// else.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> (i32, Value) {
        let run = self.run(&[words, &["--json"]].concat());
        let value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.code, value)
    }

    /// A sync that must end with this code; its report.
    #[track_caller]
    pub fn sync(&self, code: i32, words: &[&str]) -> Value {
        let (ended, report) = self.json(&[&["sync"], words].concat());
        assert_eq!(ended, code, "{report:#}");
        counts_agree(&report);
        report
    }

    /// Starts a sync and does not wait for it.
    pub fn start(&self, words: &[&str]) -> Child {
        let mut command = self.pbx.command(env!("CARGO_BIN_EXE_banbridge"));
        command.arg("sync").args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Kills a started program as `kill -9` does, and waits for its end.
    pub fn kill(&self, mut child: Child) {
        let pid = i32::try_from(self.pbx.pid_of(&child)).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
    }

    /// The next requests get these faults, such as `none*3` or `rate=7`, in this order.
    pub fn faults(&self, faults: &[&str]) {
        for text in faults {
            let (name, count) = text.split_once('*').unwrap_or((text, "1"));
            self.feed.fault(&Fault::parse(name).unwrap(), count.parse().unwrap());
        }
    }

    /// Keys of our rows.
    #[track_caller]
    pub fn ours(&self) -> BTreeSet<String> {
        self.rows_with(|value| value == "banbridge")
    }

    /// Keys of the administrator's rows.
    #[track_caller]
    pub fn his(&self) -> BTreeSet<String> {
        self.rows_with(|value| value != "banbridge")
    }

    fn rows_with(&self, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
        self.pbx.blacklist().into_iter().filter(|(_, value)| wanted(value)).map(|(key, _)| key).collect()
    }

    /// What the feed was asked, one object a request.
    pub fn requests(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.pbx.dir().join("requests.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The cursors that were sent.
    pub fn cursors(&self) -> Vec<String> {
        let of = |request: Value| -> String {
            let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
            body["id"].as_str().unwrap().to_owned()
        };
        self.requests().into_iter().map(of).collect()
    }

    /// Names of our tables.
    pub fn tables(&self) -> Vec<String> {
        self.pbx.sql("SHOW TABLES LIKE 'banbridge%'", ())
    }

    /// Check sums of the firewall's table and of ours: equal ones, nothing was written. What a run writes however
    /// it ends is left out: when it asked, and that it ran.
    pub fn sums(&self) -> BTreeMap<String, Option<u64>> {
        let mut tables = self.tables();
        let noted = [
            "banbridge_request",
            "banbridge_run",
            "banbridge_feed",
            "banbridge_state",
            "banbridge_source",
            "banbridge_hour",
            "banbridge_key_refused",
            "banbridge_problem",
            "banbridge_evidence",
        ];
        tables.retain(|table| !noted.contains(&table.as_str()));
        tables.push("kvstore_FreePBX_modules_Firewall".into());
        self.pbx
            .sql::<(String, Option<u64>)>(&format!("CHECKSUM TABLE {}", tables.join(", ")), ())
            .into_iter()
            .collect()
    }

    /// Lets time pass: every time in the ledger, and the feed's rate limit, moves into the past. Runs went on
    /// meanwhile, as far as the clock is concerned.
    pub fn later(&self, seconds: i64) {
        for (table, columns) in [
            ("feed", "last_attempt last_success retry_at based_at completed_at held_since"),
            ("entry", "first_seen last_seen expires_at"),
            ("skipped", "last_seen expires_at"),
            ("row", "written_at"),
            ("unblock", "since until"),
            ("source", "last_success"),
            ("name", "resolved_at"),
            ("sighting", "last_seen"),
            ("allow", "since"),
            ("key_refused", "since"),
            ("problem", "since over_at"),
            ("evidence", "seen_at"),
            ("run", "started_at finished_at"),
            ("attack", "first_at last_at"),
            ("attack_feed", "since until"),
            ("offender", "banned_at"),
            ("shared", "until"),
            ("log", "since"),
        ] {
            let moves: Vec<String> =
                columns.split(' ').map(|column| format!("{column} = {}", earlier(column, seconds))).collect();
            self.pbx.sql_run(&format!("UPDATE banbridge_{table} SET {}", moves.join(", ")), ());
        }
        // What is kept by the hour and by the day moves by whole ones.
        for (table, column, length) in [
            ("hour", "at", 3_600),
            ("feed_day", "day", DAY),
            ("recent", "at", 60),
            ("attack_hour", "at", 3_600),
            ("attack", "day", DAY),
            ("attack_stop", "day", DAY),
        ] {
            if seconds % length == 0 {
                let sql = format!("UPDATE banbridge_{table} SET {column} = {column} - ? ORDER BY {column}");
                self.pbx.sql_run(&sql, (seconds,));
            }
        }
        self.pbx.sql_run("UPDATE banbridge_request SET at_ms = at_ms - ?", (seconds * 1000,));
        let states =
            "UPDATE banbridge_state SET value = value - ? WHERE value > 1000000000 AND name <> 'clock'";
        self.pbx.sql_run(states, (seconds,));
        if seconds >= WINDOW {
            self.counters_are_due();
            self.feed.reset_rate();
        }
    }

    /// The next run reads the kernel set back, whenever it was read last.
    pub fn counters_are_due(&self) {
        let _ = fs::remove_file(self.pbx.outside("/var/lib/banbridge/set.seen"));
    }

    /// The program's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.pbx.outside(LOG)).unwrap_or_default()
    }

    /// Tells the daemon to look, and asserts that this was the first time since `seen` passes: nobody else told it.
    #[track_caller]
    pub fn nobody_told_the_daemon_since(&self, seen: usize) {
        self.pbx.hup();
        assert_eq!(self.pbx.passes().len(), seen + 1, "the daemon was told to look");
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        self.feed.stop();
        if !std::thread::panicking() {
            assert!(!shows_key(&self.log()), "the key stands in the log");
        }
    }
}

/// A time moved into the past; what is listed until its list drops it, to the end of the year 9999, stays so.
fn earlier(column: &str, seconds: i64) -> String {
    format!("IF({column} = 253402300799, {column}, {column} - {seconds})")
}

/// Work done by a thread in the sandbox's network.
pub fn inside<T: Send>(pbx: &Sandbox, work: impl FnOnce() -> T + Send) -> T {
    let network = File::open(format!("/proc/{}/ns/net", pbx.pid())).unwrap();
    let enter = move || {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(enter).join().unwrap())
}

/// The key as it is, or any part of it as a URL writes it.
pub fn shows_key(text: &str) -> bool {
    text.contains("Quirk")
}

#[track_caller]
fn no_key_in(run: Run) -> Run {
    assert!(!shows_key(&run.stdout) && !shows_key(&run.stderr), "the key is shown: {run:?}");
    run
}

/// Counts of a report are disjoint and add up.
#[track_caller]
pub fn counts_agree(report: &Value) {
    for feed in report["feeds"].as_array().unwrap() {
        let refused = feed["skipped"].as_array().unwrap().len() as u64;
        let all = feed["used"].as_u64().unwrap() + refused;
        assert_eq!(feed["fetched"].as_u64(), Some(all), "{feed:#}");
    }
}

/// Public addresses of which no two are neighbours in one network, so that each is a row of its own.
pub fn addresses(count: u32) -> Vec<String> {
    (0..count).map(|n| std::net::Ipv4Addr::from(0x2d00_0001 + 2 * n).to_string()).collect()
}

/// A set of texts, for comparing with rows.
pub fn set<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    texts.into_iter().map(|text| text.as_ref().to_owned()).collect()
}

/// The texts of a JSON array.
#[track_caller]
pub fn texts(value: &Value) -> BTreeSet<String> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
