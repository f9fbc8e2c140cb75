//! What the feeds list and what became of it, what was skipped, and what you unblocked. Changes nothing.

use serde::Serialize;

use super::allow;
use super::context::Environment;
use super::kernel_set::SetView;
use super::page::{Column, Key, Line};
use super::state::SavedState;
use crate::ban::never_block::Verdict;
use crate::ban::plan::{Fate, Plan};
use crate::ban::{Cover, Entry, Prefix};
use crate::system::failure::Result;
use crate::system::time::Time;

/// Sources of blocked packets that are told of.
const REJECTED: usize = 1_000;

/// An entry of a feed, a widened network, or a row of yours.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// An address or network; of a row of yours, its text.
    pub address: String,
    #[serde(skip)]
    network: Option<Prefix>,
    /// The feed; none for a row of yours, as its times.
    pub feed: Option<String>,
    /// When the feed listed it first.
    pub first_seen: Option<Time>,
    /// When the feed listed it last.
    pub last_seen: Option<Time>,
    /// When it expires; none: while it is listed.
    pub expires_at: Option<Time>,
    /// The row that blocks it, banbridge's or yours.
    pub row: Option<String>,
    /// Whether the kernel set blocks all of it; none without a set.
    pub set: Option<bool>,
    /// Packets of it that the kernel set blocked.
    pub blocked_packets: Option<u64>,
    /// What became of it.
    pub state: EntryState,
    /// Why no row blocks it.
    pub reason: Option<String>,
    /// Of a network that was widened: the listed addresses in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened: Vec<Prefix>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// A row of banbridge blocks it.
    Row,
    /// A row of yours blocks it, or it is one.
    YourRow,
    /// It is protected.
    Protected,
    /// You unblocked it.
    Unblocked,
    /// There are more rows to write than allowed.
    OverLimit,
    /// Rows of its family have no effect.
    NotByRow,
    /// The next run writes its row.
    Pending,
}

/// An entry that was skipped.
#[derive(Debug, Serialize)]
pub struct SkippedItem {
    /// The entry as the feed has it.
    pub entry: String,
    /// The feed.
    pub feed: String,
    /// Why it was skipped.
    pub reason: String,
}

/// An address or network that you unblocked.
#[derive(Debug, Serialize)]
pub struct UnblockedItem {
    /// Which.
    pub address: Prefix,
    #[serde(skip)]
    text: String,
    /// When.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

/// Who sent packets that the kernel set blocked.
#[derive(Debug, Serialize)]
pub struct Rejected {
    /// The address or network, as the set holds it: neighbors are one.
    pub address: Prefix,
    #[serde(skip)]
    text: String,
    /// Blocked packets.
    pub blocked_packets: u64,
    /// When the first was counted.
    pub first_blocked: Time,
    /// When the last was counted.
    pub last_blocked: Time,
    /// The feeds that list it, whole or in part; none: it is not listed any more.
    pub feeds: Vec<String>,
    #[serde(skip)]
    feeds_text: String,
    /// Since when a feed lists it.
    pub listed_since: Option<Time>,
    /// Whether it is blocked now.
    pub blocked: bool,
}

impl Line for Rejected {
    fn holds(&self, part: &Prefix) -> bool {
        self.address.contains(part)
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.text), Some(&self.feeds_text), None]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => Some(Key::Prefix(self.address)),
            Column::Feed => self.feeds.first().map(|feed| Key::Text(feed)),
            Column::FirstSeen => Some(Key::Number(self.first_blocked.0)),
            Column::LastBlocked => Some(Key::Number(self.last_blocked.0)),
            Column::BlockedPackets => {
                Some(Key::Number(i64::try_from(self.blocked_packets).unwrap_or(i64::MAX)))
            }
            Column::ExpiresAt => None,
        }
    }
}

impl Line for Listed {
    fn holds(&self, part: &Prefix) -> bool {
        self.network.is_some_and(|network| network.contains(part))
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.address), self.feed.as_deref(), self.reason.as_deref()]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.network.map(Key::Prefix),
            Column::Feed => self.feed.as_deref().map(Key::Text),
            Column::FirstSeen => self.first_seen.map(|time| Key::Number(time.0)),
            Column::ExpiresAt => self.expires_at.map(|time| Key::Number(time.0)),
            Column::BlockedPackets => {
                self.blocked_packets.map(|packets| Key::Number(i64::try_from(packets).unwrap_or(i64::MAX)))
            }
            Column::LastBlocked => None,
        }
    }
}

impl Line for SkippedItem {
    fn holds(&self, part: &Prefix) -> bool {
        is_in(part, &self.entry)
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.entry), Some(&self.feed), Some(&self.reason)]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.entry.parse().ok().map(Key::Prefix),
            Column::Feed => Some(Key::Text(&self.feed)),
            _ => None,
        }
    }
}

