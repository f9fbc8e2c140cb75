//! What you decided, as one value: the configuration with its key, the allow list, and what you unblocked. What feeds
//! list is not part of it: they are fetched again.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::change::{Applied, change_or_leave};
use super::context::{Context, Environment};
use super::edit_config;
use super::protect::learn_allowed;
use crate::ban::Prefix;
use crate::ban::entry::NEVER;
use crate::ban::target::Target;
use crate::config::{Allow, Config};
use crate::ledger::Ledger;
use crate::ledger::allow::Allowed;
use crate::ledger::rows::Unblocked;
use crate::pbx::names::System;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};
use crate::system::files;

/// The form of what is written.
const FORM: u32 = 1;
/// The most that is read, in bytes.
pub const MOST: u64 = 32 << 20;
/// The most entries of each list.
const MOST_ENTRIES: usize = 100_000;
/// How many seconds a restore waits for another run.
const PATIENCE: u8 = 20;

/// A backup. It contains the key.
#[derive(Serialize, Deserialize)]
pub struct Backup {
    /// Tells this from any other JSON.
    banbridge_backup: u32,
    version: String,
    /// The text of the configuration; none if there is no file.
    configuration: Option<String>,
    allowed: Vec<AllowedEntry>,
    unblocked: Vec<Together>,
}

/// One entry of the allow list. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct AllowedEntry {
    target: String,
    comment: Option<String>,
    since: i64,
}

/// What was unblocked together. To empty the blacklist unblocks thousands, and what FreePBX's backup gives back must fit
/// into one request.
#[derive(Serialize, Deserialize)]
struct Together {
    since: i64,
    until: i64,
    addresses: Vec<String>,
}

/// Why a backup cannot be restored. Nothing was changed. No message quotes it: it may contain the key.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is too large.
    #[error("the backup is larger than {MOST} bytes. Nothing was changed.")]
    TooLarge,
    /// It is something else.
    #[error("not a banbridge backup (line {line}, column {column}). Nothing was changed.")]
    NotABackup {
        /// Where reading it ended.
        line: usize,
        /// And in which column.
        column: usize,
    },
    /// It is of another version's form.
    #[error("the backup has form {0}, which needs another version of banbridge. Nothing was changed.")]
    Form(u32),
    /// Its configuration is too large.
    #[error("the backup's configuration is larger than {} bytes. Nothing was changed.", edit_config::MOST)]
    LargeConfiguration,
    /// It has too many entries.
    #[error("the backup contains more than {MOST_ENTRIES} entries of one kind. Nothing was changed.")]
    TooMany,
    /// An entry of the allow list is invalid.
    #[error("the backup's allow list: {0}. Nothing was changed.")]
    Allowed(String),
    /// An unblocked address is invalid.
    #[error("the backup's unblocked addresses: {address:?}: {why}. Nothing was changed.")]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// An unblocked address has an impossible time.
    #[error("the backup contains an unblocked address with an invalid time. Nothing was changed.")]
    Time,
}

impl Classify for BackupError {
    fn exit(&self) -> Exit {
        Exit::Unusable
    }
}

/// What a valid backup contains.
#[derive(Debug)]
pub struct Decisions {
    configuration: Option<String>,
    allowed: Vec<Allowed>,
    /// The host names among the allowed, whose addresses must be asked for.
    names: Vec<Target>,
    unblocked: Vec<Unblocked>,
}

/// What was restored.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// Whether the configuration was.
    pub configuration: bool,
    /// Entries of the allow list.
    pub allowed: usize,
    /// Unblocked addresses and networks.
    pub unblocked: usize,
}

/// Makes a backup.
pub fn backup(environment: &Environment) -> Result<Backup> {
    let configuration = edit_config::read_if_there(&edit_config::path(environment))?;
    let (mut ledger, clock) = environment.ledger()?;
    let allowed = ledger.allowed()?.into_iter();
    let mut together: BTreeMap<(i64, i64), Vec<String>> = BTreeMap::new();
    for one in ledger.unblocked(clock.now())? {
        together.entry((one.since, one.until)).or_default().push(one.prefix.to_string());
    }
    let together = together.into_iter();
    Ok(Backup {
        banbridge_backup: FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration,
        allowed: allowed
            .map(|one| AllowedEntry { target: one.target, comment: one.comment, since: one.since })
            .collect(),
        unblocked: together.map(|((since, until), addresses)| Together { since, until, addresses }).collect(),
    })
}

/// Restores a backup that was checked as a whole, and applies it. If another run is in progress for too long, that run
/// or the next one applies it. `context` is opened with [`Decisions::config`].
pub fn restore(context: Context, decisions: &Decisions) -> Result<(Restored, Applied)> {
    let (environment, config) = (context.environment.clone(), context.config.clone());
    let path = edit_config::path(&environment);
    let ((), applied) = change_or_leave(context, PATIENCE, |ledger, now| {
        decisions.save(&environment, &path, &config, ledger, now)
    })?;
    let restored = Restored {
        configuration: decisions.configuration.is_some(),
        allowed: decisions.allowed.len(),
        unblocked: decisions.unblocked.len(),
    };
    Ok((restored, applied))
}

