//! What you decide by a command: a change of the saved state that is applied at once, or that another run applies.

use std::time::{Duration, Instant};

use super::backend;
use super::context::Context;
use super::report::Report;
use super::request;
use super::session::Session;
use crate::ledger::Ledger;
use crate::ledger::lock::LockError;
use crate::system::failure::Result;

/// How many seconds a change waits for another run: for root's apply, for one, which the last change asked for.
pub const WAIT: u8 = 10;

/// Who applies a change.
pub enum Applied {
    /// This process did.
    Now(Box<Report>),
    /// Another run holds the lock: it reads the saved state again before it writes, and the run after it begins with it.
    Later,
}

impl Applied {
    /// The report of applying it, where this process did.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Now(report) => Some(report),
            Self::Later => None,
        }
    }
}

/// Makes rows, firewall and kernel set match the saved state, without fetching.
pub fn apply(context: Context) -> Result<Report> {
    change(context, |_, _| Ok(())).map(|((), report)| report)
}

/// Changes the saved state and applies it. Returns what `change` returns, and the report of applying it. `change` is
/// told the time. Fails when another run holds the lock for too long.
pub fn change<T>(
    mut context: Context,
    change: impl FnOnce(&mut Ledger, i64) -> Result<T>,
) -> Result<(T, Report)> {
    context.ledger.lock_within(WAIT)?;
    under_lock(context, change)
}

/// The same, but what another run holds up for longer than `seconds` is left to it.
pub fn change_or_leave<T>(
    mut context: Context,
    seconds: u8,
    change: impl FnOnce(&mut Ledger, i64) -> Result<T>,
) -> Result<(T, Applied)> {
    match context.ledger.lock_within(seconds) {
        Ok(()) => {
            let (changed, report) = under_lock(context, change)?;
            Ok((changed, Applied::Now(Box::new(report))))
        }
        Err(LockError::Held(held)) => {
            // The other run may be the first, which makes the tables.
            let (mut ledger, clock) = context.environment.ledger()?;
            if !ledger.is_present() {
                return Err(LockError::Held(held).into());
            }
            let changed = change(&mut ledger, clock.now())?;
            // That run may be one that cannot do what root can.
            request::after_change();
            Ok((changed, Applied::Later))
        }
        Err(error) => Err(error.into()),
    }
}

fn under_lock<T>(
    mut context: Context,
    change: impl FnOnce(&mut Ledger, i64) -> Result<T>,
) -> Result<(T, Report)> {
    let started = Instant::now();
    let recorded = context.begin()?;
    let now = context.clock.now();
    let changed = change(&mut context.ledger, now)?;
    let backend = backend::of_this_process(context.environment.is_root, context.config.blacklist.writer);
    let mut session = Session::new(context, backend, Some(Duration::ZERO))?;
    let mut report = Report::new(false);
    let logs_first = |session: &mut Session, report: &mut Report| -> Result<()> {
        session.learn_settings()?;
        if session.environment.is_root {
            session.release_the_allowed(report)?;
        }
        // What is wrong with the logs is no reason to leave the rest.
        if session.environment.is_root
            && let Err(error) = super::read_logs_as_root(session, report)
        {
            report.warn(format!("The logs of Asterisk could not be read: {error:#}"));
        }
        Ok(())
    };
    let worked = logs_first(&mut session, &mut report).and_then(|()| session.enforce(&mut report));
    if worked.is_ok() {
        session.complete(&mut report);
    }
    session.record(recorded, &mut report, &worked)?;
    worked?;
    session.call_others()?;
    report.elapsed_ms = super::millis(started);
    Ok((changed, report))
}
