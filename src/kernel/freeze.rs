//! Holding the firewall's daemon still while rows and chain are changed together, and never for longer.
//!
//! A pass that begins between the rows and the chain sees only one of the two, and then starts a process for each
//! difference. So the daemon is stopped by SIGSTOP for the moment of the change, while it sleeps between two passes.
//!
//! A stopped daemon is a firewall that no longer follows its administrator, so it is set going again whatever happens
//! here: on every way out by [`Frozen`]'s drop, and where we are killed by a process of its own, the watch. The watch
//! is this same program, holds the other end of a pipe to us, and sends SIGCONT when the pipe closes or when its time
//! is over. It ignores the signals that end a whole group of processes, and asks the kernel not to choose it when
//! memory runs out. Where even the watch is killed, the next run finds the daemon stopped and sets it going.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal};

use crate::pbx::daemon::{self, Daemon, Doing, Handle};

/// The daemon is never held still for longer than this, even if we are.
pub const LONGEST: Duration = Duration::from_secs(2);
/// How long a signal to stop may take to work.
const STOPS_WITHIN: Duration = Duration::from_millis(250);
/// The hidden command that runs [`watch`].
pub const COMMAND: &str = "thaw-watch";

/// What we tell the watch.
const FREEZING: u8 = b'f';
const THAWED: u8 = b't';

