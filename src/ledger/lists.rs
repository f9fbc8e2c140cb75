//! What is remembered of feeds that are lists: the version that is known, and how asking for it went.

use mysql::prelude::Queryable;
use mysql::{Row, Transaction, TxOpts};

use super::Ledger;
use super::feeds::{FeedState, Refused};
use crate::ban::snapshot::{Change, NEVER};
use crate::ban::{Entry, Prefix};
use crate::database::{Result, for_keys, insert_many};
use crate::feed::http::Validators;

/// Refused entries that are kept for each list.
const REFUSED_KEPT: usize = 1_000;

/// What is remembered of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListState {
    /// What the server gave with the known version.
    pub validators: Validators,
    /// Of the configuration that the known version was read with.
    pub fingerprint: i64,
    /// Failures since the last good answer.
    pub failures: u32,
    /// Whether the last failure was an answer.
    pub answered: bool,
    /// Refused entries of the last good answer.
    pub refused: usize,
}

impl Ledger {
    /// What is remembered of a list; nothing of an unknown one.
    pub fn list_state(&mut self, feed: u16) -> Result<ListState> {
        if !self.present {
            return Ok(ListState::default());
        }
        let row: Option<Row> = self.conn.exec_first(
            "SELECT etag, last_modified, fingerprint, failures, answered, refused FROM banbridge_list \
             WHERE feed_id = ?",
            (feed,),
        )?;
        Ok(row.map_or_else(ListState::default, |row| ListState {
            validators: Validators {
                etag: row.get(0).unwrap_or_default(),
                last_modified: row.get(1).unwrap_or_default(),
            },
            fingerprint: row.get(2).unwrap_or_default(),
            failures: row.get(3).unwrap_or_default(),
            answered: row.get::<u8, _>(4) == Some(1),
            refused: row.get(5).unwrap_or_default(),
        }))
    }

    /// Saves what a new version of a list changes, and which version it is, together or not at all. Only rows that
    /// change are touched.
    pub fn save_snapshot(
        &mut self,
        feed: &FeedState,
        list: &ListState,
        change: &Change,
        refused: &[Refused],
        now: i64,
    ) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        save_change(&mut tx, feed.id, change)?;
        tx.exec_drop("DELETE FROM banbridge_refused WHERE feed_id = ?", (feed.id,))?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_refused (feed_id, entry, reason, last_seen, expires_at) VALUES",
            "ON DUPLICATE KEY UPDATE reason = VALUES(reason)",
            &refused[..refused.len().min(REFUSED_KEPT)],
            |r| {
                vec![
                    feed.id.into(),
                    r.entry.as_str().into(),
                    r.reason.as_str().into(),
                    now.into(),
                    NEVER.into(),
                ]
            },
        )?;
        save_state(&mut tx, feed.id, list)?;
        save_success(&mut tx, feed, now)?;
        tx.commit()?;
        Ok(())
    }

    /// Notes that the known version of a list is still the latest.
    pub fn save_unchanged(&mut self, feed: &FeedState, list: &ListState, now: i64) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        save_state(&mut tx, feed.id, list)?;
        save_success(&mut tx, feed, now)?;
        tx.commit()?;
        Ok(())
    }

    /// Notes one more failure of a list.
    pub fn save_list_failure(&mut self, feed: u16, list: &ListState) -> Result<()> {
        save_state(&mut self.conn, feed, list)
    }
}

/// Carries a change of a feed's entries out. Only rows that change are touched.
pub(super) fn save_change(tx: &mut Transaction<'_>, feed: u16, change: &Change) -> Result<()> {
    // In the order of the table's key, which is the order of the texts: it fills its pages one after the other.
    let mut rows: Vec<(String, &Entry)> =
        change.added.iter().chain(&change.leaving).map(|entry| (entry.prefix.to_string(), entry)).collect();
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let removed: Vec<String> = change.removed.iter().map(Prefix::to_string).collect();
    let delete = "DELETE FROM banbridge_entry WHERE feed_id = ? AND prefix IN";
    for_keys(tx, delete, &[feed.into()], &removed)?;
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        tx.query_drop(insert_statement(chunk))?;
    }
    Ok(())
}

/// Rows of one statement: some 100 KB of text, far below the smallest packet that a server takes by default (1 MB).
const ROWS_AT_ONCE: usize = 2_000;

/// The rows as text: a statement with a placeholder for each value takes the server and us twice as long. Nothing in
/// it comes from a feed but canonical prefixes and numbers.
fn insert_statement(rows: &[(String, &Entry)]) -> String {
    use std::fmt::Write;
    let mut sql = String::with_capacity(80 * rows.len() + 300);
    sql.push_str("INSERT INTO banbridge_entry (feed_id, prefix, first_seen, last_seen, expires_at) VALUES ");
    for (number, (key, entry)) in rows.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let Entry { feed, first_seen, last_seen, expires_at, .. } = entry;
        // Writing to a String never fails.
        let _ = write!(sql, "{comma}({feed},'{key}',{first_seen},{last_seen},{expires_at})");
    }
    sql.push_str(
        " ON DUPLICATE KEY UPDATE first_seen = VALUES(first_seen), last_seen = VALUES(last_seen), \
         expires_at = VALUES(expires_at)",
    );
    sql
}

fn save_state(conn: &mut impl Queryable, feed: u16, list: &ListState) -> Result<()> {
    conn.exec_drop(
        "REPLACE INTO banbridge_list (feed_id, etag, last_modified, fingerprint, failures, answered, refused) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            feed,
            &list.validators.etag,
            &list.validators.last_modified,
            list.fingerprint,
            list.failures,
            u8::from(list.answered),
            u32::try_from(list.refused).unwrap_or(u32::MAX),
        ),
    )?;
    Ok(())
}

pub(super) fn save_success(conn: &mut impl Queryable, feed: &FeedState, now: i64) -> Result<()> {
    conn.exec_drop(
        "UPDATE banbridge_feed SET complete = 1, last_attempt = ?, last_success = ?, last_error = ?, \
         retry_at = NULL, base_size = ?, completed_at = ?, held_since = ? WHERE id = ?",
        (now, now, &feed.last_error, feed.base_size, feed.completed_at, feed.held_since, feed.id),
    )?;
    Ok(())
}
