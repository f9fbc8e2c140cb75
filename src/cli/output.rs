//! Times, tables and JSON on the terminal. A reader that went away (`banbridge list | head`) is not an error.

use crate::system::failure::Result;
use std::io::{self, ErrorKind, Write};

use comfy_table::{Table, TableStyle};
use serde::Serialize;

use crate::system::text::one_line;
pub use crate::system::text::{count, number};
pub use crate::system::time::{Time, ago_or};

/// Writes text to standard output. Much of it was read where asterisk can write, so no control character of it reaches
/// the terminal, which may be root's.
pub fn print(text: &str) -> Result<()> {
    write(&harmless(text))
}

/// The same text, line by line, with every control character shown instead of obeyed.
fn harmless(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| one_line(line, usize::MAX)).collect();
    lines.join("\n")
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes one JSON value and a newline to standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
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

/// Writes a line to standard error. When that fails, there is nothing left to tell anybody.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_columns() {
        let text = table(&["A", "B"], [vec!["1".into(), "22".into()], vec!["333".into(), "4".into()]]);
        assert_eq!(text, "A    B\n1    22\n333  4\n");
    }
}
