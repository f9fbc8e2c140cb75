//! What `coverage` prints.

use crate::system::failure::Result;
use serde::Serialize;

use super::super::Global;
use super::BlockedBySet;
use super::lists::Suggested;
use super::logs::OfFile;
use crate::cli::output::{Time, complain, count, print, print_json, table};
use crate::coverage::report::{Listed, Report};
use crate::coverage::tally::{Kinds, MOST_ATTACKERS};
use crate::system::text::one_line;

/// Rows of each table that people are shown.
const SHOWN: usize = 10;

/// Everything that is told.
#[derive(Serialize)]
pub struct Told {
    #[serde(serialize_with = "as_span")]
    pub span: Option<(i64, i64)>,
    #[serde(rename = "logs")]
    pub files: Vec<OfFile>,
    #[serde(rename = "lines")]
    pub kinds: Kinds,
    #[serde(flatten)]
    pub report: Report,
    pub blocked_by_set: BlockedBySet,
    #[serde(rename = "suggest")]
    pub suggested: Option<Vec<Suggested>>,
    #[serde(rename = "svg")]
    pub picture: Option<String>,
}

fn as_span<S: serde::Serializer>(span: &Option<(i64, i64)>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Both {
        from: Time,
        until: Time,
    }
    span.map(|(from, until)| Both { from: Time(from), until: Time(until) }).serialize(serializer)
}

/// A span in words.
pub fn span((from, until): (i64, i64)) -> String {
    format!("{} to {}", Time(from), Time(until))
}

/// Prints it.
pub fn show(global: &Global, told: &Told) -> Result<()> {
    for of in &told.files {
        if let Some(problem) = &of.problem {
            complain(&format!("{}: {problem}", of.file));
        }
    }
    if global.json {
        return print_json(told);
    }
    if global.quiet {
        return Ok(());
    }
    print(&text(told))
}

/// A time that passed, in one unit.
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

