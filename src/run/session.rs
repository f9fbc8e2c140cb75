//! One run at work: the connection, the saved state, and what this process may do with them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::plan::Plan;
use crate::config::{Config, FeedConfig};
use crate::ledger::Ledger;
use crate::pbx::jails::Jail;
use crate::pbx::names::System;
use crate::pbx::protected::Surroundings;
use crate::run::clock::Clock;
use crate::run::context::{Context, Environment};
use crate::run::report::Report;
use crate::run::state::SavedState;
use crate::run::{Progress, SyncRequest};
use crate::system::failure::Result;
use crate::system::fault;

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

    /// Whether there is time for such a wait.
    pub fn allows(&self, wait: Duration) -> bool {
        self.0.is_none_or(|left| wait <= left)
    }
}

/// Who carries a plan out.
pub(super) trait Backend {
    /// Brings the kernel set to the plan.
    fn bring_set(&self, _: &mut Session, _: &Plan, _: &mut Report) -> Result<()> {
        Ok(())
    }

    /// Writes the rows of a plan that changes some, and what follows from them at once.
    fn write_rows(&self, session: &mut Session, plan: &Plan, _: &mut Report) -> Result<()> {
        session.write_rows(plan)
    }

    /// Makes rules follow rows that somebody else changed. Called where a plan changes no row.
    fn check_rules(&self, _: &mut Session, _: &Plan, _: &mut Report) -> Result<()> {
        Ok(())
    }

    /// Has the firewall read the rows, when they were changed and it was not told yet.
    fn reload(&self, session: &mut Session, report: &mut Report) -> Result<()>;

    /// The saved state changed: rows and kernel are to follow before anything else is asked for.
    fn follow(&self, session: &mut Session, report: &mut Report) -> Result<()> {
        session.make_true(report)
    }

    /// The same when it is known who is protected, before any feed is asked; whether that changed is known.
    fn follow_protections(&self, session: &mut Session, report: &mut Report, _: bool) -> Result<()> {
        self.follow(session, report)
    }

    /// The run waits for a rate limit. What came so far is to take effect meanwhile.
    fn wait(&self, session: &mut Session, report: &mut Report, text: &str) -> Result<()> {
        self.reload(session, report)?;
        session.progress.say(text);
        Ok(())
    }

    /// Says how far the run is.
    fn say(&self, session: &Session, text: &str) {
        session.progress.say(text);
    }

    /// The run is over and the lock is free: whoever does what this process may not is called.
    fn call_others(&self) {}
}

/// Everything that one run works with.
pub struct Session {
    pub(super) environment: Environment,
    pub(super) config: Arc<Config>,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    pub(super) saved: SavedState,
    /// Who carries the plan out.
    pub(super) backend: Rc<dyn Backend>,
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
    /// Where Asterisk's logs are.
    pub(super) log_dir: PathBuf,
    /// Whether root itself put somebody on the allow list just now.
    pub(super) root_allows: bool,
    /// What fail2ban told root.
    pub(super) jails: Option<Result<Vec<Jail>, String>>,
}

impl Session {
    /// Loads the saved state for the first time.
    pub(super) fn new(context: Context, backend: Box<dyn Backend>, wait: Option<Duration>) -> Result<Self> {
        let Context {
            environment,
            config,
            mut ledger,
            clock,
            log_dir,
            run_dir,
            surroundings,
            progress,
            root_allows,
        } = context;
        for warning in &config.warnings {
            log::warn!("{warning}");
        }
        let saved = SavedState::load(&mut ledger, &config, clock.now())?;
        Ok(Self {
            before: saved.rows.ours.clone(),
            environment,
            config,
            ledger,
            clock,
            saved,
            backend: backend.into(),
            accepts: false,
            patience: Patience(wait),
            progress,
            run_dir,
            surroundings,
            log_dir,
            root_allows,
            jails: None,
        })
    }

    /// Learns who is protected, then asks the chosen feeds; what comes takes effect as far as this process may.
    pub(super) fn fetch(
        &mut self,
        request: &SyncRequest,
        chosen: &[FeedConfig],
        report: &mut Report,
    ) -> Result<()> {
        self.say_doubt(report);
        if !request.only_logs {
            let changed = self.learn_who_is_protected(&System, report)?;
            fault::point("protected-known")?;
            // First what time and the administrator changed: that needs no network.
            Rc::clone(&self.backend).follow_protections(self, report, changed)?;
        }
        self.jails = request.jails.clone();
        self.read_logs(report)?;
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
        self.share(report)
    }

