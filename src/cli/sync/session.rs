//! One run at work: the connection, the picture, and what this process may do with them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::super::exit::Exit;
use super::super::picture::Picture;
use super::super::{Global, clock, logging, now, request};
use super::SyncArgs;
use super::child::{Event, tell};
use super::report::Report;
use crate::config::{Config, FeedConfig};
use crate::fault;
use crate::feed::text::one_line;
use crate::ledger::Ledger;
use crate::ledger::history::Figures;
use crate::ledger::runs::Run;
use crate::pbx::names::System;
use crate::pbx::protected::Surroundings;
use crate::pbx::{daemon, firewall};

/// The name under which the ledger keeps when root ran last.
pub const ROOT_RUN: &str = "root_run";
/// How many seconds an administrator's decision waits for another run: root's apply, for one, which his last decision
/// asked for.
const CHANGE_WAITS: u8 = 10;

/// What this process does of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All that its user may.
    Whole,
    /// Asks the feeds and saves what they say; its parent writes the rows.
    Fetcher,
    /// Changes nothing.
    DryRun,
}

/// How long the run may still wait for rate limits; none is as long as it takes.
pub struct Patience(pub Option<Duration>);

impl Patience {
    /// Takes a wait from what is left; false when it is too long.
    pub fn spend(&mut self, wait: Duration) -> bool {
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

/// The database opened and logging begun.
pub struct Opened {
    ledger: Option<Ledger>,
    config_feeds: Vec<String>,
    run_dir: String,
    freepbx_conf: PathBuf,
    surroundings: Surroundings,
}

/// What [`Session::record`] needs to note how a run ended.
pub struct Recorded {
    id: u64,
    began: i64,
    last_began: Option<i64>,
}

impl Opened {
    /// Connects, begins logging (to the file too when `to_file`), and makes sure that this is a FreePBX with the
    /// firewall module before anything is made.
    pub fn open(global: &Global, config: &Config, to_file: bool) -> anyhow::Result<Self> {
        let mut ledger = global.ledger()?;
        let log_dir = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
        let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
        logging::start(global, to_file.then_some((log_dir.as_str(), config.log.level)));
        firewall::read(ledger.conn())?;
        let config_feeds = config.feed.iter().map(|feed| feed.name.clone()).collect();
        let surroundings = Surroundings::new(&global.settings()?);
        let freepbx_conf = global.freepbx_conf.clone();
        Ok(Self { ledger: Some(ledger), config_feeds, run_dir, surroundings, freepbx_conf })
    }

    /// Takes the run's lock.
    pub fn lock(&mut self) -> anyhow::Result<()> {
        Ok(self.ledger()?.lock()?)
    }

    /// Makes the tables and notes that a run begins.
    pub fn begin(&mut self) -> anyhow::Result<Recorded> {
        let feeds = std::mem::take(&mut self.config_feeds);
        let ledger = self.ledger()?;
        ledger.migrate(now())?;
        ledger.sign_lock()?;
        clock::begin(ledger)?;
        fault::point("clock-noted")?;
        ledger.add_feeds(&feeds.iter().map(String::as_str).collect::<Vec<_>>())?;
        let last_began = ledger.last_run()?.map(|last| last.started_at);
        let id = ledger.begin_run(now())?;
        fault::point("begun")?;
        Ok(Recorded { id, began: now(), last_began })
    }

    /// Notes that this run asks the feeds.
    pub fn note_sync(&mut self) -> anyhow::Result<()> {
        Ok(self.ledger()?.note_sync(now())?)
    }

    /// Changes what the administrator decides, in the ledger, and brings it in force at once. Returns what `change`
    /// returns, and the report of bringing it in force.
    pub fn change<T>(
        global: &Global,
        config: &Config,
        change: impl FnOnce(&mut Ledger) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, Report)> {
        let started = Instant::now();
        let mut opened = Self::open(global, config, true)?;
        opened.ledger()?.lock_within(CHANGE_WAITS)?;
        let recorded = opened.begin()?;
        let changed = change(opened.ledger()?)?;
        let mut session = opened.session(config, Role::Whole, Patience(Some(Duration::ZERO)), false)?;
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

    /// Takes the first picture.
    pub fn session<'a>(
        &mut self,
        config: &'a Config,
        role: Role,
        patience: Patience,
        terminal: bool,
    ) -> anyhow::Result<Session<'a>> {
        for warning in config.warnings.iter().filter(|_| role != Role::Fetcher) {
            log::warn!("{warning}");
        }
        let mut ledger = self.ledger.take().ok_or_else(|| anyhow::anyhow!("the session was begun twice"))?;
        let picture = Picture::load(&mut ledger, config, now())?;
        Ok(Session {
            config,
            before: picture.rows.ours.clone(),
            picture,
            ledger,
            role,
            accepts: false,
            patience,
            progress: if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() },
            run_dir: self.run_dir.clone(),
            surroundings: std::mem::take(&mut self.surroundings),
            is_root: rustix::process::geteuid().is_root(),
            freepbx_conf: self.freepbx_conf.clone(),
        })
    }