impl Line for UnblockedItem {
    fn holds(&self, part: &Prefix) -> bool {
        self.address.contains(part)
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.text), None, None]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => Some(Key::Prefix(self.address)),
            Column::FirstSeen => Some(Key::Number(self.since.0)),
            Column::ExpiresAt => Some(Key::Number(self.until.0)),
            _ => None,
        }
    }
}

impl Line for allow::Item {
    fn holds(&self, part: &Prefix) -> bool {
        is_in(part, &self.target) || self.addresses.iter().any(|address| is_in(part, address))
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.target), self.comment.as_deref(), None]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.target.parse().ok().map(Key::Prefix),
            Column::FirstSeen => self.since.map(|time| Key::Number(time.0)),
            _ => None,
        }
    }
}

/// Whether a text is an address or network that holds this one.
fn is_in(part: &Prefix, text: &str) -> bool {
    text.parse().is_ok_and(|network: Prefix| network.contains(part))
}

/// What the feeds list, and of one feed where one is named. With your rows where they are asked for and no feed is named.
pub fn entries(environment: &Environment, feed: Option<&str>, other_rows: bool) -> Result<Vec<Listed>> {
    let Looked { saved, mut ledger, now } = look(environment, feed)?;
    let plan = saved.plan(now);
    let view = SetView::load(&mut ledger, &plan, now)?;
    let asked = |name: &str| feed.is_none_or(|feed| feed == name);
    let listed = saved.holding(now).filter_map(|entry| {
        let name = saved.feed_name(entry.feed).filter(|name| asked(name))?;
        let (state, row, reason) = became(saved.fate(&plan, &entry.prefix), &saved, &entry.prefix);
        Some(Listed {
            address: entry.prefix.to_string(),
            network: Some(entry.prefix),
            feed: Some(name.to_owned()),
            first_seen: Some(Time(entry.first_seen())),
            last_seen: Some(Time(saved.last_seen(entry))),
            expires_at: saved.end(entry).map(Time),
            row,
            set: view.holds(&entry.prefix),
            blocked_packets: view.packets(&entry.prefix),
            state,
            reason,
            widened: Vec::new(),
        })
    });
    let others = (other_rows && feed.is_none()).then(|| your_rows(&saved)).into_iter().flatten();
    Ok(listed.chain(widened(&saved, &plan, &view, now, asked)).chain(others).collect())
}

/// Entries that were skipped: invalid, too wide or protected.
pub fn skipped(environment: &Environment, feed: Option<&str>) -> Result<Vec<SkippedItem>> {
    let Looked { saved, mut ledger, now } = look(environment, feed)?;
    let stored = ledger.skipped(now)?.into_iter().map(|(id, skipped)| (id, skipped.entry, skipped.reason));
    let protected = saved.holding(now).filter_map(|entry| match saved.never_block.judge(&entry.prefix) {
        Verdict::Protected(why) => Some((entry.feed, entry.prefix.to_string(), why.to_string())),
        _ => None,
    });
    let wide = saved.too_wide().map(|(entry, why)| (entry.feed, entry.prefix.to_string(), why));
    let all = stored.chain(protected).chain(wide).filter_map(|(id, entry, reason)| {
        let name = saved.feed_name(id)?.to_owned();
        feed.is_none_or(|feed| feed == name).then_some(SkippedItem { entry, feed: name, reason })
    });
    Ok(all.collect())
}

/// What you unblocked.
pub fn unblocked(environment: &Environment) -> Result<Vec<UnblockedItem>> {
    let Looked { saved, .. } = look(environment, None)?;
    let item = |release: &crate::ledger::rows::Unblocked| UnblockedItem {
        address: release.prefix,
        text: release.prefix.to_string(),
        since: Time(release.since),
        until: Time(release.until),
    };
    Ok(saved.unblocked.iter().map(item).collect())
}

/// Who sent packets that the kernel set blocked, the most packets first, as far as they are remembered.
pub fn rejected(environment: &Environment, feed: Option<&str>) -> Result<Vec<Rejected>> {
    let Looked { saved, mut ledger, now } = look(environment, feed)?;
    let plan = saved.plan(now);
    let view = SetView::load(&mut ledger, &plan, now)?;
    let mut lists: Vec<(String, Vec<&Entry>)> = Vec::new();
    for entry in saved.holding(now) {
        let Some(name) = saved.feed_name(entry.feed) else { continue };
        match lists.iter_mut().find(|(known, _)| known == name) {
            Some((_, entries)) => entries.push(entry),
            None => lists.push((name.to_owned(), vec![entry])),
        }
    }
    let covers: Vec<(String, Cover, Vec<&Entry>)> = lists
        .into_iter()
        .map(|(name, entries)| (name, Cover::new(entries.iter().map(|entry| entry.prefix)), entries))
        .collect();
    let item = |(prefix, hits): (Prefix, crate::ban::hits::Hits)| {
        let listing = || covers.iter().filter(|(_, cover, _)| cover.overlaps(&prefix));
        let feeds: Vec<String> = listing().map(|(name, ..)| name.clone()).collect();
        let since = listing().filter_map(|(.., entries)| since(entries, &prefix)).min();
        Rejected {
            address: prefix,
            text: prefix.to_string(),
            blocked_packets: hits.packets,
            first_blocked: Time(hits.first_at),
            last_blocked: Time(hits.last_at),
            feeds_text: feeds.join(" "),
            feeds,
            listed_since: since.map(Time),
            blocked: view.wants(&prefix),
        }
    };
    let all = view.book.busiest(REJECTED).into_iter().filter(|(_, hits)| hits.packets > 0).map(item);
    Ok(all.filter(|one| feed.is_none_or(|feed| one.feeds.iter().any(|name| name == feed))).collect())
}

