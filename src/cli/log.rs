//! `log`: the end of our log file, for who has no shell.

use crate::system::failure::{Attempt, Result};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{complain, print, print_json};
use crate::pbx::firewall;
use crate::run::context::log_file;
use crate::system::exit::Exit;
use crate::system::files;

/// The most of the file's end that is read, in bytes.
const MOST: u64 = 4 << 20;

/// Where the log is unless FreePBX was told otherwise.
const USUAL: &str = "/var/log/asterisk";

/// What `log` takes.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// So many lines of its end
    #[arg(long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

#[derive(Serialize)]
struct Log {
    file: String,
    lines: Vec<Line>,
}

/// One line. What is no line of ours is all text.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    at: Option<String>,
    level: Option<String>,
    text: String,
}

/// Runs the command.
pub fn run(global: &Global, args: &LogArgs) -> Result<Exit> {
    // The log is wanted most when something is down.
    let directory = directory(global).unwrap_or_else(|error| {
        complain(&format!("{error:#}; this is the log of the usual place, {USUAL}"));
        USUAL.to_owned()
    });
    let path = log_file(Path::new(&directory));
    let end = match files::open_to_read(&path) {
        Ok(file) => end_of(file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).context(format!("{} cannot be read", path.display())),
    };
    let all: Vec<&str> = end.lines().collect();
    let last = &all[all.len().saturating_sub(args.lines)..];
    if global.json {
        let lines = last.iter().map(|line| read(line)).collect();
        print_json(&Log { file: path.display().to_string(), lines })?;
    } else {
        print(&last.iter().map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(Exit::Done)
}

/// Where FreePBX has its logs.
fn directory(global: &Global) -> Result<String> {
    let mut conn = global.environment().database()?.connect()?;
    Ok(firewall::setting(&mut conn, "ASTLOGDIR", USUAL)?)
}

/// The file's end, from the beginning of a line on.
fn end_of(mut file: File) -> std::io::Result<String> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(MOST)))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match size > MOST {
        true => text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()),
        false => text,
    })
}

/// Takes a line of ours apart: time, level, text.
fn read(line: &str) -> Line {
    let ours = line.split_once(' ').and_then(|(at, rest)| {
        let (level, text) = rest.split_once(' ')?;
        let known = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level);
        let is_time = at.parse::<jiff::Timestamp>().is_ok();
        (known && is_time).then(|| (at.to_owned(), level.to_lowercase(), text.trim_start().to_owned()))
    });
    match ours {
        Some((at, level, text)) => Line { at: Some(at), level: Some(level), text },
        None => Line { at: None, level: None, text: line.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_and_any_other_is_text() {
        let line = read("2026-01-02T03:04:05Z WARN  the firewall does not run");
        let words = (line.at.as_deref(), line.level.as_deref(), line.text.as_str());
        assert_eq!(words, (Some("2026-01-02T03:04:05Z"), Some("warn"), "the firewall does not run"));
        for text in ["", "x", "x y", "2026-01-02T03:04:05Z SHOUT x", "today WARN x"] {
            assert_eq!(read(text), Line { at: None, level: None, text: text.to_owned() });
        }
    }

    #[test]
    fn of_a_long_file_the_end_is_read_and_begins_with_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: String = (0..400_000).map(|n| format!("line {n:06}\n")).collect();
        std::fs::write(file.path(), &text).unwrap();
        let end = end_of(File::open(file.path()).unwrap()).unwrap();
        assert!(end.len() < text.len() && text.ends_with(&end) && end.starts_with("line "));
    }
}
