//! CrowdSec's decisions, as its local API hands them to a bouncer: first all that are active, later what is new and
//! what was taken back.
//!
//! Pure: an answer comes in from any [`Read`], bans go out, and memory is what the bans need. Who answers may be
//! anybody: one bad decision is refused alone, and what is no answer of this API, or not a whole one, is refused
//! whole.

pub mod cursor;
mod decision;
mod duration;
mod error;
pub mod share;
mod stream;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};

use crate::ban::Prefix;
pub use crate::ban::timed::Ban;
use crate::ban::width::Widest;
pub use error::{StreamError, StreamErrorKind};

/// The most bytes of an answer.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The most decisions of an answer, those that were taken back included.
pub const MAX_DECISIONS: usize = 2_000_000;
/// Skipped decisions that are kept with their text; all are counted.
const SKIPPED_KEPT: usize = 1_000;

/// What to take of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Decisions of these origins only (`crowdsec`, `cscli`, `CAPI`, `lists`, ...); none: of all.
    pub origins: Vec<String>,
    /// Wider networks are skipped.
    pub widest: Widest,
    /// The most bytes.
    pub max_bytes: u64,
    /// The most decisions.
    pub max_decisions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            widest: Widest::default(),
            max_bytes: MAX_BYTES,
            max_decisions: MAX_DECISIONS,
        }
    }
}

/// Why a decision is none for a firewall's blacklist. Nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotUsed {
    /// About a country, a network operator, a user name, ...
    Scope,
    /// Something milder than a ban, such as a captcha.
    Kind,
    /// Of another origin than those asked for.
    Origin,
    /// Its time is over.
    Over,
}

impl fmt::Display for NotUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scope => "not about an address or network",
            Self::Kind => "not a ban",
            Self::Origin => "of another origin",
            Self::Over => "expired",
        })
    }
}

/// One refused decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which decision of the answer, from 1.
    pub number: usize,
    /// What it is about, cut and escaped.
    pub text: String,
    /// Why it is refused.
    pub reason: String,
}

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// What to block, sorted, each prefix once with its longest ban.
    pub bans: Vec<Ban>,
    /// What was taken back or is over, sorted, each once. What is in `bans` as well is banned anew.
    pub deleted: Vec<Prefix>,
    /// New decisions, whatever became of them.
    pub received: usize,
    /// New decisions that are not for a blacklist.
    pub not_used: BTreeMap<NotUsed, usize>,
    /// The first refused ones.
    pub skipped: Vec<Skipped>,
    /// All refused ones.
    pub skipped_total: usize,
}

impl Decisions {
    /// New decisions that are in `bans`, several about one address counted each.
    pub fn accepted(&self) -> usize {
        self.received - self.skipped_total - self.not_used.values().sum::<usize>()
    }
}

/// Reads a whole answer. `name` is what errors call the feed.
///
/// # Errors
/// [`StreamError`] where it is no answer of CrowdSec's, or not a whole one. Nothing of it is to be used then.
pub fn read(name: &str, input: impl Read, settings: &Settings) -> Result<Decisions, StreamError> {
    let input = BufReader::with_capacity(64 * 1024, input);
    let read = stream::read(input, settings);
    read.map_err(|kind| StreamError { feed: name.to_owned(), kind })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
