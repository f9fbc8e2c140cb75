//! `doctor`: checks everything that banbridge needs, one line each, with the fix.

use crate::system::failure::Result;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{complain, count, print, print_json};
use super::terminal::confirmed;
use crate::doctor::look;
use crate::doctor::neighbours::{self, DISABLED, Done, Neighbours};
use crate::doctor::{Check, State};
use crate::system::exit::Exit;
use crate::system::program::System;

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Ask no feed
    #[arg(long)]
    offline: bool,
    /// Disable what an old client left: its cron line and its chain (apiban's client, VoIPBL's script); asks first
    #[arg(long)]
    disable_old_client: bool,
    /// With --disable-old-client: do not ask for confirmation
    #[arg(long, requires = "disable_old_client")]
    yes: bool,
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    /// Whether nothing is bad.
    ok: bool,
    checks: &'a [Check],
    /// What was disabled of old clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<&'a [Done]>,
}

/// Runs the command.
pub fn run(global: &Global, args: &DoctorArgs) -> Result<Exit> {
    let mut exit = Exit::Done;
    let disabled = match args.disable_old_client {
        true => match disable_old_client(global, args.yes)? {
            Ok(done) => Some(done),
            Err(exit) => return Ok(exit),
        },
        false => None,
    };
    if disabled.iter().flatten().any(|done| done.error.is_some()) {
        exit = Exit::Unreachable;
    }
    let checks = look::look(&global.environment(), args.offline);
    exit = checks.iter().filter_map(Check::exit).fold(exit, Exit::worse);
    if global.json {
        let ok = exit == Exit::Done;
        print_json(&Diagnosis { ok, checks: &checks, disabled: disabled.as_deref() })?;
        return Ok(exit);
    }
    let shown: Vec<&Check> =
        checks.iter().filter(|check| !global.quiet || check.state == State::Error).collect();
    print(&text(&shown))?;
    if !global.quiet {
        print(&summary(&checks))?;
    }
    Ok(exit)
}

/// The lines for people.
pub fn text(checks: &[&Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = match check.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Error => "error",
            State::Unknown => "unknown",
        };
        text += &format!("{word:7}  {:width$}  {}\n", check.name, check.found);
        if let Some(fix) = &check.fix {
            text += &format!("{:7}  {:width$}  fix: {fix}\n", "", "");
        }
    }
    text
}

fn summary(checks: &[Check]) -> String {
    let with = |state| checks.iter().filter(|check| check.state == state).count();
    let (errors, warnings, unknown) = (with(State::Error), with(State::Warning), with(State::Unknown));
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(count(errors, "error", "errors"));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning", "warnings"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} unknown"));
    }
    match parts.is_empty() {
        true => "\nNo problems.\n".to_owned(),
        false => format!("\n{}.\n", parts.join(", ")),
    }
}

/// Disables old clients; the exit code where nothing was done.
fn disable_old_client(global: &Global, yes: bool) -> Result<Result<Vec<Done>, Exit>> {
    if !rustix::process::geteuid().is_root() {
        complain("only root can disable an old client: run banbridge doctor --disable-old-client as root");
        return Ok(Err(Exit::Denied));
    }
    let programs = System::default();
    let found = Neighbours::look(Some(&programs));
    if !found.can_be_disabled() {
        if !global.json && !global.quiet {
            print("No old client is active.\n\n")?;
        }
        return Ok(Ok(Vec::new()));
    }
    let all: Vec<String> = DISABLED.iter().flat_map(|client| found.of(*client)).collect();
    if !yes && !confirmed(&format!("Disable {}? A copy of each changed file is kept.", all.join(", ")))? {
        complain(&format!("nothing was disabled: {} (type yes, or give --yes)", all.join(", ")));
        return Ok(Err(Exit::Usage));
    }
    let done = neighbours::disable(&found, &programs, Path::new(neighbours::BACKUPS));
    for one in &done {
        let line = match (&one.error, &one.copy) {
            (Some(error), _) => {
                complain(&format!("cannot disable {}: {error}", one.what));
                continue;
            }
            (None, Some(copy)) => format!("Disabled: {} (copy: {copy})\n", one.what),
            (None, None) => format!("Disabled: {}\n", one.what),
        };
        if !global.json && !global.quiet {
            print(&line)?;
        }
    }
    if !global.json && !global.quiet {
        print("\n")?;
    }
    Ok(Ok(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Lack;

    #[test]
    fn every_check_is_a_line_with_its_mend_below() {
        let checks = [
            Check::ok("a", "fine"),
            Check::error("longer", Lack::Right, "no", "do it"),
            Check::unknown("b", "dark"),
        ];
        let all: Vec<&Check> = checks.iter().collect();
        let lines = "ok       a       fine\nerror    longer  no\n                 fix: do it\nunknown  b       dark\n";
        assert_eq!(text(&all), lines);
        assert_eq!(summary(&checks), "\n1 error, 1 unknown.\n");
        assert_eq!(summary(&checks[..1]), "\nNo problems.\n");
    }
}
