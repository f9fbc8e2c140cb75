//! `coverage`: who attacked this PBX, who of them was listed when, what got through.

mod lists;
mod logs;
mod show;

use crate::system::failure::Result;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Span, SpanRelativeTo};

pub use lists::run as compare_lists;

use super::Global;
use super::output::complain;
use crate::ban::hits::Book;
use crate::ban::never_block::Verdict;
use crate::ban::{NeverBlock, Prefix, widen};
use crate::config::Config;
use crate::coverage::listings::{Listing, Listings};
use crate::coverage::report;
use crate::coverage::stamp::{self, Zone};
use crate::coverage::suggest::Suspect;
use crate::coverage::svg;
use crate::coverage::tally::{Hour, Tally, merge};
use crate::ledger::Ledger;
use crate::pbx::firewall;
use crate::run::state::Picture;
use crate::system::exit::Exit;
use crate::system::files;
use logs::{Log, OfFile};
use show::Told;

/// What `coverage` takes.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// Logs or directories of logs, packed with gzip or not; - is standard input [default: those of this PBX]
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// From this time on: 2026-11-24, "2026-11-24 06:00", or 3d for three days ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Ask the other lists of the catalog, and those that are switched off, what they would have caught
    #[arg(long)]
    suggest: bool,
    /// With --suggest: ask only this list (again for more), a country's too
    #[arg(long = "list", value_name = "NAME", requires = "suggest")]
    lists: Vec<String>,
    /// Write a picture of the attempts per hour into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What the kernel set blocked, so that Asterisk never saw it.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct BlockedBySet {
    /// Addresses and networks of which packets were blocked within the span.
    entries: usize,
    /// Those packets, and earlier ones of the same.
    packets: u64,
}

/// Runs the command.
pub fn run(global: &Global, args: &CoverageArgs) -> Result<Exit> {
    let config = global.environment().config()?;
    let mut zone = Zone::new(logs::zone());
    let (mut ledger, clock) = global.ledger()?;
    let now = clock.now();
    let moments =
        (moment(args.since.as_deref(), &mut zone, now), moment(args.until.as_deref(), &mut zone, now));
    let (since, until) = match moments {
        (Ok(since), Ok(until)) => (since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)),
        (Err(why), _) | (_, Err(why)) => {
            complain(&why);
            return Ok(Exit::Usage);
        }
    };
    let directory = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
    let paths = match logs::find(&args.logs, Path::new(&directory)) {
        Ok(paths) if !paths.is_empty() => paths,
        Ok(_) => {
            complain(&format!("there are no logs in {directory}; name them: banbridge coverage LOG"));
            return Ok(Exit::Unusable);
        }
        Err(error) => {
            complain(&format!("a log cannot be found: {error}"));
            return Ok(if error.kind() == ErrorKind::PermissionDenied { Exit::Denied } else { Exit::Usage });
        }
    };
    let Known { listings, feeds, never_block } = known(&mut ledger, &config, now)?;
    let protects = |address: IpAddr| matches!(never_block.judge(&Prefix::host(address)), Verdict::Refused(_));
    let bar = if global.quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = "{wide_bar} {bytes} of {total_bytes}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let (mut logs, size) = Log::all(paths, &zone, since, &bar);
    bar.set_length(size);
    let mut tally = Tally::new(&listings, &protects, (since, until));
    merge(&mut logs, &mut tally);
    bar.finish_and_clear();
    let files: Vec<OfFile> = logs.into_iter().flat_map(|log| log.found).collect();
    let mut exit = ended(&files, !args.logs.is_empty());
    let report = report::report(&tally, &listings, &feeds);
    let span = span(&files, (since, until));
    let suggested = match args.suggest {
        true => Some(lists::ask(&global.environment(), &args.lists, suspects(&tally, &listings))?),
        false => None,
    };
    let mut picture = None;
    if let Some(path) = &args.svg {
        match draw(path, &tally.hours, span) {
            Ok(()) => picture = Some(path.display().to_string()),
            Err(error) => {
                complain(&format!("the picture {} cannot be written: {error}", path.display()));
                exit = exit.worse(Exit::Denied);
            }
        }
    }
    let told = Told {
        span,
        files,
        kinds: tally.kinds,
        blocked_by_set: blocked_by_set(&ledger.hits()?, span),
        suggested,
        picture,
        report,
    };
    show::show(global, &told)?;
    Ok(exit)
}

/// How the files that could not be read make the command end: as the worst of them where they were named, else only
/// where there was no other.
fn ended(files: &[OfFile], named: bool) -> Exit {
    let worst = files.iter().map(|of| of.exit).fold(Exit::Done, Exit::worse);
    if named || files.iter().all(|of| of.exit != Exit::Done) { worst } else { Exit::Done }
}

