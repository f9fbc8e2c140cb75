//! What was: an hour's figures in one row, the size of each feed at the end of each day, and the runs.
//!
//! All of it is bounded: 90 days of hours, of days for each feed, and of runs; of the runs that changed nothing and
//! went well only those of the last day, since an `apply` every minute would fill the table with them, and never more
//! than [`MOST_RUNS`]. A run writes one row of the hour, and takes away what is too old once an hour.

use mysql::Params;
use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::system::database::{Record, Result, insert_many};

/// How long the past is kept, in seconds.
pub const KEPT: i64 = 90 * DAY;
/// An hour, in seconds.
pub const HOUR: i64 = 3_600;
/// A day, in seconds.
pub const DAY: i64 = 86_400;
/// How long runs are kept that changed nothing and went well, in seconds.
const QUIET_KEPT: i64 = DAY;
/// Runs at most.
const MOST_RUNS: u64 = 20_000;
/// The most packets of one hour: every JSON reader knows that many exactly.
const MOST_PACKETS: u64 = 1 << 53;

/// How things stood when a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rows of ours.
    pub rows: u64,
    /// Addresses and networks that the feeds want blocked.
    pub to_block: u64,
    /// Prefixes in the set; none without a set.
    pub set: Option<u64>,
    /// Prefixes that are wanted and protected.
    pub protected: u64,
    /// Prefixes that found no room.
    pub over_limit: u64,
}

/// One hour. Times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hour {
    /// When it began.
    pub at: i64,
    /// Packets refused.
    pub packets: u64,
    /// Runs.
    pub runs: u64,
    /// Of them, those that did not end well.
    pub failed: u64,
    /// Rows written.
    pub added: u64,
    /// Rows taken away.
    pub removed: u64,
    /// How things stood at its end; none when no run came to its end.
    pub figures: Option<Figures>,
}

/// A feed's size at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedDay {
    /// When the day began (UTC).
    pub day: i64,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// Entries that counted.
    pub entries: u64,
}

/// Where the hour or day began that a time is in.
pub fn begin(time: i64, length: i64) -> i64 {
    time - time.rem_euclid(length)
}

/// The statement that counts packets into an hour, for the transaction that counts them in all.
pub(super) const COUNT_PACKETS: &str = "INSERT INTO banbridge_hour (at, packets) VALUES (?, ?) \
     ON DUPLICATE KEY UPDATE packets = LEAST(packets + VALUES(packets), 9007199254740992)";

/// The same for packets from outside of the permit list.
pub(super) const COUNT_OUTSIDE: &str = "INSERT INTO banbridge_outside_hour (at, packets) VALUES (?, ?) \
     ON DUPLICATE KEY UPDATE packets = LEAST(packets + VALUES(packets), 9007199254740992)";

/// A number of packets that [`COUNT_PACKETS`] takes.
pub(super) fn bounded(packets: u64) -> u64 {
    packets.min(MOST_PACKETS)
}

impl Ledger {
    /// Notes a run in its hour. `figures` are none when it did not come to its end. What is too old goes once an hour.
    pub fn note_hour(
        &mut self,
        now: i64,
        failed: bool,
        changed: (u64, u64),
        figures: Option<Figures>,
    ) -> Result<()> {
        let hour = begin(now, HOUR);
        let sql = "SELECT MAX(at) AS newest FROM banbridge_hour WHERE runs > 0";
        let newest: Option<i64> = match tables::HOUR.first(&mut self.conn, sql, ())? {
            Some(row) => row.get("newest")?,
            None => None,
        };
        let figures = figures.map(|f| (f.rows, f.to_block, f.set, f.protected, f.over_limit));
        let [rows, wanted, set, protected, over_limit] = match figures {
            Some((rows, wanted, set, protected, over)) => {
                [Some(rows), Some(wanted), set, Some(protected), Some(over)]
            }
            None => [None; 5],
        };
        self.conn.exec_drop(
            "INSERT INTO banbridge_hour \
             (at, runs, failed, added, removed, row_count, to_block, set_size, protected, over_limit) \
             VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE runs = runs + 1, \
             failed = failed + VALUES(failed), added = added + VALUES(added), removed = removed + VALUES(removed), \
             set_size = IF(VALUES(row_count) IS NULL, set_size, VALUES(set_size)), \
             row_count = COALESCE(VALUES(row_count), row_count), to_block = COALESCE(VALUES(to_block), to_block), \
             protected = COALESCE(VALUES(protected), protected), \
             over_limit = COALESCE(VALUES(over_limit), over_limit)",
            (hour, u8::from(failed), changed.0, changed.1, rows, wanted, set, protected, over_limit),
        )?;
        if newest == Some(hour) { Ok(()) } else { self.forget_the_past(now) }
    }

