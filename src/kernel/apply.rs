//! Bringing rows and rules into force together: the firewall's daemon is held still, the rows are committed, the
//! chain is restored, the daemon goes on, is told to look, and finds nothing to do.
//!
//! Left to itself the daemon starts a process for each rule: a minute and more for 10,000 rows. Whatever is not as
//! known here is no error: the rows are committed, the daemon is told to look where that is safe, and the reason is
//! part of the answer.
//!
//! With FreePBX 18 the daemon replaces its sets whole, so rows and SIGHUP are enough; but one overlap among the rows
//! fails the whole replacement in silence, so the sets are read back afterwards.

use crate::system::failure::Result;
use std::time::{Duration, Instant};
use std::{fmt, thread};

use super::chain::{Difference, Snapshot, Wanted};
use super::freeze::{self, Freezer, Watcher};
use super::iptables::Iptables;
use super::module_sets::{self, Overlap};
use crate::ban::plan::{Driver, Present};
use crate::pbx::daemon::{self, Daemon, Doing, NoDaemon};
use crate::pbx::firewall::Firewall;
use crate::system::program::Programs;

/// How long to wait for the daemon to sleep before the change.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a pass may take that should have nothing to do: it reads every row with a statement of its own, 1.7 s for
/// 10,000, and asks the resolver for every name.
const PASS: Duration = Duration::from_secs(30);
/// How soon the daemon wakes up after SIGHUP.
const WAKES_WITHIN: Duration = Duration::from_millis(500);

/// The change of the rows, as the caller makes it.
pub trait Change {
    /// Whether there is anything to commit.
    fn is_pending(&self) -> bool;
    /// Writes the rows. Called once, while the daemon is held still if possible: everything that takes time is to be
    /// prepared before. Not called where nothing is pending.
    fn commit(&mut self) -> Result<()>;
    /// The rows as they are in the table now, with the last known addresses of names; nobody is asked for a name
    /// here. May be called several times.
    fn rows(&mut self) -> Result<Present>;
    /// Changes rows of ours that stand in the way of the administrator's (FreePBX 18). Returns whether it could.
    fn mend(&mut self, _overlap: &Overlap) -> Result<bool> {
        Ok(false)
    }
}

/// Told as the change goes on. The tests stop, kill and disturb it there.
pub trait Steps {
    /// This far it has come.
    fn reached(&mut self, step: Step);
}

/// Nobody is told.
impl Steps for () {
    fn reached(&mut self, _step: Step) {}
}

/// The steps of a change, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The watch is running, the daemon is not stopped yet.
    BeforeFreeze,
    /// The daemon is stopped.
    Frozen,
    /// The rows are committed.
    Committed,
    /// The chain is restored.
    Restored,
    /// The daemon goes on.
    Thawed,
    /// It was told to look.
    Told,
}

/// What a change works with.
pub struct Site<'a> {
    /// The firewall's settings.
    pub firewall: &'a Firewall,
    /// ASTRUNDIR, where the daemon keeps its lock.
    pub run_dir: &'a str,
    /// What runs programs.
    pub programs: &'a dyn Programs,
    /// What starts the watch.
    pub watcher: Watcher,
    /// How long to wait for the daemon to sleep before the change.
    pub patience: Duration,
}

impl<'a> Site<'a> {
    /// With the usual watch and patience.
    pub fn new(firewall: &'a Firewall, run_dir: &'a str, programs: &'a dyn Programs) -> Self {
        Self { firewall, run_dir, programs, watcher: Watcher::default(), patience: PATIENCE }
    }
}

/// How rows came into force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// Everything was as it should be. Nothing was done.
    Nothing,
    /// Rows and chain were changed together while the daemon was held still.
    FrozenRestore,
    /// The rows were committed and the daemon was told to look; it brings them into force its own way.
    HupOnly {
        /// Why no more than that; nothing with FreePBX 18, where no more is needed.
        why: Option<String>,
    },
    /// The rows were committed and nobody was told: the daemon takes them up when it looks by itself, or starts.
    RowsOnly {
        /// Why.
        why: String,
    },
}

