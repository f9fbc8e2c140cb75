//! Timers: the package's units where systemd is and they are, else lines of cron.

use crate::system::failure::Result;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::Step;
use crate::doctor::timers::{Timers, UNITS};
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::program::Programs;

const STEP: &str = "timers";
/// Where the lines of cron go; the second where the package's file, which is for others, has the first.
const CRON: [&str; 2] = ["/etc/cron.d/banbridge", "/etc/cron.d/banbridge-setup"];
/// The first line of a file of cron that was written here.
const MARK: &str = "# Written by banbridge setup; banbridge setup --remove takes it away.";
/// The package's own answer to how the next directory is made.
const TMPFILES: &str = "/usr/lib/tmpfiles.d/banbridge.conf";
/// Where FreePBX's pages ask root to look at once.
const REQUESTS: &str = "/run/banbridge";
/// Root's directory, for the saved set.
const STATE: &str = "/var/lib/banbridge";

/// Makes the directories that runs use.
pub fn directories((user, group): (u32, u32)) -> Step {
    let step = "directories";
    let made = make(Path::new(STATE), (0, 0))
        .and_then(|state| Ok(state | make(Path::new(REQUESTS), (user, group))?));
    match made {
        Ok(true) => Step::done(step, format!("{STATE} and {REQUESTS}")),
        Ok(false) => Step::was_so(step, format!("{STATE} and {REQUESTS}")),
        Err(error) => Step::failed(step, format!("{STATE} or {REQUESTS}: {error}"), Exit::Denied),
    }
}

/// Makes a directory below one of root's; false when it was there.
fn make(path: &Path, (user, group): (u32, u32)) -> io::Result<bool> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => chown(path, Some(user), Some(group)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Installs what starts the runs.
pub fn install(programs: &dyn Programs) -> Step {
    let timers = Timers::look();
    let units: Vec<&str> = UNITS.into_iter().filter(|unit| timers.installed.contains(unit)).collect();
    if timers.systemd && units.contains(&UNITS[0]) {
        return enable(programs, &timers, &units);
    }
    if let Some(what) = timers.what() {
        return Step::was_so(STEP, what);
    }
    match write_cron() {
        Ok(path) => Step::done(STEP, format!("cron, by {}", path.display())),
        Err(why) => Step::failed(STEP, why, Exit::Unreachable),
    }
}

fn enable(programs: &dyn Programs, timers: &Timers, units: &[&str]) -> Step {
    let systemctl = |args: &[&str]| programs.run("systemctl", args, Vec::new());
    // A unit that is enabled may be stopped all the same; what starts once at boot is never active for long.
    let started: Vec<&str> = units.iter().filter(|unit| !unit.ends_with(".service")).copied().collect();
    let active = systemctl(&[&["--quiet", "is-active"], &started[..]].concat());
    // It says yes when any is active, so each is asked.
    let all_active = active.is_ok_and(|output| output.succeeded())
        && started
            .iter()
            .all(|unit| systemctl(&["--quiet", "is-active", unit]).is_ok_and(|output| output.succeeded()));
    if all_active && units.iter().all(|unit| timers.enabled.contains(unit)) {
        return Step::was_so(STEP, "systemd's timers are enabled and run");
    }
    if Path::new(TMPFILES).exists() {
        // The directory was made above; this is for the next one after it.
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

fn write_cron() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let text = lines(&program)?;
    let path = CRON.iter().map(Path::new).find(|path| !path.exists());
    let path = path.ok_or_else(|| format!("{} and {} are there and start nothing", CRON[0], CRON[1]))?;
    files::create(path, text.as_bytes(), 0o644, (0, 0))
        .map_err(|error| format!("{} cannot be written: {error}; is cron installed?", path.display()))?;
    Ok(path.to_owned())
}

/// The lines for a program at this path, which root will run: nobody else may be able to change it.
fn lines(program: &Path) -> Result<String, String> {
    let shown = program.display().to_string();
    if !shown.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)) {
        return Err(format!("cron cannot run a program at {shown}; install it as /usr/local/sbin/banbridge"));
    }
    for part in program.ancestors() {
        let meta = fs::metadata(part).map_err(|error| format!("{}: {error}", part.display()))?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
            return Err(format!(
                "others than root can change {}, so root does not run {shown} from cron; install it as \
                 /usr/local/sbin/banbridge",
                part.display()
            ));
        }
    }
    Ok(format!(
        "{MARK}\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n\
         */5 * * * * root sleep $(shuf -i 0-59 -n 1); {shown} sync -q\n\
         * * * * * root {shown} apply -q\n\
         @reboot root {shown} apply --boot -q\n"
    ))
}

/// Takes away what [`install`] installed. Units of a package are disabled and stay for the package.
pub fn remove(programs: &dyn Programs) -> Step {
    let timers = Timers::look();
    let mut gone = Vec::new();
    for path in CRON.map(Path::new) {
        let ours = files::read_text(path, 1 << 20).is_ok_and(|text| text.starts_with(MARK));
        match ours.then(|| fs::remove_file(path)) {
            Some(Ok(())) => gone.push(path.display().to_string()),
            Some(Err(error)) => {
                return Step::failed(STEP, format!("{}: {error}", path.display()), Exit::Denied);
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
    // Lines that somebody else wrote are his.
    let left =
        Timers::look().what().map(|what| format!("; what others wrote stays: {what}")).unwrap_or_default();
    match gone.is_empty() {
        true => Step::was_so(STEP, format!("there are none of setup{left}")),
        false => Step::done(STEP, format!("{} taken away{left}", gone.join(", "))),
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
        // /tmp is everybody's.
        assert!(lines(&program).unwrap_err().contains("others than root"));
        assert!(lines(Path::new("/opt/a b")).unwrap_err().contains("cannot run"));
    }
}
