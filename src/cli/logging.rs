//! The log file and what goes to standard error.
//!
//! Only this program's own lines are let through: the libraries below would write URLs, and a URL may hold a key.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use log::LevelFilter;
use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, open};

use super::Global;
use super::output::complain;
use crate::config::Level;

/// Name of the log file in FreePBX's log directory.
pub const FILE: &str = "banbridge.log";

/// Starts logging: to the file when a directory is given, and to standard error what the administrator wants to see.
pub fn start(global: &Global, file: Option<(&str, Level)>) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Warn,
        (false, 1) => LevelFilter::Info,
        (false, _) => LevelFilter::Debug,
    };
    let ours = |metadata: &log::Metadata<'_>| metadata.target().starts_with("banbridge");
    let screen = fern::Dispatch::new()
        .level(level)
        .format(|out, message, _| out.finish(format_args!("banbridge: {message}")))
        .chain(io::stderr());
    let mut all = fern::Dispatch::new().filter(ours).chain(screen);
    let mut problem = None;
    if let Some((directory, level)) = file {
        let path = Path::new(directory).join(FILE);
        match open_log(&path) {
            Ok(file) => {
                let lines = fern::Dispatch::new().level(filter(level)).format(line).chain(file);
                all = all.chain(lines);
            }
            Err(why) => problem = Some(format!("no log is written: {}: {why}", path.display())),
        }
    }
    // Fails only when logging was started before.
    let _ = all.apply();
    if let Some(problem) = problem {
        complain(&problem);
    }
}

fn line(out: fern::FormatCallback<'_>, message: &std::fmt::Arguments<'_>, record: &log::Record<'_>) {
    let now = jiff::Timestamp::now();
    out.finish(format_args!("{} {:5} {message}", now.strftime("%Y-%m-%dT%H:%M:%SZ"), record.level()));
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::Error,
        Level::Warn => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
    }
}

/// Why the log file is not written.
#[derive(Debug, thiserror::Error)]
enum LogError {
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("it is no plain file of the owner of its directory; move it away")]
    NotOurs,
}

impl From<rustix::io::Errno> for LogError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

/// Opens the log for appending. Its directory belongs to asterisk, and root writes there too: a link, a pipe, a
/// second name of another file or a file of somebody else's is refused, or whoever took over asterisk could make
/// root write elsewhere. A new file is given to the owner of the directory, so that runs as asterisk can go on.
fn open_log(path: &PathBuf) -> Result<File, LogError> {
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let directory = std::fs::metadata(path.parent().unwrap_or(Path::new("/")))?;
    let existed = path.symlink_metadata().is_ok();
    let file = File::from(open(path, flags, Mode::from_raw_mode(0o640))?);
    let meta = file.metadata()?;
    if !meta.is_file() || meta.nlink() != 1 {
        return Err(LogError::NotOurs);
    }
    let me = rustix::process::geteuid().as_raw();
    if !existed && me == 0 && meta.uid() == 0 {
        fchown(&file, Some(Uid::from_raw(directory.uid())), Some(Gid::from_raw(directory.gid())))?;
    } else if meta.uid() != directory.uid() && meta.uid() != me {
        return Err(LogError::NotOurs);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_log_that_is_a_link_a_second_name_or_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "").unwrap();
        let log = dir.path().join(FILE);
        symlink(&target, &log).unwrap();
        assert!(open_log(&log).is_err());
        fs::remove_file(&log).unwrap();
        fs::hard_link(&target, &log).unwrap();
        assert!(open_log(&log).is_err());
        fs::remove_file(&log).unwrap();
        fs::create_dir(&log).unwrap();
        assert!(open_log(&log).is_err());
        fs::remove_dir(&log).unwrap();
        assert!(open_log(&log).is_ok() && open_log(&log).is_ok());
        assert_eq!(fs::metadata(&log).unwrap().mode() & 0o777, 0o640);
    }
}
