//! Recovery: what a run does when the saved state is new, or older than the blacklist (a lost table, a restored backup).
//!
//! Rows of ours that no feed explains stay until every feed was read again, for a day at most: without that a lost table
//! would leave the PBX open during the first load.

use super::session::Session;
use crate::ledger::StateKey;
use crate::system::failure::Result;

impl Session {
    /// When the ledger is new, or older than the blacklist: keeps the rows that it knows nothing of until the feeds
    /// were read again.
    pub(super) fn begin_recovery(&mut self) -> Result<()> {
        let numbers = self.numbers()?;
        if numbers.are_lost(&self.saved.rows.ours, &self.ledger.written()?) {
            log::info!(
                "the saved state is new or was restored: existing rows stay until every feed was fetched"
            );
            let now = self.clock.now();
            self.ledger.set_state(StateKey::CatchingUp, now)?;
            // The next change is counted from here, so that this is noticed once.
            self.ledger.set_state(StateKey::Generation, numbers.table.unwrap_or(0).max(1))?;
            self.ledger.all_incomplete()?;
            for state in &mut self.saved.feeds {
                state.complete = false;
            }
            self.saved.catching_up = true;
        }
        Ok(())
    }

    /// When every feed is complete: what no feed asks for goes. True where that is now.
    pub(super) fn end_recovery(&mut self) -> Result<bool> {
        let enabled = self.config.feed.iter().zip(&self.saved.feeds).filter(|(config, _)| config.enabled);
        let complete = enabled.clone().count() > 0 && enabled.clone().all(|(_, state)| state.complete);
        if self.saved.catching_up && complete {
            self.saved.catching_up = false;
            self.ledger.clear_state(StateKey::CatchingUp)?;
            return Ok(true);
        }
        Ok(false)
    }
}
