//! Rows of banbridge that somebody deleted in FreePBX: they stay out.

use super::session::Session;
use crate::ban::ownership::{Evidence, deleted_by_hand};
use crate::config::Writer;
use crate::system::failure::Result;
use crate::system::time::Time;

impl Session {
    /// Notes as unblocked what somebody deleted.
    pub(super) fn record_manual_deletions(&mut self) -> Result<()> {
        let evidence = match self.config.blacklist.writer {
            Writer::Db => Evidence::Numbers(self.numbers()?),
            Writer::Fwconsole => Evidence::Count,
        };
        let gone = deleted_by_hand(&self.ledger.written()?, &self.saved.present, evidence);
        if gone.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let until = now + self.config.protect.unblock.as_secs();
        for prefix in &gone {
            log::info!(
                "unblocked {prefix}: its row was deleted in FreePBX; it stays out until {}",
                Time(until)
            );
        }
        self.ledger.unblock_deleted(&gone, now, until)?;
        self.saved.unblocked = self.ledger.unblocked(now)?;
        Ok(())
    }
}
