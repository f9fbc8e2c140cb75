//! Who attacked this PBX: what runs read in Asterisk's logs, by day and attacker, and where reading goes on.
//!
//! Bounded: 90 days, and [`MOST_ATTACKS`] rows of a day and an attacker. Of more, those with the fewest attempts go first,
//! and their attempts are kept as a sum of the hour.

use std::net::IpAddr;

use mysql::prelude::Queryable;
use mysql::{Transaction, TxOpts, Value};

use super::history::{DAY, HOUR, KEPT, begin};
use super::{Ledger, tables};
use crate::system::database::{Result, for_keys, insert_many};
use crate::system::text::one_line;

/// Rows of a day and an attacker at most.
pub const MOST_ATTACKS: u64 = 100_000;
/// Minutes of addresses that feeds of kind `log` count, at most.
const MOST_RECENT: u64 = 100_000;
/// How long those are kept, in seconds: a success counts for a day.
pub const RECENT_KEPT: i64 = DAY;

/// Where reading of a log goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// The log.
    pub path: String,
    /// The file's device.
    pub device: u64,
    /// The file's inode.
    pub inode: u64,
    /// Bytes that were read.
    pub offset: u64,
    /// A hash of the file's first bytes.
    pub head: u64,
    /// How many bytes that are.
    pub head_length: u16,
    /// When reading it began, in seconds since 1970.
    pub since: i64,
    /// What was wrong with it, as it was told.
    pub note: Option<String>,
}

/// The attempts of an attacker on one day. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// When the day began (UTC).
    pub day: i64,
    /// Who.
    pub address: IpAddr,
    /// The first attempt.
    pub first: i64,
    /// The last attempt.
    pub last: i64,
    /// All attempts.
    pub attempts: u64,
    /// Of them: while no feed listed the address.
    pub unlisted: u64,
    /// Of them: while the address was in force as blocked.
    pub leaked: u64,
    /// Log lines about calls, registrations, and other authentications.
    pub lines: [u64; 3],
    /// Whether the address was protected, so no attacker.
    pub protected: bool,
}

/// The attempts of an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttackHour {
    /// When it began.
    pub at: i64,
    /// While a feed listed the attacker.
    pub listed: u64,
    /// While no feed did.
    pub unlisted: u64,
    /// Of those: by attackers that are not counted one by one.
    pub left_out: u64,
}

/// Attempts of a day while a feed listed the attacker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stopped {
    /// When the day began (UTC).
    pub day: i64,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// How many.
    pub stopped: u64,
    /// Of them: while no other feed did.
    pub alone: u64,
}

/// When a feed listed an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFrom {
    /// The attacker.
    pub address: IpAddr,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// From when on.
    pub since: i64,
    /// Until when at least.
    pub until: i64,
}

/// What the logs had of an address in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// Who.
    pub address: IpAddr,
    /// What, by its number: 1 a call, 2 a registration, 3 an authentication, 4 a success.
    pub kind: u8,
    /// When the minute began.
    pub at: i64,
    /// How often.
    pub number: u32,
}

/// What one reading of the logs adds.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Where the next one goes on.
    pub places: Vec<LogPlace>,
    /// Attempts by day and attacker.
    pub attacks: Vec<Attack>,
    /// Attempts by hour.
    pub hours: Vec<AttackHour>,
    /// What each feed would have stopped.
    pub stopped: Vec<Stopped>,
    /// Which feeds list the attackers.
    pub listed: Vec<ListedFrom>,
    /// What feeds of kind `log` count.
    pub recent: Vec<Recent>,
    /// Who succeeded: the begin of the day, the address, and how often.
    pub successes: Vec<(i64, IpAddr, u64)>,
}

/// The sum of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct AttackSum {
    /// Attackers.
    pub attackers: u64,
    /// Of them: with attempts while no feed listed them.
    pub attackers_unlisted: u64,
    /// Their attempts, and those of attackers that are not counted one by one.
    pub attempts: u64,
    /// Of them: while no feed listed the attacker.
    pub unlisted: u64,
    /// Of them: while the attacker was in force as blocked.
    pub leaked: u64,
}

impl Ledger {
    /// Where reading of the logs goes on.
    pub fn log_places(&mut self) -> Result<Vec<LogPlace>> {
        let sql = "SELECT path, device, inode, read_to, head, head_length, since, note FROM banbridge_log";
        let rows = self.rows(&tables::LOG, sql, ())?;
        rows.iter()
            .map(|row| {
                Ok(LogPlace {
                    path: row.get("path")?,
                    device: row.get("device")?,
                    inode: row.get("inode")?,
                    offset: row.get("read_to")?,
                    head: row.get::<i64>("head")?.cast_unsigned(),
                    head_length: row.get("head_length")?,
                    since: row.get("since")?,
                    note: row.get("note")?,
                })
            })
            .collect()
    }

