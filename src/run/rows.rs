//! Carries the plan out: rows in and out of the firewall's blacklist, and the firewall told to look.

use crate::system::failure::Result;
use std::collections::BTreeSet;

use super::child::tell_and_wait;
use super::report::{Reload, Report};
use super::session::{Role, Session};
use crate::ban::plan::{Driver, Plan, taken_out_by_hand};
use crate::ban::{Cover, Prefix};
use crate::config::Writer;
use crate::ledger::StateKey;
use crate::pbx::blacklist::{self, Change};
use crate::pbx::{daemon, firewall, freepbx_conf, fwconsole};
use crate::system::database::DatabaseError;
use crate::system::exit::Exit;
use crate::system::fault;
use crate::system::program::System;
use crate::system::text::count;

impl Session {
    /// When the ledger is new, or older than the blacklist: keeps the rows that it knows nothing of until the feeds
    /// were read again.
    pub(super) fn catch_up_if_lost(&mut self) -> Result<()> {
        let ours = self.ledger.state(StateKey::Generation)?.unwrap_or(0);
        let table = self.picture.rows.generation.unwrap_or(0);
        let lost = table > ours || (ours == 0 && !self.picture.rows.ours.is_empty());
        if self.is_dry() {
            self.picture.catching_up |= lost;
            return Ok(());
        }
        if lost && self.ledger.state(StateKey::Changing)?.is_none() {
            log::info!(
                "the ledger is new or older than the blacklist: our rows stay until the feeds were read again"
            );
            let now = self.clock.now();
            self.ledger.set_state(StateKey::CatchingUp, now)?;
            // The next change is counted from here, so that this is noticed once.
            self.ledger.set_state(StateKey::Generation, table.max(1))?;
            self.ledger.all_incomplete()?;
            for state in &mut self.picture.feeds {
                state.complete = false;
            }
            self.picture.catching_up = true;
        }
        Ok(())
    }

    /// When every feed is complete: what no feed asks for goes.
    pub(super) fn settle(&mut self) -> Result<()> {
        let enabled = self.config.feed.iter().zip(&self.picture.feeds).filter(|(config, _)| config.enabled);
        let complete = enabled.clone().count() > 0 && enabled.clone().all(|(_, state)| state.complete);
        if self.picture.catching_up && complete {
            self.picture.catching_up = false;
            if !self.is_dry() {
                self.ledger.clear_state(StateKey::CatchingUp)?;
            }
        }
        Ok(())
    }

    /// Takes what a feed asks for, however much it is.
    pub(super) fn accept(&mut self, name: &str) -> Result<()> {
        let Some(state) = self.picture.feeds.iter_mut().find(|state| state.name == name) else {
            return Ok(());
        };
        (state.base_size, state.held_since, state.last_error) = (None, None, None);
        let id = state.id;
        self.picture.hold(name);
        if !self.is_dry() {
            self.ledger.accept(id)?;
        }
        Ok(())
    }

    /// Starts a feed over.
    pub(super) fn start_over(&mut self, name: &str) -> Result<()> {
        let Some(state) = self.picture.feeds.iter_mut().find(|state| state.name == name) else {
            return Ok(());
        };
        state.cursor = None;
        state.complete = false;
        let id = state.id;
        if !self.is_dry() {
            self.ledger.start_over(id)?;
        }
        Ok(())
    }

    /// Brings the rows up to date with what is known now. In a dry run only the picture changes.
    pub(super) fn apply(&mut self, report: &mut Report) -> Result<()> {
        if self.role == Role::Fetcher {
            // The parent writes the rows.
            return tell_and_wait();
        }
        let now = self.clock.now();
        if !self.is_dry() {
            self.picture.look_at_rows(&mut self.ledger)?;
        }
        fault::point("rows-looked-at")?;
        self.notice_the_administrators_hand(now)?;
        fault::point("hand-noticed")?;
        let plan = self.picture.plan(now);
        self.bring_set(&plan, report)?;
        report.blacklist.over_limit = plan.over_limit;
        report.blacklist.not_by_row = plan.not_by_row;
        report.blacklist.protected = plan.refused.len();
        report.blacklist.to_block = plan.wanted_prefixes;
        if self.is_dry() {
            self.show(&plan, report);
            return Ok(());
        }
        let writer = self.config.blacklist.writer;
        let by_root = self.environment.is_root && writer == Writer::Db;
        if plan.changes_nothing() {
            self.agree_on_what_is_there(&plan, now)?;
            // Rows that another user wrote, or a chain that somebody changed.
            return if by_root { self.write_and_force(&plan, report, now) } else { Ok(()) };
        }
        let before = self.picture.rows.ours.clone();
        match writer {
            Writer::Db if by_root => self.write_and_force(&plan, report, now)?,
            Writer::Db => self.write_rows(&plan, now)?,
            Writer::Fwconsole => self.write_by_fwconsole(&plan, report, now)?,
        }
        fault::point("change-finished")?;
        self.log_changes(&before);
        report.changed = true;
        Ok(())
    }

