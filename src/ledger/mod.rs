//! The ledger: what each feed said and what we did, in tables of ours in FreePBX's database.
//!
//! It can be lost, or be older than the blacklist (a restored backup): the owner mark in the rows and the change
//! numbers of [`rows`] make both converge. All times come in as arguments; the database's clock is never asked.

pub mod allow;
pub mod attacks;
pub mod decisions;
pub mod feeds;
pub mod history;
pub mod hits;
pub mod lists;
pub mod lock;
pub mod problems;
pub mod protections;
pub mod rows;
pub mod runs;
pub mod state;
mod tables;
mod times;

pub use state::StateKey;

use mysql::prelude::Queryable;
use mysql::{Conn, Params};

use crate::system::database::{DatabaseError, Record, Result, Table};
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::fault;
use crate::system::text::one_line;

/// A migration: its number, and its statements.
type Migration = (usize, &'static str);

/// The migrations in order. One that was released is never changed; a new one has a new number.
const MIGRATIONS: &[Migration] =
    &[(1, include_str!("../../sql/001_tables.sql")), (2, include_str!("../../sql/002_attacks.sql"))];

/// What can go wrong with the ledger beyond the database.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables are of a later version.
    #[error(
        "the tables banbridge_* were made by a newer banbridge ({program}; this is {}). Install that version. \
         Only banbridge purge works with these tables",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The version of the program that made them, fit to be shown.
        program: String,
    },
}

impl Classify for LedgerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Newer { .. } => Exit::Config,
            Self::Database(error) => error.exit(),
        }
    }
}

