//! What happened, by the hour and by the day, from the saved state. Changes nothing and fetches nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::Ledger;
use crate::ledger::history::{DAY, FeedDay, HOUR, Hour, begin};
use crate::ledger::runs::Run;
use crate::run::Environment;
use crate::system::failure::Result;
use crate::system::time::Time;

/// Hours that `status` shows.
const HOURS_SHOWN: i64 = 7 * 24;
/// The most runs in a list.
const RUNS_SHOWN: usize = 5_000;

/// What happened since a day.
#[derive(Debug, Serialize)]
pub struct History {
    /// The begin of the first day (UTC).
    pub since: Time,
    /// Day by day, from the first that is known.
    pub days: Vec<Day>,
    /// Hour by hour, from the first that is known.
    pub hours: Vec<HourItem>,
    /// The runs, the latest first, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<RunItem>>,
}

/// The figures of an hour or a day. Those of its end are none if no run ended in it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Blocked packets.
    pub packets: u64,
    /// Packets from outside of the permit lists.
    pub outside: u64,
    /// Runs.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Rows that were added.
    pub added: u64,
    /// Rows that were removed.
    pub removed: u64,
    /// banbridge's rows at the end.
    pub rows: Option<u64>,
    /// Addresses and networks to block at the end.
    pub to_block: Option<u64>,
    /// Addresses and networks in the kernel set at the end; none without a set.
    pub set: Option<u64>,
    /// Listed addresses and networks that were protected at the end.
    pub protected: Option<u64>,
    /// Addresses and networks over the row limit at the end.
    pub over_limit: Option<u64>,
}

/// One hour.
#[derive(Debug, Serialize)]
pub struct HourItem {
    /// When it began.
    pub at: Time,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
}

/// One day.
#[derive(Debug, Serialize)]
pub struct Day {
    /// When it began (UTC).
    pub at: Time,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many entries each feed had at its end.
    pub feeds: Vec<FeedSize>,
}

