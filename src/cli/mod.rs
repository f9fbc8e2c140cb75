//! The command line: parse, run, say how it ended. One file a command.

mod allow;
mod apply;
mod backup;
mod call;
mod check;
mod child;
mod config;
mod coverage;
mod doctor;
mod export;
mod feed;
mod history;
mod list;
mod log;
mod logging;
mod output;
mod purge;
mod report;
mod setup;
mod status;
mod sync;
mod terminal;
mod unblock;

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::config::KEY_VARIABLE;
use crate::kernel::freeze;
use crate::pbx::freepbx_conf;
use crate::run::context::NOTIFY_VARIABLE;
use crate::run::{Context, Environment};
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::limits;
use crate::system::program::System;
use crate::system::secret::Secret;

/// Blocks the addresses of current SIP attackers with FreePBX's System Firewall
#[derive(Debug, Parser)]
#[command(name = "banbridge", version, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// print version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

/// How long a run may take besides its waiting for rate limits.
const LONGEST_RUN: Duration = Duration::from_secs(10 * 60);
/// The heading of options that every command takes.
const ALWAYS: &str = "Global options";

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// configuration file [default: /etc/asterisk/banbridge.toml]
    #[arg(long, global = true, help_heading = ALWAYS, env = "BANBRIDGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// FreePBX's database settings
    #[arg(long, global = true, help_heading = ALWAYS, env = "BANBRIDGE_FREEPBX_CONF", value_name = "FILE", default_value = freepbx_conf::DEFAULT_PATH)]
    freepbx_conf: PathBuf,
    /// print JSON
    #[arg(long, global = true, help_heading = ALWAYS)]
    json: bool,
    /// print more (-vv: much more)
    #[arg(short, long, global = true, help_heading = ALWAYS, action = ArgAction::Count)]
    verbose: u8,
    /// print errors only (for cron)
    #[arg(short, long, global = true, help_heading = ALWAYS, conflicts_with = "verbose")]
    quiet: bool,
    /// print help
    #[arg(short, long, global = true, help_heading = ALWAYS, action = ArgAction::Help)]
    help: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch the feeds and update the firewall blacklist
    Sync(sync::SyncArgs),
    /// Apply the saved state to the firewall, without fetching
    Apply(apply::ApplyArgs),
    /// The parts of commands that do not run as root; the work comes on standard input
    #[command(name = child::COMMAND, hide = true)]
    Child,
    /// Show whether everything works: feeds, last run, blacklist, firewall
    Status(status::StatusArgs),
    /// Show activity by day
    History(history::HistoryArgs),
    /// List what is blocked, skipped, unblocked or allowed
    List(list::ListArgs),
    /// Show whether an address is blocked, and why (exits with 0: blocked, 1: not blocked)
    Check(check::CheckArgs),
    /// List, add, enable, test and compare feeds
    #[command(subcommand)]
    Feed(feed::FeedCommand),
    /// Show who attacked this PBX according to its logs, when feeds listed them, and what got through
    Coverage(coverage::CoverageArgs),
    /// Set up banbridge on this FreePBX: key, configuration, tables, timers, page, first run
    Setup(setup::SetupArgs),
    /// Check everything that banbridge needs, and how to fix problems
    Doctor(doctor::DoctorArgs),
    /// Export blocked addresses to a file
    Export(export::ExportArgs),
    /// Add an address, network or host name to the allow list
    Allow(allow::AllowArgs),
    /// Remove it from the allow list
    Unallow(allow::UnallowArgs),
    /// Unblock an address or network for a time
    Unblock(unblock::UnblockArgs),
    /// Remove banbridge's rows, tables, log and kernel set; the configuration stays
    Purge(purge::PurgeArgs),
    /// Check, show and change the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show the end of the log
    Log(log::LogArgs),
    /// Print configuration (with the API key), allow list and unblocked addresses as JSON
    Backup,
    /// Restore a backup from standard input
    Restore,
    /// Run the command that a JSON object on standard input names; for FreePBX's page
    #[command(hide = true)]
    Call(call::CallArgs),
    /// Resumes the firewall service when the run that paused it has ended; started by that run
    #[command(name = freeze::COMMAND, hide = true)]
    ThawWatch {
        /// process of the firewall service
        pid: String,
        /// when it was started, in clock ticks since boot
        started: String,
    },
}

