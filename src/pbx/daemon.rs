//! The firewall's daemon: is it there, what is it doing, and telling it to look now.
//!
//! It is a PHP process of root that makes a pass every 15 to 120 seconds, and at once on SIGHUP. SIGHUP is the one
//! way to make it look that disturbs nothing: `fwconsole firewall restart` leaves the PBX without any rule for
//! seconds. A SIGHUP that comes in the middle of a pass is lost, and one that comes before the daemon is ready for it
//! ends the daemon, so it is sent only while the daemon sleeps between two passes.
//!
//! Note that nothing of ours may carry the daemon's name in its argument list: the module's stop hook kills every
//! process that does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::ban::health::evidence::Service;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// What the daemon's command line holds.
const NAME: &[u8] = b"hooks/voipfirewalld";
/// What the command line of the process that watches Asterisk for it holds.
const MONITOR: &[u8] = b"voipfirewalld";
/// What the command lines of the processes hold that a pass starts.
const OF_A_PASS: [&[u8]; 4] = [b"getservices", b"iptables", b"ip6tables", b"nft"];
/// How long to wait for the end of a pass. A pass over 10,000 entries takes a minute and more; the next one is never
/// further away than its period.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what it does.
const LOOK: Duration = Duration::from_millis(10);

/// Number of the system call rt_sigtimedwait, and of its twin with 64-bit times where there is one.
const SIGTIMEDWAIT: &[&str] = if cfg!(target_arch = "x86_64") {
    &["128"]
} else if cfg!(target_arch = "aarch64") {
    &["137"]
} else if cfg!(any(target_arch = "x86", target_arch = "arm")) {
    &["177", "421"]
} else {
    &[]
};

/// While this file is there the module is in safe mode (phar/src/firewall.php).
const SAFE_MODE: &str = "/var/run/firewalld.safemode";

/// Whether the module is in safe mode after a reboot: its daemon waits for the fifth minute after boot, without rules,
/// and a SIGHUP would end it.
pub fn is_in_safe_mode() -> bool {
    fs::exists(SAFE_MODE).unwrap_or(false)
}

/// What is known of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daemon {
    /// Its process.
    pub pid: Pid,
    /// When it was started, in clock ticks since boot: tells it from a later process with the same number.
    pub started: u64,
}

/// Why there is no daemon that one can be sure of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDaemon {
    /// Nothing holds the lock.
    #[error("the firewall service is not running")]
    NotRunning,
    /// More than one process looks like it.
    #[error("several processes look like the firewall service ({0:?})")]
    Several(Vec<i32>),
}

/// Why the daemon was not told to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// It is in a pass, or starts.
    #[error("it is busy with a pass or still starting")]
    Busy,
    /// Somebody paused it.
    #[error("it is paused")]
    Paused,
    /// It ended.
    #[error("it ended meanwhile")]
    Gone,
    /// It cannot be signalled.
    #[error("the signal cannot be sent: {0}")]
    Signal(#[from] Errno),
}

/// A process of root with the daemon's name in its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    started: u64,
    pid: i32,
    parent: i32,
}

/// Finds the daemon: the oldest process of root whose command line holds its name. A younger process that watches
/// over it matches too, and so does anything that another user names like it, hence root's and the oldest.
pub fn find() -> Option<Daemon> {
    candidates().into_iter().min().and_then(daemon)
}

/// Finds the daemon and makes sure of it: it has its lock file open, and all others that look like it and have it
/// open too are its children. Only root can do this.
pub fn find_surely(run_dir: &str) -> Result<Daemon, NoDaemon> {
    let lock = fs::metadata(lock_file(run_dir)).map_err(|_| NoDaemon::NotRunning)?;
    let has_lock = |candidate: &Candidate| {
        let Ok(open) = fs::read_dir(format!("/proc/{}/fd", candidate.pid)) else { return false };
        open.flatten().any(|entry| {
            fs::metadata(entry.path()).is_ok_and(|file| (file.dev(), file.ino()) == (lock.dev(), lock.ino()))
        })
    };
    let mut holders: Vec<Candidate> = candidates().into_iter().filter(has_lock).collect();
    holders.sort_unstable();
    let Some((first, others)) = holders.split_first() else { return Err(NoDaemon::NotRunning) };
    if others.iter().any(|other| other.parent != first.pid) {
        return Err(NoDaemon::Several(holders.iter().map(|holder| holder.pid).collect()));
    }
    if !is_running(run_dir) {
        return Err(NoDaemon::NotRunning);
    }
    daemon(*first).ok_or(NoDaemon::NotRunning)
}

