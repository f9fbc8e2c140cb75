//! Problems: what needs somebody now. Each has an id, by which it is told again from others, and is gone by itself when
//! its cause is.

use std::net::IpAddr;

use super::coded::{Coded, Named};
use super::evidence::Service;
use super::{Blocks, Hindrance, is_late, is_out_of_date, patience};
use crate::ban::Prefix;
use crate::system::text::{count, number};

/// Protected addresses that are named.
const LISTED_SHOWN: usize = 5;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something does not work as it should.
    Warning,
    /// What is wanted is not blocked, or soon will not be.
    Error,
}

impl Level {
    /// The word of the JSON output and of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `out_of_date:apiban`.
    pub id: String,
    /// How bad it is.
    pub level: Level,
    /// In a few words.
    pub title: String,
    /// In a sentence or two, with the fix.
    pub text: String,
    /// The same as a code and its values.
    pub coded: Coded,
    /// Since when, in seconds since 1970, where the facts say it.
    pub since: Option<i64>,
}

/// What is known of a feed. Times are seconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct FeedFacts {
    /// Its name in the configuration.
    pub name: String,
    /// When it was last asked.
    pub last_attempt: Option<i64>,
    /// When it last gave a good answer.
    pub last_success: Option<i64>,
    /// What was wrong with the last answer, fit to be shown.
    pub last_error: Option<String>,
    /// The shortest time between two requests, in seconds.
    pub interval: i64,
    /// Since when it does not accept the key.
    pub key_refused: Option<i64>,
    /// Entries that the surge guard holds.
    pub held: usize,
    /// Since when it does.
    pub held_since: Option<i64>,
}

impl FeedFacts {
    /// Whether it gave no good answer for too long.
    pub fn is_out_of_date(&self, now: i64) -> bool {
        is_out_of_date(self.last_success, self.interval, now)
    }
}

/// An address or network that must get through and that feeds list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is both protected and listed.
    pub what: Prefix,
    /// Why it is protected, fit to be shown.
    pub why: String,
    /// Who lists it.
    pub feeds: Vec<String>,
}

/// All that problems are judged from.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970.
    pub now: i64,
    /// When the last run began; none when there was none yet.
    pub last_run: Option<i64>,
    /// Why the clock is doubted, when it is.
    pub clock: Option<String>,
    /// Whether the firewall is enabled.
    pub enabled: bool,
    /// What its service does.
    pub service: Service,
    /// Whether rules of rows were seen in the kernel.
    pub by_rules: bool,
    /// The enabled feeds.
    pub feeds: Vec<FeedFacts>,
    /// Who is protected and listed.
    pub listed: Vec<Listed>,
    /// Addresses and networks over the row limit.
    pub over_limit: usize,
    /// Rows of ours at most.
    pub limit: usize,
    /// Whether the kernel set blocks them all the same.
    pub by_set: bool,
    /// Whether the kernel set is to protect alone while the firewall is disabled.
    pub alone: bool,
    /// Permit feeds that were never read whole, so that nothing is enforced.
    pub permit_not_ready: Vec<String>,
    /// Why the permit list is not in force, if it should be and is not.
    pub permit_missing: Option<String>,
    /// Who reached Asterisk within a day although blocked, the most often first.
    pub leaks: Vec<Leak>,
}

/// Somebody who was in force as blocked and reached Asterisk all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Who.
    pub address: IpAddr,
    /// How often.
    pub attempts: u64,
    /// When last, in seconds since 1970.
    pub last: i64,
}

/// What is wrong, the worst first.
pub fn problems(facts: &Facts) -> Vec<Problem> {
    let mut all: Vec<Problem> = facts.feeds.iter().flat_map(|feed| of_feed(feed, facts.now)).collect();
    all.extend(firewall(facts));
    all.extend(last_run(facts));
    all.extend(listed(&facts.listed));
    all.extend(permit(facts));
    all.extend(leaks(facts));
    if facts.over_limit > 0 && !facts.by_set {
        all.push(warning(
            "row_limit",
            Coded { limit: Some(facts.limit), ..Coded::new("row_limit").number(facts.over_limit) },
            format!("Row limit reached: {} not blocked", addresses(facts.over_limit)),
            format!(
                "The limit is {} rows and there is no kernel set. Enable the kernel set, or disable a feed.",
                number(facts.limit)
            ),
            None,
        ));
    }
    if let Some(doubt) = &facts.clock {
        let coded = Coded::new("clock").detail(Some(doubt));
        all.push(warning("clock", coded, "This PBX's clock may be wrong".to_owned(), doubt.clone(), None));
    }
    all.sort_by_key(|problem| std::cmp::Reverse(problem.level));
    all
}

