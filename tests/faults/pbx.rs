//! A PBX that many schedules use one after the other, and the program run in it with faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::testenv::{Firewall, NFT, Sandbox, TestEnv};
use crate::world::NAMES;

const TABLE: &str = "kvstore_FreePBX_modules_Firewall";
/// Where the list beside the feed is published.
pub const LIST: &str = "http://127.0.0.1:8099/list";
/// The longest that a run may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// What a PBX must have been started with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Without a running firewall: its settings and engine are changed as wanted.
    Quiet,
    /// With a daemon that runs and can be told to look.
    Live,
    /// The same of FreePBX 18.
    LiveNftables,
}

impl Shape {
    pub fn of(seed: u64) -> Self {
        match seed % 20 {
            7 | 13 => Self::Live,
            17 => Self::LiveNftables,
            _ => Self::Quiet,
        }
    }
}

pub struct Pbx {
    pub env: TestEnv,
    pub shape: Shape,
    engine: &'static str,
    publisher: Child,
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.publisher.kill();
        let _ = self.publisher.wait();
    }
}

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub text: String,
}

impl Pbx {
    pub fn start(shape: Shape) -> Self {
        let builder = match shape {
            Shape::Quiet => Sandbox::builder(NFT).disabled(),
            Shape::Live => Sandbox::builder(NFT).period(3600),
            Shape::LiveNftables => Sandbox::builder(Firewall::Nftables).period(3600),
        };
        let env = TestEnv::on_with(builder, &[""; 0], |options| {
            options.rate = None;
            options.batch = 8;
        });
        let names = NAMES.map(|(name, address)| format!("{name} {address}\n")).concat();
        env.pbx.names(&names);
        // Every row that is ever written, also one that is rolled back.
        env.pbx.sql_run("CREATE TABLE audit (place INT AUTO_INCREMENT PRIMARY KEY, `key` CHAR(255), val VARCHAR(99)) ENGINE=MyISAM", ());
        for (name, when) in [("audit_insert", "INSERT"), ("audit_update", "UPDATE")] {
            let sql = format!(
                "CREATE TRIGGER {name} AFTER {when} ON {TABLE} FOR EACH ROW BEGIN IF NEW.id = 'blacklist' THEN \
                 INSERT INTO audit (`key`, val) VALUES (NEW.`key`, NEW.val); END IF; END"
            );
            mysql::prelude::Queryable::query_drop(&mut env.pbx.database(), sql).unwrap();
        }
        let lists = env.pbx.dir().join("lists");
        fs::create_dir(&lists).unwrap();
        let publisher = env
            .pbx
            .command("php")
            .args(["-S", "127.0.0.1:8099"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/list_server/router.php"))
            .env("LISTS", &lists)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        crate::testenv::until("the publisher", || {
            env.pbx.run(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8099"]).code == 0
        });
        let pbx = Self { env, shape, engine: "InnoDB", publisher };
        fs::create_dir(pbx.dir()).unwrap();
        fs::set_permissions(pbx.dir(), fs::Permissions::from_mode(0o777)).unwrap();
        pbx
    }

    /// The directory that the faults are told by.
    pub fn dir(&self) -> PathBuf {
        self.env.pbx.dir().join("faults")
    }

    /// As if nothing had ever been there.
    pub fn reset(&mut self, nftables: bool, engine: &'static str) {
        let pbx = &self.env.pbx;
        let tables = self.env.tables();
        if !tables.is_empty() {
            pbx.sql_run(&format!("DROP TABLE {}", tables.join(", ")), ());
        }
        pbx.sql_run(&format!("DELETE FROM {TABLE} WHERE id IN ('blacklist', 'banbridge')"), ());
        pbx.sql_run("DELETE FROM audit", ());
        if self.shape == Shape::Quiet {
            pbx.sql_run(&format!("DELETE FROM {TABLE} WHERE `key` LIKE 'firewall\\_%'"), ());
            if nftables {
                let sql = format!(
                    "INSERT INTO {TABLE} VALUES ('firewall_backend', 'nftables', NULL, 'noid'), ('firewall_schema', '3', NULL, 'noid')"
                );
                pbx.sql_run(&sql, ());
            }
        }
        if engine != self.engine {
            pbx.sql_run(&format!("ALTER TABLE {TABLE} ENGINE={engine}"), ());
            self.engine = engine;
        }
        // MariaDB 10.11.19 cannot always recover from a kill soon after tables were dropped and made: "Missing
        // FILE_CREATE, FILE_DELETE or FILE_MODIFY before FILE_CHECKPOINT". That would be its fault and not ours.
        pbx.sql_run("SET GLOBAL innodb_log_checkpoint_now = 1", ());
        if self.shape != Shape::Quiet {
            let _ = pbx.run(&["nft", "delete", "table", "inet", "banbridge"]);
        }
        self.env.feed.set_list(&[]);
        self.env.feed.clear_faults();
        for file in fs::read_dir(self.dir()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    /// Publishes a version of the list.
    pub fn publish(&self, entries: &BTreeSet<String>) {
        let lines: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        let path = self.env.pbx.dir().join("lists/list");
        // Whoever asks meanwhile gets one of the two versions.
        fs::write(path.with_extension("new"), format!("# a list\n{lines}")).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    /// Which faults happened, as `POINT ACTION`.
    pub fn fired(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir().join("fired")).unwrap_or_default();
        text.lines().map(|line| line.split('=').next().unwrap().to_owned()).collect()
    }

    /// Rows of the blacklist, key and value.
    pub fn rows(&self) -> BTreeMap<String, String> {
        self.env.pbx.blacklist().into_iter().collect()
    }

    /// Rows that were written since the last time this was asked.
    pub fn audit(&self) -> Vec<(String, String)> {
        let rows = self.env.pbx.sql("SELECT `key`, val FROM audit ORDER BY place", ());
        self.env.pbx.sql_run("DELETE FROM audit", ());
        rows
    }

    /// Texts of one column, none when the table is not there.
    pub fn texts(&self, table: &str, sql: &str) -> BTreeSet<String> {
        if !self.env.tables().iter().any(|one| one == table) {
            return BTreeSet::new();
        }
        self.env.pbx.sql(sql, ()).into_iter().collect()
    }

    /// Starts the program with faults.
    pub fn start_run(&self, user: &str, words: &[&str], faults: &str) -> Child {
        let program = env!("CARGO_BIN_EXE_banbridge");
        let mut command = match user {
            "root" => self.env.pbx.command(program),
            user => self.env.pbx.command_as(user, program),
        };
        command
            .args(words)
            .env("BANBRIDGE_FAULT", faults)
            .env("BANBRIDGE_FAULT_DIR", self.dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits for its end, which must come.
    pub fn wait(&self, mut child: Child) -> Ended {
        let until = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                let _ = child.kill();
                panic!("a run did not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ended { code: output.status.code(), text: text.concat() }
    }

    pub fn run(&self, user: &str, words: &[&str], faults: &str) -> Ended {
        self.wait(self.start_run(user, words, faults))
    }

    /// Waits until the run stands at its point. False when it ended without coming there.
    pub fn is_held(&self, child: &mut Child) -> bool {
        let held = self.dir().join("held");
        let until = Instant::now() + PATIENCE;
        while !held.exists() {
            if child.try_wait().unwrap().is_some() {
                return held.exists();
            }
            assert!(Instant::now() < until, "a run neither ended nor came to its point");
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Lets it go on.
    pub fn let_go(&self) {
        let _ = fs::remove_file(self.dir().join("held"));
    }

    /// Kills a held run and the process that it started, as `kill -9` does.
    pub fn kill_group(&self, child: Child) {
        let parent = self.env.pbx.pid_of(&child);
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let pids = children.split_whitespace().map(|pid| pid.parse().unwrap()).chain([parent as i32]);
        for pid in pids {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
        self.let_go();
        self.wait(child);
    }

    /// Waits until no connection has the lock: the server needs a moment to see that a killed run is gone.
    pub fn nobody_runs(&self) {
        crate::testenv::until("the lock to be free", || {
            let free: Vec<Option<u64>> = self.env.pbx.sql("SELECT IS_USED_LOCK('banbridge.asterisk')", ());
            free == [None]
        });
    }

    /// The clock is so far off from now on; 0 is right.
    pub fn set_clock(&self, off: i64) {
        let path = self.dir().join("clock");
        fs::write(&path, off.to_string()).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }

    /// Whether the firewall's table has seen the ledger's last change.
    pub fn numbers_agree(&self) -> bool {
        let sql = format!("SELECT val FROM {TABLE} WHERE id = 'banbridge' AND `key` = 'generation'");
        let there = self.env.pbx.sql(&sql, ()).into_iter().collect();
        let sql = "SELECT CAST(value AS CHAR) FROM banbridge_state WHERE name = 'generation'";
        self.texts("banbridge_state", sql) == there
    }

    /// Whether the ledger's tables are all there.
    pub fn has_ledger(&self) -> bool {
        let tables = self.env.tables();
        ["state", "allow", "sighting"].iter().all(|name| tables.iter().any(|table| table.ends_with(name)))
    }
}
