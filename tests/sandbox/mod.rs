//! A PBX to test against: `Sandbox::start` gives one, dropping it removes everything of it.
//! The scripts beside this file do the work; this only calls them.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod database;
mod firewall;
mod network;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use firewall::{Family, Pass, rule};
pub use network::{Attacker, Counts, Flood, Phone, Probe, Source};

/// Which packet filter the PBX's firewall drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// FreePBX 15 to 17.
    Iptables(Backend),
    /// FreePBX 18.
    Nftables,
}

/// Which kernel interface `iptables` is a face of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Nft,
    Legacy,
}

/// All three firewalls, for tests that hold in each.
pub const FIREWALLS: [Firewall; 3] =
    [Firewall::Iptables(Backend::Nft), Firewall::Iptables(Backend::Legacy), Firewall::Nftables];

/// How a command in the sandbox ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code, or -1 if a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The standard output of a command that must not fail.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "failed: {self:?}");
        self.stdout
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// What can be chosen before a sandbox starts.
pub struct Builder {
    firewall: Firewall,
    options: Vec<String>,
}

impl Builder {
    /// The key-value tables as MyISAM, as on old systems.
    pub fn myisam(mut self) -> Self {
        self.options.extend(["--engine".into(), "myisam".into()]);
        self
    }

    /// Seconds between two passes of the firewall daemon; 30 if not set.
    pub fn period(mut self, seconds: impl Display) -> Self {
        self.options.extend(["--period".into(), seconds.to_string()]);
        self
    }

    /// The firewall is switched off and not running.
    pub fn disabled(mut self) -> Self {
        self.options.push("--disabled".into());
        self
    }

    /// Systemd is its first process, without any unit but the journal's: for units of ours.
    pub fn systemd(mut self) -> Self {
        self.options.push("--systemd".into());
        self
    }

    /// Starts it and waits for the daemon's first pass.
    pub fn start(self) -> Sandbox {
        Sandbox::boot(&self)
    }
}

/// A running PBX.
pub struct Sandbox {
    firewall: Firewall,
    dir: PathBuf,
    boot: Child,
    /// The sandbox ends when this is closed.
    hold: Option<ChildStdin>,
    pid: u32,
}

impl Sandbox {
    /// A PBX as it comes: firewall running, InnoDB, 30 seconds between passes.
    pub fn start(firewall: Firewall) -> Self {
        Self::builder(firewall).start()
    }

    pub fn builder(firewall: Firewall) -> Builder {
        let name = match firewall {
            Firewall::Iptables(Backend::Nft) => "iptables-nft",
            Firewall::Iptables(Backend::Legacy) => "iptables-legacy",
            Firewall::Nftables => "nftables",
        };
        Builder { firewall, options: vec!["--firewall".into(), name.into()] }
    }