fn warning(id: &str, coded: Coded, title: String, text: String, since: Option<i64>) -> Problem {
    Problem { id: id.to_owned(), level: Level::Warning, title, text, coded, since }
}

fn error(id: &str, coded: Coded, title: String, text: String, since: Option<i64>) -> Problem {
    Problem { level: Level::Error, ..warning(id, coded, title, text, since) }
}

fn addresses(number: usize) -> String {
    count(number, "address or network", "addresses and networks")
}

fn of_feed(feed: &FeedFacts, now: i64) -> Vec<Problem> {
    let FeedFacts { name, .. } = feed;
    let mut all = Vec::new();
    if let Some(since) = feed.key_refused {
        all.push(error(
            &format!("key_not_accepted:{name}"),
            Coded::new("key_not_accepted").feed(name).at(Some(since)),
            format!("{name} did not accept the API key"),
            "No new addresses arrive; existing ones expire. Check the key: Settings, Test key.".to_owned(),
            Some(since),
        ));
    } else if feed.is_out_of_date(now) && feed.last_attempt.is_some() {
        let why = feed.last_error.as_ref().map(|error| format!(" Last error: {error}")).unwrap_or_default();
        let error = feed.last_error.as_deref();
        let (coded, title, text, since) = match feed.last_success {
            Some(last) => (
                Coded::new("out_of_date").feed(name).at(Some(last)).detail(error),
                format!("Feed {name}: no update for over a day"),
                format!("No new addresses arrive; existing ones expire.{why}"),
                Some(last + patience(feed.interval)),
            ),
            None => (
                Coded::new("never_updated").feed(name).detail(error),
                format!("Feed {name}: never updated"),
                format!("None of its addresses is blocked.{why}"),
                None,
            ),
        };
        all.push(warning(&format!("out_of_date:{name}"), coded, title, text, since));
    }
    if feed.held > 0 {
        let held = count(feed.held, "new entry", "new entries");
        all.push(warning(
            &format!("held:{name}"),
            Coded::new("held").feed(name).number(feed.held).at(feed.held_since),
            format!("Feed {name}: {held} held for review"),
            format!("It grew much faster than usual, or covers too much. To accept: banbridge sync --accept --feed {name}"),
            feed.held_since,
        ));
    }
    all
}

fn firewall(facts: &Facts) -> Option<Problem> {
    if facts.feeds.is_empty() || facts.last_run.is_none() {
        return None;
    }
    let hindrance = Hindrance::of(facts.enabled, facts.service)?;
    if hindrance == Hindrance::Disabled && facts.alone && facts.by_set {
        return None;
    }
    let blocks = Blocks::of(facts.enabled && facts.by_rules, facts.by_set);
    let title = match (blocks, hindrance) {
        (Blocks::Nothing, _) => format!("Nothing is blocked: {}", hindrance.what()),
        (_, Hindrance::Disabled) => "The firewall is disabled".to_owned(),
        (_, Hindrance::NotRunning) => "The firewall service is not running".to_owned(),
        (_, Hindrance::Paused) => "The firewall service is paused".to_owned(),
        (_, Hindrance::SafeMode) => "The firewall is in safe mode".to_owned(),
    };
    let coded = Coded::new(hindrance.code()).blocks(blocks);
    Some(error("not_blocking", coded, title, hindrance.sentence(blocks), None))
}

