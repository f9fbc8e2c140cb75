//! `purge`: removes banbridge's rows, tables, log and kernel set, and nothing else.

use clap::Args;

use super::output::{complain, count, print, print_json};
use super::{Global, terminal};
use crate::run::purge::{Left, Purge, Purged, remove_set};
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};

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

/// Runs the command.
pub fn run(global: &Global, args: &PurgeArgs) -> Result<Exit> {
    let environment = global.environment();
    let ledger = match environment.ledger_of_any_version() {
        Ok(ledger) => ledger,
        Err(error) if args.yes && environment.is_root => return Err(without_database(error)),
        Err(error) => return Err(error),
    };
    let purge = Purge::look(&environment, ledger)?;
    let rows = count(purge.rows(), "banbridge row", "banbridge rows");
    if !args.yes && !terminal::confirmed(&format!("Remove {rows}, the tables and the log?"))? {
        if !terminal::is_there() {
            complain("Nothing was removed. Without a terminal, give --yes.");
        }
        return Ok(Exit::Usage);
    }
    let purged = purge.remove(args.keep_log)?;
    for left in &purged.left {
        complain(&left.to_string());
    }
    if global.json {
        print_json(&purged)?;
    } else if !global.quiet {
        print(&text(&purged))?;
    }
    Ok(Exit::Done)
}

fn text(purged: &Purged) -> String {
    format!(
        "Removed {}, {}{}{}. {}\n",
        count(purged.rows, "banbridge row", "banbridge rows"),
        count(purged.tables, "table", "tables"),
        if purged.set { ", the kernel set" } else { "" },
        purged.log.as_ref().map(|log| format!(", {log}")).unwrap_or_default(),
        match purged.other_rows {
            0 => "The configuration is unchanged.".to_owned(),
            rows => format!("Your {} and the configuration are unchanged.", count(rows, "row", "rows")),
        }
    )
}

/// Where the database does not answer, only the kernel set can be removed.
fn without_database(error: Failure) -> Failure {
    match remove_set() {
        Ok(true) => error.context("only the kernel set was removed, rows and tables were not"),
        Ok(false) => error,
        Err(why) => {
            complain(&Left::Set(why).to_string());
            error
        }
    }
}
