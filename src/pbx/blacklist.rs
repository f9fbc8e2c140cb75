//! The rows of the firewall's blacklist.
//!
//! A row is `id`='blacklist', `key` the address, `val` anything that is not empty: the module reads only the keys.
//! Ours say so in `val`. When an administrator adds an address in the GUI or by fwconsole, the module deletes the
//! row and writes it again with `val`='1', so a row that he made his own shows it.

use std::collections::BTreeSet;

use mysql::prelude::Queryable;
use mysql::{Conn, TxOpts};

use super::firewall::{KVSTORE, TABLE};
use crate::system::database::{self, Result};
use crate::system::fault;

/// The owner mark in `val`.
pub const MARK: &str = "banbridge";

/// All rows as they are in the table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Keys of the rows with our mark.
    pub ours: BTreeSet<String>,
    /// Keys of all others.
    pub others: Vec<String>,
    /// The number of our last change that this table has seen; see [`write`].
    pub generation: Option<i64>,
}

/// Reads all rows, and the generation.
pub fn read(conn: &mut impl Queryable) -> Result<Rows> {
    let sql = format!("SELECT `key`, `val`, `id` FROM {TABLE} WHERE `id` IN ('blacklist', 'banbridge')");
    let mut rows = Rows::default();
    for row in KVSTORE.rows(conn, &sql, ())? {
        let key: String = row.get("key")?;
        // The database compares without regard to case and blanks at the end. The module takes such rows for its own,
        // but only what is ours byte by byte is ours.
        match row.text("id")? {
            "blacklist" if row.get::<Option<Vec<u8>>>("val")?.as_deref() == Some(MARK.as_bytes()) => {
                rows.ours.insert(key);
            }
            "banbridge" if key == "generation" => rows.generation = row.get("val")?,
            id if id.trim_end().eq_ignore_ascii_case("blacklist") => rows.others.push(key),
            _ => {}
        }
    }
    Ok(rows)
}

/// Rows of ours to write and to take away.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// To write.
    pub add: &'a [String],
    /// To take away, where they carry our mark.
    pub remove: &'a [String],
    /// To take away without a mark: the caller knows that we wrote them through fwconsole.
    pub remove_unmarked: &'a [String],
}

/// Writes and takes away rows of ours, and notes the number of this change beside them.
///
/// The number tells a restored table from one where the administrator took rows out. Where the table is MyISAM nothing
/// is rolled back, so the order matters: with `add_first` no address is without its row for a moment, without it no two
/// rows overlap for a moment, which is what the nftables driver needs.
///
/// A row that somebody wrote meanwhile stays theirs, and only rows with our mark, or that the caller says are ours, are
/// ever deleted.
pub fn write(conn: &mut Conn, change: &Change<'_>, generation: i64, add_first: bool) -> Result<()> {
    let mut tx = conn.start_transaction(TxOpts::default())?;
    let delete = |tx: &mut mysql::Transaction<'_>| {
        let head = format!(
            "DELETE FROM {TABLE} WHERE `id` = 'blacklist' AND BINARY `id` = 'blacklist' AND BINARY `val` = ? AND `key` IN"
        );
        database::for_keys(tx, &head, &[MARK.into()], change.remove)?;
        let head = format!("DELETE FROM {TABLE} WHERE `id` = 'blacklist' AND `key` IN");
        database::for_keys(tx, &head, &[], change.remove_unmarked)
    };
    fault::point("before-first-rows")?;
    if !add_first {
        delete(&mut tx)?;
    }
    fault::point("before-insert")?;
    database::insert_many(
        &mut tx,
        &format!("INSERT INTO {TABLE} (`key`, `val`, `type`, `id`) VALUES"),
        "ON DUPLICATE KEY UPDATE `val` = `val`",
        change.add,
        |key| vec![key.into(), MARK.into(), mysql::Value::NULL, "blacklist".into()],
    )?;
    fault::point("after-insert")?;
    if add_first {
        delete(&mut tx)?;
    }
    fault::point("before-number")?;
    tx.exec_drop(
        format!(
            "INSERT INTO {TABLE} (`key`, `val`, `type`, `id`) VALUES ('generation', ?, NULL, 'banbridge') \
             ON DUPLICATE KEY UPDATE `val` = VALUES(`val`)"
        ),
        (generation.to_string(),),
    )?;
    fault::point("before-rows-commit")?;
    tx.commit()?;
    Ok(())
}

/// Takes away every row with our mark, those of `unmarked`, which the caller says are ours, and our number. Returns how
/// many rows of the blacklist went.
pub fn take_all_away(conn: &mut Conn, unmarked: &[String]) -> Result<u64> {
    let mut tx = conn.start_transaction(TxOpts::default())?;
    tx.exec_drop(
        format!(
            "DELETE FROM {TABLE} WHERE `id` = 'blacklist' AND BINARY `id` = 'blacklist' AND BINARY `val` = ?"
        ),
        (MARK,),
    )?;
    let marked = tx.affected_rows();
    let head = format!("DELETE FROM {TABLE} WHERE `id` = 'blacklist' AND `key` IN");
    let rest = database::for_keys(&mut tx, &head, &[], unmarked)?;
    tx.query_drop(format!("DELETE FROM {TABLE} WHERE `id` = 'banbridge' AND BINARY `id` = 'banbridge'"))?;
    tx.commit()?;
    Ok(marked + rest)
}
