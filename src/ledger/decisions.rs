//! Saves what feeds of kind `crowdsec` decide: what changes, and how far we are with them, together or not at all.

use std::net::IpAddr;

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::feeds::{FeedState, Skipped};
use super::{Ledger, attacks, lists};
use crate::ban::snapshot::Change;
use crate::system::database::{Result, insert_many};
use crate::system::fault;

/// How long a refused decision is shown, in seconds: until everything was read again, and once more.
const SKIPPED_FOR: i64 = 2 * 86_400;

impl Ledger {
    /// Notes that a feed is being asked and that its answer, once it is given, will not be given again: unless that is
    /// saved, the next request is for everything.
    pub fn expect_answer(&mut self, feed: u16) -> Result<()> {
        if self.is_present() {
            const SQL: &str = "UPDATE banbridge_feed SET cursor_id = NULL WHERE id = ?";
            // In a run that keeps nothing too: whoever answers counts that answer as given.
            if let Some(outside) = &mut self.outside {
                outside.exec_drop(SQL, (feed,))?;
            }
            self.conn().exec_drop(SQL, (feed,))?;
        }
        Ok(())
    }

    /// Saves whom a feed of this PBX itself bans, and how often it banned them by now.
    pub fn save_bans(
        &mut self,
        feed: &FeedState,
        change: &Change,
        offenders: &[(IpAddr, u32)],
        now: i64,
    ) -> Result<()> {
        let mut tx = self.conn().start_transaction(TxOpts::default())?;
        lists::save_change(&mut tx, feed.id, change)?;
        attacks::save_offenders(&mut tx, feed.id, offenders, now)?;
        lists::save_success(&mut tx, feed, now)?;
        fault::point("before-batch-commit")?;
        tx.commit()?;
        Ok(())
    }

    /// Saves an answer. `whole`: it was about everything.
    pub fn save_decisions(
        &mut self,
        feed: &FeedState,
        change: &Change,
        skipped: &[Skipped],
        whole: bool,
        now: i64,
    ) -> Result<()> {
        let mut tx = self.conn().start_transaction(TxOpts::default())?;
        lists::save_change(&mut tx, feed.id, change)?;
        if whole {
            tx.exec_drop("DELETE FROM banbridge_skipped WHERE feed_id = ?", (feed.id,))?;
        }
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_skipped (feed_id, entry, reason, last_seen, expires_at) VALUES",
            "ON DUPLICATE KEY UPDATE reason = VALUES(reason), last_seen = VALUES(last_seen), \
             expires_at = VALUES(expires_at)",
            skipped,
            |r| {
                let (entry, reason) = (r.entry.as_str(), r.reason.as_str());
                vec![feed.id.into(), entry.into(), reason.into(), now.into(), (now + SKIPPED_FOR).into()]
            },
        )?;
        lists::save_success(&mut tx, feed, now)?;
        tx.exec_drop("UPDATE banbridge_feed SET cursor_id = ? WHERE id = ?", (&feed.cursor, feed.id))?;
        fault::point("before-batch-commit")?;
        tx.commit()?;
        Ok(())
    }
}
