//! Whom an administrator put on the `allow` list by the command, beside the list of the configuration.

use mysql::prelude::Queryable;

use super::Ledger;
use crate::database::Result;

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
        if !self.present {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, Option<String>, i64)> =
            self.conn.query("SELECT target, comment, since FROM banbridge_allow ORDER BY target")?;
        let allowed = |(target, comment, since)| Allowed { target, comment, since };
        Ok(rows.into_iter().map(allowed).collect())
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
}
