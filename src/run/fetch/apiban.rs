//! Asks apiban for batch after batch, within its rate limit, and saves each before the next.

use std::thread;
use std::time::Duration;

use super::{Outcome, Trouble};
use crate::ban::batch::{self, Before, Word};
use crate::ban::pacing;
use crate::config::{ApibanConfig, Config, FeedConfig};
use crate::feed::apiban::{ApibanClient, ApibanSettings, FIRST_CURSOR};
use crate::feed::schedule::Schedule;
use crate::feed::{Fetch, FetchError, FetchErrorKind};
use crate::ledger::feeds::{ENTRY_SHOWN, Skipped};
use crate::run::clock;
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::Session;
use crate::run::state::policy_of;
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::fault;
use crate::system::text::one_line;

/// Batches of one feed in one run at most; a feed that never ends must not hold a run for ever.
const MOST_BATCHES: u64 = 400;

/// Asks for everything that is new.
pub(super) fn ask(
    session: &mut Session,
    config: &FeedConfig,
    apiban: &ApibanConfig,
    forced: bool,
    asked: &mut FeedReport,
    report: &mut Report,
) -> Result<Outcome> {
    let state = session.state(&config.name);
    let schedule = Schedule {
        last_attempt: state.last_attempt,
        interval: config.interval.as_secs(),
        // When its rate limit lets it be asked is waited for below.
        ..Schedule::default()
    };
    if !schedule.is_due(forced, session.clock.now()) {
        return Ok(Outcome::NotDue);
    }
    let client = match client(config, apiban) {
        Ok(client) => client,
        Err(error) => return Ok(Outcome::Failed(error.into())),
    };
    asked.complete = false;
    while asked.requests < MOST_BATCHES {
        if let Some(trouble) = wait_for_turn(session, config, asked, report)? {
            return Ok(Outcome::Failed(trouble));
        }
        let state = session.state(&config.name);
        let cursor = state.cursor.clone().unwrap_or_else(|| FIRST_CURSOR.to_owned());
        session.ledger.note_request(&pace(&session.config, config), now_ms())?;
        fault::point("request-noted")?;
        asked.requests += 1;
        match client.fetch(&cursor) {
            Ok(fetch) => {
                fault::point("answer-read")?;
                if compare_clocks(session, config, &fetch, report)? {
                    continue;
                }
                take(session, config, apiban, &cursor, &fetch, asked)?;
                session.follow(report)?;
                if asked.complete {
                    return Ok(Outcome::Taken);
                }
            }
            Err(error) => {
                if let Some(trouble) = trouble(session, config, &error)? {
                    return Ok(Outcome::Failed(trouble));
                }
            }
        }
        let text = format!("{}: {} entries in {} requests", config.name, asked.fetched, asked.requests);
        session.say(&text);
    }
    let text =
        format!("{}: no end after {MOST_BATCHES} requests. The next run continues from here.", config.name);
    Ok(Outcome::Failed(Trouble::new(Exit::TryAgain, text)))
}

/// Believes a doubted clock that agrees with the feed's, and says when the two are far apart. True when the feed
/// starts over for it, so that this answer is none to what is asked now.
fn compare_clocks(
    session: &mut Session,
    config: &FeedConfig,
    fetch: &Fetch,
    report: &mut Report,
) -> Result<bool> {
    let Some(theirs) = fetch.server_time else { return Ok(false) };
    let cursor = session.state(&config.name).cursor;
    if session.clock.compare(&mut session.ledger, theirs)? {
        log::info!("the clock is confirmed by {}", config.name);
        session.reload_state()?;
    }
    if let Some(contradiction) = clock::contradiction(&config.name, theirs) {
        report.warn(contradiction);
    }
    Ok(session.state(&config.name).cursor != cursor)
}

/// Waits until the feed may be asked; what is wrong when that would take longer than this run may wait.
fn wait_for_turn(
    session: &mut Session,
    config: &FeedConfig,
    asked: &FeedReport,
    report: &mut Report,
) -> Result<Option<Trouble>> {
    loop {
        let past = session.ledger.requests(&pace(&session.config, config))?;
        let paced = pacing::wait(&past, now_ms());
        let retry_at = session.state(&config.name).retry_at;
        let now = session.clock.now();
        let told = retry_at.filter(|_| session.clock.doubt().is_none());
        let told = told.map_or(0, |at| at.saturating_sub(now).clamp(0, 3_600));
        let wait = paced.max(Duration::from_secs(told.unsigned_abs()));
        if wait.is_zero() {
            return Ok(None);
        }
        if !session.patience.spend(wait) {
            let seconds = wait.as_secs_f64().ceil();
            let text = format!(
                "Rate limit of {} reached ({} requests in {} s). The next run continues from here. To wait now: \
                 --wait {seconds}",
                config.name,
                pacing::LIMIT,
                pacing::WINDOW.as_secs()
            );
            return Ok(Some(Trouble { text, exit: Exit::TryAgain, retry_at }));
        }
        let (name, so_far, seconds) = (&config.name, asked.fetched, wait.as_secs() + 1);
        session.wait(
            report,
            &format!("{name}: {so_far} entries so far; waiting {seconds} s for the rate limit"),
        )?;
        thread::sleep(wait);
    }
}

