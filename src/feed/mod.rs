//! The feed room: asks a feed, understands its answer, and hands on batches of raw entries.
//!
//! Nothing here knows what an entry is good for: entries leave as the text that the feed said, and
//! are judged elsewhere. One call is one request. Waiting for the rate limit ([`pacing`](crate::ban::pacing) says how
//! long), saving and asking again are the caller's, since only the caller can save the cursor and
//! the batch together.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod answer;
pub mod apiban;
pub mod body;
pub mod catalog;
pub mod crowdsec;
pub mod error;
pub mod http;
pub mod list;
pub mod schedule;
pub mod snapshot;

use jiff::Timestamp;

pub use body::RawEntry;
pub use error::{FetchError, FetchErrorKind};

/// What one request brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetch {
    /// The batch, in the feed's order and with its repetitions.
    pub entries: Vec<RawEntry>,
    /// The cursor that the feed gave out, none where it said that the list ends here.
    pub next: Option<String>,
    /// The server's clock as it answered (to the second), where it told.
    pub server_time: Option<Timestamp>,
}

impl Fetch {
    /// Whether the list is complete after this answer to `sent`: the feed said so, gave back the
    /// cursor that it was sent, or had nothing to add.
    ///
    /// The last case is no documented one. Going on after an empty batch would let a feed that
    /// counts its cursor up for ever hold a run for ever; the next run asks from where it stands.
    pub fn is_complete(&self, sent: &str) -> bool {
        self.entries.is_empty() || self.next.as_deref().is_none_or(|next| next == sent)
    }

    /// The cursor to save with this batch, and to send next time. It stays as it was where the feed
    /// gave none, so that `none` is never sent to it.
    pub fn cursor_after<'a>(&'a self, sent: &'a str) -> &'a str {
        self.next.as_deref().unwrap_or(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(entries: usize, next: Option<&str>) -> Fetch {
        Fetch {
            entries: vec![RawEntry::Text("192.0.2.1".into()); entries],
            next: next.map(Into::into),
            server_time: None,
        }
    }

    #[test]
    fn the_list_is_complete_at_none_at_the_same_cursor_and_at_an_empty_batch() {
        // entries, next, sent "100": complete, cursor to save
        let table = [
            (250, Some("200"), false, "200"),
            (3, Some("100"), true, "100"),
            (3, None, true, "100"),
            (0, None, true, "100"),
            (0, Some("200"), true, "200"),
            (0, Some("100"), true, "100"),
        ];
        for (entries, next, complete, cursor) in table {
            let fetch = fetch(entries, next);
            assert_eq!(fetch.is_complete("100"), complete, "{entries} {next:?}");
            assert_eq!(fetch.cursor_after("100"), cursor, "{entries} {next:?}");
        }
    }
}
