//! Whether all is well, as data: what is seen of feeds, rows, kernel set and firewall, and what
//! [`ban::health`](crate::ban::health) makes of it. Looks at the database and the processes, never at the network.

use serde::Serialize;

use super::clock::Clock;
use super::context::Environment;
use super::fetch::{now_ms, pace};
use super::history::Packets;
use super::kernel_set::{SetStatus, SetView};
use super::permit::{self, PermitStatus};
use super::problems::{self as judged, Circumstances, ProblemItem};
use super::row_cost;
use super::state::SavedState;
use super::week::WeekSum;
use crate::ban::cost::RowCost;
use crate::ban::health::coded::Coded;
use crate::ban::health::evidence::{Evidence, Rules, Service};
use crate::ban::health::is_out_of_date;
use crate::ban::health::state::{Cause, Facts, State, judge};
use crate::ban::pacing;
use crate::ban::plan::{Driver, Plan};
use crate::config::{Config, FeedKind};
use crate::kernel::{look, module_sets};
use crate::ledger::runs::Run;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::{daemon, firewall};
use crate::system::failure::Result;
use crate::system::text::{count, number};
use crate::system::time::Time;

/// Root runs again and again when its last run is no longer ago than this, in seconds: cron's is five minutes.
const ROOTS_PERIOD: i64 = 600;
/// What makes root run again and again.
const INSTALL: &str = "banbridge setup";

/// Everything that `status` says.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The state in one word.
    pub state: State,
    /// The same in one sentence.
    pub state_text: String,
    /// The same as a code and its values.
    pub state_coded: Coded,
    /// Since when.
    pub state_since: Option<Time>,
    /// A run that is at work now.
    pub running: Option<Running>,
    /// Whether root runs here.
    pub root: Root,
    /// When the feeds are asked again, judged by how far the last runs were apart.
    pub next_run: Option<Time>,
    /// Whether anything is blocked, as far as can be seen.
    pub blocking: bool,
    /// What else to know, in sentences.
    pub notes: Vec<String>,
    /// The feeds of the configuration.
    pub feeds: Vec<FeedStatus>,
    /// The rows.
    pub blacklist: BlacklistStatus,
    /// The kernel set.
    pub set: SetStatus,
    /// The firewall.
    pub firewall: FirewallStatus,
    /// The sources of protected addresses.
    pub protected: Vec<SourceStatus>,
    /// The last run.
    pub last_run: Option<RunStatus>,
    /// Blocked packets.
    pub packets: Packets,
    /// The permit list; null without a permit feed.
    pub permit: Option<PermitStatus>,
    /// The last seven days: what was blocked, and who reached Asterisk.
    pub week: WeekSum,
    /// What needs somebody now.
    pub problems: Vec<ProblemItem>,
}

/// A run in progress.
#[derive(Debug, Serialize)]
pub struct Running {
    /// When it began.
    pub started_at: Time,
    /// The feed that is being asked, or was last.
    pub feed: Option<String>,
    /// What that feed lists so far.
    pub entries: usize,
    /// Until when its rate limit has the run wait.
    pub waiting_until: Option<Time>,
}

/// Whether root runs again and again.
#[derive(Debug, Serialize)]
pub struct Root {
    /// Whether root runs here again and again, which makes the changes of others effective.
    pub timer: bool,
    /// When root ran last.
    pub last_run: Option<Time>,
    /// What to run where it does not.
    pub install: Option<&'static str>,
}

/// One feed.
#[derive(Debug, Serialize)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether it is a permit list.
    pub permit: bool,
    /// Entries that count.
    pub entries: usize,
    /// Whether it was read to its end.
    pub complete: bool,
    /// When it was last asked.
    pub last_attempt: Option<Time>,
    /// When it last gave a good answer.
    pub last_success: Option<Time>,
    /// What was wrong with the last answer.
    pub last_error: Option<String>,
    /// Not asked before then.
    pub retry_at: Option<Time>,
    /// No good answer for too long.
    pub out_of_date: bool,
    /// Entries held for review.
    pub held: usize,
}

/// The rows, and what is to be blocked.
#[derive(Debug, Serialize)]
pub struct BlacklistStatus {
    /// Addresses and networks that feeds want blocked.
    pub to_block: usize,
    /// How many of them are blocked.
    pub blocked: usize,
    /// banbridge's rows.
    pub rows: usize,
    /// Other rows.
    pub other_rows: usize,
    /// The row limit.
    pub limit: usize,
    /// Addresses and networks over it.
    pub over_limit: usize,
    /// Those that no row can block.
    pub not_by_row: usize,
    /// Listed and protected.
    pub protected: usize,
    /// Unblocked by somebody.
    pub unblocked: usize,
    /// Rows that the next run changes.
    pub pending: usize,
    /// How long the firewall needs for the rows when it starts, in seconds.
    pub restart_s: u64,
    /// How many seconds a pass of FreePBX 18's firewall takes longer for them.
    pub pass_s: u64,
}

