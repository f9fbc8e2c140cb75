//! `purge`: removes banbridge's rows, tables, log and kernel set, and nothing else.

use crate::system::failure::Result;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::{complain, count, print, print_json};
use super::{Global, terminal};
use crate::kernel;
use crate::pbx::{blacklist, daemon, firewall, freepbx_conf};
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::program::System;

/// What `purge` takes.
#[derive(Debug, Args)]
pub struct PurgeArgs {
    /// do not ask
    #[arg(long)]
    yes: bool,
    /// keep the log
    #[arg(long)]
    keep_log: bool,
}

#[derive(Serialize)]
struct Purged {
    /// banbridge's rows that were removed.
    rows: u64,
    /// Tables that were dropped.
    tables: usize,
    /// Whether there was a set in the kernel, which is removed.
    set: bool,
    /// The log file, when there was one.
    log: Option<String>,
    /// Your rows, which stay.
    other_rows: usize,
}

/// Runs the command. It needs no configuration: banbridge's rows carry a mark or are in its tables.
pub fn run(global: &Global, args: &PurgeArgs) -> Result<Exit> {
    let mut ledger = match global.ledger() {
        Ok((ledger, _)) => ledger,
        Err(error) => return Err(without_database(args, error)),
    };
    ledger.lock()?;
    let written = ledger.written()?;
    let rows = blacklist::read(ledger.conn())?;
    // What was written through fwconsole carries no mark; the tables know it.
    let unmarked: Vec<String> =
        rows.foreign.iter().filter(|key| written.unmarked.contains(*key)).cloned().collect();
    let number = count(rows.ours.len() + unmarked.len(), "banbridge row", "banbridge rows");
    if !args.yes && !terminal::confirmed(&format!("Remove {number}, the tables and the log?"))? {
        if !terminal::is_there() {
            complain("Nothing was removed. Without a terminal, give --yes.");
        }
        return Ok(Exit::Usage);
    }
    let log_dir = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
    let taken = blacklist::take_all_away(ledger.conn(), &unmarked)?;
    // Before the tables: as long as they are there, it is known that there is a set.
    let set = match rustix::process::geteuid().is_root() {
        true => remove_set(),
        false => {
            if ledger.set_found()?.is_some_and(|set| set.backend.is_some()) {
                complain("The kernel set stays: only root can remove it. Fix: run banbridge purge as root.");
            }
            false
        }
    };
    let tables = ledger.drop_tables()?;
    let log = if args.keep_log { None } else { remove_log(global, Path::new(&log_dir)) };
    if taken > 0
        && rustix::process::geteuid().is_root()
        && let Some(daemon) = daemon::find()
    {
        daemon.hup()?;
    }
    let other_rows = rows.foreign.len() - unmarked.len();
    let purged =
        Purged { rows: taken, tables, set, log: log.map(|path| path.display().to_string()), other_rows };
    if global.json {
        print_json(&purged)?;
    } else if !global.quiet {
        print(&format!(
            "Removed {}, {}{}{}. {}\n",
            count(purged.rows, "banbridge row", "banbridge rows"),
            count(purged.tables, "table", "tables"),
            if purged.set { ", the kernel set" } else { "" },
            purged.log.as_ref().map(|log| format!(", {log}")).unwrap_or_default(),
            match purged.other_rows {
                0 => "The configuration is unchanged.".to_owned(),
                rows => format!("Your {} and the configuration are unchanged.", count(rows, "row", "rows")),
            }
        ))?;
    }
    Ok(Exit::Done)
}

/// Where the database does not answer only the kernel set can be removed: it must not go on blocking when nothing is left
/// that lets its entries expire.
fn without_database(
    args: &PurgeArgs,
    error: crate::system::failure::Failure,
) -> crate::system::failure::Failure {
    match args.yes && rustix::process::geteuid().is_root() && remove_set() {
        true => error.context("only the kernel set was removed, rows and tables were not"),
        false => error,
    }
}

/// Removes the set; false where there was none.
fn remove_set() -> bool {
    kernel::set::remove(&System::default(), Path::new(kernel::set::DIRECTORY)).unwrap_or_else(|error| {
        complain(&format!("cannot remove the kernel set: {error}"));
        false
    })
}

/// Removes the log file; its path when there was one.
fn remove_log(global: &Global, directory: &Path) -> Option<PathBuf> {
    let log = directory.join("banbridge.log");
    let owner = freepbx_conf::owner(&global.freepbx_conf).map_or(0, |(user, _)| user);
    match files::remove(&log, owner) {
        Ok(removed) => removed.then_some(log),
        Err(why) => {
            complain(&format!("cannot remove the log {}: {why}", log.display()));
            None
        }
    }
}
