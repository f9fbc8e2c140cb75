//! `unblock`: takes one address or network out of what is blocked and keeps it out, whatever the feeds say.

use crate::system::failure::Result;
use clap::Args;
use serde::Serialize;

use super::output::{Time, print, print_json};
use super::{Global, report};
use crate::ban::{Cover, Prefix};
use crate::ledger::rows::Release;
use crate::run;
use crate::run::report::Report;
use crate::system::exit::Exit;

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
    /// Until when it is not blocked; none after `--undo`.
    until: Option<Time>,
    /// Whether anything was different before.
    changed: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: &UnblockArgs) -> Result<Exit> {
    if args.undo { undo(global, args.address) } else { unblock(global, args.address) }
}

/// Its rows are removed at once.
fn unblock(global: &Global, address: Prefix) -> Result<Exit> {
    let context = global.open()?;
    let time = context.config.protect.unblock.as_secs();
    let ((changed, until), report) = run::change(context, |ledger, now| {
        let (known, until) = (ledger.releases(now)?, now + time);
        ledger.release(&[address], now, until)?;
        Ok((!known.iter().any(|release| release.prefix == address), until))
    })?;
    say(global, &Unblocked { address, unblocked: true, until: Some(Time(until)), changed }, &report)
}

/// Feeds may block it again, at once where they still list it. Of a larger unblocked network the rest stays unblocked.
fn undo(global: &Global, address: Prefix) -> Result<Exit> {
    let (changed, report) = run::change(global.open()?, |ledger, now| {
        let gone = Cover::new([&address]);
        let touched: Vec<Release> =
            ledger.releases(now)?.into_iter().filter(|release| gone.overlaps(&release.prefix)).collect();
        for release in &touched {
            ledger.unrelease(&release.prefix)?;
            ledger.release(&gone.carve(&release.prefix), release.since, release.until)?;
        }
        Ok(!touched.is_empty())
    })?;
    say(global, &Unblocked { address, unblocked: false, until: None, changed }, &report)
}

fn say(global: &Global, unblocked: &Unblocked, report: &Report) -> Result<Exit> {
    if global.json {
        print_json(unblocked)?;
    } else if !global.quiet {
        let address = unblocked.address;
        let text = match (unblocked.until, unblocked.changed) {
            (Some(until), _) => format!("{address} is unblocked until {until}.\n"),
            (None, true) => format!("{address} is no longer unblocked. Feeds that list it block it again.\n"),
            (None, false) => format!("{address} was not unblocked. Nothing was changed.\n"),
        };
        print(&format!("{text}{}\n", report::effect(report)))?;
    }
    Ok(Exit::Done)
}
