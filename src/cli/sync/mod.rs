//! `sync`: ask the feeds, judge, write the rows, have the firewall take them up, and say what was done.
//!
//! Each batch is saved together with the place where its feed goes on, and its rows are written, before the next one
//! is asked for. So a run can be cut off, rate-limited or killed anywhere: what came is blocked, and the next run
//! goes on from there.

mod ask;
mod lists;
mod protect;
mod report;
mod rows;

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::exit::Exit;
use super::logging;
use super::output::{print, print_json};
use super::picture::Picture;
use super::{Global, now};
use crate::config::{Config, FeedConfig};
use crate::ledger::Ledger;
use crate::ledger::runs::Run;
use crate::pbx::daemon;
use crate::pbx::firewall;
use crate::pbx::names::System;
use report::Report;

/// What `sync` takes.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Ask only this feed, also when its interval has not passed
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// Read every list again from its beginning
    #[arg(long)]
    full: bool,
    /// Show what would be done and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take a list also when it lost more than half of its entries
    #[arg(long)]
    accept: bool,
    /// Wait so long in all for the rate limit [default: 0; on a terminal as long as it takes]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

/// Everything that one run works with.
struct Session<'a> {
    config: &'a Config,
    ledger: Ledger,
    picture: Picture,
    dry_run: bool,
    /// Whether a list may lose more than half.
    accept: bool,
    patience: Patience,
    progress: ProgressBar,
    /// Rows of ours as they were when the run began.
    before: std::collections::BTreeSet<String>,
    /// Where the daemon keeps its lock.
    run_dir: String,
    is_root: bool,
}

/// How long the run may still wait for rate limits.
struct Patience(Option<Duration>);

impl Patience {
    /// Takes a wait from what is left; false when it is too long.
    fn spend(&mut self, wait: Duration) -> bool {
        match &mut self.0 {
            None => true,
            Some(left) if wait <= *left => {
                *left -= wait;
                true
            }
            Some(_) => false,
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &SyncArgs) -> anyhow::Result<Exit> {
    let started = std::time::Instant::now();
    let config = global.load_config()?;
    let chosen = choose(&config, args)?;
    let mut ledger = global.ledger()?;
    let log_dir = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
    let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
    logging::start(global, (!args.dry_run).then_some((log_dir.as_str(), config.log.level)));
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    ledger.lock()?;
    // Is this a FreePBX with the firewall module? Asked before anything is made.
    firewall::read(ledger.conn())?;
    let mut run = None;
    if !args.dry_run {
        ledger.migrate(now())?;
        ledger.sign_lock()?;
        ledger.add_feeds(&config.feed.iter().map(|feed| feed.name.as_str()).collect::<Vec<_>>())?;
        run = Some((ledger.last_run()?.map(|last| last.started_at), ledger.begin_run(now())?, now()));
    }
    let picture = Picture::load(&mut ledger, &config, now())?;
    let terminal = std::io::stderr().is_terminal() && !global.quiet;
    let mut session = Session {
        config: &config,
        before: picture.rows.ours.clone(),
        picture,
        ledger,
        dry_run: args.dry_run,
        accept: args.accept,
        patience: Patience(match args.wait {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None if terminal => None,
            None => Some(Duration::ZERO),
        }),
        progress: if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() },
        run_dir,
        is_root: rustix::process::geteuid().is_root(),
    };
    let mut report = Report::new(args.dry_run);
    let worked = session.work(args, &chosen, &mut report);
    session.progress.finish_and_clear();
    if worked.is_ok() {
        session.complete(&mut report);
    }
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let exit = match &worked {
        Ok(()) => report.exit,
        Err(error) => Exit::of_error(error),
    };
    if let Some((last_run, id, began)) = run {
        let error = worked.as_ref().err().map(|error| format!("{error:#}")).or_else(|| report.first_error());
        let record = Run {
            started_at: began,
            finished_at: Some(now()),
            exit_code: Some(exit.code()),
            added: report.blacklist.added as u64,
            removed: report.blacklist.removed as u64,
            error: error.clone(),
        };
        // When the database is gone the run cannot be noted, and the error that says so is the better one.
        let noted = session.ledger.finish_run(id, &record);
        if worked.is_ok() {
            noted?;
            if let Some(before) = last_run {
                session.ledger.prune(before)?;
            }
        }
        report.log(error.as_deref());
    }
    worked?;
    if global.json {
        print_json(&report)?;
    } else if !global.quiet {
        print(&report.text(&session.picture))?;
    }
    Ok(exit)
}

/// The feeds that this run asks.
fn choose<'a>(config: &'a Config, args: &SyncArgs) -> anyhow::Result<Vec<&'a FeedConfig>> {
    match &args.feed {
        None => Ok(config.enabled().collect()),
        Some(name) => {
            let feed = config.named(name)?;
            if feed.enabled { Ok(vec![feed]) } else { Err(config.disabled(name).into()) }
        }
    }
}

impl Session<'_> {
    fn work(&mut self, args: &SyncArgs, chosen: &[&FeedConfig], report: &mut Report) -> anyhow::Result<()> {
        self.catch_up_if_lost()?;
        self.learn_who_is_protected(&System, report)?;
        // First what time and the administrator changed: that needs no network.
        self.apply(report)?;
        let forced = args.feed.is_some() || args.full;
        for feed in chosen {
            if args.full {
                self.start_over(&feed.name)?;
            }
            let asked = self.ask_feed(feed, forced, report)?;
            report.exit = report.exit.worse(asked.exit);
            report.feeds.push(asked);
        }
        self.settle()?;
        self.apply(report)?;
        self.reload(report)?;
        Ok(())
    }

    /// Fills in the report's totals.
    fn complete(&mut self, report: &mut Report) {
        let (before, after) = (&self.before, &self.picture.rows.ours);
        report.blacklist.added = after.difference(before).count();
        report.blacklist.removed = before.difference(after).count();
        report.blacklist.kept = after.intersection(before).count();
        report.blacklist.foreign = self.picture.rows.foreign.len();
        report.blacklist.released = self.picture.releases.len();
        report.firewall.enabled = self.picture.firewall.enabled;
        report.firewall.driver = Some(self.picture.firewall.driver);
        report.firewall.period_s = self.picture.firewall.period_s;
        report.firewall.running = daemon::is_running(&self.run_dir);
    }
}
