//! `status`: is the PBX protected, and if not, why. Looks at the database and the processes, never at the network.

mod monitor;
mod prometheus;
mod state;

use crate::system::failure::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Global;
use super::output::{Time, count, print, print_json, table, time_or};
use crate::ban::notice;
use crate::ban::pacing;
use crate::ban::plan::{Driver, Fate, Plan};
use crate::config::{Config, FeedKind};
use crate::ledger::runs::Run;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::{daemon, firewall};
use crate::run::clock::Clock;
use crate::run::fetch::{now_ms, pace};
use crate::run::history::Packets;
use crate::run::kernel_set::{SetStatus, SetView};
use crate::run::problems::{self as judged, Circumstances, ProblemItem};
use crate::run::state::Picture;
use crate::system::exit::Exit;
use state::{Facts, State};

/// Seconds that the iptables driver needs for each row when the firewall starts (measured: 4 to 8 ms, and up to 11
/// beyond 5,000 rows).
const RESTART_SECONDS_A_ROW: f64 = 0.006;
/// Root runs again and again when its last run is no longer ago than this, in seconds: cron's is five minutes.
const ROOTS_PERIOD: i64 = 600;
/// What makes root run again and again.
const INSTALL: &str = "banbridge setup";

#[derive(Debug, Serialize)]
struct Status {
    /// The state in one word.
    state: State,
    /// The same in one sentence.
    state_text: String,
    state_since: Option<Time>,
    /// A run that is at work now.
    running: Option<Running>,
    root: Root,
    /// When the feeds are asked again, judged by how far the last runs were apart.
    next_run: Option<Time>,
    /// Whether what the feeds want is blocked as far as can be seen.
    blocking: bool,
    /// What an administrator should know or mend, in words.
    notes: Vec<String>,
    feeds: Vec<FeedStatus>,
    blacklist: BlacklistStatus,
    /// The second place that blocks.
    set: SetStatus,
    firewall: FirewallStatus,
    protected: Vec<SourceStatus>,
    last_run: Option<RunStatus>,
    packets: Packets,
    problems: Vec<ProblemItem>,
}

#[derive(Debug, Serialize)]
struct Running {
    started_at: Time,
    /// The feed that is being asked, or was last.
    feed: Option<String>,
    /// What that feed lists so far.
    entries: usize,
    /// Until when its rate limit has the run wait.
    waiting_until: Option<Time>,
}

#[derive(Debug, Serialize)]
struct Root {
    /// Whether root runs here again and again, which brings changes of others into force.
    timer: bool,
    last_run: Option<Time>,
    /// What to run where it does not.
    install: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct FeedStatus {
    name: String,
    kind: &'static str,
    enabled: bool,
    entries: usize,
    complete: bool,
    cursor: Option<String>,
    last_attempt: Option<Time>,
    last_success: Option<Time>,
    last_error: Option<String>,
    retry_at: Option<Time>,
    out_of_date: bool,
    /// Entries that the surge guard holds.
    held: usize,
}

#[derive(Debug, Serialize)]
struct BlacklistStatus {
    /// Prefixes that feeds want, and how many of them a row or the set blocks.
    to_block: usize,
    blocked: usize,
    rows: usize,
    other_rows: usize,
    limit: usize,
    over_limit: usize,
    not_by_row: usize,
    protected: usize,
    unblocked: usize,
    /// Rows that the next run would write or take away.
    pending: usize,
    /// What the rows of ours cost at the next start of the firewall, in seconds.
    restart_s: u64,
}

#[derive(Debug, Serialize)]
struct FirewallStatus {
    enabled: bool,
    running: bool,
    driver: Driver,
    period_s: u64,
}

#[derive(Debug, Serialize)]
struct SourceStatus {
    source: &'static str,
    #[serde(skip)]
    title: &'static str,
    /// How many addresses and networks it protects.
    protects: usize,
    last_success: Option<Time>,
    last_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct RunStatus {
    started_at: Time,
    finished_at: Option<Time>,
    exit_code: Option<u8>,
    added: u64,
    removed: u64,
    error: Option<String>,
    fallback: Option<String>,
}

/// What `status` takes.
#[derive(Debug, Default, Args)]
pub struct StatusArgs {
    /// Write the figures in another form
    #[arg(long, value_enum, conflicts_with = "json")]
    format: Option<Format>,
    /// For Nagios and Icinga: one line, and the exit code 0 (OK), 1 (warning), 2 (critical) or 3 (unknown)
    #[arg(long, conflicts_with = "format")]
    check: bool,
}

/// Another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For node_exporter's textfile collector
    Prometheus,
}

/// Runs the command.
pub fn run(global: &Global, args: &StatusArgs) -> Result<Exit> {
    if args.check {
        return monitor::run(global);
    }
    let (status, _) = load(global)?;
    if args.format == Some(Format::Prometheus) {
        print(&prometheus::text(&status))?;
    } else if global.json {
        print_json(&status)?;
    } else if !global.quiet {
        print(&text(&status))?;
    }
    Ok(Exit::Done)
}

/// What `status --json` prints.
pub fn value(global: &Global) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(load(global)?.0)?)
}