/// Parses the command line, runs the command and says how it ended. Errors are printed here and nowhere else.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            };
        }
    };
    let global = &cli.global;
    let result = match &cli.command {
        Command::Sync(args) => sync::run(global, args),
        Command::Apply(args) => apply::run(global, args),
        Command::Child => child::run(global),
        Command::Status(args) => status::run(global, args),
        Command::History(args) => history::run(global, args),
        Command::List(args) => list::run(global, args),
        Command::Check(args) => check::run(global, args),
        Command::Feed(command) => feed::run(global, command),
        Command::Coverage(args) => coverage::run(global, args),
        Command::Setup(args) => setup::run(global, args),
        Command::Doctor(args) => doctor::run(global, args),
        Command::Export(args) => export::run(global, args),
        Command::Allow(args) => allow::allow(global, args),
        Command::Unallow(args) => allow::unallow(global, args),
        Command::Unblock(args) => unblock::run(global, args),
        Command::Purge(args) => purge::run(global, args),
        Command::Config(command) => config::run(global, command),
        Command::Log(args) => log::run(global, args),
        Command::Backup => backup::backup(global),
        Command::Restore => backup::restore(global),
        Command::Call(args) => call::run(args),
        Command::ThawWatch { pid, started } => freeze::watch(&[pid.clone(), started.clone()])
            .map(|()| Exit::Done)
            .map_err(crate::system::failure::Failure::from),
    };
    result.unwrap_or_else(|error| {
        let exit = error.exit();
        // Another run in progress is no error: cron would mail it each time that two meet.
        if !(global.quiet && exit == Exit::TryAgain) {
            output::complain(&global.environment().scrub(&format!("{error:#}")));
        }
        exit
    })
}

/// The definition of the command line, from which the packages' man pages and completions are made.
pub fn command() -> clap::Command {
    Cli::command()
}

impl Global {
    /// What the run is handed: paths, the environment's key, who we are.
    fn environment(&self) -> Environment {
        let key = std::env::var(KEY_VARIABLE).ok();
        Environment {
            config_file: self.config.clone(),
            freepbx_conf: self.freepbx_conf.clone(),
            key: key.filter(|key| !key.trim().is_empty()).map(|key| Secret::new(key.trim())),
            tells_by_unit: std::env::var_os(NOTIFY_VARIABLE).is_some_and(|how| how == "unit"),
            is_root: rustix::process::geteuid().is_root(),
            programs: System::default(),
        }
    }

    /// What every run of root does first.
    fn resume_firewall(&self) {
        if self.environment().resume_firewall() {
            output::complain("the firewall service was left paused; it runs again");
        }
    }

    /// Bounds a run in what it takes of the machine, and in time besides the `waiting` that it may do.
    fn bound(&self, waiting: Duration) {
        if self.environment().is_root
            && let Err(error) = limits::bound_run()
        {
            output::complain(&format!("cannot limit memory and processor time: {error}"));
        }
        limits::deadline(waiting.saturating_add(LONGEST_RUN), || {
            let minutes = LONGEST_RUN.as_secs() / 60;
            output::complain(&format!(
                "the run took over {minutes} min and was ended. What arrived is saved; the next run continues from there"
            ));
            std::process::exit(Exit::TryAgain.code().into());
        });
    }

    /// Everything opened for a run, with logging begun.
    fn open(&self) -> Result<Context> {
        let environment = self.environment();
        self.resume_firewall();
        let context = Context::open(&environment, environment.config()?)?;
        logging::start(self, Some(&context));
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }
}
