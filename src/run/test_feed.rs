//! What a feed would do, before it does it: one request, and nothing is changed.

mod key;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::child::{self, Work};
use super::context::Environment;
use super::feeds::OwnList;
use super::known_feed::{named_or_known, own_list};
use super::state::{SavedState, policy_of};
use crate::ban::entry::{NEVER, Said};
use crate::ban::never_block::Verdict;
use crate::ban::snapshot::Validators;
use crate::ban::wanted;
use crate::ban::{Cover, Entry, Prefix};
use crate::config::{ConfigError, FeedConfig, FeedKind};
use crate::feed::http::Download;
use crate::feed::list::Parsed;
use crate::feed::snapshot;
use crate::ledger::feeds::FeedState;
use crate::system::child::say;
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Failure, Result};
use crate::system::time::Time;
pub use key::KeyTested;

/// Examples of each sort that are shown.
const SHOWN: usize = 10;

/// What a list would do.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListTested {
    /// The feed.
    pub feed: String,
    /// Where it was fetched from.
    pub url: String,
    /// Entries that came.
    pub fetched: usize,
    /// Those of them that count.
    pub used: usize,
    /// Those of them that were not asked for: a score below the setting, another country or registry.
    pub left_out: usize,
    /// Addresses and networks of them, each counted once.
    pub entries: usize,
    /// Entries that do not count, by the reason.
    pub skipped: BTreeMap<String, usize>,
    /// Some of them.
    pub examples: Vec<String>,
    /// Addresses and networks that no other feed contains.
    pub new: usize,
    /// Addresses and networks that are protected, as a whole or in part.
    pub protected: usize,
    /// Some of them, with the reason.
    pub protected_examples: Vec<String>,
    /// banbridge's rows with this feed.
    pub rows: usize,
    /// banbridge's rows without it.
    pub rows_before: usize,
    /// The row limit.
    pub limit: usize,
    /// Addresses and networks over the row limit with this feed.
    pub over_limit: usize,
    /// The same without it.
    pub over_limit_before: usize,
}

/// What was found out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Of a feed with a key: whether the key is accepted.
    Key(KeyTested),
    /// Of a list: what it would do.
    List(Box<ListTested>),
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What was found out; none where nothing was.
    pub found: Option<Found>,
    /// What went wrong, and the exit code.
    pub error: Option<(String, u8)>,
}

impl Answer {
    fn failed(why: impl Display, exit: Exit) -> Self {
        Self { found: None, error: Some((why.to_string(), exit.code())) }
    }
}

/// Tests a feed of the configuration, or one that the catalog would add. Whoever calls it neither asks a server nor reads
/// its answer: a confined child does.
pub fn test(environment: &Environment, name: &str, own: Option<&OwnList>) -> Result<Answer> {
    let lines = own.map(OwnList::lines).transpose()?;
    if let Some(lines) = &lines {
        // A mistake is told here, where it was made.
        own_list(&environment.config()?, lines)?;
    }
    let work = Work::TryFeed { feed: name.to_owned(), lines };
    let answers: Vec<Answer> = child::ask(environment, &work)?;
    answers.into_iter().next().ok_or_else(|| Failure::bug("the feed was tested without a result"))
}

/// The child: asks the server, judges its answer and tells the parent. The caller has confined this process.
pub fn test_as_child(environment: &Environment, name: &str, lines: Option<&str>) -> Result<()> {
    say(&answer(environment, name, lines)?);
    Ok(())
}

