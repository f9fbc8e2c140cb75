//! Why an answer is none of CrowdSec's, in words that name the feed, the place and the mend.

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
        "the answer is empty; check that its url leads to CrowdSec's local API, such as http://127.0.0.1:8080"
    )]
    Empty,
    /// A web page.
    #[error(
        "a web page came in the place of CrowdSec's decisions ({text}); check its url, and whether a login page, a web \
         filter or a proxy answers in its place"
    )]
    Html {
        /// How it begins.
        text: String,
    },
    /// JSON, but not this API's.
    #[error("the answer is none of CrowdSec's local API: {why}; check its url")]
    NotCrowdsec {
        /// How that shows.
        why: String,
    },
    /// Broken JSON.
    #[error("the answer is no good JSON after decision {decision} ({why})")]
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
    #[error("the answer is longer than {limit} MiB, the most that is read; origins = [...] asks for less")]
    TooLarge {
        /// The most, in MiB.
        limit: u64,
    },
    /// Too many decisions.
    #[error(
        "the answer has more than {limit} decisions, the most that is taken; origins = [...] asks for fewer"
    )]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// Reading stopped.
    #[error("the answer cannot be read: {0}")]
    Io(#[from] io::Error),
}
