//! The firewall daemon and its rules, from the tests' side.

use super::{Sandbox, until};
use std::fs;

/// The two `iptables` programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// One pass of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    pub number: u32,
    /// `first`, `period` or `hup`.
    pub why: String,
    /// Seconds since 1970.
    pub start: f64,
    /// None while it runs.
    pub end: Option<f64>,
    /// Processes that it started.
    pub processes: u32,
}

impl Sandbox {
    /// The passes since the sandbox started. A restarted daemon counts from 1 again.
    pub fn passes(&self) -> Vec<Pass> {
        let log = self.outside("/var/log/asterisk/firewall-passes.log");
        let mut passes: Vec<Pass> = Vec::new();
        for line in fs::read_to_string(log).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let time: f64 = words[0].parse().expect("a time");
            if words[4] == "start" {
                passes.push(Pass {
                    number: words[2].parse().expect("a number"),
                    why: words[3].into(),
                    start: time,
                    end: None,
                    processes: 0,
                });
            } else if let Some(last) = passes.last_mut() {
                last.end = Some(time);
                last.processes = words[5].trim_start_matches("processes=").parse().expect("a number");
            }
        }
        passes
    }

    /// Waits for a pass to end that begins after this call.
    #[track_caller]
    pub fn wait_pass(&self) -> Pass {
        self.wait_pass_after(self.passes().len())
    }

    /// Waits for the end of the pass that follows the first `seen` ones.
    #[track_caller]
    pub fn wait_pass_after(&self, seen: usize) -> Pass {
        let mut found = None;
        until("a pass of the firewall daemon", || {
            found = self.passes().into_iter().nth(seen).filter(|pass| pass.end.is_some());
            found.is_some()
        });
        found.expect("a pass")
    }

    /// Process id, inside, of the daemon: the oldest process with its name in the arguments.
    pub fn daemon(&self) -> Option<u32> {
        let mut pids: Vec<u32> = fs::read_dir(self.outside("/proc"))
            .expect("the sandbox's processes")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                fs::read_to_string(self.outside(format!("/proc/{pid}/cmdline")))
                    .is_ok_and(|line| line.contains("hooks/voipfirewalld"))
            })
            .collect();
        pids.sort_unstable();
        pids.first().copied()
    }

    /// Whether the daemon sleeps between two passes, where it can be told to run one.
    pub fn daemon_sleeps(&self) -> bool {
        self.daemon().is_some_and(|pid| {
            fs::read_to_string(self.outside(format!("/proc/{pid}/wchan")))
                .is_ok_and(|place| place.starts_with("do_sigtimedwait"))
        })
    }

    /// The daemon's state letter, such as `S` or, stopped, `T`.
    pub fn daemon_state(&self) -> Option<char> {
        let stat = fs::read_to_string(self.outside(format!("/proc/{}/stat", self.daemon()?))).ok()?;
        stat.rsplit(") ").next()?.chars().next()
    }

    /// Sends the daemon a signal, such as `HUP` or `STOP`, whatever it is doing.
    #[track_caller]
    pub fn signal_daemon(&self, signal: &str) {
        let pid = self.daemon().expect("a running daemon").to_string();
        self.run(&["kill", "-s", signal, &pid]).ok();
    }

    /// Waits until the daemon sleeps, wakes it by SIGHUP and waits for the pass.
    #[track_caller]
    pub fn hup(&self) -> Pass {
        until("the firewall daemon to sleep", || self.daemon_sleeps());
        let seen = self.passes().len();
        self.signal_daemon("HUP");
        self.wait_pass_after(seen)
    }

    /// Kills the daemon and leaves its rules, as a crash does.
    pub fn kill_daemon(&self) {
        self.run(&["pkill", "-KILL", "-f", "voipfirewalld"]).ok();
        until("the firewall daemon to end", || self.daemon().is_none());
    }

    /// Starts the daemon and waits for its first pass.
    pub fn start_daemon(&self) {
        let seen = self.passes().len();
        self.fwconsole(&["firewall", "start"]).ok();
        self.wait_pass_after(seen);
    }

    /// `fwconsole firewall restart`, and waits for the new daemon's first pass.
    pub fn restart_firewall(&self) {
        let seen = self.passes().len();
        self.fwconsole(&["firewall", "restart"]).ok();
        self.wait_pass_after(seen);
    }

    /// Lets the next pass stop between its snapshot of the rules and its reading of the database.
    pub fn hold_after_snapshot(&self) {
        self.write_file("/var/lib/sandbox/hold-after-snapshot", "");
    }

    /// Waits until a pass stands there.
    #[track_caller]
    pub fn wait_held(&self) {
        let held = self.outside("/var/lib/sandbox/held");
        until("a pass to take its snapshot", || held.exists());
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.remove_file("/var/lib/sandbox/hold-after-snapshot");
    }

    /// The rules of an iptables chain as `iptables-save` prints them, without `-A CHAIN`.
    #[track_caller]
    pub fn chain(&self, family: Family, chain: &str) -> Vec<String> {
        let program = match family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        let prefix = format!("-A {chain} ");
        let text = self.run(&[program, "-S", chain]).ok();
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The rules of `fpbxblacklist` for IPv4.
    #[track_caller]
    pub fn rules(&self) -> Vec<String> {
        self.chain(Family::V4, "fpbxblacklist")
    }

    /// The elements of a set of an nftables table such as `inet fpbx`, as nft writes them.
    #[track_caller]
    pub fn elements(&self, table: &str, set: &str) -> Vec<String> {
        let mut words = vec!["nft", "list", "set"];
        words.extend(table.split(' '));
        words.push(set);
        let text = self.run(&words).ok();
        let Some((_, after)) = text.split_once("elements = {") else {
            return Vec::new();
        };
        let (inner, _) = after.split_once('}').expect("a closing brace");
        inner.split(',').map(|element| element.trim().to_owned()).collect()
    }
}

/// The text of the daemon's rule for an address or network with its length.
pub fn rule(network: &str) -> String {
    format!("-s {network} -j REJECT --reject-with icmp-port-unreachable")
}
