//! `check`: whether an address is blocked, and why.

use clap::Args;

use super::Global;
use super::output::{count, print, print_json};
use crate::ban::Prefix;
use crate::run::ask::ask;
use crate::run::check::{Checked, check};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `check` takes.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// address or network
    #[arg(value_name = "ADDRESS", value_parser = read_prefix)]
    address: Prefix,
    /// also ask apiban and CrowdSec about it, now
    #[arg(long)]
    ask: bool,
}

/// An address or network of the command line.
pub fn read_prefix(text: &str) -> Result<Prefix, String> {
    text.parse().map_err(|error| format!("{error}. Write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1"))
}

/// Runs the command.
pub fn run(global: &Global, args: &CheckArgs) -> Result<Exit> {
    let environment = global.environment();
    let mut checked = check(&environment, args.address)?;
    if args.ask {
        checked.asked = Some(ask(&environment, args.address)?);
    }
    if global.json {
        print_json(&checked)?;
    } else if !global.quiet {
        print(&text(&checked))?;
    }
    Ok(if checked.blocked { Exit::Done } else { Exit::No })
}

fn text(checked: &Checked) -> String {
    let others: Vec<String> = checked.also.iter().map(ToString::to_string).collect();
    let mut text = match (checked.blocked, others.as_slice()) {
        (true, _) => format!("{} is blocked: {}\n", checked.address, checked.reason),
        (false, []) => format!("{} is not blocked: {}\n", checked.address, checked.reason),
        (false, others) => format!(
            "{} is blocked by {}, not by banbridge: {}\n",
            checked.address,
            others.join(" and "),
            checked.reason
        ),
    };
    if checked.blocked {
        for other in &others {
            text += &format!("  also blocked by {other}\n");
        }
    }
    for unknown in &checked.unknown {
        text += &format!("  not known: {unknown}\n");
    }
    for one in checked.asked.iter().flatten() {
        let answer = match one.listed {
            Some(true) => "lists it now",
            Some(false) => "does not list it now",
            None => "did not say",
        };
        let more = one.text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        text += &format!("  asked: {} {answer}{more}\n", one.feed);
    }
    if let Some(packets) = checked.blocked_packets.filter(|packets| *packets > 0) {
        text += &format!("  {} of it\n", count(packets, "blocked packet", "blocked packets"));
    }
    for listing in &checked.feeds {
        let within = if listing.address == checked.address {
            String::new()
        } else {
            format!(" as {}", listing.address)
        };
        let until = listing.expires_at.map_or("while listed".to_owned(), |end| format!("expires {end}"));
        text += &format!(
            "  listed by {}{within} since {}, last seen {}, {until}\n",
            listing.feed, listing.first_seen, listing.last_seen
        );
        if !listing.widened.is_empty() {
            let some: Vec<String> = listing.widened.iter().take(5).map(Prefix::to_string).collect();
            text += &format!(
                "    widened: {} (such as {}), so all of {}\n",
                count(listing.widened.len(), "listed address", "listed addresses"),
                some.join(", "),
                listing.address
            );
        }
    }
    for one in &checked.protections {
        let part = if one.address == checked.address { String::new() } else { format!(" ({})", one.address) };
        text += &format!("  protected: {}{part}\n", one.text);
    }
    text
}