/// What was done, and what is known of the outcome.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Applied {
    /// The way.
    #[serde(flatten)]
    pub how: How,
    /// Whether the kernel was seen to hold what the rows say, after the daemon had looked.
    pub verified: bool,
    /// Whether a first look found a fault that then was mended.
    pub repaired: bool,
    /// For how long the daemon was held still, at most in one piece.
    pub seconds_frozen: f64,
    /// From the call to the rules being in force, where that was seen.
    pub seconds_to_force: Option<f64>,
    /// Rules that the rows ask for (15 to 17).
    pub rules: usize,
    /// Two rows that overlap and stop every update of the blacklist (18).
    pub overlap: Option<Overlap>,
    /// What else an administrator should know.
    pub notes: Vec<String>,
}

impl Applied {
    fn new(how: How) -> Self {
        Self {
            how,
            verified: false,
            repaired: false,
            seconds_frozen: 0.0,
            seconds_to_force: None,
            rules: 0,
            overlap: None,
            notes: Vec::new(),
        }
    }

    /// Why the rows were not brought into force at once, if they were not.
    pub fn fallback(&self) -> Option<&str> {
        match &self.how {
            How::HupOnly { why } => why.as_deref(),
            How::RowsOnly { why } => Some(why),
            _ => None,
        }
    }

    /// Whether the daemon was told to look.
    pub fn was_told(&self) -> bool {
        matches!(self.how, How::FrozenRestore | How::HupOnly { .. })
    }
}

/// Commits the change and brings the blacklist into force. Needs root, and the run's lock: no two at a time.
///
/// An error comes from the change itself; the daemon goes on in any case.
pub fn apply_blacklist(site: &Site<'_>, change: &mut dyn Change, steps: &mut dyn Steps) -> Result<Applied> {
    let mut work = Work { site, change, steps, committed: false, started: Instant::now(), notes: Vec::new() };
    let mut applied = work.run()?;
    applied.notes.append(&mut work.notes);
    Ok(applied)
}

/// One call at work.
struct Work<'a> {
    site: &'a Site<'a>,
    change: &'a mut dyn Change,
    steps: &'a mut dyn Steps,
    committed: bool,
    started: Instant,
    notes: Vec<String>,
}

