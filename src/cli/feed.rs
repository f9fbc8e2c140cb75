//! `feed`: which feeds there are and could be, what one would do, and how they overlap.

mod edit;
mod key;
mod overlap;
pub(super) mod test;

use crate::system::failure::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Global;
use super::output::{Time, print, print_json, table, time_or};
use crate::config::Period;
use crate::feed::catalog::KNOWN;
use crate::run::state::Picture;
use crate::system::exit::Exit;

/// What `feed` can do.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// List the feeds of the configuration
    List,
    /// List what can be added by its name, with its terms and what to beware of
    #[command(alias = "catalogue")]
    Catalog,
    /// Add a list of the catalog to the configuration
    Add(Name),
    /// Switch a feed on
    Enable(Name),
    /// Switch a feed off: its prefixes go at once
    Disable(Name),
    /// Fetch a list and show what it would do, or ask whether apiban takes the key; changes nothing
    Test(Name),
    /// Show how much of each feed the others cover, and what it alone contributes
    Overlap,
}

/// A feed's name.
#[derive(Debug, Args)]
pub struct Name {
    /// The feed's name; for add and test one of the catalog (country-CC with the country's code)
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Serialize)]
struct Item {
    name: String,
    kind: &'static str,
    enabled: bool,
    url: String,
    interval: Period,
    entries: usize,
    last_success: Option<Time>,
    last_error: Option<String>,
}

#[derive(Serialize)]
struct KnownItem {
    name: &'static str,
    url: &'static str,
    terms: &'static str,
    size: &'static str,
    interval_s: i64,
    good_for: &'static str,
    beware: &'static str,
}

/// Runs the command.
pub fn run(global: &Global, command: &FeedCommand) -> Result<Exit> {
    match command {
        FeedCommand::List => list(global),
        FeedCommand::Catalog => catalog(global),
        FeedCommand::Add(name) => edit::add(global, &name.name),
        FeedCommand::Enable(name) => edit::set_enabled(global, &name.name, true),
        FeedCommand::Disable(name) => edit::set_enabled(global, &name.name, false),
        FeedCommand::Test(name) => test::run(global, &name.name),
        FeedCommand::Overlap => overlap::run(global),
    }
}

fn list(global: &Global) -> Result<Exit> {
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let now = clock.now();
    let picture = Picture::load(&mut ledger, &config, now)?;
    let items: Vec<Item> = config
        .feed
        .iter()
        .zip(&picture.feeds)
        .map(|(feed, state)| Item {
            name: feed.name.clone(),
            kind: feed.kind.word(),
            enabled: feed.enabled,
            url: feed.url.clone(),
            interval: feed.interval,
            entries: picture.count(state.id, now),
            last_success: state.last_success.map(Time),
            last_error: state.last_error.clone(),
        })
        .collect();
    if global.json {
        print_json(&items)?;
        return Ok(Exit::Done);
    }
    let rows = items.into_iter().map(|item| {
        let state = if item.enabled { "on" } else { "off" };
        let good = time_or(item.last_success.map(|time| time.0), "never");
        vec![item.name, state.into(), item.entries.to_string(), item.interval.to_string(), good, item.url]
    });
    print(&table(&["FEED", "STATE", "ENTRIES", "EVERY", "LAST GOOD ANSWER", "URL"], rows))?;
    Ok(Exit::Done)
}

fn catalog(global: &Global) -> Result<Exit> {
    if global.json {
        let item = |known: &crate::feed::catalog::Known| KnownItem {
            name: known.name,
            url: known.url,
            terms: known.terms,
            size: known.size,
            interval_s: known.interval,
            good_for: known.good_for,
            beware: known.beware,
        };
        print_json(&KNOWN.iter().map(item).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for known in KNOWN {
        let every = Period::seconds(known.interval.unsigned_abs());
        text += &format!(
            "{}\n  good for: {}\n  beware:   {}\n  size:     {}, not more often than every {every}\n  terms:    {}\n  \
             address:  {}\n\n",
            known.name, known.good_for, known.beware, known.size, known.terms, known.url
        );
    }
    text +=
        "See what one would do:  banbridge feed test NAME\nAdd it:                 banbridge feed add NAME\n";
    print(&text)?;
    Ok(Exit::Done)
}
