//! What blocks an address on this PBX besides banbridge: fail2ban's jails, and the firewall's own rate limiter. An
//! address that is allowed is taken out of them too, by root.

use serde::Serialize;

use super::report::Report;
use super::session::Session;
use crate::ban::plan::Driver;
use crate::ban::target::{self, Target};
use crate::ban::{Cover, Prefix};
use crate::kernel::rate_limiter;
use crate::ledger::StateKey;
use crate::pbx::jails::{self, JailError};
use crate::run::Environment;
use crate::system::failure::Result;
use crate::system::time::{Time, machine_zone};

/// Who else blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// `fail2ban` or `rate_limiter`.
    pub by: &'static str,
    /// The jail, or the rate limiter's list.
    pub name: String,
    /// Until when; none where nobody says it.
    pub until: Option<Time>,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.by {
            "fail2ban" => write!(f, "fail2ban's jail {}", self.name)?,
            _ => write!(f, "the firewall's rate limiter (Responsive Firewall, {})", self.name)?,
        }
        self.until.map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}

/// Everything else that blocks an address, and what could not be asked, in words.
pub fn blockers(environment: &Environment, driver: Driver, address: &Prefix) -> (Vec<Blocker>, Vec<String>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    match environment.is_root {
        true => match jails::banned(&environment.programs, &[]) {
            Ok(jails) => {
                for jail in jails {
                    let bans = jails::read(&jail.text, machine_zone());
                    let of = bans.iter().filter(|ban| Cover::new([&ban.prefix]).overlaps(address));
                    found.extend(of.map(|ban| Blocker {
                        by: "fail2ban",
                        name: jail.name.clone(),
                        until: ban.until.map(Time),
                    }));
                }
            }
            Err(JailError::Missing | JailError::NotRunning) => {}
            Err(error) => unknown.push(error.to_string()),
        },
        false if jails::is_installed() => {
            unknown.push("only root can ask fail2ban: banbridge check as root".to_owned());
        }
        false => {}
    }
    let lists = rate_limiter::refuses(&environment.programs, driver, address, environment.is_root);
    found.extend(lists.into_iter().map(|list| Blocker {
        by: "rate_limiter",
        name: list.to_owned(),
        until: None,
    }));
    (found, unknown)
}

impl Session {
    /// Takes whoever was allowed since root's last run out of fail2ban's jails and the rate limiter. What could not be done
    /// is a warning.
    pub(super) fn release_the_allowed(&mut self, report: &mut Report) -> Result<()> {
        let since = self.ledger.state(StateKey::RootRun)?.unwrap_or(0);
        let names = self.ledger.names()?;
        let mut new: Vec<Prefix> = Vec::new();
        for allowed in self.ledger.allowed()?.iter().filter(|allowed| allowed.since >= since) {
            match target::target(&allowed.target) {
                Some(Target::Prefix(prefix)) => new.push(prefix),
                Some(Target::Name(name) | Target::Service(name)) => {
                    new.extend(names.get(&name).into_iter().flatten().copied().map(Prefix::host));
                }
                None => {}
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let cover = Cover::new(&new);
        let programs = self.environment.programs;
        match jails::banned(&programs, &[]) {
            Ok(all) => {
                // Whoever is the asterisk user can write the allow list, and is not to open the way to a shell.
                for jail in all.into_iter().filter(|jail| self.root_allows || !jail.name.contains("ssh")) {
                    for ban in jails::read(&jail.text, machine_zone()) {
                        if !cover.contains(&ban.prefix) {
                            continue;
                        }
                        match jails::unban(&programs, &jail.name, &ban.prefix) {
                            Ok(()) => report.release(format!("{} from fail2ban's jail {}", ban.prefix, jail.name)),
                            Err(error) => report.warn(format!(
                                "{} is allowed, but still banned by fail2ban's jail {}: {error}. Lift it: fail2ban-client \
                                 set {1} unbanip {0}",
                                ban.prefix, jail.name
                            )),
                        }
                    }
                }
            }
            Err(JailError::Missing | JailError::NotRunning) => {}
            Err(error) => log::debug!("fail2ban was not asked: {error}"),
        }
        for prefix in new {
            if rate_limiter::release(&programs, self.saved.firewall.driver, &prefix) {
                report.release(format!("{prefix} from the firewall's rate limiter"));
            }
        }
        Ok(())
    }
}