/// The firewall.
#[derive(Debug, Serialize)]
pub struct FirewallStatus {
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its service runs.
    pub running: bool,
    /// What its service does.
    pub service: Service,
    /// What root saw in the kernel of the rules that the rows ask for.
    pub rules: Option<RulesStatus>,
    /// Its driver.
    pub driver: Driver,
    /// How often it reads the rows, in seconds.
    pub period_s: u64,
}

/// What root saw of the rules.
#[derive(Debug, Serialize)]
pub struct RulesStatus {
    /// When it looked.
    pub seen_at: Time,
    /// What it found.
    #[serde(flatten)]
    pub found: Rules,
}

/// One source of protected addresses.
#[derive(Debug, Serialize)]
pub struct SourceStatus {
    /// The source.
    pub source: &'static str,
    /// Its name in words.
    #[serde(skip)]
    pub title: &'static str,
    /// How many addresses and networks it protects.
    pub protects: usize,
    /// When it last gave a good answer.
    pub last_success: Option<Time>,
    /// What was wrong with the last answer.
    pub last_error: Option<String>,
}

/// The last run.
#[derive(Debug, Serialize)]
pub struct RunStatus {
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// How it ended.
    pub exit_code: Option<u8>,
    /// Rows added.
    pub added: u64,
    /// Rows removed.
    pub removed: u64,
    /// How many warnings it gave; they are in the log.
    pub warnings: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// Why rows and rules were not changed together.
    pub fallback: Option<String>,
}

/// Looks at everything, and changes nothing. Returns with it the time that it is true for, in seconds since 1970.
pub fn status(environment: &Environment) -> Result<(Status, i64)> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    Ok((look(environment, &config, &mut ledger, &saved, &clock)?, now))
}

