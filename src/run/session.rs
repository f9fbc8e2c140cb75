//! One run at work: the connection, the picture, and what this process may do with them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, FeedConfig};
use crate::ledger::history::Figures;
use crate::ledger::runs::Run;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::daemon;
use crate::pbx::names::System;
use crate::pbx::protected::Surroundings;
use crate::run::child::{Event, tell};
use crate::run::clock::Clock;
use crate::run::context::{Context, Environment};
use crate::run::report::Report;
use crate::run::state::Picture;
use crate::run::{Progress, SyncRequest, request};
use crate::system::failure::{Failure, Result};
use crate::system::fault;
use crate::system::text::one_line;

/// How many seconds an administrator's decision waits for another run: root's apply, for one, which his last decision
/// asked for.
pub(super) const CHANGE_WAITS: u8 = 10;

/// What this process does of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All that its user may.
    Whole,
    /// Asks the feeds and saves what they say; its parent writes the rows.
    Fetcher,
    /// Changes nothing.
    DryRun,
}

/// How long the run may still wait for rate limits; none is as long as it takes.
pub struct Patience(pub Option<Duration>);

impl Patience {
    /// Takes a wait from what is left; false when it is too long.
    pub fn spend(&mut self, wait: Duration) -> bool {
        match &mut self.0 {
            None => true,
            Some(left) if wait <= *left => {
                *left -= wait;
                true
            }
            Some(_) => false,
        }
    }
}

/// What [`Session::record`] needs to note how a run ended.
pub struct Recorded {
    id: u64,
    began: i64,
    last_began: Option<i64>,
}

impl Context {
    /// Makes the tables and notes that a run begins.
    pub(super) fn begin(&mut self) -> Result<Recorded> {
        self.ledger.migrate(self.clock.now())?;
        self.ledger.sign_lock()?;
        self.clock = Clock::begin(&mut self.ledger)?;
        fault::point("clock-noted")?;
        let feeds: Vec<&str> = self.config.feed.iter().map(|feed| feed.name.as_str()).collect();
        self.ledger.add_feeds(&feeds)?;
        let last_began = self.ledger.last_run()?.map(|last| last.started_at);
        let began = self.clock.now();
        let id = self.ledger.begin_run(began)?;
        fault::point("begun")?;
        Ok(Recorded { id, began, last_began })
    }
}

/// Everything that one run works with.
pub struct Session {
    pub(super) environment: Environment,
    pub(super) config: Arc<Config>,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    pub(super) picture: Picture,
    pub(super) role: Role,
    /// Whether a list may lose more than half.
    pub(super) accepts: bool,
    pub(super) patience: Patience,
    pub(super) progress: Box<dyn Progress>,
    /// Rows of ours as they were when the run began.
    pub(super) before: BTreeSet<String>,
    /// Where the daemon keeps its lock.
    pub(super) run_dir: String,
    /// Where to look for those who must get through.
    pub(super) surroundings: Surroundings,
}

impl Session {
    /// Takes the first picture.
    pub(super) fn new(context: Context, role: Role, patience: Patience) -> Result<Self> {
        let Context { environment, config, mut ledger, clock, run_dir, surroundings, progress, .. } = context;
        for warning in config.warnings.iter().filter(|_| role != Role::Fetcher) {
            log::warn!("{warning}");
        }
        let picture = Picture::load(&mut ledger, &config, clock.now())?;
        Ok(Self {
            before: picture.rows.ours.clone(),
            environment,
            config,
            ledger,
            clock,
            picture,
            role,
            accepts: false,
            patience,
            progress,
            run_dir,
            surroundings,
        })
    }

    /// Whether this process saves anything.
    pub(super) fn is_dry(&self) -> bool {
        self.role == Role::DryRun
    }

    /// Learns who is protected, then asks the chosen feeds; what comes is in force as far as this process may.
    pub(super) fn fetch(
        &mut self,
        request: &SyncRequest,
        chosen: &[FeedConfig],
        report: &mut Report,
    ) -> Result<()> {
        if self.is_dry() {
            self.catch_up_if_lost()?;
        }
        self.say_doubt(report);
        self.learn_who_is_protected(&System, report)?;
        fault::point("protected-known")?;
        // First what time and the administrator changed: that needs no network.
        self.apply(report)?;
        self.accepts = request.accept;
        // A doubted clock is compared with theirs, whenever they were asked last.
        let forced = request.feed.is_some() || request.full || request.accept || self.clock.doubt().is_some();
        for feed in chosen {
            if request.full {
                self.start_over(&feed.name)?;
            }
            if request.accept {
                self.accept(&feed.name)?;
            }
            let asked = self.ask_feed(feed, forced, report)?;
            report.exit = report.exit.worse(asked.exit);
            report.feeds.push(asked);
        }
        if self.is_dry() {
            self.settle()?;
            self.apply(report)?;
        }
        Ok(())
    }

