use super::*;
use std::os::unix::fs::PermissionsExt;

use rustix::process::kill_process;

/// A process in the place of the daemon, which sleeps somewhere else than the daemon does.
struct Other(Child);

impl Other {
    fn start() -> (Self, Daemon) {
        let child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let started = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
        (Self(child), Daemon { pid, started })
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program in the place of the watch.
fn watcher(dir: &tempfile::TempDir, script: &str) -> Watcher {
    let program = dir.path().join("watch");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Watcher { program }
}

#[test]
fn one_that_is_caught_outside_its_sleep_is_set_going_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_other, daemon) = Other::start();
    let mut freezer = Freezer::new(&watcher(&dir, "echo watching; cat >/dev/null"), daemon).unwrap();
    assert_eq!(freezer.stop().unwrap(), Doing::StoppedAtWork);
    assert!(!daemon.is_stopped());
    let busy = freezer.freeze(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(busy, NotFrozen::Busy(_)), "{busy}");
}

#[test]
fn without_a_watch_nothing_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (_other, daemon) = Other::start();
    for script in ["exit 1", "echo something else", "exec >&-; sleep 0.1"] {
        let error = Freezer::new(&watcher(&dir, script), daemon).unwrap_err();
        assert!(matches!(error, NotFrozen::NoWatch(_)), "{script}: {error}");
    }
    // One that ends after it has reported, and cannot be started anew.
    let once = "[ -e \"$0.done\" ] && exit 1; touch \"$0.done\"; echo watching; exec <&-";
    let mut freezer = Freezer::new(&watcher(&dir, once), daemon).unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(matches!(freezer.stop(), Err(NotFrozen::NoWatch(_))));
    assert!(!daemon.is_stopped());
}

#[test]
fn a_later_process_with_the_daemons_number_is_not_taken_hold_of() {
    let dir = tempfile::tempdir().unwrap();
    let (_other, daemon) = Other::start();
    let later = Daemon { started: daemon.started + 1, ..daemon };
    let error = Freezer::new(&watcher(&dir, "echo watching; cat >/dev/null"), later).unwrap_err();
    assert!(matches!(error, NotFrozen::Gone), "{error}");
    assert!(watch(&[later.pid.as_raw_nonzero().to_string(), later.started.to_string()]).is_err());
}

#[test]
fn one_that_was_left_stopped_is_set_going() {
    let (_other, daemon) = Other::start();
    assert!(!thaw_if_stopped(daemon));
    kill_process(daemon.pid, Signal::STOP).unwrap();
    while !daemon.is_stopped() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!thaw_if_stopped(Daemon { started: 1, ..daemon }));
    assert!(daemon.is_stopped());
    assert!(thaw_if_stopped(daemon));
    thread::sleep(Duration::from_millis(20));
    assert!(!daemon.is_stopped());
}
