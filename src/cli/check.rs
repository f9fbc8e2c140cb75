//! `check`: is this address blocked, by whom, until when; and if not, why not.

use crate::system::failure::Result;
use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{Time, count, number, print, print_json};
use crate::ban::plan::{Fate, Plan};
use crate::ban::{Cover, Prefix, Source};
use crate::ledger::rows::Release;
use crate::pbx::{daemon, firewall};
use crate::run::kernel_set::SetView;
use crate::run::state::Picture;
use crate::system::exit::Exit;

/// What `check` takes.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// An address, or a network
    #[arg(value_name = "ADDRESS", value_parser = read_prefix)]
    address: Prefix,
}

pub fn read_prefix(text: &str) -> Result<Prefix, String> {
    text.parse().map_err(|error| format!("{error}. Write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1"))
}

/// Owners of rows.
const BANBRIDGE: &str = "banbridge";
const YOU: &str = "you";

#[derive(Serialize)]
struct Checked {
    address: Prefix,
    blocked: bool,
    feeds: Vec<Listing>,
    /// The row of the blacklist that holds it.
    row: Option<String>,
    /// `banbridge` or `you`.
    row_owner: Option<&'static str>,
    /// Whether the set in the kernel holds it; none where there is no set.
    set: Option<bool>,
    /// Packets of it that the kernel set blocked.
    blocked_packets: Option<u64>,
    /// Why it is or is not blocked, in words.
    reason: String,
    /// All that keep it, or part of it, from being blocked.
    protections: Vec<Protected>,
}

#[derive(Serialize)]
struct Protected {
    source: Source,
    /// The protected address or network.
    address: Prefix,
    /// What you know it by.
    label: String,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct Listing {
    feed: String,
    /// The entry.
    address: Prefix,
    first_seen: Time,
    last_seen: Time,
    /// None: until the list drops it.
    expires_at: Option<Time>,
    /// For a network that no feed names: the listed addresses in it that it is blocked for (`widen`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    widened: Vec<Prefix>,
}

/// Runs the command.
pub fn run(global: &Global, args: &CheckArgs) -> Result<Exit> {
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let picture = Picture::load(&mut ledger, &config, clock.now())?;
    let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
    let plan = picture.plan(clock.now());
    let view = SetView::load(&mut ledger, &plan, clock.now())?;
    let checked = look(&picture, &plan, &view, args.address, daemon::is_running(&run_dir), clock.now());
    if global.json {
        print_json(&checked)?;
    } else if !global.quiet {
        print(&text(&checked))?;
    }
    Ok(if checked.blocked { Exit::Done } else { Exit::No })
}

fn look(picture: &Picture, plan: &Plan, view: &SetView, address: Prefix, running: bool, now: i64) -> Checked {
    let feeds: Vec<Listing> = picture
        .holding(now)
        .filter(|entry| entry.prefix.contains(&address))
        .filter_map(|entry| {
            Some(Listing {
                feed: picture.feed_name(entry.feed)?.to_owned(),
                address: entry.prefix,
                first_seen: Time(entry.first_seen),
                last_seen: Time(picture.last_seen(entry)),
                expires_at: picture.end(entry).map(Time),
                widened: Vec::new(),
            })
        })
        .chain(widened(picture, &address, now))
        .collect();
    let row = row(picture, address);
    let named = row.as_ref().map(|(key, owner)| match *owner {
        YOU => format!("your row {key}"),
        owner => format!("{owner}'s row {key}"),
    });
    let (blocked, reason) = match (named, picture.firewall.enabled, running) {
        (Some(row), true, true) => (true, row),
        (Some(row), false, _) => (false, format!("{row} has no effect: the firewall is disabled")),
        (Some(row), true, false) => (
            false,
            format!(
                "{row} has no effect: the firewall service does not run (start it: fwconsole firewall start)"
            ),
        ),
        (None, ..) => (false, why_not(picture, plan, address, &feeds)),
    };
    let set = view.holds(&address);
    // The set blocks by itself, whatever becomes of the row.
    let (blocked, reason) = match (blocked, set) {
        (false, Some(true)) => (true, "the kernel set".to_owned()),
        (true, Some(true)) => (true, format!("{reason} and the kernel set")),
        _ => (blocked, reason),
    };
    let (row, row_owner) = row.unzip();
    let protections = picture.never_block.touching(&address).map(|one| Protected {
        source: one.source,
        address: one.prefix,
        label: one.label.clone(),
        text: one.to_string(),
    });
    Checked {
        address,
        blocked,
        feeds,
        row,
        row_owner,
        set,
        blocked_packets: view.packets(&address),
        reason,
        protections: protections.collect(),
    }
}

/// Networks around an address that are blocked for what their addresses did.
fn widened(picture: &Picture, address: &Prefix, now: i64) -> Vec<Listing> {
    let around = picture.widened(now).into_iter().filter(|widened| widened.network.contains(address));
    around
        .filter_map(|widened| {
            Some(Listing {
                feed: picture.feed_name(widened.feed)?.to_owned(),
                address: widened.network,
                first_seen: Time(widened.first_seen()),
                last_seen: Time(
                    widened.because.iter().map(|entry| picture.last_seen(entry)).max().unwrap_or(0),
                ),
                // The first of them to go may narrow it.
                expires_at: widened.because.iter().filter_map(|entry| picture.end(entry)).min().map(Time),
                widened: widened.because.iter().map(|entry| entry.prefix).collect(),
            })
        })
        .collect()
}

/// The row that blocks an address, as the table is now, with its owner.
fn row(picture: &Picture, address: Prefix) -> Option<(String, &'static str)> {
    let holds = |prefix: &Prefix| picture.policy.driver.enforces(prefix) && prefix.contains(&address);
    let ours = picture.rows.ours.iter().find(|key| key.parse().is_ok_and(|prefix| holds(&prefix)));
    let yours = || picture.present.foreign.iter().find(|row| row.prefixes.iter().any(holds));
    ours.map(|key| (key.clone(), BANBRIDGE)).or_else(|| yours().map(|row| (row.key.clone(), YOU)))
}

fn why_not(picture: &Picture, plan: &Plan, address: Prefix, feeds: &[Listing]) -> String {
    match picture.fate(plan, &address) {
        Fate::Refused(why) if feeds.is_empty() => {
            format!("no feed lists it, and it is protected: {why}")
        }
        Fate::Refused(why) => format!("protected: {why}"),
        _ if feeds.is_empty() => {
            let wide = picture.too_wide().find(|(entry, _)| entry.prefix.contains(&address));
            wide.map_or("no feed lists it, and no row contains it".to_owned(), |(entry, why)| {
                let feed = picture.feed_name(entry.feed).unwrap_or_default();
                format!("{feed} lists it as {} ({why})", entry.prefix)
            })
        }
        Fate::Released => {
            let overlaps = |release: &&Release| Cover::new([&release.prefix]).overlaps(&address);
            let until = picture.releases.iter().filter(overlaps).map(|release| release.until).max();
            format!("unblocked until {}", Time(until.unwrap_or_default()))
        }
        Fate::OverLimit => {
            format!("the row limit of {} is reached", number(picture.policy.limit))
        }
        Fate::NotByRow => "the firewall's iptables driver does not enforce IPv6 rows".to_owned(),
        Fate::Row(_) | Fate::Foreign(_) | Fate::NotWanted => "pending: the next run adds its row".to_owned(),
    }
}

fn text(checked: &Checked) -> String {
    let answer = if checked.blocked { "is blocked" } else { "is not blocked" };
    let mut text = format!("{} {answer}: {}\n", checked.address, checked.reason);
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
