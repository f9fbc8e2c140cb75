//! What the set refused, and what root found of it: only root can look into the kernel, so the last look is noted
//! here for everybody else.

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::{Ledger, history, tables};
use crate::ban::Prefix;
use crate::ban::health::evidence::{Evidence, Rules};
use crate::ban::hits::{Backend, Book, Changes, Counted, Hits};
use crate::system::database::{Result, for_keys, insert_many};

/// The rows of what root found: of the set, and of the permit list.
const SET: u8 = 1;
const PERMIT: u8 = 2;

/// What the last run of root found of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetState {
    /// The way the set is made; none when there is no set.
    pub backend: Option<Backend>,
    /// Prefixes that it blocks.
    pub size: usize,
    /// When that was.
    pub checked_at: i64,
    /// What does not work, in words.
    pub note: Option<String>,
}

impl Ledger {
    /// What is known of refused packets.
    pub fn hits(&mut self) -> Result<Book> {
        let mut book = Book::default();
        let sql = "SELECT since, packets, counter, boot FROM banbridge_hit_total WHERE id = 1";
        if let Some(row) = self.first(&tables::HIT_TOTAL, sql, ())? {
            book.since = row.get("since")?;
            book.total = row.get("packets")?;
            book.counter = row.get("counter")?;
            book.boot = row.get("boot")?;
        }
        let sql = "SELECT prefix, packets, first_at, last_at, counter FROM banbridge_hit";
        for row in self.rows(&tables::HIT, sql, ())? {
            if let Some(prefix) = row.parsed("prefix")? {
                let hits = Hits {
                    packets: row.get("packets")?,
                    first_at: row.get("first_at")?,
                    last_at: row.get("last_at")?,
                    counter: row.get("counter")?,
                };
                book.prefixes.insert(prefix, hits);
            }
        }
        Ok(book)
    }

    /// Counts what the kernel refused since the last time. To be called with what was read before the set is changed.
    /// Returns the book as it is then.
    pub fn count_hits(&mut self, counted: Option<Counted<'_>>, boot: i64, now: i64) -> Result<Book> {
        let mut book = self.hits()?;
        let before = (book.since, book.total, book.counter, book.boot);
        let changes = book.count(counted, boot, now);
        if changes != Changes::default() || before != (book.since, book.total, book.counter, book.boot) {
            self.save_hits(&book, &changes, now, book.total.saturating_sub(before.1))?;
        }
        Ok(book)
    }

    fn save_hits(&mut self, book: &Book, changes: &Changes, now: i64, more: u64) -> Result<()> {
        let changed: Vec<(&Prefix, &Hits)> =
            changes.changed.iter().filter_map(|prefix| book.prefixes.get_key_value(prefix)).collect();
        let forgotten: Vec<String> = changes.forgotten.iter().map(Prefix::to_string).collect();
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        for_keys(&mut tx, "DELETE FROM banbridge_hit WHERE prefix IN", &[], &forgotten)?;
        insert_many(
            &mut tx,
            "REPLACE INTO banbridge_hit (prefix, packets, first_at, last_at, counter) VALUES",
            "",
            &changed,
            |(prefix, hits)| {
                vec![
                    prefix.to_string().into(),
                    hits.packets.into(),
                    hits.first_at.into(),
                    hits.last_at.into(),
                    hits.counter.into(),
                ]
            },
        )?;
        tx.exec_drop(
            "REPLACE INTO banbridge_hit_total (id, since, packets, counter, boot) VALUES (1, ?, ?, ?, ?)",
            (book.since, book.total, book.counter, book.boot),
        )?;
        if more > 0 {
            let hour = history::begin(now, history::HOUR);
            tx.exec_drop(history::COUNT_PACKETS, (hour, history::bounded(more)))?;
        }
        tx.commit()?;
        Ok(())
    }

    /// What root saw of the rules when it looked last; none if it never did.
    pub fn evidence(&mut self) -> Result<Option<Evidence>> {
        let sql = "SELECT seen_at, missing, extra FROM banbridge_evidence WHERE id = 1";
        let Some(row) = self.first(&tables::EVIDENCE, sql, ())? else { return Ok(None) };
        let rules = Rules::from_numbers(row.get("missing")?, row.get("extra")?);
        Ok(Some(Evidence { at: row.get("seen_at")?, rules }))
    }

