//! The engine. A run is a value: a front end opens a [`Context`], hands it over, and gets a [`report::Report`] back.
//! Nothing here knows a command line, prints, or keeps anything in the process.
//!
//! Each batch is saved together with the place where its feed goes on, and its rows are written, before the next one
//! is asked for. So a run can be cut off, rate-limited or killed anywhere: what came is blocked, and the next run
//! goes on from there.
//!
//! Root neither talks to the internet nor reads its answers: see [`child`].

pub mod child;
pub mod clock;
pub mod context;
pub mod delivery;
pub mod fetch;
mod force;
pub mod kernel_set;
pub mod notify;
pub mod problems;
pub mod protect;
pub mod report;
pub mod request;
mod rows;
mod session;
mod set;
pub mod state;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::{Config, FeedConfig};
use crate::ledger::Ledger;
use crate::run::child::{Child, Event};
pub use crate::run::context::{Context, Environment};
use crate::run::report::Report;
use crate::run::session::{CHANGE_WAITS, Patience, Role, Session};
use crate::system::exit::Exit;
use crate::system::failure::Result;

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
}

impl SyncRequest {
    /// The feeds that this run asks.
    pub fn choose(&self, config: &Config) -> Result<Vec<FeedConfig>> {
        let Some(name) = &self.feed else { return Ok(config.enabled().cloned().collect()) };
        let feed = config.named(name)?;
        if feed.enabled { Ok(vec![feed.clone()]) } else { Err(config.disabled(name).into()) }
    }
}

/// Asks the feeds and brings rows, firewall and set to what follows.
pub fn sync(mut context: Context, request: &SyncRequest) -> Result<Report> {
    let started = Instant::now();
    let chosen = request.choose(&context.config)?;
    context.ledger.lock()?;
    let mut report = Report::new(request.dry_run);
    if request.dry_run {
        if context.environment.is_root {
            follow(&context.environment, request, &mut report, |_, _| Ok(()))?;
        } else {
            let mut session = Session::new(context, Role::DryRun, Patience(request.wait))?;
            session.fetch(request, &chosen, &mut report)?;
            session.complete(&mut report);
        }
    } else {
        let recorded = context.begin()?;
        context.ledger.note_sync(context.clock.now())?;
        let mut session = Session::new(context, Role::Whole, Patience(request.wait))?;
        let worked = if session.environment.is_root {
            work_as_root(&mut session, request, &mut report)
        } else {
            work(&mut session, request, &chosen, &mut report)
        };
        if worked.is_ok() {
            session.complete(&mut report);
        }
        session.record(recorded, &mut report, &worked)?;
        worked?;
        if report.changed_anything() {
            session.ask_root()?;
        }
    }
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Makes rows, firewall and set match the ledger; asks no feed.
pub fn apply(context: Context) -> Result<Report> {
    change(context, |_, _| Ok(())).map(|((), report)| report)
}

/// Changes what the administrator decides, in the ledger, and brings it in force at once. Returns what `change`
/// returns, and the report of bringing it in force. `change` is told the time.
pub fn change<T>(
    mut context: Context,
    change: impl FnOnce(&mut Ledger, i64) -> Result<T>,
) -> Result<(T, Report)> {
    let started = Instant::now();
    context.ledger.lock_within(CHANGE_WAITS)?;
    let recorded = context.begin()?;
    let now = context.clock.now();
    let changed = change(&mut context.ledger, now)?;
    let mut session = Session::new(context, Role::Whole, Patience(Some(Duration::ZERO)))?;
    let mut report = Report::new(false);
    let worked = session.enforce(&mut report);
    if worked.is_ok() {
        session.complete(&mut report);
    }
    session.record(recorded, &mut report, &worked)?;
    worked?;
    session.ask_root()?;
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((changed, report))
}

/// The child of a root's run: asks the feeds as asterisk, and tells its parent what to look at. The caller has
/// confined this process.
pub fn fetch_as_child(context: Context, request: &SyncRequest) -> Result<()> {
    let chosen = request.choose(&context.config)?;
    let role = if request.dry_run { Role::DryRun } else { Role::Fetcher };
    let mut session = Session::new(context, role, Patience(request.wait))?;
    let mut report = Report::new(request.dry_run);
    session.fetch(request, &chosen, &mut report)?;
    if request.dry_run {
        session.complete(&mut report);
    }
    let exit = report.exit.code();
    child::tell(&Event::Report { report: Box::new(report), exit });
    Ok(())
}

/// One process does it all.
fn work(
    session: &mut Session,
    request: &SyncRequest,
    chosen: &[FeedConfig],
    report: &mut Report,
) -> Result<()> {
    session.catch_up_if_lost()?;
    session.fetch(request, chosen, report)?;
    session.enforce(report)
}

/// Root lets a child ask, and applies what the ledger says each time it changed.
fn work_as_root(session: &mut Session, request: &SyncRequest, report: &mut Report) -> Result<()> {
    session.catch_up_if_lost()?;
    let environment = session.environment.clone();
    follow(&environment, request, report, |event, report| match event {
        Event::Changed => {
            session.refresh()?;
            session.apply(report)
        }
        Event::Waiting { text } => {
            session.say(&text);
            session.reload(report)
        }
        Event::Progress { text } => {
            session.say(&text);
            Ok(())
        }
        Event::Report { .. } => Ok(()),
    })?;
    session.refresh()?;
    session.enforce(report)
}

/// Starts the child and hands on what it tells; its report is taken over.
fn follow(
    environment: &Environment,
    request: &SyncRequest,
    report: &mut Report,
    mut each: impl FnMut(Event, &mut Report) -> Result<()>,
) -> Result<()> {
    let mut child = Child::start(environment, request)?;
    let mut told = false;
    while let Some(event) = child.next_event()? {
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
    child.finish(told)
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
