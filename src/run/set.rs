//! The second place that blocks: the set in the kernel, which root brings to what is wanted.

use crate::ledger::StateKey;
use crate::system::failure::Result;
use std::path::Path;

use super::report::{Report, SetReport};
use super::session::Session;
use crate::ban::hits::Backend;
use crate::ban::plan::Plan;
use crate::config::Enabled;
use crate::kernel::set::{self, DIRECTORY, Desired, Held, Outcome, Set, SetError};
use crate::ledger::hits::SetState;
use crate::system::exit::Exit;
use crate::system::machine;
use crate::system::program::System;

/// How long the firewall must have been off before the set goes too, in seconds. `fwconsole firewall restart` switches
/// it off for a moment, and the set is there to leave no gap then.
pub(super) const OFF: i64 = 120;

/// Brings the set to what the plan blocks. An administrator who switched the firewall off wants nothing blocked, so
/// then there is no set either.
pub(super) fn bring(session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
    let programs = session.environment.programs;
    let directory = Path::new(DIRECTORY);
    let wished = session.config.set.enabled;
    // With the firewall off for good, the set protects alone where that is wanted.
    let off_since = off_since(session)?.filter(|_| !session.config.set.without_firewall);
    if wished == Enabled::No || off_since.is_some() {
        if wished == Enabled::No || off_since.is_some_and(|since| session.clock.now() - since >= OFF) {
            leave_no_set(session, &programs, directory, report)?;
        }
        return Ok(());
    }
    let (desired, now) =
        (Desired::new(plan, &session.saved.never_block, session.config.set.action), session.clock.now());
    if set::is_still(directory, &desired, now) {
        return still_so(session, &desired, report);
    }
    if let Some(outcome) = set::change_a_few(directory, &desired) {
        let state = SetState {
            backend: Some(Backend::Nft),
            size: outcome.size,
            checked_at: session.clock.now(),
            note: None,
        };
        note_set(session, &state)?;
        brought(report, Backend::Nft, &outcome);
        return Ok(());
    }
    let set = match Set::open(&programs, directory) {
        Ok(set) => set,
        Err(error) => return do_without(session, &error, wished, report),
    };
    session.ledger.count_hits(set.held().map(Held::counted), machine::boot(), session.clock.now())?;
    let outcome = match set.bring(&desired, now) {
        Ok(outcome) => outcome,
        Err(error) => return do_without(session, &error, wished, report),
    };
    for note in &outcome.notes {
        report.warn(format!("Kernel set: {note}"));
    }
    let note = set.why_not_nft().map(|why| format!("made with ipset, because nft cannot be used: {why}"));
    note_set(
        session,
        &SetState { backend: Some(set.backend()), size: outcome.size, checked_at: session.clock.now(), note },
    )?;
    brought(report, set.backend(), &outcome);
    Ok(())
}

/// Says what was changed.
fn brought(report: &mut Report, backend: Backend, outcome: &Outcome) {
    let before = report.set.take().unwrap_or_default();
    report.set = Some(SetReport {
        backend: Some(backend.word().to_owned()),
        size: outcome.size,
        added: before.added + outcome.added,
        removed: before.removed + outcome.removed,
    });
}

/// Root read the set back lately, and nobody changed any table since.
fn still_so(session: &mut Session, desired: &Desired, report: &mut Report) -> Result<()> {
    let size = desired.blocked().len();
    let state = SetState { backend: Some(Backend::Nft), size, checked_at: session.clock.now(), note: None };
    note_set(session, &state)?;
    let before = report.set.take().unwrap_or_default();
    report.set = Some(SetReport { backend: Some(Backend::Nft.word().to_owned()), size, ..before });
    Ok(())
}

/// Since when the firewall is switched off; none when it is on.
fn off_since(session: &mut Session) -> Result<Option<i64>> {
    let known = session.ledger.state(StateKey::OffSince)?;
    let is_off = !session.saved.firewall.enabled;
    match (is_off, known) {
        (false, Some(_)) => session.ledger.clear_state(StateKey::OffSince)?,
        (true, None) => session.ledger.set_state(StateKey::OffSince, session.clock.now())?,
        _ => {}
    }
    Ok(is_off
        .then(|| known.filter(|since| *since <= session.clock.now()).unwrap_or_else(|| session.clock.now())))
}

/// Removes the set, when there is one.
fn leave_no_set(
    session: &mut Session,
    programs: &System,
    directory: &Path,
    report: &mut Report,
) -> Result<()> {
    let known = session.ledger.set_found()?;
    // Without a set noted there may still be one: a ledger that was lost, or a program of before.
    match set::remove(programs, directory) {
        Ok(true) => log::info!("the kernel set was removed"),
        Ok(false) => {}
        Err(error) if known.is_some_and(|known| known.backend.is_some()) => {
            report.warn(format!("Cannot remove the kernel set: {error}"));
        }
        Err(_) => {}
    }
    note_set(session, &SetState { backend: None, size: 0, checked_at: session.clock.now(), note: None })
}

/// Goes on without a set; that is an error only where the configuration asks for one.
fn do_without(session: &mut Session, error: &SetError, wished: Enabled, report: &mut Report) -> Result<()> {
    let note = Some(error.to_string());
    note_set(session, &SetState { backend: None, size: 0, checked_at: session.clock.now(), note })?;
    if wished == Enabled::Yes {
        report.warn(format!("[set] enabled = \"yes\", but {error}"));
        report.exit = report.exit.worse(Exit::Unreachable);
    } else {
        log::debug!("no kernel set: {error}");
    }
    Ok(())
}

/// Notes what was found, when it is anything else than before or an hour old.
fn note_set(session: &mut Session, state: &SetState) -> Result<()> {
    let known = session.ledger.set_found()?;
    let same = |known: &SetState| {
        (known.backend, known.size, &known.note) == (state.backend, state.size, &state.note)
            && (known.checked_at..known.checked_at + 3_600).contains(&state.checked_at)
    };
    if !known.as_ref().is_some_and(same) {
        session.ledger.note_set(state)?;
    }
    Ok(())
}