/// A time of the command line.
fn moment(text: Option<&str>, zone: &mut Zone, now: i64) -> Result<Option<i64>, String> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        format!("{text:?} is no time; write it like 2026-11-24, \"2026-11-24 06:00\" or 3d (three days ago)")
    };
    if let Ok(ago) = text.trim_start_matches('-').parse::<Span>() {
        let ago = ago.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        return Ok(Some(now.saturating_sub(ago.as_secs())));
    }
    let forms = [text.to_owned(), format!("{text}:00"), format!("{text} 00:00:00")];
    let read = |form: &String| stamp::read(form.as_bytes()).ok().and_then(|stamp| zone.moment(stamp));
    forms.iter().find_map(read).map(Some).ok_or_else(wrong)
}

/// Who lists whom since when, and who must get through.
struct Known {
    listings: Listings,
    /// Names of the feeds, by their place in the listings.
    feeds: Vec<String>,
    never_block: NeverBlock,
}

fn known(ledger: &mut Ledger, config: &Config, now: i64) -> Result<Known> {
    let picture = Picture::load(ledger, config, now)?;
    let mut feeds = Vec::new();
    let mut places: BTreeMap<u16, u16> = BTreeMap::new();
    for (place, asking) in (0u16..).zip(&picture.asking) {
        feeds.push(picture.feed_name(asking.feed).unwrap_or_default().to_owned());
        places.insert(asking.feed, place);
    }
    let mut all = Vec::with_capacity(picture.entries.len());
    for entry in &picture.entries {
        let asking = picture.asking.iter().find(|asking| asking.feed == entry.feed);
        let held = asking.is_none_or(|feed| feed.held_since.is_some_and(|since| entry.first_seen > since));
        if let (false, Some(place)) = (held, places.get(&entry.feed)) {
            let span = (entry.first_seen, picture.end(entry).unwrap_or(i64::MAX));
            all.push(Listing { prefix: entry.prefix, feed: *place, span });
        }
    }
    for widening in &picture.widening {
        for widened in widen::widen(&picture.entries, widening, now) {
            let mut seen: Vec<i64> = widened.because.iter().map(|entry| entry.first_seen).collect();
            seen.sort_unstable();
            // A network is blocked from when so many of its addresses were listed.
            let enough = seen.get(widening.at_least.max(2) - 1);
            if let (Some(since), Some(place)) = (enough, places.get(&widened.feed)) {
                all.push(Listing { prefix: widened.network, feed: *place, span: (*since, i64::MAX) });
            }
        }
    }
    Ok(Known { listings: Listings::new(all), feeds, never_block: picture.never_block })
}

/// From when until when: what was asked for, cut to what the logs hold.
fn span(files: &[OfFile], asked: (i64, i64)) -> Option<(i64, i64)> {
    let first = files.iter().filter_map(|of| of.span).map(|span| span.0).min()?;
    let last = files.iter().filter_map(|of| of.span).map(|span| span.1).max()?;
    Some((first.max(asked.0), last.min(asked.1)))
}

/// What the kernel set blocked in that time.
fn blocked_by_set(book: &Book, span: Option<(i64, i64)>) -> BlockedBySet {
    let (from, until) = span.unwrap_or_default();
    let within = book.prefixes.values().filter(|hits| hits.last_at >= from && hits.first_at <= until);
    within.fold(BlockedBySet::default(), |sum, hits| BlockedBySet {
        entries: sum.entries + 1,
        packets: sum.packets.saturating_add(hits.packets),
    })
}

/// Those who came, for the lists.
fn suspects(tally: &Tally<'_>, listings: &Listings) -> Vec<Suspect> {
    use crate::coverage::listings::{When, when};
    let attackers = tally.attackers.iter().filter(|(_, attacker)| !attacker.protected);
    let mut all: Vec<Suspect> = attackers
        .map(|(address, attacker)| Suspect {
            address: *address,
            attempts: attacker.attempts,
            unlisted: attacker.unlisted,
            never: when(attacker.first, &listings.spans(*address)) == When::Never,
        })
        .collect();
    all.sort_unstable_by_key(|suspect| suspect.address);
    all
}

fn draw(path: &Path, hours: &BTreeMap<i64, Hour>, span: Option<(i64, i64)>) -> io::Result<()> {
    let title = match span {
        Some(span) => format!("Attempts on this PBX, {}", show::span(span)),
        None => "Attempts on this PBX".to_owned(),
    };
    files::replace(path, svg::draw(hours, &title).as_bytes(), 0o644)
}
