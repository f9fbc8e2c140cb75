//! `purge`: takes away every row, table and file of ours, and nothing else.

use crate::system::failure::Result;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{complain, count, print, print_json};
use crate::kernel;
use crate::pbx::{blacklist, daemon, firewall, freepbx_conf};
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::program::System;

/// What `purge` takes.
#[derive(Debug, Args)]
pub struct PurgeArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Leave the log where it is
    #[arg(long)]
    keep_log: bool,
}

#[derive(Serialize)]
struct Purged {
    /// Rows of ours that were taken out of the blacklist.
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

/// Runs the command. It needs no configuration: what is ours is told by our mark, by our names of tables and by the
/// ledger.
pub fn run(global: &Global, args: &PurgeArgs) -> Result<Exit> {
    let mut ledger = match global.ledger() {
        Ok((ledger, _)) => ledger,
        Err(error) => return Err(without_database(args, error)),
    };
    ledger.lock()?;
    let written = ledger.written()?;
    let rows = blacklist::read(ledger.conn())?;
    // What was written through fwconsole carries no mark; the ledger knows it.
    let unmarked: Vec<String> =
        rows.foreign.iter().filter(|key| written.unmarked.contains(*key)).cloned().collect();
    if !args.yes && !confirmed(rows.ours.len() + unmarked.len())? {
        complain("nothing was taken away; answer yes, or give --yes");
        return Ok(Exit::Usage);
    }
    let log_dir = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
    let taken = blacklist::take_all_away(ledger.conn(), &unmarked)?;
    // Before the tables: while they are there, somebody knows that there is a set.
    let set = match rustix::process::geteuid().is_root() {
        true => remove_set(),
        false => {
            if ledger.set_found()?.is_some_and(|set| set.backend.is_some()) {
                complain("the set in the kernel stays: only root can remove it (banbridge purge as root)");
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
            "Taken away: {} of banbridge, {}{}{}. {} of the administrator stay. The configuration was left where it is.\n",
            count(purged.rows, "row", "rows"),
            count(purged.tables, "table", "tables"),
            if purged.set { ", the set in the kernel" } else { "" },
            purged.log.as_ref().map(|log| format!(", {log}")).unwrap_or_default(),
            count(purged.other_rows, "row", "rows"),
        ))?;
    }
    Ok(Exit::Done)
}

/// Where the database does not answer, nothing can be taken away but the set, which must not go on refusing with nobody
/// there to let anyone go.
fn without_database(
    args: &PurgeArgs,
    error: crate::system::failure::Failure,
) -> crate::system::failure::Failure {
    match args.yes && rustix::process::geteuid().is_root() && remove_set() {
        true => error.context("the set in the kernel was taken away, rows and tables were not"),
        false => error,
    }
}

/// Removes the set; false where there was none.
fn remove_set() -> bool {
    kernel::set::remove(&System::default(), Path::new(kernel::set::DIRECTORY)).unwrap_or_else(|error| {
        complain(&format!("the set in the kernel: {error}"));
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
            complain(&format!("the log stays: {}: {why}", log.display()));
            None
        }
    }
}

/// Asks on a terminal. Without one the answer is no.
fn confirmed(rows: usize) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    write!(
        io::stderr(),
        "Take away {} of banbridge, its tables and its log? [yes/no] ",
        count(rows, "row", "rows")
    )?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
