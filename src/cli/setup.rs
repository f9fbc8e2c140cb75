//! `setup`: everything that is to be done once on a FreePBX, each step only where it is not done already, so that it
//! can be run again at any time; and `setup --remove`, which takes timers and page away again.

mod first;
mod key;
mod page;
mod timers;

use crate::system::failure::Result;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::doctor::{exit_of, text};
use super::output::{complain, print, print_json};
use super::{Global, status, terminal};
use crate::config::{Config, DEFAULT_PATH};
use crate::doctor::neighbours::Neighbours;
use crate::doctor::{Check, State, database, firewall, kvstore};
use crate::pbx::{daemon, freepbx_conf};
use crate::system::exit::Exit;
use crate::system::program::System;
use key::Key;

/// What `setup` takes.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// A file whose first line is the apiban key [default: asks on the terminal, or BANBRIDGE_APIBAN_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    /// Leave the page in FreePBX alone
    #[arg(long)]
    no_module: bool,
    /// Install no timers
    #[arg(long)]
    no_timers: bool,
    /// Another server that speaks apiban's API
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Take timers and page away; configuration, rows and tables stay
    #[arg(long, conflicts_with_all = ["key_file", "url"])]
    remove: bool,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    step: &'static str,
    /// Whether it changed anything.
    changed: bool,
    /// What was done, or how it was already.
    found: String,
    /// Why it could not be done.
    error: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Step {
    fn new(step: &'static str, changed: bool, found: impl Into<String>) -> Self {
        Self { step, changed, found: found.into(), error: None, exit: Exit::Done }
    }

    /// It is done now.
    pub fn done(step: &'static str, found: impl Into<String>) -> Self {
        Self::new(step, true, found)
    }

    /// It was so already.
    pub fn was_so(step: &'static str, found: impl Into<String>) -> Self {
        Self::new(step, false, found)
    }

    /// It could not be done, which stops nothing else.
    pub fn failed(step: &'static str, error: impl Into<String>, exit: Exit) -> Self {
        Self { error: Some(error.into()), exit, ..Self::new(step, false, "") }
    }
}

#[derive(Serialize)]
struct Outcome {
    ok: bool,
    /// Whether anything was changed, for automation.
    changed: bool,
    steps: Vec<Step>,
    /// `status`, as it is at the end.
    status: Option<Value>,
}

/// What was done so far, told as it happens.
struct Told<'a> {
    global: &'a Global,
    steps: Vec<Step>,
}

impl Told<'_> {
    fn tell(&mut self, step: Step) -> Result<()> {
        if let Some(error) = &step.error {
            complain(&format!("{}: {error}", step.step));
        } else if !self.global.json && !self.global.quiet {
            let word = if step.changed { "done" } else { "was so" };
            print(&format!("{word:6}  {:13}  {}\n", step.step, step.found))?;
        }
        self.steps.push(step);
        Ok(())
    }

    fn exit(&self) -> Exit {
        self.steps.iter().map(|step| step.exit).fold(Exit::Done, Exit::worse)
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &SetupArgs) -> Result<Exit> {
    if !rustix::process::geteuid().is_root() {
        complain("setup installs timers and writes configuration, which only root can do: run it as root");
        return Ok(Exit::Denied);
    }
    if !args.yes && !terminal::is_there() {
        complain("there is no terminal to ask on; give --yes for automation (see banbridge setup --help)");
        return Ok(Exit::Usage);
    }
    let mut told = Told { global, steps: Vec::new() };
    let exit = if args.remove { remove(global, args, &mut told) } else { set_up(global, args, &mut told) };
    let exit = exit?.worse(told.exit());
    if global.json {
        let changed = told.steps.iter().any(|step| step.changed);
        let status = if args.remove { None } else { first::own_json(global, &["status"]).ok() };
        print_json(&Outcome { ok: exit == Exit::Done, changed, steps: told.steps, status })?;
    } else if !global.quiet && exit == Exit::Done && !args.remove {
        print("\n")?;
        status::run(global, &status::StatusArgs::default())?;
    }
    Ok(exit)
}

