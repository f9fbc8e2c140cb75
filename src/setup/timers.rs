//! Timers: the package's units if systemd and they exist, else lines of cron.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::Step;
use crate::doctor::timers::{Timers, UNITS};
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::files;
use crate::system::program::Programs;

const STEP: &str = "timers";
/// Where the lines of cron go; the second one if the package's file, which does nothing here, has the first.
const CRON: [&str; 2] = ["/etc/cron.d/banbridge", "/etc/cron.d/banbridge-setup"];
/// The first line of a file of cron that setup wrote.
const MARK: &str = "# Written by banbridge setup. To remove it: banbridge setup --remove";
/// The package's file that says how the next directory is made.
const TMPFILES: &str = "/usr/lib/tmpfiles.d/banbridge.conf";
/// Where FreePBX's page asks root for a run.
const REQUESTS: &str = "/run/banbridge";
/// Root's directory, for the saved kernel set.
const STATE: &str = "/var/lib/banbridge";

/// Makes the directories that runs use.
pub fn directories((user, group): (u32, u32)) -> Step {
    let step = "directories";
    let made = make(Path::new(STATE), (0, 0))
        .and_then(|state| Ok(state | make(Path::new(REQUESTS), (user, group))?));
    match made {
        Ok(true) => Step::done(step, format!("{STATE} and {REQUESTS}")),
        Ok(false) => Step::unchanged(step, format!("{STATE} and {REQUESTS}")),
        Err(error) => {
            Step::failed(step, format!("{STATE} or {REQUESTS} cannot be made: {error}"), error.exit())
        }
    }
}

/// Makes a directory below one of root's; false if it existed.
fn make(path: &Path, (user, group): (u32, u32)) -> io::Result<bool> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => chown(path, Some(user), Some(group)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Installs the timers.
pub fn install(programs: &dyn Programs) -> Step {
    let timers = Timers::look();
    let units: Vec<&str> = UNITS.into_iter().filter(|unit| timers.installed.contains(unit)).collect();
    if timers.systemd && units.contains(&UNITS[0]) {
        return enable(programs, &timers, &units);
    }
    if let Some(what) = timers.what() {
        return Step::unchanged(STEP, what);
    }
    match write_cron() {
        Ok(path) => Step::done(STEP, format!("cron, by {}", path.display())),
        Err(error) => Step::failed(STEP, error.to_string(), error.exit()),
    }
}

fn enable(programs: &dyn Programs, timers: &Timers, units: &[&str]) -> Step {
    let systemctl = |args: &[&str]| programs.run("systemctl", args, Vec::new());
    // An enabled unit may be stopped; a service that starts once at boot is never active for long.
    let started: Vec<&str> = units.iter().filter(|unit| !unit.ends_with(".service")).copied().collect();
    let active = systemctl(&[&["--quiet", "is-active"], &started[..]].concat());
    // It says yes if any is active, so each is asked.
    let all_active = active.is_ok_and(|output| output.succeeded())
        && started
            .iter()
            .all(|unit| systemctl(&["--quiet", "is-active", unit]).is_ok_and(|output| output.succeeded()));
    if all_active && units.iter().all(|unit| timers.enabled.contains(unit)) {
        return Step::unchanged(STEP, "systemd's timers are enabled and active");
    }
    if Path::new(TMPFILES).exists() {
        // The directory exists already; this one is for the next boot.
        let _ = programs.run("systemd-tmpfiles", &["--create", TMPFILES], Vec::new());
    }
    let demand = |args: &[&str]| programs.demand("systemctl", args, Vec::new());
    let done = demand(&["daemon-reload"])
        .and_then(|_| demand(&[&["enable"], units].concat()))
        .and_then(|_| demand(&[&["start"], &started[..]].concat()));
    match done {
        Ok(_) => Step::done(STEP, format!("systemd: {}", units.join(", "))),
        Err(error) => Step::failed(STEP, error.to_string(), Exit::Unreachable),
    }
}

/// Why cron cannot run banbridge.
#[derive(Debug, thiserror::Error)]
enum CronError {
    /// The path of this program is not known.
    #[error("the path of this program is not known: {0}")]
    NoProgram(io::Error),
    /// The path of this program has characters that cron does not take.
    #[error("cron cannot run a program at {0}. Fix: install it as /usr/local/sbin/banbridge")]
    Path(String),
    /// The program, or a directory on its path, cannot be looked at.
    #[error("{path:?} cannot be looked at: {cause}")]
    Unseen {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// Others than root can change the program or a directory on its path.
    #[error(
        "others than root can change {part:?}, so root does not run {program} from cron. Fix: install it as \
         /usr/local/sbin/banbridge"
    )]
    NotRoots {
        /// The program.
        program: String,
        /// What others can change.
        part: PathBuf,
    },
    /// Both files exist and start nothing.
    #[error("{} and {} exist and start nothing", CRON[0], CRON[1])]
    Taken,
    /// The file cannot be written.
    #[error("cannot write {path:?}: {cause}. Is cron installed?")]
    Write {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl Classify for CronError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoProgram(error) | Self::Unseen { cause: error, .. } => error.exit(),
            Self::Path(_) | Self::NotRoots { .. } | Self::Taken | Self::Write { .. } => Exit::Unreachable,
        }
    }
}

