//! The problems of this moment, from the saved state.

use serde::Serialize;

use crate::ban::health::coded::Coded;
use crate::ban::health::evidence::Service;
use crate::ban::health::problem::{self, Facts, FeedFacts, Leak, Listed, Problem};
use crate::ban::permit::Permit;
use crate::ban::{Prefix, Source};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::ledger::history::DAY;
use crate::run::state::SavedState;
use crate::system::database::Result;
use crate::system::text::one_line;
use crate::system::time::Time;

/// Protected addresses that are looked for at most; no text names that many.
const MOST_LISTED: usize = 1_000;
/// The most characters of an error in a problem.
const ERROR_SHOWN: usize = 300;
/// The most characters of a reason.
const WHY_SHOWN: usize = 120;

/// One problem, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemItem {
    /// Such as `out_of_date:apiban`.
    pub id: String,
    /// `warning` or `error`.
    pub level: &'static str,
    /// In a few words.
    pub title: String,
    /// In a sentence or two.
    pub text: String,
    /// The same as a code and its values.
    pub coded: Coded,
    /// Since when.
    pub since: Time,
}

/// What the problems depend on besides the saved state.
pub struct Circumstances {
    /// When the last run began.
    pub last_run: Option<i64>,
    /// Whether the firewall's daemon runs.
    pub service: Service,
    /// Whether rules of rows were seen in the kernel.
    pub by_rules: bool,
    /// Prefixes that found no room.
    pub over_limit: usize,
    /// Whether there is a set.
    pub by_set: bool,
    /// Why the clock is doubted.
    pub doubt: Option<String>,
}

/// The problems of this moment.
pub fn decide(
    config: &Config,
    saved: &SavedState,
    ledger: &mut Ledger,
    around: &Circumstances,
    now: i64,
) -> Result<Vec<Problem>> {
    let refused = ledger.keys_refused()?;
    let permit = saved.permit(now);
    // The saved states are those of before this run's answers.
    let states = ledger.feeds()?;
    let on = config.feed.iter().zip(&saved.feeds).filter(|(config, _)| config.enabled);
    let on = on.map(|(config, state)| (config, states.get(&config.name).unwrap_or(state)));
    let feeds = on.map(|(config, state)| FeedFacts {
        name: config.name.clone(),
        last_attempt: state.last_attempt,
        last_success: state.last_success,
        last_error: state.last_error.as_ref().map(|error| one_line(error, ERROR_SHOWN).into_owned()),
        interval: config.interval.as_secs(),
        key_refused: refused.get(&state.id).copied(),
        held: saved.held(state.id, now),
        // 0: since its first load.
        held_since: state.held_since.filter(|since| *since > 0),
    });
    Ok(problem::problems(&Facts {
        now,
        last_run: around.last_run,
        clock: around.doubt.clone(),
        enabled: saved.firewall.enabled,
        service: around.service,
        by_rules: around.by_rules,
        feeds: feeds.collect(),
        listed: listed(saved, now),
        over_limit: around.over_limit,
        limit: saved.policy.limit,
        by_set: around.by_set,
        alone: config.set.without_firewall,
        permit_not_ready: match &permit {
            Permit::NotReady(names) => names.clone(),
            _ => Vec::new(),
        },
        permit_missing: match (&permit, ledger.permit_found()?) {
            (Permit::Ready(_), Some(found)) if found.backend.is_none() => found.note,
            (Permit::Ready(_), None) => Some("root has not put it into the kernel yet".to_owned()),
            _ => None,
        },
        leaks: ledger
            .leaks(now - DAY)?
            .into_iter()
            .map(|(address, attempts, last)| Leak { address, attempts, last })
            .collect(),
    }))
}

/// The same as they are shown. One that no run recorded yet stands since now.
pub fn shown(problems: Vec<Problem>, ledger: &mut Ledger, now: i64) -> Result<Vec<ProblemItem>> {
    let recorded = ledger.recorded()?;
    let since = |problem: &Problem| {
        let of_ledger =
            recorded.iter().find(|recorded| recorded.id == problem.id && recorded.over_at.is_none());
        problem.since.or(of_ledger.map(|recorded| recorded.since)).unwrap_or(now)
    };
    let item = |problem: Problem| ProblemItem {
        since: Time(since(&problem)),
        id: problem.id,
        level: problem.level.word(),
        title: problem.title,
        text: problem.text,
        coded: problem.coded,
    };
    Ok(problems.into_iter().map(item).collect())
}

/// Who is protected by more than being no public address, and listed; a network around him counts too.
fn listed(saved: &SavedState, now: i64) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for entry in saved.holding(now).filter(|entry| saved.never_block.touches(&entry.prefix)) {
        if found.len() == MOST_LISTED {
            break;
        }
        let Some(feed) = saved.feed_name(entry.feed) else { continue };
        // Who is on the allow list is there because he is listed.
        let others = saved.never_block.touching(&entry.prefix);
        for protection in others.filter(|one| one.source != Source::Allow) {
            let inner =
                if protection.prefix.contains(&entry.prefix) { entry.prefix } else { protection.prefix };
            if is_special(saved, &inner) {
                continue;
            }
            match found.iter_mut().find(|known| known.what == inner) {
                Some(known) if known.feeds.iter().any(|name| name == feed) => {}
                Some(known) => known.feeds.push(feed.to_owned()),
                None => found.push(Listed {
                    what: inner,
                    why: one_line(&protection.to_string(), WHY_SHOWN).into_owned(),
                    feeds: vec![feed.to_owned()],
                }),
            }
        }
    }
    found
}

/// Lists do hold private networks, and that says nothing of anybody in one.
fn is_special(saved: &SavedState, prefix: &Prefix) -> bool {
    let mut around = saved.never_block.touching(prefix);
    around.any(|one| one.source == Source::Special && one.prefix.contains(prefix))
}
