//! `coverage`: who attacked this PBX, which feed listed them when, and what got through.

mod text;

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Global;
use super::output::{complain, print, print_json};
use crate::coverage::logs::Watch;
use crate::coverage::moment::Moment;
use crate::coverage::svg;
use crate::run::coverage::{Coverage, CoverageRequest, coverage};
use crate::system::exit::Exit;
use crate::system::failure::{Attempt, Result};
use crate::system::files;

/// What `coverage` takes.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// logs or directories of logs, plain, gzip or zstd; - is standard input [default: the logs of this PBX]
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// read the logs of this PBX themselves, instead of what the runs read of them
    #[arg(long = "logs")]
    read: bool,
    /// the last seven days in plain words
    #[arg(long, conflicts_with_all = ["since", "until", "svg"])]
    week: bool,
    /// with --json: at most so many attackers [default: 10000]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// from this time on: 2026-11-24, "2026-11-24 06:00", or 3d for three days ago
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// until before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// also fetch the other lists of the catalog, and disabled ones, and show what they would have caught
    #[arg(long)]
    suggest: bool,
    /// with --suggest: fetch only this list, also one of a country; can be repeated
    #[arg(long = "list", value_name = "NAME", requires = "suggest")]
    lists: Vec<String>,
    /// write a chart of the attempts per hour to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    coverage: &'a Coverage,
    /// The file that the chart was written to.
    svg: Option<String>,
}

/// A bar on the terminal while the logs are read.
struct Bar(ProgressBar);

impl Bar {
    fn new(hidden: bool) -> Self {
        let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }
}

impl Watch for Bar {
    fn size(&self, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn done(&self) {
        self.0.finish_and_clear();
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &CoverageArgs) -> Result<Exit> {
    if args.week {
        return week(global, args);
    }
    let request = CoverageRequest {
        logs: args.logs.clone(),
        read: args.read,
        since: args.since,
        until: args.until,
        suggest: args.suggest.then(|| args.lists.clone()),
    };
    let mut coverage = coverage(&global.environment(), &request, &Bar::new(global.quiet))?;
    coverage.report.worst.truncate(args.top.unwrap_or(usize::MAX));
    for file in &coverage.logs {
        if let Some(problem) = &file.problem {
            complain(&format!("{}: {problem}", file.file));
        }
    }
    let mut exit = coverage.exit;
    let mut chart = None;
    if let Some(path) = &args.svg {
        match draw(path, &coverage) {
            Ok(()) => chart = Some(path.display().to_string()),
            Err(error) => {
                complain(&format!("{error:#}"));
                exit = exit.worse(error.exit());
            }
        }
    }
    if global.json {
        print_json(&Printed { coverage: &coverage, svg: chart })?;
    } else if !global.quiet {
        print(&text::text(&coverage, chart.as_deref()))?;
    }
    Ok(exit)
}

fn week(global: &Global, args: &CoverageArgs) -> Result<Exit> {
    let week = crate::run::week::week(&global.environment(), args.suggest)?;
    if global.json {
        print_json(&week)?;
    } else if !global.quiet {
        print(&week.text())?;
    }
    Ok(Exit::Done)
}

fn draw(path: &Path, coverage: &Coverage) -> Result<()> {
    let title = match coverage.span {
        Some(span) => format!("Attempts on this PBX, {}", text::span(span)),
        None => "Attempts on this PBX".to_owned(),
    };
    files::replace(path, svg::draw(&coverage.hours, &title).as_bytes(), 0o644)
        .context(format!("the chart {} cannot be written", path.display()))
}
