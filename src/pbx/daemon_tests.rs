use super::*;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A process that stands for the daemon where only its being a process matters. It ends with all that it started.
struct Sleeper(Child);

impl Sleeper {
    fn start(words: &[&str]) -> (Self, Daemon) {
        let child =
            Command::new(words[0]).args(&words[1..]).stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let started = Stat::read(&PathBuf::from(format!("/proc/{}", child.id()))).unwrap().started;
        (Self(child), Daemon { pid, started })
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

fn soon(condition: impl Fn() -> bool) -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        condition()
    })
}

#[test]
fn the_start_of_a_process_is_read_behind_its_name() {
    assert!(Stat::read(Path::new("/proc/self")).unwrap().started > 0);
}

#[test]
fn a_lock_that_nobody_holds_is_no_running_daemon() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("firewall")).unwrap();
    let path = dir.path().join("firewall/lock-firewall");
    fs::write(&path, "").unwrap();
    let run_dir = dir.path().to_str().unwrap();
    assert!(!is_running(run_dir));
    let held = fs::File::open(&path).unwrap();
    flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(is_running(run_dir));
    // Whoever holds it, he is not called like the daemon.
    assert_eq!(find_surely(run_dir), Err(NoDaemon::NotRunning));
}

#[test]
fn a_process_with_the_number_of_the_daemon_but_another_start_is_never_signalled() {
    let (mut child, daemon) = Sleeper::start(&["sleep", "60"]);
    let impostor = Daemon { started: daemon.started + 1, ..daemon };
    assert_eq!(impostor.doing(), Doing::Gone);
    assert!(!impostor.is_stopped());
    assert_eq!(impostor.signal(Signal::KILL), Err(Errno::SRCH));
    let without_hold = Handle { daemon: impostor, fd: None };
    assert_eq!(without_hold.signal(Signal::KILL), Err(Errno::SRCH));
    thread::sleep(Duration::from_millis(50));
    assert!(child.0.try_wait().unwrap().is_none());
}

#[test]
fn a_process_that_does_not_sleep_between_two_passes_is_not_sent_a_hangup() {
    // A shell that catches it, or seems to, as PHP does from its start on.
    for script in ["exec sleep 60", "trap : HUP; sleep 60 & wait"] {
        let (mut child, daemon) = Sleeper::start(&["bash", "-c", script]);
        assert!(
            soon(|| says(&daemon.path(), b"sleep") && daemon.handles_hup() == script.contains("trap")),
            "{script}"
        );
        assert_eq!(daemon.hup(), Err(NotTold::Busy), "{script}");
        thread::sleep(Duration::from_millis(50));
        assert!(child.0.try_wait().unwrap().is_none(), "{script}");
    }
}

#[test]
fn one_that_is_stopped_outside_its_sleep_is_stopped_at_work() {
    let (_child, daemon) = Sleeper::start(&["sleep", "60"]);
    assert!(soon(|| says(&daemon.path(), b"sleep")));
    assert_eq!(daemon.doing(), Doing::Works);
    daemon.signal(Signal::STOP).unwrap();
    assert!(soon(|| daemon.is_stopped()));
    assert_eq!(daemon.doing(), Doing::StoppedAtWork);
}

#[test]
fn one_that_ended_is_gone() {
    let (mut child, daemon) = Sleeper::start(&["sleep", "60"]);
    child.0.kill().unwrap();
    assert!(soon(|| daemon.doing() == Doing::Gone));
    child.0.wait().unwrap();
    assert_eq!(daemon.doing(), Doing::Gone);
    assert!(Handle::open(daemon).is_err());
}

#[test]
fn one_whose_child_does_a_pass_has_workers_and_one_whose_monitor_runs_has_none() {
    // Shells that wait for a child of another name.
    let parent = |name: &str| Sleeper::start(&["bash", "-c", &format!("(exec -a {name} sleep 60) & wait")]);
    let (_pass, at_work) = parent("/hooks/getservices");
    assert!(soon(|| at_work.has_workers()));
    let (_monitor, watched) = parent("/hooks/voipfirewalld-iptables-monitor");
    let children = || {
        let child = |entry: fs::DirEntry| Stat::read(&entry.path()).map(|stat| (stat.parent, entry.path()));
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(child);
        all.filter(|(parent, _)| *parent == watched.pid.as_raw_nonzero().get()).collect::<Vec<_>>()
    };
    assert!(soon(|| children().iter().any(|(_, path)| says(path, MONITOR))));
    assert!(!watched.has_workers());
    let (_idle, idle) = Sleeper::start(&["sleep", "60"]);
    assert!(!idle.has_workers());
}
