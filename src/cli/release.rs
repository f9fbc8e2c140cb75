//! `release` and `unrelease`: take one prefix out of what is blocked and keep it out, whatever the feeds say.

use crate::system::failure::Result;
use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{Time, print, print_json};
use crate::ban::{Cover, Prefix};
use crate::ledger::rows::Release;
use crate::run;
use crate::run::report::Report;
use crate::system::exit::Exit;

/// What `release` and `unrelease` take.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// An address or network
    #[arg(value_name = "PREFIX", value_parser = super::check::read_prefix)]
    prefix: Prefix,
}

#[derive(Serialize)]
struct Released {
    prefix: Prefix,
    released: bool,
    /// Until when it stays out; none when it is released no more.
    until: Option<Time>,
    /// Whether anything was different before.
    changed: bool,
}

/// Runs `release`: it is let go at once.
pub fn release(global: &Global, args: &ReleaseArgs) -> Result<Exit> {
    let context = global.open()?;
    let time = context.config.protect.unblock.as_secs();
    let ((changed, until), report) = run::change(context, |ledger, now| {
        let (known, until) = (ledger.releases(now)?, now + time);
        ledger.release(&[args.prefix], now, until)?;
        Ok((!known.iter().any(|release| release.prefix == args.prefix), until))
    })?;
    say(global, &Released { prefix: args.prefix, released: true, until: Some(Time(until)), changed }, &report)
}

/// Runs `unrelease`: feeds may block it again, at once where they still list it. A part of a released network is cut
/// out of the release.
pub fn unrelease(global: &Global, args: &ReleaseArgs) -> Result<Exit> {
    let (changed, report) = run::change(global.open()?, |ledger, now| {
        let gone = Cover::new([&args.prefix]);
        let touched: Vec<Release> =
            ledger.releases(now)?.into_iter().filter(|release| gone.overlaps(&release.prefix)).collect();
        for release in &touched {
            ledger.unrelease(&release.prefix)?;
            ledger.release(&gone.carve(&release.prefix), release.since, release.until)?;
        }
        Ok(!touched.is_empty())
    })?;
    say(global, &Released { prefix: args.prefix, released: false, until: None, changed }, &report)
}

fn say(global: &Global, released: &Released, report: &Report) -> Result<Exit> {
    if global.json {
        print_json(released)?;
    } else if !global.quiet {
        let prefix = released.prefix;
        let text = match (released.until, released.changed) {
            (Some(until), _) => format!("{prefix} is released and stays out until {until}.\n"),
            (None, true) => format!("{prefix} is released no more; feeds that list it block it again.\n"),
            (None, false) => format!("{prefix} was not released; nothing changed.\n"),
        };
        print(&format!("{text}{}\n", report.in_force()))?;
    }
    Ok(Exit::Done)
}
