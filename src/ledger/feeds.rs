//! What each feed said: its entries, its refused ones, where to go on, and when it was asked.

use crate::ban::entry::Said;
use std::collections::BTreeMap;

use mysql::prelude::Queryable;
use mysql::{TxOpts, Value};

use super::problems::KEY_TAKEN;
use super::{Ledger, tables};
use crate::ban::Entry;
use crate::ban::pacing;
use crate::ban::surge::Extent;
use crate::system::database::{Record, Result, insert_many};
use crate::system::fault;

/// The most characters of a refused entry that are kept.
pub const ENTRY_SHOWN: usize = 100;
/// Skipped entries that are kept for each feed; a hostile one could name millions.
const SKIPPED_KEPT: usize = 1_000;

/// What is remembered of a feed. Times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedState {
    /// Its number in the ledger.
    pub id: u16,
    /// Its name in the configuration.
    pub name: String,
    /// Where to go on; none is the beginning.
    pub cursor: Option<String>,
    /// Whether the list was complete since the last beginning.
    pub complete: bool,
    /// When it was last asked.
    pub last_attempt: Option<i64>,
    /// When an answer of it was last of use.
    pub last_success: Option<i64>,
    /// What was wrong with its last answer, none when nothing was.
    pub last_error: Option<String>,
    /// Not to be asked before then.
    pub retry_at: Option<i64>,
    /// What it covered when it was complete and not held, a week ago at most.
    pub base: Option<Extent>,
    /// When that was.
    pub based_at: Option<i64>,
    /// When it was last complete and not held.
    pub completed_at: Option<i64>,
    /// While it is held: what it named after this time does not count.
    pub held_since: Option<i64>,
}

/// The columns of a feed's size, in the order of [`FeedState::size_values`].
pub(super) const SIZE_COLUMNS: &str =
    "base_size = ?, base_v4 = ?, base_v6 = ?, based_at = ?, completed_at = ?, held_since = ?";

impl FeedState {
    /// What stands in [`SIZE_COLUMNS`].
    pub(super) fn size_values(&self) -> [Value; 6] {
        let Self { base, based_at, completed_at, held_since, .. } = self;
        [
            base.map(|base| base.entries).into(),
            base.map(|base| base.v4).into(),
            base.map(|base| base.v6).into(),
            (*based_at).into(),
            (*completed_at).into(),
            (*held_since).into(),
        ]
    }
}

/// The base of a feed, where it has one.
fn base(row: &Record) -> Result<Option<Extent>> {
    let entries: Option<u64> = row.get("base_size")?;
    let (v4, v6): (Option<u64>, Option<u64>) = (row.get("base_v4")?, row.get("base_v6")?);
    Ok(entries.map(|entries| Extent { entries, v4: v4.unwrap_or(0), v6: v6.unwrap_or(0) }))
}

/// An entry that is no prefix, or too wide a one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The entry as the feed said it, cut and made harmless.
    pub entry: String,
    /// Why it was refused.
    pub reason: String,
}

impl Ledger {
    /// All feeds that the ledger knows, by name; those that left the configuration too.
    pub fn feeds(&mut self) -> Result<BTreeMap<String, FeedState>> {
        let sql = "SELECT id, name, cursor_id, complete, last_attempt, last_success, last_error, retry_at, \
             base_size, base_v4, base_v6, based_at, completed_at, held_since FROM banbridge_feed";
        let state = |row: &Record| {
            let state = FeedState {
                id: row.get("id")?,
                name: row.get("name")?,
                cursor: row.get("cursor_id")?,
                complete: row.get("complete")?,
                last_attempt: row.get("last_attempt")?,
                last_success: row.get("last_success")?,
                last_error: row.get("last_error")?,
                retry_at: row.get("retry_at")?,
                base: base(row)?,
                based_at: row.get("based_at")?,
                completed_at: row.get("completed_at")?,
                held_since: row.get("held_since")?,
            };
            Ok((state.name.clone(), state))
        };
        self.rows(&tables::FEED, sql, ())?.iter().map(state).collect()
    }