impl From<mysql::Error> for LedgerError {
    fn from(error: mysql::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The ledger, and with it the run's one connection to the database.
pub struct Ledger {
    conn: Conn,
    present: bool,
    /// While this one keeps nothing: a connection for what has to be kept all the same.
    outside: Option<Conn>,
}

impl Ledger {
    /// Takes the connection over and looks whether our tables are there. Until [`migrate`](Self::migrate) made them,
    /// everything that is read is empty: `status` and a dry run change nothing.
    pub fn new(mut conn: Conn) -> std::result::Result<Self, LedgerError> {
        let tables: Vec<String> = conn.query("SHOW TABLES LIKE 'banbridge\\_schema'")?;
        let mut present = !tables.is_empty();
        if present {
            let done = versions(&mut conn)?;
            if done.iter().any(|version| *version > newest(MIGRATIONS)) {
                return Err(LedgerError::Newer { program: made_by(&mut conn)? });
            }
            present = pending(MIGRATIONS, &done).is_empty();
        }
        Ok(Self { conn, present, outside: None })
    }

    /// Takes the connection over for a purge, which removes the tables of any version.
    pub fn of_any_version(mut conn: Conn) -> Result<Self> {
        let tables: Vec<String> = conn.query("SHOW TABLES LIKE 'banbridge\\_%'")?;
        Ok(Self { conn, present: !tables.is_empty(), outside: None })
    }

    /// The connection, for the PBX's own tables.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Whether the database server takes no change from anybody but its own administrators.
    pub fn is_read_only(&mut self) -> Result<bool> {
        let read_only: Option<String> = self.conn.query_first("SELECT CAST(@@global.read_only AS CHAR)")?;
        Ok(read_only.is_some_and(|value| !matches!(value.as_str(), "0" | "OFF")))
    }

    /// Whether our tables are there, in the version that this program knows.
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// From here on nothing that is written is kept: each of our tables, and each of `others`, is shadowed by a temporary
    /// one of the same name and content, which only this connection sees and which goes with it. What is asked of a
    /// server is real all the same, so that is noted over `outside`, a second connection.
    pub fn keep_nothing(&mut self, outside: Conn, others: &[&str]) -> Result<()> {
        let ours: Vec<String> = self.conn.query("SHOW TABLES LIKE 'banbridge\\_%'")?;
        let all = ours.iter().map(String::as_str).chain(others.iter().copied());
        for table in all.map(|table| table.trim_matches('`')) {
            // A table cannot be made like the one of its own name, so it gets that name afterwards.
            self.conn.query_drop(format!("CREATE TEMPORARY TABLE banbridge_shadow LIKE `{table}`"))?;
            self.conn.query_drop(format!("INSERT INTO banbridge_shadow SELECT * FROM `{table}`"))?;
            self.conn.query_drop(format!("ALTER TABLE banbridge_shadow RENAME TO `{table}`"))?;
        }
        self.outside = Some(outside);
        Ok(())
    }

    /// Whether nothing that is written is kept.
    pub fn keeps_nothing(&self) -> bool {
        self.outside.is_some()
    }

    /// Makes or updates our tables. Each step can be repeated, and is noted only when it is done: MariaDB commits
    /// every change of a table by itself. Needs the run's lock.
    pub fn migrate(&mut self, now: i64) -> Result<()> {
        if self.present {
            return Ok(());
        }
        let temporary = self.keeps_nothing();
        self.make(
            temporary,
            "CREATE TABLE IF NOT EXISTS banbridge_schema \
             (version INT UNSIGNED NOT NULL PRIMARY KEY, program VARCHAR(64) NOT NULL, applied_at BIGINT NOT NULL) \
             ENGINE=InnoDB",
        )?;
        let done = versions(&mut self.conn)?;
        for (version, text) in pending(MIGRATIONS, &done) {
            for statement in statements(text) {
                fault::point("migrating")?;
                self.make(temporary, &statement)?;
            }
            self.conn.exec_drop(
                "INSERT INTO banbridge_schema (version, program, applied_at) VALUES (?, ?, ?)",
                (version, env!("CARGO_PKG_VERSION"), now),
            )?;
        }
        self.present = true;
        Ok(())
    }

    /// The rows of a query of one table; none before our tables are there.
    fn rows(&mut self, table: &'static Table, sql: &str, params: impl Into<Params>) -> Result<Vec<Record>> {
        if self.present { table.rows(&mut self.conn, sql, params) } else { Ok(Vec::new()) }
    }

    /// The first row of a query of one table; none before our tables are there.
    fn first(
        &mut self,
        table: &'static Table,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Option<Record>> {
        if self.present { table.first(&mut self.conn, sql, params) } else { Ok(None) }
    }

    /// Makes a table.
    fn make(&mut self, temporary: bool, statement: &str) -> Result<()> {
        let statement = match temporary {
            true => statement.replacen("CREATE TABLE", "CREATE TEMPORARY TABLE", 1),
            false => statement.to_owned(),
        };
        Ok(self.conn.query_drop(statement)?)
    }

    /// Drops every table of ours; returns how many there were.
    pub fn drop_tables(&mut self) -> Result<usize> {
        let tables: Vec<String> = self.conn.query("SHOW TABLES LIKE 'banbridge\\_%'")?;
        // Names come from the server and begin as ours do; a backquote in one would be nobody's doing but an attacker's.
        let ours = tables.iter().filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        let mut dropped = 0;
        for table in ours {
            self.conn.query_drop(format!("DROP TABLE IF EXISTS `{table}`"))?;
            dropped += 1;
        }
        self.present = false;
        Ok(dropped)
    }
}

/// The number of the newest migration.
fn newest(all: &[Migration]) -> usize {
    all.iter().map(|(version, _)| *version).max().unwrap_or(0)
}

/// The migrations that are still to be made, in their order.
fn pending(all: &[Migration], done: &[usize]) -> Vec<Migration> {
    all.iter().filter(|(version, _)| !done.contains(version)).copied().collect()
}

/// The version of the program that made the newest migration.
fn made_by(conn: &mut Conn) -> Result<String> {
    let sql = "SELECT program FROM banbridge_schema ORDER BY version DESC LIMIT 1";
    let row = tables::SCHEMA.first(conn, sql, ())?;
    let program: Option<String> = row.map(|row| row.get("program")).transpose()?;
    Ok(one_line(&program.unwrap_or_default(), 64).into_owned())
}

/// The numbers of the migrations that were made.
fn versions(conn: &mut Conn) -> Result<Vec<usize>> {
    let rows = tables::SCHEMA.rows(conn, "SELECT version FROM banbridge_schema", ())?;
    rows.iter().map(|row| row.get("version")).collect()
}

/// The statements of a migration, without comments. No text in ours holds a semicolon.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n")
        .split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_every_migration_can_be_repeated() {
        for (_, text) in MIGRATIONS {
            let all = statements(text);
            assert!(!all.is_empty());
            for statement in all {
                assert!(statement.starts_with("CREATE TABLE IF NOT EXISTS banbridge_"), "{statement}");
                assert!(statement.contains("ENGINE=InnoDB"), "{statement}");
            }
        }
    }

    #[test]
    fn a_later_version_makes_only_what_an_earlier_one_did_not() {
        let all: &[Migration] = &[(1, "one"), (2, "two"), (3, "three")];
        assert_eq!(newest(all), 3);
        for (done, left) in [
            (&[][..], &[1, 2, 3][..]),
            (&[1], &[2, 3]),
            (&[1, 3], &[2]),
            (&[3, 2, 1], &[]),
            (&[1, 2, 3, 9], &[]),
        ] {
            let numbers: Vec<usize> = pending(all, done).into_iter().map(|(version, _)| version).collect();
            assert_eq!(numbers, left, "{done:?}");
        }
        let mut numbers: Vec<usize> = MIGRATIONS.iter().map(|(version, _)| *version).collect();
        numbers.dedup();
        assert!(numbers.is_sorted() && numbers.len() == MIGRATIONS.len(), "each has a number of its own");
    }

    #[test]
    fn every_table_that_is_made_is_in_the_list_of_tables_and_no_other() {
        let mut made: Vec<String> = MIGRATIONS
            .iter()
            .flat_map(|(_, text)| statements(text))
            .filter_map(|statement| statement.split_whitespace().nth(5).map(str::to_owned))
            .collect();
        made.push("banbridge_schema".to_owned());
        made.sort_unstable();
        let mut listed: Vec<&str> = tables::ALL.iter().map(|table| table.name).collect();
        listed.sort_unstable();
        assert_eq!(made, listed);
    }
}
