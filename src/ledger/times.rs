//! What the ledger does when the clock turns out to have been wrong; see `run::clock`.

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::{Ledger, StateKey};
use crate::ban::entry::NEVER;
use crate::system::database::Result;

/// How far in the future a time may stand and be right, in seconds: two clocks of one machine read one after the other.
const SLACK: i64 = 60;

impl Ledger {
    /// Starts every feed over, so that what only seems to be over is listed again; until then our rows stay.
    pub fn start_all_over(&mut self, now: i64) -> Result<()> {
        self.set_state(StateKey::CatchingUp, now)?;
        self.conn.query_drop("UPDATE banbridge_feed SET cursor_id = NULL, complete = 0")?;
        Ok(())
    }

    /// What was unblocked by a clock that stood at `left` has as much time left by one that stands at `now`: it may have
    /// been decided while the clock was decades behind, and who was let through must not be locked out for that. To be
    /// called once for a step; one that is cut off in between unblocks for longer.
    pub fn carry_on(&mut self, left: i64, now: i64) -> Result<()> {
        let sql = "UPDATE banbridge_unblock SET until = until + ? WHERE until > ? AND until < ?";
        Ok(self.conn.exec_drop(sql, (now - left, left, now))?)
    }

    /// What was noted in the future counts from now: nothing may last for as long as a clock was ahead.
    pub fn bring_back(&mut self, now: i64) -> Result<()> {
        let future = now + SLACK;
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        // MariaDB takes the assignments from left to right, so what is read must come before it is written.
        // What a list names has no end, and must not get one.
        let moved = format!(
            "expires_at = IF(expires_at = {NEVER}, {NEVER}, expires_at - last_seen + ?), last_seen = ?"
        );
        for (table, moves, time) in [
            ("entry", moved.as_str(), "last_seen"),
            ("entry", "first_seen = ? + 0 * ?", "first_seen"),
            ("skipped", moved.as_str(), "last_seen"),
            ("unblock", "until = until - since + ?, since = ?", "since"),
            ("feed", "last_attempt = ? + 0 * ?, retry_at = NULL", "last_attempt"),
            ("feed", "based_at = ? + 0 * ?", "based_at"),
            ("feed", "completed_at = ? + 0 * ?", "completed_at"),
            ("feed", "held_since = ? + 0 * ?", "held_since"),
            ("feed", "last_success = ? + 0 * ?", "last_success"),
            ("sighting", "last_seen = ? + 0 * ?", "last_seen"),
            ("run", "started_at = ? + 0 * ?", "started_at"),
            ("name", "resolved_at = ? + 0 * ?", "resolved_at"),
            ("key_refused", "since = ? + 0 * ?", "since"),
            ("evidence", "seen_at = ? + 0 * ?", "seen_at"),
            ("problem", "since = ? + 0 * ?", "since"),
        ] {
            let sql = format!("UPDATE banbridge_{table} SET {moves} WHERE {time} > ?");
            tx.exec_drop(sql, (now, now, future))?;
        }
        // Hours and days that have not been.
        tx.exec_drop("DELETE FROM banbridge_hour WHERE at > ?", (future,))?;
        tx.exec_drop("DELETE FROM banbridge_feed_day WHERE day > ?", (future,))?;
        tx.commit()?;
        Ok(())
    }
}
