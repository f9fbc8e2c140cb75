//! Packets at the PBX's door.

use super::{Run, Sandbox};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, Stdio};

pub use Source::{Attacker, Phone};

/// Who sends, and from which address.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Anyone on the internet: every global address will do.
    Attacker(&'a str),
    /// The phone in the office: one of the `PHONE` addresses.
    Phone(&'a str),
}

/// What became of a SIP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    Answered,
    /// An ICMP error came back.
    Refused,
    Silent,
}

impl Sandbox {
    /// The phone's addresses: in the office's network, which is Trusted, and public ones.
    pub const PHONE: &'static str = "192.168.77.20";
    pub const PHONE_PUBLIC: &'static str = "212.58.244.20";
    pub const PHONE_V6: &'static str = "2a02:2e02:200::20";
    /// The PBX's own addresses towards the internet and the office.
    pub const WAN: &'static str = "81.2.69.142";
    pub const WAN_V6: &'static str = "2a02:2e02:100::142";
    pub const LAN: &'static str = "192.168.77.1";
    pub const LAN_V6: &'static str = "2a02:2e02:200::1";

    /// Sends a SIP request from a new port.
    #[track_caller]
    pub fn probe(&self, source: Source<'_>) -> Probe {
        self.probe_from_port(source, 0)
    }

    /// Sends a SIP request from a certain port: from the same port again, it is the same flow.
    #[track_caller]
    pub fn probe_from_port(&self, source: Source<'_>, port: u16) -> Probe {
        let (net, from, to) = route(source);
        let mut command = self.enter(&["--net", net], "probe");
        let output = command.args([from, to, &port.to_string()]).output().expect("probe");
        match String::from_utf8_lossy(&output.stdout).trim() {
            "answered" => Probe::Answered,
            "refused" => Probe::Refused,
            "silent" => Probe::Silent,
            _ => panic!("probe from {from}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Runs a command at the attacker's end of the wire and waits for it.
    #[track_caller]
    pub fn run_at_attacker(&self, words: &[&str]) -> Run {
        super::run(self.enter(&["--net", "attacker"], words[0]).args(&words[1..]))
    }

    /// Sends this many SIP requests a second until it is stopped.
    pub fn flood(&self, source: Source<'_>, rate: u32) -> Flood {
        let (net, from, to) = route(source);
        let mut child = self
            .enter(&["--net", net], "flood")
            .args([from, to, &rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("flood");
        Flood { hold: child.stdin.take(), child }
    }
}

/// Requests sent all the while; dropped, it goes on until the sandbox ends.
pub struct Flood {
    hold: Option<ChildStdin>,
    child: Child,
}

/// What a flood sent and what came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Counts {
    pub sent: u64,
    pub answered: u64,
    pub refused: u64,
}

impl Flood {
    /// Ends it and counts.
    pub fn stop(mut self) -> Counts {
        drop(self.hold.take());
        let output = self.child.wait_with_output().expect("flood");
        serde_json::from_slice(&output.stdout).expect("the flood's counts")
    }
}

fn route(source: Source<'_>) -> (&'static str, &str, &'static str) {
    let (net, from, v4, v6) = match source {
        Attacker(from) => ("attacker", from, Sandbox::WAN, Sandbox::WAN_V6),
        Phone(from) => ("phone", from, Sandbox::LAN, Sandbox::LAN_V6),
    };
    let address: IpAddr = from.parse().expect("an address");
    (net, from, if address.is_ipv4() { v4 } else { v6 })
}
