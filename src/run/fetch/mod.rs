//! Asks one feed for batch after batch, within its rate limit, and saves each before the next.

use crate::system::failure::{Classify, Failure, Result};
mod crowdsec;
mod list;

use std::thread;
use std::time::Duration;

use crate::ban::never_block::Verdict;
use crate::ban::pacing;
use crate::ban::wanted;
use crate::ban::{Entry, Prefix};
use crate::config::{Config, FeedConfig, KeySource, Kind};
use crate::feed::apiban::{Api, ApibanClient, ApibanSettings, FIRST_CURSOR};
use crate::feed::{Feed, Fetch, FetchError, FetchErrorKind, RawEntry};
use crate::ledger::feeds::{ENTRY_SHOWN, FeedState, Refused};
use crate::run::child::{Event, tell};
use crate::run::clock;
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::{Role, Session};
use crate::run::state::asking_of;
use crate::system::exit::Exit;
use crate::system::fault;
use crate::system::text::one_line;

/// Batches of one feed in one run at most; a feed that never ends must not hold a run for ever.
const MOST_BATCHES: u64 = 400;

/// What became of one batch's entries.
struct Judged {
    entries: Vec<Entry>,
    refused: Vec<Refused>,
    protected: Vec<SkippedEntry>,
}

impl Session {
    /// Asks a feed for all it has. What goes wrong with the feed is in its report; an error is one of the database.
    pub(super) fn ask_feed(
        &mut self,
        config: &FeedConfig,
        forced: bool,
        report: &mut Report,
    ) -> Result<FeedReport> {
        if let Some(list) = &config.list {
            return self.ask_list(config, list, forced, report);
        }
        if let Some(crowdsec) = &config.crowdsec {
            return self.ask_crowdsec(config, crowdsec, forced, report);
        }
        let mut asked = FeedReport::new(&config.name);
        let state = self.state(&config.name);
        asked.complete = state.complete;
        let waits = state
            .last_attempt
            .is_some_and(|last| (last..last + config.interval.as_secs()).contains(&self.clock.now()));
        if waits && !forced {
            return Ok(asked);
        }
        let mut client = match client(config) {
            Ok(client) => client,
            Err(error) => {
                let exit = error.exit();
                self.fail(config, &mut asked, format!("{error:#}"), exit, None)?;
                return Ok(asked);
            }
        };
        asked.complete = false;
        while asked.requests < MOST_BATCHES {
            if !self.wait_for_turn(config, &mut asked, report)? {
                return Ok(asked);
            }
            let state = self.state(&config.name);
            let cursor = state.cursor.clone().unwrap_or_else(|| FIRST_CURSOR.to_owned());
            let pace = pace(&self.config, config);
            self.ledger.note_request(&pace, now_ms())?;
            fault::point("request-noted")?;
            asked.requests += 1;
            match client.next_batch(&cursor) {
                Ok(fetch) => {
                    fault::point("answer-read")?;
                    if self.compare_clocks(config, &fetch, report)? {
                        continue;
                    }
                    self.take(config, &cursor, &fetch, &mut asked)?;
                    self.apply(report)?;
                    if asked.complete {
                        return Ok(asked);
                    }
                }
                Err(error) => {
                    if !self.may_go_on(config, &error, &mut asked)? {
                        return Ok(asked);
                    }
                }
            }
            let message =
                format!("{}: {} entries in {} requests", config.name, asked.fetched, asked.requests);
            self.say_progress(message);
        }
        let error = format!(
            "{} did not come to an end in {MOST_BATCHES} requests; the next run goes on",
            config.name
        );
        self.fail(config, &mut asked, error, Exit::TryAgain, None)?;
        Ok(asked)
    }

