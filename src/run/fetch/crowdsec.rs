//! Asks CrowdSec for its decisions and saves what they change.
//!
//! CrowdSec remembers what each key was told. So the ledger notes before each request that an answer is on its way:
//! when it does not arrive, or is not saved, the next request is for everything, and nothing is missed.

use crate::ban::never_block::Verdict;
use crate::ban::timed::Answer;
use crate::config::{CrowdsecConfig, FeedConfig};
use crate::feed::FetchError;
use crate::feed::crowdsec::Decisions;
use crate::feed::crowdsec::cursor::Cursor;
use crate::feed::error::SetupError;
use crate::feed::http::{HttpClient, Question, Redirects};
use crate::ledger::feeds::{FeedState, Refused};
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::Session;
use crate::run::state::asking_of;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};
use crate::system::fault;
use crate::system::machine;
use crate::system::secret::Secret;

/// Protected addresses that a report names.
const REPORTED: usize = 1_000;

impl Session {
    /// Asks CrowdSec, unless its interval has not passed. What goes wrong with it is in its report; an error is one of
    /// the database.
    pub(super) fn ask_crowdsec(
        &mut self,
        config: &FeedConfig,
        crowdsec: &CrowdsecConfig,
        forced: bool,
        report: &mut Report,
    ) -> Result<FeedReport> {
        let mut asked = FeedReport::new(&config.name);
        let state = self.state(&config.name);
        asked.complete = state.complete;
        let next = state.last_attempt.map(|last| last + config.interval.as_secs()).max(state.retry_at);
        let waits = state.last_attempt.is_some_and(|last| last <= self.clock.now())
            && next.is_some_and(|at| self.clock.now() < at);
        if waits && !forced {
            return Ok(asked);
        }
        let key = match config.read_key() {
            Ok(key) => key,
            Err(error) => {
                self.fail(config, &mut asked, error.to_string(), Exit::Config, None)?;
                return Ok(asked);
            }
        };
        let (question, boot) = (crowdsec.question(&key), machine::boot());
        let cursor: Option<Cursor> = state.cursor.as_deref().and_then(|text| text.parse().ok());
        let goes_on = |cursor: &Cursor| {
            !self.is_dry()
                && state.complete
                && cursor.goes_on(question, boot, state.last_success, self.clock.now())
        };
        let known = cursor.filter(goes_on);
        let mut whole = known.is_none();
        asked.complete = false;
        let decisions = loop {
            // In a dry run too: CrowdSec counts that answer as given.
            self.ledger.expect_answer(state.id)?;
            self.say_progress(format!(
                "{}: asking {}",
                config.name,
                crowdsec.base.host_str().unwrap_or("it")
            ));
            asked.requests += 1;
            let decisions = match ask(config, crowdsec, &key, whole)? {
                Ok(decisions) => decisions,
                Err(error) => {
                    let pause =
                        error.retry_after().map(|pause| i64::try_from(pause.as_secs()).unwrap_or(3_600));
                    let (retry_at, exit) = (pause.map(|pause| self.clock.now() + pause), error.exit());
                    self.fail(config, &mut asked, error.to_string(), exit, retry_at)?;
                    return Ok(asked);
                }
            };
            fault::point("answer-read")?;
            if whole || !self.answer(config, crowdsec, state.id, &decisions).is_unclear(self.clock.now()) {
                break decisions;
            }
            whole = true;
        };
        let whole_at = known.filter(|_| !whole).map_or_else(|| self.clock.now(), |cursor| cursor.whole_at);
        let state = FeedState { cursor: Some(Cursor { whole_at, question, boot }.to_string()), ..state };
        self.take_decisions(config, crowdsec, state, &decisions, whole, &mut asked)?;
        self.apply(report)?;
        Ok(asked)
    }

