//! Lists: any text in which a publisher names addresses and networks, read into prefixes.
//!
//! Pure: bytes come in from any [`Read`], prefixes go out; time is linear in the size, and memory is what the
//! prefixes need. The form is recognised from the content, since publishers rarely say it and change it without a
//! word; the configuration can override each part of it. What is no list at all (a web page, a log) is refused
//! whole, a bad line in a good list is refused alone.

mod collect;
mod entry;
mod error;
mod form;
mod json;
mod lines;
mod registry;
mod statement;
mod text;
mod unpack;

use std::io::{BufReader, Cursor, Read};

use serde::{Deserialize, Serialize};

use crate::ban::width::Widest;
pub use collect::{Parsed, SkippedLine};
pub use entry::Reason;
pub use error::{ListError, ListErrorKind};
pub use registry::REGISTRIES;

/// The most bytes of a list, after unpacking too.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The most prefixes of a list.
pub const MAX_ENTRIES: usize = 2_000_000;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One entry a line, further columns allowed.
    Text,
    /// One range a line, its first and last address in two columns.
    Ranges,
    /// First address, last address and length of a network in three columns, as DShield writes them.
    Dshield,
    /// One JSON value a line.
    Jsonl,
    /// One JSON array or object.
    Json,
}

/// A column of a list, counted from 1 or named by the list's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its place, from 1.
    Number(u16),
    /// Its name.
    Name(String),
}

/// What the configuration says of a list. What it does not say is recognised.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How it is written.
    pub format: Option<Format>,
    /// Where the address stands.
    pub column: Option<Column>,
    /// The JSON fields that hold addresses.
    pub fields: Vec<String>,
    /// Of a registry's statistics file: whose records are used, two letters; empty is all.
    pub country: Vec<String>,
    /// And those of which registries, in their own words; empty is all.
    pub registry: Vec<String>,
    /// Where the score stands; in JSON the name of a field.
    pub score_column: Option<Column>,
    /// Entries with a lower score are left out.
    pub min_score: Option<f64>,
    /// Wider networks are skipped.
    pub widest: Widest,
    /// The most bytes, after unpacking too.
    pub max_bytes: u64,
    /// The most prefixes.
    pub max_entries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: None,
            column: None,
            fields: Vec::new(),
            country: Vec::new(),
            registry: Vec::new(),
            score_column: None,
            min_score: None,
            widest: Widest::default(),
            max_bytes: MAX_BYTES,
            max_entries: MAX_ENTRIES,
        }
    }
}

impl Settings {
    /// Whether they make sense for a registry's statistics file only.
    fn is_for_registries(&self) -> bool {
        !self.country.is_empty() || !self.registry.is_empty()
    }
}

/// Reads a whole list. `name` is what errors call it.
///
/// # Errors
/// [`ListError`] where it is no list, or not a whole one. Nothing of it is to be used then.
pub fn read(name: &str, input: impl Read, settings: &Settings) -> Result<Parsed, ListError> {
    let told = |kind| ListError { list: name.to_owned(), kind };
    let mut input = unpack::Unpacked::new(input, settings.max_bytes).map_err(told)?;
    let parsed = read_unpacked(&mut input, settings);
    // What the unpacking or the source met is the cause of whatever else went wrong after it.
    parsed.map_err(|kind| told(input.cause().unwrap_or(kind)))
}

fn read_unpacked(input: &mut impl Read, settings: &Settings) -> Result<Parsed, ListErrorKind> {
    let mut head = Vec::new();
    input.by_ref().take(form::HEAD).read_to_end(&mut head)?;
    let whole = (head.len() as u64) < form::HEAD;
    if head.starts_with(b"\xef\xbb\xbf") {
        head.drain(..3);
    }
    let form = form::recognise(&head, whole, settings)?;
    let input = BufReader::with_capacity(64 * 1024, Cursor::new(head).chain(input));
    let mut collector = collect::Collector::new(settings);
    match form {
        form::Form::Text(layout) => text::read(input, &layout, settings, &mut collector)?,
        form::Form::JsonLines { fields } => json::read_lines(input, &fields, settings, &mut collector)?,
        form::Form::Json { fields } => json::read(input, &fields, settings, &mut collector)?,
    }
    collector.finish()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
