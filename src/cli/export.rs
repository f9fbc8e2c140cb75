//! `export`: what is to be blocked, as a file for other machines.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Global;
use super::output::{count, print};
use crate::ban::Prefix;
use crate::run::export;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `export` takes.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// format
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,
    /// only what these feeds list, not merged; several with commas [default: all that is blocked]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    feed: Vec<String>,
    /// file to write, replaced as a whole [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// one address or network per line
    Plain,
    /// the same with a header, as FireHOL writes it
    Netset,
    /// array of objects
    Json,
    /// commands for nft: two sets in a table banbridge_export
    Nft,
    /// commands for ipset restore
    Ipset,
    /// one sighting a line, as JSON: prefix, first, last, count, kinds
    Jsonl,
}

impl From<Format> for export::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Plain => Self::Plain,
            Format::Netset => Self::Netset,
            Format::Json => Self::Json,
            Format::Nft => Self::Nft,
            Format::Ipset => Self::Ipset,
            Format::Jsonl => Self::Jsonl,
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &ExportArgs) -> Result<Exit> {
    let environment = global.environment();
    let (addresses, text) = if args.format == Format::Jsonl || !args.feed.is_empty() {
        let sightings = export::sightings(&environment, &args.feed)?;
        let addresses: Vec<Prefix> = sightings.iter().map(|one| one.prefix).collect();
        let text = match args.format {
            Format::Jsonl => export::lines(&sightings),
            format => export::text(format.into(), &addresses),
        };
        (addresses, text)
    } else {
        let addresses = export::blocked(&environment)?;
        let text = export::text(args.format.into(), &addresses);
        (addresses, text)
    };
    let Some(path) = &args.output else {
        print(&text)?;
        return Ok(Exit::Done);
    };
    let changed = export::write(path, &text)?;
    if !global.quiet {
        let number = count(addresses.len(), "address or network", "addresses and networks");
        let path = path.display();
        print(&match changed {
            true => format!("Wrote {number} to {path}.\n"),
            false => format!("{path} is up to date ({number}).\n"),
        })?;
    }
    Ok(Exit::Done)
}
