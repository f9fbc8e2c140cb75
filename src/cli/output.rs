//! What the administrator sees: times, tables, JSON. A reader that went away (`banbridge list | head`) is no error.

use std::io::{self, ErrorKind, Write};

use comfy_table::{Table, TableStyle};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::feed::text::one_line;

/// Writes text to standard output. Much of what is shown was read where asterisk can write, so no control character
/// of it reaches the terminal, which may be root's.
pub fn print(text: &str) -> anyhow::Result<()> {
    write(&harmless(text))
}

/// The same text, line by line, with every control character shown instead of obeyed.
fn harmless(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| one_line(line, usize::MAX)).collect();
    lines.join("\n")
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes one JSON value and a line's end to standard output.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    // JSON escapes the control characters of ASCII by itself; a terminal obeys some above it too.
    let text = serde_json::to_string(value)?;
    let mut shown = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff) => {
                shown += &format!("\\u{code:04x}");
            }
            _ => shown.push(c),
        }
    }
    write(&(shown + "\n"))
}

/// Writes a line to standard error; there is nobody to tell when that fails.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "banbridge: {}", harmless(text));
}

/// A table with nothing but columns, fit for `grep` and `awk`.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(head.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    let text = table.to_string();
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n") + "\n"
}

/// Seconds since 1970, written as RFC 3339 in UTC in JSON and shorter for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_second(self.0) {
            Ok(time) => serializer.collect_str(&time),
            Err(_) => serializer.serialize_none(),
        }
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M UTC")),
            Err(_) => write!(f, "?"),
        }
    }
}

/// A time or the word for none.
pub fn time_or(time: Option<i64>, none: &str) -> String {
    time.map_or_else(|| none.to_owned(), |secs| Time(secs).to_string())
}

/// A number with its noun: `1 row`, `2 rows`.
pub fn count(number: usize, noun: &str) -> String {
    let end = match (number, noun.strip_suffix("ss")) {
        (1, _) => "",
        (_, Some(_)) => "es",
        (_, None) => "s",
    };
    format!("{number} {noun}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_for_programs_and_short_for_people() {
        assert_eq!(serde_json::to_string(&Time(0)).unwrap(), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(Time(1_700_000_000).to_string(), "2023-11-14 22:13 UTC");
        assert_eq!(time_or(None, "never"), "never");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let all = [count(0, "row"), count(1, "row"), count(2, "address"), count(1, "address")];
        assert_eq!(all, ["0 rows", "1 row", "2 addresses", "1 address"]);
    }

    #[test]
    fn a_table_is_plain_columns() {
        let text = table(&["A", "B"], [vec!["1".into(), "22".into()], vec!["333".into(), "4".into()]]);
        assert_eq!(text, "A    B\n1    22\n333  4\n");
    }
}