    fn boot(builder: &Builder) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("banbridge-sandbox-")
            .tempdir()
            .expect("a temporary directory")
            .keep();
        let mut log = tempfile::tempfile().expect("a log file");
        let mut boot = Command::new(script("boot"))
            .args(["--until-eof", "--cache", env!("CARGO_TARGET_TMPDIR"), "--dir"])
            .arg(&dir)
            .args(&builder.options)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log.try_clone().expect("a log file"))
            .spawn()
            .expect("tests/sandbox/boot");
        let mut sandbox = Self { firewall: builder.firewall, hold: boot.stdin.take(), dir, boot, pid: 0 };
        until("the sandbox to start", || {
            if let Some(status) = sandbox.boot.try_wait().expect("the sandbox's process") {
                panic!("the sandbox did not start: {status}\n{}", whole(&mut log));
            }
            sandbox.dir.join("ready").exists()
        });
        let pid = fs::read_to_string(sandbox.dir.join("pid")).expect("the sandbox's pid");
        sandbox.pid = pid.trim().parse().expect("a process id");
        sandbox
    }

    /// What it was started with.
    pub fn firewall(&self) -> Firewall {
        self.firewall
    }

    /// A directory that has the same path inside and outside, for configuration and the like.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process id of the sandbox's process 1, as seen from outside.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The path outside of a path inside, as long as the sandbox runs.
    pub fn outside(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let inner = path.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.pid.to_string()).join("root").join(inner)
    }

    /// A command in the sandbox, run by root with nothing in its environment but what the test sets.
    pub fn command(&self, program: &str) -> Command {
        self.enter(&[], program)
    }

    /// The same, run by another user.
    pub fn command_as(&self, user: &str, program: &str) -> Command {
        self.enter(&["--user", user], program)
    }

    fn enter(&self, how: &[&str], program: &str) -> Command {
        let mut command = Command::new(script("enter"));
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("SANDBOX_KEEP_ENV", "1")
            .arg(&self.dir)
            .args(how)
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command as root and waits for it.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Run {
        run(self.command(words[0]).args(&words[1..]))
    }

    /// Runs a command as another user and waits for it.
    #[track_caller]
    pub fn run_as(&self, user: &str, words: &[&str]) -> Run {
        run(self.command_as(user, words[0]).args(&words[1..]))
    }

    /// Runs the program under test as root.
    #[track_caller]
    pub fn banbridge(&self, words: &[&str]) -> Run {
        run(self.command(env!("CARGO_BIN_EXE_banbridge")).args(words))
    }

    /// Runs the program under test as another user.
    #[track_caller]
    pub fn banbridge_as(&self, user: &str, words: &[&str]) -> Run {
        run(self.command_as(user, env!("CARGO_BIN_EXE_banbridge")).args(words))
    }

    #[track_caller]
    pub fn fwconsole(&self, words: &[&str]) -> Run {
        run(self.command("fwconsole").args(words))
    }

    /// What the GUI's blacklist tab does: `gui_blacklist("add", "192.0.2.1")`.
    #[track_caller]
    pub fn gui_blacklist(&self, what: &str, entry: &str) -> Run {
        self.run(&["gui-blacklist", what, entry])
    }

    /// The process id, as seen from outside, of a command's process inside (a `Child` of
    /// `command` is only the helper that waits for it).
    pub fn pid_of(&self, child: &Child) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let mut found = None;
        until("the command to start", || {
            let text = fs::read_to_string(&children).unwrap_or_default();
            found = text.split_whitespace().next().and_then(|word| word.parse().ok());
            found.is_some()
        });
        found.expect("a process id")
    }

    /// Writes a file, root's and readable by all.
    pub fn write_file(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let outside = self.outside(&path);
        fs::write(&outside, text).unwrap_or_else(|error| panic!("{}: {error}", outside.display()));
    }

    #[track_caller]
    pub fn read_file(&self, path: impl AsRef<Path>) -> String {
        let outside = self.outside(&path);
        fs::read_to_string(&outside).unwrap_or_else(|error| panic!("{}: {error}", outside.display()))
    }

    pub fn remove_file(&self, path: impl AsRef<Path>) {
        fs::remove_file(self.outside(path)).expect("a file to remove");
    }

    /// What `asterisk -rx COMMAND` prints from now on.
    pub fn asterisk_answers(&self, command: &str, text: &str) {
        let path = Path::new("/var/lib/sandbox/asterisk").join(command);
        // A command may hold a slash.
        fs::create_dir_all(self.outside(path.parent().unwrap_or(&path))).expect("a directory");
        self.write_file(path, text);
    }

    /// `asterisk -rx` fails as without a running Asterisk.
    pub fn stop_asterisk(&self) {
        self.asterisk_answers("down", "");
    }

    /// `asterisk -rx` never comes back.
    pub fn hang_asterisk(&self) {
        self.asterisk_answers("hang", "");
    }

    /// Asterisk answers again.
    pub fn start_asterisk(&self) {
        for fault in ["down", "hang"] {
            let _ = fs::remove_file(self.outside(Path::new("/var/lib/sandbox/asterisk").join(fault)));
        }
    }

    /// What the PBX's resolver knows: lines of `NAME ADDRESS...` and `NAME SRV HOST...`; `hang` alone answers nothing,
    /// `fail` alone answers that it cannot.
    pub fn names(&self, lines: &str) {
        self.write_file("/var/lib/sandbox/names", lines);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.hold.take());
        let patience = Instant::now() + Duration::from_secs(20);
        while !matches!(self.boot.try_wait(), Ok(Some(_))) {
            if Instant::now() > patience {
                let _ = self.boot.kill();
                let _ = self.boot.wait();
                break;
            }
            sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Waits for a condition and fails after half a minute.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < patience, "waited in vain for {what}");
        sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn run(command: &mut Command) -> Run {
    command.output().expect("tests/sandbox/enter").into()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox").join(name)
}

fn whole(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.rewind();
    let _ = file.read_to_string(&mut text);
    text
}
