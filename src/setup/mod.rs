//! What is done once on a FreePBX, step by step: key, configuration, tables, directories, timers, page, first run. Each
//! step is done only if it is not done yet, so all of it can be repeated at any time; [`remove`] undoes what it can.
//!
//! A layer of its own left of `doctor`: what must exist before anything is made is judged with `doctor`'s eyes.

mod first_run;
mod key;
mod needs;
mod page;
mod timers;

use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Config, DEFAULT_PATH};
use crate::doctor::neighbours::Neighbours;
use crate::doctor::{Check, State};
use crate::run::{Context, Environment};
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};
use crate::system::program::System;
use crate::system::secret::Secret;
pub use key::KeyError;

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct SetupRequest {
    /// A file whose first line is the API key.
    pub key_file: Option<PathBuf>,
    /// Another server that speaks apiban's API.
    pub url: Option<String>,
    /// Ask no questions.
    pub yes: bool,
    /// Do not touch the page in FreePBX.
    pub no_module: bool,
    /// Do not touch the timers.
    pub no_timers: bool,
    /// How long the first run may wait for rate limits; none is as long as it takes.
    pub wait: Option<std::time::Duration>,
}

/// One step, as it was done or found.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its name, which stays.
    pub step: &'static str,
    /// Whether it changed anything.
    pub changed: bool,
    /// What was done, or what there was already.
    pub found: String,
    /// Why it could not be done.
    pub error: Option<String>,
    /// What that means for the end of the program.
    #[serde(skip)]
    pub exit: Exit,
}

impl Step {
    fn new(step: &'static str, changed: bool, found: impl Into<String>) -> Self {
        Self { step, changed, found: found.into(), error: None, exit: Exit::Done }
    }

    /// It is done now.
    fn done(step: &'static str, found: impl Into<String>) -> Self {
        Self::new(step, true, found)
    }

    /// There was nothing to do.
    fn unchanged(step: &'static str, found: impl Into<String>) -> Self {
        Self::new(step, false, found)
    }

    /// It could not be done. The next steps are done all the same.
    fn failed(step: &'static str, error: impl Into<String>, exit: Exit) -> Self {
        Self { error: Some(error.into()), exit, ..Self::new(step, false, "") }
    }
}

/// A question that can be answered with yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Install the page in FreePBX?
    InstallPage,
    /// Remove timers and page?
    Remove,
}

/// The administrator, as a front end reaches them.
pub trait Ask {
    /// Whether anybody can be asked.
    fn is_there(&self) -> bool;
    /// The answer to a question.
    fn confirmed(&mut self, question: Question) -> Result<bool>;
    /// An API key; none means none was given. `of_old_client` says that none means the key of apiban's own client.
    fn key(&mut self, of_old_client: bool) -> Result<Option<Secret>>;
    /// A key was not accepted, and another one is asked for.
    fn again(&mut self, why: &KeyError);
    /// A step has ended.
    fn step(&mut self, step: &Step) -> Result<()>;
    /// The first run begins.
    fn run_begins(&mut self, context: &mut Context);
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Only root can do it.
    #[error("only root can install timers and write the configuration. Fix: run banbridge setup as root")]
    NotRoot,
    /// There are questions, and nobody to answer them.
    #[error("there is no terminal to ask questions on. Fix: give --yes (see banbridge setup --help)")]
    NoTerminal,
    /// Something that must exist does not.
    #[error("nothing was changed. Fix this first:{}", lines(.0))]
    Needs(Vec<Check>),
    /// The answer was no.
    #[error("nothing was removed: not confirmed (type yes, or give --yes)")]
    NotConfirmed,
}

fn lines(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let fix = check.fix.as_ref().map_or(String::new(), |fix| format!("\n  fix: {fix}"));
        format!("\n{}: {}{fix}", check.name, check.found)
    };
    checks.iter().map(line).collect()
}

impl Classify for SetupError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotRoot => Exit::Denied,
            Self::NoTerminal | Self::NotConfirmed => Exit::Usage,
            Self::Needs(checks) => checks.iter().filter_map(Check::exit).fold(Exit::Done, Exit::worse),
        }
    }
}

/// What to know at the end.
#[derive(Debug, Default)]
pub struct Advice {
    /// What is not as it should be, but stops nothing.
    pub warnings: Vec<Check>,
    /// Whether an old client still blocks beside banbridge.
    pub old_client: bool,
}

