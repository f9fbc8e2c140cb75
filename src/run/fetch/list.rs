//! Asks a list for its latest version and saves what that changes.

use crate::ban::never_block::Verdict;
use crate::ban::snapshot::{Validators, Versions};
use crate::config::{FeedConfig, ListConfig};
use crate::feed::http::Download;
use crate::feed::list::Parsed;
use crate::feed::{FetchError, FetchErrorKind, schedule, snapshot};
use crate::ledger::feeds::{FeedState, Refused};
use crate::ledger::lists::ListState;
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::Session;
use crate::run::state::asking_of;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};

/// Refused entries that a report holds for each reason: those that are none, and those that are protected.
const REPORTED: usize = 1_000;

impl Session {
    /// Asks a list, if it is due. What goes wrong with it is in its report; an error is one of the database.
    pub(super) fn ask_list(
        &mut self,
        config: &FeedConfig,
        list: &ListConfig,
        forced: bool,
        report: &mut Report,
    ) -> Result<FeedReport> {
        let mut asked = FeedReport::new(&config.name);
        let state = self.state(&config.name);
        asked.complete = state.complete;
        let mut remembered = self.ledger.list_state(state.id)?;
        if !self.is_due(config, list, &state, &remembered, forced) {
            return Ok(asked);
        }
        // Another address, or another way to read it: what the server gave for the old one says nothing.
        let same = state.complete && remembered.fingerprint == list.fingerprint();
        let known = if same { remembered.validators.clone() } else { Validators::default() };
        self.say_progress(format!("{}: asking {}", config.name, list.place.shown()));
        asked.requests = 1;
        let fetched =
            snapshot::fetch(&config.name, &list.place, config.timeout.duration(), &list.settings, &known);
        let download = match fetched {
            Ok(Ok(download)) => download,
            Ok(Err(error)) => {
                self.note_failure(config, &state, &mut remembered, &error)?;
                let retry_at = error
                    .retry_after()
                    .map(|pause| self.clock.now() + i64::try_from(pause.as_secs()).unwrap_or(3_600));
                self.fail(config, &mut asked, error.to_string(), error.exit(), retry_at)?;
                return Ok(asked);
            }
            Err(error) => {
                let exit = error.exit();
                self.fail(config, &mut asked, error.to_string(), exit, None)?;
                return Ok(asked);
            }
        };
        remembered.fingerprint = list.fingerprint();
        match download {
            Download::Unchanged => {
                asked.complete = true;
                (remembered.failures, remembered.answered) = (0, false);
                let mut state = state;
                let size = asking_of(config, &state, 0).size(&self.picture.entries, self.clock.now());
                self.guard_against_surge(config, &mut state, &mut asked, size, self.clock.now());
                if !self.is_dry() {
                    self.ledger.save_unchanged(&state, &remembered, self.clock.now())?;
                }
                self.now_known(config, state);
            }
            Download::List { parsed, validators } => {
                remembered.validators = validators;
                self.take_list(config, &state, remembered, parsed, &mut asked)?;
                self.apply(report)?;
            }
        }
        Ok(asked)
    }

    /// Whether a list is to be asked for now. The publisher's minimum binds a forced run too.
    fn is_due(
        &self,
        config: &FeedConfig,
        list: &ListConfig,
        state: &FeedState,
        remembered: &ListState,
        forced: bool,
    ) -> bool {
        let now = self.clock.now();
        let Some(last) = state.last_attempt.filter(|last| *last <= now) else { return true };
        if forced {
            let good = state.last_success.is_some_and(|good| good == last);
            return !good || now >= last + list.minimum.as_secs();
        }
        let due = schedule::due(
            &config.name,
            config.interval.as_secs(),
            last,
            remembered.failures,
            remembered.answered,
        );
        now >= due.max(state.retry_at.unwrap_or(0))
    }

