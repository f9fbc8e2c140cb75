//! Asks a list for its latest version and saves what that changes.

use super::{Outcome, Trouble};
use crate::ban::snapshot::{Validators, Versions};
use crate::config::{FeedConfig, ListConfig, Period};
use crate::feed::http::Download;
use crate::feed::list::Parsed;
use crate::feed::schedule::Schedule;
use crate::feed::{FetchErrorKind, snapshot};
use crate::ledger::feeds::{FeedState, Skipped};
use crate::ledger::lists::ListState;
use crate::run::report::{FeedReport, Report};
use crate::run::session::Session;
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::text::{count, number};

/// Asks for what is new of the list.
pub(super) fn ask(
    session: &mut Session,
    config: &FeedConfig,
    list: &ListConfig,
    forced: bool,
    asked: &mut FeedReport,
    report: &mut Report,
) -> Result<Outcome> {
    let state = session.state(&config.name);
    let mut remembered = session.ledger.list_state(state.id)?;
    let schedule = Schedule {
        last_attempt: state.last_attempt,
        last_success: state.last_success,
        retry_at: state.retry_at,
        interval: config.interval.as_secs(),
        minimum: list.minimum.as_secs(),
        spread: Some((&config.name, remembered.failures, remembered.answered)),
    };
    if !schedule.is_due(forced, session.clock.now()) {
        return Ok(Outcome::NotDue);
    }
    // Another address, or another way to read it: what the server gave for the old one says nothing.
    // While the list is held, only its last good version is known whole.
    let same = state.complete && state.held_since.is_none() && remembered.fingerprint == list.fingerprint();
    let known = if same { remembered.validators.clone() } else { Validators::default() };
    session.say(&format!("{}: asking {}", config.name, list.place.shown()));
    asked.requests = 1;
    let login = match config.read_login() {
        Ok(login) => login,
        Err(error) => return Ok(Outcome::Failed(Failure::from(error).into())),
    };
    let request = snapshot::Request {
        name: &config.name,
        place: &list.place,
        login,
        timeout: config.timeout.duration(),
        route: &config.route,
        settings: &list.settings,
        known: &known,
    };
    let download = match snapshot::fetch(&request) {
        Ok(Ok(download)) => download,
        Ok(Err(error)) => {
            let answered = error.kind() == FetchErrorKind::Unusable;
            note_failure(session, config, &state, &mut remembered, answered)?;
            return Ok(Outcome::Failed(Trouble::of_fetch(&error, session.clock.now())));
        }
        Err(error) => return Ok(Outcome::Failed(Failure::from(error).into())),
    };
    remembered.fingerprint = list.fingerprint();
    match download {
        Download::Unchanged => {
            asked.complete = true;
            (remembered.failures, remembered.answered) = (0, false);
            let mut state = state;
            let known = session.known(config, &state, &session.saved.entries);
            session.guard_against_surge(config, &mut state, known, asked);
            session.ledger.save_unchanged(&state, &remembered, session.clock.now())?;
            now_known(session, state);
            Ok(Outcome::Taken)
        }
        Download::List { parsed, validators } => {
            remembered.validators = validators;
            if parsed.received() == 0 && state.last_success.is_none() {
                report.warn(format!("Feed {}: {}", config.name, snapshot::NO_ENTRIES));
            }
            let outcome = take(session, config, state, remembered, parsed, asked)?;
            session.follow(report)?;
            Ok(outcome)
        }
    }
}

fn note_failure(
    session: &mut Session,
    config: &FeedConfig,
    state: &FeedState,
    remembered: &mut ListState,
    answered: bool,
) -> Result<()> {
    remembered.failures = remembered.failures.saturating_add(1);
    remembered.answered = answered;
    log::debug!("{}: {} failures in a row", config.name, remembered.failures);
    Ok(session.ledger.save_list_failure(state.id, remembered)?)
}

/// Takes a new version in, unless it lost so much that the last good one is the better.
fn take(
    session: &mut Session,
    config: &FeedConfig,
    mut state: FeedState,
    mut remembered: ListState,
    mut parsed: Parsed,
    asked: &mut FeedReport,
) -> Result<Outcome> {
    let now = session.clock.now();
    let invalid: Vec<Skipped> = parsed
        .skipped
        .iter()
        .map(|one| Skipped { entry: one.text.clone(), reason: format!("{} (line {})", one.reason, one.line) })
        .collect();
    session.count(asked, parsed.received(), (parsed.skipped_total(), &invalid), parsed.prefixes.iter());
    let versions = Versions {
        known: &session.saved.entries,
        feed: state.id,
        list: &parsed.prefixes,
        last_seen: state.last_success,
        held_since: state.held_since,
        ttl: config.ttl().map_or(0, Period::as_secs),
    };
    // Who is missing in a permit list is locked out.
    let may_lose = if config.permits { 10 } else { 50 };
    if versions.lost_more_than(may_lose) && !session.accepts {
        let (all, left) = versions.overlap();
        let left = if left == 0 { "none".to_owned() } else { format!("only {}", number(left)) };
        let text = format!(
            "Feed {}: {left} of the {} in its last version are left. That version is kept. If the new one is right: \
             banbridge sync --feed {0} --accept",
            config.name,
            count(all, "entry", "entries"),
        );
        // The next request is to bring the list again, not the word that it is still this one.
        remembered.validators = Validators::default();
        note_failure(session, config, &state, &mut remembered, true)?;
        return Ok(Outcome::Failed(Trouble::new(Exit::Unusable, text)));
    }
    asked.complete = true;
    let held = session.guard_against_surge(config, &mut state, parsed.prefixes.iter(), asked);
    let change = if held { versions.held(now) } else { versions.change(now) };
    (remembered.failures, remembered.answered) = (0, false);
    remembered.skipped = parsed.skipped_total();
    // A list of millions is held in one form at a time.
    parsed.prefixes = Vec::new();
    session.ledger.save_snapshot(&state, &remembered, &change, &invalid, now)?;
    if !change.is_empty() {
        change.apply(state.id, &mut session.saved.entries);
    }
    now_known(session, state);
    Ok(Outcome::Taken)
}

/// The latest version of a list is known now.
fn now_known(session: &mut Session, mut state: FeedState) {
    let now = Some(session.clock.now());
    (state.complete, state.retry_at) = (true, None);
    (state.last_attempt, state.last_success) = (now, now);
    session.remember(state);
}
