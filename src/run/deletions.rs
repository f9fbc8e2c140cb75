//! Rows of ours that somebody deleted in FreePBX: they stay out.

use std::collections::BTreeSet;

use super::session::Session;
use crate::ban::plan::taken_out_by_hand;
use crate::config::Writer;
use crate::system::failure::Result;
use crate::system::time::Time;

impl Session {
    /// Rows of ours that are gone were taken out by the administrator, and stay out.
    pub(super) fn record_manual_deletions(&mut self) -> Result<()> {
        let now = self.clock.now();
        let written = self.ledger.written()?;
        // What a run was writing or taking away when it ended is nobody's hand, unless it is known to have been there.
        let settled: BTreeSet<String> = match self.config.blacklist.writer {
            Writer::Db if self.ledger.is_level(self.picture.rows.generation)? => {
                written.keys.difference(&(&written.unmarked & &written.changing)).cloned().collect()
            }
            _ => written.keys.difference(&written.changing).cloned().collect(),
        };
        let follows = match self.config.blacklist.writer {
            Writer::Db => self.ledger.follows(self.picture.rows.generation)?,
            // No number goes through fwconsole: when most rows are gone at once, the table was restored or emptied.
            Writer::Fwconsole => {
                settled.difference(&self.picture.rows.ours).count() <= settled.len() / 2 + 20
            }
        };
        if !follows {
            return Ok(());
        }
        let gone = taken_out_by_hand(&settled, &self.picture.present);
        if gone.is_empty() {
            return Ok(());
        }
        let until = now + self.config.protect.unblock.as_secs();
        for prefix in &gone {
            log::info!("released {prefix}: an administrator took it out; it stays out until {}", Time(until));
        }
        self.ledger.release_deleted(&gone, now, until)?;
        self.picture.releases = self.ledger.releases(now)?;
        Ok(())
    }
}
