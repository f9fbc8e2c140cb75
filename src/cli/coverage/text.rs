//! What `coverage` prints for people.

use crate::cli::output::{Time, count, table};
use crate::coverage::report::{Listed, Report};
use crate::coverage::tally::MOST_ATTACKERS;
use crate::run::coverage::Coverage;
use crate::run::coverage::lists::Suggested;
use crate::system::text::{number, one_line};

/// Rows of each table.
const SHOWN: usize = 10;

/// A span in words.
pub fn span((from, until): (i64, i64)) -> String {
    format!("{} to {}", Time(from), Time(until))
}

/// A duration, in one unit.
fn after(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        ..10_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// Everything, and where the chart was written.
pub fn text(coverage: &Coverage, chart: Option<&str>) -> String {
    let report = &coverage.report;
    let bytes = coverage.logs.iter().map(|file| file.bytes).sum();
    let when = coverage.span.map_or("no time in them".to_owned(), span);
    let attempts = |attempts: u64| count(attempts, "attempt", "attempts");
    let logs = match coverage.saved_since {
        None => format!("{} with {}, {when}", count(coverage.logs.len(), "file", "files"), size(bytes)),
        Some(_) if coverage.span.is_none() => "nothing of interest in them".to_owned(),
        Some(since) => format!("read by the runs since {since}; attempts {when}"),
    };
    let mut text = format!(
        "Logs:       {logs}\nAttackers:  {}, with {} from {}\n",
        number(report.attackers),
        attempts(report.attempts),
        count(report.networks_total, "network", "networks"),
    );
    text += &format!(
        "Listed:     {} while a feed listed the attacker\n\
         Unlisted:   {} of {} while no feed did\n",
        attempts(report.listed),
        attempts(report.unlisted),
        count(report.attackers_unlisted, "attacker", "attackers"),
    );
    if coverage.blocked_by_set.entries > 0 {
        text += &format!(
            "Blocked:    {} of {} by the kernel set; the logs do not show them\n",
            count(coverage.blocked_by_set.packets, "packet", "packets"),
            count(coverage.blocked_by_set.entries, "address", "addresses"),
        );
    }
    for note in notes(coverage) {
        text += &format!("Note:       {note}\n");
    }
    if report.attackers > 0 {
        text += "\nWhen feeds listed the attackers, compared with their first attempt:\n";
        text += &feeds(report);
        text += "\nBusiest networks:\n";
        text += &table(
            &["NETWORK", "ATTACKERS", "ATTEMPTS", "UNLISTED"],
            report.networks.iter().take(SHOWN).map(|item| {
                let numbers = [item.attackers as u64, item.attempts, item.unlisted];
                std::iter::once(item.network.to_string()).chain(numbers.map(number)).collect()
            }),
        );
        text += "\nBusiest attackers:\n";
        text += &attackers(report);
    }
    if let Some(suggested) = &coverage.suggested {
        text += "\nOther lists, as they are now, would have caught:\n";
        text += &suggestions(suggested);
    }
    if let Some(chart) = chart {
        text += &format!("\nThe chart is in {chart}.\n");
    }
    text
}

fn notes(coverage: &Coverage) -> Vec<String> {
    let report = &coverage.report;
    let mut notes = Vec::new();
    for one in &coverage.log_problems {
        notes.push(format!("The log {}: {}", one.log, one.problem));
    }
    for leak in coverage.leaks.iter().take(SHOWN) {
        notes.push(format!(
            "{} is blocked, and reached Asterisk {} all the same, last {}. See: banbridge status",
            leak.address,
            count(leak.attempts, "time", "times"),
            leak.last
        ));
    }
    let from = coverage.span.map_or(0, |span| span.0);
    for feed in &report.feeds {
        if let Some(since) = feed.known_since.map(jiff::Timestamp::as_second).filter(|since| *since > from) {
            notes.push(format!(
                "Addresses that {} listed before {} are not known. Earlier attempts count as unlisted.",
                feed.feed,
                Time(since)
            ));
        }
    }
    if report.left_out > 0 {
        notes.push(format!(
            "There are more than {} attackers. {} of the others count in the totals only.",
            number(MOST_ATTACKERS),
            count(report.left_out, "attempt", "attempts")
        ));
    }
    let unclear: u64 = coverage.logs.iter().map(|file| file.unclear).sum();
    if unclear > 0 {
        let (lines, do_not) = (count(unclear, "line", "lines"), if unclear == 1 { "does" } else { "do" });
        notes.push(format!(
            "{lines} {do_not} not count: text that the attacker wrote hides the attacker's address."
        ));
    }
    let unknown: u64 = coverage.logs.iter().map(|file| file.unknown).sum();
    if unknown > 0 {
        let first = coverage.logs.iter().find_map(|file| file.unknown_line.as_deref()).unwrap_or_default();
        let look = if unknown == 1 { "line looks like a rejection" } else { "lines look like rejections" };
        notes.push(format!(
            "{} {look} in a form that banbridge does not know, and {} not count. The first: {first}",
            number(unknown),
            if unknown == 1 { "does" } else { "do" }
        ));
    }
    let packets: u64 = coverage.logs.iter().map(|file| file.packets).sum();
    if packets > 0 {
        notes.push(format!(
            "SIP debugging wrote {} into the logs. With chan_sip, attackers can write log lines this way.",
            count(packets, "packet", "packets")
        ));
    }
    for item in report.protected.iter().take(SHOWN) {
        notes.push(format!(
            "{} is protected, but was rejected {}. Does a phone have a wrong password?",
            item.address,
            count(item.attempts, "time", "times")
        ));
    }
    notes
}

fn feeds(report: &Report) -> String {
    let row = |name: &str, listed: &Listed, stopped: (String, String), since: String| {
        let within = match (listed.after_median_s, listed.after_most_s) {
            (Some(half), Some(all)) => format!("{} / {}", after(half), after(all)),
            _ => "-".to_owned(),
        };
        let numbers = [listed.before, listed.at, listed.after].map(number);
        let rest = [within, number(listed.never), stopped.0, stopped.1, since];
        [name.to_owned()].into_iter().chain(numbers).chain(rest).collect()
    };
    let each = report.feeds.iter().map(|item| {
        let since = item.known_since.map_or("-".to_owned(), |since| Time(since.as_second()).to_string());
        row(&item.feed, &item.listed, (number(item.stopped), number(item.stopped_alone)), since)
    });
    let all = row("any feed", &report.any_feed, (number(report.listed), "-".to_owned()), "-".to_owned());
    table(
        &[
            "FEED",
            "BEFORE",
            "AT ONCE",
            "AFTER",
            "HALF / ALL WITHIN",
            "NEVER",
            "STOPS",
            "ALONE",
            "KNOWN SINCE",
        ],
        each.chain([all]),
    )
}

fn attackers(report: &Report) -> String {
    let rows = report.worst.iter().take(SHOWN).map(|item| {
        let time = |time: Option<jiff::Timestamp>| {
            time.map_or("-".to_owned(), |time| Time(time.as_second()).to_string())
        };
        let listed = match (item.listed, item.after_s) {
            ("never", _) => "never".to_owned(),
            ("at", _) => format!("at once: {}", item.feeds.join(", ")),
            (_, Some(seconds)) => format!("{} after: {}", after(seconds), item.feeds.join(", ")),
            _ => format!("before: {}", item.feeds.join(", ")),
        };
        vec![
            item.address.to_string(),
            number(item.attempts),
            number(item.unlisted),
            time(item.first),
            time(item.last),
            one_line(&listed, 60).into_owned(),
        ]
    });
    table(&["ADDRESS", "ATTEMPTS", "UNLISTED", "FIRST", "LAST", "LISTED"], rows)
}

fn suggestions(suggested: &[Suggested]) -> String {
    let rows = suggested.iter().map(|item| {
        let name = item.list.clone();
        match &item.caught {
            Some(caught) => vec![
                name,
                number(caught.attackers),
                number(caught.attempts),
                number(caught.new_attackers),
                number(caught.new_attempts),
                number(item.entries),
                String::new(),
            ],
            None => {
                let error = item.error.as_deref().unwrap_or("no answer");
                let mut row = vec![name];
                row.extend(vec!["-".to_owned(); 5]);
                row.push(one_line(error, 100).into_owned());
                row
            }
        }
    });
    let head = ["LIST", "ATTACKERS", "ATTEMPTS", "NEW ATTACKERS", "UNLISTED ATTEMPTS", "ENTRIES", "PROBLEM"];
    table(&head, rows) + "Add one:  banbridge feed add NAME  (its terms: banbridge feed catalog)\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_passed_is_told_in_the_unit_that_fits() {
        let table = [(61, "61 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")];
        for (seconds, expected) in table {
            assert_eq!(after(seconds), expected);
        }
    }
}