/// Looks at everything, and changes nothing.
fn look(
    environment: &Environment,
    config: &Config,
    ledger: &mut Ledger,
    saved: &SavedState,
    clock: &Clock,
) -> Result<Status> {
    let now = clock.now();
    let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
    let plan = saved.plan(now);
    let feeds = config.feed.iter().zip(&saved.feeds).map(|(config, state)| FeedStatus {
        name: config.name.clone(),
        kind: config.kind.word(),
        enabled: config.enabled,
        permit: config.permits,
        entries: saved.count(state.id, now),
        complete: state.complete,
        last_attempt: state.last_attempt.map(Time),
        last_success: state.last_success.map(Time),
        last_error: state.last_error.clone(),
        retry_at: state.retry_at.filter(|at| *at > now).map(Time),
        held: saved.held(state.id, now),
        out_of_date: config.enabled && is_out_of_date(state.last_success, config.interval.as_secs(), now),
    });
    let protected = ledger.sources()?.into_iter().map(|state| SourceStatus {
        source: state.source.word(),
        title: state.source.title(),
        protects: saved.never_block.count(state.source),
        last_success: state.last_success.map(Time),
        last_error: state.last_error,
    });
    let view = SetView::load(ledger, &plan, now)?;
    let set_missing = view.missing(&plan);
    let set = view.status();
    let evidence = seen(environment, ledger, saved, now)?;
    let service = daemon::service(&run_dir);
    let mut status = Status {
        state: State::NoRun,
        state_text: String::new(),
        state_coded: Coded::default(),
        state_since: None,
        running: running(config, ledger, saved, now)?,
        root: root(ledger, now)?,
        next_run: next_run(ledger, now)?.map(Time),
        blocking: false,
        notes: Vec::new(),
        feeds: feeds.collect(),
        blacklist: blacklist(
            saved,
            &plan,
            saved.firewall.enabled || (config.set.without_firewall && set.backend.is_some()),
            set.backend.is_some(),
            row_cost::known(ledger, saved.firewall.driver)?,
        ),
        set,
        firewall: FirewallStatus {
            enabled: saved.firewall.enabled,
            running: service != Service::Stopped,
            service,
            rules: evidence.map(|seen| RulesStatus { seen_at: Time(seen.at), found: seen.rules }),
            driver: saved.firewall.driver,
            period_s: saved.firewall.period_s,
        },
        protected: protected.collect(),
        last_run: ledger.last_run()?.map(RunStatus::from),
        packets: Packets::load(ledger, now)?,
        permit: permit::look(ledger, config, saved, now)?,
        week: WeekSum::load(ledger, now)?,
        problems: Vec::new(),
    };
    let around = Circumstances {
        last_run: status.last_run.as_ref().map(|run| run.started_at.0),
        service,
        by_rules: evidence.and_then(|seen| seen.counts(now)).is_some_and(Rules::block),
        over_limit: status.blacklist.over_limit,
        by_set: status.set.backend.is_some(),
        doubt: clock.doubt().map(str::to_owned),
    };
    let problems = judged::decide(config, saved, ledger, &around, now)?;
    status.problems = judged::shown(problems, ledger, now)?;
    status.notes = notes(&status, config, saved, ledger.is_present(), clock.doubt());
    let complete = evidence.and_then(|seen| seen.counts(now)).is_some_and(Rules::are_complete);
    let by_rows = complete && status.blacklist.rows > 0;
    let by_set = status.set.backend.is_some() && set_missing == 0;
    let alone = config.set.without_firewall && !status.firewall.enabled;
    status.blocking = (status.firewall.enabled && (by_rows || by_set)) || (alone && by_set);
    let late: Vec<(&str, Option<i64>)> = status
        .feeds
        .iter()
        .filter(|feed| feed.out_of_date)
        .map(|feed| (feed.name.as_str(), feed.last_success.map(|time| time.0)))
        .collect();
    let period = i64::try_from(saved.firewall.period_s).unwrap_or(30);
    let changed_at = ledger.state(StateKey::ChangedAt)?.filter(|at| (*at..=*at + period).contains(&now));
    let facts = Facts {
        has_run: ledger.is_present() && status.last_run.is_some(),
        last_run: status.last_run.as_ref().map(|run| run.finished_at.unwrap_or(run.started_at).0),
        enabled: status.firewall.enabled,
        off_since: ledger.state(StateKey::OffSince)?,
        service,
        evidence,
        overlap: match saved.firewall.driver {
            Driver::Nftables => module_sets::overlap(&saved.present).map(|overlap| overlap.to_string()),
            Driver::Iptables => None,
        },
        read_only: ledger.is_read_only()?,
        set_missing,
        set: status.set.backend.is_some(),
        alone: config.set.without_firewall,
        to_block: status.blacklist.to_block,
        blocked: status.blacklist.blocked,
        pending: status.blacklist.pending,
        rows_wait: changed_at,
        out_of_date: &late,
    };
    let (cause, since) = judge(&facts, now);
    (status.state, status.state_since) = (cause.state(), since.map(Time));
    (status.state_text, status.state_coded) = (cause.sentence(), cause.coded());
    Ok(status)
}

/// What was seen in the kernel: root looks now, others read what root saw.
fn seen(
    environment: &Environment,
    ledger: &mut Ledger,
    saved: &SavedState,
    now: i64,
) -> Result<Option<Evidence>> {
    Ok(match environment.is_root && saved.firewall.enabled {
        true => {
            let rules = look::rules(&environment.programs, saved.firewall.driver, &saved.present);
            Some(Evidence { at: now, rules })
        }
        false => ledger.evidence()?,
    })
}

/// The run that is at work: whoever holds the lock.
fn running(config: &Config, ledger: &mut Ledger, saved: &SavedState, now: i64) -> Result<Option<Running>> {
    if !ledger.is_locked()? {
        return Ok(None);
    }
    let Some(run) = ledger.last_run()?.filter(|run| run.finished_at.is_none()) else { return Ok(None) };
    let asked = config.feed.iter().zip(&saved.feeds).filter(|(feed, _)| feed.enabled);
    let asked = asked.filter(|(_, state)| !state.complete).max_by_key(|(_, state)| state.last_attempt);
    let mut running =
        Running { started_at: Time(run.started_at), feed: None, entries: 0, waiting_until: None };
    if let Some((feed, state)) = asked {
        running.feed = Some(feed.name.clone());
        running.entries = saved.count(state.id, now);
        let paced = pacing::wait(&ledger.requests(&pace(config, feed))?, now_ms()).as_secs();
        let paced = now.saturating_add_unsigned(paced);
        let until = state.retry_at.map_or(paced, |told| told.max(paced));
        running.waiting_until =
            (matches!(feed.kind, FeedKind::Apiban(_)) && until > now).then_some(Time(until));
    }
    Ok(Some(running))
}

