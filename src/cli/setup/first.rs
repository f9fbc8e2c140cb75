//! The first run, by a process of its own: it shows its progress on the terminal and hands its report over as JSON.

use crate::system::failure::{Failure, Result};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::super::Global;
use super::Step;
use crate::system::exit::Exit;

const STEP: &str = "first_run";
/// A run that is no older is as good as a new one, in seconds: what the timers started meanwhile.
const LATELY: i64 = 900;
/// How often to try while another run is at work, and the pause between.
const TRIES: usize = 15;
const PAUSE: Duration = Duration::from_secs(2);

/// Makes the first run, unless there was one lately that went well.
pub fn run(global: &Global) -> Result<Step> {
    let (mut ledger, clock) = global.ledger()?;
    let last = ledger.last_run()?;
    let good = [Exit::Done, Exit::TryAgain].map(|exit| Some(exit.code()));
    if let Some(last) = last
        && good.contains(&last.exit_code)
        && (last.started_at..last.started_at + LATELY).contains(&clock.now())
        && ledger.feeds()?.values().any(|feed| feed.last_success.is_some())
    {
        return Ok(Step::was_so(STEP, format!("there was one {} s ago", clock.now() - last.started_at)));
    }
    for _ in 0..TRIES {
        let (code, report) = own(global, &["sync"])?;
        // Another one is at work: it may be what a timer started just now.
        if report.is_none() && code == Exit::TryAgain {
            thread::sleep(PAUSE);
            continue;
        }
        let Some(report) = report else {
            return Ok(Step::failed(STEP, "it failed, see above; banbridge doctor says more", code));
        };
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let (added, set) = (number("/blacklist/added"), number("/set/size"));
        let errors =
            report["feeds"].as_array().into_iter().flatten().filter_map(|feed| feed["error"].as_str());
        let errors: Vec<&str> = errors.collect();
        if !matches!(code, Exit::Done | Exit::TryAgain) {
            return Ok(Step::failed(STEP, errors.join("; "), code));
        }
        let more = match code {
            Exit::TryAgain => format!("; the next runs go on: {}", errors.join("; ")),
            _ => String::new(),
        };
        let found = format!("{added} rows written, {set} networks in the set{more}");
        return Ok(Step::done(STEP, found));
    }
    Ok(Step::failed(
        STEP,
        "another run was at work all the time; banbridge status says how it went",
        Exit::TryAgain,
    ))
}

/// What one of our own commands prints with `--json`.
pub fn own_json(global: &Global, words: &[&str]) -> Result<Value> {
    own(global, words)?.1.ok_or_else(|| Failure::bug("it printed nothing"))
}

fn own(global: &Global, words: &[&str]) -> Result<(Exit, Option<Value>)> {
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(file) = &global.config {
        command.arg("--config").arg(file);
    }
    command.arg("--freepbx-conf").arg(&global.freepbx_conf).arg("--json").args(words);
    command.args(global.quiet.then_some("--quiet"));
    // Its progress and its complaints go to the terminal.
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let code = output.status.code().and_then(|code| u8::try_from(code).ok());
    Ok((Exit::from_code(code.unwrap_or(u8::MAX)), serde_json::from_slice(&output.stdout).ok()))
}
