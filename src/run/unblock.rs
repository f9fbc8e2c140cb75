//! An address or network taken out of what is blocked, for the time that the configuration says, whatever feeds list.

use super::context::Context;
use super::report::Report;
use crate::ban::{Cover, Prefix};
use crate::ledger::rows::Release;
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
        let (known, until) = (ledger.releases(now)?, now + time);
        ledger.release(&[address], now, until)?;
        Ok((!known.iter().any(|release| release.prefix == address), until))
    })?;
    Ok(Unblocked { until: Some(until), changed, report })
}

/// Lets the feeds block it again, at once where they still list it. Of a larger unblocked network the rest stays
/// unblocked.
pub fn undo(context: Context, address: Prefix) -> Result<Unblocked> {
    let (changed, report) = super::change(context, |ledger, now| {
        let gone = Cover::new([&address]);
        let touched: Vec<Release> =
            ledger.releases(now)?.into_iter().filter(|release| gone.overlaps(&release.prefix)).collect();
        for release in &touched {
            ledger.unrelease(&release.prefix)?;
            ledger.release(&gone.carve(&release.prefix), release.since, release.until)?;
        }
        Ok(!touched.is_empty())
    })?;
    Ok(Unblocked { until: None, changed, report })
}
