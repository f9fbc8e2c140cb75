//! Notes which problems stand as a run ends, and has those told who asked for it.
//!
//! Telling is the work of a child of its own, which is not root: the webhook's address and the command's path stand in
//! a file that asterisk can write. It takes what is to be told from the ledger and notes there what became of it.

use super::child::{self, Work};
use super::report::Report;
use super::session::Session;
use crate::config::{COMMAND, WEBHOOK};
use crate::ledger::problems::{Notified, Recorded};
use crate::ledger::{Ledger, StateKey};
use crate::run::Environment;
use crate::run::context::NOTIFY_UNIT;
use crate::run::delivery::{self, Message, PATIENCE};
use crate::run::problems::{self, Circumstances};
use crate::run::week::{self, WEEK};
use crate::system::child::{limit, say};
use crate::system::failure::Result;
use crate::system::program::{Programs, run_theirs};
use crate::system::{fault, machine};

impl Session {
    /// Notes the problems of this moment, and has others told of what changed. That this fails is said and no more.
    pub(super) fn record_problems(&mut self, report: &mut Report) -> Result<()> {
        let around = Circumstances {
            last_run: Some(self.clock.now()),
            service: report.firewall.service,
            by_rules: report.firewall.rules,
            over_limit: report.blacklist.over_limit,
            by_set: self.ledger.set_found()?.is_some_and(|set| set.backend.is_some()),
            doubt: self.clock.doubt().map(str::to_owned),
        };
        let stand = problems::decide(&self.config, &self.saved, &mut self.ledger, &around, self.clock.now())?;
        self.ledger.note(&stand, self.clock.now())?;
        fault::point("problems-recorded")?;
        let ways = self.config.notify.ways();
        let mut any = false;
        for way in &ways {
            any |= !self.ledger.to_notify(way)?.is_empty();
        }
        let now = self.clock.now();
        if self.config.notify.weekly && !ways.is_empty() {
            match self.ledger.state(StateKey::WeekSentAt)? {
                // The first week has to pass; and a clock that was ahead is no reason to wait for it.
                None => self.ledger.set_state(StateKey::WeekSentAt, now)?,
                Some(last) => any |= !(last..last + WEEK).contains(&now),
            }
        }
        let by_unit =
            any && self.environment.tells_by_unit && self.environment.is_root && self.start_unit(report);
        if any && !by_unit {
            match child::ask::<String>(&self.environment, &Work::Notify) {
                Ok(complaints) => complaints.into_iter().for_each(|complaint| report.warn(complaint)),
                Err(error) => report.warn(format!("Could not send notifications: {error:#}")),
            }
        }
        Ok(self.ledger.forget_over(&ways)?)
    }

    /// Starts the unit that tells. Where that cannot be, the run does it as well as its own unit lets it.
    fn start_unit(&self, report: &mut Report) -> bool {
        let words = ["--no-block", "start", NOTIFY_UNIT];
        match self.environment.programs.demand("systemctl", &words, Vec::new()) {
            Ok(_) => true,
            Err(error) => {
                report.warn(format!("Could not start {NOTIFY_UNIT}: {error}"));
                false
            }
        }
    }
}

/// The child: tells each way what is to be told, and notes what became of it. Not for people.
pub fn run_child(environment: &Environment) -> Result<()> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let week = match (config.notify.weekly, ledger.state(StateKey::WeekSentAt)?) {
        (true, Some(last)) if !(last..last + WEEK).contains(&now) => {
            let week = week::week(environment, true).or_else(|_| week::week(environment, false));
            week.ok().map(|week| Message::of_text(&week.text(), &machine::host_name(), now))
        }
        _ => None,
    };
    if week.is_some() {
        // Once, whatever becomes of it: next week's says the same of next week.
        ledger.set_state(StateKey::WeekSentAt, now)?;
    }
    // First the administrator's own program: it may need what this process then gives up, such as to send mail.
    if let Some(program) = &config.notify.command {
        let run = |json: String| {
            run_theirs(&program.0, json.into_bytes(), PATIENCE).map_err(|error| error.to_string())
        };
        if let Some(message) = &week {
            complain(COMMAND, run(message.json()));
        }
        tell(&mut ledger, COMMAND, now, run)?;
    }
    limit()?;
    if let Some(webhook) = &config.notify.webhook {
        let post = |json| delivery::post(webhook, json, &config.network.proxy);
        if let Some(message) = &week {
            complain(WEBHOOK, post(message.json()));
        }
        tell(&mut ledger, WEBHOOK, now, post)?;
    }
    Ok(())
}

/// Tells the parent that the weekly summary was not taken.
fn complain(way: &str, delivered: Result<(), String>) {
    if let Err(why) = delivered {
        say(&format!("[notify] {way}: {why}; this week's summary is in: banbridge coverage --week"));
    }
}

/// Tells one way, and the parent what went wrong with it.
fn tell(
    ledger: &mut Ledger,
    way: &str,
    now: i64,
    deliver: impl FnOnce(String) -> Result<(), String>,
) -> Result<()> {
    let due: Vec<(Recorded, Notified)> = ledger.to_notify(way)?;
    if due.is_empty() {
        return Ok(());
    }
    let message = Message::new(due.iter().map(|(recorded, _)| recorded), &machine::host_name(), now);
    let delivered = deliver(message.json());
    ledger.record_notified(way, &due, delivered.is_ok())?;
    if let Err(why) = delivered {
        say(&format!("[notify] {way}: {why}; the next run tries again"));
    }
    Ok(())
}
