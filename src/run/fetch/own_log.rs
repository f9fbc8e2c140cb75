//! Takes who passed a threshold in this PBX's own log.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Outcome;
use crate::ban::entry::Said;
use crate::ban::never_block::Verdict;
use crate::ban::snapshot::Change;
use crate::ban::strikes::{self, Decision, Minute, Record, Strike};
use crate::ban::{Entry, Prefix};
use crate::config::{FeedConfig, LogConfig, Period};
use crate::ledger::attacks::RECENT_KEPT;
use crate::ledger::feeds::FeedState;
use crate::run::report::{FeedReport, Report};
use crate::run::session::Session;
use crate::system::failure::Result;
use crate::system::text::{count, number};

/// How many are named.
const NAMED: usize = 5;

/// Decides from what was read in the logs.
pub(super) fn ask(
    session: &mut Session,
    config: &FeedConfig,
    log: &LogConfig,
    asked: &mut FeedReport,
    report: &mut Report,
) -> Result<Outcome> {
    let now = session.clock.now();
    let state = session.state(&config.name);
    let minutes: Vec<Minute> = session
        .ledger
        .recent(now - RECENT_KEPT)?
        .into_iter()
        .filter_map(|one| {
            let (address, at, number) = (one.address, one.at, one.number);
            Some(Minute { address, kind: Strike::of(one.kind)?, at, number })
        })
        .collect();
    let records: BTreeMap<IpAddr, Record> = session
        .ledger
        .offenders(state.id)?
        .into_iter()
        .map(|(address, bans, banned_at)| (address, Record { bans, banned_at }))
        .collect();
    // Who is protected, or blocked by this feed already, is no news.
    let policy = session.saved.feed_policies.iter().find(|policy| policy.feed == state.id).copied();
    let known = |address: IpAddr| {
        let prefix = Prefix::host(address);
        let key = |entry: &Entry| (entry.prefix, entry.feed);
        let at = session.saved.entries.binary_search_by_key(&(prefix, state.id), key);
        let entry = at.ok().and_then(|at| session.saved.entries.get(at));
        entry.is_some_and(|entry| policy.is_some_and(|policy| policy.holds(entry, now)))
            || matches!(session.saved.never_block.judge(&prefix), Verdict::Protected(_))
    };
    let decision = strikes::decide(&minutes, &log.rules(), &records, known, now);
    asked.complete = true;
    asked.note = note(&decision, log);
    asked.fetched = decision.bans.len();
    asked.used = decision.bans.len();
    if decision.over_ceiling > 0 {
        report.warn(format!(
            "Feed {}: {} passed a threshold and {} not blocked: more than {} new ones in an hour may be forged. To allow \
             more: banbridge config set feed.{0}.most_new {}",
            config.name,
            count(decision.over_ceiling, "more address", "more addresses"),
            if decision.over_ceiling == 1 { "is" } else { "are" },
            number(log.most_new),
            log.most_new.saturating_mul(2).min(10_000),
        ));
    }
    // A feed of which nothing came writes once an hour that it is alive.
    if decision.bans.is_empty() && state.last_success.is_some_and(|last| (last..last + 3_600).contains(&now))
    {
        return Ok(Outcome::NotDue);
    }
    let mut added: Vec<Entry> = decision
        .bans
        .iter()
        .map(|ban| {
            Entry::from(Said {
                prefix: Prefix::host(ban.address),
                feed: state.id,
                first_seen: now,
                last_seen: now,
                expires_at: now.saturating_add(ban.seconds),
            })
        })
        .collect();
    added.sort_unstable_by_key(|entry| entry.prefix);
    let change = Change { added, ..Change::default() };
    let offenders: Vec<(IpAddr, u32)> = decision.bans.iter().map(|ban| (ban.address, ban.times)).collect();
    session.ledger.save_bans(&state, &change, &offenders, now)?;
    let changed = !change.is_empty();
    change.apply(state.id, &mut session.saved.entries);
    let state = FeedState {
        complete: true,
        last_attempt: Some(now),
        last_success: Some(now),
        last_error: None,
        ..state
    };
    session.remember(state);
    if changed {
        session.follow(report)?;
    }
    Ok(Outcome::Taken)
}

/// Who is blocked anew and for what, and who is spared.
fn note(decision: &Decision, log: &LogConfig) -> Option<String> {
    let mut sentences = Vec::new();
    if !decision.bans.is_empty() {
        let named = decision.bans.iter().take(NAMED).map(|ban| {
            let time = Period::seconds(ban.seconds.unsigned_abs());
            format!("{} for {time} ({} {})", ban.address, number(ban.number), ban.kind.words())
        });
        let more = match decision.bans.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {} more", number(more)),
        };
        sentences.push(format!("blocks {}{more}", named.collect::<Vec<_>>().join(", ")));
    }
    let spared: Vec<String> = decision.spared.iter().take(NAMED).map(IpAddr::to_string).collect();
    if !spared.is_empty() {
        sentences.push(format!(
            "{} passed a threshold within {} and had a success within a day, so {} not blocked: {}. Does a phone there have \
             a wrong password?",
            count(decision.spared.len(), "address", "addresses"),
            log.within,
            if decision.spared.len() == 1 { "it is" } else { "they are" },
            spared.join(", ")
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join("; "))
}