    /// No row is to be changed: makes the ledger agree with the rows that are there.
    fn agree_on_what_is_there(&mut self, plan: &Plan, now: i64) -> Result<()> {
        // Numbers that differ are made one again, or the administrator's next deletion would not be noticed.
        let by_number = self.config.blacklist.writer == Writer::Db;
        if by_number && !self.ledger.is_level(self.picture.rows.generation)? {
            return self.write_rows(plan, now);
        }
        let written = self.ledger.written()?;
        if written.keys != self.picture.rows.ours || !written.changing.is_empty() {
            self.ledger.finish_change(&written.keys, &self.picture.rows.ours, now)?;
        }
        Ok(())
    }

    /// Writes the rows into the database and reads them back.
    pub(super) fn write_rows(&mut self, plan: &Plan, now: i64) -> Result<()> {
        let written = self.ledger.written()?;
        let (unmarked, marked): (Vec<String>, Vec<String>) =
            plan.remove.iter().cloned().partition(|key| written.unmarked.contains(key));
        let change = Change { add: &plan.add, remove: &marked, remove_unmarked: &unmarked };
        let settled = |key: &String| written.keys.contains(key) && !written.changing.contains(key);
        let keep: Vec<String> = plan.rows.iter().map(Prefix::to_string).filter(|key| !settled(key)).collect();
        let generation = self.ledger.begin_change(&keep, &plan.remove, self.picture.rows.generation, now)?;
        fault::point("change-begun")?;
        let add_first = self.picture.policy.driver == Driver::Iptables;
        blacklist::write(self.ledger.conn(), &change, generation, add_first)?;
        fault::point("rows-written")?;
        self.picture.look_at_rows(&mut self.ledger)?;
        fault::point("rows-read-back")?;
        let rows = &self.picture.rows;
        let there = |key: &&String| rows.ours.contains(*key) || rows.foreign.contains(key);
        if let Some(key) = plan.add.iter().find(|key| !there(key)) {
            let what =
                format!("the row {key} was written and is not there; look at the table {}", firewall::TABLE);
            return Err(DatabaseError::Other(what).into());
        }
        let written = self.ledger.written()?;
        Ok(self.ledger.finish_change(&written.keys, &rows.ours.clone(), now)?)
    }

    /// Has fwconsole write the rows, as asterisk, and reads them back. What it does not take is said, and does not
    /// keep the others from being written.
    fn write_by_fwconsole(&mut self, plan: &Plan, report: &mut Report, now: i64) -> Result<()> {
        let user = if self.environment.is_root {
            Some(freepbx_conf::owner(&self.environment.freepbx_conf)?)
        } else {
            None
        };
        let programs = System { user, ..System::for_slow_programs() };
        self.ledger.begin_unmarked(&plan.add, &plan.remove, now)?;
        fault::point("fwconsole-begun")?;
        let mut failed = Vec::new();
        // As in the database: never a moment without cover here, never one with an overlap there.
        let add_first = self.picture.policy.driver == Driver::Iptables;
        for verb in if add_first { ["add", "del"] } else { ["del", "add"] } {
            let keys = if verb == "add" { &plan.add } else { &plan.remove };
            failed.extend(fwconsole::change(&programs, verb, keys));
            fault::point("fwconsole-ran")?;
        }
        self.picture.look_at_rows(&mut self.ledger)?;
        let ours = self.picture.rows.ours.clone();
        for one in &failed {
            report.warn(format!("fwconsole did not take {}: {}", one.key, one.why));
        }
        let undone = plan.add.iter().filter(|key| !ours.contains(*key)).count()
            + plan.remove.iter().filter(|key| ours.contains(*key)).count();
        if undone > 0 {
            report
                .warn(format!("{} not changed by fwconsole; the next run tries again", count(undone, "row")));
            report.exit = report.exit.worse(Exit::Unreachable);
        }
        let written = self.ledger.written()?;
        Ok(self.ledger.finish_change(&written.keys, &ours, now)?)
    }

    /// In a dry run: what would be there afterwards.
    fn show(&mut self, plan: &Plan, report: &mut Report) {
        for key in &plan.remove {
            self.picture.rows.ours.remove(key);
        }
        self.picture.rows.ours.extend(plan.add.iter().cloned());
        self.picture.present.ours.clone_from(&self.picture.rows.ours);
        let before = &self.before;
        report.plan_add = self.picture.rows.ours.difference(before).cloned().collect();
        report.plan_remove = before.difference(&self.picture.rows.ours).cloned().collect();
        report.changed = !report.plan_add.is_empty() || !report.plan_remove.is_empty();
    }