/// Sets banbridge up.
pub fn set_up(environment: &Environment, request: &SetupRequest, ask: &mut dyn Ask) -> Result<Advice> {
    may_begin(environment, request, ask)?;
    let checks = needs::look(environment);
    let (errors, others): (Vec<Check>, Vec<Check>) =
        checks.into_iter().partition(|check| check.state == State::Error);
    if !errors.is_empty() {
        return Err(SetupError::Needs(errors).into());
    }
    let owner = environment.owner()?;
    ask.step(&Step::unchanged("freepbx", "FreePBX, its database and its firewall are ready"))?;
    let tested = configuration(environment, request, owner, ask)?;
    ask.step(&tables(environment, tested)?)?;
    ask.step(&timers::directories(owner))?;
    ask.step(&match request.no_timers {
        true => Step::unchanged("timers", "skipped, as requested"),
        false => timers::install(&System::default()),
    })?;
    let install = !request.no_module
        && (request.yes || !page::is_missing(environment) || ask.confirmed(Question::InstallPage)?);
    ask.step(&match install {
        true => page::install(environment, owner)?,
        false => Step::unchanged("page", "skipped, as requested"),
    })?;
    let first = first_run::run(environment, request.wait, ask)?;
    ask.step(&first)?;
    Ok(Advice {
        warnings: others.into_iter().filter(|check| check.state == State::Warning).collect(),
        old_client: Neighbours::look(Some(&System::default())).can_be_disabled(),
    })
}

/// Removes timers and page, in the reverse order. Rows, tables and configuration stay.
pub fn remove(environment: &Environment, request: &SetupRequest, ask: &mut dyn Ask) -> Result<()> {
    may_begin(environment, request, ask)?;
    if !request.yes && !ask.confirmed(Question::Remove)? {
        return Err(SetupError::NotConfirmed.into());
    }
    // The page first: while the timers exist, its removal leaves rows and tables alone.
    if !request.no_module {
        ask.step(&page::remove(environment)?)?;
    }
    if !request.no_timers {
        ask.step(&timers::remove(&System::default()))?;
    }
    Ok(())
}

fn may_begin(environment: &Environment, request: &SetupRequest, ask: &dyn Ask) -> Result<(), SetupError> {
    match (environment.is_root, request.yes || ask.is_there()) {
        (false, _) => Err(SetupError::NotRoot),
        (true, false) => Err(SetupError::NoTerminal),
        (true, true) => Ok(()),
    }
}

/// Writes the configuration, unless there is one. Whether a key was tested for it.
fn configuration(
    environment: &Environment,
    request: &SetupRequest,
    owner: (u32, u32),
    ask: &mut dyn Ask,
) -> Result<bool> {
    let file = environment.config_file.clone().unwrap_or_else(|| DEFAULT_PATH.into());
    if file.exists() {
        let config = Config::load(environment.config_file.as_deref(), environment.key.clone())?;
        for feed in config.enabled().filter(|feed| feed.needs_key()) {
            feed.read_key()?;
        }
        let ignored = if request.key_file.is_some() { "; the given key is not used" } else { "" };
        let found = format!("{} exists and stays unchanged{ignored}", file.display());
        ask.step(&Step::unchanged("configuration", found))?;
        return Ok(false);
    }
    let (key, note) = key::find(environment, request, ask)?;
    ask.step(&Step::unchanged("key", note))?;
    key::write(&file, &key, request.url.as_deref(), owner)?;
    let found = format!("{}, readable by the asterisk user only", file.display());
    ask.step(&Step::done("configuration", found))?;
    Ok(true)
}

/// Makes banbridge's tables. The request that tested the key counts against its limit.
fn tables(environment: &Environment, tested: bool) -> Result<Step> {
    let (mut ledger, clock) = environment.ledger()?;
    if ledger.is_present() {
        return Ok(Step::unchanged("tables", "banbridge's database tables exist"));
    }
    ledger.lock()?;
    ledger.migrate(clock.now())?;
    if tested {
        ledger.note_request(key::FEED, crate::run::fetch::now_ms())?;
    }
    Ok(Step::done("tables", "banbridge's tables in FreePBX's database"))
}