    /// Saves what a reading adds, and where the next goes on, together or not at all.
    pub fn save_attacks(&mut self, news: &News, now: i64) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        insert_many(
            &mut tx,
            "REPLACE INTO banbridge_log (path, device, inode, read_to, head, head_length, since, note) VALUES",
            "",
            &news.places,
            |place| {
                let note = place.note.as_ref().map(|note| one_line(note, 500).into_owned());
                vec![
                    place.path.as_str().into(),
                    place.device.into(),
                    place.inode.into(),
                    place.offset.into(),
                    place.head.cast_signed().into(),
                    place.head_length.into(),
                    place.since.into(),
                    note.into(),
                ]
            },
        )?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_attack (day, address, first_at, last_at, attempts, unlisted, leaked, calls, \
             registrations, authentications, protected) VALUES",
            "ON DUPLICATE KEY UPDATE first_at = LEAST(first_at, VALUES(first_at)), \
             last_at = GREATEST(last_at, VALUES(last_at)), attempts = attempts + VALUES(attempts), \
             unlisted = unlisted + VALUES(unlisted), leaked = leaked + VALUES(leaked), calls = calls + VALUES(calls), \
             registrations = registrations + VALUES(registrations), \
             authentications = authentications + VALUES(authentications), protected = VALUES(protected)",
            &news.attacks,
            |one| {
                let address = one.address.to_string();
                let numbers = [one.attempts, one.unlisted, one.leaked].into_iter().chain(one.lines);
                let times = [one.first, one.last].map(Value::from);
                let mut values: Vec<Value> = vec![one.day.into(), address.into()];
                values.extend(times.into_iter().chain(numbers.map(Value::from)));
                values.push(u8::from(one.protected).into());
                values
            },
        )?;
        save_hours(&mut tx, &news.hours)?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_attack_stop (day, feed_id, stopped, alone) VALUES",
            "ON DUPLICATE KEY UPDATE stopped = stopped + VALUES(stopped), alone = alone + VALUES(alone)",
            &news.stopped,
            |one| vec![one.day.into(), one.feed.into(), one.stopped.into(), one.alone.into()],
        )?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_attack_feed (address, feed_id, since, until) VALUES",
            "ON DUPLICATE KEY UPDATE since = LEAST(since, VALUES(since)), until = GREATEST(until, VALUES(until))",
            &news.listed,
            |one| vec![one.address.to_string().into(), one.feed.into(), one.since.into(), one.until.into()],
        )?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_recent (address, kind, at, number) VALUES",
            "ON DUPLICATE KEY UPDATE number = number + VALUES(number)",
            &news.recent,
            |one| vec![one.address.to_string().into(), one.kind.into(), one.at.into(), one.number.into()],
        )?;
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_success (day, address, number) VALUES",
            "ON DUPLICATE KEY UPDATE number = number + VALUES(number)",
            &news.successes,
            |(day, address, number)| vec![(*day).into(), address.to_string().into(), (*number).into()],
        )?;
        if !news.recent.is_empty() {
            tx.exec_drop("DELETE FROM banbridge_recent WHERE at < ?", (now - RECENT_KEPT,))?;
            let all: Option<u64> = tx.query_first("SELECT COUNT(*) FROM banbridge_recent")?;
            let excess = all.unwrap_or(0).saturating_sub(MOST_RECENT);
            if excess > 0 {
                let sql = "DELETE FROM banbridge_recent WHERE kind < 4 ORDER BY number, at LIMIT ?";
                tx.exec_drop(sql, (excess,))?;
            }
        }
        if !news.attacks.is_empty() {
            bound(&mut tx)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Takes away what is older than is kept.
    pub(super) fn forget_attacks(&mut self, now: i64) -> Result<()> {
        let oldest = now - KEPT;
        for sql in [
            "DELETE FROM banbridge_attack WHERE day < ?",
            "DELETE FROM banbridge_attack_hour WHERE at < ?",
            "DELETE FROM banbridge_outside_hour WHERE at < ?",
            "DELETE FROM banbridge_success WHERE day < ?",
            "DELETE FROM banbridge_attack_stop WHERE day < ?",
            "DELETE FROM banbridge_attack_feed WHERE until < ?",
            "DELETE FROM banbridge_offender WHERE banned_at < ?",
        ] {
            self.conn.exec_drop(sql, (oldest,))?;
        }
        self.conn.exec_drop("DELETE FROM banbridge_recent WHERE at < ?", (now - RECENT_KEPT,))?;
        Ok(self.conn.exec_drop("DELETE FROM banbridge_shared WHERE until < ?", (now - DAY,))?)
    }

    /// The attackers of a time, by address. The days of its first and last attempt count whole.
    pub fn attacks(&mut self, from: i64, until: i64) -> Result<Vec<Attack>> {
        let sql = "SELECT address, MIN(first_at) AS first_at, MAX(last_at) AS last_at, SUM(attempts) AS attempts, \
             SUM(unlisted) AS unlisted, SUM(leaked) AS leaked, SUM(calls) AS calls, \
             SUM(registrations) AS registrations, SUM(authentications) AS authentications, \
             MAX(protected) AS protected \
             FROM banbridge_attack WHERE day >= ? AND last_at >= ? AND first_at < ? GROUP BY address";
        let day = begin(from.max(0), DAY);
        let rows = self.rows(&tables::ATTACK, sql, (day, from, until))?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push(Attack {
                day,
                address,
                first: row.get("first_at")?,
                last: row.get("last_at")?,
                attempts: row.get("attempts")?,
                unlisted: row.get("unlisted")?,
                leaked: row.get("leaked")?,
                lines: [row.get("calls")?, row.get("registrations")?, row.get("authentications")?],
                protected: row.get::<u8>("protected")? != 0,
            });
        }
        Ok(all)
    }

    /// The attempts of a time by the hour.
    pub fn attack_hours(&mut self, from: i64, until: i64) -> Result<Vec<AttackHour>> {
        let sql = "SELECT at, listed, unlisted, left_out FROM banbridge_attack_hour WHERE at >= ? AND at < ? ORDER BY at";
        let rows = self.rows(&tables::ATTACK_HOUR, sql, (begin(from.max(0), HOUR), until))?;
        let hour = |row: &crate::system::database::Record| {
            Ok(AttackHour {
                at: row.get("at")?,
                listed: row.get("listed")?,
                unlisted: row.get("unlisted")?,
                left_out: row.get("left_out")?,
            })
        };
        rows.iter().map(hour).collect()
    }

    /// What each feed would have stopped in a time; its first and last day count whole.
    pub fn attacks_stopped(&mut self, from: i64, until: i64) -> Result<Vec<Stopped>> {
        let sql = "SELECT feed_id, SUM(stopped) AS stopped, SUM(alone) AS alone FROM banbridge_attack_stop \
             WHERE day >= ? AND day < ? GROUP BY feed_id";
        let day = begin(from.max(0), DAY);
        let rows = self.rows(&tables::ATTACK_STOP, sql, (day, until))?;
        let one = |row: &crate::system::database::Record| {
            let (stopped, alone) = (row.get("stopped")?, row.get("alone")?);
            Ok(Stopped { day, feed: row.get("feed_id")?, stopped, alone })
        };
        rows.iter().map(one).collect()
    }

    /// Who leaked since a time: the address, how often, and when last, the most often first.
    pub fn leaks(&mut self, since: i64) -> Result<Vec<(IpAddr, u64, i64)>> {
        let sql = "SELECT address, SUM(leaked) AS leaked, MAX(last_at) AS last_at FROM banbridge_attack \
             WHERE day >= ? AND leaked > 0 AND last_at >= ? AND protected = 0 GROUP BY address \
             ORDER BY leaked DESC, address LIMIT 100";
        let rows = self.rows(&tables::ATTACK, sql, (begin(since, DAY), since))?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push((address, row.get("leaked")?, row.get("last_at")?));
        }
        Ok(all)
    }

    /// When feeds listed attackers, as far as it was noted.
    pub fn listed_from(&mut self) -> Result<Vec<ListedFrom>> {
        let sql = "SELECT address, feed_id, since, until FROM banbridge_attack_feed";
        let rows = self.rows(&tables::ATTACK_FEED, sql, ())?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            let (feed, since, until) = (row.get("feed_id")?, row.get("since")?, row.get("until")?);
            all.push(ListedFrom { address, feed, since, until });
        }
        Ok(all)
    }

    /// The sum of a time, quickly.
    pub fn attack_sum(&mut self, from: i64) -> Result<AttackSum> {
        let sql = "SELECT COUNT(DISTINCT address) AS attackers, \
             COUNT(DISTINCT IF(unlisted > 0, address, NULL)) AS attackers_unlisted, \
             COALESCE(SUM(leaked), 0) AS leaked \
             FROM banbridge_attack WHERE day >= ? AND last_at >= ? AND protected = 0";
        let Some(row) = self.first(&tables::ATTACK, sql, (begin(from, DAY), from))? else {
            return Ok(AttackSum::default());
        };
        let mut sum = AttackSum {
            attackers: row.get("attackers")?,
            attackers_unlisted: row.get("attackers_unlisted")?,
            leaked: row.get("leaked")?,
            ..AttackSum::default()
        };
        let sql = "SELECT COALESCE(SUM(listed + unlisted), 0) AS attempts, COALESCE(SUM(unlisted), 0) AS unlisted \
             FROM banbridge_attack_hour WHERE at >= ?";
        if let Some(row) = self.first(&tables::ATTACK_HOUR, sql, (begin(from, HOUR),))? {
            (sum.attempts, sum.unlisted) = (row.get("attempts")?, row.get("unlisted")?);
        }
        Ok(sum)
    }

    /// What the logs had lately, since a time.
    pub fn recent(&mut self, since: i64) -> Result<Vec<Recent>> {
        let sql = "SELECT address, kind, at, number FROM banbridge_recent WHERE at >= ?";
        let rows = self.rows(&tables::RECENT, sql, (since,))?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push(Recent {
                address,
                kind: row.get("kind")?,
                at: row.get("at")?,
                number: row.get("number")?,
            });
        }
        Ok(all)
    }

    /// Who succeeded since a time, and how often.
    pub fn successes(&mut self, since: i64) -> Result<Vec<(IpAddr, u64)>> {
        let sql =
            "SELECT address, SUM(number) AS number FROM banbridge_success WHERE day >= ? GROUP BY address";
        let rows = self.rows(&tables::SUCCESS, sql, (begin(since, DAY),))?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push((address, row.get("number")?));
        }
        Ok(all)
    }

    /// How often a feed banned each address, and when last.
    pub fn offenders(&mut self, feed: u16) -> Result<Vec<(IpAddr, u32, i64)>> {
        let sql = "SELECT address, bans, banned_at FROM banbridge_offender WHERE feed_id = ?";
        let rows = self.rows(&tables::OFFENDER, sql, (feed,))?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push((address, row.get("bans")?, row.get("banned_at")?));
        }
        Ok(all)
    }

    /// Until when the decisions last that were given to CrowdSec, by address.
    pub fn shared(&mut self) -> Result<Vec<(IpAddr, i64)>> {
        let rows = self.rows(&tables::SHARED, "SELECT address, until FROM banbridge_shared", ())?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(address) = row.parsed("address")? else { continue };
            all.push((address, row.get("until")?));
        }
        Ok(all)
    }

    /// Notes what was given to CrowdSec.
    pub fn note_shared(&mut self, shared: &[(IpAddr, i64)]) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        insert_many(&mut tx, "REPLACE INTO banbridge_shared (address, until) VALUES", "", shared, |one| {
            vec![one.0.to_string().into(), one.1.into()]
        })?;
        tx.commit()?;
        Ok(())
    }
}

