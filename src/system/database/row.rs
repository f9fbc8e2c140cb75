//! Rows of a table, read by the names of their columns.
//!
//! The tables stand in a database that others write too, and that can be restored, altered and repaired by hand. A
//! value that does not fit is an error that names table and column; it never ends the program and is never replaced by
//! another value.

use std::str::FromStr;

use mysql::prelude::Queryable;
use mysql::{Params, Row, Value};

use super::{DatabaseError, Result};
use crate::system::text::one_line;

/// The most characters of a value that a message shows.
const SHOWN: usize = 40;

/// A table, and what helps when it holds something else than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

impl Table {
    /// All rows of a query of this table.
    pub fn rows(
        &'static self,
        conn: &mut impl Queryable,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Vec<Record>> {
        let rows: Vec<Row> = match params.into() {
            Params::Empty => conn.query(sql),
            params => conn.exec(sql, params),
        }
        .map_err(|error| self.explain(error))?;
        Ok(rows.into_iter().map(|row| Record { table: self, row }).collect())
    }

    /// The first row of a query of this table; none when there is none.
    pub fn first(
        &'static self,
        conn: &mut impl Queryable,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Option<Record>> {
        let row: Option<Row> = match params.into() {
            Params::Empty => conn.query_first(sql),
            params => conn.exec_first(sql, params),
        }
        .map_err(|error| self.explain(error))?;
        Ok(row.map(|row| Record { table: self, row }))
    }

    /// Each row of a query of this table in its turn, for tables of which not all is to be in memory twice.
    pub fn each(
        &'static self,
        conn: &mut impl Queryable,
        sql: &str,
        mut take: impl FnMut(Record) -> Result<()>,
    ) -> Result<()> {
        for row in conn.query_iter(sql).map_err(|error| self.explain(error))? {
            take(Record { table: self, row: row? })?;
        }
        Ok(())
    }

    /// An error of the server, with this table's name where it is about its columns.
    fn explain(&self, error: mysql::Error) -> DatabaseError {
        match error {
            // Unknown column.
            mysql::Error::MySqlError(error) if error.code == 1054 => {
                DatabaseError::NoColumn { table: self.name, why: error.message, fix: self.fix }
            }
            other => other.into(),
        }
    }

    fn unfit(&self, column: &str, found: &Value, expected: &'static str) -> DatabaseError {
        let Self { name: table, fix } = *self;
        DatabaseError::Value { table, column: column.to_owned(), found: shown(found), expected, fix }
    }
}

/// A row, and the table that it is of.
#[derive(Debug)]
pub struct Record {
    table: &'static Table,
    row: Row,
}

impl Record {
    /// The value of a column.
    pub fn get<T: FromColumn>(&self, column: &str) -> Result<T> {
        let value = self.value(column)?;
        T::from_column(value).ok_or_else(|| self.table.unfit(column, value, T::EXPECTED))
    }

    /// The text of a column, where it stands.
    pub fn text(&self, column: &str) -> Result<&str> {
        let value = self.value(column)?;
        text_of(value).ok_or_else(|| self.table.unfit(column, value, String::EXPECTED))
    }

    /// What the text of a column says; none where it says nothing of the kind. Texts in our tables are ours, but
    /// others can write there too, and what they wrote is passed over.
    pub fn parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        let parsed = self.text(column)?.parse().ok();
        if parsed.is_none() {
            log::debug!("{}: a row is passed over, for its {column} is not valid", self.table.name);
        }
        Ok(parsed)
    }

    fn value(&self, column: &str) -> Result<&Value> {
        let place = self.row.columns_ref().iter().position(|one| one.name_ref() == column.as_bytes());
        place.and_then(|place| self.row.as_ref(place)).ok_or_else(|| {
            let Table { name: table, fix } = *self.table;
            DatabaseError::NoColumn { table, why: format!("no column {column:?} in the answer"), fix }
        })
    }
}

/// What can be read out of a column.
pub trait FromColumn: Sized {
    /// What must stand there, for messages.
    const EXPECTED: &'static str;

    /// The value; none where it is something else.
    fn from_column(value: &Value) -> Option<Self>;
}

impl FromColumn for String {
    const EXPECTED: &'static str = "text in UTF-8";