impl Decisions {
    /// Reads a backup and checks its lists. The configuration in it is checked by [`config`](Self::config).
    pub fn read(text: &str, now: i64) -> Result<Self, BackupError> {
        if text.len() as u64 > MOST {
            return Err(BackupError::TooLarge);
        }
        let backup: Backup = serde_json::from_str(text)
            .map_err(|error| BackupError::NotABackup { line: error.line(), column: error.column() })?;
        if backup.banbridge_backup != FORM {
            return Err(BackupError::Form(backup.banbridge_backup));
        }
        if backup.configuration.as_ref().is_some_and(|text| text.len() as u64 > edit_config::MOST) {
            return Err(BackupError::LargeConfiguration);
        }
        let unblocked: usize = backup.unblocked.iter().map(|together| together.addresses.len()).sum();
        if backup.allowed.len().max(unblocked) > MOST_ENTRIES {
            return Err(BackupError::TooMany);
        }
        let mut decisions = Self {
            configuration: backup.configuration,
            allowed: Vec::with_capacity(backup.allowed.len()),
            names: Vec::new(),
            unblocked: Vec::with_capacity(unblocked),
        };
        for one in backup.allowed {
            let target: Allow = one.target.parse().map_err(BackupError::Allowed)?;
            let since = one.since.clamp(0, now.max(0));
            decisions.allowed.push(Allowed { target: target.to_string(), comment: one.comment, since });
            if matches!(target.0, Target::Name(_)) {
                decisions.names.push(target.0);
            }
        }
        for together in &backup.unblocked {
            // What is from the future by this clock counts from now.
            let ahead = together.since.saturating_sub(now).max(0);
            let (since, until) = (together.since - ahead, together.until.saturating_sub(ahead));
            if !(0..=until).contains(&since) || until > NEVER {
                return Err(BackupError::Time);
            }
            for address in &together.addresses {
                let prefix: Prefix = address.parse().map_err(|why| BackupError::Address {
                    address: address.clone(),
                    why: format!("{why}"),
                })?;
                decisions.unblocked.push(Unblocked { prefix, since, until });
            }
        }
        Ok(decisions)
    }

    /// The configuration after the restore.
    pub fn config(&self, environment: &Environment) -> Result<Config> {
        match &self.configuration {
            Some(text) => Ok(Config::parse(text, &edit_config::path(environment), environment.key.clone())?),
            None => environment.config(),
        }
    }

    /// Saves the decisions: all of them or none.
    fn save(
        &self,
        environment: &Environment,
        path: &Path,
        config: &Config,
        ledger: &mut Ledger,
        now: i64,
    ) -> Result<()> {
        let before = edit_config::read_if_there(path)?;
        if let Some(text) = &self.configuration {
            edit_config::write(environment, path, text, environment.key.clone())?;
        }
        if let Err(error) = ledger.replace_decisions(&self.allowed, &self.unblocked) {
            match (&self.configuration, before) {
                (Some(_), Some(before)) => {
                    edit_config::write(environment, path, &before, environment.key.clone())?;
                }
                (Some(_), None) => drop(files::discard(path)?),
                (None, _) => {}
            }
            return Err(error.into());
        }
        // The addresses of the allowed names must be known before anything is blocked.
        learn_allowed(config, ledger, &self.names, &System, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"banbridge_backup":1,"version":"0.1.0","configuration":"key = \"s3cr3t\"",
        "allowed":[{"target":" SIP.Example.com.","comment":null,"since":5}, {"target":"192.0.2.9","comment":"a","since":99}],
        "unblocked":[{"since":5,"until":10,"addresses":["192.0.2.77/24","2001:db8::1"]}]}"#;

    #[test]
    fn an_invalid_backup_is_not_restored_and_not_quoted() {
        let long = format!("configuration\":\"{}", "#".repeat(1 << 20));
        for (from, to, words) in [
            ("{\"banbridge", "[\"banbridge", "not a banbridge backup"),
            ("192.0.2.77/24", "nowhere", "invalid address"),
            ("backup\":1", "backup\":2", "another version"),
            (" SIP.Example.com.", "0.0.0.0/0", "most of the internet"),
            (" SIP.Example.com.", "a b", "not a valid address, network or host name"),
            ("\"until\":10", "\"until\":9000000000000", "invalid time"),
            ("\"until\":10", "\"until\":-10", "invalid time"),
            ("configuration\":\"", &long, "configuration is larger"),
        ] {
            let why = Decisions::read(&GOOD.replace(from, to), 50)
                .err()
                .unwrap_or_else(|| panic!("{to} was taken"));
            let why = why.to_string();
            assert!(why.contains(words) && !why.contains("s3cr3t"), "{why}");
        }
    }

    #[test]
    fn what_is_restored_is_as_commands_write_it_and_not_from_the_future() {
        let good = Decisions::read(GOOD, 50).unwrap();
        let allowed: Vec<_> = good.allowed.iter().map(|one| (one.target.as_str(), one.since)).collect();
        assert_eq!(allowed, [("sip.example.com", 5), ("192.0.2.9", 50)]);
        assert_eq!(good.names, [Target::Name("sip.example.com".to_owned())]);
        let unblocked = |good: &Decisions| -> Vec<_> {
            good.unblocked.iter().map(|one| (one.prefix.to_string(), one.since, one.until)).collect()
        };
        let all = |since, until| {
            [("192.0.2.0/24".to_owned(), since, until), ("2001:db8::1".to_owned(), since, until)]
        };
        assert_eq!(unblocked(&good), all(5, 10));
        assert_eq!(unblocked(&Decisions::read(GOOD, 2).unwrap()), all(2, 7));
    }
}