/// Notes how often a feed banned addresses, for the transaction that saves the bans.
pub(super) fn save_offenders(
    tx: &mut Transaction<'_>,
    feed: u16,
    bans: &[(IpAddr, u32)],
    now: i64,
) -> Result<()> {
    insert_many(
        tx,
        "REPLACE INTO banbridge_offender (feed_id, address, bans, banned_at) VALUES",
        "",
        bans,
        |(address, bans)| vec![feed.into(), address.to_string().into(), (*bans).into(), now.into()],
    )
}

fn save_hours(tx: &mut Transaction<'_>, hours: &[AttackHour]) -> Result<()> {
    insert_many(
        tx,
        "INSERT INTO banbridge_attack_hour (at, listed, unlisted, left_out) VALUES",
        "ON DUPLICATE KEY UPDATE listed = listed + VALUES(listed), unlisted = unlisted + VALUES(unlisted), \
         left_out = left_out + VALUES(left_out)",
        hours,
        |hour| vec![hour.at.into(), hour.listed.into(), hour.unlisted.into(), hour.left_out.into()],
    )
}

/// Keeps the table of attackers bounded. What goes is left in the sum of its day's first hour.
fn bound(tx: &mut Transaction<'_>) -> Result<()> {
    let all: Option<u64> = tx.query_first("SELECT COUNT(*) FROM banbridge_attack")?;
    let excess = all.unwrap_or(0).saturating_sub(MOST_ATTACKS);
    if excess == 0 {
        return Ok(());
    }
    let sql = "SELECT day, address, attempts FROM banbridge_attack ORDER BY attempts, last_at LIMIT ?";
    let rows = tables::ATTACK.rows(tx, sql, (excess,))?;
    let mut days: std::collections::BTreeMap<i64, (u64, Vec<String>)> = std::collections::BTreeMap::new();
    for row in &rows {
        let day = days.entry(row.get("day")?).or_default();
        day.0 += row.get::<u64>("attempts")?;
        day.1.push(row.get("address")?);
    }
    for (day, (attempts, addresses)) in days {
        for_keys(tx, "DELETE FROM banbridge_attack WHERE day = ? AND address IN", &[day.into()], &addresses)?;
        save_hours(tx, &[AttackHour { at: day, left_out: attempts, ..AttackHour::default() }])?;
    }
    Ok(())
}