fn write_cron() -> Result<PathBuf, CronError> {
    let program = std::env::current_exe().map_err(CronError::NoProgram)?;
    let text = lines(&program)?;
    let path = CRON.iter().map(Path::new).find(|path| !path.exists()).ok_or(CronError::Taken)?;
    files::create(path, text.as_bytes(), 0o644, (0, 0))
        .map_err(|cause| CronError::Write { path: path.to_owned(), cause })?;
    Ok(path.to_owned())
}

/// The lines for a program at this path, which root will run: only root may be able to change it.
fn lines(program: &Path) -> Result<String, CronError> {
    let shown = program.display().to_string();
    if !shown.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)) {
        return Err(CronError::Path(shown));
    }
    for part in program.ancestors() {
        let meta = fs::metadata(part).map_err(|cause| CronError::Unseen { path: part.to_owned(), cause })?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
            return Err(CronError::NotRoots { program: shown, part: part.to_owned() });
        }
    }
    Ok(format!(
        "{MARK}\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n\
         */5 * * * * root sleep $(shuf -i 0-59 -n 1); {shown} sync -q\n\
         * * * * * root {shown} apply -q\n\
         @reboot root {shown} apply --boot -q\n"
    ))
}

/// Removes what [`install`] installed. Units of a package are disabled, and their files stay for the package.
pub fn remove(programs: &dyn Programs) -> Step {
    let timers = Timers::look();
    let mut gone = Vec::new();
    for path in CRON.map(Path::new) {
        let ours = files::read_text(path, 1 << 20).is_ok_and(|text| text.starts_with(MARK));
        match ours.then(|| fs::remove_file(path)) {
            Some(Ok(())) => gone.push(path.display().to_string()),
            Some(Err(error)) => {
                return Step::failed(
                    STEP,
                    format!("cannot remove {}: {error}", path.display()),
                    error.exit(),
                );
            }
            None => {}
        }
    }
    if timers.systemd && !timers.enabled.is_empty() {
        let args: Vec<&str> =
            ["disable", "--now"].into_iter().chain(timers.enabled.iter().copied()).collect();
        if let Err(error) = programs.demand("systemctl", &args, Vec::new()) {
            return Step::failed(STEP, error.to_string(), Exit::Unreachable);
        }
        gone.extend(timers.enabled.iter().map(|unit| (*unit).to_owned()));
    }
    // Lines that others wrote stay.
    let left =
        Timers::look().what().map(|what| format!("; timers of others stay: {what}")).unwrap_or_default();
    match gone.is_empty() {
        true => Step::unchanged(STEP, format!("setup installed none{left}")),
        false => Step::done(STEP, format!("removed {}{left}", gone.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_runs_nothing_from_cron_that_others_can_change() {
        let text = lines(Path::new("/usr/bin/env")).unwrap();
        assert!(text.starts_with(MARK) && text.contains("; /usr/bin/env sync -q\n"), "{text}");
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("banbridge");
        fs::write(&program, "").unwrap();
        // Everyone can change /tmp.
        assert!(matches!(lines(&program), Err(CronError::NotRoots { .. })));
        assert!(matches!(lines(Path::new("/opt/a b")), Err(CronError::Path(_))));
    }
}
