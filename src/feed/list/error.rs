//! Why a text is no list, in words that name the list, the line and what stands there.

use std::io;

use crate::system::text::one_line;

/// The most characters of a line that an error shows.
const SHOWN: usize = 80;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the list {list} {kind}")]
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
        "is a web page, not a list (line {line}: {text}); check its url, and whether a login page, a web filter or a \
         proxy answers in its place"
    )]
    Html {
        /// Where that shows.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// A log.
    #[error(
        "is a log, not a list (line {line}: {text}); the addresses in a log are not all attackers, so take them out first"
    )]
    Log {
        /// Where that shows.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// Most lines are no entries.
    #[error(
        "is no list of addresses: {junk} of {of} entries cannot be read, the first is line {line}: {text} ({reason})"
    )]
    Junk {
        /// Entries that cannot be read.
        junk: usize,
        /// Entries looked at.
        of: usize,
        /// The first of them.
        line: u64,
        /// What stands there.
        text: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// Broken JSON.
    #[error("is no good JSON in line {line} ({why}): {text}")]
    Json {
        /// Where.
        line: u64,
        /// What stands there.
        text: String,
        /// The reader's words.
        why: String,
    },
    /// No entry has the field or column with the address.
    #[error("has no {what}; name where the address stands with {how}")]
    NoPlace {
        /// The field or column that was looked for.
        what: String,
        /// The key of the configuration.
        how: &'static str,
    },
    /// It ends too early.
    #[error("is cut off: {why}")]
    CutOff {
        /// How that shows.
        why: String,
    },
    /// Too many bytes.
    #[error("is longer than {limit} MiB, the most that is read, unpacking included")]
    TooLarge {
        /// The most, in MiB.
        limit: u64,
    },
    /// Too many entries.
    #[error("has more than {limit} entries, the most that is taken (line {line})")]
    TooMany {
        /// The most.
        limit: usize,
        /// Where they are reached.
        line: u64,
    },
    /// Not text in UTF-8 or a packed text.
    #[error("is neither text nor a packed text (.gz, .zst) that can be read: {why}")]
    NotText {
        /// How that shows.
        why: String,
    },
    /// Reading stopped.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Part of a line, fit to be shown.
pub(super) fn shown(bytes: &[u8]) -> String {
    // No more than can be shown is looked at, whatever a hostile line holds.
    let part = &bytes[..bytes.len().min(SHOWN * 4)];
    one_line(String::from_utf8_lossy(part).trim(), SHOWN).into_owned()
}