    fn ledger(&mut self) -> anyhow::Result<&mut Ledger> {
        self.ledger.as_mut().ok_or_else(|| anyhow::anyhow!("the session has begun"))
    }
}

/// Everything that one run works with.
pub struct Session<'a> {
    pub(super) config: &'a Config,
    pub(super) ledger: Ledger,
    pub(super) picture: Picture,
    pub(super) role: Role,
    /// Whether a list may lose more than half.
    pub(super) accepts: bool,
    pub(super) patience: Patience,
    pub(super) progress: ProgressBar,
    /// Rows of ours as they were when the run began.
    pub(super) before: BTreeSet<String>,
    /// Where the daemon keeps its lock.
    pub(super) run_dir: String,
    /// Where to look for those who must get through.
    pub(super) surroundings: Surroundings,
    pub(super) is_root: bool,
    /// FreePBX's settings; their owner is who fwconsole runs as.
    pub(super) freepbx_conf: PathBuf,
}

impl Session<'_> {
    /// Whether this process saves anything.
    pub(super) fn is_dry(&self) -> bool {
        self.role == Role::DryRun
    }

    /// Learns who is protected, then asks the chosen feeds; what comes is in force as far as this process may.
    pub(super) fn fetch(
        &mut self,
        args: &SyncArgs,
        chosen: &[&FeedConfig],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        if self.is_dry() {
            self.catch_up_if_lost()?;
        }
        self.say_doubt(report);
        self.learn_who_is_protected(&System, report)?;
        fault::point("protected-known")?;
        // First what time and the administrator changed: that needs no network.
        self.apply(report)?;
        self.accepts = args.accept;
        // A doubted clock is compared with theirs, whenever they were asked last.
        let forced = args.feed.is_some() || args.full || args.accept || clock::doubt().is_some();
        for feed in chosen {
            if args.full {
                self.start_over(&feed.name)?;
            }
            if args.accept {
                self.accept(&feed.name)?;
            }
            let asked = self.ask_feed(feed, forced, report)?;
            report.exit = report.exit.worse(asked.exit);
            report.feeds.push(asked);
        }
        if self.is_dry() {
            self.settle()?;
            self.apply(report)?;
        }
        Ok(())
    }

    /// Brings rows and firewall to what the ledger says.
    pub(super) fn enforce(&mut self, report: &mut Report) -> anyhow::Result<()> {
        self.say_doubt(report);
        self.settle()?;
        self.apply(report)?;
        self.reload(report)?;
        self.progress.finish_and_clear();
        Ok(())
    }

    /// Looks at the ledger again, after another process changed it.
    pub(super) fn refresh(&mut self) -> anyhow::Result<()> {
        clock::look(&mut self.ledger)?;
        self.picture = Picture::load(&mut self.ledger, self.config, now())?;
        Ok(())
    }

    /// Asks root to bring into force what only root can, unless this is root. The end of a run: the lock is given back
    /// first, so that root's run finds it free.
    pub(super) fn ask_root(mut self) -> anyhow::Result<()> {
        if !self.is_root {
            self.ledger.unlock()?;
            request::after_change();
        }
        Ok(())
    }

    /// Says that the clock is doubted, when it is.
    fn say_doubt(&self, report: &mut Report) {
        if let Some(doubt) = clock::doubt() {
            report.warn(doubt);
        }
    }

    /// Shows what is going on, on a terminal.
    pub(super) fn say(&self, text: &str) {
        // The child may be somebody else by now.
        self.progress.set_message(one_line(text, 200).into_owned());
        self.progress.tick();
    }

    /// Tells how far the asking is: on a terminal, or to the parent.
    pub(super) fn say_progress(&self, text: String) {
        match self.role {
            Role::Fetcher => tell(&Event::Progress { text }),
            _ => self.say(&text),
        }
    }

    /// Fills in the report's totals.
    pub(super) fn complete(&self, report: &mut Report) {
        let (before, after) = (&self.before, &self.picture.rows.ours);
        report.blacklist.added = after.difference(before).count();
        report.blacklist.removed = before.difference(after).count();
        report.blacklist.kept = after.intersection(before).count();
        report.blacklist.limit = self.picture.policy.limit;
        report.blacklist.foreign = self.picture.rows.foreign.len();
        report.blacklist.released = self.picture.releases.len();
        report.firewall.enabled = self.picture.firewall.enabled;
        report.firewall.driver = Some(self.picture.firewall.driver);
        report.firewall.period_s = self.picture.firewall.period_s;
        report.firewall.running = daemon::is_running(&self.run_dir);
    }

    /// Notes for [`crate::ledger::history`] what became of the run and how things stand.
    fn note_history(&mut self, run: &Run, report: &Report) -> anyhow::Result<()> {
        let b = &report.blacklist;
        // Only root looks into the kernel; anybody's run goes by what root found last.
        let set = self.ledger.set_found()?;
        let figures = Figures {
            rows: (b.added + b.kept) as u64,
            wanted: b.wanted as u64,
            set: set.filter(|set| set.backend.is_some()).map(|set| set.size as u64),
            protected: b.refused as u64,
            over_limit: b.over_limit as u64,
        };
        let failed = run.exit_code != Some(0);
        self.ledger.note_hour(now(), failed, (run.added, run.removed), Some(figures))?;
        let sizes = self.picture.sizes(now());
        self.ledger.note_feed_sizes(now(), &sizes)?;
        Ok(())
    }

    /// Notes in ledger and log how the run ended.
    pub(super) fn record(
        &mut self,
        recorded: Recorded,
        report: &mut Report,
        worked: &anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let error = worked.as_ref().err().map(|error| format!("{error:#}")).or_else(|| report.first_error());
        let exit = worked.as_ref().err().map_or(report.exit, Exit::of_error);
        let record = Run {
            started_at: recorded.began,
            finished_at: Some(now()),
            exit_code: Some(exit.code()),
            added: report.blacklist.added as u64,
            removed: report.blacklist.removed as u64,
            error: error.clone(),
            fallback: report.fallback.clone(),
        };
        // When the database is gone the run cannot be noted, and the error that says so is the better one.
        let noted = self.ledger.finish_run(recorded.id, &record);
        report.log(error.as_deref());
        if worked.is_err() && noted.is_ok() {
            // The figures are not known; that it failed is. The first error is the one to tell.
            let _ = self.ledger.note_hour(now(), true, (record.added, record.removed), None);
        }
        if worked.is_ok() {
            noted?;
            self.note_history(&record, report)?;
            clock::end(&mut self.ledger)?;
            if self.is_root {
                self.ledger.set_state(ROOT_RUN, now())?;
            }
            fault::point("run-noted")?;
            self.note_notices(report)?;
            if let Some(before) = recorded.last_began {
                // The clock may have been ahead then.
                self.ledger.prune(before.min(now()))?;
            }
            fault::point("pruned")?;
        }
        Ok(())
    }
}