    /// Records what root sees of the rules.
    pub fn record_evidence(&mut self, evidence: Evidence) -> Result<()> {
        let (missing, extra) = evidence.rules.numbers();
        let sql = "REPLACE INTO banbridge_evidence (id, seen_at, missing, extra) VALUES (1, ?, ?, ?)";
        Ok(self.conn.exec_drop(sql, (evidence.at, missing, extra))?)
    }

    /// What the last run of root found of the set; none when none looked yet.
    pub fn set_found(&mut self) -> Result<Option<SetState>> {
        self.found_of(SET)
    }

    fn found_of(&mut self, id: u8) -> Result<Option<SetState>> {
        let sql = "SELECT backend, size, checked_at, note FROM banbridge_set WHERE id = ?";
        let Some(row) = self.first(&tables::SET, sql, (id,))? else { return Ok(None) };
        Ok(Some(SetState {
            backend: Backend::from_word(row.text("backend")?),
            size: row.get("size")?,
            checked_at: row.get("checked_at")?,
            note: row.get("note")?,
        }))
    }

    /// The same of the permit list; none when there never was one.
    pub fn permit_found(&mut self) -> Result<Option<SetState>> {
        self.found_of(PERMIT)
    }

    /// Notes what was found of the set.
    pub fn note_set(&mut self, state: &SetState) -> Result<()> {
        self.note_found(SET, state)
    }

    /// Notes what was found of the permit list.
    pub fn note_permit(&mut self, state: &SetState) -> Result<()> {
        self.note_found(PERMIT, state)
    }

    /// Packets from outside of the permit list so far.
    pub fn outside(&mut self) -> Result<u64> {
        let sql = "SELECT packets FROM banbridge_hit_total WHERE id = 2";
        self.first(&tables::HIT_TOTAL, sql, ())?.map_or(Ok(0), |row| row.get("packets"))
    }

    /// The same by the hour, since a time: when the hour began, and packets.
    pub fn outside_hours(&mut self, since: i64) -> Result<Vec<(i64, u64)>> {
        let sql = "SELECT at, packets FROM banbridge_outside_hour WHERE at >= ? ORDER BY at";
        let rows = self.rows(&tables::OUTSIDE_HOUR, sql, (since,))?;
        rows.iter().map(|row| Ok((row.get("at")?, row.get("packets")?))).collect()
    }

    /// Counts packets from outside: the kernel's counter, which begins anew with each boot, and where it is made anew.
    pub fn count_outside(&mut self, counter: u64, boot: i64, now: i64) -> Result<()> {
        let sql = "SELECT since, packets, counter, boot FROM banbridge_hit_total WHERE id = 2";
        let known: Option<(i64, u64, u64, i64)> = match self.first(&tables::HIT_TOTAL, sql, ())? {
            Some(row) => {
                Some((row.get("since")?, row.get("packets")?, row.get("counter")?, row.get("boot")?))
            }
            None => None,
        };
        let (since, packets, before) = match known {
            Some((since, packets, before, then)) => (since, packets, if then == boot { before } else { 0 }),
            None => (now, 0, 0),
        };
        let more = if counter >= before { counter - before } else { counter };
        if known.is_some_and(|(.., then)| then == boot && counter == before) {
            return Ok(());
        }
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        tx.exec_drop(
            "REPLACE INTO banbridge_hit_total (id, since, packets, counter, boot) VALUES (2, ?, ?, ?, ?)",
            (since, packets.saturating_add(more), counter, boot),
        )?;
        if more > 0 {
            let hour = history::begin(now, history::HOUR);
            tx.exec_drop(history::COUNT_OUTSIDE, (hour, history::bounded(more)))?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Notes what was found of the set or the permit list.
    fn note_found(&mut self, id: u8, state: &SetState) -> Result<()> {
        let note: Option<String> = state.note.as_ref().map(|text| text.chars().take(500).collect());
        self.conn.exec_drop(
            "REPLACE INTO banbridge_set (id, backend, size, checked_at, note) VALUES (?, ?, ?, ?, ?)",
            (id, state.backend.map_or("none", Backend::word), state.size, state.checked_at, note),
        )?;
        Ok(())
    }
}
