//! Who must get through, as it was last read: a source that cannot be read keeps what it knew, and a name that is
//! not answered keeps its last addresses. "Could not be read" never means "nothing to protect".

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::ban::{Protection, Source};
use crate::system::database::{Result, insert_many};

/// How long a protection of a source that lingers counts after it was last seen, and an address after its name was
/// last answered with it, in seconds. Names of big providers are answered with another few of their addresses each time.
const LINGER: i64 = 86_400;

/// What is seen all the time is noted again after so long, in seconds: a quiet run writes nothing.
const NOTED_AGAIN: i64 = 3_600;

/// How the last reading of a source went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The source.
    pub source: Source,
    /// When it was last read, seconds since 1970.
    pub last_success: Option<i64>,
    /// Why the last reading failed, none when it did not.
    pub last_error: Option<String>,
}

impl Ledger {
    /// All protections as they were last read.
    pub fn protections(&mut self) -> Result<Vec<Protection>> {
        let sql = "SELECT source, prefix, label FROM banbridge_protection";
        let mut rows = self.rows(&tables::PROTECTION, sql, ())?;
        let sql = "SELECT source, prefix, label FROM banbridge_sighting";
        rows.extend(self.rows(&tables::SIGHTING, sql, ())?);
        let mut protections = Vec::new();
        for row in rows {
            if let (Some(source), Some(prefix)) =
                (Source::from_word(row.text("source")?), row.parsed("prefix")?)
            {
                protections.push(Protection { source, prefix, label: row.get("label")? });
            }
        }
        Ok(protections)
    }

    /// Notes what the sources say that were read well, one whose protections are the `known` ones by its time alone. True
    /// where a source says something else than was known.
    pub fn save_sources(
        &mut self,
        read: &[(Source, Vec<Protection>)],
        known: &[Protection],
        now: i64,
    ) -> Result<bool> {
        let noted = self.sightings_noted()?;
        let mut changed = false;
        for (source, found) in read {
            let is_known = |one: &Protection| known.contains(one);
            let of_source = known.iter().filter(|one| one.source == *source);
            let is_same = match source.lingers() {
                true => found.iter().all(is_known),
                false => found.iter().all(is_known) && of_source.clone().all(|one| found.contains(one)),
            };
            let is_due = source.lingers()
                && of_source.count() > 0
                && !noted.get(source.word()).is_some_and(|at| (at..=&(at + NOTED_AGAIN)).contains(&&now));
            if !is_same || is_due {
                self.save_source(*source, found, now)?;
            }
            changed |= !is_same;
        }
        insert_many(
            &mut self.conn,
            "REPLACE INTO banbridge_source (source, last_success, last_error) VALUES",
            "",
            read,
            |(source, _)| vec![source.word().into(), now.into(), mysql::Value::NULL],
        )?;
        Ok(changed)
    }

    /// When what lingers was last noted, by the word of its source.
    fn sightings_noted(&mut self) -> Result<BTreeMap<String, i64>> {
        let sql = "SELECT source, MAX(last_seen) AS noted FROM banbridge_sighting GROUP BY source";
        let mut noted = BTreeMap::new();
        for row in self.rows(&tables::SIGHTING, sql, ())? {
            noted.insert(row.get("source")?, row.get("noted")?);
        }
        Ok(noted)
    }

    /// Replaces what a source protects; where it [lingers](Source::lingers), what was seen within the last day stays.
    /// Only a source that was read forgets: one that fails for a week loses nobody.
    pub fn save_source(&mut self, source: Source, protections: &[Protection], now: i64) -> Result<()> {
        let label = |p: &Protection| p.label.chars().take(191).collect::<String>();
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        if source.lingers() {
            insert_many(
                &mut tx,
                "INSERT INTO banbridge_sighting (source, prefix, label, last_seen) VALUES",
                "ON DUPLICATE KEY UPDATE label = VALUES(label), last_seen = VALUES(last_seen)",
                protections,
                |p| vec![source.word().into(), p.prefix.to_string().into(), label(p).into(), now.into()],
            )?;
            // What a clock that was ahead wrote counts from now on.
            let sql = "UPDATE banbridge_sighting SET last_seen = ? WHERE source = ? AND last_seen > ?";
            tx.exec_drop(sql, (now, source.word(), now))?;
            let sql = "DELETE FROM banbridge_sighting WHERE source = ? AND last_seen < ?";
            tx.exec_drop(sql, (source.word(), now - LINGER))?;
        } else {
            tx.exec_drop("DELETE FROM banbridge_protection WHERE source = ?", (source.word(),))?;
            insert_many(
                &mut tx,
                "INSERT INTO banbridge_protection (source, prefix, label) VALUES",
                "",
                protections,
                |p| vec![source.word().into(), p.prefix.to_string().into(), label(p).into()],
            )?;
        }
        tx.exec_drop(
            "REPLACE INTO banbridge_source (source, last_success, last_error) VALUES (?, ?, NULL)",
            (source.word(), now),
        )?;
        tx.commit()?;
        Ok(())
    }

