//! `unblock`: takes one address or network out of what is blocked, for a time.

use clap::Args;
use serde::Serialize;

use super::output::{Time, print, print_json};
use super::{Global, report};
use crate::ban::Prefix;
use crate::run::unblock;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `unblock` takes.
#[derive(Debug, Args)]
pub struct UnblockArgs {
    /// address or network
    #[arg(value_name = "ADDRESS", value_parser = super::check::read_prefix)]
    address: Prefix,
    /// let the feeds block it again
    #[arg(long)]
    undo: bool,
}

#[derive(Serialize)]
struct Unblocked {
    address: Prefix,
    unblocked: bool,
    until: Option<Time>,
    changed: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: &UnblockArgs) -> Result<Exit> {
    let (context, address) = (global.open()?, args.address);
    let done = if args.undo { unblock::undo(context, address)? } else { unblock::unblock(context, address)? };
    let (until, changed) = (done.until.map(Time), done.changed);
    if global.json {
        print_json(&Unblocked { address, unblocked: !args.undo, until, changed })?;
    } else if !global.quiet {
        let text = match (until, changed) {
            (Some(until), _) => format!("{address} is unblocked until {until}."),
            (None, true) => format!("{address} is no longer unblocked. Feeds that list it block it again."),
            (None, false) => format!("{address} was not unblocked. Nothing was changed."),
        };
        print(&format!("{text}\n{}\n", report::effect(&done.report)))?;
    }
    Ok(Exit::Done)
}
