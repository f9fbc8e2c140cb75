//! `feed add --permit`: who would be outside is shown first, and it needs a yes.

use serde::Serialize;

use super::AddArgs;
use crate::cli::Global;
use crate::cli::output::{complain, count, number, print, print_json};
use crate::cli::terminal::confirmed;
use crate::run::permit_preview::{Preview, add as write, lines, preview};
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::text::one_line;

/// What is printed as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    preview: &'a Preview,
    /// The feeds that were added.
    added: Vec<&'a str>,
}

/// Runs the command.
pub(super) fn add(global: &Global, args: &AddArgs) -> Result<Exit> {
    let environment = global.environment();
    let feeds = match args.new.own() {
        Some(own) => vec![(own.name.clone(), format!("{}use = \"permit\"\n", own.lines()?))],
        None => lines(&args.new.name)?,
    };
    let shown = preview(&environment, &feeds, args.from)?;
    if !global.json && !global.quiet {
        print(&text(&shown))?;
    }
    let mut added = Vec::new();
    let mut exit = Exit::Done;
    if !args.preview {
        if !shown.is_whole() {
            let bad: Vec<&str> = shown
                .feeds
                .iter()
                .filter(|feed| feed.error.is_some() || feed.networks == 0)
                .map(|feed| feed.feed.as_str())
                .collect();
            return Err(Failure::new(
                Exit::Unusable,
                format!("nothing was changed: {} could not be fetched, or has no networks", bad.join(", ")),
            ));
        }
        if args.yes || confirmed("Let in only these networks, and whom banbridge protects?")? {
            write(&environment, &feeds)?;
            added.extend(feeds.iter().map(|(name, _)| name.as_str()));
        } else {
            complain("nothing was changed: not confirmed (type yes, or give --yes)");
            exit = Exit::Usage;
        }
    }
    if global.json {
        print_json(&Answer { preview: &shown, added })?;
    } else if !added.is_empty() && !global.quiet {
        print(&format!(
            "Added {}. The next run fetches them and then lets in only their networks.\n",
            added.join(", ")
        ))?;
    }
    Ok(exit)
}

fn text(shown: &Preview) -> String {
    let mut text = String::new();
    for feed in &shown.feeds {
        text += &match &feed.error {
            Some(error) => format!("{}: {}\n", feed.feed, one_line(error, 200)),
            None => format!("{}: {}\n", feed.feed, count(feed.networks, "network", "networks")),
        };
    }
    let ports = match &shown.ports {
        None => "all ports".to_owned(),
        Some(ports) => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    text += &format!("Only they, and whom banbridge protects, would get in at {ports}.\n");
    for (family, other, networks) in
        [("IPv4", "IPv6", shown.networks[0]), ("IPv6", "IPv4", shown.networks[1])]
    {
        if networks == 0 {
            text += &format!("{family} would be left alone: these lists have {other} only.\n");
        }
    }
    text += &format!(
        "Attackers of the last 30 days: {}, {} of them outside.\n",
        number(shown.attackers),
        number(shown.attackers_outside)
    );
    if shown.callers_outside_total > 0 {
        text += &format!(
            "Outside although they registered or authenticated within 30 days: {}\n",
            number(shown.callers_outside_total)
        );
        for caller in shown.callers_outside.iter().take(10) {
            text += &format!("  {}  {}\n", caller.address, count(caller.successes, "time", "times"));
        }
    }
    if !shown.by_protection.is_empty() {
        text += "Outside, and let in because they are protected:\n";
        for one in shown.by_protection.iter().take(10) {
            text += &format!("  {}  {}\n", one.address, one_line(&one.label, 80));
        }
    }
    if let Some(you) = shown.you {
        text += &format!("You are outside yourself: {you}. Allow it first: banbridge allow {you}\n");
    }
    text
}
