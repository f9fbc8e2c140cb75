//! `status --check`: one line and an exit code as Nagios and Icinga want them.

use crate::system::failure::Result;
use serde::Serialize;

use super::super::Global;
use super::{Status, load};
use crate::ban::health::state::State;
use crate::cli::output::{complain, print, print_json};
use crate::system::exit::Exit;
use crate::system::text::one_line;

/// The most characters of the line before its figures.
const LINE: usize = 400;

/// What a check says, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verdict {
    Ok,
    Warning,
    Unknown,
    Critical,
}

#[derive(Serialize)]
struct Checked {
    check: Verdict,
    code: u8,
    text: String,
    figures: String,
}

impl Verdict {
    /// The exit code of Nagios's interface.
    fn exit(self) -> Exit {
        match self {
            Self::Ok => Exit::Done,
            Self::Warning => Exit::No,
            Self::Critical => Exit::Usage,
            Self::Unknown => Exit::Unknown,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Runs the check. Every error is an UNKNOWN, with the error as its text.
pub(super) fn run(global: &Global) -> Result<Exit> {
    let (verdict, text, figures) = match load(global) {
        Ok((status, now)) => (verdict(&status), words(&status), figures(&status, now)),
        Err(error) => (Verdict::Unknown, global.environment().scrub(&format!("{error:#}")), String::new()),
    };
    let text = harmless(&text);
    let exit = verdict.exit();
    let shown = if global.json {
        print_json(&Checked { check: verdict, code: exit.code(), text, figures })
    } else if !global.quiet {
        let bar = if figures.is_empty() { "" } else { " | " };
        print(&format!("BANBRIDGE {} - {text}{bar}{figures}\n", verdict.word()))
    } else {
        Ok(())
    };
    if let Err(error) = shown {
        complain(&format!("{error:#}"));
    }
    Ok(exit)
}

/// One line, in which no figures begin.
fn harmless(text: &str) -> String {
    one_line(&text.replace('\n', " "), LINE).replace('|', "/")
}

/// What the state alone says.
fn of_state(state: State) -> Verdict {
    match state {
        State::Blocking | State::NothingToBlock => Verdict::Ok,
        State::Unknown => Verdict::Unknown,
        State::NotBlocking => Verdict::Critical,
        State::Pending | State::OutOfDate | State::NoRun => Verdict::Warning,
    }
}

/// What the problems alone say.
fn of_problems(status: &Status) -> Verdict {
    let of = |level: &str| if level == "error" { Verdict::Critical } else { Verdict::Warning };
    status.problems.iter().map(|problem| of(problem.level)).max().unwrap_or(Verdict::Ok)
}

fn verdict(status: &Status) -> Verdict {
    of_state(status.state).max(of_problems(status))
}

fn words(status: &Status) -> String {
    // A problem that is why the state is so says it already.
    let causes: &[&str] = match status.state {
        State::OutOfDate | State::NoRun => &["no_sync", "out_of_date:"],
        _ => &["not_blocking"],
    };
    let is_cause = |id: &str| causes.iter().any(|cause| id.starts_with(cause));
    let has_cause = status.problems.iter().any(|problem| is_cause(&problem.id));
    let mut titles: Vec<&str> = status.problems.iter().map(|problem| problem.title.as_str()).collect();
    if of_state(status.state) > Verdict::Ok && !has_cause {
        titles.insert(0, &status.state_text);
    }
    if titles.is_empty() {
        let on = status.feeds.iter().filter(|feed| feed.enabled).count();
        return match &status.set.backend {
            Some(by) => format!(
                "{} rows in the blacklist, {} prefixes in the set by {by}, feeds: {on}",
                status.blacklist.rows, status.set.size
            ),
            None => format!("{} rows in the blacklist, feeds: {on}", status.blacklist.rows),
        };
    }
    titles.join("; ")
}

/// Figures for graphs: `name=value[unit];warning;critical;least;most`.
fn figures(status: &Status, now: i64) -> String {
    let b = &status.blacklist;
    let mut all = vec![
        format!("rows={};;;0;{}", b.rows, b.limit),
        format!("set={};;;0", status.set.size),
        format!("over_limit={};;;0", b.over_limit),
        format!("protected={};;;0", b.protected),
        format!("blocked_packets={}c;;;0", status.set.blocked_packets),
        format!("packets_day={};;;0", status.packets.day),
    ];
    if let Some(run) = &status.last_run {
        let age = (now - run.started_at.0).max(0);
        all.push(format!("run_age={age}s;{};;0", crate::ban::health::LATE));
    }
    all.extend(
        status
            .feeds
            .iter()
            .filter(|feed| feed.enabled)
            .map(|feed| format!("entries_{}={};;;0", feed.name, feed.entries)),
    );
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_nagios() {
        let all = [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::Unknown];
        assert!(Verdict::Warning < Verdict::Unknown && Verdict::Unknown < Verdict::Critical);
        assert_eq!(all.map(|verdict| verdict.exit().code()), [0, 1, 2, 3]);
    }

    #[test]
    fn no_text_makes_a_second_line_or_begins_the_figures() {
        assert_eq!(harmless("a\nb | rows=0 \u{1b}[2J"), "a b / rows=0 \\u{1b}[2J");
        assert!(harmless(&"x".repeat(5_000)).len() <= LINE);
    }
}
