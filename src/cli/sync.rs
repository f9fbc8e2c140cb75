//! `sync` and `apply`: the engine's runs, with what a terminal needs around them.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::output::{print, print_json};
use super::{Global, logging, report};
use crate::run::report::Report;
use crate::run::{self, Context, Progress, SyncRequest};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `sync` takes.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Ask only this feed, also when its interval has not passed
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// Read every list again from its beginning
    #[arg(long)]
    full: bool,
    /// Take what a feed asks for although it is suddenly much more, or a list much less, than before
    #[arg(long)]
    accept: bool,
    /// Show what would be done and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait so long in all for the rate limit [default: 0; on a terminal as long as it takes]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl SyncArgs {
    fn request(&self, terminal: bool) -> SyncRequest {
        let wait = match self.wait {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None if terminal => None,
            None => Some(Duration::ZERO),
        };
        let (feed, full) = (self.feed.clone(), self.full);
        SyncRequest { feed, full, accept: self.accept, dry_run: self.dry_run, wait }
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

/// Runs `sync`.
pub fn run(global: &Global, args: &SyncArgs) -> Result<Exit> {
    let terminal = std::io::stderr().is_terminal() && !global.quiet;
    let request = args.request(terminal);
    let config = global.environment().config()?;
    request.choose(&config)?;
    let mut context = Context::open(&global.environment(), config)?;
    logging::start(global, Some(&context).filter(|_| !request.dry_run));
    if terminal {
        context.progress = Box::new(Spinner(ProgressBar::new_spinner()));
    }
    let report = run::sync(context, &request)?;
    show(global, &report)?;
    Ok(report.exit)
}

/// Runs `apply`.
pub fn apply(global: &Global) -> Result<Exit> {
    let report = run::apply(global.open()?)?;
    show(global, &report)?;
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

fn show(global: &Global, report: &Report) -> Result<()> {
    if global.json {
        print_json(report)
    } else if !global.quiet {
        print(&report::text(report))
    } else {
        Ok(())
    }
}
