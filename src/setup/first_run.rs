//! The first run: a sync like any other, in this process, unless there was a good one recently.

use std::thread;
use std::time::Duration;

use super::{Ask, Step};
use crate::run::report::Report;
use crate::run::{Context, Environment, SyncRequest, sync};
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::text::count;

const STEP: &str = "first_run";
/// A run that began no longer ago is as good as a new one, in seconds: the timers may have started it.
const RECENT: i64 = 900;
/// How often to try while another run is in progress, and the pause between.
const TRIES: usize = 15;
const PAUSE: Duration = Duration::from_secs(2);

/// Makes the first run, unless there was a good one recently.
pub fn run(environment: &Environment, wait: Option<Duration>, ask: &mut dyn Ask) -> Result<Step> {
    let (mut ledger, clock) = environment.ledger()?;
    let good = [Exit::Done, Exit::TryAgain].map(|exit| Some(exit.code()));
    if let Some(last) = ledger.last_run()?
        && good.contains(&last.exit_code)
        && (last.started_at..last.started_at + RECENT).contains(&clock.now())
        && ledger.feeds()?.values().any(|feed| feed.last_success.is_some())
    {
        let ago = clock.now() - last.started_at;
        return Ok(Step::unchanged(STEP, format!("the last run was {ago} s ago")));
    }
    drop(ledger);
    let request = SyncRequest { wait, ..SyncRequest::default() };
    for _ in 0..TRIES {
        let opened = environment.config().and_then(|config| Context::open(environment, config));
        let ended = opened.and_then(|mut context| {
            ask.run_begins(&mut context);
            sync(context, &request)
        });
        match ended {
            Ok(report) => return Ok(step(&report)),
            // The timers may have started another run just now.
            Err(error) if error.exit() == Exit::TryAgain => thread::sleep(PAUSE),
            Err(error) => {
                return Ok(Step::failed(STEP, format!("{error:#} (see banbridge doctor)"), error.exit()));
            }
        }
    }
    let error = "another run was in progress all the time; see how it went: banbridge status";
    Ok(Step::failed(STEP, error, Exit::TryAgain))
}

fn step(report: &Report) -> Step {
    let errors: Vec<&str> = report.feeds.iter().filter_map(|feed| feed.error.as_deref()).collect();
    let errors = errors.join("; ");
    let more = match report.exit {
        Exit::Done => String::new(),
        Exit::TryAgain => format!("; the next runs continue: {errors}"),
        exit => return Step::failed(STEP, errors, exit),
    };
    let added = count(report.blacklist.added, "row", "rows");
    let size = count(report.set.as_ref().map_or(0, |set| set.size), "network", "networks");
    Step::done(STEP, format!("{added} added, {size} in the kernel set{more}"))
}
