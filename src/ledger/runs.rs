//! The runs: when, with what outcome.

use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::system::database::{Record, Result};

/// One run. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub started_at: i64,
    /// When it ended; none when it was killed or is at work.
    pub finished_at: Option<i64>,
    /// Its exit code.
    pub exit_code: Option<u8>,
    /// Rows that it wrote.
    pub added: u64,
    /// Rows that it took away.
    pub removed: u64,
    /// How many warnings it gave.
    pub warnings: u64,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Why its rows were not brought into force at once, when they were not.
    pub fallback: Option<String>,
}

/// How the runs are read.
const SELECT: &str =
    "SELECT started_at, finished_at, exit_code, added, removed, warnings, error, fallback FROM banbridge_run";

fn run(row: &Record) -> Result<Run> {
    Ok(Run {
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        exit_code: row.get("exit_code")?,
        added: row.get("added")?,
        removed: row.get("removed")?,
        warnings: row.get("warnings")?,
        error: row.get("error")?,
        fallback: row.get("fallback")?,
    })
}

impl Ledger {
    /// The latest run.
    pub fn last_run(&mut self) -> Result<Option<Run>> {
        let sql = format!("{SELECT} ORDER BY id DESC LIMIT 1");
        self.first(&tables::RUN, &sql, ())?.as_ref().map(run).transpose()
    }

    /// The runs from a time on, the latest first, no more than `most`.
    pub fn runs(&mut self, since: i64, most: usize) -> Result<Vec<Run>> {
        let sql = format!("{SELECT} WHERE started_at >= ? ORDER BY id DESC LIMIT ?");
        self.rows(&tables::RUN, &sql, (since, most))?.iter().map(run).collect()
    }

    /// Notes that a run begins; returns its number.
    pub fn begin_run(&mut self, now: i64) -> Result<u64> {
        self.conn.exec_drop(
            "INSERT INTO banbridge_run (pid, started_at) VALUES (?, ?)",
            (std::process::id(), now),
        )?;
        Ok(self.conn.last_insert_id())
    }

    /// Notes how a run ended.
    pub fn finish_run(&mut self, id: u64, run: &Run) -> Result<()> {
        let cut =
            |text: &Option<String>| text.as_ref().map(|text| text.chars().take(500).collect::<String>());
        let error = cut(&run.error);
        self.conn.exec_drop(
            "UPDATE banbridge_run SET finished_at = ?, exit_code = ?, added = ?, removed = ?, warnings = ?, \
             error = ?, fallback = ? WHERE id = ?",
            (
                run.finished_at,
                run.exit_code,
                run.added,
                run.removed,
                run.warnings,
                error,
                cut(&run.fallback),
                id,
            ),
        )?;
        Ok(())
    }
}