    /// Makes sure that the ledger knows these feeds.
    pub fn add_feeds(&mut self, names: &[&str]) -> Result<()> {
        let known = self.feeds()?;
        for name in names.iter().filter(|name| !known.contains_key(**name)) {
            self.conn.exec_drop("INSERT INTO banbridge_feed (name) VALUES (?)", (*name,))?;
        }
        Ok(())
    }

    /// Everything that feeds said and that was not pruned, expired or not, in no order.
    pub fn entries(&mut self) -> Result<Vec<Entry>> {
        if !self.present {
            return Ok(Vec::new());
        }
        let sql = "SELECT feed_id, prefix, first_seen, last_seen, expires_at FROM banbridge_entry";
        let mut entries = Vec::new();
        tables::ENTRY.each(&mut self.conn, sql, |row| {
            if let Some(prefix) = row.parsed("prefix")? {
                entries.push(Entry::from(Said {
                    prefix,
                    feed: row.get("feed_id")?,
                    first_seen: row.get("first_seen")?,
                    last_seen: row.get("last_seen")?,
                    expires_at: row.get("expires_at")?,
                }));
            }
            Ok(())
        })?;
        Ok(entries)
    }

    /// Saves a batch and where to go on, together or not at all. `entries` carry the feed's number.
    pub fn save_batch(
        &mut self,
        feed: &FeedState,
        entries: &[Entry],
        skipped: &[Skipped],
        now: i64,
        ttl: i64,
    ) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_entry (feed_id, prefix, first_seen, last_seen, expires_at) VALUES",
            "ON DUPLICATE KEY UPDATE last_seen = VALUES(last_seen), expires_at = VALUES(expires_at)",
            entries,
            |e| {
                vec![
                    e.feed.into(),
                    e.prefix.to_string().into(),
                    e.first_seen().into(),
                    e.last_seen().into(),
                    e.expires_at().into(),
                ]
            },
        )?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_skipped (feed_id, entry, reason, last_seen, expires_at) VALUES",
            "ON DUPLICATE KEY UPDATE reason = VALUES(reason), last_seen = VALUES(last_seen), \
             expires_at = VALUES(expires_at)",
            &skipped[..skipped.len().min(SKIPPED_KEPT)],
            |r| {
                vec![
                    feed.id.into(),
                    r.entry.as_str().into(),
                    r.reason.as_str().into(),
                    now.into(),
                    (now + ttl).into(),
                ]
            },
        )?;
        let mut values: Vec<Value> = vec![
            feed.cursor.as_deref().into(),
            feed.complete.into(),
            now.into(),
            now.into(),
            feed.last_error.as_deref().into(),
        ];
        values.extend(feed.size_values());
        values.push(feed.id.into());
        tx.exec_drop(
            format!(
                "UPDATE banbridge_feed SET cursor_id = ?, complete = ?, last_attempt = ?, last_success = ?, \
                 last_error = ?, retry_at = NULL, {SIZE_COLUMNS} WHERE id = ?"
            ),
            values,
        )?;
        tx.exec_drop(KEY_TAKEN, (feed.id,))?;
        fault::point("before-batch-commit")?;
        tx.commit()?;
        Ok(())
    }

    /// Notes that asking a feed brought nothing, and why.
    pub fn save_failure(&mut self, feed: u16, error: &str, retry_at: Option<i64>, now: i64) -> Result<()> {
        let error: String = error.chars().take(500).collect();
        self.conn.exec_drop(
            "UPDATE banbridge_feed SET last_attempt = ?, last_error = ?, retry_at = ? WHERE id = ?",
            (now, error, retry_at, feed),
        )?;
        Ok(())
    }

    /// Takes what a feed asks for, however much it is.
    pub fn accept(&mut self, feed: u16) -> Result<()> {
        let sql = "UPDATE banbridge_feed SET base_size = NULL, based_at = NULL, held_since = NULL, last_error = NULL WHERE id = ?";
        self.conn.exec_drop(sql, (feed,))?;
        Ok(())
    }

    /// Starts a feed over: its next request asks for everything. Its entries stay until their time is over.
    pub fn start_over(&mut self, feed: u16) -> Result<()> {
        self.conn
            .exec_drop("UPDATE banbridge_feed SET cursor_id = NULL, complete = 0 WHERE id = ?", (feed,))?;
        Ok(())
    }

    /// Notes that no feed is known to be complete; where each goes on stays.
    pub fn all_incomplete(&mut self) -> Result<()> {
        self.conn.query_drop("UPDATE banbridge_feed SET complete = 0")?;
        Ok(())
    }

    /// Skipped entries with the number of their feed, whose time is not over.
    pub fn skipped(&mut self, now: i64) -> Result<Vec<(u16, Skipped)>> {
        let sql = "SELECT feed_id, entry, reason FROM banbridge_skipped WHERE expires_at > ? ORDER BY feed_id, entry";
        let skipped = |row: &Record| {
            let skipped = Skipped { entry: row.get("entry")?, reason: row.get("reason")? };
            Ok((row.get("feed_id")?, skipped))
        };
        self.rows(&tables::SKIPPED, sql, (now,))?.iter().map(skipped).collect()
    }

    /// When a server was asked lately, in milliseconds since 1970.
    pub fn requests(&mut self, pace: &str) -> Result<Vec<i64>> {
        let sql = "SELECT at_ms FROM banbridge_request WHERE pace = ?";
        self.rows(&tables::REQUEST, sql, (pace,))?.iter().map(|row| row.get("at_ms")).collect()
    }

    /// Notes that a server is being asked, before it is: what is not noted could be asked for too often.
    pub fn note_request(&mut self, pace: &str, at_ms: i64) -> Result<()> {
        if !self.present {
            return Ok(());
        }
        if let Some(outside) = &mut self.outside {
            // Where there are no tables yet, nobody else asks.
            let _ = note_request(outside, pace, at_ms);
        }
        note_request(&mut self.conn, pace, at_ms)
    }

    /// Forgets what was over already before the last run began. Not before, because a clock that jumped a year ahead
    /// for one run would otherwise take everything with it, and a feed does not list again what it listed before.
    pub fn prune(&mut self, before: i64) -> Result<()> {
        self.conn.exec_drop("DELETE FROM banbridge_entry WHERE expires_at < ?", (before,))?;
        fault::point("pruning")?;
        self.conn.exec_drop("DELETE FROM banbridge_skipped WHERE expires_at < ?", (before,))?;
        self.conn.exec_drop("DELETE FROM banbridge_unblock WHERE until < ?", (before,))?;
        Ok(())
    }

    /// Keeps the newest refused entries of each feed and forgets the others.
    pub fn bound_refused(&mut self, feed: u16) -> Result<()> {
        let sql =
            "SELECT last_seen FROM banbridge_skipped WHERE feed_id = ? ORDER BY last_seen DESC LIMIT ?, 1";
        if let Some(row) = self.first(&tables::SKIPPED, sql, (feed, SKIPPED_KEPT))? {
            let oldest: i64 = row.get("last_seen")?;
            let sql = "DELETE FROM banbridge_skipped WHERE feed_id = ? AND last_seen <= ?";
            self.conn.exec_drop(sql, (feed, oldest))?;
        }
        Ok(())
    }
}

fn note_request(conn: &mut mysql::Conn, pace: &str, at_ms: i64) -> Result<()> {
    let window = i64::try_from(pacing::WINDOW.as_millis()).unwrap_or(i64::MAX);
    conn.exec_drop(
        "DELETE FROM banbridge_request WHERE pace = ? AND (at_ms < ? OR at_ms > ?)",
        (pace, at_ms - window, at_ms + window),
    )?;
    conn.exec_drop("INSERT INTO banbridge_request (pace, at_ms) VALUES (?, ?)", (pace, at_ms))?;
    Ok(())
}
