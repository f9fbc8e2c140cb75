//! The log file and what goes to standard error.
//!
//! Only this program's own lines are logged: the libraries below would log URLs, and a URL may contain a key.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use log::LevelFilter;

use super::Global;
use super::output::complain;
use crate::config::Level;
use crate::pbx::freepbx_conf;
use crate::run::Context;
use crate::run::log_lines::RETURNED;
use crate::system::files;
use crate::system::text::one_line;

/// The longest line, in characters. One message is one line, so that no text from outside can look like another one.
const LONGEST: usize = 2_000;

/// Starts logging: to the log file of a run, and to standard error what `-v` and `-q` say.
pub fn start(global: &Global, context: Option<&Context>) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Warn,
        (false, 1) => LevelFilter::Info,
        (false, _) => LevelFilter::Debug,
    };
    let own = |metadata: &log::Metadata<'_>| metadata.target().starts_with("banbridge");
    let screen = fern::Dispatch::new()
        .level(level)
        .filter(|metadata| metadata.target() != RETURNED)
        .format(|out, message, _| {
            out.finish(format_args!("banbridge: {}", one_line(&message.to_string(), LONGEST)));
        })
        .chain(io::stderr());
    let mut all = fern::Dispatch::new().filter(own).chain(screen);
    let mut problem = None;
    if let Some(context) = context {
        let (path, level) = (context.log_file(), context.config.log.level);
        match freepbx_conf::owner(&global.freepbx_conf)
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|(owner, _)| files::append(&path, owner))
        {
            Ok(file) => {
                let log: Box<dyn Write + Send> = Box::new(Log { file, path, silent: global.quiet });
                let lines = fern::Dispatch::new().level(filter(level)).format(line).chain(log);
                all = all.chain(lines);
            }
            Err(why) => problem = Some(format!("cannot write the log {}: {why}", path.display())),
        }
    }
    // Fails only when logging was started before.
    let _ = all.apply();
    if let Some(problem) = problem {
        complain(&problem);
    }
}

/// The log file. What cannot be written is left out: a full disk stops no run. It is said once.
struct Log {
    file: File,
    path: PathBuf,
    /// Whether it is not to be said, or was said.
    silent: bool,
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(why) = self.file.write_all(line)
            && !std::mem::replace(&mut self.silent, true)
        {
            complain(&format!("cannot write the log {}: {why}", self.path.display()));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(out: fern::FormatCallback<'_>, message: &std::fmt::Arguments<'_>, record: &log::Record<'_>) {
    let now = jiff::Timestamp::now();
    let message = message.to_string();
    let text = one_line(&message, LONGEST);
    out.finish(format_args!("{} {:5} {text}", now.strftime("%Y-%m-%dT%H:%M:%SZ"), record.level()));
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::Error,
        Level::Warn => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
    }
}