/// What an error means for the run: nothing when it was the rate limit and there is time to wait for it.
fn trouble(session: &mut Session, config: &FeedConfig, error: &FetchError) -> Result<Option<Trouble>> {
    let rate_limited = error.kind() == FetchErrorKind::RateLimited;
    // Without a word from the server, a whole window: it counted requests that we do not know of.
    let pause = error.retry_after().or(rate_limited.then_some(pacing::WINDOW));
    let now = session.clock.now();
    let retry_at = pause.map(|pause| now + i64::try_from(pause.as_secs()).unwrap_or(3_600));
    let trouble = Trouble { retry_at, ..Trouble::of_fetch(error, now) };
    let waits = rate_limited && pause.is_some_and(|pause| session.patience.allows(pause));
    if !waits {
        return Ok(Some(trouble));
    }
    log::info!("{}: {}", config.name, trouble.text);
    session.note_trouble(config, &trouble)?;
    let mut state = session.state(&config.name);
    state.retry_at = retry_at;
    session.remember(state);
    Ok(None)
}

/// Takes a batch in: judges its entries and saves them together with where to go on.
fn take(
    session: &mut Session,
    config: &FeedConfig,
    apiban: &ApibanConfig,
    cursor: &str,
    fetch: &Fetch,
    asked: &mut FeedReport,
) -> Result<()> {
    let now = session.clock.now();
    let mut state = session.state(&config.name);
    let before = Before {
        known: &session.saved.entries,
        feed_policy: &policy_of(config, &state, 0),
        never_block: &session.saved.never_block,
        // The same cursor again means that there is nothing new. A server that repeats its last batch with it must
        // not keep those entries alive for ever, so what is known already counts as no sighting.
        repeated: fetch.next.as_deref() == Some(cursor),
        now,
    };
    let judged = before.judge(fetch.entries.iter().map(|raw| Word { text: raw.text(), shown: raw.shown() }));
    fault::point("judged")?;
    let shown = |place: usize| {
        let shown = fetch.entries.get(place).map(crate::feed::body::RawEntry::shown).unwrap_or_default();
        one_line(shown, ENTRY_SHOWN).into_owned()
    };
    let invalid: Vec<Skipped> =
        judged.invalid.into_iter().map(|(place, reason)| Skipped { entry: shown(place), reason }).collect();
    asked.fetched += fetch.entries.len();
    asked.used += fetch.entries.len() - invalid.len() - judged.protected.len();
    asked.skipped.extend(
        invalid
            .iter()
            .map(|one| SkippedEntry { entry: one.entry.clone(), reason: one.reason.clone() })
            .chain(
                judged
                    .protected
                    .into_iter()
                    .map(|(place, reason)| SkippedEntry { entry: shown(place), reason }),
            ),
    );
    asked.complete = fetch.is_complete(cursor);
    let nothing = asked.complete && asked.fetched == 0 && cursor == FIRST_CURSOR;
    if nothing && session.saved.count(state.id, now) > 0 {
        asked.note = Some("It listed nothing. Its addresses stay blocked until they expire.".to_owned());
    }
    state.cursor = Some(fetch.cursor_after(cursor).to_owned());
    state.complete |= asked.complete;
    batch::merge(&mut session.saved.entries, &judged.entries);
    let known = session.known(config, &state, &session.saved.entries);
    session.guard_against_surge(config, &mut state, known, asked);
    session.ledger.save_batch(&state, &judged.entries, &invalid, now, apiban.ttl.as_secs())?;
    fault::point("batch-saved")?;
    if !invalid.is_empty() {
        session.ledger.bound_refused(state.id)?;
    }
    state.retry_at = None;
    session.remember(state);
    Ok(())
}

/// Whose limit a feed counts against: feeds with one key share the limit of the first of them.
pub fn pace(all: &Config, feed: &FeedConfig) -> String {
    let same = |other: &&FeedConfig| match (other.key(), feed.key()) {
        (Some(a), Some(b)) => a.is_same(b) && other.url == feed.url,
        _ => false,
    };
    all.feed.iter().find(same).map_or(&feed.name, |first| &first.name).clone()
}

/// Whoever speaks apiban's way for a feed.
pub fn client(config: &FeedConfig, apiban: &ApibanConfig) -> Result<ApibanClient> {
    Ok(ApibanClient::new(ApibanSettings {
        base_url: config.url.clone(),
        api: apiban.api,
        dataset: apiban.dataset,
        key: config.read_key()?,
        timeout: config.timeout.duration(),
        route: config.route.clone(),
    })?)
}

/// The machine's clock in milliseconds since 1970, for the rate limit.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