/// When the first was listed of entries in a prefix or around it. `entries` are of one feed, in the order of their prefixes.
fn since(entries: &[&Entry], prefix: &Prefix) -> Option<i64> {
    let from = entries.partition_point(|entry| entry.prefix < *prefix);
    let inside = entries[from..].iter().take_while(|entry| prefix.contains(&entry.prefix));
    let around = prefix.around().filter_map(|other| {
        let place = entries.binary_search_by_key(&other, |entry| entry.prefix).ok()?;
        Some(&entries[place])
    });
    inside.chain(around).map(|entry| entry.first_seen()).min()
}

/// The allow list.
pub fn allowed(environment: &Environment) -> Result<Vec<allow::Item>> {
    let config = environment.config()?;
    let (mut ledger, _) = environment.ledger()?;
    allow::items(&config, &mut ledger)
}

struct Looked {
    saved: SavedState,
    ledger: crate::ledger::Ledger,
    now: i64,
}

/// The state, once the feed is known to exist.
fn look(environment: &Environment, feed: Option<&str>) -> Result<Looked> {
    let config = environment.config()?;
    if let Some(name) = feed {
        config.named(name)?;
    }
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    Ok(Looked { saved: SavedState::load(&mut ledger, &config, now)?, ledger, now })
}

/// Networks that were widened, with the addresses that are the reason.
fn widened(
    saved: &SavedState,
    plan: &Plan,
    view: &SetView,
    now: i64,
    asked: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Listed> {
    saved.widened(now).into_iter().filter_map(move |widened| {
        let name = saved.feed_name(widened.feed).filter(|name| asked(name))?;
        let (state, row, reason) = became(saved.fate(plan, &widened.network), saved, &widened.network);
        let last_seen = widened.because.iter().map(|entry| saved.last_seen(entry)).max();
        Some(Listed {
            address: widened.network.to_string(),
            network: Some(widened.network),
            feed: Some(name.to_owned()),
            first_seen: Some(Time(widened.first_seen())),
            last_seen: Some(Time(last_seen.unwrap_or(0))),
            // The first address that expires may narrow it.
            expires_at: widened.because.iter().filter_map(|entry| saved.end(entry)).min().map(Time),
            row,
            set: view.holds(&widened.network),
            blocked_packets: view.packets(&widened.network),
            state,
            reason,
            widened: widened.because.iter().map(|entry| entry.prefix).collect(),
        })
    })
}

/// Your rows.
fn your_rows(saved: &SavedState) -> impl Iterator<Item = Listed> {
    saved.rows.others.iter().map(|key| Listed {
        address: key.clone(),
        network: key.parse().ok(),
        feed: None,
        first_seen: None,
        last_seen: None,
        expires_at: None,
        row: Some(key.clone()),
        set: None,
        blocked_packets: None,
        state: EntryState::YourRow,
        reason: None,
        widened: Vec::new(),
    })
}

/// What became of an entry: its state, the row, and why no row blocks it. A row counts if it exists, not if it is planned.
fn became(fate: Fate, saved: &SavedState, prefix: &Prefix) -> (EntryState, Option<String>, Option<String>) {
    let because = |text: &str| Some(text.to_owned());
    match fate {
        Fate::Row(key) if saved.rows.ours.contains(&key) => (EntryState::Row, Some(key), None),
        Fate::Row(_) | Fate::NotWanted => (EntryState::Pending, None, because("the next run writes its row")),
        Fate::YourRow(key) => (EntryState::YourRow, Some(key), None),
        Fate::Protected(why) => (EntryState::Protected, None, Some(why)),
        Fate::Unblocked => (EntryState::Unblocked, None, because("you unblocked it")),
        Fate::OverLimit => (EntryState::OverLimit, None, because("row limit reached")),
        Fate::NotByRow => {
            let family = if prefix.is_ipv4() { "IPv4" } else { "IPv6" };
            let why = format!("the firewall does not enforce {family} rows");
            (EntryState::NotByRow, None, Some(why))
        }
    }
}
