//! `feed test`: what a list would do, before it does it.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::super::Global;
use super::key;
use crate::ban::entry::NEVER;
use crate::ban::never_block::Verdict;
use crate::ban::snapshot::Validators;
use crate::ban::wanted;
use crate::ban::{Cover, Entry, Prefix};
use crate::cli::output::{Time, complain, count, print, print_json};
use crate::config::{ConfigError, FeedConfig, FeedKind};
use crate::feed::http::Download;
use crate::feed::list::Parsed;
use crate::feed::snapshot;
use crate::ledger::feeds::FeedState;
use crate::run::Environment;
use crate::run::child::{self, Work};
use crate::run::known_feed::named_or_known;
use crate::run::state::{Picture, asking_of};
use crate::system::child::say;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Failure, Result};

/// Examples of each sort that are shown.
const SHOWN: usize = 10;

#[derive(Serialize, Deserialize)]
pub(super) struct Tested {
    feed: String,
    url: String,
    fetched: usize,
    used: usize,
    below_score: usize,
    entries: usize,
    skipped: BTreeMap<String, usize>,
    examples: Vec<String>,
    /// Prefixes that no other feed covers.
    new: usize,
    /// Prefixes of which a part or all must never be blocked.
    protected: usize,
    protected_examples: Vec<String>,
    /// Rows of the blacklist with it, and prefixes of all feeds that would find no room, with it and without.
    rows: usize,
    rows_before: usize,
    limit: usize,
    over_limit: usize,
    over_limit_before: usize,
}

/// What a child found out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Found {
    Key(key::Tested),
    List(Box<Tested>),
}

/// How it went.
#[derive(Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) found: Option<Found>,
    /// What went wrong, and the exit code.
    pub(super) error: Option<(String, u8)>,
}

impl Answer {
    pub(super) fn failed(why: impl Display, exit: Exit) -> Self {
        Self { found: None, error: Some((why.to_string(), exit.code())) }
    }
}

/// Runs the command. Whoever runs it neither asks a server nor reads its answer: a confined child does.
pub(super) fn run(global: &Global, name: &str) -> Result<Exit> {
    let work = Work::TryFeed { feed: name.to_owned() };
    let answers: Vec<Answer> = child::ask(&global.environment(), &work)?;
    let Some(Answer { found, error }) = answers.into_iter().next() else {
        return Err(Failure::bug("the feed was tested without a result"));
    };
    match &found {
        Some(Found::Key(tested)) if global.json => print_json(tested)?,
        Some(Found::List(tested)) if global.json => print_json(tested)?,
        Some(Found::Key(tested)) => print(&tested.text())?,
        Some(Found::List(tested)) => print(&text(tested))?,
        None => {}
    }
    let Some((why, exit)) = error else { return Ok(Exit::Done) };
    complain(&why);
    Ok(Exit::from_code(exit))
}

/// The child: asks the server, judges its answer and says what came of it. The caller has confined this process.
pub fn run_child(environment: &Environment, name: &str) -> Result<()> {
    say(&answer(environment, name)?);
    Ok(())
}

fn answer(environment: &Environment, name: &str) -> Result<Answer> {
    let config = environment.config()?;
    let feed = named_or_known(&config, name)?;
    let list = match &feed.kind {
        FeedKind::Apiban(apiban) => return key::test(environment, &config, &feed, apiban),
        FeedKind::List(list) => list,
        FeedKind::Crowdsec(_) => {
            let path = config.path.clone().unwrap_or_default();
            let what = format!(
                "feed {name:?} is no list; banbridge sync --dry-run --feed {name} shows what it would do"
            );
            return Err(ConfigError::new(&path, what).into());
        }
    };
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let mut picture = Picture::load(&mut ledger, &config, now)?;
    let state = picture.feeds.iter().find(|state| state.name == feed.name).cloned().unwrap_or_default();
    let next = state.last_attempt.map_or(0, |last| last + list.minimum.as_secs());
    if (now..=now + list.minimum.as_secs()).contains(&next) {
        let why = format!("{name} was asked lately and may not be asked again before {}", Time(next));
        return Ok(Answer::failed(why, Exit::TryAgain));
    }
    let timeout = feed.timeout.duration();
    let parsed = match snapshot::fetch(name, &list.place, timeout, &list.settings, &Validators::default())? {
        Ok(Download::List { parsed, .. }) => parsed,
        Ok(Download::Unchanged) => Parsed::default(),
        Err(error) => return Ok(Answer::failed(&error, error.exit())),
    };
    let tested = judge(&feed, state.id, &parsed, &mut picture, now);
    Ok(Answer { found: Some(Found::List(Box::new(tested))), error: None })
}

