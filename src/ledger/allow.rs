//! Whom an administrator put on the `allow` list by the command, beside the list of the configuration.

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::rows::Unblocked;
use super::{Ledger, tables};
use crate::system::database::{Record, Result, insert_many};

/// One entry. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// An address, a network or a host name, in its canonical form.
    pub target: String,
    /// Why, in the administrator's words.
    pub comment: Option<String>,
    /// When it was allowed.
    pub since: i64,
}

impl Ledger {
    /// The whole list, in order.
    pub fn allowed(&mut self) -> Result<Vec<Allowed>> {
        let sql = "SELECT target, comment, since FROM banbridge_allow ORDER BY target";
        let allowed = |row: &Record| {
            Ok(Allowed { target: row.get("target")?, comment: row.get("comment")?, since: row.get("since")? })
        };
        self.rows(&tables::ALLOW, sql, ())?.iter().map(allowed).collect()
    }

    /// Puts somebody on the list. Who is there already keeps his time, and his comment unless there is a new one.
    pub fn allow(&mut self, target: &str, comment: Option<&str>, now: i64) -> Result<()> {
        let comment: Option<String> = comment.map(|text| text.chars().take(191).collect());
        self.conn.exec_drop(
            "INSERT INTO banbridge_allow (target, comment, since) VALUES (?, ?, ?) \
             ON DUPLICATE KEY UPDATE comment = COALESCE(VALUES(comment), comment)",
            (target, comment, now),
        )?;
        Ok(())
    }

    /// Takes somebody off the list; false when he was not on it.
    pub fn unallow(&mut self, target: &str) -> Result<bool> {
        self.conn.exec_drop("DELETE FROM banbridge_allow WHERE target = ?", (target,))?;
        Ok(self.conn.affected_rows() > 0)
    }

    /// Sets the whole list, and all that is released, together.
    pub fn replace_decisions(&mut self, allowed: &[Allowed], unblocked: &[Unblocked]) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        tx.query_drop("DELETE FROM banbridge_allow")?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_allow (target, comment, since) VALUES",
            "ON DUPLICATE KEY UPDATE comment = VALUES(comment)",
            allowed,
            |one| {
                let comment: Option<String> =
                    one.comment.as_ref().map(|text| text.chars().take(191).collect());
                vec![one.target.as_str().into(), comment.into(), one.since.into()]
            },
        )?;
        tx.query_drop("DELETE FROM banbridge_unblock")?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_unblock (prefix, since, until) VALUES",
            "ON DUPLICATE KEY UPDATE until = VALUES(until)",
            unblocked,
            |one| vec![one.prefix.to_string().into(), one.since.into(), one.until.into()],
        )?;
        tx.commit()?;
        Ok(())
    }
}
