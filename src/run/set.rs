//! The second place that blocks: the set in the kernel, which root brings to what is wanted.

use crate::system::failure::Result;
use std::path::Path;

use super::report::{Report, SetReport};
use super::session::{Role, Session};
use crate::ban::plan::Plan;
use crate::config::Enabled;
use crate::kernel::set::{self, DIRECTORY, Desired, Held, Outcome, Set, SetError};
use crate::ledger::StateKey;
use crate::ledger::hits::SetState;
use crate::system::exit::Exit;
use crate::system::machine;
use crate::system::program::System;

/// How long the firewall must have been off before the set goes too, in seconds. `fwconsole firewall restart` switches
/// it off for a moment, and the set is there to leave no gap then.
const OFF: i64 = 120;

impl Session {
    /// Brings the set to what the plan blocks. An administrator who switched the firewall off wants nothing blocked, so
    /// then there is no set either.
    pub(super) fn bring_set(&mut self, plan: &Plan, report: &mut Report) -> Result<()> {
        if self.role != Role::Whole || !self.environment.is_root {
            return Ok(());
        }
        let programs = System::default();
        let directory = Path::new(DIRECTORY);
        let wished = self.config.set.enabled;
        let off_since = self.off_since()?;
        if wished == Enabled::No || off_since.is_some() {
            if wished == Enabled::No || off_since.is_some_and(|since| self.clock.now() - since >= OFF) {
                self.leave_no_set(&programs, directory, report)?;
            }
            return Ok(());
        }
        let set = match Set::open(&programs, directory) {
            Ok(set) => set,
            Err(error) => return self.do_without(&error, wished, report),
        };
        self.ledger.count_hits(set.held().map(Held::counted), machine::boot(), self.clock.now())?;
        let outcome = match set.bring(&Desired::new(plan, &self.picture.never_block)) {
            Ok(outcome) => outcome,
            Err(error) => return self.do_without(&error, wished, report),
        };
        for note in &outcome.notes {
            report.warn(format!("the set: {note}"));
        }
        let note = set.why_not_nft().map(|why| format!("by ipset, for nft cannot be used: {why}"));
        self.note_set(&SetState {
            backend: Some(set.backend()),
            size: outcome.size,
            checked_at: self.clock.now(),
            note,
        })?;
        let Outcome { size, added, removed, .. } = outcome;
        let before = report.set.take().unwrap_or_default();
        report.set = Some(SetReport {
            backend: Some(set.backend().word().to_owned()),
            size,
            added: before.added + added,
            removed: before.removed + removed,
        });
        Ok(())
    }

    /// Since when the firewall is switched off; none when it is on.
    fn off_since(&mut self) -> Result<Option<i64>> {
        let known = self.ledger.state(StateKey::OffSince)?;
        let is_off = !self.picture.firewall.enabled;
        match (is_off, known) {
            (false, Some(_)) => self.ledger.clear_state(StateKey::OffSince)?,
            (true, None) => self.ledger.set_state(StateKey::OffSince, self.clock.now())?,
            _ => {}
        }
        Ok(is_off
            .then(|| known.filter(|since| *since <= self.clock.now()).unwrap_or_else(|| self.clock.now())))
    }

    /// Removes the set, when there is one.
    fn leave_no_set(&mut self, programs: &System, directory: &Path, report: &mut Report) -> Result<()> {
        let known = self.ledger.set_found()?;
        // Without a set noted there may still be one: a ledger that was lost, or a program of before.
        match set::remove(programs, directory) {
            Ok(true) => log::info!("the set was removed"),
            Ok(false) => {}
            Err(error) if known.is_some_and(|known| known.backend.is_some()) => {
                report.warn(format!("the set cannot be removed: {error}"));
            }
            Err(_) => {}
        }
        self.note_set(&SetState { backend: None, size: 0, checked_at: self.clock.now(), note: None })
    }

    /// Goes on without a set; that is an error only where the configuration asks for one.
    fn do_without(&mut self, error: &SetError, wished: Enabled, report: &mut Report) -> Result<()> {
        let note = Some(error.to_string());
        self.note_set(&SetState { backend: None, size: 0, checked_at: self.clock.now(), note })?;
        if wished == Enabled::Yes {
            report.warn(format!("[set] enabled = \"yes\", but {error}"));
            report.exit = report.exit.worse(Exit::Unreachable);
        } else {
            log::debug!("no set: {error}");
        }
        Ok(())
    }

    /// Notes what was found, when it is anything else than before or an hour old.
    fn note_set(&mut self, state: &SetState) -> Result<()> {
        let known = self.ledger.set_found()?;
        let same = |known: &SetState| {
            (known.backend, known.size, &known.note) == (state.backend, state.size, &state.note)
                && (known.checked_at..known.checked_at + 3_600).contains(&state.checked_at)
        };
        if !known.as_ref().is_some_and(same) {
            self.ledger.note_set(state)?;
        }
        Ok(())
    }
}
