//! What else bans here: the clients that people used before, which block the same without FreePBX knowing of it, and
//! fail2ban, which is welcome. Disabling the old ones changes what the administrator put there, so it is done only
//! when he says so, and a copy is kept of every file.

pub mod chains;
pub mod cron;
mod disable;

use std::fs;
use std::path::{Path, PathBuf};

use super::Check;
use crate::ban::{Cover, Prefix};
use crate::pbx::jails;
use crate::system::program::Programs;
use crate::system::text::count;
use chains::Found;
pub use disable::{BACKUPS, Done, disable};

/// One that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// apiban's own, for iptables or nftables.
    Apiban,
    /// VoIPBL's script.
    Voipbl,
    /// apiban's, for fail2ban: a jail of it is stopped by hand.
    Fail2ban,
}

/// Those that can be disabled.
pub const DISABLED: [Client; 2] = [Client::Apiban, Client::Voipbl];
/// Where apiban's client is installed.
pub const APIBAN_DIRECTORY: &str = "/usr/local/bin/apiban";
/// Units that apiban's installers make.
const UNITS: [&str; 4] =
    ["apiban-iptables.timer", "apiban-iptables.service", "apiban-nftables.timer", "apiban-nftables.service"];
const UNIT_PLACES: [&str; 3] = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"];
const TARGETS: [&str; 2] = ["timers.target.wants", "multi-user.target.wants"];

/// What was found of the old clients.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// Files of cron with lines of theirs.
    pub cron: Vec<(PathBuf, Client)>,
    /// Units of theirs that are enabled.
    pub units: Vec<&'static str>,
    /// What stands in the packet filter; none where it could not be asked.
    pub filter: Option<Found>,
    /// Sets of VoIPBL's script in the kernel.
    pub sets: Vec<&'static str>,
    /// Whether some lines of cron could not be read.
    pub hidden: bool,
    /// Whom each jail of fail2ban never bans; none where that could not be asked.
    pub ignored: Option<Vec<(String, Vec<Prefix>)>>,
    /// Networks in the zone Trusted, which fail2ban is to leave alone.
    pub trusted: Vec<Prefix>,
}

impl Neighbours {
    /// Looks; `programs` only as root.
    pub fn look(programs: Option<&dyn Programs>) -> Self {
        let mut found = Self { hidden: cron::some_are_hidden(), ..Self::default() };
        for (path, text) in cron::files() {
            for client in [Client::Apiban, Client::Voipbl, Client::Fail2ban] {
                if text.lines().any(|line| cron::starts(line) == Some(client)) {
                    found.cron.push((path.clone(), client));
                }
            }
        }
        let enabled = |unit: &&str| {
            let mut links = TARGETS.iter().map(|target| Path::new(UNIT_PLACES[0]).join(target).join(unit));
            UNIT_PLACES.iter().any(|place| Path::new(place).join(unit).exists())
                && links.any(|link| fs::symlink_metadata(link).is_ok())
        };
        found.units = UNITS.into_iter().filter(enabled).collect();
        if let Some(programs) = programs {
            let text = |name: &str, args: &[&str]| -> Option<String> {
                let output = programs.demand(name, args, Vec::new()).ok()?;
                Some(String::from_utf8_lossy(&output.stdout).into_owned())
            };
            found.filter = text("iptables-save", &["-t", "filter"]).map(|save| Found::new(&save));
            let sets = text("ipset", &["list", "-n"]).unwrap_or_default();
            found.ignored = jails::names(programs).ok().map(|names| {
                let ignored = |name: String| Some((name.clone(), jails::ignored(programs, &name).ok()?));
                names.into_iter().filter_map(ignored).collect()
            });
            found.sets =
                chains::SETS.into_iter().filter(|set| sets.lines().any(|line| line == *set)).collect();
        }
        found
    }

    /// What there is of one client, in words.
    pub fn of(&self, client: Client) -> Vec<String> {
        let mut all: Vec<String> = self
            .cron
            .iter()
            .filter(|(_, of)| *of == client)
            .map(|(path, _)| format!("a line in {}", path.display()))
            .collect();
        if client == Client::Apiban {
            all.extend(self.units.iter().map(|unit| (*unit).to_owned()));
        }
        if let Some(filter) = &self.filter {
            let of_client = filter.chains.iter().filter(|(_, of, _)| *of == client);
            let chains: Vec<String> = of_client
                .map(|(chain, _, rules)| format!("the chain {chain} with {}", count(*rules, "rule", "rules")))
                .collect();
            if chains.is_empty() && !filter.is_nothing(client) {
                all.push("a rule in the packet filter".to_owned());
            }
            all.extend(chains);
        }
        if client == Client::Voipbl {
            all.extend(self.sets.iter().map(|set| format!("the ipset {set}")));
        }
        all
    }

    /// Whether there is something to disable.
    pub fn can_be_disabled(&self) -> bool {
        DISABLED.iter().any(|client| !self.of(*client).is_empty())
    }

    /// The lines of `doctor`.
    pub fn checks(&self) -> Vec<Check> {
        let program = Path::new(APIBAN_DIRECTORY).is_dir();
        let mend = "banbridge doctor --disable-old-client";
        vec![
            self.check("apiban_client", Client::Apiban, "apiban's own client", mend, program),
            self.check("voipbl_script", Client::Voipbl, "VoIPBL's script", mend, false),
            self.fail2ban(),
        ]
    }

    fn check(&self, name: &str, client: Client, title: &str, mend: &str, program: bool) -> Check {
        let all = self.of(client);
        if !all.is_empty() {
            let found = format!(
                "{title} also blocks on this machine. FreePBX does not show its blocks, and it protects nobody: {}",
                all.join(", ")
            );
            Check::warning(name, found, mend)
        } else if self.hidden || self.filter.is_none() {
            Check::unknown(name, "not found; only root can look everywhere")
        } else if program {
            Check::ok(name, format!("its files are in {APIBAN_DIRECTORY}, but nothing starts it"))
        } else {
            Check::ok(name, "not found")
        }
    }

    fn fail2ban(&self) -> Check {
        let name = "fail2ban";
        if self.cron.iter().any(|(_, client)| *client == Client::Fail2ban) {
            let found =
                "apiban's client for fail2ban blocks the same addresses again, with a process for each";
            return Check::warning(name, found, "remove its line from cron, then: fail2ban-client stop JAIL");
        }
        // Several releases of FreePBX lost the list, and banned the office.
        for (jail, ignored) in self.ignored.iter().flatten() {
            let cover = Cover::new(ignored);
            let lost: Vec<String> =
                self.trusted.iter().filter(|one| !cover.contains(one)).map(Prefix::to_string).collect();
            if !lost.is_empty() {
                let found = format!(
                    "its jail {jail} may ban whom the firewall trusts: it does not ignore {} of {} in the zone Trusted, such as {}",
                    lost.len(),
                    count(self.trusted.len(), "network", "networks"),
                    lost[0]
                );
                let mend = format!(
                    "in FreePBX: Firewall, Intrusion Detection, Import: Trusted Zone, then restart it; or: fail2ban-client \
                     set {jail} addignoreip {}",
                    lost[0]
                );
                return Check::warning(name, found, mend);
            }
        }
        Check::ok(
            name,
            match runs(b"fail2ban-server") {
                true => "running; it sees who attacks you, the feeds know who attacked others",
                false => "not running; banbridge does not need it",
            },
        )
    }
}

/// Whether a process of this name runs.
fn runs(name: &[u8]) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .any(|entry| fs::read(entry.path().join("comm")).is_ok_and(|comm| comm.trim_ascii() == name))
}
