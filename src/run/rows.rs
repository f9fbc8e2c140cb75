//! Carries the plan out: rows in and out of the firewall's blacklist, and the firewall told to look.

use crate::ledger::StateKey;
use crate::system::failure::Result;
use std::collections::BTreeSet;

use super::report::{Reload, Report};
use super::session::Session;
use crate::ban::ownership::Numbers;
use crate::ban::plan::{Driver, Plan};
use crate::ban::{Cover, Prefix};
use crate::config::Writer;
use crate::pbx::blacklist::{self, Change};
use crate::pbx::firewall;
use crate::system::database::DatabaseError;
use crate::system::fault;

impl Session {
    /// The number of our last change, in the saved state and in the firewall's table.
    pub(super) fn numbers(&mut self) -> Result<Numbers> {
        Ok(self.ledger.numbers(self.saved.rows.generation)?)
    }

    /// No row is to be changed: makes the ledger agree with the rows that are there.
    pub(super) fn sync_ledger_to_rows(&mut self, plan: &Plan) -> Result<()> {
        // Numbers that differ are made one again, or the administrator's next deletion would not be noticed.
        let by_number = self.config.blacklist.writer == Writer::Db;
        if by_number && !self.numbers()?.are_level() {
            return self.write_rows(plan);
        }
        let written = self.ledger.written()?;
        if written.keys != self.saved.rows.ours || !written.changing.is_empty() {
            self.ledger.finish_change(&written.keys, &self.saved.rows.ours, self.clock.now())?;
        }
        Ok(())
    }

    /// Writes the rows into the database and reads them back.
    pub(super) fn write_rows(&mut self, plan: &Plan) -> Result<()> {
        let now = self.clock.now();
        let written = self.ledger.written()?;
        let (unmarked, marked): (Vec<String>, Vec<String>) =
            plan.remove.iter().cloned().partition(|key| written.unmarked.contains(key));
        let change = Change { add: &plan.add, remove: &marked, remove_unmarked: &unmarked };
        let settled = |key: &String| written.keys.contains(key) && !written.changing.contains(key);
        let keep: Vec<String> = plan.rows.iter().map(Prefix::to_string).filter(|key| !settled(key)).collect();
        let numbers = self.numbers()?;
        let generation = self.ledger.begin_change(&keep, &plan.remove, numbers, now)?;
        fault::point("change-begun")?;
        let add_first = self.saved.policy.driver == Driver::Iptables;
        blacklist::write(self.ledger.conn(), &change, generation, add_first)?;
        fault::point("rows-written")?;
        self.saved.look_at_rows(&mut self.ledger)?;
        fault::point("rows-read-back")?;
        let rows = &self.saved.rows;
        let there = |key: &&String| rows.ours.contains(*key) || rows.others.contains(key);
        if let Some(key) = plan.add.iter().find(|key| !there(key)) {
            let what =
                format!("the row {key} was written and is missing; check the table {}", firewall::TABLE);
            return Err(DatabaseError::Other(what).into());
        }
        let written = self.ledger.written()?;
        Ok(self.ledger.finish_change(&written.keys, &rows.ours.clone(), now)?)
    }

    /// One line for each address or network that is newly blocked or let go, as the feeds said it, so that an
    /// administrator finds it with grep also where neighbours were merged into one row.
    pub(super) fn log_changes(&self, before: &BTreeSet<String>) {
        let parse = |keys: &BTreeSet<String>| -> Vec<Prefix> {
            keys.iter().filter_map(|key| key.parse().ok()).collect()
        };
        let (before, after) = (parse(before), parse(&self.saved.rows.ours));
        let (before, after) = (Cover::new(&before), Cover::new(&after));
        let mut told: Vec<Prefix> = Vec::new();
        for entry in &self.saved.entries {
            let feed = self.saved.feed_name(entry.feed).unwrap_or("a removed feed");
            match (before.overlaps(&entry.prefix), after.overlaps(&entry.prefix)) {
                (false, true) => log::info!("blocked {} ({feed})", entry.prefix),
                (true, false) => log::info!("expired: {} ({feed})", entry.prefix),
                _ => continue,
            }
            told.push(entry.prefix);
        }
        // Rows that no entry explains: those of a lost ledger, or what is left of a carved network.
        let told = Cover::new(&told);
        let rest = before.prefixes().into_iter().flat_map(|prefix| after.carve(&prefix));
        for prefix in rest.flat_map(|prefix| told.carve(&prefix)) {
            log::info!("expired: {prefix}");
        }
    }

    /// Whether changed rows wait for the firewall, which was not told yet; the report says so.
    pub(super) fn rows_wait(&mut self, report: &mut Report) -> Result<bool> {
        let now = self.clock.now();
        let Some(changed_at) = self.ledger.state(StateKey::ChangedAt)? else { return Ok(false) };
        let period = i64::try_from(self.saved.firewall.period_s).unwrap_or(30);
        // An earlier run that could not tell it: by now it has looked by itself.
        let looked_since = !report.changed && !(changed_at..=changed_at + period).contains(&now);
        if !looked_since {
            report.reload = Reload::Pending;
        }
        if looked_since || !self.saved.firewall.enabled {
            self.ledger.clear_state(StateKey::ChangedAt)?;
            return Ok(false);
        }
        Ok(true)
    }
}
