//! One feed's word for one address or network.

use super::Prefix;

/// The end of an entry that counts for as long as its list holds it: the last second of the year 9999.
pub const NEVER: i64 = 253_402_300_799;

/// One feed's word for one prefix. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What is to be blocked.
    pub prefix: Prefix,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// When the feed named it for the first time.
    pub first_seen: i64,
    /// When the feed named it last.
    pub last_seen: i64,
    /// When the feed's word is over.
    pub expires_at: i64,
}