/// Why the daemon could not be held still.
#[derive(Debug, thiserror::Error)]
pub enum NotFrozen {
    /// It ended.
    #[error("the firewall service ended meanwhile")]
    Gone,
    /// It never slept.
    #[error("the firewall service was busy with a pass for {} s", .0.as_secs())]
    Busy(Duration),
    /// The kernel does not say enough.
    #[error("the kernel does not say what the firewall service is doing")]
    Unknown,
    /// Nobody would set it going if we were killed.
    #[error("cannot start the watch over the firewall service ({0})")]
    NoWatch(io::Error),
    /// It cannot be signalled.
    #[error("cannot pause the firewall service ({0})")]
    Signal(#[from] rustix::io::Errno),
}

/// How the watch is started: by which program, with which words before the process's number and start.
#[derive(Debug, Clone)]
pub struct Watcher {
    program: PathBuf,
}

impl Default for Watcher {
    /// This very program, also when its file was replaced meanwhile.
    fn default() -> Self {
        Self { program: PathBuf::from(format!("/proc/{}/exe", std::process::id())) }
    }
}

/// The watch, from our side.
#[derive(Debug)]
struct Watch {
    child: Child,
}

impl Watch {
    /// Starts it and waits until it has hold of the daemon.
    fn start(watcher: &Watcher, daemon: Daemon) -> io::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        // The shell's traps outlast exec: the watch ignores what ends all of a group or a service at once.
        let child = Command::new("/bin/sh")
            .args(["-c", r#"trap "" HUP INT QUIT TERM; exec "$@""#, "sh"])
            .arg(&watcher.program)
            .args([COMMAND, &daemon.pid.as_raw_nonzero().to_string(), &daemon.started.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        let mut watch = Self { child };
        let mut line = String::new();
        if let Some(out) = watch.child.stdout.take() {
            BufReader::new(out.take(16)).read_line(&mut line)?;
        }
        if line == "watching\n" { Ok(watch) } else { Err(io::Error::other("it did not start")) }
    }

    fn tell(&mut self, what: u8) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(pipe) => pipe.write_all(&[what]),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The end of the pipe is the end of the watch.
        drop(self.child.stdin.take());
        let until = Instant::now() + Duration::from_secs(1);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The watch itself: what the hidden command does. Its words are the daemon's number and start.
///
/// Returns when the pipe on standard input closed or its time was over; the daemon goes on in both cases.
pub fn watch(words: &[String]) -> io::Result<()> {
    let daemon = match words {
        [pid, started] => pid.parse().ok().and_then(Pid::from_raw).zip(started.parse().ok()),
        _ => None,
    };
    let Some((pid, started)) = daemon else { return Err(io::ErrorKind::InvalidInput.into()) };
    // Needs root and is no loss where it fails.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    let handle = Handle::open(Daemon { pid, started })?;
    let (sender, said) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut byte = [0];
        while matches!(io::stdin().read(&mut byte), Ok(1)) && sender.send(byte[0]).is_ok() {}
    })?;
    io::stdout().write_all(b"watching\n")?;
    io::stdout().flush()?;
    let mut until: Option<Instant> = None;
    loop {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        match said.recv_timeout(left) {
            Ok(FREEZING) => until = Some(Instant::now() + LONGEST),
            Ok(THAWED) => until = None,
            // Whether it is stopped or not: this signal does nothing to a process that runs.
            _ => break,
        }
    }
    handle.signal(Signal::CONT)?;
    Ok(())
}

/// Holds the daemon still, once or several times.
#[derive(Debug)]
pub struct Freezer {
    handle: Handle,
    watcher: Watcher,
    watch: Watch,
}

impl Freezer {
    /// Starts the watch over a daemon.
    pub fn new(watcher: &Watcher, daemon: Daemon) -> Result<Self, NotFrozen> {
        let handle = Handle::open(daemon).map_err(|_| NotFrozen::Gone)?;
        let watch = Watch::start(watcher, daemon).map_err(NotFrozen::NoWatch)?;
        Ok(Self { handle, watcher: watcher.clone(), watch })
    }

    /// The daemon.
    pub fn daemon(&self) -> Daemon {
        self.handle.daemon()
    }

    /// Waits until the daemon sleeps between two passes, and stops it there.
    pub fn freeze(&mut self, patience: Duration) -> Result<Frozen<'_>, NotFrozen> {
        let until = Instant::now() + patience;
        loop {
            match self.daemon().wait_asleep(until.saturating_duration_since(Instant::now())) {
                Doing::Sleeps => {}
                Doing::Gone => return Err(NotFrozen::Gone),
                Doing::Unknown => return Err(NotFrozen::Unknown),
                Doing::Works => return Err(NotFrozen::Busy(patience)),
                Doing::StoppedAsleep | Doing::StoppedAtWork => {
                    self.handle.signal(Signal::CONT)?;
                    thread::sleep(Duration::from_millis(10));
                }
            }
            match self.stop()? {
                Doing::StoppedAsleep => {
                    let since = Instant::now();
                    return Ok(Frozen { freezer: self, since, thawed: false });
                }
                Doing::Gone => return Err(NotFrozen::Gone),
                Doing::Unknown => return Err(NotFrozen::Unknown),
                // It woke up just before. Another try when it sleeps again.
                _ if Instant::now() >= until => return Err(NotFrozen::Busy(patience)),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// One try. What it returns other than [`Doing::StoppedAsleep`] leaves the daemon going.
    fn stop(&mut self) -> Result<Doing, NotFrozen> {
        if self.watch.tell(FREEZING).is_err() {
            // It ended: its time was over in an earlier try, or somebody killed it.
            self.watch = Watch::start(&self.watcher, self.daemon()).map_err(NotFrozen::NoWatch)?;
            self.watch.tell(FREEZING).map_err(NotFrozen::NoWatch)?;
        }
        let mut frozen = Frozen { since: Instant::now(), thawed: false, freezer: self };
        frozen.freezer.handle.signal(Signal::STOP)?;
        let daemon = frozen.freezer.daemon();
        let doing = loop {
            match daemon.doing() {
                Doing::Sleeps | Doing::Works if frozen.since.elapsed() < STOPS_WITHIN => {
                    thread::sleep(Duration::from_micros(200));
                }
                Doing::StoppedAsleep if daemon.has_workers() => break Doing::StoppedAtWork,
                doing => break doing,
            }
        };
        // Handed on to the caller's guard, or dropped here.
        frozen.thawed = doing == Doing::StoppedAsleep;
        Ok(doing)
    }
}

/// The daemon is held still as long as this lives.
#[derive(Debug)]
pub struct Frozen<'a> {
    freezer: &'a mut Freezer,
    since: Instant,
    thawed: bool,
}

impl Frozen<'_> {
    /// Whether it still is: the watch may have set it going, or somebody killed it.
    pub fn holds(&self) -> bool {
        self.since.elapsed() < LONGEST && self.freezer.daemon().doing() == Doing::StoppedAsleep
    }

    /// Sets it going. Returns for how long it was held, and whether it was to the end.
    pub fn thaw(mut self) -> (Duration, bool) {
        let held = self.holds();
        self.go_on();
        (self.since.elapsed().min(LONGEST), held)
    }

    fn go_on(&mut self) {
        if !self.thawed {
            self.thawed = true;
            // An error means that it is no more, or the watch's hold is as good as ours.
            let _ = self.freezer.handle.signal(Signal::CONT);
            let _ = self.freezer.watch.tell(THAWED);
        }
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.go_on();
    }
}

/// Sets a daemon going that somebody left stopped: a run of ours that was killed together with its watch, or an
/// administrator. To be called only where no other run can be at work. Returns whether it was stopped.
pub fn thaw_if_stopped(daemon: Daemon) -> bool {
    daemon.is_stopped() && daemon.signal(Signal::CONT).is_ok()
}

/// Sets the daemon going when it stands still for longer than any run of ours holds it ([`LONGEST`]): then the run that
/// stopped it and its watch are no more, or somebody else stopped it. Needs neither configuration nor database, so that
/// nothing that is wrong there leaves the firewall paused. Returns whether it was.
pub fn thaw_if_abandoned() -> bool {
    let Some(daemon) = daemon::find() else { return false };
    let since = Instant::now();
    while daemon.is_stopped() {
        if since.elapsed() > LONGEST {
            return thaw_if_stopped(daemon);
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

#[cfg(test)]
#[path = "freeze_tests.rs"]
mod tests;
