//! Asks the feeds. Each kind knows how it is asked ([`apiban`] in batches, a [`list`] as a whole, [`crowdsec`] for what
//! changed); what comes of it is one [`Outcome`] for all, and what is much more than before is held in one place.

pub mod apiban;
mod crowdsec;
mod list;

use crate::ban::never_block::Verdict;
use crate::ban::surge::Size;
use crate::ban::{Entry, Prefix};
use crate::config::{FeedConfig, FeedKind};
use crate::feed::FetchError;
use crate::ledger::feeds::{FeedState, Skipped};
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::Session;
use crate::run::state::policy_of;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Failure, Result};

pub use apiban::{client, now_ms, pace};

/// Skipped entries that a report names for each reason: invalid, and protected.
const REPORTED: usize = 1_000;

/// What came of asking a feed. An error beside it is one of the database.
pub(super) enum Outcome {
    /// Its time has not come.
    NotDue,
    /// It answered, and what it said is saved.
    Taken,
    /// Nothing of use came, or not all of it.
    Failed(Trouble),
}

/// What went wrong with a feed.
pub(super) struct Trouble {
    /// In words.
    text: String,
    /// What it means for the exit code.
    exit: Exit,
    /// The feed is not to be asked before then, in seconds since 1970.
    retry_at: Option<i64>,
}

impl Trouble {
    fn new(exit: Exit, text: String) -> Self {
        Self { text, exit, retry_at: None }
    }

    fn of_fetch(error: &FetchError, now: i64) -> Self {
        let pause = error.retry_after().map(|pause| i64::try_from(pause.as_secs()).unwrap_or(3_600));
        Self { text: error.to_string(), exit: error.exit(), retry_at: pause.map(|pause| now + pause) }
    }
}

/// What keeps a feed from being asked at all, such as a key that cannot be read.
impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::new(failure.exit(), format!("{failure:#}"))
    }
}

impl Session {
    /// Asks a feed for all it has, if it is due or `forced`. What goes wrong with the feed is in its report; an error
    /// is one of the database.
    pub(super) fn ask_feed(
        &mut self,
        config: &FeedConfig,
        forced: bool,
        report: &mut Report,
    ) -> Result<FeedReport> {
        let mut asked = FeedReport::new(&config.name);
        asked.complete = self.state(&config.name).complete;
        let outcome = match &config.kind {
            FeedKind::Apiban(apiban) => apiban::ask(self, config, apiban, forced, &mut asked, report)?,
            FeedKind::List(list) => list::ask(self, config, list, forced, &mut asked, report)?,
            FeedKind::Crowdsec(crowdsec) => {
                crowdsec::ask(self, config, crowdsec, forced, &mut asked, report)?
            }
        };
        match outcome {
            Outcome::NotDue | Outcome::Taken => {}
            Outcome::Failed(trouble) => {
                self.note_trouble(config, &trouble)?;
                asked.exit = trouble.exit;
                asked.error = Some(trouble.text);
            }
        }
        Ok(asked)
    }

    /// Takes what a feed asks for, however much it is.
    pub(super) fn accept(&mut self, name: &str) -> Result<()> {
        let Some(state) = self.saved.feeds.iter_mut().find(|state| state.name == name) else {
            return Ok(());
        };
        (state.base_size, state.held_since, state.last_error) = (None, None, None);
        let id = state.id;
        self.saved.hold(name);
        Ok(self.ledger.accept(id)?)
    }

    /// Starts a feed over.
    pub(super) fn start_over(&mut self, name: &str) -> Result<()> {
        let Some(state) = self.saved.feeds.iter_mut().find(|state| state.name == name) else {
            return Ok(());
        };
        (state.cursor, state.complete) = (None, false);
        let id = state.id;
        Ok(self.ledger.start_over(id)?)
    }

    /// What is remembered of a feed of the configuration.
    fn state(&self, name: &str) -> FeedState {
        self.saved.feeds.iter().find(|state| state.name == name).cloned().unwrap_or_default()
    }

    /// What is remembered of a feed from now on, as it was saved.
    fn remember(&mut self, state: FeedState) {
        let name = state.name.clone();
        if let Some(known) = self.saved.feeds.iter_mut().find(|known| known.name == name) {
            *known = state;
        }
        self.saved.hold(&name);
    }

    /// Notes in the saved state what is wrong with a feed.
    fn note_trouble(&mut self, config: &FeedConfig, trouble: &Trouble) -> Result<()> {
        let (feed, now) = (self.state(&config.name).id, self.clock.now());
        self.ledger.save_failure(feed, &trouble.text, trouble.retry_at, now)?;
        if trouble.exit == Exit::Denied {
            self.ledger.note_key_refused(feed, now)?;
        }
        Ok(())
    }

    /// Holds the feed when it is suddenly much larger, with these entries, than when it was last complete; else
    /// remembers its size.
    fn guard_against_surge<'a>(
        &self,
        config: &FeedConfig,
        state: &mut FeedState,
        entries: impl IntoIterator<Item = &'a Entry>,
        asked: &mut FeedReport,
    ) {
        let now = self.clock.now();
        let size = policy_of(config, state, 0).size(entries, now);
        let known =
            Size { base: state.base_size, completed_at: state.completed_at, held_since: state.held_since };
        let guard = config.surge_guard();
        let weighed = guard.weigh(known, size, asked.complete, now);
        (state.base_size, state.completed_at, state.held_since) =
            (weighed.base, weighed.completed_at, weighed.held_since);
        state.last_error = None;
        if guard.is_surge(known.base, size) {
            let error = format!(
                "{} grew from {} to {size} entries. What is new is held for review. To accept it: banbridge sync --accept \
                 --feed {0}",
                config.name,
                known.base.unwrap_or_default(),
            );
            state.last_error = Some(error.clone());
            asked.held = true;
            asked.error = Some(error);
            asked.exit = Exit::Unusable;
        }
    }

    /// Counts what came into a feed's report: of `received` entries these many were invalid, of which some are named,
    /// and these are protected.
    fn count<'a>(
        &self,
        asked: &mut FeedReport,
        received: usize,
        (invalid, named): (usize, &[Skipped]),
        prefixes: impl Iterator<Item = &'a Prefix>,
    ) {
        let named = named.iter();
        asked.skipped = named
            .map(|one| SkippedEntry { entry: one.entry.clone(), reason: one.reason.clone() })
            .take(REPORTED)
            .collect();
        let mut protected = 0;
        for prefix in prefixes {
            if let Verdict::Protected(protection) = self.saved.never_block.judge(prefix) {
                protected += 1;
                if protected <= REPORTED {
                    let (entry, reason) = (prefix.to_string(), protection.to_string());
                    asked.skipped.push(SkippedEntry { entry, reason });
                }
            }
        }
        asked.fetched = received;
        asked.skipped_more = invalid + protected - asked.skipped.len();
        asked.used = received - invalid - protected;
    }
}
