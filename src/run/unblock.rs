//! An address or network taken out of what is blocked, for the time that the configuration says, whatever feeds list.

use super::context::Context;
use super::report::Report;
use crate::ban::{Cover, Prefix};
use crate::ledger::rows;
use crate::system::failure::Result;

/// What became of it.
#[derive(Debug)]
pub struct Unblocked {
    /// Until when it is not blocked, in seconds since 1970; none after [`undo`].
    pub until: Option<i64>,
    /// Whether anything was different before.
    pub changed: bool,
    /// The report of applying it.
    pub report: Report,
}

/// Unblocks an address or network. Its rows are removed at once.
pub fn unblock(context: Context, address: Prefix) -> Result<Unblocked> {
    let time = context.config.protect.unblock.as_secs();
    let ((changed, until), report) = super::change(context, |ledger, now| {
        let (known, until) = (ledger.unblocked(now)?, now + time);
        ledger.unblock(&[address], now, until)?;
        Ok((!known.iter().any(|one| one.prefix == address), until))
    })?;
    Ok(Unblocked { until: Some(until), changed, report })
}

/// Lets the feeds block it again, at once where they still list it. Of a larger unblocked network the rest stays
/// unblocked.
pub fn undo(context: Context, address: Prefix) -> Result<Unblocked> {
    let (changed, report) = super::change(context, |ledger, now| {
        let gone = Cover::new([&address]);
        let touched: Vec<rows::Unblocked> =
            ledger.unblocked(now)?.into_iter().filter(|one| gone.overlaps(&one.prefix)).collect();
        for one in &touched {
            ledger.undo_unblock(&one.prefix)?;
            ledger.unblock(&gone.carve(&one.prefix), one.since, one.until)?;
        }
        Ok(!touched.is_empty())
    })?;
    Ok(Unblocked { until: None, changed, report })
}
