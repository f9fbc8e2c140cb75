//! How a run begins and ends in the saved state, and the totals of its report.

use super::clock::Clock;
use super::context::Context;
use super::log_lines;
use super::report::Report;
use super::session::Session;
use crate::ban::health::evidence::{Evidence, Rules, Service};
use crate::kernel::look;
use crate::ledger::StateKey;
use crate::ledger::history::Figures;
use crate::ledger::runs::Run;
use crate::pbx::daemon;
use crate::system::failure::{Failure, Result};
use crate::system::fault;

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
        self.note_driver()?;
        self.clock = Clock::begin(&mut self.ledger)?;
        fault::point("clock-recorded")?;
        let feeds: Vec<&str> = self.config.feed.iter().map(|feed| feed.name.as_str()).collect();
        self.ledger.add_feeds(&feeds)?;
        let last_began = self.ledger.last_run()?.map(|last| last.started_at);
        let began = self.clock.now();
        let id = self.ledger.begin_run(began)?;
        fault::point("begun")?;
        Ok(Recorded { id, began, last_began })
    }
}

impl Session {
    /// Fills in the report's totals.
    pub(super) fn complete(&self, report: &mut Report) {
        let (before, after) = (&self.before, &self.saved.rows.ours);
        report.blacklist.added = after.difference(before).count();
        report.blacklist.removed = before.difference(after).count();
        report.blacklist.kept = after.intersection(before).count();
        if report.dry_run {
            report.plan_add = after.difference(before).cloned().collect();
            report.plan_remove = before.difference(after).cloned().collect();
        }
        report.blacklist.limit = self.saved.policy.limit;
        report.blacklist.other_rows = self.saved.rows.others.len();
        report.blacklist.unblocked = self.saved.unblocked.len();
        report.firewall.enabled = self.saved.firewall.enabled;
        report.firewall.driver = Some(self.saved.firewall.driver);
        report.firewall.period_s = self.saved.firewall.period_s;
        report.firewall.service = daemon::service(&self.run_dir);
        report.firewall.running = report.firewall.service != Service::Stopped;
    }

    /// Records what the kernel has of the rows now: what was seen after the change, or else what a look sees.
    fn record_evidence(&mut self, report: &mut Report) -> Result<()> {
        let rules = match report.verified {
            true => Rules::Match,
            false => look::rules(&self.environment.programs, self.saved.firewall.driver, &self.saved.present),
        };
        report.firewall.rules = rules.block();
        Ok(self.ledger.record_evidence(Evidence { at: self.clock.now(), rules })?)
    }

    /// Whether root lately saw rules of rows in the kernel.
    pub(super) fn rules_were_seen(&mut self) -> Result<bool> {
        let now = self.clock.now();
        Ok(self.ledger.evidence()?.and_then(|seen| seen.counts(now)).is_some_and(Rules::block))
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
        let sizes = self.saved.sizes(self.clock.now());
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
            warnings: report.warnings.len() as u64,
            error: error.clone(),
            fallback: report.fallback.clone(),
        };
        // When the database is gone the run cannot be recorded, and the error that says so is the better one.
        let written = self.ledger.finish_run(recorded.id, &record);
        log_lines::end_of_run(report, error.as_deref());
        if worked.is_err() && written.is_ok() {
            // The figures are not known; that it failed is. The first error is the one to tell.
            let _ = self.ledger.note_hour(self.clock.now(), true, (record.added, record.removed), None);
        }
        if worked.is_ok() {
            written?;
            self.note_history(&record, report)?;
            self.clock.end(&mut self.ledger)?;
            if self.environment.is_root {
                self.ledger.set_state(StateKey::RootRun, self.clock.now())?;
                self.record_evidence(report)?;
            } else {
                report.firewall.rules = self.rules_were_seen()?;
            }
            fault::point("run-recorded")?;
            self.record_problems(report)?;
            if let Some(before) = recorded.last_began {
                // The clock may have been ahead then.
                self.ledger.prune(before.min(self.clock.now()))?;
            }
            fault::point("pruned")?;
        }
        Ok(())
    }
}