    fn from_column(value: &Value) -> Option<Self> {
        text_of(value).map(str::to_owned)
    }
}

impl FromColumn for Vec<u8> {
    const EXPECTED: &'static str = "text";

    fn from_column(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl FromColumn for bool {
    const EXPECTED: &'static str = "0 or 1";

    fn from_column(value: &Value) -> Option<Self> {
        match number::<u8>(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_column(value: &Value) -> Option<Self> {
        match value {
            Value::NULL => Some(None),
            value => T::from_column(value).map(Some),
        }
    }
}

macro_rules! numbers {
    ($($number:ty, $expected:literal;)*) => {$(
        impl FromColumn for $number {
            const EXPECTED: &'static str = $expected;

            fn from_column(value: &Value) -> Option<Self> {
                number(value)
            }
        }
    )*};
}

numbers! {
    i64, "a whole number";
    u8, "a number from 0 to 255";
    u16, "a number from 0 to 65535";
    u32, "a whole number of at most 32 bits, not negative";
    u64, "a whole number, not negative";
    usize, "a whole number, not negative";
}

/// A whole number that fits. The server sends it as a number or as its digits, whichever way it was asked.
fn number<T: TryFrom<i64> + TryFrom<u64> + FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::Int(number) => T::try_from(*number).ok(),
        Value::UInt(number) => T::try_from(*number).ok(),
        Value::Bytes(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// A value as a message shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::NULL => "NULL".to_owned(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => format!("{:?}", one_line(text, SHOWN)),
            Err(_) => format!("{} bytes that are not UTF-8", bytes.len()),
        },
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Date(..) => "a date".to_owned(),
        Value::Time(..) => "a time of day".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromColumn + std::fmt::Debug>(value: Value) -> String {
        match T::from_column(&value) {
            Some(value) => format!("{value:?}"),
            None => format!("{}, not {}", shown(&value), T::EXPECTED),
        }
    }

    fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }

    #[test]
    fn a_value_is_read_as_what_it_is_or_not_at_all() {
        let table = [
            (read::<i64>(Value::Int(-7)), "-7"),
            (read::<i64>(bytes(b"-7")), "-7"),
            (read::<i64>(Value::UInt(u64::MAX)), "18446744073709551615, not a whole number"),
            (read::<i64>(bytes(b"soon")), "\"soon\", not a whole number"),
            (read::<i64>(Value::Double(1.5)), "1.5, not a whole number"),
            (read::<i64>(Value::NULL), "NULL, not a whole number"),
            (read::<i64>(Value::Date(2026, 1, 1, 0, 0, 0, 0)), "a date, not a whole number"),
            (read::<u8>(Value::Int(256)), "256, not a number from 0 to 255"),
            (read::<u16>(bytes(b"65536")), "\"65536\", not a number from 0 to 65535"),
            (read::<u64>(Value::Int(-1)), "-1, not a whole number, not negative"),
            (read::<u64>(bytes(b"9007199254740992")), "9007199254740992"),
            (read::<bool>(Value::Int(1)), "true"),
            (read::<bool>(bytes(b"0")), "false"),
            (read::<bool>(Value::Int(2)), "2, not 0 or 1"),
            (read::<String>(bytes("größe".as_bytes())), "\"größe\""),
            (read::<String>(bytes(b"gr\xf6\xdfe")), "5 bytes that are not UTF-8, not text in UTF-8"),
            (read::<String>(Value::NULL), "NULL, not text in UTF-8"),
            (read::<String>(Value::Int(5)), "5, not text in UTF-8"),
            (read::<Option<String>>(Value::NULL), "None"),
            (read::<Option<i64>>(Value::Int(5)), "Some(5)"),
            (read::<Option<i64>>(bytes(b"x")), "\"x\", not a whole number"),
            (read::<Vec<u8>>(bytes(b"\xff")), "[255]"),
        ];
        for (found, wanted) in table {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn what_a_message_shows_of_a_value_is_short_and_harmless() {
        let value = shown(&bytes(("\u{1b}[2J".to_owned() + &"x".repeat(200)).as_bytes()));
        assert!(value.len() < 60 && !value.contains('\u{1b}'), "{value}");
    }
}