fn root(ledger: &mut Ledger, now: i64) -> Result<Root> {
    let last = ledger.state(StateKey::RootRun)?;
    let timer = last.is_some_and(|last| now.saturating_sub(last) <= ROOTS_PERIOD);
    Ok(Root { timer, last_run: last.map(Time), install: (!timer).then_some(INSTALL) })
}

/// A run that should have been made by now is due at once.
fn next_run(ledger: &mut Ledger, now: i64) -> Result<Option<i64>> {
    let (Some(last), Some(distance)) =
        (ledger.state(StateKey::LastSync)?, ledger.state(StateKey::SyncDistance)?)
    else {
        return Ok(None);
    };
    Ok((distance > 0).then_some(last.saturating_add(distance).max(now)))
}

fn blacklist(saved: &SavedState, plan: &Plan, blocks: bool, set: bool, cost: RowCost) -> BlacklistStatus {
    let rows = saved.rows.ours.len();
    // With the firewall's help or without: what nothing can block, or nothing may.
    let nowhere = if set { 0 } else { plan.over_limit + plan.not_by_row + plan.add.len() };
    let blocked = match blocks {
        true => plan.wanted_prefixes.saturating_sub(plan.protected.len() + plan.unblocked_prefixes + nowhere),
        false => 0,
    };
    let (restart_s, pass_s) = match saved.policy.driver {
        Driver::Iptables => (cost.seconds(rows), 0),
        Driver::Nftables => (0, cost.seconds(rows)),
    };
    BlacklistStatus {
        to_block: plan.wanted_prefixes,
        blocked,
        rows,
        other_rows: saved.rows.others.len(),
        limit: saved.policy.limit,
        over_limit: plan.over_limit,
        not_by_row: plan.not_by_row,
        protected: plan.protected.len(),
        unblocked: saved.unblocked.len(),
        pending: plan.add.len() + plan.remove.len(),
        restart_s,
        pass_s,
    }
}

/// What else to know: one or two sentences each.
fn notes(
    status: &Status,
    config: &Config,
    saved: &SavedState,
    ledger_present: bool,
    doubt: Option<&str>,
) -> Vec<String> {
    let mut notes: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    notes.extend(doubt.map(str::to_owned));
    let mut note = |text: String| notes.push(text);
    let b = &status.blacklist;
    let by_set = status.set.backend.is_some();
    for feed in status.feeds.iter().filter(|feed| feed.enabled) {
        match (&feed.last_error, feed.out_of_date) {
            (Some(error), _) => note(format!("Feed {}: {error}", feed.name)),
            (None, true) if ledger_present => note(format!(
                "Feed {}: no update for over a day. Check the timer: systemctl status banbridge-sync.timer",
                feed.name
            )),
            _ => {}
        }
    }
    if !status.feeds.iter().any(|feed| feed.enabled) {
        note("No feed is enabled, so nothing is to be blocked.".to_owned());
    }
    let addresses = |number| count(number, "address or network", "addresses and networks");
    if b.over_limit > 0 && !by_set {
        note(format!(
            "Not blocked: {}. The row limit of {} is reached ([blacklist] limit).",
            addresses(b.over_limit),
            number(b.limit)
        ));
    }
    if b.not_by_row > 0 && !by_set {
        note(format!(
            "Not blocked: {} of IPv6. The iptables driver of this firewall does not enforce IPv6 rows.",
            addresses(b.not_by_row)
        ));
    }
    if b.pending > 0 && ledger_present {
        note(Cause::RowsPending(b.pending).sentence());
    }
    if saved.catching_up {
        note(
            "The saved state is new or was restored. Existing rows stay until every feed has been fetched."
                .to_owned(),
        );
    }
    for source in &status.protected {
        if let Some(error) = &source.last_error {
            let still = match source.last_success {
                Some(last) => format!("Addresses found at {last} stay protected."),
                None => "It protects nobody yet.".to_owned(),
            };
            note(format!("Could not read {}: {error}. {still}", source.title));
        }
    }
    if let Some(why) = status.last_run.as_ref().and_then(|run| run.fallback.as_ref()) {
        note(format!("The firewall service will load the rows, which is slower ({why})."));
    }
    if let Some(run) = &status.last_run
        && run.finished_at.is_none()
    {
        note(format!(
            "The run that began {} is in progress or was cut off. The next run continues from there.",
            run.started_at
        ));
    }
    notes
}

impl From<Run> for RunStatus {
    fn from(run: Run) -> Self {
        Self {
            started_at: Time(run.started_at),
            finished_at: run.finished_at.map(Time),
            exit_code: run.exit_code,
            added: run.added,
            removed: run.removed,
            warnings: run.warnings,
            error: run.error,
            fallback: run.fallback,
        }
    }
}
