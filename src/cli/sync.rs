//! `sync`: fetches the feeds and updates the blacklist.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::{Global, logging, report};
use crate::run::{self, Context, Progress, SyncRequest, child};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `sync` takes.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// fetch only this feed, even if it is not due
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// fetch every feed from its beginning
    #[arg(long)]
    full: bool,
    /// accept a feed that grew or shrank much more than usual
    #[arg(long)]
    accept: bool,
    /// show what would be done, change nothing
    #[arg(long)]
    dry_run: bool,
    /// how long to wait in total for rate limits [default: 0; on a terminal: no limit]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// how long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide = true)]
    wait_for_others: u8,
}

impl SyncArgs {
    fn request(&self, terminal: bool) -> SyncRequest {
        let wait = match self.wait {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None if terminal => None,
            None => Some(Duration::ZERO),
        };
        let (feed, full) = (self.feed.clone(), self.full);
        let (accept, dry_run, wait_for_others) = (self.accept, self.dry_run, self.wait_for_others);
        SyncRequest { feed, full, accept, dry_run, wait, wait_for_others, ..SyncRequest::default() }
    }
}

/// A line on the terminal that says what goes on.
struct Spinner(ProgressBar);

impl Progress for Spinner {
    fn say(&self, text: &str) {
        self.0.set_message(text.to_owned());
        self.0.tick();
    }

    fn done(&self) {
        self.0.finish_and_clear();
    }
}

/// Shows how far a run is, if somebody can see it.
pub fn progress(global: &Global) -> Option<Box<dyn Progress>> {
    let visible = std::io::stderr().is_terminal() && !global.quiet;
    visible.then(|| Box::new(Spinner(ProgressBar::new_spinner())) as Box<dyn Progress>)
}

/// Runs `sync`.
pub fn run(global: &Global, args: &SyncArgs) -> Result<Exit> {
    let progress = progress(global);
    let request = args.request(progress.is_some());
    global.bound(child::patience(&request));
    global.resume_firewall();
    let config = global.environment().config()?;
    request.choose(&config)?;
    let mut context = Context::open(&global.environment(), config)?;
    logging::start(global, Some(&context).filter(|_| !request.dry_run));
    if let Some(progress) = progress {
        context.progress = progress;
    }
    let report = run::sync(context, &request)?;
    report::show(global, &report)?;
    Ok(report.exit)
}

/// The part of `sync` that is not root. The caller has confined this process.
pub fn run_child(global: &Global, request: &SyncRequest) -> Result<()> {
    let environment = global.environment();
    let config = environment.config()?;
    let context = Context::open(&environment, config)?;
    logging::start(global, None);
    run::fetch_as_child(context, request)
}