/// Looks at everything.
fn load(global: &Global) -> Result<(Status, i64)> {
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let now = clock.now();
    let picture = Picture::load(&mut ledger, &config, now)?;
    Ok((look(&config, &mut ledger, &picture, &clock)?, now))
}

fn look(config: &Config, ledger: &mut Ledger, picture: &Picture, clock: &Clock) -> Result<Status> {
    let now = clock.now();
    let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
    let plan = picture.plan(now);
    let feeds = config.feed.iter().zip(&picture.feeds).map(|(config, state)| FeedStatus {
        name: config.name.clone(),
        kind: config.kind.word(),
        enabled: config.enabled,
        entries: picture.count(state.id, now),
        complete: state.complete,
        cursor: state.cursor.clone(),
        last_attempt: state.last_attempt.map(Time),
        last_success: state.last_success.map(Time),
        last_error: state.last_error.clone(),
        retry_at: state.retry_at.filter(|at| *at > now).map(Time),
        held: picture.held(state.id, now),
        out_of_date: config.enabled && notice::is_stale(state.last_success, config.interval.as_secs(), now),
    });
    let protected = ledger.sources()?.into_iter().map(|state| SourceStatus {
        source: state.source.word(),
        title: state.source.title(),
        protects: picture.never_block.count(state.source),
        last_success: state.last_success.map(Time),
        last_error: state.last_error,
    });
    let set = SetView::load(ledger, &plan, now)?.status();
    let mut status = Status {
        state: State::NoRun,
        state_text: String::new(),
        state_since: None,
        running: running(config, ledger, picture, now)?,
        root: root(ledger, now)?,
        next_run: next_run(ledger, now)?.map(Time),
        blocking: false,
        notes: Vec::new(),
        feeds: feeds.collect(),
        blacklist: blacklist(picture, &plan, set.backend.is_some()),
        set,
        firewall: FirewallStatus {
            enabled: picture.firewall.enabled,
            running: daemon::is_running(&run_dir),
            driver: picture.firewall.driver,
            period_s: picture.firewall.period_s,
        },
        protected: protected.collect(),
        last_run: ledger.last_run()?.map(RunStatus::from),
        packets: Packets::load(ledger, now)?,
        problems: Vec::new(),
    };
    let around = Circumstances {
        last_run: status.last_run.as_ref().map(|run| run.started_at.0),
        running: status.firewall.running,
        over_limit: status.blacklist.over_limit,
        by_set: status.set.backend.is_some(),
        doubt: clock.doubt().map(str::to_owned),
    };
    let problems = judged::decide(config, picture, ledger, &around, now)?;
    status.problems = judged::shown(problems, ledger, now)?;
    status.notes = notes(&status, config, picture, ledger.is_present(), clock.doubt());
    let by_rows = status.firewall.running && status.blacklist.rows > 0;
    status.blocking = status.firewall.enabled && (by_rows || status.set.backend.is_some());
    let stale: Vec<(&str, Option<i64>)> = status
        .feeds
        .iter()
        .filter(|feed| feed.out_of_date)
        .map(|feed| (feed.name.as_str(), feed.last_success.map(|time| time.0)))
        .collect();
    let period = i64::try_from(picture.firewall.period_s).unwrap_or(30);
    let changed_at = ledger.state(StateKey::ChangedAt)?.filter(|at| (*at..=*at + period).contains(&now));
    let facts = Facts {
        has_run: ledger.is_present() && status.last_run.is_some(),
        last_run: status.last_run.as_ref().map(|run| run.finished_at.unwrap_or(run.started_at).0),
        enabled: status.firewall.enabled,
        off_since: ledger.state(StateKey::OffSince)?,
        running: status.firewall.running,
        set: status.set.backend.is_some(),
        wanted: status.blacklist.to_block,
        blocked: status.blacklist.blocked,
        due: status.blacklist.pending,
        rows_wait: changed_at,
        stale: &stale,
    };
    let (state, text, since) = state::judge(&facts, now);
    (status.state, status.state_text, status.state_since) = (state, text, since.map(Time));
    Ok(status)
}

