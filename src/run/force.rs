//! Root's way: rows and the firewall's chain together, so that the firewall need not start a process for each row.

use super::report::{Reload, Report};
use super::session::Session;
use crate::ban::health::evidence::Service;
use crate::ban::plan::{Plan, Present};
use crate::kernel::apply::{Applied, Change, How, Site, Step, Steps, apply_blacklist};
use crate::kernel::module_sets::Overlap;
use crate::ledger::StateKey;
use crate::pbx::daemon;
use crate::system::failure::Result;
use crate::system::fault;

/// The change of a plan, for [`apply_blacklist`].
struct PlanChange<'s> {
    session: &'s mut Session,
    plan: &'s Plan,
    now: i64,
}

impl Change for PlanChange<'_> {
    fn is_pending(&self) -> bool {
        !self.plan.changes_nothing()
    }

    fn commit(&mut self) -> Result<()> {
        self.session.write_rows(self.plan)
    }

    fn rows(&mut self) -> Result<Present> {
        self.session.saved.look_at_rows(&mut self.session.ledger)?;
        Ok(self.session.saved.present.clone())
    }

    /// A row that the administrator wrote meanwhile: ours give way to it now instead of on the next run.
    fn mend(&mut self, overlap: &Overlap) -> Result<bool> {
        if !overlap.ours() {
            return Ok(false);
        }
        self.session.saved.look_at_rows(&mut self.session.ledger)?;
        let plan = self.session.saved.plan(self.now);
        let differs = !plan.changes_nothing();
        if differs {
            self.session.write_rows(&plan)?;
        }
        Ok(differs)
    }
}

/// Where the tests have a change together go wrong; no error can be made of it there.
struct Points;

impl Steps for Points {
    fn reached(&mut self, step: Step) {
        let _ = fault::point(match step {
            Step::BeforeFreeze => "before-freeze",
            Step::Frozen => "frozen",
            Step::Committed => "committed",
            Step::Restored => "restored",
            Step::Thawed => "thawed",
            Step::Told => "daemon-told",
        });
    }
}

/// Writes the rows of a plan and brings them into force.
pub(super) fn write_and_force(session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
    let now = session.clock.now();
    let firewall = session.saved.firewall.clone();
    let run_dir = session.run_dir.clone();
    let programs = session.environment.programs;
    let site = Site::new(&firewall, &run_dir, &programs);
    let applied = apply_blacklist(&site, &mut PlanChange { session, plan, now }, &mut Points)?;
    tell_of(session, &applied, !plan.changes_nothing(), report);
    // What is in force, or waits for the firewall's own start, nobody needs to be told again.
    if session.ledger.state(StateKey::ChangedAt)?.is_some() {
        session.ledger.clear_state(StateKey::ChangedAt)?;
    }
    Ok(())
}

fn tell_of(session: &Session, applied: &Applied, changed: bool, report: &mut Report) {
    for note in &applied.notes {
        report.warn(note.clone());
    }
    if let Some(overlap) = &applied.overlap {
        report.warn(overlap.to_string());
    }
    match &applied.how {
        How::FrozenRestore | How::HupOnly { .. } => report.reload = Reload::Hup,
        How::RowsOnly { .. } if changed => report.reload = Reload::Pending,
        How::RowsOnly { .. } | How::Nothing => {}
    }
    report.verified = applied.verified;
    if applied.how != How::Nothing {
        log::debug!("the blacklist took effect: {applied:?}");
        // That the firewall is off or does not run is said anyway.
        let known = !session.saved.firewall.enabled || daemon::service(&session.run_dir) != Service::Runs;
        report.fallback = applied.fallback().filter(|_| !known).map(str::to_owned);
    }
}

/// Tells the firewall's daemon to read the rows now.
pub(super) fn tell_daemon(session: &mut Session, report: &mut Report) -> Result<()> {
    if let Ok(daemon) = daemon::find_surely(&session.run_dir) {
        match daemon.hup() {
            Ok(()) => report.reload = Reload::Hup,
            Err(error) => report.warn(format!("Could not signal the firewall service: {error}. It reads the rows by itself within its period.")),
        }
    }
    Ok(session.ledger.clear_state(StateKey::ChangedAt)?)
}
