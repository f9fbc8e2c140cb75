//! Removes banbridge's rows, tables, kernel set and log, and nothing else. It needs no configuration: banbridge's rows
//! carry a mark or are in its tables.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::{Environment, log_file};
use crate::kernel;
use crate::kernel::set::SetError;
use crate::ledger::Ledger;
use crate::pbx::blacklist::{self, Rows};
use crate::pbx::{daemon, firewall};
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
    /// The kernel set, without root.
    #[error("The kernel set stays: only root can remove it. Fix: run banbridge purge as root.")]
    NeedsRoot,
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
        let written = ledger.written()?;
        let rows = blacklist::read(ledger.conn())?;
        let unmarked = rows.others.iter().filter(|key| written.unmarked.contains(*key)).cloned().collect();
        Ok(Self { environment: environment.clone(), ledger, rows, unmarked })
    }

    /// How many rows will be removed.
    pub fn rows(&self) -> usize {
        self.rows.ours.len() + self.unmarked.len()
    }

    /// Removes all of it, the log unless it is kept.
    pub fn remove(mut self, keep_log: bool) -> Result<Purged> {
        let is_root = self.environment.is_root;
        let mut left = Vec::new();
        let log_dir = firewall::setting(self.ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
        let rows = blacklist::take_all_away(self.ledger.conn(), &self.unmarked)?;
        // Before the tables: as long as they exist, it is known that there is a set.
        let set = if is_root {
            remove_set().unwrap_or_else(|error| {
                left.push(Left::Set(error));
                false
            })
        } else {
            if self.ledger.set_found()?.is_some_and(|set| set.backend.is_some()) {
                left.push(Left::NeedsRoot);
            }
            false
        };
        let tables = self.ledger.drop_tables()?;
        let log = if keep_log { None } else { self.remove_log(Path::new(&log_dir), &mut left) };
        if rows > 0
            && is_root
            && let Some(daemon) = daemon::find()
        {
            daemon.hup()?;
        }
        let other_rows = self.rows.others.len() - self.unmarked.len();
        Ok(Purged { rows, tables, set, log, other_rows, left })
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

/// Removes the kernel set alone, for a database that does not answer: the set must not go on blocking when nothing
/// is left that lets its entries expire. False if there was none.
pub fn remove_set() -> Result<bool, SetError> {
    kernel::set::remove(&System::default(), Path::new(kernel::set::DIRECTORY))
}
