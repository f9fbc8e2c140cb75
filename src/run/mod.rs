//! The engine. A run is a value: a front end opens a [`Context`], hands it over, and gets a [`report::Report`] back.
//! Nothing here knows a command line, prints, or keeps anything in the process.
//!
//! Each batch is saved together with the place where its feed goes on, and its rows are written, before the next one
//! is asked for. So a run can be cut off, rate-limited or killed anywhere: what came is blocked, and the next run
//! goes on from there.
//!
//! Root neither talks to the internet nor reads its answers: see [`child`].

pub mod allow;
pub mod ask;
mod attacks;
mod backend;
pub mod backup;
mod blockers;
pub mod boot;
mod change;
pub mod check;
pub mod child;
pub mod clock;
pub mod context;
pub mod coverage;
mod deletions;
pub mod delivery;
mod driver;
pub mod edit_config;
pub mod export;
pub mod feeds;
pub mod fetch;
mod force;
mod fwconsole;
pub mod history;
mod jails;
pub mod kernel_set;
pub mod known_feed;
pub mod list;
pub mod log_file;
pub mod log_lines;
pub mod login;
pub mod notify;
pub mod page;
pub mod permit;
pub mod permit_preview;
pub mod problems;
pub mod protect;
pub mod purge;
mod record;
mod recovery;
pub mod report;
pub mod request;
mod row_cost;
mod rows;
mod session;
mod set;
mod share;
pub mod state;
pub mod status;
pub mod test_feed;
pub mod unblock;
pub mod week;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::{Config, FeedConfig, FeedKind};
use crate::pbx::firewall;
use crate::pbx::jails::Jail;
use crate::run::backend::{Dry, Parent};
pub use crate::run::change::{Applied, apply, change, change_or_leave};
use crate::run::child::{Event, Work};
pub use crate::run::context::{Context, Environment};
use crate::run::report::Report;
use crate::run::session::Session;
use crate::system::child::Child;
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};

/// What a run that asks feeds is to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SyncRequest {
    /// Ask only this feed, also when its interval has not passed.
    pub feed: Option<String>,
    /// Read every list again from its beginning.
    pub full: bool,
    /// Take what a feed asks for although it is suddenly much more, or a list much less, than before.
    pub accept: bool,
    /// Change nothing.
    pub dry_run: bool,
    /// How long the run may wait for rate limits in all; none is as long as it takes.
    pub wait: Option<Duration>,
    /// How many seconds to wait for another run to end.
    #[serde(default)]
    pub wait_for_others: u8,
    /// Ask only the feeds of kind `log`: what is new in the logs takes effect, and no server is asked.
    #[serde(default)]
    pub only_logs: bool,
    /// What fail2ban told root, or why it did not; none where nobody asked.
    #[serde(default)]
    pub jails: Option<Result<Vec<Jail>, String>>,
}

impl SyncRequest {
    /// The feeds that this run asks.
    pub fn choose(&self, config: &Config) -> Result<Vec<FeedConfig>> {
        if self.only_logs {
            let is_log = |feed: &&FeedConfig| matches!(feed.kind, FeedKind::Log(_));
            return Ok(config.enabled().filter(is_log).cloned().collect());
        }
        let Some(name) = &self.feed else { return Ok(config.enabled().cloned().collect()) };
        let feed = config.named(name)?;
        if feed.enabled { Ok(vec![feed.clone()]) } else { Err(config.disabled(name).into()) }
    }
}

/// Asks the feeds and brings rows, firewall and set to what follows.
pub fn sync(mut context: Context, request: &SyncRequest) -> Result<Report> {
    let started = Instant::now();
    let chosen = request.choose(&context.config)?;
    context.ledger.lock_within(request.wait_for_others)?;
    let mut report = match (request.dry_run, context.environment.is_root) {
        (true, true) => {
            let mut report = Report::new(true);
            let asked = jails::with_answers(&context.environment, &context.config, request);
            let child = child::start(&context.environment, &Work::Sync(child::bounded(&asked)))?;
            follow(child, &mut report, |_, _| Ok(()))?;
            report
        }
        (true, false) => dry_run(context, request, &chosen)?,
        (false, is_root) => {
            let recorded = context.begin()?;
            context.ledger.note_sync(context.clock.now())?;
            let backend = backend::of_this_process(is_root, context.config.blacklist.writer);
            let mut session = Session::new(context, backend, request.wait)?;
            let mut report = Report::new(false);
            let worked = match is_root {
                true => work_as_root(&mut session, request, &mut report),
                false => work(&mut session, request, &chosen, &mut report),
            };
            if worked.is_ok() {
                session.complete(&mut report);
            }
            session.record(recorded, &mut report, &worked)?;
            worked?;
            if report.changed_anything() {
                session.call_others()?;
            }
            report
        }
    };
    report.elapsed_ms = millis(started);
    Ok(report)
}

