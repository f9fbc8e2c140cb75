//! What runs banbridge: the packages' timers, or lines of cron; and when it ran last.

use std::fs;
use std::path::{Path, PathBuf};

use super::neighbours::cron;
use super::{Check, Lack};
use crate::ban::health::is_late;
use crate::system::text::count;

/// The packages' units that are started, in the order in which they matter.
pub const UNITS: [&str; 4] =
    ["banbridge-sync.timer", "banbridge-apply.timer", "banbridge-apply.path", "banbridge-boot.service"];
/// Where units are.
const PLACES: [&str; 3] = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"];
/// Where enabled units are linked.
const WANTED_BY: [&str; 3] = ["timers.target.wants", "multi-user.target.wants", "sysinit.target.wants"];

/// What starts runs here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers {
    /// Whether systemd is the first process.
    pub systemd: bool,
    /// Units of ours that are installed.
    pub installed: Vec<&'static str>,
    /// Units of ours that are enabled.
    pub enabled: Vec<&'static str>,
    /// Files of cron with a line that starts a run of root here.
    pub cron: Vec<PathBuf>,
}

/// Whether systemd is the first process.
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

impl Timers {
    /// Looks.
    pub fn look() -> Self {
        let there = |unit: &&str| PLACES.iter().any(|place| Path::new(place).join(unit).exists());
        let enabled = |unit: &&str| {
            let links = WANTED_BY.iter().map(|target| Path::new(PLACES[0]).join(target).join(unit));
            links.into_iter().any(|link| fs::symlink_metadata(link).is_ok())
        };
        let systemd = has_systemd();
        let cron = cron::files()
            .into_iter()
            .filter(|(_, text)| text.lines().any(|line| starts_sync(line, systemd)))
            .map(|(path, _)| path);
        Self {
            systemd,
            installed: UNITS.into_iter().filter(there).collect(),
            enabled: UNITS.into_iter().filter(there).filter(enabled).collect(),
            cron: cron.collect(),
        }
    }

    /// What starts the runs, in words; none where nothing does.
    pub fn what(&self) -> Option<String> {
        let cron: Vec<String> = self.cron.iter().map(|path| path.display().to_string()).collect();
        match (self.systemd && self.enabled.contains(&UNITS[0]), cron.is_empty()) {
            (true, true) => Some("systemd's timers".to_owned()),
            (true, false) => Some(format!("systemd's timers, and also {}", cron.join(", "))),
            (false, false) => Some(format!("cron, by {}", cron.join(", "))),
            (false, true) => None,
        }
    }
}

/// Whether a line of cron starts the sync on this machine. The package's own lines leave it to systemd where that is.
fn starts_sync(line: &str, systemd: bool) -> bool {
    cron::is_job(line)
        && line.split("banbridge").skip(1).any(|rest| rest.split_whitespace().any(|word| word == "sync"))
        && !(systemd && line.contains("/run/systemd/system"))
}

/// Judges what starts runs, and whether they come. Times are seconds since 1970; `root` is when root was last seen.
pub fn judge(timers: &Timers, last_run: Option<i64>, root: Option<i64>, now: i64) -> Vec<Check> {
    let name = "timers";
    let late = last_run.is_none_or(|last| is_late(last, now));
    let missing: Vec<&str> =
        UNITS.into_iter().filter(|unit| timers.systemd && !timers.enabled.contains(unit)).collect();
    let first = match timers.what() {
        None if late => {
            let found = "nothing starts banbridge: new attackers are not blocked";
            Check::error(name, Lack::Setting, found, "banbridge setup")
        }
        None => {
            let found = "root has no timer. FreePBX or a person starts the runs: rows take effect slowly, and the kernel set is \
                         off";
            Check::warning(name, found, "banbridge setup")
        }
        Some(what) if timers.cron.is_empty() && !missing.is_empty() => {
            let found = format!("{what}, without {}", missing.join(", "));
            Check::warning(name, found, "banbridge setup")
        }
        Some(what) => Check::ok(name, what),
    };
    let name = "last_run";
    let minutes = |at: i64| count((now - at).max(0) / 60, "minute", "minutes");
    let mend = match timers.systemd {
        true => "systemctl list-timers 'banbridge-*'; journalctl -u banbridge-sync",
        false => "check that cron runs: /var/log/syslog or /var/log/cron",
    };
    let second = match last_run {
        None => Check::warning(name, "no run yet", "banbridge sync"),
        Some(last) if late => {
            Check::error(name, Lack::Reach, format!("the last run was {} ago", minutes(last)), mend)
        }
        Some(last) if root.is_none_or(|root| is_late(root, now)) => {
            let found = format!("{} ago, but root has not run for over an hour", minutes(last));
            Check::warning(name, found, mend)
        }
        Some(last) => Check::ok(name, format!("{} ago", minutes(last))),
    };
    vec![first, second]
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn lines_of_cron_that_start_a_sync_are_known_and_the_packages_own_wait_for_a_machine_without_systemd() {
        let table = [
            ("*/5 * * * * root banbridge sync -q", true, true),
            ("*/5 * * * * root /usr/local/sbin/banbridge sync -q >/dev/null", true, true),
            ("*/5 * * * * root [ -d /run/systemd/system ] || { sleep 1; banbridge sync -q; }", false, true),
            ("* * * * * root banbridge apply -q", false, false),
            ("# */5 * * * * root banbridge sync -q", false, false),
            ("MAILTO=banbridge sync", false, false),
        ];
        for (line, with, without) in table {
            assert_eq!((starts_sync(line, true), starts_sync(line, false)), (with, without), "{line}");
        }
    }

    #[test]
    fn runs_need_something_that_starts_them_and_must_come() {
        const NOW: i64 = 1_700_000_000;
        let all = Timers { systemd: true, installed: UNITS.to_vec(), enabled: UNITS.to_vec(), cron: vec![] };
        let part = Timers { enabled: UNITS[..2].to_vec(), ..all.clone() };
        let cron = Timers { cron: vec!["/etc/cron.d/x".into()], ..Timers::default() };
        let none = Timers::default();
        let lately = Some(NOW - 60);
        let table = [
            (&all, lately, lately, [State::Ok, State::Ok]),
            (&part, lately, lately, [State::Warning, State::Ok]),
            (&cron, lately, lately, [State::Ok, State::Ok]),
            (&all, Some(NOW - crate::ban::health::LATE - 1), lately, [State::Ok, State::Error]),
            (&all, lately, None, [State::Ok, State::Warning]),
            (&all, None, None, [State::Ok, State::Warning]),
            (&none, lately, lately, [State::Warning, State::Ok]),
            (&none, None, None, [State::Error, State::Warning]),
        ];
        for (timers, last, root, states) in table {
            let found: Vec<State> = judge(timers, last, root, NOW).iter().map(|check| check.state).collect();
            assert_eq!(found, states, "{timers:?} {last:?} {root:?}");
        }
    }
}
