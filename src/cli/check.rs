//! `check`: is this address blocked, by whom, until when; and if not, why not.

use crate::system::failure::Result;
use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{Time, print, print_json};
use crate::ban::plan::{Fate, Plan};
use crate::ban::{Prefix, Source};
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
    text.parse().map_err(|error| format!("{error}; write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1"))
}

#[derive(Serialize)]
struct Checked {
    address: Prefix,
    blocked: bool,
    feeds: Vec<Listing>,
    /// The row of the blacklist that holds it.
    row: Option<String>,
    /// `banbridge` or `administrator`.
    row_owner: Option<&'static str>,
    /// Whether the set in the kernel holds it; none where there is no set.
    set: Option<bool>,
    /// Packets of it that the set refused.
    refused_packets: Option<u64>,
    /// Why it is or is not blocked, in words.
    reason: String,
    /// All that keep it, or part of it, from being blocked.
    protections: Vec<Protected>,
}

#[derive(Serialize)]
struct Protected {
    source: Source,
    prefix: Prefix,
    /// What the administrator knows it by.
    label: String,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct Listing {
    feed: String,
    prefix: Prefix,
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
                prefix: entry.prefix,
                first_seen: Time(entry.first_seen),
                last_seen: Time(picture.last_seen(entry)),
                expires_at: picture.end(entry).map(Time),
                widened: Vec::new(),
            })
        })
        .chain(widened(picture, &address, now))
        .collect();
    let row = row(picture, address);
    let (blocked, reason) = match (&row, picture.firewall.enabled, running) {
        (Some((key, owner)), true, true) => {
            (true, format!("the firewall's blacklist holds {key}, a row of {owner}"))
        }
        (Some((key, _)), false, _) => {
            (false, format!("the blacklist holds {key}, but the firewall is switched off"))
        }
        (Some((key, _)), true, false) => (
            false,
            format!(
                "the blacklist holds {key}, but the firewall's daemon does not run (fwconsole firewall start)"
            ),
        ),
        (None, ..) => (false, why_not(picture, plan, address, &feeds)),
    };
    let set = view.holds(&address);
    // The set blocks by itself, whatever becomes of the row.
    let (blocked, reason) = match (blocked, set) {
        (false, Some(true)) => (true, "the set in the kernel holds it".to_owned()),
        (true, Some(true)) => (true, format!("{reason}, and so does the set in the kernel")),
        _ => (blocked, reason),
    };
    let (row, row_owner) = row.unzip();
    let protections = picture.never_block.touching(&address).map(|one| Protected {
        source: one.source,
        prefix: one.prefix,
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
        refused_packets: view.packets(&address),
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
                prefix: widened.network,
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
    let his = || picture.present.foreign.iter().find(|row| row.prefixes.iter().any(holds));
    ours.map(|key| (key.clone(), "banbridge")).or_else(|| his().map(|row| (row.key.clone(), "administrator")))
}

fn why_not(picture: &Picture, plan: &Plan, address: Prefix, feeds: &[Listing]) -> String {
    match picture.fate(plan, &address) {
        Fate::Refused(why) if feeds.is_empty() => {
            format!("no feed lists it, and it would never be blocked: {why}")
        }
        Fate::Refused(why) => format!("listed, but never blocked: {why}"),
        _ if feeds.is_empty() => {
            let wide = picture.too_wide().find(|(entry, _)| entry.prefix.contains(&address));
            wide.map_or("no feed lists it and no row holds it".to_owned(), |(entry, why)| {
                let feed = picture.feed_name(entry.feed).unwrap_or_default();
                format!("{feed} lists it as {}, which is {why}", entry.prefix)
            })
        }
        Fate::Released => "listed, but an administrator took it out (banbridge list --released)".to_owned(),
        Fate::OverLimit => {
            format!("listed, but it found no room under the limit of {} rows", picture.policy.limit)
        }
        Fate::NotByRow => "listed, but the firewall's iptables driver enforces no IPv6 rows".to_owned(),
        Fate::Row(_) | Fate::Foreign(_) | Fate::NotWanted => {
            "listed; the next run writes its row (banbridge sync)".to_owned()
        }
    }
}

fn text(checked: &Checked) -> String {
    let answer = if checked.blocked { "is blocked" } else { "is NOT blocked" };
    let mut text = format!("{} {answer}: {}\n", checked.address, checked.reason);
    if let Some(packets) = checked.refused_packets.filter(|packets| *packets > 0) {
        text += &format!("  {packets} packets of it were refused\n");
    }
    for listing in &checked.feeds {
        let within =
            if listing.prefix == checked.address { String::new() } else { format!(" as {}", listing.prefix) };
        let until = listing.expires_at.map_or("the list drops it".to_owned(), |end| end.to_string());
        text += &format!(
            "  listed by {}{within} since {}, last seen {}, until {until}\n",
            listing.feed, listing.first_seen, listing.last_seen
        );
        if !listing.widened.is_empty() {
            let some: Vec<String> = listing.widened.iter().take(5).map(Prefix::to_string).collect();
            text += &format!(
                "    widened: {} addresses of this network are listed, such as {}\n",
                listing.widened.len(),
                some.join(", ")
            );
        }
    }
    for one in &checked.protections {
        let part = if one.prefix == checked.address { String::new() } else { format!(" ({})", one.prefix) };
        text += &format!("  protected: {}{part}\n", one.text);
    }
    text
}