    /// Takes away what is too old or too much.
    fn forget_the_past(&mut self, now: i64) -> Result<()> {
        let oldest = now - KEPT;
        self.conn.exec_drop("DELETE FROM banbridge_hour WHERE at < ?", (oldest,))?;
        self.conn.exec_drop("DELETE FROM banbridge_feed_day WHERE day < ?", (oldest,))?;
        self.forget_attacks(now)?;
        // The last one stays however old it looks: it may have begun by a clock that was set right in the middle of it.
        let last: Option<u64> = self.run_id("SELECT MAX(id) AS id FROM banbridge_run", ())?;
        self.conn.exec_drop(
            "DELETE FROM banbridge_run WHERE id < ? AND (started_at < ? OR (started_at < ? AND exit_code = 0 \
             AND added = 0 AND removed = 0 AND error IS NULL AND fallback IS NULL))",
            (last.unwrap_or(0), oldest, now - QUIET_KEPT),
        )?;
        let sql = "SELECT id FROM banbridge_run ORDER BY id DESC LIMIT ?, 1";
        if let Some(first) = self.run_id(sql, (MOST_RUNS - 1,))? {
            self.conn.exec_drop("DELETE FROM banbridge_run WHERE id < ?", (first,))?;
        }
        Ok(())
    }

    fn run_id(&mut self, sql: &str, params: impl Into<Params>) -> Result<Option<u64>> {
        match tables::RUN.first(&mut self.conn, sql, params)? {
            Some(row) => row.get("id"),
            None => Ok(None),
        }
    }

    /// Notes the sizes of the feeds, where they are others than those noted today.
    pub fn note_feed_sizes(&mut self, now: i64, sizes: &[(u16, usize)]) -> Result<()> {
        let day = begin(now, DAY);
        let known = self.feed_days(day)?;
        let changed: Vec<FeedDay> = sizes
            .iter()
            .map(|(feed, size)| FeedDay { day, feed: *feed, entries: *size as u64 })
            .filter(|new| !known.contains(new))
            .collect();
        insert_many(
            &mut self.conn,
            "REPLACE INTO banbridge_feed_day (day, feed_id, entries) VALUES",
            "",
            &changed,
            |one| vec![one.day.into(), one.feed.into(), one.entries.into()],
        )
    }

    /// The hours from a time on, in their order. Those in which nothing was noted are not among them.
    pub fn hours(&mut self, since: i64) -> Result<Vec<Hour>> {
        let sql = "SELECT at, packets, runs, failed, added, removed, row_count, to_block, set_size, protected, over_limit \
             FROM banbridge_hour WHERE at >= ? ORDER BY at";
        self.rows(&tables::HOUR, sql, (since,))?.iter().map(hour).collect()
    }

    /// The feeds' sizes from a time on, in order of day and feed.
    pub fn feed_days(&mut self, since: i64) -> Result<Vec<FeedDay>> {
        let sql = "SELECT day, feed_id, entries FROM banbridge_feed_day WHERE day >= ? ORDER BY day, feed_id";
        let day = |row: &Record| {
            Ok(FeedDay { day: row.get("day")?, feed: row.get("feed_id")?, entries: row.get("entries")? })
        };
        self.rows(&tables::FEED_DAY, sql, (since,))?.iter().map(day).collect()
    }
}

fn hour(row: &Record) -> Result<Hour> {
    // The figures stand there together, since the last run of that hour that came to its end.
    let figures = match row.get::<Option<u64>>("row_count")? {
        Some(rows) => Some(Figures {
            rows,
            to_block: row.get("to_block")?,
            set: row.get("set_size")?,
            protected: row.get("protected")?,
            over_limit: row.get("over_limit")?,
        }),
        None => None,
    };
    Ok(Hour {
        at: row.get("at")?,
        packets: row.get("packets")?,
        runs: row.get("runs")?,
        failed: row.get("failed")?,
        added: row.get("added")?,
        removed: row.get("removed")?,
        figures,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_begin_where_utc_says() {
        assert_eq!(begin(1_700_000_000, HOUR), 1_699_999_200);
        assert_eq!(begin(1_700_000_000, DAY), 1_699_920_000);
        assert_eq!(begin(1_699_920_000, DAY), 1_699_920_000);
        assert_eq!(begin(-1, HOUR), -HOUR);
    }

    #[test]
    fn an_hours_packets_are_bounded_by_what_a_reader_of_json_knows_exactly() {
        assert!(COUNT_PACKETS.contains(&MOST_PACKETS.to_string()));
        assert_eq!((bounded(7), bounded(u64::MAX)), (7, 1 << 53));
    }
}
