//! Why a text is not a list, in words that name the list, the line and what is in it.

use std::io;

use crate::system::text::one_line;

/// The most characters of a line that an error shows.
const SHOWN: usize = 80;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("list {list}: {kind}")]
pub struct ListError {
    /// Which list.
    pub list: String,
    /// What is wrong with it.
    #[source]
    pub kind: ListErrorKind,
}

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListErrorKind {
    /// A web page.
    #[error(
        "a web page, not a list (line {line}: {text}). Check the feed's url, and whether a login page, web filter or \
         proxy answers instead"
    )]
    Html {
        /// The line that shows it.
        line: u64,
        /// What is in it.
        text: String,
    },
    /// A log.
    #[error(
        "a log, not a list (line {line}: {text}). Not all addresses in a log are attackers: extract those first"
    )]
    Log {
        /// The line that shows it.
        line: u64,
        /// What is in it.
        text: String,
    },
    /// A sentence in place of a list.
    #[error(
        "a sentence, not a list (line {line}: {text}). Check the feed's url, and whether its server limits requests"
    )]
    Prose {
        /// The line that shows it.
        line: u64,
        /// What is in it.
        text: String,
    },
    /// Two columns hold addresses.
    #[error("two columns have addresses: {first} and {second}. Name the right one: column = {example}")]
    TwoColumns {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// As the configuration names one of them.
        example: String,
    },
    /// Countries or registries are chosen, and the list has none.
    #[error(
        "not a statistics file of an internet registry (line {line}: {text}), so it has no country and no registry. \
         Remove these settings, or check the feed's url"
    )]
    NoRegistry {
        /// The first line.
        line: u64,
        /// What is in it.
        text: String,
    },
    /// Most lines are not entries.
    #[error(
        "not a list of addresses: {junk} of {of} entries are invalid, the first in line {line}: {text} ({reason})"
    )]
    Junk {
        /// Entries that cannot be read.
        junk: usize,
        /// Entries looked at.
        of: usize,
        /// The first of them.
        line: u64,
        /// What is in it.
        text: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// Broken JSON.
    #[error("invalid JSON in line {line} ({why}): {text}")]
    Json {
        /// Where.
        line: u64,
        /// What is in it.
        text: String,
        /// The reader's words.
        why: String,
    },
    /// No entry has the field or column with the address.
    #[error("no {what}. Set where the address is with {how}")]
    NoPlace {
        /// The field or column that was looked for.
        what: String,
        /// The key of the configuration.
        how: &'static str,
    },
    /// It ends too early.
    #[error("cut off: {why}")]
    CutOff {
        /// How that shows.
        why: String,
    },
    /// Too many bytes.
    #[error("larger than {limit} MiB, unpacked")]
    TooLarge {
        /// The most, in MiB.
        limit: u64,
    },
    /// Too many entries.
    #[error("more than {limit} entries (line {line})")]
    TooMany {
        /// The most.
        limit: usize,
        /// Where they are reached.
        line: u64,
    },
    /// Neither text in UTF-8 nor compressed text.
    #[error("neither text nor readable compressed text (.gz, .zst): {why}")]
    NotText {
        /// How that shows.
        why: String,
    },
    /// Reading stopped.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

/// Part of a line, safe to show.
pub(super) fn shown(bytes: &[u8]) -> String {
    // No more than can be shown is looked at, whatever a hostile line contains.
    let part = &bytes[..bytes.len().min(SHOWN * 4)];
    one_line(String::from_utf8_lossy(part).trim(), SHOWN).into_owned()
}