fn judge(feed: &FeedConfig, id: u16, parsed: &Parsed, picture: &mut Picture, now: i64) -> Tested {
    let others: Vec<Prefix> =
        picture.holding(now).filter(|entry| entry.feed != id).map(|entry| entry.prefix).collect();
    let others = Cover::new(&others);
    let before = picture.plan(now);
    let mut protected_examples = Vec::new();
    let mut protected = 0;
    for prefix in &parsed.prefixes {
        let why = match picture.never_block.judge(prefix) {
            Verdict::Free => continue,
            Verdict::Refused(protection) => format!("{prefix}: {protection}"),
            Verdict::Carved(_) => {
                let why = picture.never_block.inside(prefix).next().map(ToString::to_string);
                format!("a part of {prefix}: {}", why.unwrap_or_default())
            }
        };
        protected += 1;
        if protected_examples.len() < SHOWN {
            protected_examples.push(why);
        }
    }
    picture.entries.retain(|entry| entry.feed != id);
    picture.entries.extend(parsed.prefixes.iter().map(|prefix| Entry {
        prefix: *prefix,
        feed: id,
        first_seen: now,
        last_seen: now,
        expires_at: NEVER,
    }));
    wanted::sort(&mut picture.entries);
    if !picture.asking.iter().any(|asking| asking.feed == id) {
        let last = picture.asking.iter().map(|asking| asking.priority + 1).max().unwrap_or(0);
        let state = FeedState { id, ..FeedState::default() };
        picture.asking.push(asking_of(feed, &state, last));
    }
    let after = picture.plan(now);
    let example = |r: &crate::feed::list::RefusedLine| format!("line {}: {} ({})", r.line, r.text, r.reason);
    Tested {
        feed: feed.name.clone(),
        url: feed.url.clone(),
        fetched: parsed.received(),
        used: parsed.accepted,
        below_score: parsed.below_score,
        entries: parsed.prefixes.len(),
        skipped: parsed.reasons.iter().map(|(reason, number)| (reason.to_string(), *number)).collect(),
        examples: parsed.refused.iter().take(SHOWN).map(example).collect(),
        new: parsed.prefixes.iter().filter(|prefix| !others.contains(prefix)).count(),
        protected,
        protected_examples,
        rows: after.rows.len(),
        rows_before: before.rows.len(),
        limit: picture.policy.limit,
        over_limit: after.over_limit,
        over_limit_before: before.over_limit,
    }
}

fn text(tested: &Tested) -> String {
    let mut lines = vec![
        format!("{} at {} (nothing was changed)", tested.feed, tested.url),
        format!("  entries:    {}, {} taken as {} prefixes", tested.fetched, tested.used, tested.entries),
    ];
    if tested.below_score > 0 {
        lines.push(format!("  below score: {} of them", tested.below_score));
    }
    lines.push(format!("  new:        {} that no other feed covers", tested.new));
    for (reason, number) in &tested.skipped {
        lines.push(format!("  refused:    {number}, {reason}"));
    }
    lines.extend(tested.examples.iter().map(|example| format!("    {example}")));
    lines.push(format!(
        "  protected:  {} never blocked, or not whole",
        count(tested.protected, "address", "addresses")
    ));
    lines.extend(tested.protected_examples.iter().map(|example| format!("    {example}")));
    lines.push(format!(
        "  blacklist:  {} rows instead of {}, of at most {}; {} find no room instead of {}",
        tested.rows, tested.rows_before, tested.limit, tested.over_limit, tested.over_limit_before
    ));
    lines.join("\n") + "\n"
}