    /// Notes that a source could not be read; what it protected stays.
    pub fn fail_source(&mut self, source: Source, error: &str) -> Result<()> {
        let error: String = error.chars().take(500).collect();
        self.conn.exec_drop(
            "INSERT INTO banbridge_source (source, last_error) VALUES (?, ?) \
             ON DUPLICATE KEY UPDATE last_error = VALUES(last_error)",
            (source.word(), error),
        )?;
        Ok(())
    }

    /// How the last readings went.
    pub fn sources(&mut self) -> Result<Vec<SourceState>> {
        let sql = "SELECT source, last_success, last_error FROM banbridge_source ORDER BY source";
        let mut states = Vec::new();
        for row in self.rows(&tables::SOURCE, sql, ())? {
            if let Some(source) = Source::from_word(row.text("source")?) {
                let (last_success, last_error) = (row.get("last_success")?, row.get("last_error")?);
                states.push(SourceState { source, last_success, last_error });
            }
        }
        Ok(states)
    }

    /// The last good answer for every name.
    pub fn names(&mut self) -> Result<BTreeMap<String, Vec<IpAddr>>> {
        let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        let mut newest = BTreeMap::new();
        for (name, address, resolved_at) in self.answers()? {
            let newest = newest.entry(name.clone()).or_insert(resolved_at);
            if *newest == resolved_at {
                names.entry(name).or_default().push(address);
            }
        }
        Ok(names)
    }

    /// Every address that a name was answered with within the last day, or last before it was answered no more.
    pub fn names_lately(&mut self) -> Result<BTreeMap<String, Vec<IpAddr>>> {
        let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for (name, address, _) in self.answers()? {
            names.entry(name).or_default().push(address);
        }
        Ok(names)
    }

    /// Every answer that is kept: name, address and when that was; the newest first.
    fn answers(&mut self) -> Result<Vec<(String, IpAddr, i64)>> {
        let sql =
            "SELECT name, address, resolved_at FROM banbridge_name ORDER BY resolved_at DESC, name, address";
        let mut answers = Vec::new();
        for row in self.rows(&tables::NAME, sql, ())? {
            if let Some(address) = row.parsed("address")? {
                answers.push((row.get("name")?, address, row.get("resolved_at")?));
            }
        }
        Ok(answers)
    }

    /// Whether these answers were noted lately, and no name is there that nobody uses.
    fn names_are_known(
        &mut self,
        found: &BTreeMap<String, Vec<IpAddr>>,
        used: &[String],
        now: i64,
    ) -> Result<bool> {
        let answers = self.answers()?;
        if answers.iter().any(|(name, _, _)| !used.contains(name)) {
            return Ok(false);
        }
        Ok(found.iter().all(|(name, addresses)| {
            let of_name = || answers.iter().filter(|(known, _, _)| known == name);
            let Some(newest) = of_name().map(|(_, _, at)| *at).max() else { return addresses.is_empty() };
            let last: BTreeSet<IpAddr> =
                of_name().filter(|(_, _, at)| *at == newest).map(|(_, address, _)| *address).collect();
            (newest..=newest + NOTED_AGAIN).contains(&now) && last == addresses.iter().copied().collect()
        }))
    }

    /// Saves new answers and forgets names that nobody uses. An address stays for a day after its name was last
    /// answered with it, and for ever while the name is not answered at all.
    pub fn save_names(
        &mut self,
        found: &BTreeMap<String, Vec<IpAddr>>,
        used: &[String],
        now: i64,
    ) -> Result<()> {
        if self.names_are_known(found, used, now)? {
            return Ok(());
        }
        let known = self.names_lately()?;
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        let answered = |name: &String| found.get(name).is_some_and(|addresses| !addresses.is_empty());
        for name in known.keys().filter(|name| answered(name)) {
            // Older than the new answer, whatever the clock did meanwhile.
            let sql = "UPDATE banbridge_name SET resolved_at = ? WHERE name = ? AND resolved_at >= ?";
            tx.exec_drop(sql, (now - 1, name, now))?;
        }
        let all: Vec<(&String, &IpAddr)> =
            found.iter().flat_map(|(name, addresses)| addresses.iter().map(move |a| (name, a))).collect();
        insert_many(
            &mut tx,
            "INSERT INTO banbridge_name (name, address, resolved_at) VALUES",
            "ON DUPLICATE KEY UPDATE resolved_at = VALUES(resolved_at)",
            &all,
            |(name, address)| vec![name.as_str().into(), address.to_string().into(), now.into()],
        )?;
        for name in known.keys() {
            if !used.contains(name) {
                tx.exec_drop("DELETE FROM banbridge_name WHERE name = ?", (name,))?;
            } else if answered(name) {
                let sql = "DELETE FROM banbridge_name WHERE name = ? AND resolved_at < ?";
                tx.exec_drop(sql, (name, now - LINGER))?;
            }
        }
        tx.commit()?;
        Ok(())
    }
}
