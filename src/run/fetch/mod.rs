//! Asks the feeds. Each kind knows how it is asked ([`apiban`] in batches, a [`list`] as a whole, [`crowdsec`] for what
//! changed); what comes of it is one [`Outcome`] for all, and what is much more than before is held in one place.

pub mod apiban;
mod crowdsec;
mod fail2ban;
mod list;
mod own_log;

use crate::ban::cover::Cover;
use crate::ban::never_block::Verdict;
use crate::ban::surge::{Extent, Size, Surge, public_v4};
use crate::ban::wanted::FeedPolicy;
use crate::ban::{Entry, Prefix};
use crate::config::{FeedConfig, FeedKind};
use crate::feed::FetchError;
use crate::ledger::feeds::{FeedState, Skipped};
use crate::run::report::{FeedReport, Report, SkippedEntry};
use crate::run::session::Session;
use crate::run::state::policy_of;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Failure, Result};
use crate::system::text::number;

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
            FeedKind::Log(log) => own_log::ask(self, config, log, &mut asked, report)?,
            FeedKind::Fail2ban(_) => fail2ban::ask(self, config, &mut asked, report)?,
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
        (state.base, state.based_at) = (None, None);
        (state.held_since, state.last_error) = (None, None);
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

    /// How much a feed with these prefixes covers, and how many IPv4 addresses it and all other feeds do that are not
    /// meant to be wide. What is too wide or protected is not blocked, so it covers nothing.
    fn extent<'a>(
        &self,
        config: &FeedConfig,
        feed: u16,
        prefixes: impl Iterator<Item = &'a Prefix>,
    ) -> (Extent, u64) {
        let protected =
            |prefix: &Prefix| matches!(self.saved.never_block.judge(prefix), Verdict::Protected(_));
        let counts = prefixes.filter(|prefix| config.widest.check(prefix).is_ok() && !protected(prefix));
        let mine: Vec<Prefix> = counts.copied().collect();
        let extent = Extent::of(&mine);
        if config.wide {
            return (extent, 0);
        }
        let now = self.clock.now();
        let others: Vec<&FeedPolicy> =
            self.saved.feed_policies.iter().filter(|policy| policy.feed != feed && !policy.wide).collect();
        let theirs =
            self.saved.entries.iter().filter(|entry| others.iter().any(|policy| policy.holds(entry, now)));
        let all =
            Cover::new(theirs.map(|entry| &entry.prefix).filter(|prefix| !protected(prefix)).chain(&mine));
        (extent, all.v4_addresses())
    }

    /// The prefixes of a feed that count among these entries, or would if it were not held.
    fn known<'a, I: IntoIterator<Item = &'a Entry>>(
        &self,
        config: &FeedConfig,
        state: &FeedState,
        entries: I,
    ) -> impl Iterator<Item = &'a Prefix> + use<'a, I> {
        let (free, now) = (FeedPolicy { held_since: None, ..policy_of(config, state, 0) }, self.clock.now());
        entries.into_iter().filter(move |entry| free.holds(entry, now)).map(|entry| &entry.prefix)
    }

    /// Holds the feed when, with these prefixes, it suddenly covers much more than before, or all feeds together cover
    /// too much; else remembers its size. Returns whether it is held.
    fn guard_against_surge<'a>(
        &self,
        config: &FeedConfig,
        state: &mut FeedState,
        prefixes: impl Iterator<Item = &'a Prefix>,
        asked: &mut FeedReport,
    ) -> bool {
        let (extent, total) = self.extent(config, state.id, prefixes);
        let known = Size {
            base: state.base,
            based_at: state.based_at,
            completed_at: state.completed_at,
            held_since: state.held_since,
        };
        let mut guard = config.surge_guard(public_v4(self.config.protect.ceiling.0));
        if self.accepts {
            guard.ceiling = None;
        }
        let weighed = guard.weigh(known, extent, total, asked.complete, self.clock.now());
        (state.base, state.based_at) = (weighed.base, weighed.based_at);
        (state.completed_at, state.held_since) = (weighed.completed_at, weighed.held_since);
        state.last_error = None;
        let Some(surge) = guard.surge(known.base, extent, total) else { return false };
        let error = surge_text(&config.name, surge);
        state.last_error = Some(error.clone());
        asked.held = true;
        asked.error = Some(error);
        asked.exit = Exit::Unusable;
        true
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
        let permits = self.saved.permits.iter().any(|(policy, _)| {
            self.saved.feeds.iter().any(|state| state.name == asked.name && state.id == policy.feed)
        });
        for prefix in prefixes.filter(|_| !permits) {
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

/// What grew, and how to take what is held.
fn surge_text(name: &str, surge: Surge) -> String {
    let (before, now, what) = match surge {
        Surge::Entries(before, now) => (before, now, "entries"),
        Surge::V4(before, now) => (before, now, "IPv4 addresses"),
        Surge::V6(before, now) => (before, now, "/48 networks of IPv6"),
        Surge::Ceiling(total) => {
            return format!(
                "With {name} all feeds together cover {} IPv4 addresses, more than protect.ceiling allows. What is new is \
                 held for review. To accept it once: banbridge sync --accept --feed {name}. If it is meant to be wide: \
                 banbridge config set feed.{name}.wide true",
                number(total)
            );
        }
    };
    format!(
        "{name} grew from {} to {} {what}. What is new is held for review. To accept it: banbridge sync --accept --feed {name}",
        number(before),
        number(now)
    )
}
