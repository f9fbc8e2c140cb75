//! The rows that we wrote, and what was unblocked. What follows from them, see [`crate::ban::ownership`].

use std::collections::BTreeSet;

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::state::{self, StateKey};
use super::{Ledger, tables};
use crate::ban::Prefix;
use crate::ban::ownership::{Numbers, Written};
use crate::system::database::{Result, for_keys, insert_many};
use crate::system::fault;

/// What an administrator took out. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unblocked {
    /// What stays out.
    pub prefix: Prefix,
    /// When it was taken out.
    pub since: i64,
    /// Until when no feed brings it back.
    pub until: i64,
}

impl Ledger {
    /// The rows that we wrote and have not taken away.
    pub fn written(&mut self) -> Result<Written> {
        let mut written = Written::default();
        let sql = "SELECT prefix, unmarked, changing FROM banbridge_row";
        for row in self.rows(&tables::ROW, sql, ())? {
            let key: String = row.get("prefix")?;
            if row.get("unmarked")? {
                written.unmarked.insert(key.clone());
            }
            if row.get("changing")? {
                written.changing.insert(key.clone());
            }
            written.keys.insert(key);
        }
        Ok(written)
    }

    /// First step of a change through fwconsole: notes which rows are being written and taken away. Their ownership
    /// stands in the ledger alone, so it is noted before they are there and until they are gone.
    pub fn begin_unmarked(&mut self, add: &[String], remove: &[String], now: i64) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_row (prefix, written_at, unmarked, changing) VALUES",
            "ON DUPLICATE KEY UPDATE unmarked = 1, changing = 1",
            add,
            |key| vec![key.as_str().into(), now.into(), 1.into(), 1.into()],
        )?;
        for_keys(&mut tx, "UPDATE banbridge_row SET changing = 1 WHERE prefix IN", &[], remove)?;
        state::set(&mut tx, StateKey::ChangedAt, now)?;
        tx.commit()?;
        Ok(())
    }

    /// The number of the last change, here and, as the caller has read it, in the firewall's table.
    pub fn numbers(&mut self, table: Option<i64>) -> Result<Numbers> {
        let changing = self.state(StateKey::Changing)?.is_some();
        Ok(Numbers { ledger: self.state(StateKey::Generation)?, table, changing })
    }

    /// First step of a change: forgets the rows that are to go, notes those that are to be there (`keep`, as far as
    /// they are not noted yet) as on their way, and counts the number up. Returns the number that the firewall's table
    /// is to get with the change: once it is there, so are the rows.
    pub fn begin_change(
        &mut self,
        keep: &[String],
        remove: &[String],
        numbers: Numbers,
        now: i64,
    ) -> Result<i64> {
        let next = numbers.next();
        // Of a change that was cut off before its number came there, nobody knows what was written.
        let cut_off = match numbers.are_level() {
            true => "UPDATE banbridge_row SET changing = 0 WHERE changing = 1 AND unmarked = 0",
            false => "DELETE FROM banbridge_row WHERE changing = 1 AND unmarked = 0",
        };
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        tx.query_drop(cut_off)?;
        for_keys(&mut tx, "DELETE FROM banbridge_row WHERE prefix IN", &[], remove)?;
        insert_many(
            &mut tx,
            "INSERT IGNORE INTO banbridge_row (prefix, written_at, changing) VALUES",
            "",
            keep,
            |key| vec![key.as_str().into(), now.into(), 1.into()],
        )?;
        for (key, value) in
            [(StateKey::Generation, next), (StateKey::Changing, 1), (StateKey::ChangedAt, now)]
        {
            state::set(&mut tx, key, value)?;
        }
        fault::point("before-change-commit")?;
        tx.commit()?;
        Ok(next)
    }

    /// Last step of a change, or of a run without one: notes which rows are ours now.
    pub fn finish_change(
        &mut self,
        written: &BTreeSet<String>,
        present: &BTreeSet<String>,
        now: i64,
    ) -> Result<()> {
        let gone: Vec<String> = written.difference(present).cloned().collect();
        let new: Vec<&String> = present.difference(written).collect();
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        for_keys(&mut tx, "DELETE FROM banbridge_row WHERE prefix IN", &[], &gone)?;
        insert_many(
            &mut tx,
            "INSERT IGNORE INTO banbridge_row (prefix, written_at) VALUES",
            "",
            &new,
            |key| vec![key.as_str().into(), now.into()],
        )?;
        tx.exec_drop("UPDATE banbridge_row SET changing = 0 WHERE changing = 1", ())?;
        state::clear(&mut tx, StateKey::Changing)?;
        fault::point("before-finish-commit")?;
        tx.commit()?;
        Ok(())
    }

    /// What is released at `now`.
    pub fn unblocked(&mut self, now: i64) -> Result<Vec<Unblocked>> {
        let sql = "SELECT prefix, since, until FROM banbridge_unblock WHERE until > ? ORDER BY prefix";
        let mut unblocked = Vec::new();
        for row in self.rows(&tables::UNBLOCK, sql, (now,))? {
            if let Some(prefix) = row.parsed("prefix")? {
                unblocked.push(Unblocked { prefix, since: row.get("since")?, until: row.get("until")? });
            }
        }
        Ok(unblocked)
    }

    /// Remembers prefixes as taken out. Their rows stay ours until they are taken away.
    pub fn unblock(&mut self, prefixes: &[Prefix], now: i64, until: i64) -> Result<()> {
        let keys: Vec<String> = prefixes.iter().map(Prefix::to_string).collect();
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        save_releases(&mut tx, &keys, now, until)?;
        tx.commit()?;
        Ok(())
    }

    /// Remembers prefixes as taken out whose rows an administrator deleted, and that those are no longer ours,
    /// together.
    pub fn unblock_deleted(&mut self, prefixes: &[Prefix], now: i64, until: i64) -> Result<()> {
        let keys: Vec<String> = prefixes.iter().map(Prefix::to_string).collect();
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        save_releases(&mut tx, &keys, now, until)?;
        for_keys(&mut tx, "DELETE FROM banbridge_row WHERE prefix IN", &[], &keys)?;
        tx.commit()?;
        Ok(())
    }

    /// Forgets that a prefix was taken out.
    pub fn undo_unblock(&mut self, prefix: &Prefix) -> Result<()> {
        self.conn.exec_drop("DELETE FROM banbridge_unblock WHERE prefix = ?", (prefix.to_string(),))?;
        Ok(())
    }

    /// Notes that the feeds are asked now, and how long that is after the time before.
    pub fn note_sync(&mut self, now: i64) -> Result<()> {
        let distance =
            self.state(StateKey::LastSync)?.map_or(0, |last| now.saturating_sub(last).clamp(0, 7 * 86_400));
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        state::set(&mut tx, StateKey::LastSync, now)?;
        state::set(&mut tx, StateKey::SyncDistance, distance)?;
        Ok(tx.commit()?)
    }
}

fn save_releases(tx: &mut mysql::Transaction<'_>, keys: &[String], now: i64, until: i64) -> Result<()> {
    insert_many(
        tx,
        "INSERT INTO banbridge_unblock (prefix, since, until) VALUES",
        "ON DUPLICATE KEY UPDATE since = VALUES(since), until = VALUES(until)",
        keys,
        |key| vec![key.as_str().into(), now.into(), until.into()],
    )
}