/// How many entries a feed had.
#[derive(Debug, Serialize)]
pub struct FeedSize {
    /// The feed.
    pub name: String,
    /// Its entries.
    pub entries: u64,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct RunItem {
    /// When it began.
    pub started_at: Time,
    /// When it ended; none if it did not end properly.
    pub finished_at: Option<Time>,
    /// Its exit code.
    pub exit_code: Option<u8>,
    /// Rows that it added.
    pub added: u64,
    /// Rows that it removed.
    pub removed: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// Why the firewall service had to load the rows.
    pub fallback: Option<String>,
}

impl History {
    /// The last `days` days, today among them, with or without the runs.
    pub fn load(environment: &Environment, days: u32, runs: bool) -> Result<Self> {
        let (mut ledger, clock) = environment.ledger()?;
        let now = clock.now();
        let since = begin(now, DAY) - i64::from(days.max(1) - 1) * DAY;
        let hours = ledger.hours(since)?;
        let sizes = ledger.feed_days(since)?;
        let names: BTreeMap<u16, String> =
            ledger.feeds()?.into_values().map(|feed| (feed.id, feed.name)).collect();
        let feeds_of = |day: i64| {
            let of_day = sizes.iter().filter(move |size: &&FeedDay| size.day == day);
            let named = of_day.filter_map(|size| {
                Some(FeedSize { name: names.get(&size.feed)?.clone(), entries: size.entries })
            });
            named.collect()
        };
        let outside = ledger.outside_hours(since)?;
        let with_outside = |length: i64| {
            let mut all = each(&hours, now, length);
            for (at, counts) in &mut all {
                let within = outside.iter().filter(|(hour, _)| begin(*hour, length) == *at);
                counts.outside = within.fold(0, |sum, (_, packets)| sum.saturating_add(*packets));
            }
            all
        };
        Ok(Self {
            since: Time(since),
            days: with_outside(DAY)
                .into_iter()
                .map(|(at, counts)| Day { at: Time(at), counts, feeds: feeds_of(at) })
                .collect(),
            hours: with_outside(HOUR)
                .into_iter()
                .map(|(at, counts)| HourItem { at: Time(at), counts })
                .collect(),
            runs: match runs {
                true => Some(ledger.runs(since, RUNS_SHOWN)?.into_iter().map(RunItem::from).collect()),
                false => None,
            },
        })
    }
}

impl From<Run> for RunItem {
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

impl Counts {
    /// Adds a later hour.
    fn add(&mut self, hour: &Hour) {
        self.packets = self.packets.saturating_add(hour.packets);
        self.runs += hour.runs;
        self.failed += hour.failed;
        self.added += hour.added;
        self.removed += hour.removed;
        if let Some(figures) = hour.figures {
            self.rows = Some(figures.rows);
            self.to_block = Some(figures.to_block);
            self.set = figures.set;
            self.protected = Some(figures.protected);
            self.over_limit = Some(figures.over_limit);
        }
    }
}

/// Blocked packets, for `status`.
#[derive(Debug, Serialize)]
pub struct Packets {
    /// In this hour and the 23 before it.
    pub day: u64,
    /// Addresses and networks that they came from, as far as they are remembered.
    pub day_sources: usize,
    /// Hour by hour, without a gap, from the first that is known, at most a week. The last one is not over yet.
    pub hours: Vec<PacketsHour>,
}

/// Blocked packets in an hour.
#[derive(Debug, Serialize)]
pub struct PacketsHour {
    /// When it began.
    pub at: Time,
    /// Packets blocked in it.
    pub packets: u64,
}

impl Packets {
    /// The last week.
    pub fn load(ledger: &mut Ledger, now: i64) -> Result<Self> {
        let known = ledger.hours(begin(now, HOUR) - (HOURS_SHOWN - 1) * HOUR)?;
        let hours: Vec<PacketsHour> = each(&known, now, HOUR)
            .into_iter()
            .map(|(at, counts)| PacketsHour { at: Time(at), packets: counts.packets })
            .collect();
        let day = hours.iter().rev().take(24).fold(0_u64, |sum, hour| sum.saturating_add(hour.packets));
        let since = now - 24 * HOUR;
        let sources = ledger.hits()?.prefixes.into_values().filter(|hits| hits.last_at > since);
        Ok(Self { day, day_sources: sources.count(), hours })
    }
}

/// Every hour or day from the first known one to `now`, also those without figures.
fn each(known: &[Hour], now: i64, length: i64) -> Vec<(i64, Counts)> {
    let mut all: BTreeMap<i64, Counts> = BTreeMap::new();
    for hour in known.iter().filter(|hour| hour.at <= now) {
        all.entry(begin(hour.at, length)).or_default().add(hour);
    }
    let Some(first) = all.keys().next().copied() else { return Vec::new() };
    let steps = (begin(now, length) - first) / length;
    (0..=steps)
        .map(|step| first + step * length)
        .map(|at| (at, all.remove(&at).unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::history::Figures;

    #[test]
    fn hours_have_no_gap_from_the_first_known_one_to_now_and_days_add_them_up() {
        let start = 1_699_920_000;
        let figures = |rows| Some(Figures { rows, ..Figures::default() });
        let hour = |at: i64, packets, figures| Hour {
            at: start + at * HOUR,
            packets,
            runs: 2,
            failed: 1,
            figures,
            ..Hour::default()
        };
        let known =
            [hour(22, 5, figures(10)), hour(23, 7, None), hour(25, 1, figures(11)), hour(90, 9, None)];
        let now = start + 27 * HOUR + 30;
        let hours = each(&known, now, HOUR);
        let found: Vec<(i64, u64, Option<u64>)> =
            hours.iter().map(|(at, c)| ((at - start) / HOUR, c.packets, c.rows)).collect();
        let expected = [
            (22, 5, Some(10)),
            (23, 7, None),
            (24, 0, None),
            (25, 1, Some(11)),
            (26, 0, None),
            (27, 0, None),
        ];
        assert_eq!(found, expected);
        let days = each(&known, now, DAY);
        let found: Vec<_> =
            days.iter().map(|(at, c)| (*at - start, c.packets, c.runs, c.failed, c.rows)).collect();
        assert_eq!(found, [(0, 12, 4, 2, Some(10)), (DAY, 1, 2, 1, Some(11))]);
        assert!(each(&[], now, HOUR).is_empty());
    }
}
