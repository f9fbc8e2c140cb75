//! `history`: what was, hour by hour and day by day, from the ledger. Changes nothing and asks nobody.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{Time, print, print_json, table};
use crate::ledger::Ledger;
use crate::ledger::history::{DAY, FeedDay, HOUR, Hour, begin};
use crate::ledger::runs::Run;
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::text::one_line;

/// Hours that `status` shows.
const HOURS_SHOWN: i64 = 7 * 24;
/// Runs that are listed at most.
const RUNS_SHOWN: usize = 5_000;
/// The most characters of an error in the table.
const ERROR_SHOWN: usize = 80;

/// What `history` takes.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many days, today among them; 90 are kept
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
    /// List the runs, the latest first; of those that changed nothing and went well, the last day's
    #[arg(long)]
    runs: bool,
}

#[derive(Serialize)]
struct History {
    since: Time,
    days: Vec<Day>,
    hours: Vec<HourItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<RunItem>>,
}

/// One hour. The second half is null where no run came to its end.
#[derive(Debug, Clone, Default, Serialize)]
struct Counts {
    packets: u64,
    runs: u64,
    failed: u64,
    added: u64,
    removed: u64,
    rows: Option<u64>,
    to_block: Option<u64>,
    set: Option<u64>,
    protected: Option<u64>,
    over_limit: Option<u64>,
}

#[derive(Serialize)]
struct HourItem {
    at: Time,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Day {
    at: Time,
    #[serde(flatten)]
    counts: Counts,
    feeds: Vec<FeedSize>,
}

#[derive(Serialize)]
struct FeedSize {
    name: String,
    entries: u64,
}

#[derive(Serialize)]
struct RunItem {
    started_at: Time,
    finished_at: Option<Time>,
    exit_code: Option<u8>,
    added: u64,
    removed: u64,
    error: Option<String>,
    fallback: Option<String>,
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

/// Packets refused, in `status`.
#[derive(Debug, Serialize)]
pub struct Packets {
    /// In this hour and the 23 before it.
    pub day: u64,
    /// Hour by hour, without a gap, the last one not over yet; from the first that is known, a week at most.
    pub hours: Vec<PacketsHour>,
}

/// Packets refused in an hour.
#[derive(Debug, Serialize)]
pub struct PacketsHour {
    /// When it began.
    pub at: Time,
    /// Packets refused in it.
    pub packets: u64,
}

impl Packets {
    /// What is known of the last week.
    pub fn load(ledger: &mut Ledger, now: i64) -> Result<Self> {
        let known = ledger.hours(begin(now, HOUR) - (HOURS_SHOWN - 1) * HOUR)?;
        let hours: Vec<PacketsHour> = each(&known, now, HOUR)
            .into_iter()
            .map(|(at, counts)| PacketsHour { at: Time(at), packets: counts.packets })
            .collect();
        let day = hours.iter().rev().take(24).fold(0_u64, |sum, hour| sum.saturating_add(hour.packets));
        Ok(Self { day, hours })
    }
}

/// Every hour or day from the first known one to `now`, also those of which nothing is known.
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

/// Runs the command.
pub fn run(global: &Global, args: &HistoryArgs) -> Result<Exit> {
    let (mut ledger, clock) = global.ledger()?;
    let now = clock.now();
    let since = begin(now, DAY) - i64::from(args.days - 1) * DAY;
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
    let history = History {
        since: Time(since),
        days: each(&hours, now, DAY)
            .into_iter()
            .map(|(at, counts)| Day { at: Time(at), counts, feeds: feeds_of(at) })
            .collect(),
        hours: each(&hours, now, HOUR)
            .into_iter()
            .map(|(at, counts)| HourItem { at: Time(at), counts })
            .collect(),
        runs: if args.runs {
            Some(ledger.runs(since, RUNS_SHOWN)?.into_iter().map(RunItem::from).collect())
        } else {
            None
        },
    };
    if global.json {
        print_json(&history)?;
    } else if !global.quiet {
        print(&text(&history))?;
    }
    Ok(Exit::Done)
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

fn text(history: &History) -> String {
    if history.days.is_empty() {
        return "Nothing is noted yet; the next run begins it: banbridge sync\n".to_owned();
    }
    let known = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let days = history.days.iter().map(|day| {
        let c = &day.counts;
        let feeds: Vec<String> =
            day.feeds.iter().map(|feed| format!("{} {}", feed.name, feed.entries)).collect();
        vec![
            date(day.at),
            c.packets.to_string(),
            c.runs.to_string(),
            c.failed.to_string(),
            c.added.to_string(),
            c.removed.to_string(),
            known(c.rows),
            known(c.to_block),
            known(c.set),
            known(c.protected),
            if feeds.is_empty() { "-".to_owned() } else { feeds.join(", ") },
        ]
    });
    let head = [
        "DAY",
        "PACKETS",
        "RUNS",
        "FAILED",
        "ADDED",
        "REMOVED",
        "ROWS",
        "TO BLOCK",
        "SET",
        "PROTECTED",
        "FEEDS",
    ];
    let mut text = table(&head, days);
    if let Some(runs) = &history.runs {
        let rows = runs.iter().map(|run| {
            let end = run.exit_code.map_or_else(|| "not ended".to_owned(), |code| code.to_string());
            let took = run.finished_at.map(|end| format!("{} s", end.0 - run.started_at.0));
            let why = run.error.as_deref().or(run.fallback.as_deref()).unwrap_or("-");
            vec![
                run.started_at.to_string(),
                took.unwrap_or_else(|| "-".to_owned()),
                end,
                run.added.to_string(),
                run.removed.to_string(),
                one_line(why, ERROR_SHOWN).into_owned(),
            ]
        });
        text += "\n";
        text += &table(&["RUN", "TOOK", "EXIT CODE", "ADDED", "REMOVED", "WHAT WAS WRONG"], rows);
    }
    text
}

/// The day alone.
fn date(time: Time) -> String {
    time.to_string().split(' ').next().unwrap_or_default().to_owned()
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
        let told: Vec<(i64, u64, Option<u64>)> =
            hours.iter().map(|(at, c)| ((at - start) / HOUR, c.packets, c.rows)).collect();
        let expected = [
            (22, 5, Some(10)),
            (23, 7, None),
            (24, 0, None),
            (25, 1, Some(11)),
            (26, 0, None),
            (27, 0, None),
        ];
        assert_eq!(told, expected);
        let days = each(&known, now, DAY);
        let told: Vec<_> =
            days.iter().map(|(at, c)| (*at - start, c.packets, c.runs, c.failed, c.rows)).collect();
        assert_eq!(told, [(0, 12, 4, 2, Some(10)), (DAY, 1, 2, 1, Some(11))]);
        assert!(each(&[], now, HOUR).is_empty());
    }
}