    /// Believes a doubted clock that agrees with the feed's, and says when the two are far apart. True when the feed
    /// starts over for it, so that this answer is none to what is asked now.
    fn compare_clocks(&mut self, config: &FeedConfig, fetch: &Fetch, report: &mut Report) -> Result<bool> {
        let Some(theirs) = fetch.server_time else { return Ok(false) };
        let cursor = self.state(&config.name).cursor;
        let dry = self.is_dry();
        if self.clock.compare(&mut self.ledger, theirs, dry)? && !dry {
            log::info!("the clock is believed: {} agrees with it", config.name);
            let never_block = self.picture.never_block.clone();
            self.refresh()?;
            self.picture.never_block = never_block;
        }
        if let Some(contradiction) = clock::contradiction(&config.name, theirs) {
            report.warn(contradiction);
        }
        Ok(self.state(&config.name).cursor != cursor)
    }

    /// The remembered state of a feed of the configuration.
    pub(super) fn state(&self, name: &str) -> FeedState {
        self.picture.feeds.iter().find(|state| state.name == name).cloned().unwrap_or_default()
    }

    /// Waits until the feed may be asked. False when that would take longer than this run may wait; then the feed's
    /// report says so.
    fn wait_for_turn(
        &mut self,
        config: &FeedConfig,
        asked: &mut FeedReport,
        report: &mut Report,
    ) -> Result<bool> {
        loop {
            let pace = pace(&self.config, config);
            let past = self.ledger.requests(&pace)?;
            let paced = pacing::wait(&past, now_ms());
            let told = self.state(&config.name).retry_at.filter(|_| self.clock.doubt().is_none());
            let told = told.map_or(0, |at| at.saturating_sub(self.clock.now()).clamp(0, 3_600));
            let wait = paced.max(Duration::from_secs(told.unsigned_abs()));
            if wait.is_zero() {
                return Ok(true);
            }
            if !self.patience.spend(wait) {
                let seconds = wait.as_secs_f64().ceil();
                let error = format!(
                    "{} may be asked again in {seconds} s (its limit is {} requests in {} s); the next run goes on from \
                     here, and --wait SECONDS waits for it",
                    config.name,
                    pacing::LIMIT,
                    pacing::WINDOW.as_secs()
                );
                self.fail(config, asked, error, Exit::TryAgain, self.state(&config.name).retry_at)?;
                return Ok(false);
            }
            // What came so far is to be in force while we wait.
            self.reload(report)?;
            let text = format!(
                "{}: {} entries so far; waiting {} s for the rate limit",
                config.name,
                asked.fetched,
                wait.as_secs() + 1
            );
            match self.role {
                Role::Fetcher => tell(&Event::Waiting { text }),
                _ => self.say(&text),
            }
            thread::sleep(wait);
        }
    }

    /// After an error: true when it was the rate limit and there is time to wait for it.
    fn may_go_on(&mut self, config: &FeedConfig, error: &FetchError, asked: &mut FeedReport) -> Result<bool> {
        let rate_limited = error.kind() == FetchErrorKind::RateLimited;
        // Without a word from the server, a whole window: it counted requests that we do not know of.
        let pause = error.retry_after().or(rate_limited.then_some(pacing::WINDOW));
        let retry_at = pause.map(|pause| self.clock.now() + i64::try_from(pause.as_secs()).unwrap_or(3_600));
        let text = error.to_string();
        let waits =
            rate_limited && pause.is_some_and(|pause| self.patience.0.is_none_or(|left| pause <= left));
        if !waits {
            self.fail(config, asked, text, error.exit(), retry_at)?;
            return Ok(false);
        }
        log::info!("{}: {text}", config.name);
        self.remember(config, |state| state.retry_at = retry_at);
        if !self.is_dry() {
            self.ledger.save_failure(self.state(&config.name).id, &text, retry_at, self.clock.now())?;
        }
        Ok(true)
    }

