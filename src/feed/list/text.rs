//! Lists of lines: comments, columns, and the entry in one of them.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use super::Settings;
use super::collect::Collector;
use super::entry::{self, Reason};
use super::error::ListErrorKind;
use super::lines::{Line, Lines};
use super::registry;
use super::statement::{self, Statement};
use crate::ban::Prefix;

/// Names that publishers give the field with the address, the likeliest first.
pub(super) const FIELDS: [&str; 17] = [
    "cidr",
    "prefix",
    "ip_prefix",
    "ipv4Prefix",
    "ipaddress",
    "ipAddress",
    "ip_address",
    "ip",
    "address",
    "addr",
    "src_ip",
    "network",
    "netblock",
    "range",
    "ipv4",
    "value",
    "pattern",
];

/// Columns of a line that are looked at.
const MAX_FIELDS: usize = 64;

/// What stands between two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Separator {
    /// White space, or one comma or semicolon with white space around it.
    #[default]
    Any,
    /// A TAB.
    Tab,
    /// A comma.
    Comma,
    /// A semicolon.
    Semicolon,
    /// A bar.
    Bar,
}

impl Separator {
    /// The plainest first.
    pub(super) const ALL: [Self; 5] = [Self::Any, Self::Tab, Self::Comma, Self::Semicolon, Self::Bar];
}

/// What an entry is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    /// One column, a netmask or the end of a range perhaps in the next.
    #[default]
    Entry,
    /// First and last address in two columns.
    Ranges,
    /// First address, last address, length.
    Dshield,
    /// Statements: see [`super::statement`].
    Statements,
    /// Records of an internet registry: see [`super::registry`].
    Registry,
}

/// Where entries stand in a line. Columns count from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) separator: Separator,
    pub(super) column: usize,
    pub(super) shape: Shape,
    pub(super) score: Option<usize>,
    /// Whether the column was recognised and not set: then every word of a line is to be accounted for.
    pub(super) is_guess: bool,
}

/// Whether a word is a name that publishers give the address.
pub(super) fn is_field(word: &[u8]) -> bool {
    FIELDS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// A line without its comment and the white space around it. `;` begins a comment only at the start of a line:
/// elsewhere it ends a column, which for the first column is the same.
pub(super) fn content(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    if matches!(line.first(), Some(b';')) {
        return b"";
    }
    let mut end = line.len();
    for (at, byte) in line.iter().enumerate() {
        let after_blank = at == 0 || line[at - 1].is_ascii_whitespace();
        if *byte == b'#' || (*byte == b'/' && after_blank && line.get(at + 1) == Some(&b'/')) {
            end = at;
            break;
        }
    }
    line[..end].trim_ascii()
}

/// The columns of a line, without white space and quotation marks around them.
pub(super) fn fields(line: &[u8], separator: Separator, places: &mut Vec<Range<usize>>) {
    places.clear();
    let mut at = 0;
    while at <= line.len() && places.len() < MAX_FIELDS {
        while at < line.len()
            && line[at].is_ascii_whitespace()
            && !(separator == Separator::Tab && line[at] == b'\t')
        {
            at += 1;
        }
        let quoted = line.get(at) == Some(&b'"');
        let ends = |b: &u8| match separator {
            Separator::Any => b.is_ascii_whitespace() || *b == b',' || *b == b';',
            Separator::Tab => *b == b'\t',
            Separator::Comma => *b == b',',
            Separator::Semicolon => *b == b';',
            Separator::Bar => *b == b'|',
        };
        let find = |from: usize, wanted: &dyn Fn(&u8) -> bool| {
            line[from.min(line.len())..].iter().position(wanted).map_or(line.len(), |found| from + found)
        };
        let mut next = at;
        if quoted {
            let close = find(at + 1, &|b| *b == b'"');
            places.push(trimmed(line, (at + 1).min(close)..close));
            next = (close + 1).min(line.len());
        }
        let end = find(next, &ends);
        if !quoted {
            places.push(trimmed(line, at..end));
        }
        at = end + 1;
        if separator == Separator::Any && end < line.len() && line[end].is_ascii_whitespace() {
            // One comma or semicolon may follow the white space.
            let dark = find(end, &|b| !b.is_ascii_whitespace());
            at = if matches!(line.get(dark), Some(b',' | b';')) { dark + 1 } else { dark };
        }
    }
}

fn trimmed(line: &[u8], place: Range<usize>) -> Range<usize> {
    let part = &line[place.clone()];
    let start = place.start + (part.len() - part.trim_ascii_start().len());
    start..start + part.trim_ascii().len()
}

/// Reads all lines.
pub(super) fn read(
    input: impl BufRead,
    layout: &Layout,
    settings: &Settings,
    collector: &mut Collector,
) -> Result<(), ListErrorKind> {
    let mut lines = Lines::new(input);
    let mut places = Vec::new();
    let mut first = true;
    while let Some(line) = lines.next()? {
        collector.at(line.number);
        if let Some(announced) = announced(line.bytes) {
            collector.announced = Some(announced);
        }
        let visible = visible(line.bytes);
        let text = content(&visible);
        if text.is_empty() {
            continue;
        }
        let is_first = std::mem::take(&mut first);
        match layout.shape {
            Shape::Registry => registry::one(&line, text, settings, collector)?,
            _ => one(&line, text, is_first, layout, settings.min_score, &mut places, collector)?,
        }
    }
    Ok(())
}

/// The line with blanks in the place of characters that nobody sees: no-break spaces, zero-width ones, byte-order marks.
pub(super) fn visible(line: &[u8]) -> Cow<'_, [u8]> {
    const INVISIBLE: [char; 8] =
        ['\u{a0}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{202f}', '\u{2060}', '\u{3000}', '\u{feff}'];
    if line.is_ascii() {
        return Cow::Borrowed(line);
    }
    match std::str::from_utf8(line) {
        Ok(text) if text.contains(INVISIBLE) => Cow::Owned(text.replace(INVISIBLE, " ").into_bytes()),
        _ => Cow::Borrowed(line),
    }
}