fn daemon(candidate: Candidate) -> Option<Daemon> {
    Pid::from_raw(candidate.pid).map(|pid| Daemon { pid, started: candidate.started })
}

fn candidates() -> Vec<Candidate> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found = Vec::new();
    for entry in processes.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if !says(&entry.path(), NAME) || entry.metadata().map(|meta| meta.uid()).ok() != Some(0) {
            continue;
        }
        let Some(stat) = Stat::read(&entry.path()) else { continue };
        found.push(Candidate { started: stat.started, pid, parent: stat.parent });
    }
    found
}

/// Whether a process's command line holds a text.
fn says(process: &Path, text: &[u8]) -> bool {
    fs::read(process.join("cmdline")).is_ok_and(|line| line.windows(text.len()).any(|part| part == text))
}

/// The fields of a process's `stat` that are needed, counted behind the name, which may hold anything.
struct Stat {
    state: char,
    parent: i32,
    started: u64,
}

impl Stat {
    fn read(process: &Path) -> Option<Self> {
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { state, parent, started })
    }
}

/// The file that the daemon locks.
fn lock_file(run_dir: &str) -> PathBuf {
    Path::new(run_dir).join("firewall/lock-firewall")
}

/// Whether the daemon runs: it holds a lock on `ASTRUNDIR/firewall/lock-firewall`. Only root can look into that
/// directory; others, and where the file is missing, get what [`find`] says.
pub fn is_running(run_dir: &str) -> bool {
    // The directory above belongs to asterisk: no link is followed, nothing is made, nothing waits.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match open(lock_file(run_dir), flags, Mode::empty()) {
        Ok(file) => match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => true,
            Ok(()) => false,
            Err(_) => find().is_some(),
        },
        Err(_) => find().is_some(),
    }
}

/// What the firewall service does. Root makes sure of the process; others go by its name and owner.
pub fn service(run_dir: &str) -> Service {
    let found = match find_surely(run_dir) {
        Ok(daemon) => Some(daemon),
        Err(NoDaemon::NotRunning) if rustix::process::geteuid().is_root() => None,
        Err(_) => find(),
    };
    match found {
        None => Service::Stopped,
        Some(daemon) if daemon.is_stopped() => Service::Paused,
        Some(_) if is_in_safe_mode() => Service::SafeMode,
        Some(_) => Service::Runs,
    }
}

/// What the daemon is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It sleeps between two passes, waiting for a signal.
    Sleeps,
    /// Anything else: a pass, reading its settings, starting.
    Works,
    /// Stopped by a signal while it slept between two passes.
    StoppedAsleep,
    /// Stopped by a signal in the middle of something.
    StoppedAtWork,
    /// It is no more.
    Gone,
    /// The kernel does not say.
    Unknown,
}

