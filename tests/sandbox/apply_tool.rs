//! Calls the library's `apply_blacklist` from inside the sandbox, for tests and measurements: the change is given on
//! standard input as JSON, what was done is printed as JSON. At each step it can be stopped or killed from outside.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use banbridge::ban::Prefix;
use banbridge::ban::plan::{OtherRow, Present};
use banbridge::ban::target::{self, Target};
use banbridge::kernel::apply::{Change, Site, Step, Steps, apply_blacklist};
use banbridge::kernel::freeze;
use banbridge::kernel::module_sets::Overlap;
use banbridge::pbx::{blacklist, firewall, freepbx_conf};
use banbridge::system::failure::{Failure, Result};
use banbridge::system::program;

/// What to do.
#[derive(serde::Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Order {
    /// Rows of ours to write.
    add: Vec<String>,
    /// Rows of ours to take away.
    remove: Vec<String>,
    /// What names are known to resolve to.
    names: BTreeMap<String, Vec<IpAddr>>,
    /// Where to kill this process, as with `kill -9`.
    kill_at: Option<String>,
    /// Where to wait for this file to come: `NAME` is made when it waits, `NAME.go` ends the wait.
    wait_at: Option<String>,
    wait_file: PathBuf,
    /// How long the commit sleeps, for a slow database.
    commit_takes_ms: u64,
    /// The commit fails.
    commit_fails: bool,
    /// The commit panics.
    commit_panics: bool,
    /// Rows of ours that stand in the way of an overlap are taken away.
    mend: bool,
    /// How long to wait for the daemon to sleep.
    patience_ms: Option<u64>,
}

struct Rows {
    conn: mysql::Conn,
    order: Order,
    commit_seconds: f64,
    rows_seconds: f64,
}

impl Change for Rows {
    fn is_pending(&self) -> bool {
        !self.order.add.is_empty() || !self.order.remove.is_empty()
    }

    fn commit(&mut self) -> Result<()> {
        let started = Instant::now();
        assert!(!self.order.commit_panics, "told to panic");
        if self.order.commit_fails {
            return Err(Failure::bug("told to fail"));
        }
        thread::sleep(Duration::from_millis(self.order.commit_takes_ms));
        let change =
            blacklist::Change { add: &self.order.add, remove: &self.order.remove, remove_unmarked: &[] };
        blacklist::write(&mut self.conn, &change, 1, true)?;
        self.commit_seconds = started.elapsed().as_secs_f64();
        Ok(())
    }

    fn rows(&mut self) -> Result<Present> {
        let started = Instant::now();
        let rows = blacklist::read(&mut self.conn)?;
        let others = rows.others.into_iter().map(|key| {
            let prefixes = match target::target(&key) {
                Some(Target::Prefix(prefix)) => vec![prefix],
                Some(Target::Name(name)) => {
                    self.order.names.get(&name).into_iter().flatten().copied().map(Prefix::host).collect()
                }
                _ => vec![],
            };
            OtherRow { key, prefixes }
        });
        let present = Present { ours: rows.ours, others: others.collect() };
        self.rows_seconds = started.elapsed().as_secs_f64();
        Ok(present)
    }

    fn mend(&mut self, overlap: &Overlap) -> Result<bool> {
        let ours: BTreeSet<String> = [&overlap.outer, &overlap.inner]
            .into_iter()
            .filter(|party| party.ours)
            .map(|party| party.key.clone())
            .collect();
        if !self.order.mend || ours.is_empty() {
            return Ok(false);
        }
        let remove: Vec<String> = ours.into_iter().collect();
        let change = blacklist::Change { add: &[], remove: &remove, remove_unmarked: &[] };
        blacklist::write(&mut self.conn, &change, 2, true)?;
        Ok(true)
    }
}

struct Fault {
    kill_at: Option<String>,
    wait_at: Option<String>,
    file: PathBuf,
    since: Instant,
    steps: Vec<(String, f64)>,
}

impl Steps for Fault {
    fn reached(&mut self, step: Step) {
        let name = format!("{step:?}");
        self.steps.push((name.clone(), self.since.elapsed().as_secs_f64()));
        if self.kill_at.as_ref() == Some(&name) {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
            thread::sleep(Duration::from_secs(60));
        }
        if self.wait_at.as_ref() == Some(&name) {
            fs::write(&self.file, "").unwrap();
            let go = self.file.with_extension("go");
            while !go.exists() {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().map(String::as_str) == Some(freeze::COMMAND) {
        return Ok(freeze::watch(&words[1..])?);
    }
    let order: Order = serde_json::from_reader(io::stdin().lock())?;
    let mut conn = freepbx_conf::read(Path::new("/etc/freepbx.conf"))?.connect()?;
    let firewall = firewall::read(&mut conn)?;
    let run_dir = firewall::setting(&mut conn, "ASTRUNDIR", "/var/run/asterisk")?;
    let programs = program::System::default();
    let mut site = Site::new(&firewall, &run_dir, &programs);
    if let Some(patience) = order.patience_ms {
        site.patience = Duration::from_millis(patience);
    }
    let mut steps = Fault {
        kill_at: order.kill_at.clone(),
        wait_at: order.wait_at.clone(),
        file: order.wait_file.clone(),
        since: Instant::now(),
        steps: Vec::new(),
    };
    let mut rows = Rows { conn, order, commit_seconds: 0.0, rows_seconds: 0.0 };
    let started = Instant::now();
    let applied = apply_blacklist(&site, &mut rows, &mut steps)?;
    let mut json = serde_json::to_value(&applied)?;
    json["seconds"] = started.elapsed().as_secs_f64().into();
    json["commit_seconds"] = rows.commit_seconds.into();
    json["rows_seconds"] = rows.rows_seconds.into();
    json["steps"] = serde_json::to_value(&steps.steps)?;
    println!("{json}");
    Ok(())
}
