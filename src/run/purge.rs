//! Removes banbridge's rows, tables, kernel set and log, and nothing else. It needs no configuration: banbridge's rows
//! carry a mark or are in its tables.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::{Environment, log_file};
use super::driver;
use super::state::present;
use crate::ban::ownership::Written;
use crate::ban::plan::{Driver, Present};
use crate::kernel;
use crate::kernel::apply::{Change, Site, apply_blacklist};
use crate::kernel::set::SetError;
use crate::ledger::Ledger;
use crate::pbx::blacklist::{self, Rows};
use crate::pbx::firewall;
use crate::system::database::DatabaseError;
use crate::system::failure::Result;
use crate::system::files;
use crate::system::program::System;

/// What will be removed, while nobody else changes it.
pub struct Purge {
    environment: Environment,
    ledger: Ledger,
    rows: Rows,
    /// Rows that were written through fwconsole and carry no mark; the tables know them.
    unmarked: Vec<String>,
    /// What the tables should say and do not.
    left: Vec<Left>,
}

/// What was removed.
#[derive(Debug, Serialize)]
pub struct Purged {
    /// banbridge's rows.
    pub rows: u64,
    /// Tables.
    pub tables: usize,
    /// Whether there was a kernel set.
    pub set: bool,
    /// The log file, if there was one.
    pub log: Option<String>,
    /// Your rows, which stay.
    pub other_rows: usize,
    /// What could not be removed.
    #[serde(skip)]
    pub left: Vec<Left>,
}

/// What could not be removed, and why.
#[derive(Debug, thiserror::Error)]
pub enum Left {
    /// Rows that were written through fwconsole.
    #[error(
        "Rows that were written through fwconsole, if there are any, stay: only the tables knew them ({0}). Remove them in \
         FreePBX: Connectivity, Firewall, Services, Blacklist."
    )]
    Unmarked(DatabaseError),
    /// The kernel set, without root.
    #[error("The kernel set stays: only root can remove it. Fix: run banbridge purge as root.")]
    NeedsRoot,
    /// The rules of the rows that were removed.
    #[error(
        "The firewall service removes the rules of these rows by itself, about 25 ms each ({0}). Until then they block."
    )]
    Rules(String),
    /// The kernel set.
    #[error("cannot remove the kernel set: {0}")]
    Set(SetError),
    /// The log.
    #[error("cannot remove the log {path:?}: {cause}")]
    Log {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl Purge {
    /// Looks at what there is, and keeps other runs away.
    pub fn look(environment: &Environment, mut ledger: Ledger) -> Result<Self> {
        ledger.lock()?;
        let mut left = Vec::new();
        let written = readable(ledger.written())?.unwrap_or_else(|error| {
            left.push(Left::Unmarked(error));
            Written::default()
        });
        let rows = blacklist::read(ledger.conn())?;
        let unmarked = rows.others.iter().filter(|key| written.unmarked.contains(*key)).cloned().collect();
        Ok(Self { environment: environment.clone(), ledger, rows, unmarked, left })
    }

    /// How many rows will be removed.
    pub fn rows(&self) -> usize {
        self.rows.ours.len() + self.unmarked.len()
    }

    /// Removes all of it, the log unless it is kept.
    pub fn remove(mut self, keep_log: bool) -> Result<Purged> {
        let is_root = self.environment.is_root;
        let mut left = std::mem::take(&mut self.left);
        let log_dir = firewall::setting(self.ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
        let rows = self.remove_rows(&mut left)?;
        // Before the tables: as long as they exist, it is known that there is a set.
        let set = if is_root {
            remove_set().unwrap_or_else(|error| {
                left.push(Left::Set(error));
                false
            })
        } else {
            let found = readable(self.ledger.set_found())?;
            if found.is_ok_and(|set| set.is_some_and(|set| set.backend.is_some())) {
                left.push(Left::NeedsRoot);
            }
            false
        };
        let tables = self.ledger.drop_tables()?;
        let log = if keep_log { None } else { self.remove_log(Path::new(&log_dir), &mut left) };
        let other_rows = self.rows.others.len() - self.unmarked.len();
        Ok(Purged { rows, tables, set, log, other_rows, left })
    }

    /// Removes the rows; as root together with their rules, as a run does it.
    fn remove_rows(&mut self, left: &mut Vec<Left>) -> Result<u64> {
        let firewall = driver::look(&mut self.ledger, &self.environment.programs)?;
        if !self.environment.is_root {
            let rows = blacklist::take_all_away(self.ledger.conn(), &self.unmarked)?;
            if rows > 0 && firewall.enabled {
                left.push(Left::Rules("only root can remove them at once".to_owned()));
            }
            return Ok(rows);
        }
        let run_dir = firewall::setting(self.ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
        let programs = self.environment.programs;
        let names = readable(self.ledger.names())?.unwrap_or_default();
        let mut change = Removal { purge: self, names, driver: firewall.driver, removed: None };
        let applied = apply_blacklist(&Site::new(&firewall, &run_dir, &programs), &mut change, &mut ())?;
        let rows = change.removed.unwrap_or(0);
        if let (1.., Some(why), true) = (rows, applied.fallback(), firewall.enabled) {
            left.push(Left::Rules(why.to_owned()));
        }
        Ok(rows)
    }

    fn remove_log(&self, directory: &Path, left: &mut Vec<Left>) -> Option<String> {
        let path = log_file(directory);
        let owner = self.environment.owner().map_or(0, |(user, _)| user);
        match files::remove(&path, owner) {
            Ok(removed) => removed.then(|| path.display().to_string()),
            Err(cause) => {
                left.push(Left::Log { path, cause });
                None
            }
        }
    }
}

/// What one of our tables says. The inner error is of a table that another version made, or that was altered: it has no
/// say in its own removal.
fn readable<T>(read: Result<T, DatabaseError>) -> Result<Result<T, DatabaseError>, DatabaseError> {
    match read {
        Err(
            error
            @ (DatabaseError::NoTable(_) | DatabaseError::NoColumn { .. } | DatabaseError::Value { .. }),
        ) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(value) => Ok(Ok(value)),
    }
}

/// The removal of all rows, for [`apply_blacklist`].
struct Removal<'p> {
    purge: &'p mut Purge,
    names: BTreeMap<String, Vec<IpAddr>>,
    driver: Driver,
    /// How many rows were removed; none before that.
    removed: Option<u64>,
}

impl Change for Removal<'_> {
    fn is_pending(&self) -> bool {
        self.removed.is_none() && self.purge.rows() > 0
    }

    fn commit(&mut self) -> Result<()> {
        self.removed = Some(blacklist::take_all_away(self.purge.ledger.conn(), &self.purge.unmarked)?);
        Ok(())
    }

    fn rows(&mut self) -> Result<Present> {
        Ok(present(&blacklist::read(self.purge.ledger.conn())?, &self.names, self.driver))
    }
}

/// Removes the kernel set alone, for a database that does not answer: the set must not go on blocking when nothing
/// is left that lets its entries expire; and the permit list with it. False if there was none.
pub fn remove_set() -> Result<bool, SetError> {
    let directory = Path::new(kernel::set::DIRECTORY);
    let permit = kernel::permit::remove(&System::default(), directory)?;
    Ok(kernel::set::remove(&System::default(), directory)? || permit)
}