/// The run that is at work: whoever holds the lock.
fn running(config: &Config, ledger: &mut Ledger, picture: &Picture, now: i64) -> Result<Option<Running>> {
    if !ledger.is_locked()? {
        return Ok(None);
    }
    let Some(run) = ledger.last_run()?.filter(|run| run.finished_at.is_none()) else { return Ok(None) };
    let asked = config.feed.iter().zip(&picture.feeds).filter(|(feed, _)| feed.enabled);
    let asked = asked.filter(|(_, state)| !state.complete).max_by_key(|(_, state)| state.last_attempt);
    let mut running =
        Running { started_at: Time(run.started_at), feed: None, entries: 0, waiting_until: None };
    if let Some((feed, state)) = asked {
        running.feed = Some(feed.name.clone());
        running.entries = picture.count(state.id, now);
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

fn blacklist(picture: &Picture, plan: &Plan, set: bool) -> BlacklistStatus {
    let rows = picture.rows.ours.len();
    // With the firewall's help or without: what nothing can block, or nothing may.
    let nowhere = if set { 0 } else { plan.over_limit + plan.not_by_row + plan.add.len() };
    let released = picture
        .releases
        .iter()
        .filter(|release| picture.fate(plan, &release.prefix) == Fate::Released)
        .count();
    let blocked = match picture.firewall.enabled {
        true => plan.wanted_prefixes.saturating_sub(plan.refused.len() + released + nowhere),
        false => 0,
    };
    let restart = match picture.policy.driver {
        Driver::Iptables => (rows as f64 * RESTART_SECONDS_A_ROW).ceil(),
        Driver::Nftables => 0.0,
    };
    BlacklistStatus {
        to_block: plan.wanted_prefixes,
        blocked,
        rows,
        other_rows: picture.rows.foreign.len(),
        limit: picture.policy.limit,
        over_limit: plan.over_limit,
        not_by_row: plan.not_by_row,
        protected: plan.refused.len(),
        unblocked: picture.releases.len(),
        pending: plan.add.len() + plan.remove.len(),
        restart_s: restart as u64,
    }
}

/// What is not as it should be, each with its mend.
fn notes(
    status: &Status,
    config: &Config,
    picture: &Picture,
    ledger_present: bool,
    doubt: Option<&str>,
) -> Vec<String> {
    let mut notes: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    notes.extend(doubt.map(str::to_owned));
    let mut note = |text: String| notes.push(text);
    if !ledger_present {
        note("no run has been made yet; make the first one with: banbridge sync".to_owned());
    }
    if !status.firewall.enabled {
        note(
            "the firewall is switched off, so nothing is blocked (FreePBX: Connectivity, Firewall)"
                .to_owned(),
        );
    } else if !status.firewall.running {
        note(
            "the firewall is enabled but its daemon does not run; start it with: fwconsole firewall start"
                .to_owned(),
        );
    }
    for feed in status.feeds.iter().filter(|feed| feed.enabled) {
        match (&feed.last_error, feed.out_of_date) {
            (Some(error), _) => note(format!("feed {}: {error}", feed.name)),
            (None, true) if ledger_present => {
                note(format!(
                    "feed {} gave no good answer for over a day; does banbridge run from cron?",
                    feed.name
                ));
            }
            _ => {}
        }
    }
    if !status.feeds.iter().any(|feed| feed.enabled) {
        note("no feed is switched on, so nothing is wanted".to_owned());
    }
    let b = &status.blacklist;
    let by_set = status.set.backend.is_some();
    if b.over_limit > 0 && !by_set {
        note(format!(
            "{} wanted and not blocked: they found no room under the limit of {} rows",
            b.over_limit, b.limit
        ));
    }
    if b.not_by_row > 0 && !by_set {
        note(format!(
            "{} of IPv6 wanted and not blocked: the iptables driver enforces no IPv6 rows",
            b.not_by_row
        ));
    }
    if b.pending > 0 && ledger_present {
        note(format!("{} to change on the next run", count(b.pending, "row", "rows")));
    }
    if picture.catching_up {
        note(
            "the ledger was new or restored; rows from before stay until the feeds are read again".to_owned(),
        );
    }
    for source in &status.protected {
        if let Some(error) = &source.last_error {
            let still = match source.last_success {
                Some(last) => format!("whom they protected {last} stays protected"),
                None => "so nobody is known whom they protect".to_owned(),
            };
            note(format!("{} could not be read: {error}; {still}", source.title));
        }
    }
    if let Some(why) = status.last_run.as_ref().and_then(|run| run.fallback.as_ref()) {
        note(format!("the last run left it to the firewall's daemon to bring its rows into force: {why}"));
    }
    if let Some(run) = &status.last_run
        && run.finished_at.is_none()
    {
        note(format!(
            "the run that began {} has not ended or was cut off; the next one goes on from there",
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
            error: run.error,
            fallback: run.fallback,
        }
    }
}

fn text(status: &Status) -> String {
    let firewall = &status.firewall;
    let mut lines = vec![match (firewall.enabled, firewall.running, status.blacklist.rows) {
        (false, ..) => "NOT IN FORCE: the firewall is switched off.".to_owned(),
        (_, false, _) => "NOT IN FORCE: the firewall's daemon does not run.".to_owned(),
        (.., 0) => "Nothing is blocked by banbridge yet.".to_owned(),
        (.., rows) => {
            format!("In force: {} of banbridge in the firewall's blacklist.", count(rows, "row", "rows"))
        }
    }];
    let b = &status.blacklist;
    let driver = match firewall.driver {
        Driver::Iptables => "iptables (FreePBX 15 to 17)",
        Driver::Nftables => "nftables (FreePBX 18)",
    };
    lines.push(format!("Firewall:  driver {driver}, looks for changes every {} s", firewall.period_s));
    lines.push(format!(
        "Blacklist: {} of banbridge of at most {}, {} of the administrator, {} released",
        count(b.rows, "row", "rows"),
        b.limit,
        b.other_rows,
        b.unblocked
    ));
    if b.restart_s > 1 {
        lines.push(format!(
            "           at its next start the firewall needs about {} s for them",
            b.restart_s
        ));
    }
    let set = &status.set;
    lines.push(match (set.backend, &set.note) {
        (Some(backend), _) => {
            let since = set.since.map(|since| format!(" since {since}")).unwrap_or_default();
            let packets = count(set.blocked_packets, "packet", "packets");
            format!(
                "Set:       {} in the kernel by {backend}; {packets} refused{since}",
                count(set.size, "network", "networks")
            )
        }
        (None, Some(note)) => format!("Set:       none, {note}"),
        (None, None) => "Set:       none".to_owned(),
    });
    for busy in &set.busiest {
        lines.push(format!(
            "           {} packets from {}, last {}",
            busy.packets, busy.address, busy.last_at
        ));
    }
    if b.protected > 0 {
        lines.push(format!("Protected: {} listed but never blocked (banbridge list --skipped)", b.protected));
    }
    if let Some(run) = &status.last_run {
        let end = match (run.exit_code, &run.finished_at) {
            (Some(0), _) => "without errors".to_owned(),
            (Some(code), _) => format!("with exit code {code}"),
            (None, _) => "not finished".to_owned(),
        };
        lines.push(format!(
            "Last run:  {}, {end}, {} rows added, {} removed",
            run.started_at, run.added, run.removed
        ));
    }
    let feeds = status.feeds.iter().map(|feed| {
        let state = match (feed.enabled, feed.out_of_date, feed.complete) {
            (false, ..) => "off",
            _ if feed.held > 0 => "HELD",
            (_, true, _) => "STALE",
            (.., false) => "loading",
            _ => "good",
        };
        let success = time_or(feed.last_success.map(|time| time.0), "never");
        vec![feed.name.clone(), state.to_owned(), feed.entries.to_string(), success]
    });
    let mut text =
        lines.join("\n") + "\n\n" + &table(&["FEED", "STATE", "ENTRIES", "LAST GOOD ANSWER"], feeds);
    if !status.problems.is_empty() {
        text += "\nProblems:\n";
        for notice in &status.problems {
            text += &format!("- {}, since {}: {}\n", notice.level, notice.since, notice.title);
        }
    }
    if !status.notes.is_empty() {
        text += "\nNotes:\n";
        for note in &status.notes {
            text += &format!("- {note}\n");
        }
    }
    text
}