    fn note_failure(
        &mut self,
        config: &FeedConfig,
        state: &FeedState,
        remembered: &mut ListState,
        error: &FetchError,
    ) -> Result<()> {
        remembered.failures = remembered.failures.saturating_add(1);
        remembered.answered = error.kind() == FetchErrorKind::Unusable;
        log::debug!("{}: {} failures in a row", config.name, remembered.failures);
        if !self.is_dry() {
            self.ledger.save_list_failure(state.id, remembered)?;
        }
        Ok(())
    }

    /// Takes a new version in, unless it lost so much that the last good one is the better.
    fn take_list(
        &mut self,
        config: &FeedConfig,
        state: &FeedState,
        mut remembered: ListState,
        mut parsed: Parsed,
        asked: &mut FeedReport,
    ) -> Result<()> {
        let now = self.clock.now();
        let versions = Versions {
            known: &self.picture.entries,
            feed: state.id,
            list: &parsed.prefixes,
            last_seen: state.last_success,
            ttl: config.ttl.as_secs(),
        };
        self.count(&parsed, asked);
        if versions.collapsed() && !self.accepts {
            let error = format!(
                "the list {} had {} entries and has {} now; so great a loss is seldom meant, so its last good version \
                 stays. If it is meant: banbridge sync --feed {} --accept",
                config.name,
                versions.held(),
                parsed.prefixes.len(),
                config.name
            );
            remembered.failures = remembered.failures.saturating_add(1);
            remembered.answered = true;
            // The next request is to bring the list again, not the word that it is still this one.
            remembered.validators = Validators::default();
            if !self.is_dry() {
                self.ledger.save_list_failure(state.id, &remembered)?;
            }
            return self.fail(config, asked, error, Exit::Unusable, None);
        }
        let change = versions.change(now);
        (remembered.failures, remembered.answered) = (0, false);
        remembered.refused = parsed.refused_total();
        asked.complete = true;
        // A list of millions is held in one form at a time.
        parsed.prefixes = Vec::new();
        let mut state = state.clone();
        let size = asking_of(config, &state, 0).size(change.preview(state.id, &self.picture.entries), now);
        self.guard_against_surge(config, &mut state, asked, size, now);
        if !self.is_dry() {
            let refused: Vec<Refused> = parsed
                .refused
                .iter()
                .map(|r| Refused { entry: r.text.clone(), reason: format!("{} (line {})", r.reason, r.line) })
                .collect();
            self.ledger.save_snapshot(&state, &remembered, &change, &refused, now)?;
        }
        if !change.is_empty() {
            change.apply(state.id, &mut self.picture.entries);
        }
        self.now_known(config, state);
        Ok(())
    }

    /// Takes over that the latest version of a list is known.
    fn now_known(&mut self, config: &FeedConfig, mut state: FeedState) {
        (state.complete, state.retry_at) = (true, None);
        (state.last_attempt, state.last_success) = (Some(self.clock.now()), Some(self.clock.now()));
        self.remember(config, |remembered| *remembered = state);
        self.picture.hold(&config.name);
    }

    /// Counts the entries of a list into its report.
    fn count(&self, parsed: &Parsed, asked: &mut FeedReport) {
        asked.fetched = parsed.received();
        let wrong = parsed.refused.iter().map(|r| SkippedEntry {
            entry: r.text.clone(),
            reason: format!("{} (line {})", r.reason, r.line),
        });
        asked.skipped = wrong.collect();
        let mut protected = 0;
        for prefix in &parsed.prefixes {
            if let Verdict::Refused(protection) = self.picture.never_block.judge(prefix) {
                protected += 1;
                if protected <= REPORTED {
                    let (entry, reason) = (prefix.to_string(), protection.to_string());
                    asked.skipped.push(SkippedEntry { entry, reason });
                }
            }
        }
        asked.skipped_more = parsed.refused_total() + protected - asked.skipped.len();
        asked.used = asked.fetched - parsed.refused_total() - protected;
    }
}
