//! Asks CrowdSec for its decisions and saves what they change.
//!
//! CrowdSec remembers what each key was told. So the saved state notes before each request that an answer is on its
//! way: when it does not arrive, or is not saved, the next request is for everything, and nothing is missed.

use super::{Outcome, Trouble};
use crate::ban::timed::Answer;
use crate::config::{CrowdsecConfig, FeedConfig};
use crate::feed::FetchError;
use crate::feed::crowdsec::Decisions;
use crate::feed::crowdsec::cursor::Cursor;
use crate::feed::error::SetupError;
use crate::feed::http::{HttpClient, Question, Redirects};
use crate::feed::schedule::Schedule;
use crate::ledger::feeds::{FeedState, Skipped};
use crate::run::report::{FeedReport, Report};
use crate::run::session::Session;
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::fault;
use crate::system::machine;
use crate::system::secret::Secret;

/// Asks for what changed, or for everything.
pub(super) fn ask(
    session: &mut Session,
    config: &FeedConfig,
    crowdsec: &CrowdsecConfig,
    forced: bool,
    asked: &mut FeedReport,
    report: &mut Report,
) -> Result<Outcome> {
    let state = session.state(&config.name);
    let schedule = Schedule {
        last_attempt: state.last_attempt,
        retry_at: state.retry_at,
        interval: config.interval.as_secs(),
        ..Schedule::default()
    };
    if !schedule.is_due(forced, session.clock.now()) {
        return Ok(Outcome::NotDue);
    }
    let key = match config.read_key() {
        Ok(key) => key,
        Err(error) => return Ok(Outcome::Failed(Failure::from(error).into())),
    };
    let (question, boot) = (crowdsec.question(&key), machine::boot());
    let cursor: Option<Cursor> = state.cursor.as_deref().and_then(|text| text.parse().ok());
    // CrowdSec counts the answer to a dry run as given too, and that run keeps nothing of it.
    let keeps = !session.ledger.keeps_nothing();
    let known = cursor.filter(|cursor| {
        keeps && state.complete && cursor.goes_on(question, boot, state.last_success, session.clock.now())
    });
    let mut whole = known.is_none();
    asked.complete = false;
    let decisions = loop {
        session.ledger.expect_answer(state.id)?;
        session.say(&format!("{}: asking {}", config.name, crowdsec.base.host_str().unwrap_or("it")));
        asked.requests += 1;
        let decisions = match request(config, crowdsec, &key, whole)? {
            Ok(decisions) => decisions,
            Err(error) => return Ok(Outcome::Failed(Trouble::of_fetch(&error, session.clock.now()))),
        };
        fault::point("answer-read")?;
        let answer = answer(session, crowdsec, state.id, &decisions);
        if whole || !answer.is_unclear(session.clock.now()) {
            break decisions;
        }
        whole = true;
    };
    let whole_at = known.filter(|_| !whole).map_or_else(|| session.clock.now(), |cursor| cursor.whole_at);
    let state = FeedState { cursor: Some(Cursor { whole_at, question, boot }.to_string()), ..state };
    let outcome = take(session, config, crowdsec, state, &decisions, whole, asked)?;
    session.follow(report)?;
    Ok(outcome)
}

fn answer<'a>(
    session: &'a Session,
    crowdsec: &CrowdsecConfig,
    feed: u16,
    decisions: &'a Decisions,
) -> Answer<'a> {
    Answer {
        known: &session.saved.entries,
        feed,
        ttl: crowdsec.ttl.as_secs(),
        bans: &decisions.bans,
        deleted: &decisions.deleted,
        // With origins every decision is asked for, without only the longest of each address.
        decides: crowdsec.settings.origins.is_empty(),
    }
}

/// Takes an answer in, unless so much is missing from it that what is known is the better.
fn take(
    session: &mut Session,
    config: &FeedConfig,
    crowdsec: &CrowdsecConfig,
    mut state: FeedState,
    decisions: &Decisions,
    whole: bool,
    asked: &mut FeedReport,
) -> Result<Outcome> {
    let now = session.clock.now();
    let invalid: Vec<Skipped> = decisions
        .skipped
        .iter()
        .map(|one| Skipped {
            entry: one.text.clone(),
            reason: format!("{} (decision {})", one.reason, one.number),
        })
        .collect();
    // Those that are for no blacklist count as not received.
    let (received, bans) = (decisions.accepted() + decisions.skipped_total, &decisions.bans);
    let named = (decisions.skipped_total, invalid.as_slice());
    session.count(asked, received, named, bans.iter().map(|ban| &ban.prefix));
    if !decisions.not_used.is_empty() {
        let reasons: Vec<String> =
            decisions.not_used.iter().map(|(why, number)| format!("{number} {why}")).collect();
        asked.note = Some(format!("decisions not used: {}", reasons.join(", ")));
    }
    let answer = answer(session, crowdsec, state.id, decisions);
    if let Some(held) = answer.collapsed(now).filter(|_| whole && !session.accepts) {
        let text = format!(
            "Feed {} had {held} bans and has {} now, and did not take back the others. They stay blocked until they \
             expire. If the new size is right: banbridge sync --feed {0} --accept",
            config.name,
            bans.len(),
        );
        return Ok(Outcome::Failed(Trouble::new(Exit::Unusable, text)));
    }
    // Only a whole answer says how long a ban is in all; a part of it may name a shorter one beside it.
    let change = if whole { Answer { decides: true, ..answer }.whole(now) } else { answer.delta(now) };
    asked.complete = true;
    let after = change.preview(state.id, &session.saved.entries);
    let known = session.known(config, &state, after);
    session.guard_against_surge(config, &mut state, known, asked);
    session.ledger.save_decisions(&state, &change, &invalid, whole, now)?;
    fault::point("batch-saved")?;
    if !invalid.is_empty() {
        session.ledger.bound_refused(state.id)?;
    }
    if !change.is_empty() {
        change.apply(state.id, &mut session.saved.entries);
    }
    (state.complete, state.retry_at) = (true, None);
    (state.last_attempt, state.last_success) = (Some(now), Some(now));
    session.remember(state);
    Ok(Outcome::Taken)
}

fn request(
    config: &FeedConfig,
    crowdsec: &CrowdsecConfig,
    key: &Secret,
    whole: bool,
) -> Result<Result<Decisions, FetchError>, SetupError> {
    // The key is sent nowhere else.
    let client =
        HttpClient::new(&crowdsec.base, config.timeout.duration(), Redirects::SameOrigin, &config.route)?;
    let question = Question { base: &crowdsec.base, key, name: &config.name, whole };
    Ok(client.decisions(question, &crowdsec.settings))
}
