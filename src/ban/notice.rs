//! Notices: what is wrong now and needs an administrator, decided from facts alone. Each has an id, by which it is told
//! again from others, and is gone by itself when its cause is.

use super::Prefix;

/// A feed without a good answer for so long is stale: a day, in seconds.
pub const STALE: i64 = 86_400;
/// Without a run for so long something is wrong with the timer: an hour, in seconds.
pub const NO_RUN: i64 = 3_600;
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
pub struct Notice {
    /// Such as `out_of_date:apiban`.
    pub id: String,
    /// How bad it is.
    pub level: Level,
    /// In a few words.
    pub title: String,
    /// In a sentence or two, with the mend.
    pub text: String,
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
    /// Since when it refuses the key.
    pub key_refused: Option<i64>,
    /// Entries that the surge guard holds.
    pub held: usize,
    /// Since when it does.
    pub held_since: Option<i64>,
}

impl FeedFacts {
    /// Whether it gave no good answer for too long.
    pub fn is_stale(&self, now: i64) -> bool {
        is_stale(self.last_success, self.interval, now)
    }
}

/// Whether a feed that is asked every `interval` seconds gave no good answer for too long.
pub fn is_stale(last_success: Option<i64>, interval: i64, now: i64) -> bool {
    last_success.is_none_or(|last| now - last > patience(interval))
}

fn patience(interval: i64) -> i64 {
    STALE.max(2 * interval)
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

/// All that notices are decided from.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970.
    pub now: i64,
    /// When the last run began; none when there was none yet.
    pub last_run: Option<i64>,
    /// Why the clock is doubted, when it is.
    pub clock: Option<String>,
    /// Whether the firewall is switched on.
    pub enabled: bool,
    /// Whether its daemon runs.
    pub running: bool,
    /// The feeds that are switched on.
    pub feeds: Vec<FeedFacts>,
    /// Who is protected and listed.
    pub listed: Vec<Listed>,
    /// Prefixes that found no room among the rows.
    pub over_limit: usize,
    /// Rows of ours at most.
    pub limit: usize,
    /// Whether the set blocks them all the same.
    pub by_set: bool,
}

/// What is wrong, the worst first.
pub fn notices(facts: &Facts) -> Vec<Notice> {
    let mut all: Vec<Notice> = facts.feeds.iter().flat_map(|feed| of_feed(feed, facts.now)).collect();
    all.extend(firewall(facts));
    all.extend(last_run(facts));
    all.extend(listed(&facts.listed));
    if facts.over_limit > 0 && !facts.by_set {
        all.push(warning(
            "row_limit",
            format!("{} wanted and not blocked", prefixes(facts.over_limit)),
            format!(
                "They found no room under the limit of {} rows ([blacklist] limit), and there is no set in the kernel \
                 that would hold them. banbridge list shows which; a feed less, or the set, makes room.",
                facts.limit
            ),
            None,
        ));
    }
    if let Some(doubt) = &facts.clock {
        all.push(warning("clock", "The clock is doubted".to_owned(), doubt.clone(), None));
    }
    all.sort_by_key(|notice| std::cmp::Reverse(notice.level));
    all
}

fn warning(id: &str, title: String, text: String, since: Option<i64>) -> Notice {
    Notice { id: id.to_owned(), level: Level::Warning, title, text, since }
}

fn error(id: &str, title: String, text: String, since: Option<i64>) -> Notice {
    Notice { level: Level::Error, ..warning(id, title, text, since) }
}

fn prefixes(number: usize) -> String {
    if number == 1 { "1 prefix is".to_owned() } else { format!("{number} prefixes are") }
}

fn of_feed(feed: &FeedFacts, now: i64) -> Vec<Notice> {
    let FeedFacts { name, .. } = feed;
    let mut all = Vec::new();
    if let Some(since) = feed.key_refused {
        all.push(error(
            &format!("key_not_accepted:{name}"),
            format!("{name} refuses the key"),
            format!(
                "Nothing new comes from {name} until it takes the key; what it listed stays until its time is over. Compare \
                 the key in the configuration with the one that you were given."
            ),
            Some(since),
        ));
    } else if feed.is_stale(now) && feed.last_attempt.is_some() {
        let why =
            feed.last_error.as_ref().map(|error| format!(" The last error: {error}")).unwrap_or_default();
        let (title, text, since) = match feed.last_success {
            Some(last) => (
                format!("{name} gave no good answer for over a day"),
                format!("What it listed goes when its time is over, and nothing new comes.{why}"),
                Some(last + patience(feed.interval)),
            ),
            None => {
                (format!("{name} never gave a good answer"), format!("Nothing of it is blocked.{why}"), None)
            }
        };
        all.push(warning(&format!("out_of_date:{name}"), title, text, since));
    }
    if feed.held > 0 {
        let entries = if feed.held == 1 { "1 entry".to_owned() } else { format!("{} entries", feed.held) };
        all.push(warning(
            &format!("held:{name}"),
            format!("{name} suddenly asks for much more: {entries} held"),
            format!(
                "What is new is not blocked until you accept it. If you trust it: banbridge sync --accept --feed {name}"
            ),
            feed.held_since,
        ));
    }
    all
}

fn firewall(facts: &Facts) -> Option<Notice> {
    let (title, text) = match (facts.enabled, facts.running) {
        _ if facts.feeds.is_empty() || facts.last_run.is_none() => return None,
        (true, true) => return None,
        (false, _) => (
            "Nothing is blocked: the firewall is switched off",
            "Switch it on in FreePBX: Connectivity, Firewall. What is wanted waits for it.",
        ),
        (true, false) => (
            "The firewall's daemon does not run",
            "The firewall is switched on, but new rows come into force only when its daemon runs. Start it with: fwconsole \
             firewall start",
        ),
    };
    Some(error("not_blocking", title.to_owned(), text.to_owned(), None))
}

fn last_run(facts: &Facts) -> Option<Notice> {
    match facts.last_run {
        None => Some(warning(
            "no_sync",
            "No run has been made yet".to_owned(),
            "Nothing is blocked before the first one: banbridge sync".to_owned(),
            None,
        )),
        Some(last) if facts.now - last > NO_RUN => Some(warning(
            "no_sync",
            "No run for over an hour".to_owned(),
            "Nothing new is blocked and nothing is let go. Look at the timer or the line in cron that runs banbridge \
             sync."
                .to_owned(),
            Some(last + NO_RUN),
        )),
        Some(_) => None,
    }
}

fn listed(listed: &[Listed]) -> Option<Notice> {
    let title = match listed.len() {
        0 => return None,
        1 => "A protected address is listed".to_owned(),
        n => format!("{n} protected addresses are listed"),
    };
    let named = listed.iter().take(LISTED_SHOWN).map(|one| {
        let feeds = one.feeds.join(" and ");
        format!("{} ({}) by {feeds}", one.what, one.why)
    });
    let mut text = named.collect::<Vec<_>>().join("; ");
    if listed.len() > LISTED_SHOWN {
        text += &format!("; and {} more", listed.len() - LISTED_SHOWN);
    }
    text += ". None of them is blocked. Others who use the list may block them, and a listed address is often one that \
             was misused: look into it.";
    Some(warning("protected_listed", title, text, None))
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