    /// Brings rows and firewall to what the ledger says.
    pub(super) fn enforce(&mut self, report: &mut Report) -> Result<()> {
        self.say_doubt(report);
        self.settle()?;
        self.apply(report)?;
        self.reload(report)?;
        self.progress.done();
        Ok(())
    }

    /// Looks at the ledger again, after another process changed it.
    pub(super) fn refresh(&mut self) -> Result<()> {
        self.clock = Clock::look(&mut self.ledger)?;
        self.picture = Picture::load(&mut self.ledger, &self.config, self.clock.now())?;
        Ok(())
    }

    /// Asks root to bring into force what only root can, unless this is root. The end of a run: the lock is given back
    /// first, so that root's run finds it free.
    pub(super) fn ask_root(mut self) -> Result<()> {
        if !self.environment.is_root {
            self.ledger.unlock()?;
            request::after_change();
        }
        Ok(())
    }

    /// Says that the clock is doubted, when it is.
    fn say_doubt(&self, report: &mut Report) {
        if let Some(doubt) = self.clock.doubt() {
            report.warn(doubt.to_owned());
        }
    }

    /// Shows what is going on, on a terminal.
    pub(super) fn say(&self, text: &str) {
        // The child may be somebody else by now.
        self.progress.say(&one_line(text, 200));
    }

    /// Tells how far the asking is: on a terminal, or to the parent.
    pub(super) fn say_progress(&self, text: String) {
        match self.role {
            Role::Fetcher => tell(&Event::Progress { text }),
            _ => self.say(&text),
        }
    }

    /// Fills in the report's totals.
    pub(super) fn complete(&self, report: &mut Report) {
        let (before, after) = (&self.before, &self.picture.rows.ours);
        report.blacklist.added = after.difference(before).count();
        report.blacklist.removed = before.difference(after).count();
        report.blacklist.kept = after.intersection(before).count();
        report.blacklist.limit = self.picture.policy.limit;
        report.blacklist.other_rows = self.picture.rows.foreign.len();
        report.blacklist.unblocked = self.picture.releases.len();
        report.firewall.enabled = self.picture.firewall.enabled;
        report.firewall.driver = Some(self.picture.firewall.driver);
        report.firewall.period_s = self.picture.firewall.period_s;
        report.firewall.running = daemon::is_running(&self.run_dir);
    }

    /// Notes for [`crate::ledger::history`] what became of the run and how things stand.
    fn note_history(&mut self, run: &Run, report: &Report) -> Result<()> {
        let b = &report.blacklist;
        // Only root looks into the kernel; anybody's run goes by what root found last.
        let set = self.ledger.set_found()?;
        let figures = Figures {
            rows: (b.added + b.kept) as u64,
            to_block: b.to_block as u64,
            set: set.filter(|set| set.backend.is_some()).map(|set| set.size as u64),
            protected: b.protected as u64,
            over_limit: b.over_limit as u64,
        };
        let failed = run.exit_code != Some(0);
        self.ledger.note_hour(self.clock.now(), failed, (run.added, run.removed), Some(figures))?;
        let sizes = self.picture.sizes(self.clock.now());
        self.ledger.note_feed_sizes(self.clock.now(), &sizes)?;
        Ok(())
    }

    /// Notes in ledger and log how the run ended.
    pub(super) fn record(
        &mut self,
        recorded: Recorded,
        report: &mut Report,
        worked: &Result<()>,
    ) -> Result<()> {
        let error = worked.as_ref().err().map(|error| format!("{error:#}")).or_else(|| report.first_error());
        let exit = worked.as_ref().err().map_or(report.exit, Failure::exit);
        let record = Run {
            started_at: recorded.began,
            finished_at: Some(self.clock.now()),
            exit_code: Some(exit.code()),
            added: report.blacklist.added as u64,
            removed: report.blacklist.removed as u64,
            error: error.clone(),
            fallback: report.fallback.clone(),
        };
        // When the database is gone the run cannot be noted, and the error that says so is the better one.
        let noted = self.ledger.finish_run(recorded.id, &record);
        report.log(error.as_deref());
        if worked.is_err() && noted.is_ok() {
            // The figures are not known; that it failed is. The first error is the one to tell.
            let _ = self.ledger.note_hour(self.clock.now(), true, (record.added, record.removed), None);
        }
        if worked.is_ok() {
            noted?;
            self.note_history(&record, report)?;
            self.clock.end(&mut self.ledger)?;
            if self.environment.is_root {
                self.ledger.set_state(StateKey::RootRun, self.clock.now())?;
            }
            fault::point("run-noted")?;
            self.note_notices(report)?;
            if let Some(before) = recorded.last_began {
                // The clock may have been ahead then.
                self.ledger.prune(before.min(self.clock.now()))?;
            }
            fault::point("pruned")?;
        }
        Ok(())
    }
}
