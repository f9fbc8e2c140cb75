//! `sync`: ask the feeds, judge, write the rows, have the firewall take them up, and say what was done.
//!
//! Each batch is saved together with the place where its feed goes on, and its rows are written, before the next one
//! is asked for. So a run can be cut off, rate-limited or killed anywhere: what came is blocked, and the next run
//! goes on from there.
//!
//! Root neither talks to the internet nor reads its answers: see [`child`].

pub mod ask;
pub mod child;
mod crowdsec;
mod force;
mod lists;
mod notify;
pub mod protect;
pub mod report;
mod rows;
mod session;
mod set;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;

use super::Global;
use super::exit::Exit;
use super::output::{print, print_json};
use crate::config::{Config, FeedConfig};
use child::{Child, Event};
pub use notify::run_child as tell;
use report::Report;
pub use session::{Opened, ROOT_RUN};
use session::{Patience, Role, Session};

/// What `sync` takes.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Ask only this feed, also when its interval has not passed
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// Read every list again from its beginning
    #[arg(long)]
    full: bool,
    /// Take what a feed asks for although it is suddenly much more, or a list much less, than before
    #[arg(long)]
    accept: bool,
    /// Show what would be done and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait so long in all for the rate limit [default: 0; on a terminal as long as it takes]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl SyncArgs {
    /// How long this run may wait for rate limits; none is as long as it takes.
    fn patience(&self, terminal: bool) -> Option<Duration> {
        match self.wait {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None if terminal => None,
            None => Some(Duration::ZERO),
        }
    }

    /// The feeds that this run asks.
    fn choose<'a>(&self, config: &'a Config) -> anyhow::Result<Vec<&'a FeedConfig>> {
        let Some(name) = &self.feed else { return Ok(config.enabled().collect()) };
        let feed = config.named(name)?;
        if feed.enabled { Ok(vec![feed]) } else { Err(config.disabled(name).into()) }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &SyncArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let is_root = rustix::process::geteuid().is_root();
    let terminal = std::io::stderr().is_terminal() && !global.quiet;
    let config = global.load_config()?;
    let chosen = args.choose(&config)?;
    let patience = args.patience(terminal);
    let mut opened = Opened::open(global, &config, !args.dry_run)?;
    opened.lock()?;
    let mut report = Report::new(args.dry_run);
    if args.dry_run {
        if is_root {
            follow(global, args, patience, terminal, &mut report, |_, _| Ok(()))?;
        } else {
            let mut session = opened.session(&config, Role::DryRun, Patience(patience), terminal)?;
            session.fetch(args, &chosen, &mut report)?;
            session.complete(&mut report);
        }
    } else {
        let recorded = opened.begin()?;
        opened.note_sync()?;
        let mut session = opened.session(&config, Role::Whole, Patience(patience), terminal)?;
        let worked = if is_root {
            work_as_root(&mut session, global, args, patience, terminal, &mut report)
        } else {
            work(&mut session, args, &chosen, &mut report)
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
    show(global, &report)?;
    Ok(report.exit)
}

/// `apply`: makes rows and firewall match the ledger; asks no feed.
pub fn apply(global: &Global) -> anyhow::Result<Exit> {
    let config = global.load_config()?;
    let ((), report) = Opened::change(global, &config, |_| Ok(()))?;
    show(global, &report)?;
    Ok(report.exit)
}

/// The child of a root's run: asks the feeds as asterisk, and tells its parent what to look at. Not for people.
pub fn run_child(global: &Global, args: &SyncArgs) -> anyhow::Result<Exit> {
    child::confine(&global.freepbx_conf)?;
    let config = global.load_config()?;
    let chosen = args.choose(&config)?;
    let mut opened = Opened::open(global, &config, false)?;
    let role = if args.dry_run { Role::DryRun } else { Role::Fetcher };
    let mut session = opened.session(&config, role, Patience(args.patience(false)), false)?;
    let mut report = Report::new(args.dry_run);
    session.fetch(args, &chosen, &mut report)?;
    if args.dry_run {
        session.complete(&mut report);
    }
    let exit = report.exit.code();
    child::tell(&Event::Report { report: Box::new(report), exit });
    Ok(Exit::Done)
}

/// One process does it all.
fn work(
    session: &mut Session<'_>,
    args: &SyncArgs,
    chosen: &[&FeedConfig],
    report: &mut Report,
) -> anyhow::Result<()> {
    session.catch_up_if_lost()?;
    session.fetch(args, chosen, report)?;
    session.enforce(report)
}

/// Root lets a child ask, and applies what the ledger says each time it changed.
fn work_as_root(
    session: &mut Session<'_>,
    global: &Global,
    args: &SyncArgs,
    patience: Option<Duration>,
    terminal: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    session.catch_up_if_lost()?;
    follow(global, args, patience, terminal, report, |event, report| match event {
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
    global: &Global,
    args: &SyncArgs,
    patience: Option<Duration>,
    terminal: bool,
    report: &mut Report,
    mut each: impl FnMut(Event, &mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let wait = if terminal && args.wait.is_none() { None } else { patience };
    let mut child = Child::start(global, args, wait)?;
    let mut told = false;
    while let Some(event) = child.next()? {
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

fn show(global: &Global, report: &Report) -> anyhow::Result<()> {
    if global.json {
        print_json(report)
    } else if !global.quiet {
        print(&report.text())
    } else {
        Ok(())
    }
}
