//! `log`: the end of the log file, for whoever has no shell.

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{complain, print, print_json};
use crate::run::log_file::{self, Line, USUAL};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `log` takes.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// how many lines
    #[arg(long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

#[derive(Serialize)]
struct Log {
    file: String,
    lines: Vec<Line>,
}

/// Runs the command.
pub fn run(global: &Global, args: &LogArgs) -> Result<Exit> {
    let end = log_file::end(&global.environment(), args.lines)?;
    if let Some(error) = &end.guessed {
        complain(&format!("{error:#}; showing the log in {USUAL}"));
    }
    if global.json {
        let lines = end.lines.iter().map(|line| log_file::read(line)).collect();
        print_json(&Log { file: end.file.display().to_string(), lines })?;
    } else {
        print(&end.lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(Exit::Done)
}
