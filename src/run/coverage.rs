//! Who attacked this PBX, which feed listed them when, and what got through: the logs beside the saved state.

pub mod lists;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::ban::hits::Book;
use crate::ban::never_block::Verdict;
use crate::ban::{NeverBlock, Prefix, widen};
use crate::config::Config;
use crate::coverage::listings::{Listing, Listings, Span};
use crate::coverage::logs::{self, LogFile, Watch};
use crate::coverage::moment::Moment;
use crate::coverage::report::{self, Report};
use crate::coverage::stamp::Zone;
use crate::coverage::suggest;
use crate::coverage::tally::{Hour, Kinds, Tally};

use crate::ledger::Ledger;
use crate::pbx::firewall;
use crate::run::Environment;
use crate::run::state::SavedState;
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::time::Time;
use lists::Suggested;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct CoverageRequest {
    /// Logs or directories of logs; none are those of this PBX.
    pub logs: Vec<PathBuf>,
    /// From this time on.
    pub since: Option<Moment>,
    /// Until before this time.
    pub until: Option<Moment>,
    /// The lists to fetch, to see what they would have caught; empty means all that are not used yet.
    pub suggest: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Coverage {
    /// What the logs contain of the time that was asked for; none without a time in them.
    #[serde(serialize_with = "as_times")]
    pub span: Option<Span>,
    /// The files.
    pub logs: Vec<LogFile>,
    /// Lines of all files.
    pub lines: Kinds,
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// What the kernel set blocked.
    pub blocked_by_set: BlockedBySet,
    /// What other lists would have caught, if they were fetched.
    #[serde(rename = "suggest")]
    pub suggested: Option<Vec<Suggested>>,
    /// Attempts by the hour, the number of hours since 1970.
    #[serde(skip)]
    pub hours: BTreeMap<i64, Hour>,
    /// How the files that cannot be read make the program end.
    #[serde(skip)]
    pub exit: Exit,
}

/// What the kernel set blocked, so that Asterisk never saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BlockedBySet {
    /// Addresses and networks that the set blocked last within the time.
    pub entries: usize,
    /// Their packets, earlier ones too.
    pub packets: u64,
}

fn as_times<S: Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Times {
        from: Time,
        until: Time,
    }
    span.map(|(from, until)| Times { from: Time(from), until: Time(until) }).serialize(serializer)
}

/// Reads the logs and compares them with what the feeds listed. Changes nothing but the times at which lists were
/// fetched.
pub fn coverage(environment: &Environment, request: &CoverageRequest, watch: &dyn Watch) -> Result<Coverage> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let mut zone = Zone::of_machine();
    let mut at = |moment: Option<Moment>, otherwise: i64| match moment {
        None => Ok(otherwise),
        Some(moment) => moment
            .at(&mut zone, now)
            .ok_or_else(|| Failure::new(Exit::Usage, "the logs' time zone does not have this time")),
    };
    let asked = (at(request.since, i64::MIN)?, at(request.until, i64::MAX)?);
    let directory = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
    let paths = logs::find(&request.logs, Path::new(&directory))?;
    let known = Known::load(&mut ledger, &config, now)?;
    let protects =
        |address: IpAddr| matches!(known.never_block.judge(&Prefix::host(address)), Verdict::Protected(_));
    let mut tally = Tally::new(&known.listings, &protects, asked);
    let files = logs::read(paths, &zone, asked.0, watch, &mut tally);
    let span = logs::span(&files, asked);
    let suggested = match &request.suggest {
        Some(names) => Some(lists::ask(environment, names, suggest::suspects(&tally, &known.listings))?),
        None => None,
    };
    Ok(Coverage {
        span,
        lines: tally.kinds,
        report: report::report(&tally, &known.listings, &known.feeds),
        blocked_by_set: BlockedBySet::within(&ledger.hits()?, span),
        suggested,
        hours: tally.hours,
        exit: exit(&files, !request.logs.is_empty()),
        logs: files,
    })
}

/// The worst of the files if they were named. In the usual places, one good file is enough.
fn exit(files: &[LogFile], named: bool) -> Exit {
    let all_bad = files.iter().all(|file| file.exit() != Exit::Done);
    let worst = files.iter().map(LogFile::exit).fold(Exit::Done, Exit::worse);
    if named || all_bad { worst } else { Exit::Done }
}

/// What the feeds listed since when, and what is protected.
struct Known {
    listings: Listings,
    /// Names of the feeds, by their place in the listings.
    feeds: Vec<String>,
    never_block: NeverBlock,
}

impl Known {
    fn load(ledger: &mut Ledger, config: &Config, now: i64) -> Result<Self> {
        let saved = SavedState::load(ledger, config, now)?;
        let mut feeds = Vec::new();
        let mut places: BTreeMap<u16, u16> = BTreeMap::new();
        for (place, feed_policy) in (0u16..).zip(&saved.feed_policies) {
            feeds.push(saved.feed_name(feed_policy.feed).unwrap_or_default().to_owned());
            places.insert(feed_policy.feed, place);
        }
        let mut all = Vec::with_capacity(saved.entries.len());
        for entry in &saved.entries {
            let feed_policy = saved.feed_policies.iter().find(|feed| feed.feed == entry.feed);
            let held = feed_policy
                .is_none_or(|feed| feed.held_since.is_some_and(|since| entry.first_seen() > since));
            if let (false, Some(place)) = (held, places.get(&entry.feed)) {
                let span = (entry.first_seen(), saved.end(entry).unwrap_or(i64::MAX));
                all.push(Listing { prefix: entry.prefix, feed: *place, span });
            }
        }
        for widening in &saved.widening {
            for widened in widen::widen(&saved.entries, widening, now) {
                let mut seen: Vec<i64> =
                    widened.because.iter().map(super::super::ban::entry::Entry::first_seen).collect();
                seen.sort_unstable();
                // A network is blocked from the time when enough of its addresses were listed.
                let enough = seen.get(widening.at_least.max(2) - 1);
                if let (Some(since), Some(place)) = (enough, places.get(&widened.feed)) {
                    all.push(Listing { prefix: widened.network, feed: *place, span: (*since, i64::MAX) });
                }
            }
        }
        Ok(Self { listings: Listings::new(all), feeds, never_block: saved.never_block })
    }
}

impl BlockedBySet {
    fn within(book: &Book, span: Option<Span>) -> Self {
        let (from, until) = span.unwrap_or_default();
        let within = book.prefixes.values().filter(|hits| hits.last_at >= from && hits.first_at <= until);
        within.fold(Self::default(), |sum, hits| Self {
            entries: sum.entries + 1,
            packets: sum.packets.saturating_add(hits.packets),
        })
    }
}
