//! `unblock`: takes one address or network out of what is blocked, for a time.

use clap::Args;
use serde::Serialize;

use super::output::{Time, count, print, print_json};
use super::{Global, report};
use crate::ban::Prefix;
use crate::ban::never_block::{WIDEST_V4, WIDEST_V6};
use crate::run::unblock;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `unblock` takes.
#[derive(Debug, Args)]
pub struct UnblockArgs {
    /// address or network
    #[arg(value_name = "ADDRESS", value_parser = read_prefix)]
    address: Prefix,
    /// let the feeds block it again
    #[arg(long)]
    undo: bool,
}

/// An address or network that may be unblocked.
fn read_prefix(text: &str) -> Result<Prefix, String> {
    let address = super::check::read_prefix(text)?;
    if unblock::may_unblock(&address) {
        return Ok(address);
    }
    Err(format!(
        "{text} is most of the internet. The widest network to unblock is /{WIDEST_V4} (IPv6: /{WIDEST_V6}). To block \
         nothing, disable the feeds: banbridge feed disable NAME"
    ))
}

#[derive(Serialize)]
struct Unblocked {
    address: Prefix,
    unblocked: bool,
    until: Option<Time>,
    changed: bool,
    /// Entries of feeds that it lets through, whole or in part.
    entries: usize,
}

/// Runs the command.
pub fn run(global: &Global, args: &UnblockArgs) -> Result<Exit> {
    let (context, address) = (global.open()?, args.address);
    let done = if args.undo { unblock::undo(context, address)? } else { unblock::unblock(context, address)? };
    let (until, changed, entries) = (done.until.map(Time), done.changed, done.entries);
    if global.json {
        print_json(&Unblocked { address, unblocked: !args.undo, until, changed, entries })?;
    } else if !global.quiet {
        let text = match (until, changed) {
            (Some(until), _) => format!("{address} is unblocked until {until}. {}", lets_through(entries)),
            (None, true) => format!("{address} is no longer unblocked. Feeds that list it block it again."),
            (None, false) => format!("{address} was not unblocked. Nothing was changed."),
        };
        print(&format!("{text}\n{}\n", report::effect(&done.report)))?;
    }
    Ok(Exit::Done)
}

/// What comes through by it.
fn lets_through(entries: usize) -> String {
    match entries {
        0 => "No feed lists it now.".to_owned(),
        _ => format!("This lets through {} of the feeds.", count(entries, "entry", "entries")),
    }
}
