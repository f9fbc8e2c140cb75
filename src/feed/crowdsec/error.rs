//! Why an answer is not CrowdSec's, in words that name the feed, the place and the fix.

use std::io;

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{feed}: {kind}")]
pub struct StreamError {
    /// Which feed.
    pub feed: String,
    /// What is wrong with its answer.
    #[source]
    pub kind: StreamErrorKind,
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// Nothing.
    #[error(
        "the answer is empty. Check that the url is that of CrowdSec's local API, such as http://127.0.0.1:8080"
    )]
    Empty,
    /// A web page.
    #[error(
        "a web page, not CrowdSec's decisions ({text}). Check the url, and whether a login page, web filter or proxy \
         answers instead"
    )]
    Html {
        /// How it begins.
        text: String,
    },
    /// JSON, but not this API's.
    #[error("not an answer of CrowdSec's local API: {why}. Check the url")]
    NotCrowdsec {
        /// How that shows.
        why: String,
    },
    /// Broken JSON.
    #[error("invalid JSON after decision {decision} ({why})")]
    Json {
        /// The last decision that was read, 0 before the first.
        decision: usize,
        /// The reader's words.
        why: String,
    },
    /// It ends too early.
    #[error("the answer is cut off after decision {decision}")]
    CutOff {
        /// The last decision that was read, 0 before the first.
        decision: usize,
    },
    /// Too many bytes.
    #[error("the answer is larger than {limit} MiB. To fetch less: origins = [...]")]
    TooLarge {
        /// The most, in MiB.
        limit: u64,
    },
    /// Too many decisions.
    #[error("the answer has more than {limit} decisions. To fetch fewer: origins = [...]")]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// Reading stopped.
    #[error("cannot read the answer: {0}")]
    Io(#[from] io::Error),
}
