//! `feed`: the feeds of the configuration and of the catalog.

mod edit;
mod overlap;
mod test;

use crate::system::failure::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Global;
use super::output::{number, print, print_json, table};
use crate::config::Period;
use crate::feed::catalog::KNOWN;
use crate::run::feeds;
use crate::system::exit::Exit;

/// What `feed` can do.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// List the feeds of the configuration
    List,
    /// List feeds that can be added by name
    #[command(alias = "catalogue")]
    Catalog,
    /// Add a feed of the catalog to the configuration
    Add(Name),
    /// Enable a feed
    Enable(Name),
    /// Disable a feed: what no other feed lists is no longer blocked
    Disable(Name),
    /// Fetch a feed and show what it would do, or test the API key; changes nothing
    Test(Name),
    /// Show how much of each feed the other feeds contain
    Overlap,
}

/// A feed's name.
#[derive(Debug, Args)]
pub struct Name {
    /// feed; for add and test also one of the catalog (country-CC: CC is the country code)
    #[arg(value_name = "NAME")]
    name: String,
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
    let items = feeds::list(&global.environment())?;
    if global.json {
        print_json(&items)?;
        return Ok(Exit::Done);
    }
    let rows = items.into_iter().map(|item| {
        let state = if item.enabled { "enabled" } else { "disabled" };
        let good = item.last_success.map_or_else(|| "never".to_owned(), |time| time.to_string());
        vec![item.name, state.into(), number(item.entries), item.interval.to_string(), good, item.url]
    });
    print(&table(&["FEED", "STATE", "ENTRIES", "EVERY", "LAST UPDATE", "URL"], rows))?;
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
            "{}\n  for:      {}\n  beware:   {}\n  size:     {}, at most one fetch every {every}\n  terms:    {}\n  \
             url:      {}\n\n",
            known.name, known.good_for, known.beware, known.size, known.terms, known.url
        );
    }
    text += "To see what a feed would do: banbridge feed test NAME\nTo add it:                   banbridge feed add NAME\n";
    print(&text)?;
    Ok(Exit::Done)
}