/// The child of a root's run: asks the feeds as the asterisk user, and tells its parent what to look at. The caller
/// has confined this process.
pub fn fetch_as_child(context: Context, request: &SyncRequest) -> Result<()> {
    let chosen = request.choose(&context.config)?;
    let report = match request.dry_run {
        true => dry_run(context, request, &chosen)?,
        false => {
            let mut report = Report::new(false);
            Session::new(context, Box::new(Parent), request.wait)?.fetch(request, &chosen, &mut report)?;
            report
        }
    };
    let exit = report.exit.code();
    child::tell(&Event::Report { report: Box::new(report), exit });
    Ok(())
}

/// The same run over tables that go with this connection, and without a hand on the kernel.
fn dry_run(mut context: Context, request: &SyncRequest, chosen: &[FeedConfig]) -> Result<Report> {
    let outside = context.environment.database()?.connect()?;
    context.ledger.keep_nothing(outside, &[firewall::TABLE])?;
    context.begin()?;
    let mut session = Session::new(context, Box::new(Dry), request.wait)?;
    let mut report = Report::new(true);
    work(&mut session, request, chosen, &mut report)?;
    session.complete(&mut report);
    Ok(report)
}

/// One process does it all.
fn work(
    session: &mut Session,
    request: &SyncRequest,
    chosen: &[FeedConfig],
    report: &mut Report,
) -> Result<()> {
    session.begin_recovery()?;
    session.fetch(request, chosen, report)?;
    session.enforce(report)
}

/// What root put in force counts for so long without looking again.
const STILL_SO: Duration = Duration::from_secs(10);

/// Root lets a child ask, does meanwhile what time and the administrator changed, and makes true what the child saved
/// each time that changed.
fn work_as_root(session: &mut Session, request: &SyncRequest, report: &mut Report) -> Result<()> {
    session.begin_recovery()?;
    session.learn_settings()?;
    let environment = session.environment.clone();
    let asked = jails::with_answers(&environment, &session.config, request);
    let child = child::start(&environment, &Work::Sync(child::bounded(&asked)))?;
    // A doubted clock may be believed by then, and that changes the times of entries.
    let mut is_quiet = session.clock.doubt().is_none();
    let mut looked = None;
    // Rows change when names are resolved anew, so that no row of ours meets one of the administrator's.
    if session.saved.plan(session.clock.now()).changes_nothing() {
        session.follow(report)?;
        looked = Some(Instant::now());
    }
    follow(child, report, |event, report| {
        match event {
            Event::Changed => {
                is_quiet = false;
                session.refresh()?;
                session.follow(report)?;
            }
            Event::Known if looked.is_none() => {
                session.refresh_but_entries()?;
                session.follow(report)?;
                looked = Some(Instant::now());
            }
            Event::Known => {}
            Event::Waiting { text } => session.wait(report, &text)?,
            Event::Progress { text } => session.say(&text),
            Event::Report { .. } => {}
        }
        Ok(())
    })?;
    let is_done = match is_quiet {
        true => session.refresh_but_entries()? && looked.is_some_and(|looked| looked.elapsed() < STILL_SO),
        false => {
            session.refresh()?;
            false
        }
    };
    session.finish(report, is_done)
}

/// What apply does first: where a feed of kind `log` is enabled and a log has something new, a child reads it, and who
/// passed a threshold is blocked by this run.
pub(super) fn read_logs_as_root(session: &mut Session, report: &mut Report) -> Result<()> {
    let request = SyncRequest { only_logs: true, wait: Some(Duration::ZERO), ..SyncRequest::default() };
    if request.choose(&session.config)?.is_empty() || !session.logs_have_grown()? {
        return Ok(());
    }
    let environment = session.environment.clone();
    let child = child::start(&environment, &Work::Sync(request))?;
    let mut of_logs = Report::new(false);
    follow(child, &mut of_logs, |event, _| {
        if matches!(event, Event::Changed) {
            session.refresh()?;
            session.follow(report)?;
        }
        Ok(())
    })?;
    of_logs.warnings.into_iter().for_each(|warning| report.warn(warning));
    for (feed, note) in of_logs.feeds.iter().filter_map(|feed| Some((&feed.name, feed.note.as_ref()?))) {
        log::info!("{feed}: {note}");
    }
    session.refresh()
}

/// Hands on what the child tells; its report is taken over.
fn follow(
    mut child: Child,
    report: &mut Report,
    mut each: impl FnMut(Event, &mut Report) -> Result<()>,
) -> Result<()> {
    let mut told = false;
    while let Some(event) = child.answer()? {
        if let Event::Report { report: of_child, exit } = event {
            report.take_over(*of_child, Exit::from_code(exit));
            told = true;
        } else {
            let changed = matches!(event, Event::Changed);
            each(event, report)?;
            if changed {
                child.go_on();
            }
        }
    }
    match child.finish() {
        _ if told => Ok(()),
        Ok(()) => Err(Failure::bug("the process that asks the feeds ended without a report")),
        Err(error) => Err(error.into()),
    }
}

/// Shows how far a run is, to whoever waits for it.
pub trait Progress {
    /// What goes on now, in words.
    fn say(&self, text: &str);
    /// The waiting is over.
    fn done(&self);
}

/// Nobody waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn done(&self) {}
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