fn last_run(facts: &Facts) -> Option<Problem> {
    match facts.last_run {
        None => Some(warning(
            "no_sync",
            Coded::new("no_run"),
            "No sync yet".to_owned(),
            "Nothing is blocked before the first one. Start it: banbridge sync".to_owned(),
            None,
        )),
        Some(last) if is_late(last, facts.now) => Some(warning(
            "no_sync",
            Coded::new("late").at(Some(last)),
            "No sync for over an hour".to_owned(),
            "No address is added and none expires. Check the timer: systemctl status banbridge-sync.timer, or the line in \
             cron."
                .to_owned(),
            Some(last + super::LATE),
        )),
        Some(_) => None,
    }
}

/// A permit list that is wanted and not in force.
fn permit(facts: &Facts) -> Option<Problem> {
    if !facts.permit_not_ready.is_empty() {
        let feeds = facts.permit_not_ready.join(", ");
        let text = format!(
            "Everybody can try the SIP ports: the permit feeds {feeds} were not fetched yet. See their last error: banbridge \
             status"
        );
        let coded = Coded::new("permit_not_ready").feed(&feeds);
        return Some(error("permit", coded, "No permit list is in force".to_owned(), text, None));
    }
    let why = facts.permit_missing.as_ref()?;
    let coded = Coded::new("permit_missing").detail(Some(why));
    let text = format!("Everybody can try the SIP ports: {why}.");
    Some(error("permit", coded, "No permit list is in force".to_owned(), text, None))
}

/// A leak, with its probable cause: what lets packets pass rows and set.
fn leaks(facts: &Facts) -> Option<Problem> {
    let first = facts.leaks.first()?;
    let (attempts, more) = (facts.leaks.iter().map(|leak| leak.attempts).sum::<u64>(), facts.leaks.len() - 1);
    let who = match more {
        0 => first.address.to_string(),
        more => format!("{} and {}", first.address, count(more, "other", "others")),
    };
    let (code, cause) = match (facts.by_set, first.address.is_ipv6()) {
        (true, _) => (
            "leak_set",
            "The kernel set sees every packet that comes in by this machine's own addresses, so they probably come by a \
             proxy or SBC, whose address the packets have, or the log's clock or time zone is wrong.",
        ),
        (false, true) => (
            "leak_ipv6",
            "Rows of this firewall do not block IPv6 and there is no kernel set. Install nftables or ipset, then: \
             banbridge apply",
        ),
        (false, false) => (
            "leak_rows",
            "There is no kernel set, and the firewall lets established flows go on, and interfaces in the zone Trusted. \
             Install nftables or ipset, then: banbridge apply",
        ),
    };
    let coded = Coded::new(code).number(usize::try_from(attempts).unwrap_or(usize::MAX)).detail(Some(&who));
    let text = format!("{who} reached Asterisk {} within a day. {cause}", count(attempts, "time", "times"),);
    let coded = coded.at(Some(first.last));
    Some(warning("leak", coded, "Blocked addresses reach Asterisk".to_owned(), text, None))
}

fn listed(listed: &[Listed]) -> Option<Problem> {
    let title = match listed.len() {
        0 => return None,
        1 => "A protected address is listed".to_owned(),
        n => format!("{} protected addresses are listed", number(n)),
    };
    let named = listed.iter().take(LISTED_SHOWN).map(|one| {
        let feeds = one.feeds.join(" and ");
        format!("{} ({}) is listed by {feeds}.", one.what, one.why)
    });
    let mut text = named.collect::<Vec<_>>().join(" ");
    if listed.len() > LISTED_SHOWN {
        text += &format!(" And {} more.", number(listed.len() - LISTED_SHOWN));
    }
    text += match listed.len() {
        1 => " banbridge does not block it. Check this device for abuse, and ask the feed to delist it.",
        _ => {
            " banbridge does not block them. Check these devices for abuse, and ask the feed to delist them."
        }
    };
    let names = listed.iter().take(LISTED_SHOWN).map(|one| Named {
        address: one.what,
        why: one.why.clone(),
        feeds: one.feeds.clone(),
    });
    let coded = Coded { listed: names.collect(), ..Coded::new("protected_listed").number(listed.len()) };
    Some(warning("protected_listed", coded, title, text, None))
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
