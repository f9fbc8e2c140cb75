//! The end of the log file, for whoever has no shell.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::{Environment, log_file};
use crate::pbx::firewall;
use crate::system::failure::{Attempt, Failure, Result};
use crate::system::files;

/// The most of the file's end that is read, in bytes.
const MOST: u64 = 4 << 20;
/// Where the log is unless FreePBX says otherwise.
pub const USUAL: &str = "/var/log/asterisk";

/// The end of the log.
#[derive(Debug)]
pub struct End {
    /// The file.
    pub file: PathBuf,
    /// Its last lines; none where there is no file.
    pub lines: Vec<String>,
    /// Why FreePBX could not be asked for the directory, so that [`USUAL`] was used: the log is wanted most when
    /// something does not work.
    pub guessed: Option<Failure>,
}

/// One line, taken apart. Any line that is not banbridge's is all text.
#[derive(Debug, PartialEq, Serialize)]
pub struct Line {
    /// When it was written.
    pub at: Option<String>,
    /// How serious it is.
    pub level: Option<String>,
    /// What it says.
    pub text: String,
}

/// Reads the last lines of the log.
pub fn end(environment: &Environment, lines: usize) -> Result<End> {
    let (directory, guessed) = match directory(environment) {
        Ok(directory) => (directory, None),
        Err(error) => (USUAL.to_owned(), Some(error)),
    };
    let file = log_file(Path::new(&directory));
    let text = match files::open_to_read(&file) {
        Ok(file) => end_of(file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).context(format!("cannot read {}", file.display())),
    };
    let all: Vec<&str> = text.lines().collect();
    let last = &all[all.len().saturating_sub(lines)..];
    Ok(End { file, lines: last.iter().map(|line| (*line).to_owned()).collect(), guessed })
}

/// Where FreePBX has its logs.
fn directory(environment: &Environment) -> Result<String> {
    let mut conn = environment.database()?.connect()?;
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

/// Takes a line apart: time, level, text.
pub fn read(line: &str) -> Line {
    let known = line.split_once(' ').and_then(|(at, rest)| {
        let (level, text) = rest.split_once(' ')?;
        let is_level = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level);
        let is_time = at.parse::<jiff::Timestamp>().is_ok();
        (is_level && is_time).then(|| (at.to_owned(), level.to_lowercase(), text.trim_start().to_owned()))
    });
    match known {
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
