//! `allow` and `unallow`: addresses that are never blocked, whatever feeds list.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::{Time, count, number, print, print_json};
use super::{Global, report};
use crate::config::Allow;
use crate::run::allow::{self, Change};
use crate::run::report::{BlacklistReport, Reload};
use crate::run::{Applied, edit_config};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `allow` takes.
#[derive(Debug, Args)]
pub struct AllowArgs {
    /// address, network or host name
    #[arg(value_name = "ADDRESS|NETWORK|HOST")]
    target: Allow,
    /// note to show in the list
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

/// What `unallow` takes.
#[derive(Debug, Args)]
pub struct UnallowArgs {
    /// address, network or host name
    #[arg(value_name = "ADDRESS|NETWORK|HOST")]
    target: Allow,
}

#[derive(Serialize)]
struct Answer<'a> {
    target: String,
    /// Whether it is on the list now, of the configuration or by command.
    allowed: bool,
    in_configuration: bool,
    changed: bool,
    comment: Option<&'a str>,
    since: Option<Time>,
    addresses: &'a [String],
    /// What became of the rows; none when another run applies it.
    blacklist: Option<&'a BlacklistReport>,
    reload: Option<Reload>,
    /// What else it was taken out of.
    released: &'a [String],
}

/// Runs `allow`.
pub fn allow(global: &Global, args: &AllowArgs) -> Result<Exit> {
    let change = allow::allow(global.open()?, &args.target, args.comment.as_deref())?;
    say(global, &args.target, &change)?;
    // It is remembered, and nobody is protected by it yet.
    let unknown = change.entry.is_some() && change.addresses.is_empty();
    Ok(if unknown { Exit::TryAgain } else { ended(&change.applied) })
}

/// Runs `unallow`. What the configuration allows stays allowed, which is a plain no.
pub fn unallow(global: &Global, args: &UnallowArgs) -> Result<Exit> {
    let change = allow::unallow(global.open()?, &args.target)?;
    say(global, &args.target, &change)?;
    Ok(match ended(&change.applied) {
        Exit::Done if change.in_configuration => Exit::No,
        exit => exit,
    })
}

fn ended(applied: &Applied) -> Exit {
    match applied {
        Applied::Now(_) => Exit::Done,
        Applied::Later => Exit::TryAgain,
    }
}

fn say(global: &Global, target: &Allow, change: &Change) -> Result<()> {
    if !global.json {
        return if global.quiet {
            Ok(())
        } else {
            print(&text(&target.to_string(), change, &edit_config::path(&global.environment())))
        };
    }
    let (entry, report) = (change.entry.as_ref(), change.applied.report());
    print_json(&Answer {
        target: target.to_string(),
        allowed: entry.is_some() || change.in_configuration,
        in_configuration: change.in_configuration,
        changed: change.changed,
        comment: entry.and_then(|entry| entry.comment.as_deref()),
        since: entry.map(|entry| Time(entry.since)),
        addresses: &change.addresses,
        blacklist: report.map(|report| &report.blacklist),
        reload: report.map(|report| report.reload),
        released: report.map_or(&[], |report| &report.released),
    })
}

fn text(target: &str, change: &Change, file: &Path) -> String {
    let is_listed = change.entry.is_some();
    let mut lines = vec![match (is_listed, change.changed) {
        (true, true) => format!("{target} is now on the allow list."),
        (true, false) => format!("{target} is already on the allow list."),
        (false, true) => {
            format!("{target} is no longer on the allow list. Feeds that list it block it again.")
        }
        (false, false) => format!("{target} was not added to the allow list by a command."),
    }];
    if !is_listed && change.in_configuration {
        let file = file.display();
        lines.push(format!("It stays allowed: [protect] allow in {file} contains it. Remove it there."));
    }
    if is_listed && change.addresses.is_empty() {
        lines.push(
            "Could not resolve the name, so nobody is protected by it yet. Each sync tries again.".to_owned(),
        );
    } else if is_listed && change.addresses != [target] {
        lines.push(format!("Addresses: {}.", change.addresses.join(", ")));
    }
    for released in change.applied.report().iter().flat_map(|report| &report.released) {
        lines.push(format!("Released {released}."));
    }
    match &change.applied {
        Applied::Now(report) => {
            if report.changed {
                let removed = count(report.blacklist.removed, "row", "rows");
                lines
                    .push(format!("Blacklist: {removed} removed, {} added.", number(report.blacklist.added)));
            }
            lines.push(report::effect(report));
        }
        Applied::Later => {
            lines.push("Another run is in progress. It applies the change, or the next run does.".to_owned());
        }
    }
    lines.join("\n") + "\n"
}
