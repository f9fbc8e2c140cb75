//! `history`: activity by day.

use clap::Args;
use jiff::Timestamp;

use super::Global;
use super::output::{Time, number, print, print_json, table};
use crate::run::history::History;
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::text::one_line;

/// The most characters of an error in the table.
const ERROR_SHOWN: usize = 80;

/// What `history` takes.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// number of days, with today; at most 90
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
    /// list the runs, the latest first; runs without changes are kept for one day
    #[arg(long)]
    runs: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: &HistoryArgs) -> Result<Exit> {
    let history = History::load(&global.environment(), args.days, args.runs)?;
    if global.json {
        print_json(&history)?;
    } else if !global.quiet {
        print(&text(&history))?;
    }
    Ok(Exit::Done)
}

fn text(history: &History) -> String {
    if history.days.is_empty() {
        return "No history yet. To start it: banbridge sync\n".to_owned();
    }
    let known = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), number);
    let days = history.days.iter().map(|day| {
        let c = &day.counts;
        let feeds: Vec<String> =
            day.feeds.iter().map(|feed| format!("{} {}", feed.name, number(feed.entries))).collect();
        vec![
            date(day.at),
            number(c.packets),
            number(c.runs),
            number(c.failed),
            number(c.added),
            number(c.removed),
            known(c.rows),
            known(c.to_block),
            known(c.set),
            known(c.protected),
            if feeds.is_empty() { "-".to_owned() } else { feeds.join(", ") },
        ]
    });
    let head = [
        "DAY (UTC)",
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
            let end = run.exit_code.map_or_else(|| "none".to_owned(), |code| code.to_string());
            let took = run.finished_at.map(|end| format!("{} s", end.0 - run.started_at.0));
            let why = run.error.as_deref().or(run.fallback.as_deref()).unwrap_or("-");
            vec![
                run.started_at.to_string(),
                took.unwrap_or_else(|| "-".to_owned()),
                end,
                number(run.added),
                number(run.removed),
                one_line(why, ERROR_SHOWN).into_owned(),
            ]
        });
        text += "\n";
        text += &table(&["RUN", "TOOK", "EXIT CODE", "ADDED", "REMOVED", "PROBLEM"], rows);
    }
    text
}

/// The day of a time, in UTC as the days are.
fn date(time: Time) -> String {
    Timestamp::from_second(time.0)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}
