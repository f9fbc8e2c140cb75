//! `doctor`: checks everything that banbridge needs, one line each, with the mend.

use crate::system::failure::Result;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{complain, print, print_json};
use super::terminal::confirmed;
use crate::doctor::ask;
use crate::doctor::look;
use crate::doctor::neighbours::{self, Done, Neighbours, TAKEN_OVER};
use crate::doctor::{Check, Lack, State};
use crate::run::child;
use crate::system::exit::Exit;
use crate::system::program::System;

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Ask no feed
    #[arg(long)]
    offline: bool,
    /// Switch off what an old client left: its cron line and its chain (apiban's client, VoIPBL's script); asks first
    #[arg(long)]
    take_over: bool,
    /// With --take-over: do not ask
    #[arg(long, requires = "take_over")]
    yes: bool,
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    /// Whether nothing is bad.
    ok: bool,
    checks: &'a [Check],
    /// What was switched off of old clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_over: Option<&'a [Done]>,
}

/// Runs the command.
pub fn run(global: &Global, args: &DoctorArgs) -> Result<Exit> {
    let mut exit = Exit::Done;
    let taken_over = match args.take_over {
        true => match take_over(global, args.yes)? {
            Ok(done) => Some(done),
            Err(exit) => return Ok(exit),
        },
        false => None,
    };
    if taken_over.iter().flatten().any(|done| done.error.is_some()) {
        exit = Exit::Unreachable;
    }
    let checks = look::look(&global.environment(), args.offline);
    exit = checks.iter().filter_map(|check| check.lack).map(exit_of).fold(exit, Exit::worse);
    if global.json {
        let ok = exit == Exit::Done;
        print_json(&Diagnosis { ok, checks: &checks, taken_over: taken_over.as_deref() })?;
        return Ok(exit);
    }
    let shown: Vec<&Check> =
        checks.iter().filter(|check| !global.quiet || check.state == State::Bad).collect();
    print(&text(&shown))?;
    if !global.quiet {
        print(&summary(&checks))?;
    }
    Ok(exit)
}

/// What the hidden command takes.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The configuration comes on standard input
    #[arg(long)]
    from_stdin: bool,
    /// Ask these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// The part of `doctor` and `setup` that asks feeds and is not root. Not for people.
pub fn run_ask(global: &Global, args: &AskArgs) -> Result<Exit> {
    child::confine(&global.freepbx_conf)?;
    ask::run(&global.environment(), args.from_stdin, &args.names, |asked| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(asked)?)?;
        Ok(out.flush()?)
    })?;
    Ok(Exit::Done)
}

/// The exit code of what is wrong.
pub fn exit_of(lack: Lack) -> Exit {
    match lack {
        Lack::Answer => Exit::Unusable,
        Lack::Reach => Exit::Unreachable,
        Lack::Right => Exit::Denied,
        Lack::Setting => Exit::Config,
    }
}

/// The lines for people.
pub fn text(checks: &[&Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = match check.state {
            State::Ok => "ok",
            State::Warn => "WARN",
            State::Bad => "BAD",
            State::Unseen => "--",
        };
        text += &format!("{word:4}  {:width$}  {}\n", check.name, check.found);
        if let Some(mend) = &check.mend {
            text += &format!("{:4}  {:width$}  mend: {mend}\n", "", "");
        }
    }
    text
}

fn summary(checks: &[Check]) -> String {
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (bad, warn, unseen) = (count(State::Bad), count(State::Warn), count(State::Unseen));
    let mut parts = Vec::new();
    if bad > 0 {
        parts.push(format!("{bad} to mend"));
    }
    if warn > 0 {
        parts.push(format!("{warn} could be better"));
    }
    if unseen > 0 {
        parts.push(format!("{unseen} could not be looked at"));
    }
    match parts.is_empty() {
        true => "\nAll is well.\n".to_owned(),
        false => format!("\n{}.\n", parts.join(", ")),
    }
}

/// Switches old clients off; the exit code where nothing was done.
fn take_over(global: &Global, yes: bool) -> Result<Result<Vec<Done>, Exit>> {
    if !rustix::process::geteuid().is_root() {
        complain("only root can take over what an old client left: run banbridge doctor --take-over as root");
        return Ok(Err(Exit::Denied));
    }
    let programs = System::default();
    let found = Neighbours::look(Some(&programs));
    if !found.can_be_taken_over() {
        if !global.json && !global.quiet {
            print("No old client is at work here; there is nothing to take over.\n\n")?;
        }
        return Ok(Ok(Vec::new()));
    }
    let all: Vec<String> = TAKEN_OVER.iter().flat_map(|client| found.of(*client)).collect();
    if !yes && !confirmed(&format!("Switch off {}? A copy of each file is kept.", all.join(", ")))? {
        complain(&format!("nothing was taken over ({} stay); answer yes, or give --yes", all.join(", ")));
        return Ok(Err(Exit::Usage));
    }
    let done = neighbours::take_over(&found, &programs, Path::new(neighbours::BACKUPS));
    for one in &done {
        let line = match (&one.error, &one.copy) {
            (Some(error), _) => {
                complain(&format!("{} stays: {error}", one.what));
                continue;
            }
            (None, Some(copy)) => format!("Switched off: {}; as it was: {copy}\n", one.what),
            (None, None) => format!("Switched off: {}\n", one.what),
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

    #[test]
    fn every_check_is_a_line_with_its_mend_below() {
        let checks = [
            Check::ok("a", "fine"),
            Check::bad("longer", Lack::Right, "no", "do it"),
            Check::unseen("b", "dark"),
        ];
        let all: Vec<&Check> = checks.iter().collect();
        let lines = "ok    a       fine\nBAD   longer  no\n              mend: do it\n--    b       dark\n";
        assert_eq!(text(&all), lines);
        assert_eq!(summary(&checks), "\n1 to mend, 1 could not be looked at.\n");
        assert_eq!(summary(&checks[..1]), "\nAll is well.\n");
    }

    #[test]
    fn the_worst_of_what_is_wrong_is_the_exit_code() {
        let worst = |lacks: &[Lack]| lacks.iter().copied().map(exit_of).fold(Exit::Done, Exit::worse);
        assert_eq!(worst(&[Lack::Reach, Lack::Setting, Lack::Right]), Exit::Config);
        assert_eq!(worst(&[Lack::Reach, Lack::Right]), Exit::Denied);
        assert_eq!(worst(&[]), Exit::Done);
    }
}
