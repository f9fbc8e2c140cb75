//! Single values that a run leaves for the next one.

use std::fmt;

use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::ban::plan::Driver;
use crate::system::database::Result;

/// What a single value is about. Times are seconds since 1970. A value that is not there means what its line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateKey {
    /// The number of the last change of the blacklist's rows, see [`super::rows`]; none: no change yet.
    Generation,
    /// 1 while a change of the rows has begun and not ended.
    Changing,
    /// When rows were changed that the firewall was not told of; none: it knows all of them.
    ChangedAt,
    /// Since when banbridge keeps rows that no feed lists, until every feed was fetched again after the saved state was
    /// lost, restored or kept by a wrong clock; none: it does not.
    CatchingUp,
    /// Since when the firewall is disabled; none: it was enabled at the last run.
    OffSince,
    /// 1: root saw the table of FreePBX 18's nftables driver in the kernel.
    NftablesSeen,
    /// What a row costs with this driver, in microseconds, as root measured it.
    RowCost(Driver),
    /// When it was measured.
    RowCostAt,
    /// When the last run as root ended.
    RootRun,
    /// What the clock said at the end of the last run whose clock was believed.
    Clock,
    /// When the clock was first doubted; none: it is believed.
    ClockDoubted,
    /// When the last sync began.
    LastSync,
    /// How many seconds after the sync before it that was.
    SyncDistance,
    /// The database connection that signed the run's lock.
    LockConnection,
    /// The process that signed the run's lock.
    LockProcess,
    /// The day on which it was last noted which attackers are listed by now.
    ListedNotedOn,
    /// When CrowdSec was last told what was blocked, and when it may be told again after it refused.
    MetricsAt,
    /// How many packets of a feed's entries, by its number, were refused when CrowdSec was last told.
    MetricsPackets(u16),
    /// CrowdSec is not to be told of attackers before then.
    ShareRetryAt,
    /// When the weekly summary was last sent.
    WeekSentAt,
    /// When a list was fetched outside of a sync (`doctor`, `coverage`), by the fingerprint of what was asked.
    AskedFor(i64),
}

impl fmt::Display for StateKey {
    /// The name in the table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generation => "generation",
            Self::Changing => "changing",
            Self::ChangedAt => "changed_at",
            Self::CatchingUp => "catching_up",
            Self::OffSince => "off_since",
            Self::NftablesSeen => "nftables_seen",
            Self::RowCost(Driver::Iptables) => "row_cost:iptables",
            Self::RowCost(Driver::Nftables) => "row_cost:nftables",
            Self::RowCostAt => "row_cost_at",
            Self::RootRun => "root_run",
            Self::Clock => "clock",
            Self::ClockDoubted => "clock_doubted",
            Self::LastSync => "last_sync",
            Self::SyncDistance => "sync_distance",
            Self::LockConnection => "lock_connection",
            Self::LockProcess => "lock_pid",
            Self::ListedNotedOn => "listed_noted_on",
            Self::MetricsAt => "metrics_at",
            Self::ShareRetryAt => "share_retry_at",
            Self::WeekSentAt => "week_sent_at",
            Self::MetricsPackets(feed) => return write!(f, "metrics_packets:{feed}"),
            Self::AskedFor(fingerprint) => return write!(f, "asked:{fingerprint:016x}"),
        })
    }
}

/// A value on its way into the table, for statements of others' transactions.
pub(super) fn set(conn: &mut impl Queryable, key: StateKey, value: i64) -> Result<()> {
    let sql = "REPLACE INTO banbridge_state (name, value) VALUES (?, ?)";
    Ok(conn.exec_drop(sql, (key.to_string(), value))?)
}

/// Takes a value away, in a transaction of others.
pub(super) fn clear(conn: &mut impl Queryable, key: StateKey) -> Result<()> {
    Ok(conn.exec_drop("DELETE FROM banbridge_state WHERE name = ?", (key.to_string(),))?)
}

impl Ledger {
    /// A single value; none when it is not there.
    pub fn state(&mut self, key: StateKey) -> Result<Option<i64>> {
        let sql = "SELECT value FROM banbridge_state WHERE name = ?";
        self.first(&tables::STATE, sql, (key.to_string(),))?.map(|row| row.get("value")).transpose()
    }

    /// Sets a single value.
    pub fn set_state(&mut self, key: StateKey, value: i64) -> Result<()> {
        set(&mut self.conn, key, value)
    }

    /// Takes a single value away.
    pub fn clear_state(&mut self, key: StateKey) -> Result<()> {
        clear(&mut self.conn, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_name_of_its_own_that_fits_its_column() {
        use StateKey::*;
        let all = [
            Generation,
            Changing,
            ChangedAt,
            CatchingUp,
            OffSince,
            NftablesSeen,
            RowCost(Driver::Iptables),
            RowCost(Driver::Nftables),
            RowCostAt,
            RootRun,
            Clock,
            ClockDoubted,
            LastSync,
            SyncDistance,
            LockConnection,
            LockProcess,
            ListedNotedOn,
            MetricsAt,
            MetricsPackets(u16::MAX),
            ShareRetryAt,
            WeekSentAt,
            AskedFor(-1),
            AskedFor(i64::MAX),
        ];
        let names: std::collections::BTreeSet<String> = all.iter().map(StateKey::to_string).collect();
        assert_eq!(names.len(), all.len());
        assert!(names.iter().all(|name| name.len() <= 32 && name.is_ascii()), "{names:?}");
        assert_eq!(AskedFor(-1).to_string(), "asked:ffffffffffffffff");
    }
}
