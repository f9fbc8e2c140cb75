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
use crate::coverage::tally::{Hour, Kinds, Restored, Stopped, Tally};

use crate::ledger::Ledger;
use crate::ledger::attacks::ListedFrom;
use crate::pbx::firewall;
use crate::run::state::SavedState;
use crate::run::{Environment, attacks};
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::time::Time;
use lists::Suggested;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct CoverageRequest {
    /// Logs or directories of logs; none are those of this PBX.
    pub logs: Vec<PathBuf>,
    /// Read the logs, although none is named and runs keep what is in those of this PBX.
    pub read: bool,
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
    /// Since when runs read the logs and keep what is in them, where the report is from that; none where files were read.
    pub saved_since: Option<Time>,
    /// What keeps runs from reading a log.
    pub log_problems: Vec<LogProblem>,
    /// The files, where files were read.
    pub logs: Vec<LogFile>,
    /// Lines of all files.
    pub lines: Kinds,
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// What the kernel set blocked.
    pub blocked_by_set: BlockedBySet,
    /// Attackers who were in force as blocked and reached Asterisk all the same; none where files were read.
    pub leaks: Vec<LeakItem>,
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

/// What keeps runs from reading a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogProblem {
    /// The log's name.
    pub log: String,
    /// What is wrong, in words.
    pub problem: String,
}

/// An attacker who was in force as blocked and reached Asterisk all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeakItem {
    /// Who.
    pub address: IpAddr,
    /// How often.
    pub attempts: u64,
    /// When last.
    pub last: Time,
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
    let since = attacks::followed_since(&mut ledger)?.filter(|_| request.logs.is_empty() && !request.read);
    if let Some(since) = since {
        return of_saved_state(environment, request, &config, &mut ledger, (asked, since, now));
    }
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
        saved_since: None,
        log_problems: Vec::new(),
        leaks: Vec::new(),
        lines: tally.kinds,
        report: report::report(&tally, &known.listings, &known.feeds),
        blocked_by_set: BlockedBySet::within(&ledger.hits()?, span),
        suggested,
        hours: tally.hours,
        exit: exit(&files, !request.logs.is_empty()),
        logs: files,
    })
}

/// The same from what runs read and kept, at once. `times`: what is asked for, since when anything is kept, and now.
fn of_saved_state(
    environment: &Environment,
    request: &CoverageRequest,
    config: &Config,
    ledger: &mut Ledger,
    times: (Span, i64, i64),
) -> Result<Coverage> {
    let (asked, since, now) = times;
    let mut known = Known::load(ledger, config, now)?;
    known.add_past(ledger)?;
    let never_block = known.never_block.clone();
    let protects =
        |address: IpAddr| matches!(never_block.judge(&Prefix::host(address)), Verdict::Protected(_));
    let mut tally = Tally::new(&known.listings, &protects, asked);
    let mut span: Option<Span> = None;
    for attack in ledger.attacks(asked.0, asked.1)? {
        let [calls, registrations, authentications] = attack.lines;
        tally.kinds.calls += calls;
        tally.kinds.registrations += registrations;
        tally.kinds.authentications += authentications;
        let protected = attack.protected || protects(attack.address);
        span =
            Some(span.map_or((attack.first, attack.last), |span| {
                (span.0.min(attack.first), span.1.max(attack.last))
            }));
        let (first, last, attempts, unlisted) = (attack.first, attack.last, attack.attempts, attack.unlisted);
        let lines = attack.lines.iter().sum();
        tally.restore(attack.address, &Restored { first, last, attempts, unlisted, lines, protected });
    }
    for hour in ledger.attack_hours(asked.0, asked.1)? {
        tally.all.listed += hour.listed;
        tally.all.unlisted += hour.unlisted;
        tally.left_out += hour.left_out;
        tally.hours.insert(hour.at / 3_600, Hour { listed: hour.listed, unlisted: hour.unlisted });
    }
    for stopped in ledger.attacks_stopped(asked.0, asked.1)? {
        let place = known.numbers.iter().position(|number| *number == stopped.feed);
        if let Some(place) = place.and_then(|place| u16::try_from(place).ok()) {
            tally.stopped.insert(place, Stopped { attempts: stopped.stopped, alone: stopped.alone });
        }
    }
    let suggested = match &request.suggest {
        Some(names) => Some(lists::ask(environment, names, suggest::suspects(&tally, &known.listings))?),
        None => None,
    };
    let problems = attacks::log_notes(ledger)?;
    let leaks = ledger.leaks(asked.0.max(0))?;
    Ok(Coverage {
        span,
        saved_since: Some(Time(since)),
        log_problems: problems.into_iter().map(|(log, problem)| LogProblem { log, problem }).collect(),
        lines: tally.kinds,
        report: report::report(&tally, &known.listings, &known.feeds),
        blocked_by_set: BlockedBySet::within(&ledger.hits()?, span),
        leaks: leaks
            .into_iter()
            .map(|(address, attempts, last)| LeakItem { address, attempts, last: Time(last) })
            .collect(),
        suggested,
        hours: tally.hours,
        exit: Exit::Done,
        logs: Vec::new(),
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
    /// The ledger's numbers of them.
    numbers: Vec<u16>,
    never_block: NeverBlock,
}

impl Known {
    fn load(ledger: &mut Ledger, config: &Config, now: i64) -> Result<Self> {
        let saved = SavedState::load(ledger, config, now)?;
        let (listings, numbers) = listings_of(&saved, now);
        let name = |number: &u16| saved.feed_name(*number).unwrap_or_default().to_owned();
        let feeds = numbers.iter().map(name).collect();
        Ok(Self { listings, feeds, numbers, never_block: saved.never_block })
    }

    /// Adds what feeds listed of attackers in the past, as it was noted then.
    fn add_past(&mut self, ledger: &mut Ledger) -> Result<()> {
        let past = ledger.listed_from()?;
        let listing = |one: &ListedFrom| {
            let place = self.numbers.iter().position(|number| *number == one.feed)?;
            let span = (one.since, one.until.saturating_add(1));
            Some(Listing { prefix: Prefix::host(one.address), feed: u16::try_from(place).ok()?, span })
        };
        let all: Vec<Listing> = past.iter().filter_map(listing).collect();
        self.listings.extend(all);
        Ok(())
    }
}

/// What the enabled feeds list since when, and the ledger's numbers of these feeds by their place in the listings.
pub(super) fn listings_of(saved: &SavedState, now: i64) -> (Listings, Vec<u16>) {
    let mut feeds = Vec::new();
    let mut places: BTreeMap<u16, u16> = BTreeMap::new();
    for (place, feed_policy) in (0u16..).zip(&saved.feed_policies) {
        feeds.push(feed_policy.feed);
        places.insert(feed_policy.feed, place);
    }
    let mut all = Vec::with_capacity(saved.entries.len());
    for entry in &saved.entries {
        let feed_policy = saved.feed_policies.iter().find(|feed| feed.feed == entry.feed);
        let held =
            feed_policy.is_none_or(|feed| feed.held_since.is_some_and(|since| entry.first_seen() > since));
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
    (Listings::new(all), feeds)
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