impl Work<'_> {
    fn run(&mut self) -> Result<Applied> {
        if !self.site.firewall.enabled {
            return self.rows_only("the firewall is disabled");
        }
        let daemon = match daemon::find_surely(self.site.run_dir) {
            Ok(daemon) => daemon,
            Err(why @ (NoDaemon::NotRunning | NoDaemon::Several(_))) => return self.rows_only(&why),
        };
        if freeze::thaw_if_stopped(daemon) {
            self.notes.push("the firewall service was left paused; it runs again".to_owned());
        }
        if daemon::is_in_safe_mode() {
            return self.rows_only("the firewall is in safe mode after a reboot");
        }
        match self.site.firewall.driver {
            Driver::Iptables => self.chain(daemon),
            Driver::Nftables => self.sets(daemon),
        }
    }

    /// Writes the rows, once.
    fn commit(&mut self) -> Result<()> {
        if !self.committed && self.change.is_pending() {
            self.change.commit()?;
        }
        self.committed = true;
        Ok(())
    }

    fn rows_only(&mut self, why: impl fmt::Display) -> Result<Applied> {
        self.commit()?;
        Ok(Applied::new(How::RowsOnly { why: why.to_string() }))
    }

    /// Rows and SIGHUP.
    fn hup_only(&mut self, daemon: Daemon, why: impl fmt::Display) -> Result<Applied> {
        self.commit()?;
        Ok(match self.tell(daemon) {
            Ok(()) => Applied::new(How::HupOnly { why: Some(why.to_string()) }),
            Err(error) => Applied::new(How::RowsOnly { why: format!("{why}; {error}") }),
        })
    }

    fn tell(&mut self, daemon: Daemon) -> Result<(), String> {
        let told = daemon.hup().map_err(|why| format!("cannot tell the firewall service to look: {why}"));
        self.steps.reached(Step::Told);
        told
    }

    /// Waits for the end of the pass that SIGHUP began. Returns whether the daemon lives.
    fn pass(&mut self, daemon: Daemon) -> bool {
        let until = Instant::now() + WAKES_WITHIN;
        while daemon.doing() == Doing::Sleeps && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        match daemon.wait_asleep(PASS) {
            Doing::Sleeps => true,
            Doing::Works | Doing::Unknown => {
                self.notes.push("the firewall service is still busy with its pass".to_owned());
                true
            }
            Doing::StoppedAsleep | Doing::StoppedAtWork => {
                daemon.signal(rustix::process::Signal::CONT).is_ok()
            }
            Doing::Gone => {
                self.notes.push("the firewall service ended meanwhile".to_owned());
                false
            }
        }
    }

    // FreePBX 15 to 17.

    fn chain(&mut self, daemon: Daemon) -> Result<Applied> {
        let iptables = match Iptables::find(self.site.programs) {
            Ok(iptables) => iptables,
            Err(why) => return self.hup_only(daemon, why),
        };
        let save = match iptables.save() {
            Ok(save) => save,
            Err(why) => return self.hup_only(daemon, why),
        };
        let before = Snapshot::new(&save);
        if let Some(why) = before.unusable() {
            return match iptables.is_in_the_other_backend() {
                Some(other) => self.hup_only(daemon, other),
                None => self.hup_only(daemon, why),
            };
        }
        if let Some(other) = iptables.is_in_the_other_backend() {
            return self.hup_only(daemon, other);
        }
        if !self.change.is_pending() {
            let wanted = Wanted::new(&self.change.rows()?);
            if before.compare(&wanted).is_none() {
                let mut applied = Applied::new(How::Nothing);
                (applied.verified, applied.rules) = (true, wanted.len());
                return Ok(applied);
            }
        }
        let mut freezer = match Freezer::new(&self.site.watcher, daemon) {
            Ok(freezer) => freezer,
            Err(why) => return self.hup_only(daemon, why),
        };
        let mut applied = Applied::new(How::FrozenRestore);
        self.change_together(&iptables, &save, &mut freezer, &mut applied)?;
        if let How::FrozenRestore = applied.how {
            self.verify(&iptables, &mut freezer, &mut applied)?;
        }
        Ok(applied)
    }

    /// The change itself. Where it cannot be made whole, `applied` says so and rows and SIGHUP did.
    fn change_together(
        &mut self,
        iptables: &Iptables<'_>,
        save: &str,
        freezer: &mut Freezer,
        applied: &mut Applied,
    ) -> Result<()> {
        let daemon = freezer.daemon();
        // The second round is for rows that took so long that the watch stepped in.
        let mut why = String::new();
        let mut busy = false;
        for _ in 0..2 {
            self.steps.reached(Step::BeforeFreeze);
            let frozen = match freezer.freeze(self.site.patience) {
                Ok(frozen) => frozen,
                Err(error) => {
                    busy = matches!(error, freeze::NotFrozen::Busy(_));
                    why = error.to_string();
                    break;
                }
            };
            self.steps.reached(Step::Frozen);
            self.commit()?;
            self.steps.reached(Step::Committed);
            let wanted = Wanted::new(&self.change.rows()?);
            applied.rules = wanted.len();
            let mut restored = Ok(());
            let in_time = frozen.holds();
            if in_time {
                // Only names bring rules into the chain that no row explains; for them it is looked at again.
                let fresh = if wanted.has_names() { iptables.save().ok() } else { None };
                let now = Snapshot::new(fresh.as_deref().unwrap_or(save));
                if fresh.is_none() || !now.compare(&wanted).is_none() {
                    restored = iptables.restore(&now.restore(&wanted));
                }
            }
            self.steps.reached(Step::Restored);
            let (time, held) = frozen.thaw();
            applied.seconds_frozen = applied.seconds_frozen.max(time.as_secs_f64());
            self.steps.reached(Step::Thawed);
            match restored {
                Err(error) => {
                    why = error;
                    break;
                }
                Ok(()) if in_time => {
                    applied.seconds_to_force = Some(self.started.elapsed().as_secs_f64());
                    if !held {
                        self.notes.push("the firewall service was not paused to the end".to_owned());
                    }
                    return Ok(());
                }
                Ok(()) => {
                    why = format!("the rows took {:.1} s to write", time.as_secs_f64());
                    if daemon.doing() == Doing::Gone {
                        why = freeze::NotFrozen::Gone.to_string();
                        break;
                    }
                }
            }
        }
        let notes = std::mem::take(&mut applied.notes);
        let (rules, seconds_frozen) = (applied.rules, applied.seconds_frozen);
        // In the middle of a pass SIGHUP is lost.
        *applied = if busy { self.rows_only(why)? } else { self.hup_only(daemon, why)? };
        *applied = Applied { rules, seconds_frozen, notes, ..applied.clone() };
        Ok(())
    }

    /// Tells the daemon to look, and looks at what it made of it; mends once.
    fn verify(
        &mut self,
        iptables: &Iptables<'_>,
        freezer: &mut Freezer,
        applied: &mut Applied,
    ) -> Result<()> {
        let daemon = freezer.daemon();
        for last in [false, true] {
            if let Err(why) = self.tell(daemon) {
                self.notes.push(why);
            }
            let lives = self.pass(daemon);
            let save = match iptables.save() {
                Ok(save) => save,
                Err(why) => {
                    self.notes.push(why);
                    return Ok(());
                }
            };
            let now = Snapshot::new(&save);
            let wanted = Wanted::new(&self.change.rows()?);
            applied.rules = wanted.len();
            let difference = now.compare(&wanted);
            applied.verified = lives && now.unusable().is_none() && difference.is_none();
            if applied.verified || !lives {
                return Ok(());
            }
            if last || now.unusable().is_some() || now.above().is_some() {
                self.notes.push(explain(&now, difference));
                return Ok(());
            }
            applied.repaired = true;
            let repair = &mut Applied::new(How::FrozenRestore);
            self.change_together(iptables, &save, freezer, repair)?;
            applied.seconds_frozen = applied.seconds_frozen.max(repair.seconds_frozen);
            if let Some(why) = repair.fallback() {
                self.notes.push(format!("{difference}, and they could not be fixed: {why}"));
                return Ok(());
            }
        }
        Ok(())
    }

    // FreePBX 18.

    fn sets(&mut self, daemon: Daemon) -> Result<Applied> {
        if !self.change.is_pending() {
            let rows = self.change.rows()?;
            let there = module_sets::read(self.site.programs);
            let overlap = module_sets::overlap(&rows);
            if there.as_ref().is_ok_and(|there| there.holds(&rows))
                || overlap.as_ref().is_some_and(|o| !o.ours())
            {
                let mut applied = Applied::new(How::Nothing);
                applied.verified = there.is_ok_and(|there| there.holds(&rows));
                applied.overlap = overlap;
                return Ok(applied);
            }
        }
        // A pass that runs now may have read the rows already, and SIGHUP would be lost in it.
        let busy = daemon.wait_asleep(self.site.patience) == Doing::Works;
        self.commit()?;
        self.steps.reached(Step::Committed);
        if busy {
            return self.rows_only(freeze::NotFrozen::Busy(self.site.patience));
        }
        let mut applied = Applied::new(How::HupOnly { why: None });
        for last in [false, true] {
            if let Err(why) = self.tell(daemon) {
                return Ok(Applied { how: How::RowsOnly { why }, ..applied });
            }
            let lives = self.pass(daemon);
            let rows = self.change.rows()?;
            let there = match module_sets::read(self.site.programs) {
                Ok(there) => there,
                Err(why) => {
                    self.notes.push(why);
                    return Ok(applied);
                }
            };
            applied.verified = lives && there.holds(&rows);
            applied.overlap = None;
            if applied.verified {
                applied.seconds_to_force = Some(self.started.elapsed().as_secs_f64());
                return Ok(applied);
            }
            applied.overlap = module_sets::overlap(&rows);
            let mended = match &applied.overlap {
                Some(overlap) if !last => self.change.mend(overlap)?,
                _ => false,
            };
            if !mended {
                self.notes.push("the firewall's sets do not hold what the blacklist says".to_owned());
                return Ok(applied);
            }
            applied.repaired = true;
        }
        Ok(applied)
    }
}

/// What is wrong with the chain, and who may have done it.
fn explain(now: &Snapshot<'_>, difference: Difference) -> String {
    match (now.unusable(), now.above()) {
        (Some(why), _) => why.to_owned(),
        (None, Some(rule)) => format!(
            "{difference}; the rule \"{rule}\" above the firewall's in INPUT makes it start over on each pass: put \
             it into the firewall's custom rules"
        ),
        (None, None) => difference.to_string(),
    }
}
