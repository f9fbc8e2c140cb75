//! The runs: when, with what outcome.

use mysql::prelude::Queryable;

use super::Ledger;
use crate::system::database::Result;

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
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Why its rows were not brought into force at once, when they were not.
    pub fallback: Option<String>,
}

/// How the runs are read.
const SELECT: &str =
    "SELECT started_at, finished_at, exit_code, added, removed, error, fallback FROM banbridge_run";
/// And what comes.
type Columns = (i64, Option<i64>, Option<u8>, u64, u64, Option<String>, Option<String>);

impl From<Columns> for Run {
    fn from(columns: Columns) -> Self {
        let (started_at, finished_at, exit_code, added, removed, error, fallback) = columns;
        Self { started_at, finished_at, exit_code, added, removed, error, fallback }
    }
}

impl Ledger {
    /// The latest run.
    pub fn last_run(&mut self) -> Result<Option<Run>> {
        if !self.present {
            return Ok(None);
        }
        let row: Option<Columns> = self.conn.query_first(format!("{SELECT} ORDER BY id DESC LIMIT 1"))?;
        Ok(row.map(Run::from))
    }

    /// The runs from a time on, the latest first, no more than `most`.
    pub fn runs(&mut self, since: i64, most: usize) -> Result<Vec<Run>> {
        if !self.present {
            return Ok(Vec::new());
        }
        let sql = format!("{SELECT} WHERE started_at >= ? ORDER BY id DESC LIMIT ?");
        let rows: Vec<Columns> = self.conn.exec(sql, (since, most))?;
        Ok(rows.into_iter().map(Run::from).collect())
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
            "UPDATE banbridge_run SET finished_at = ?, exit_code = ?, added = ?, removed = ?, error = ?, \
             fallback = ? \
             WHERE id = ?",
            (run.finished_at, run.exit_code, run.added, run.removed, error, cut(&run.fallback), id),
        )?;
        Ok(())
    }
}