    fn answer<'a>(
        &'a self,
        config: &FeedConfig,
        crowdsec: &CrowdsecConfig,
        feed: u16,
        decisions: &'a Decisions,
    ) -> Answer<'a> {
        Answer {
            known: &self.picture.entries,
            feed,
            ttl: config.ttl.as_secs(),
            bans: &decisions.bans,
            deleted: &decisions.deleted,
            // With origins every decision is asked for, without only the longest of each address.
            decides: crowdsec.settings.origins.is_empty(),
        }
    }

    /// Takes an answer in, unless so much is missing from it that what is known is the better.
    fn take_decisions(
        &mut self,
        config: &FeedConfig,
        crowdsec: &CrowdsecConfig,
        mut state: FeedState,
        decisions: &Decisions,
        whole: bool,
        asked: &mut FeedReport,
    ) -> Result<()> {
        let now = self.clock.now();
        self.count_decisions(decisions, asked);
        let answer = self.answer(config, crowdsec, state.id, decisions);
        if let Some(held) = answer.collapsed(now).filter(|_| whole && !self.accepts) {
            let error = format!(
                "{} banned {held} addresses and bans {} now, without a word about the others; so great a loss is seldom \
                 meant, so they stay until their time is over. If it is meant: banbridge sync --feed {0} --accept",
                config.name,
                decisions.bans.len(),
            );
            return self.fail(config, asked, error, Exit::Unusable, None);
        }
        // Only a whole answer says how long a ban is in all; a part of it may name a shorter one beside it.
        let change = if whole { Answer { decides: true, ..answer }.whole(now) } else { answer.delta(now) };
        asked.complete = true;
        let size = asking_of(config, &state, 0).size(change.preview(state.id, &self.picture.entries), now);
        self.guard_against_surge(config, &mut state, asked, size, now);
        if !self.is_dry() {
            let refused: Vec<Refused> = decisions
                .refused
                .iter()
                .map(|r| Refused {
                    entry: r.text.clone(),
                    reason: format!("{} (decision {})", r.reason, r.number),
                })
                .collect();
            self.ledger.save_decisions(&state, &change, &refused, whole, now)?;
            fault::point("batch-saved")?;
            if !refused.is_empty() {
                self.ledger.bound_refused(state.id)?;
            }
        }
        if !change.is_empty() {
            change.apply(state.id, &mut self.picture.entries);
        }
        (state.complete, state.retry_at) = (true, None);
        (state.last_attempt, state.last_success) = (Some(now), Some(now));
        self.remember(config, |remembered| *remembered = state);
        self.picture.hold(&config.name);
        Ok(())
    }

    /// Counts the decisions of an answer into its report. Those that are for no blacklist count as not received.
    fn count_decisions(&self, decisions: &Decisions, asked: &mut FeedReport) {
        asked.fetched = decisions.accepted() + decisions.refused_total;
        asked.skipped = decisions
            .refused
            .iter()
            .map(|r| SkippedEntry {
                entry: r.text.clone(),
                reason: format!("{} (decision {})", r.reason, r.number),
            })
            .collect();
        let mut protected = 0;
        for ban in &decisions.bans {
            if let Verdict::Refused(protection) = self.picture.never_block.judge(&ban.prefix) {
                protected += 1;
                if protected <= REPORTED {
                    let (entry, reason) = (ban.prefix.to_string(), protection.to_string());
                    asked.skipped.push(SkippedEntry { entry, reason });
                }
            }
        }
        asked.skipped_more = decisions.refused_total + protected - asked.skipped.len();
        asked.used = asked.fetched - decisions.refused_total - protected;
        if !decisions.not_used.is_empty() {
            let reasons: Vec<String> =
                decisions.not_used.iter().map(|(why, number)| format!("{number} {why}")).collect();
            asked.note = Some(format!("decisions that are not used: {}", reasons.join(", ")));
        }
    }
}

fn ask(
    config: &FeedConfig,
    crowdsec: &CrowdsecConfig,
    key: &Secret,
    whole: bool,
) -> Result<Result<Decisions, FetchError>, SetupError> {
    // The key is sent nowhere else.
    let client = HttpClient::new(&crowdsec.base, config.timeout.duration(), Redirects::SameOrigin)?;
    let question = Question { base: &crowdsec.base, key, name: &config.name, whole };
    Ok(client.decisions(question, &crowdsec.settings))
}
