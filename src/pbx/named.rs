//! What a reader of protected addresses yields: somebody named, or why nobody is known.

use std::fs::File;
use std::io::Read;

use crate::ban::Source;
use crate::ban::target::Target;
use crate::system::database::DatabaseError;
use crate::system::text::one_line;

/// Longest label, as the ledger keeps it.
const LABEL: usize = 150;
/// Most bytes of a file of the system that are read.
const FILE: u64 = 1 << 20;

/// Somebody to let through, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// An address or network, or a name that is still to be resolved.
    pub target: Target,
    /// Which kind of protection.
    pub source: Source,
    /// What the administrator knows him by.
    pub label: String,
}

impl Named {
    /// The label is made fit for one line: much of it is text of others.
    pub fn new(source: Source, target: Target, label: &str) -> Self {
        Self { target, source, label: one_line(label, LABEL).into_owned() }
    }
}

/// What a source says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whom it names.
    pub named: Vec<Named>,
    /// What should name somebody and cannot be read, fit to be shown: nobody is protected by it.
    pub unread: Vec<String>,
}

impl Found {
    /// Takes whom a text of the source names; when that is nobody, the text is one that cannot be read, and `text` is what
    /// to show of it.
    pub fn take(&mut self, source: Source, label: &str, text: &str, targets: Vec<Target>) {
        if targets.is_empty() {
            self.unread.push(one_line(text, LABEL).into_owned());
        }
        self.named.extend(targets.into_iter().map(|target| Named::new(source, target, label)));
    }
}

impl Extend<Found> for Found {
    fn extend<T: IntoIterator<Item = Found>>(&mut self, all: T) {
        for one in all {
            self.named.extend(one.named);
            self.unread.extend(one.unread);
        }
    }
}

impl From<Vec<Named>> for Found {
    fn from(named: Vec<Named>) -> Self {
        Self { named, unread: Vec::new() }
    }
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Anything else, in words.
    #[error("{0}")]
    Unreadable(String),
}

impl SourceError {
    /// An error in words.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::Unreadable(why.into())
    }
}

impl From<mysql::Error> for SourceError {
    fn from(error: mysql::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The text of a small file of the system.
pub fn small_file(path: &str) -> Result<String, SourceError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE).read_to_end(&mut bytes))
        .map_err(|error| SourceError::unreadable(format!("{path} cannot be read: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_line_and_fits_the_ledger() {
        let target = Target::Name("x".into());
        let named = Named::new(Source::Contact, target, &("6001\n\u{1b}[2J".to_owned() + &"x".repeat(500)));
        assert!(named.label.starts_with(r"6001\n\u{1b}[2J") && named.label.chars().count() <= LABEL);
    }
}
