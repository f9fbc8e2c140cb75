//! `export`: what is wanted, as a file for others. Any web server can hand it to other PBXs, which read it as a list
//! with conditional fetches: one key then serves them all.

use crate::system::failure::Result;
use std::fmt::Write;
use std::path::PathBuf;

use crate::system::failure::Attempt;
use clap::{Args, ValueEnum};

use super::Global;
use super::output::{count, print};
use crate::ban::never_block::Verdict;
use crate::ban::{Cover, Prefix};
use crate::run::state::Picture;
use crate::system::exit::Exit;
use crate::system::files;

/// What `export` takes.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,
    /// The file, replaced whole [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One prefix a line
    Plain,
    /// The same with a head, as FireHOL writes it
    Netset,
    /// An array of objects
    Json,
    /// Commands for nft: two sets in a table banbridge_export
    Nft,
    /// Commands for ipset restore
    Ipset,
}

/// Runs the command.
pub fn run(global: &Global, args: &ExportArgs) -> Result<Exit> {
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let picture = Picture::load(&mut ledger, &config, clock.now())?;
    let prefixes = free(&picture, clock.now());
    let text = written(args.format, &prefixes);
    let Some(path) = &args.output else {
        print(&text)?;
        return Ok(Exit::Done);
    };
    // A web server tells versions apart by the file's time too: an unchanged list is to be the same version.
    let known = files::read(path, text.len() as u64).is_ok_and(|known| known == text.as_bytes());
    if !known {
        files::replace(path, text.as_bytes(), 0o644)
            .context(format!("{} cannot be written", path.display()))?;
    }
    if !global.quiet {
        let number = count(prefixes.len(), "prefix", "prefixes");
        let path = path.display();
        print(&match known {
            true => format!("{path} holds these {number} already; it was left as it is.\n"),
            false => format!("Wrote {number} to {path}.\n"),
        })?;
    }
    Ok(Exit::Done)
}

/// What is wanted, without what must get through and what was released, neighbours merged.
fn free(picture: &Picture, now: i64) -> Vec<Prefix> {
    let released: Vec<Prefix> = picture.releases.iter().map(|release| release.prefix).collect();
    let released = Cover::new(&released);
    let mut free = Vec::new();
    for want in picture.wanted(now) {
        match picture.never_block.judge(&want.prefix) {
            Verdict::Free => free.extend(released.carve(&want.prefix)),
            Verdict::Carved(pieces) => free.extend(pieces.iter().flat_map(|piece| released.carve(piece))),
            Verdict::Refused(_) => {}
        }
    }
    Cover::new(&free).prefixes()
}

/// The text. No time stands in it: an unchanged list is an unchanged file, so that nobody fetches it twice.
fn written(format: Format, prefixes: &[Prefix]) -> String {
    let mut text = String::with_capacity(prefixes.len() * 20 + 500);
    let lines = |text: &mut String, before: &str, prefixes: &mut dyn Iterator<Item = &Prefix>| {
        for prefix in prefixes {
            // Writing to a String never fails.
            let _ = writeln!(text, "{before}{prefix}");
        }
    };
    match format {
        Format::Plain => lines(&mut text, "", &mut prefixes.iter()),
        Format::Netset => {
            let _ = writeln!(text, "# banbridge export\n# Entries: {}", prefixes.len());
            lines(&mut text, "", &mut prefixes.iter());
        }
        Format::Json => {
            text.push('[');
            for (number, prefix) in prefixes.iter().enumerate() {
                let _ = write!(text, "{}\n{{\"cidr\":\"{prefix}\"}}", if number == 0 { "" } else { "," });
            }
            text.push_str("\n]\n");
        }
        Format::Nft => {
            text.push_str("add table inet banbridge_export\n");
            for (family, name, ipv4) in [("ipv4_addr", "v4", true), ("ipv6_addr", "v6", false)] {
                let _ = writeln!(
                    text,
                    "add set inet banbridge_export {name} {{ type {family}; flags interval; }}"
                );
                let _ = writeln!(text, "flush set inet banbridge_export {name}");
                let all: Vec<String> = prefixes
                    .iter()
                    .filter(|prefix| prefix.is_ipv4() == ipv4)
                    .map(Prefix::to_string)
                    .collect();
                if !all.is_empty() {
                    let _ =
                        writeln!(text, "add element inet banbridge_export {name} {{ {} }}", all.join(",\n"));
                }
            }
        }
        Format::Ipset => {
            for (family, name, ipv4) in [("inet", "banbridge-v4", true), ("inet6", "banbridge-v6", false)] {
                let size = prefixes.len().max(65_536);
                let _ = writeln!(
                    text,
                    "create {name} hash:net family {family} maxelem {size} -exist\nflush {name}"
                );
                let mut all = prefixes.iter().filter(|prefix| prefix.is_ipv4() == ipv4);
                lines(&mut text, &format!("add {name} "), &mut all);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::list;

    #[test]
    fn what_is_exported_is_read_again_as_the_same_list() {
        let prefixes: Vec<Prefix> =
            ["45.0.0.1", "46.0.0.0/24", "2a05::/48"].iter().map(|text| text.parse().unwrap()).collect();
        for format in [Format::Plain, Format::Netset, Format::Json] {
            let text = written(format, &prefixes);
            let parsed = list::read("x", text.as_bytes(), &list::Settings::default()).unwrap();
            assert_eq!(parsed.prefixes, prefixes, "{text}");
        }
        for format in [Format::Plain, Format::Netset, Format::Json, Format::Nft, Format::Ipset] {
            assert!(!written(format, &[]).contains("{  }"));
        }
    }
}