    /// Notes what is wrong with a feed, in its report and in the ledger.
    pub(super) fn fail(
        &mut self,
        config: &FeedConfig,
        asked: &mut FeedReport,
        error: String,
        exit: Exit,
        retry_at: Option<i64>,
    ) -> Result<()> {
        if !self.is_dry() {
            let feed = self.state(&config.name).id;
            self.ledger.save_failure(feed, &error, retry_at, self.clock.now())?;
            if exit == Exit::Denied {
                self.ledger.note_key_refused(feed, self.clock.now())?;
            }
        }
        asked.exit = exit;
        asked.error = Some(error);
        Ok(())
    }

    /// Takes a batch in: judges its entries and saves them together with where to go on.
    fn take(
        &mut self,
        config: &FeedConfig,
        cursor: &str,
        fetch: &Fetch,
        asked: &mut FeedReport,
    ) -> Result<()> {
        let now = self.clock.now();
        let mut state = self.state(&config.name);
        // The same cursor again means that there is nothing new. A server that repeats its last batch with it must
        // not keep those entries alive for ever, so what is known already counts as no sighting.
        let repeated = fetch.next.as_deref() == Some(cursor);
        let judged = self.judge(config, state.id, &fetch.entries, repeated, now);
        fault::point("judged")?;
        asked.fetched += fetch.entries.len();
        asked.used += fetch.entries.len() - judged.refused.len() - judged.protected.len();
        let refused =
            judged.refused.iter().map(|r| SkippedEntry { entry: r.entry.clone(), reason: r.reason.clone() });
        asked.skipped.extend(refused.chain(judged.protected));
        asked.complete = fetch.is_complete(cursor);
        if asked.complete
            && asked.fetched == 0
            && cursor == FIRST_CURSOR
            && self.picture.count(state.id, now) > 0
        {
            asked.note = Some(
                "it listed nothing at all; what it listed before stays until its time is over".to_owned(),
            );
        }
        state.cursor = Some(fetch.cursor_after(cursor).to_owned());
        state.complete |= asked.complete;
        self.merge(&judged.entries);
        let size = asking_of(config, &state, 0).size(&self.picture.entries, now);
        self.guard_against_surge(config, &mut state, asked, size, now);
        if !self.is_dry() {
            self.ledger.save_batch(&state, &judged.entries, &judged.refused, now, config.ttl.as_secs())?;
            fault::point("batch-saved")?;
            if !judged.refused.is_empty() {
                self.ledger.bound_refused(state.id)?;
            }
        }
        self.remember(config, |remembered| {
            *remembered = state;
            remembered.retry_at = None;
        });
        self.picture.hold(&config.name);
        Ok(())
    }

    /// Holds the feed when it suddenly asks for much more, `size` prefixes, than when it was last complete; else
    /// remembers that size.
    pub(super) fn guard_against_surge(
        &self,
        config: &FeedConfig,
        state: &mut FeedState,
        asked: &mut FeedReport,
        size: usize,
        now: i64,
    ) {
        state.last_error = None;
        if config.surge_guard().is_surge(state.base_size, size) {
            let before = state.base_size.unwrap_or_default();
            state.held_since = state.held_since.or(state.completed_at).or(Some(now));
            let error = format!(
                "{} suddenly asks for {size} prefixes, after {before}: what is new is held back. If you trust it: \
                 banbridge sync --accept --feed {0}",
                config.name
            );
            state.last_error = Some(error.clone());
            asked.held = true;
            asked.error = Some(error);
            asked.exit = Exit::Unusable;
        } else if asked.complete {
            state.held_since = None;
            state.base_size = Some(size);
            state.completed_at = Some(now);
        }
    }