fn answer(environment: &Environment, name: &str, lines: Option<&str>) -> Result<Answer> {
    let config = environment.config()?;
    let feed = match lines {
        Some(lines) => own_list(&config, lines)?,
        None => named_or_known(&config, name)?,
    };
    let list = match &feed.kind {
        FeedKind::Apiban(apiban) => return key::test(environment, &config, &feed, apiban),
        FeedKind::List(list) => list,
        FeedKind::Crowdsec(_) | FeedKind::Log(_) | FeedKind::Fail2ban(_) => {
            let path = config.path.clone().unwrap_or_default();
            let what = format!(
                "cannot test feed {name:?}: it is not a list. To see what it would do: banbridge sync --dry-run --feed {name}"
            );
            return Err(ConfigError::new(&path, what).into());
        }
    };
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let mut saved = SavedState::load(&mut ledger, &config, now)?;
    let state = saved.feeds.iter().find(|state| state.name == feed.name).cloned().unwrap_or_default();
    let next = state.last_attempt.map_or(0, |last| last + list.minimum.as_secs());
    if (now..=now + list.minimum.as_secs()).contains(&next) {
        let why = format!("{name} was fetched recently. It may be fetched again after {}.", Time(next));
        return Ok(Answer::failed(why, Exit::TryAgain));
    }
    let request = snapshot::Request {
        name,
        place: &list.place,
        login: feed.read_login()?,
        timeout: feed.timeout.duration(),
        route: &feed.route,
        settings: &list.settings,
        known: &Validators::default(),
    };
    let parsed = match snapshot::fetch(&request)? {
        Ok(Download::List { parsed, .. }) => parsed,
        Ok(Download::Unchanged) => Parsed::default(),
        Err(error) => return Ok(Answer::failed(&error, error.exit())),
    };
    let tested = judge(&feed, state.id, &parsed, &mut saved, now);
    Ok(Answer { found: Some(Found::List(Box::new(tested))), error: None })
}

/// Fetches a list as a whole; an error in words where it did not come.
pub(super) fn fetch(feed: &FeedConfig) -> Result<std::result::Result<Parsed, String>> {
    let FeedKind::List(list) = &feed.kind else { return Ok(Err("it is not a list".to_owned())) };
    let request = snapshot::Request {
        name: &feed.name,
        place: &list.place,
        login: feed.read_login()?,
        timeout: feed.timeout.duration(),
        route: &feed.route,
        settings: &list.settings,
        known: &Validators::default(),
    };
    Ok(match snapshot::fetch(&request)? {
        Ok(Download::List { parsed, .. }) => Ok(parsed),
        Ok(Download::Unchanged) => Ok(Parsed::default()),
        Err(error) => Err(error.to_string()),
    })
}

fn judge(feed: &FeedConfig, id: u16, parsed: &Parsed, saved: &mut SavedState, now: i64) -> ListTested {
    let others: Vec<Prefix> =
        saved.holding(now).filter(|entry| entry.feed != id).map(|entry| entry.prefix).collect();
    let others = Cover::new(&others);
    let before = saved.plan(now);
    let mut protected_examples = Vec::new();
    let mut protected = 0;
    for prefix in &parsed.prefixes {
        let why = match saved.never_block.judge(prefix) {
            Verdict::Free => continue,
            Verdict::Protected(protection) => format!("{prefix}: {protection}"),
            Verdict::Carved(_) => {
                let why = saved.never_block.inside(prefix).next().map(ToString::to_string);
                format!("part of {prefix}: {}", why.unwrap_or_default())
            }
        };
        protected += 1;
        if protected_examples.len() < SHOWN {
            protected_examples.push(why);
        }
    }
    saved.entries.retain(|entry| entry.feed != id);
    saved.entries.extend(parsed.prefixes.iter().map(|prefix| {
        Entry::from(Said { prefix: *prefix, feed: id, first_seen: now, last_seen: now, expires_at: NEVER })
    }));
    wanted::sort(&mut saved.entries);
    if !saved.feed_policies.iter().any(|feed| feed.feed == id) {
        let last = saved.feed_policies.iter().map(|feed| feed.priority + 1).max().unwrap_or(0);
        let state = FeedState { id, ..FeedState::default() };
        saved.feed_policies.push(policy_of(feed, &state, last));
    }
    let after = saved.plan(now);
    let example = |r: &crate::feed::list::SkippedLine| format!("line {}: {} ({})", r.line, r.text, r.reason);
    ListTested {
        feed: feed.name.clone(),
        url: feed.url.clone(),
        fetched: parsed.received(),
        used: parsed.accepted,
        left_out: parsed.left_out,
        entries: parsed.prefixes.len(),
        skipped: parsed.reasons.iter().map(|(reason, number)| (reason.to_string(), *number)).collect(),
        examples: parsed.examples(SHOWN).into_iter().map(example).collect(),
        new: parsed.prefixes.iter().filter(|prefix| !others.contains(prefix)).count(),
        protected,
        protected_examples,
        rows: after.rows.len(),
        rows_before: before.rows.len(),
        limit: saved.policy.limit,
        over_limit: after.over_limit,
        over_limit_before: before.over_limit,
    }
}