fn set_up(global: &Global, args: &SetupArgs, told: &mut Told<'_>) -> Result<Exit> {
    let lacking = needs(global);
    let bad: Vec<&Check> = lacking.iter().filter(|check| check.state == State::Error).collect();
    if let Some(exit) = bad.iter().filter_map(|check| check.lack).map(exit_of).reduce(Exit::worse) {
        complain(&format!("nothing was changed; first mend what is missing:\n{}", text(&bad).trim_end()));
        return Ok(exit);
    }
    let owner = freepbx_conf::owner(&global.freepbx_conf)?;
    told.tell(Step::was_so("freepbx", "FreePBX, its database and its firewall are there"))?;
    let file = global.config.clone().unwrap_or_else(|| DEFAULT_PATH.into());
    let mut tested = false;
    if file.exists() {
        let config = Config::load(global.config.as_deref(), global.environment().key)?;
        for feed in config.enabled().filter(|feed| feed.needs_key()) {
            feed.read_key()?;
        }
        let ignored = if args.key_file.is_some() { "; the given key is not used" } else { "" };
        told.tell(Step::was_so("configuration", format!("{} stays as it is{ignored}", file.display())))?;
    } else {
        let key = match key::find(global, args)? {
            Key::Good(key, note) => {
                told.tell(Step::was_so("key", note))?;
                key
            }
            Key::None(exit) => return Ok(exit),
        };
        key::write(&file, &key, args.url.as_deref(), owner)?;
        tested = true;
        told.tell(Step::done(
            "configuration",
            format!("{}, readable by FreePBX's user only", file.display()),
        ))?;
    }
    told.tell(tables(global, tested)?)?;
    told.tell(timers::directories(owner))?;
    if args.no_timers {
        told.tell(Step::was_so("timers", "left out, as asked"))?;
    } else {
        told.tell(timers::install(&System::default()))?;
    }
    let wanted = !args.no_module
        && (args.yes
            || !page::is_missing(global)
            || terminal::confirmed("Install the page of banbridge in FreePBX (Connectivity, Ban Bridge)?")?);
    if wanted {
        told.tell(page::install(global, owner)?)?;
    } else {
        told.tell(Step::was_so("page", "left out, as asked"))?;
    }
    told.tell(first::run(global)?)?;
    advice(global, &lacking)?;
    Ok(Exit::Done)
}

/// What must be there before anything is made, by the eyes of `doctor`.
fn needs(global: &Global) -> Vec<Check> {
    let settings = freepbx_conf::read(&global.freepbx_conf);
    let mut checks = vec![database::freepbx(settings.as_ref())];
    let Ok(settings) = settings else { return checks };
    let mut conn = match settings.connect() {
        Ok(conn) => conn,
        Err(error) => {
            checks.push(database::unusable(&error));
            return checks;
        }
    };
    let run_dir = crate::pbx::firewall::setting(&mut conn, "ASTRUNDIR", "/var/run/asterisk");
    let running = daemon::is_running(run_dir.as_deref().unwrap_or("/var/run/asterisk"));
    let looks = [
        database::rights(&mut conn, &settings).map(|check| vec![check]),
        kvstore::look(&mut conn),
        firewall::look(&mut conn, running),
    ];
    for look in looks {
        match look {
            Ok(found) => checks.extend(found),
            Err(error) => checks.push(database::unusable(&error)),
        }
    }
    // A firewall that is switched off is the administrator's affair: everything waits for it.
    for check in &mut checks {
        if ["enabled", "running"].contains(&check.name.as_str()) && check.state == State::Error {
            check.state = State::Warning;
            check.lack = None;
        }
    }
    checks
}

/// Makes the ledger's tables. The request that tested the key counts against its limit.
fn tables(global: &Global, tested: bool) -> Result<Step> {
    let (mut ledger, clock) = global.ledger()?;
    if ledger.is_present() {
        return Ok(Step::was_so("tables", "banbridge's own tables are there"));
    }
    ledger.lock()?;
    ledger.migrate(clock.now())?;
    if tested {
        ledger.note_request(key::FEED, crate::run::fetch::now_ms())?;
    }
    Ok(Step::done("tables", "banbridge's own tables in FreePBX's database"))
}

/// What the administrator should do himself.
fn advice(global: &Global, lacking: &[Check]) -> Result<()> {
    if global.json || global.quiet {
        return Ok(());
    }
    let warnings: Vec<&Check> = lacking.iter().filter(|check| check.state == State::Warning).collect();
    if !warnings.is_empty() {
        print(&format!("\nNotes:\n{}", text(&warnings)))?;
    }
    if Neighbours::look(Some(&System::default())).can_be_disabled() {
        print(
            "\nAn old client still blocks beside it. See which with: banbridge doctor\n\
             Switch it off with: banbridge doctor --disable-old-client\n",
        )?;
    }
    Ok(())
}

/// Takes away what setup installed, in the reverse order.
fn remove(global: &Global, args: &SetupArgs, told: &mut Told<'_>) -> Result<Exit> {
    if !args.yes && !terminal::confirmed("Take the timers of banbridge and its page in FreePBX away?")? {
        complain("nothing was taken away; answer yes, or give --yes");
        return Ok(Exit::Usage);
    }
    // The page first: while the timers are there, its removal leaves rows and tables alone.
    if !args.no_module {
        told.tell(page::remove(global)?)?;
    }
    if !args.no_timers {
        told.tell(timers::remove(&System::default()))?;
    }
    if !global.json && !global.quiet {
        print(
            "\nWhat is blocked stays blocked, and the configuration stays. To take rows, tables and set away:\n\
             banbridge purge\n",
        )?;
    }
    Ok(Exit::Done)
}
