//! `feed`: the feeds of the configuration and of the catalog.

mod edit;
mod overlap;
mod permit;
mod test;

use crate::system::failure::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Global;
use super::output::{number, print, print_json, table};
use crate::config::Period;
use crate::feed::catalog::{KNOWN, OWN};
use crate::feed::list::{Column, Format};
use crate::run::feeds::{self, OwnList};
use crate::system::exit::Exit;

/// What `feed` can do.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// List the feeds of the configuration
    List,
    /// List feeds that can be added by name
    #[command(alias = "catalogue")]
    Catalog,
    /// Add a feed of the catalog, or a list of your own, to the configuration
    Add(AddArgs),
    /// Remove a feed from the configuration: what no other feed lists is no longer blocked
    Remove(Name),
    /// Set the login of a list; the secret is read from standard input
    Login(LoginArgs),
    /// Enable a feed
    Enable(Name),
    /// Disable a feed: what no other feed lists is no longer blocked
    Disable(Name),
    /// Fetch a feed and show what it would do, or test the API key; changes nothing
    Test(NewFeed),
    /// Show how much of each feed the other feeds contain
    Overlap,
}

/// A feed's name.
#[derive(Debug, Args)]
pub struct Name {
    /// feed of the configuration
    #[arg(value_name = "NAME")]
    name: String,
}

/// A feed to add or to test.
#[derive(Debug, Args)]
pub struct NewFeed {
    /// feed of the configuration (test only) or of the catalog (country-CC: CC is the country code); with URL a new name
    #[arg(value_name = "NAME")]
    name: String,
    /// list of your own: its https address, or a path on this machine
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// how the list is written: text, ranges, dshield, jsonl or json [default: recognized]
    #[arg(long, value_name = "FORMAT", requires = "url", value_parser = format_word)]
    format: Option<Format>,
    /// where the address is: the number of a column, from 1, or its name [default: recognized]
    #[arg(long, value_name = "COLUMN", requires = "url")]
    column: Option<String>,
    /// JSON field with the address, or its path; may be given several times [default: recognized]
    #[arg(long, value_name = "FIELD", requires = "url")]
    field: Vec<String>,
}

/// A feed to add.
#[derive(Debug, Args)]
pub struct AddArgs {
    #[command(flatten)]
    new: NewFeed,
    /// as a permit list: only whom it lists gets in at the SIP ports. NAME is also country:us,ca or registry:arin
    #[arg(long)]
    permit: bool,
    /// with --permit: show who would be outside, and change nothing
    #[arg(long, requires = "permit")]
    preview: bool,
    /// with --permit: your own address, to see whether you would be outside [default: that of the SSH session]
    #[arg(long, value_name = "ADDRESS", requires = "permit")]
    from: Option<std::net::IpAddr>,
    /// with --permit: do not ask
    #[arg(long, requires = "permit", conflicts_with = "preview")]
    yes: bool,
}

impl NewFeed {
    /// The list of one's own that it is; none without an address.
    fn own(&self) -> Option<OwnList> {
        let column = |text: &String| match text.parse() {
            Ok(number) => Column::Number(number),
            Err(_) => Column::Name(text.clone()),
        };
        Some(OwnList {
            name: self.name.clone(),
            url: self.url.clone()?,
            format: self.format,
            column: self.column.as_ref().map(column),
            field: self.field.clone(),
        })
    }
}

fn format_word(text: &str) -> std::result::Result<Format, String> {
    serde_json::from_value(text.into()).map_err(|_| "use text, ranges, dshield, jsonl or json".to_owned())
}

/// What `feed login` takes.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// feed of the configuration
    #[arg(value_name = "NAME")]
    name: String,
    /// user; the password is read from standard input
    #[arg(long, value_name = "USER", conflicts_with_all = ["header", "remove"])]
    #[arg(required_unless_present_any = ["header", "remove"])]
    user: Option<String>,
    /// secret header, such as Key; its value is read from standard input
    #[arg(long, value_name = "HEADER", conflicts_with = "remove")]
    header: Option<String>,
    /// remove the login
    #[arg(long)]
    remove: bool,
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
        FeedCommand::Add(add) if add.permit => permit::add(global, add),
        FeedCommand::Add(AddArgs { new, .. }) => match new.own() {
            Some(list) => edit::add_own(global, &list),
            None => edit::add(global, &new.name),
        },
        FeedCommand::Remove(name) => edit::remove(global, &name.name),
        FeedCommand::Login(login) => edit::login(global, login),
        FeedCommand::Enable(name) => edit::set_enabled(global, &name.name, true),
        FeedCommand::Disable(name) => edit::set_enabled(global, &name.name, false),
        FeedCommand::Test(new) => test::run(global, &new.name, new.own().as_ref()),
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
        print_json(&OWN.iter().chain(KNOWN).map(item).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for known in OWN.iter().chain(KNOWN) {
        let every = Period::seconds(known.interval.unsigned_abs());
        text += &format!(
            "{}\n  for:      {}\n  beware:   {}\n  size:     {}, at most one fetch every {every}\n  terms:    {}\n{}\n",
            known.name,
            known.good_for,
            known.beware,
            known.size,
            known.terms,
            if known.url.is_empty() { String::new() } else { format!("  url:      {}\n", known.url) }
        );
    }
    text += "To see what a feed would do: banbridge feed test NAME\nTo add it:                   banbridge feed add NAME\n";
    print(&text)?;
    Ok(Exit::Done)
}
