//! The firewall's daemon: is it there, and telling it to look now.
//!
//! It is a PHP process of root that makes a pass every 15 to 120 seconds, and at once on SIGHUP. SIGHUP is the one
//! way to make it look that disturbs nothing: `fwconsole firewall restart` leaves the PBX without any rule for
//! seconds. A SIGHUP that comes in the middle of a pass is lost, so it is sent while the daemon sleeps.
//!
//! Note that nothing of ours may carry the daemon's name in its argument list: the module's stop hook kills every
//! process that does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// What the daemon's command line holds.
const NAME: &[u8] = b"hooks/voipfirewalld";
/// How long to wait for the end of a pass before sending SIGHUP all the same. A pass over 10,000 entries takes a
/// minute and more; the next pass is never further away than its period.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daemon {
    /// Its process.
    pub pid: Pid,
}

/// Finds the daemon: the oldest process of root whose command line holds its name. A younger process that watches
/// over it matches too, and so does anything that another user names like it, hence root's and the oldest.
pub fn find() -> Option<Daemon> {
    let mut best: Option<(u64, i32)> = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(command) = fs::read(entry.path().join("cmdline")) else { continue };
        if !command.windows(NAME.len()).any(|part| part == NAME) {
            continue;
        }
        if entry.metadata().map(|meta| meta.uid()).ok() != Some(0) {
            continue;
        }
        let Some(started) = started(&entry.path()) else { continue };
        if best.is_none_or(|best| (started, pid) < best) {
            best = Some((started, pid));
        }
    }
    best.and_then(|(_, pid)| Pid::from_raw(pid)).map(|pid| Daemon { pid })
}

/// When a process was started, in clock ticks since boot: field 22 of its `stat`, counted behind the name, which may
/// hold anything.
fn started(process: &Path) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Whether the daemon runs: it holds a lock on `ASTRUNDIR/firewall/lock-firewall`. Only root can look into that
/// directory; others, and where the file is missing, get what [`find`] says.
pub fn is_running(run_dir: &str) -> bool {
    let path = Path::new(run_dir).join("firewall/lock-firewall");
    // The directory above belongs to asterisk: no link is followed, nothing is made, nothing waits.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match open(&path, flags, Mode::empty()) {
        Ok(file) => match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => true,
            Ok(()) => false,
            Err(_) => find().is_some(),
        },
        Err(_) => find().is_some(),
    }
}

impl Daemon {
    /// Whether it sleeps between two passes: then it waits for a signal.
    fn sleeps(self) -> bool {
        let wchan = format!("/proc/{}/wchan", self.pid.as_raw_nonzero());
        fs::read_to_string(wchan).is_ok_and(|place| place.starts_with("do_sigtimedwait"))
    }

    /// Tells it to look now. Waits a little for the end of a pass, so that the signal is not lost. Needs root.
    pub fn hup(self) -> rustix::io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.sleeps() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        kill_process(self.pid, Signal::HUP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_process_is_read_behind_its_name() {
        assert!(started(Path::new("/proc/self")).unwrap() > 0);
    }

    #[test]
    fn a_lock_that_nobody_holds_is_no_running_daemon() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("firewall")).unwrap();
        let path = dir.path().join("firewall/lock-firewall");
        fs::write(&path, "").unwrap();
        assert!(!is_running(dir.path().to_str().unwrap()));
        let held = fs::File::open(&path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(is_running(dir.path().to_str().unwrap()));
    }
}
