//! What is remembered of feeds that are lists: the version that is known, and how asking for it went.

use mysql::prelude::Queryable;
use mysql::{Transaction, TxOpts, Value};

use super::feeds::{FeedState, SIZE_COLUMNS, Skipped};
use super::problems::KEY_TAKEN;
use super::{Ledger, tables};
use crate::ban::entry::{NEVER, Said};
use crate::ban::snapshot::{Change, Validators};
use crate::ban::{Entry, Prefix};
use crate::system::database::{Result, for_keys, insert_many};

/// Skipped entries that are kept for each list.
const SKIPPED_KEPT: usize = 1_000;

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
    /// Skipped entries of the last good answer.
    pub skipped: usize,
}

impl Ledger {
    /// What is remembered of a list; nothing of an unknown one.
    pub fn list_state(&mut self, feed: u16) -> Result<ListState> {
        let sql = "SELECT etag, last_modified, fingerprint, failures, answered, skipped FROM banbridge_list \
             WHERE feed_id = ?";
        let Some(row) = self.first(&tables::LIST, sql, (feed,))? else { return Ok(ListState::default()) };
        Ok(ListState {
            validators: Validators { etag: row.get("etag")?, last_modified: row.get("last_modified")? },
            fingerprint: row.get("fingerprint")?,
            failures: row.get("failures")?,
            answered: row.get("answered")?,
            skipped: row.get("skipped")?,
        })
    }

    /// Saves what a new version of a list changes, and which version it is, together or not at all. Only rows that
    /// change are touched.
    pub fn save_snapshot(
        &mut self,
        feed: &FeedState,
        list: &ListState,
        change: &Change,
        skipped: &[Skipped],
        now: i64,
    ) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        save_change(&mut tx, feed.id, change)?;
        tx.exec_drop("DELETE FROM banbridge_skipped WHERE feed_id = ?", (feed.id,))?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_skipped (feed_id, entry, reason, last_seen, expires_at) VALUES",
            "ON DUPLICATE KEY UPDATE reason = VALUES(reason)",
            &skipped[..skipped.len().min(SKIPPED_KEPT)],
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
    let delete = "DELETE FROM banbridge_entry WHERE feed_id = ? AND prefix IN";
    for chunk in change.removed.chunks(ROWS_AT_ONCE) {
        let keys: Vec<String> = chunk.iter().map(Prefix::to_string).collect();
        for_keys(tx, delete, &[feed.into()], &keys)?;
    }
    // In the order of the table's key, which is the order of the texts: it fills its pages one after the other.
    let mut rows: Vec<&Entry> = change.added.iter().chain(&change.leaving).collect();
    rows.sort_unstable_by_key(|entry| text_order(&entry.prefix));
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        tx.query_drop(insert_statement(chunk))?;
    }
    Ok(())
}

/// A number in whose order IPv4 prefixes are in the order of their texts, without millions of texts being held. IPv6
/// comes last, in the order of the addresses, which is nearly that of the texts.
fn text_order(prefix: &Prefix) -> (bool, u128) {
    let ipnet::IpNet::V4(net) = prefix.net() else { return (true, prefix.bounds().0) };
    // Its digits from the left, one that is not there before a 0: 1 comes before 10, and 100 before 11 and 2.
    let octet = |n: u8| -> u128 {
        let (hundreds, tens, ones) = (n / 100, n / 10 % 10, n % 10);
        let [first, second, third] = match n {
            0..10 => [ones, 0, 0],
            10..100 => [tens, ones + 1, 0],
            _ => [hundreds, tens + 1, ones + 1],
        };
        u128::from(first) * 121 + u128::from(second) * 11 + u128::from(third)
    };
    let length = if net.prefix_len() == 32 { 0 } else { 1 + octet(net.prefix_len()) };
    let all = net.addr().octets().into_iter().map(octet).chain([length]);
    (false, all.fold(0, |number, part| number << 16 | part))
}

/// Rows of one statement: some 100 KB of text, far below the smallest packet that a server takes by default (1 MB).
const ROWS_AT_ONCE: usize = 2_000;

/// The rows as text: a statement with a placeholder for each value takes the server and us twice as long. Nothing in
/// it comes from a feed but canonical prefixes and numbers.
fn insert_statement(rows: &[&Entry]) -> String {
    use std::fmt::Write;
    let mut sql = String::with_capacity(80 * rows.len() + 300);
    sql.push_str("INSERT INTO banbridge_entry (feed_id, prefix, first_seen, last_seen, expires_at) VALUES ");
    for (number, entry) in rows.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let Said { prefix, feed, first_seen, last_seen, expires_at } = entry.said();
        // Writing to a String never fails.
        let _ = write!(sql, "{comma}({feed},'{prefix}',{first_seen},{last_seen},{expires_at})");
    }
    sql.push_str(
        " ON DUPLICATE KEY UPDATE first_seen = VALUES(first_seen), last_seen = VALUES(last_seen), \
         expires_at = VALUES(expires_at)",
    );
    sql
}

fn save_state(conn: &mut impl Queryable, feed: u16, list: &ListState) -> Result<()> {
    conn.exec_drop(
        "REPLACE INTO banbridge_list (feed_id, etag, last_modified, fingerprint, failures, answered, skipped) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            feed,
            &list.validators.etag,
            &list.validators.last_modified,
            list.fingerprint,
            list.failures,
            u8::from(list.answered),
            u32::try_from(list.skipped).unwrap_or(u32::MAX),
        ),
    )?;
    Ok(())
}

pub(super) fn save_success(conn: &mut impl Queryable, feed: &FeedState, now: i64) -> Result<()> {
    let mut values: Vec<Value> = vec![now.into(), now.into(), feed.last_error.as_deref().into()];
    values.extend(feed.size_values());
    values.push(feed.id.into());
    conn.exec_drop(
        format!(
            "UPDATE banbridge_feed SET complete = 1, last_attempt = ?, last_success = ?, last_error = ?, \
             retry_at = NULL, {SIZE_COLUMNS} WHERE id = ?"
        ),
        values,
    )?;
    conn.exec_drop(KEY_TAKEN, (feed.id,))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_of_ipv4_prefixes_is_that_of_their_texts(
            all in prop::collection::vec((any::<[u8; 4]>(), 8u8..=32), 0..40)
        ) {
            let net = |(octets, length): &([u8; 4], u8)| {
                let [a, b, c, d] = octets;
                format!("{a}.{b}.{c}.{d}/{length}").parse::<Prefix>().unwrap()
            };
            let mut ours: Vec<Prefix> = all.iter().map(net).collect();
            let mut texts: Vec<String> = ours.iter().map(Prefix::to_string).collect();
            ours.sort_by_key(text_order);
            texts.sort();
            prop_assert_eq!(ours.iter().map(Prefix::to_string).collect::<Vec<_>>(), texts);
        }
    }
}