    /// Brings rows and firewall to what the ledger says.
    pub(super) fn enforce(&mut self, report: &mut Report) -> Result<()> {
        self.finish(report, false)
    }

    /// The same at the end of a run; `is_done`: all that follows from what is known was done a moment ago.
    pub(super) fn finish(&mut self, report: &mut Report, is_done: bool) -> Result<()> {
        self.say_doubt(report);
        if self.end_recovery()? || !is_done {
            self.follow(report)?;
        }
        self.reload(report)?;
        self.progress.done();
        Ok(())
    }

    /// Looks at the ledger again, after another process changed it.
    pub(super) fn refresh(&mut self) -> Result<()> {
        self.clock = Clock::look(&mut self.ledger)?;
        self.saved = SavedState::load(&mut self.ledger, &self.config, self.clock.now())?;
        Ok(())
    }

    /// Looks at the ledger again, except at entries, which nobody changed. True where everything that decides the plan
    /// is as it was.
    pub(super) fn refresh_but_entries(&mut self) -> Result<bool> {
        self.clock = Clock::look(&mut self.ledger)?;
        let entries = std::mem::take(&mut self.saved.entries);
        let now = self.clock.now();
        let new = SavedState::load_with(&mut self.ledger, &self.config, now, Some(entries))?;
        let before = std::mem::replace(&mut self.saved, new);
        Ok(self.saved.decides_as(&before))
    }

    /// The saved state changed: rows and kernel follow, as far as this process may.
    pub(super) fn follow(&mut self, report: &mut Report) -> Result<()> {
        Rc::clone(&self.backend).follow(self, report)
    }

    /// Has the firewall read changed rows.
    pub(super) fn reload(&mut self, report: &mut Report) -> Result<()> {
        Rc::clone(&self.backend).reload(self, report)
    }

    /// Waits for a rate limit; what came so far takes effect meanwhile.
    pub(super) fn wait(&mut self, report: &mut Report, text: &str) -> Result<()> {
        Rc::clone(&self.backend).wait(self, report, text)
    }

    /// Says how far the run is.
    pub(super) fn say(&self, text: &str) {
        self.backend.say(self, text);
    }

    /// The end of a run: the lock is given back first, so that whoever is called finds it free.
    pub(super) fn call_others(mut self) -> Result<()> {
        self.ledger.unlock()?;
        self.backend.call_others();
        Ok(())
    }

    /// Brings rows, rules and kernel set up to date with what is known now.
    pub(super) fn make_true(&mut self, report: &mut Report) -> Result<()> {
        let backend = Rc::clone(&self.backend);
        self.saved.look_at_rows(&mut self.ledger)?;
        fault::point("rows-looked-at")?;
        self.record_manual_deletions()?;
        fault::point("hand-noticed")?;
        let mut plan = self.saved.plan(self.clock.now());
        let limit = self.saved.policy.limit;
        backend.bring_set(self, &plan, report)?;
        if self.saved.policy.limit != limit {
            plan = self.saved.plan(self.clock.now());
        }
        report.blacklist.over_limit = plan.over_limit;
        report.blacklist.not_by_row = plan.not_by_row;
        report.blacklist.protected = plan.protected.len();
        report.blacklist.to_block = plan.wanted_prefixes;
        if plan.changes_nothing() {
            self.sync_ledger_to_rows(&plan)?;
            return backend.check_rules(self, &plan, report);
        }
        let before = self.saved.rows.ours.clone();
        backend.write_rows(self, &plan, report)?;
        fault::point("change-finished")?;
        self.log_changes(&before);
        report.changed = true;
        Ok(())
    }

    /// The same within a run, which goes on to know who is protected.
    pub(super) fn reload_state(&mut self) -> Result<()> {
        let never_block = self.saved.never_block.clone();
        self.refresh()?;
        self.saved.never_block = never_block;
        Ok(())
    }

    /// Says that the clock is doubted, when it is.
    fn say_doubt(&self, report: &mut Report) {
        if let Some(doubt) = self.clock.doubt() {
            report.warn(doubt.to_owned());
        }
    }
}