/// The number in VoIPBL's first line, `# TOTAL NETBLOCK: 97480`.
fn announced(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"#")?.trim_ascii_start().strip_prefix(b"TOTAL NETBLOCK:")?;
    std::str::from_utf8(rest).ok()?.trim().parse().ok()
}

fn one(
    line: &Line<'_>,
    text: &[u8],
    is_first: bool,
    layout: &Layout,
    min_score: Option<f64>,
    places: &mut Vec<Range<usize>>,
    collector: &mut Collector,
) -> Result<(), ListErrorKind> {
    if line.is_cut {
        return collector.refuse(line.number, text, Reason::TooLong);
    }
    if layout.shape == Shape::Statements {
        return match statement::read(text) {
            Some(Statement::Nothing) => Ok(()),
            Some(Statement::Block(mut prefixes)) => collector.take(line.number, text, |out| {
                out.append(&mut prefixes);
                Ok(())
            }),
            Some(Statement::Exception(prefixes)) => collector.except(line.number, text, prefixes),
            Some(Statement::Bad(reason)) => collector.refuse(line.number, text, reason),
            None => collector.take(line.number, text, |out| entry::read(text, out)),
        };
    }
    fields(text, layout.separator, places);
    let field = |at: usize| places.get(at).map(|place| &text[place.clone()]);
    let Some(entry) = field(layout.column).filter(|entry| !entry.is_empty()) else {
        return collector.refuse(line.number, text, Reason::NoColumn);
    };
    let is_word = !entry.iter().any(|b| b.is_ascii_digit() || b".:".contains(b));
    if is_first && is_word && (places.len() > 1 || is_field(entry)) {
        // The line that names the columns.
        return Ok(());
    }
    if let (Some(at), Some(least)) = (layout.score, min_score) {
        let score = field(at).and_then(|score| std::str::from_utf8(score).ok()?.parse::<f64>().ok());
        match score.filter(|score| score.is_finite()) {
            None => return collector.refuse(line.number, text, Reason::NoScore),
            Some(score) if score < least => {
                collector.leave_out();
                return Ok(());
            }
            Some(_) => {}
        }
    }
    if layout.is_guess && layout.shape == Shape::Entry {
        let rest = (0..places.len()).filter(|at| *at != layout.column).filter_map(&field);
        if rest.clone().any(statement::is_exception) {
            let mut prefixes = Vec::new();
            let _ = entry::read(entry, &mut prefixes);
            return collector.except(line.number, text, prefixes);
        }
        let of_entry = |word: &[u8]| word.starts_with(b"255.");
        let is_range = field(layout.column + 1) == Some(b"-");
        if !is_range && rest.clone().any(|word| entry::is_one(word) && !of_entry(word)) {
            return collector.refuse(line.number, text, Reason::Ambiguous);
        }
    }
    let next = |distance: usize| field(layout.column + distance).unwrap_or_default();
    collector.take(line.number, text, |out| match layout.shape {
        Shape::Entry => in_columns(entry, next, out),
        Shape::Ranges => entry::range(entry, next(1), out),
        Shape::Dshield => entry::dshield(entry, next(1), next(2), out),
        Shape::Statements | Shape::Registry => Err(Reason::Unaccounted),
    })
}

/// An entry whose netmask or end may stand in the next columns.
fn in_columns<'a>(
    entry: &[u8],
    next: impl Fn(usize) -> &'a [u8],
    out: &mut Vec<Prefix>,
) -> Result<(), Reason> {
    if next(1) == b"-" {
        return entry::range(entry, next(2), out);
    }
    if next(1).starts_with(b"255.") && !entry.contains(&b'/') {
        return entry::masked(entry, next(1), out);
    }
    entry::read(entry, out)
}