    /// Rows of ours that are gone were taken out by the administrator, and stay out.
    fn notice_the_administrators_hand(&mut self, now: i64) -> Result<()> {
        let written = self.ledger.written()?;
        // What a run was writing or taking away when it ended is nobody's hand, unless it is known to have been there.
        let settled: BTreeSet<String> = match self.config.blacklist.writer {
            Writer::Db if self.ledger.is_level(self.picture.rows.generation)? => {
                written.keys.difference(&(&written.unmarked & &written.changing)).cloned().collect()
            }
            _ => written.keys.difference(&written.changing).cloned().collect(),
        };
        let follows = match self.config.blacklist.writer {
            Writer::Db => self.ledger.follows(self.picture.rows.generation)?,
            // No number goes through fwconsole: when most rows are gone at once, the table was restored or emptied.
            Writer::Fwconsole => {
                settled.difference(&self.picture.rows.ours).count() <= settled.len() / 2 + 20
            }
        };
        if !follows {
            return Ok(());
        }
        let gone = match self.is_dry() {
            // The picture already holds what would be written.
            true => taken_out_by_hand(
                &settled,
                &crate::ban::plan::Present {
                    ours: self.before.clone(),
                    foreign: self.picture.present.foreign.clone(),
                },
            ),
            false => taken_out_by_hand(&settled, &self.picture.present),
        };
        if gone.is_empty() {
            return Ok(());
        }
        let until = now + self.config.protect.unblock.as_secs();
        if !self.is_dry() {
            for prefix in &gone {
                log::info!(
                    "released {prefix}: an administrator took it out; it stays out until {}",
                    crate::system::time::Time(until)
                );
            }
            self.ledger.release_deleted(&gone, now, until)?;
            self.picture.releases = self.ledger.releases(now)?;
        } else {
            let known: Vec<Prefix> = self.picture.releases.iter().map(|release| release.prefix).collect();
            let new = gone.into_iter().filter(|prefix| !known.contains(prefix));
            let release = |prefix| crate::ledger::rows::Release { prefix, since: now, until };
            self.picture.releases.extend(new.map(release));
        }
        Ok(())
    }

    /// One line for each address or network that is newly blocked or let go, as the feeds said it, so that an
    /// administrator finds it with grep also where neighbours were merged into one row.
    fn log_changes(&self, before: &BTreeSet<String>) {
        let parse = |keys: &BTreeSet<String>| -> Vec<Prefix> {
            keys.iter().filter_map(|key| key.parse().ok()).collect()
        };
        let (before, after) = (parse(before), parse(&self.picture.rows.ours));
        let (before, after) = (Cover::new(&before), Cover::new(&after));
        let mut told: Vec<Prefix> = Vec::new();
        for entry in &self.picture.entries {
            let feed = self.picture.feed_name(entry.feed).unwrap_or("a feed that is no longer configured");
            match (before.overlaps(&entry.prefix), after.overlaps(&entry.prefix)) {
                (false, true) => log::info!("blocked {} ({feed})", entry.prefix),
                (true, false) => log::info!("let go {} ({feed})", entry.prefix),
                _ => continue,
            }
            told.push(entry.prefix);
        }
        // Rows that no entry explains: those of a lost ledger, or what is left of a carved network.
        let told = Cover::new(&told);
        let rest = before.prefixes().into_iter().flat_map(|prefix| after.carve(&prefix));
        for prefix in rest.flat_map(|prefix| told.carve(&prefix)) {
            log::info!("let go {prefix}");
        }
    }

    /// Has the firewall take the rows up, when they were changed and it was not told yet.
    pub(super) fn reload(&mut self, report: &mut Report) -> Result<()> {
        if self.role != Role::Whole {
            return Ok(());
        }
        let now = self.clock.now();
        let Some(changed_at) = self.ledger.state(StateKey::ChangedAt)? else { return Ok(()) };
        let period = i64::try_from(self.picture.firewall.period_s).unwrap_or(30);
        // An earlier run that could not tell it: by now it has looked by itself.
        let looked_since = !report.changed && !(changed_at..=changed_at + period).contains(&now);
        if looked_since {
            self.ledger.clear_state(StateKey::ChangedAt)?;
            return Ok(());
        }
        report.reload = Reload::Pending;
        if !self.picture.firewall.enabled {
            self.ledger.clear_state(StateKey::ChangedAt)?;
            return Ok(());
        }
        if !self.environment.is_root {
            return Ok(());
        }
        if let Some(daemon) = daemon::find().filter(|_| daemon::is_running(&self.run_dir)) {
            match daemon.hup() {
                Ok(()) => report.reload = Reload::Hup,
                Err(error) => {
                    report.warn(format!("the firewall's daemon could not be told to look: {error}"))
                }
            }
        }
        self.ledger.clear_state(StateKey::ChangedAt)?;
        Ok(())
    }
}