    /// Sorts a batch into prefixes, what is none, and what is protected.
    fn judge(&self, config: &FeedConfig, feed: u16, raw: &[RawEntry], repeated: bool, now: i64) -> Judged {
        let mut judged =
            Judged { entries: Vec::with_capacity(raw.len()), refused: Vec::new(), protected: Vec::new() };
        for entry in raw {
            let shown = || one_line(entry.shown(), ENTRY_SHOWN).into_owned();
            let prefix = match read_entry(config, entry) {
                Ok(prefix) => prefix,
                Err(reason) => {
                    judged.refused.push(Refused { entry: shown(), reason });
                    continue;
                }
            };
            if let Verdict::Refused(protection) = self.picture.never_block.judge(&prefix) {
                judged.protected.push(SkippedEntry { entry: shown(), reason: protection.to_string() });
            }
            // Also what is protected is saved: it is wanted as soon as nothing protects it any more.
            if repeated && self.known(feed, &prefix).is_some() {
                continue;
            }
            let first_seen = self.known(feed, &prefix).map_or(now, |known| known.first_seen.min(now));
            let expires_at = now + config.ttl.as_secs();
            judged.entries.push(Entry { prefix, feed, first_seen, last_seen: now, expires_at });
        }
        // One place for each prefix, as the ledger has it.
        wanted::sort(&mut judged.entries);
        judged.entries.dedup_by_key(|entry| entry.prefix);
        judged
    }

    fn known(&self, feed: u16, prefix: &Prefix) -> Option<&Entry> {
        let entries = &self.picture.entries;
        entries
            .binary_search_by_key(&(*prefix, feed), |entry| (entry.prefix, entry.feed))
            .ok()
            .map(|at| &entries[at])
    }

    /// Puts new sightings among the known entries.
    fn merge(&mut self, new: &[Entry]) {
        let entries = &mut self.picture.entries;
        let mut unknown = Vec::new();
        for &entry in new {
            match entries
                .binary_search_by_key(&(entry.prefix, entry.feed), |known| (known.prefix, known.feed))
            {
                Ok(at) => entries[at] = entry,
                Err(_) => unknown.push(entry),
            }
        }
        entries.extend(unknown);
        wanted::sort(entries);
    }

    pub(super) fn remember(&mut self, config: &FeedConfig, change: impl FnOnce(&mut FeedState)) {
        if let Some(state) = self.picture.feeds.iter_mut().find(|state| state.name == config.name) {
            change(state);
        }
    }
}

/// Reads an entry and refuses a network that is wider than the feed may ask for.
fn read_entry(config: &FeedConfig, entry: &RawEntry) -> Result<Prefix, String> {
    let text = entry.text().ok_or("not a text")?;
    let prefix: Prefix = text.parse().map_err(|error: crate::ban::prefix::PrefixError| error.to_string())?;
    let widest = if prefix.is_ipv4() { config.widest_v4 } else { config.widest_v6 };
    if prefix.length() < widest {
        return Err(format!("wider than /{widest}, the widest network that is taken from this feed"));
    }
    Ok(prefix)
}

/// Whose limit a feed counts against: feeds with one key share the limit of the first of them.
pub fn pace(all: &Config, feed: &FeedConfig) -> String {
    let same = |other: &&FeedConfig| match (&other.key, &feed.key) {
        (KeySource::Given(a), KeySource::Given(b)) => a == b && other.url == feed.url,
        (KeySource::File(a), KeySource::File(b)) => a == b && other.url == feed.url,
        _ => false,
    };
    all.feed.iter().find(same).map_or(&feed.name, |first| &first.name).clone()
}

/// Whoever speaks the feed's way.
pub fn client(config: &FeedConfig) -> Result<Box<dyn Feed>> {
    match config.kind {
        Kind::Apiban => {
            let settings = ApibanSettings {
                base_url: config.url.clone(),
                api: if config.api == 1 { Api::V1 } else { Api::V2 },
                dataset: config.dataset,
                key: config.read_key()?,
                timeout: config.timeout.duration(),
            };
            Ok(Box::new(ApibanClient::new(settings)?))
        }
        Kind::List | Kind::Crowdsec => Err(Failure::bug("only apiban is read in batches")),
    }
}

/// The program's clock in milliseconds since 1970, for the rate limit.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