impl Daemon {
    fn path(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid.as_raw_nonzero()))
    }

    /// What it is doing.
    ///
    /// Asleep, its wchan is `do_sigtimedwait`. Stopped, wchan only says that it is stopped, but `syscall` still
    /// names the call it was stopped in (seen on kernel 6.18; both files are older than kernel 3.10).
    pub fn doing(self) -> Doing {
        let path = self.path();
        let Some(stat) = Stat::read(&path).filter(|stat| stat.started == self.started) else {
            return Doing::Gone;
        };
        let call = fs::read_to_string(path.join("syscall")).unwrap_or_default();
        let call = call.split_whitespace().next().unwrap_or_default();
        let in_wait = SIGTIMEDWAIT.contains(&call);
        match stat.state {
            'Z' | 'X' | 'x' => Doing::Gone,
            'T' if in_wait => Doing::StoppedAsleep,
            'T' if call.is_empty() || SIGTIMEDWAIT.is_empty() => Doing::Unknown,
            'T' => Doing::StoppedAtWork,
            // Held by a debugger.
            't' => Doing::Unknown,
            _ => match fs::read_to_string(path.join("wchan")).unwrap_or_default().trim() {
                "" | "0" if in_wait => Doing::Sleeps,
                "" | "0" if call.is_empty() => Doing::Unknown,
                place if place.starts_with("do_sigtimedwait") => Doing::Sleeps,
                _ => Doing::Works,
            },
        }
    }

    /// Whether it is stopped, by whomever.
    pub fn is_stopped(self) -> bool {
        Stat::read(&self.path()).is_some_and(|stat| stat.started == self.started && stat.state == 'T')
    }

    /// Whether it seems to have a handler for SIGHUP. Without one the signal would end it.
    fn handles_hup(self) -> bool {
        let status = fs::read_to_string(self.path().join("status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let bits = caught.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        bits & 1 == 1
    }

    /// Whether a process of a pass runs as its child: then it is not between passes, whatever it looks like.
    pub fn has_workers(self) -> bool {
        let Ok(processes) = fs::read_dir("/proc") else { return true };
        processes.flatten().any(|entry| {
            let path = entry.path();
            let is_child = Stat::read(&path)
                .is_some_and(|stat| stat.parent == self.pid.as_raw_nonzero().get() && stat.state != 'Z');
            is_child && !says(&path, MONITOR) && OF_A_PASS.iter().any(|name| says(&path, name))
        })
    }

    /// Waits until it sleeps, and says what it was doing last.
    pub fn wait_asleep(self, patience: Duration) -> Doing {
        let until = Instant::now() + patience;
        loop {
            match self.doing() {
                Doing::Works if Instant::now() < until => thread::sleep(LOOK),
                doing => return doing,
            }
        }
    }

    /// Tells it to look now, while it sleeps between two passes. Waits a little for that. Needs root.
    ///
    /// A SIGHUP in the middle of a pass is lost, and one before its handler is there ends it. Where the kernel says what
    /// it does, only its sleep shows that the handler is there: PHP catches SIGHUP from its start on, as the mask in
    /// `status` shows, and ends by it all the same (seen with PHP 8.2).
    pub fn hup(self) -> Result<(), NotTold> {
        match self.wait_asleep(PATIENCE) {
            Doing::Sleeps => {}
            Doing::Unknown if self.handles_hup() => {}
            Doing::Gone => return Err(NotTold::Gone),
            Doing::StoppedAsleep | Doing::StoppedAtWork => return Err(NotTold::Paused),
            Doing::Works | Doing::Unknown => return Err(NotTold::Busy),
        }
        Ok(self.signal(Signal::HUP)?)
    }

    /// Sends it a signal, and never to a later process with its number.
    pub fn signal(self, signal: Signal) -> rustix::io::Result<()> {
        Handle::open(self)?.signal(signal)
    }
}

/// A hold on the very process, where the kernel has that (5.3 and later).
#[derive(Debug)]
pub struct Handle {
    daemon: Daemon,
    fd: Option<OwnedFd>,
}

impl Handle {
    /// Takes hold of a running daemon.
    pub fn open(daemon: Daemon) -> rustix::io::Result<Self> {
        let fd = pidfd_open(daemon.pid, PidfdFlags::empty()).ok();
        let handle = Self { daemon, fd };
        // The hold was taken first: if it still is the daemon now, the hold is on the daemon.
        if handle.daemon.doing() == Doing::Gone { Err(Errno::SRCH) } else { Ok(handle) }
    }

    /// The process.
    pub fn daemon(&self) -> Daemon {
        self.daemon
    }

    /// Sends it a signal. Without a hold its start is compared just before.
    pub fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        match &self.fd {
            Some(fd) => pidfd_send_signal(fd, signal),
            None if self.daemon.doing() == Doing::Gone => Err(Errno::SRCH),
            None => kill_process(self.daemon.pid, signal),
        }
    }
}

#[cfg(test)]
#[path = "daemon_tests.rs"]
mod tests;
