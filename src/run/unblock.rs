//! An address or network taken out of what is blocked, for the time that the configuration says, whatever feeds list.

use std::sync::Arc;

use super::context::Context;
use super::report::Report;
use super::state::SavedState;
use crate::ban::{Cover, Prefix, Source};
use crate::ledger::rows;
use crate::system::failure::Result;

/// What became of it.
#[derive(Debug)]
pub struct Unblocked {
    /// Until when it is not blocked, in seconds since 1970; none after [`undo`].
    pub until: Option<i64>,
    /// Whether anything was different before.
    pub changed: bool,
    /// How many entries of feeds it lets through, whole or in part; none after [`undo`].
    pub entries: usize,
    /// The report of applying it.
    pub report: Report,
}

/// Whether a network may be unblocked: no wider than one that may be allowed. Most of the internet is no false positive.
pub fn may_unblock(address: &Prefix) -> bool {
    Source::Allow.accepts(address)
}

/// Unblocks an address or network, see [`may_unblock`]. Its rows are removed at once.
pub fn unblock(context: Context, address: Prefix) -> Result<Unblocked> {
    let config = Arc::clone(&context.config);
    let ((changed, until, entries), report) = super::change(context, |ledger, now| {
        let saved = SavedState::load(ledger, &config, now)?;
        let network = Cover::new([&address]);
        let entries = saved.holding(now).filter(|entry| network.overlaps(&entry.prefix)).count();
        let until = now + config.protect.unblock.as_secs();
        ledger.unblock(&[address], now, until)?;
        Ok((!saved.unblocked.iter().any(|one| one.prefix == address), until, entries))
    })?;
    Ok(Unblocked { until: Some(until), changed, entries, report })
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
    Ok(Unblocked { until: None, changed, entries: 0, report })
}