fn text(told: &Told) -> String {
    let report = &told.report;
    let bytes = told.files.iter().map(|of| of.bytes).sum();
    let when = told.span.map_or("no time in them".to_owned(), span);
    let attempts = |number: u64| count(number, "attempt", "attempts");
    let mut text = format!(
        "Logs:       {} with {}, {when}\nAttackers:  {}, with {} from {}\n",
        count(told.files.len(), "file", "files"),
        size(bytes),
        report.attackers,
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
    if told.blocked_by_set.entries > 0 {
        text += &format!(
            "Blocked:    {} of {} by the kernel set; those never reached the logs\n",
            count(told.blocked_by_set.packets, "packet", "packets"),
            count(told.blocked_by_set.entries, "address", "addresses"),
        );
    }
    for note in notes(told) {
        text += &format!("Note:       {note}\n");
    }
    if report.attackers > 0 {
        text += "\nWhen each attacker was listed, seen from his first attempt:\n";
        text += &feeds(report);
        text += "\nThe busiest networks:\n";
        text += &table(
            &["NETWORK", "ATTACKERS", "ATTEMPTS", "UNLISTED"],
            report.networks.iter().take(SHOWN).map(|of| {
                let numbers = [of.attackers as u64, of.attempts, of.unlisted];
                std::iter::once(of.network.to_string()).chain(numbers.map(|n| n.to_string())).collect()
            }),
        );
        text += "\nThe busiest attackers:\n";
        text += &attackers(report);
    }
    if let Some(suggested) = &told.suggested {
        text += "\nWhat other lists, as they are now, would have caught:\n";
        text += &suggestions(suggested);
    }
    if let Some(picture) = &told.picture {
        text += &format!("\nWrote the picture to {picture}.\n");
    }
    text
}

fn notes(told: &Told) -> Vec<String> {
    let report = &told.report;
    let mut notes = Vec::new();
    let from = told.span.map_or(0, |span| span.0);
    for feed in &report.feeds {
        if let Some(since) = feed.known_since.map(|since| since.as_second()).filter(|since| *since > from) {
            notes.push(format!(
                "what {} listed before {} is not known here; attempts before that count as unlisted",
                feed.feed,
                Time(since)
            ));
        }
    }
    if report.left_out > 0 {
        notes.push(format!(
            "there are more than {MOST_ATTACKERS} attackers; {} attempts of the others are in the sums only",
            report.left_out
        ));
    }
    let unclear: u64 = told.files.iter().map(|of| of.unclear).sum();
    if unclear > 0 {
        notes.push(format!(
            "{unclear} lines are left out, since what the attacker wrote into them hides which address was his"
        ));
    }
    let packets: u64 = told.files.iter().map(|of| of.packets).sum();
    if packets > 0 {
        notes.push(format!(
            "SIP debugging wrote {packets} packets into the logs; with chan_sip an attacker can write lines of the log so"
        ));
    }
    for of in report.protected.iter().take(SHOWN) {
        notes.push(format!(
            "{} is never blocked and no attacker, but was rejected {} times: a phone with a wrong password?",
            of.address, of.attempts
        ));
    }
    notes
}

fn feeds(report: &Report) -> String {
    let row = |name: &str, of: &Listed, since: String| {
        let within = match (of.after_median_s, of.after_most_s) {
            (Some(half), Some(all)) => format!("{} / {}", after(half), after(all)),
            _ => "-".to_owned(),
        };
        let numbers = [of.before, of.at, of.after].map(|number| number.to_string());
        [name.to_owned()].into_iter().chain(numbers).chain([within, of.never.to_string(), since]).collect()
    };
    let each = report.feeds.iter().map(|of| {
        let since = of.known_since.map_or("-".to_owned(), |since| Time(since.as_second()).to_string());
        row(&of.feed, &of.listed, since)
    });
    let all = row("any of them", &report.any_feed, "-".to_owned());
    table(
        &["FEED", "BEFORE", "AT ONCE", "AFTER", "HALF / ALL WITHIN", "NEVER", "KNOWN SINCE"],
        each.chain([all]),
    )
}

fn attackers(report: &Report) -> String {
    let rows = report.worst.iter().take(SHOWN).map(|of| {
        let time = |time: Option<jiff::Timestamp>| {
            time.map_or("-".to_owned(), |time| Time(time.as_second()).to_string())
        };
        let listed = match (of.listed, of.after_s) {
            ("never", _) => "never".to_owned(),
            ("at", _) => format!("at once: {}", of.feeds.join(", ")),
            (_, Some(seconds)) => format!("{} after: {}", after(seconds), of.feeds.join(", ")),
            _ => format!("before: {}", of.feeds.join(", ")),
        };
        vec![
            of.address.to_string(),
            of.attempts.to_string(),
            of.unlisted.to_string(),
            time(of.first),
            time(of.last),
            one_line(&listed, 60).into_owned(),
        ]
    });
    table(&["ADDRESS", "ATTEMPTS", "UNLISTED", "FIRST", "LAST", "LISTED"], rows)
}

fn suggestions(suggested: &[Suggested]) -> String {
    let rows = suggested.iter().map(|of| {
        let name = of.list.clone();
        match &of.caught {
            Some(caught) => vec![
                name,
                caught.attackers.to_string(),
                caught.attempts.to_string(),
                caught.new_attackers.to_string(),
                caught.new_attempts.to_string(),
                of.entries.to_string(),
                String::new(),
            ],
            None => {
                let error = of.error.as_deref().unwrap_or("no answer");
                let mut row = vec![name];
                row.extend(vec!["-".to_owned(); 5]);
                row.push(one_line(error, 100).into_owned());
                row
            }
        }
    });
    let head = ["LIST", "ATTACKERS", "ATTEMPTS", "NEW ATTACKERS", "OF THE UNLISTED", "ENTRIES", "PROBLEM"];
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
