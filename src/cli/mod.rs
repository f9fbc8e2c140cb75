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

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::config::KEY_VARIABLE;
use crate::kernel::freeze;
use crate::ledger::Ledger;
use crate::pbx::freepbx_conf;
use crate::run::clock::Clock;
use crate::run::{Context, Environment};
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::program::System;
use crate::system::secret::Secret;

/// Keeps addresses of current SIP attackers in the blacklist of FreePBX's System Firewall.
#[derive(Debug, Parser)]
#[command(name = "banbridge", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The configuration [default: /etc/asterisk/banbridge.toml]
    #[arg(long, global = true, env = "BANBRIDGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// FreePBX's database settings
    #[arg(long, global = true, env = "BANBRIDGE_FREEPBX_CONF", value_name = "FILE", default_value = freepbx_conf::DEFAULT_PATH)]
    freepbx_conf: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say more (twice: much more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say nothing but errors (for cron)
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the feeds and bring the firewall's blacklist up to date
    Sync(sync::SyncArgs),
    /// Make rows, firewall and set match the ledger; asks no feed
    Apply(apply::ApplyArgs),
    /// The parts of commands that are not root; the work comes on standard input
    #[command(name = child::COMMAND, hide = true)]
    Child,
    /// Show whether everything works: feeds, last run, blacklist, firewall
    Status(status::StatusArgs),
    /// Show what was: packets refused, runs and sizes, day by day
    History(history::HistoryArgs),
    /// List what is blocked, refused or released
    List(list::ListArgs),
    /// Say whether an address is blocked and why (exit 0: blocked, 1: not blocked)
    Check(check::CheckArgs),
    /// Feeds: list, add, switch, try out, compare
    #[command(subcommand)]
    Feed(feed::FeedCommand),
    /// Show who attacked this PBX according to its logs, when feeds listed them, and what got through
    Coverage(coverage::CoverageArgs),
    /// Set banbridge up on this FreePBX: key, configuration, tables, timers, page, first run
    Setup(setup::SetupArgs),
    /// Check everything that banbridge needs, one line each, with the mend
    Doctor(doctor::DoctorArgs),
    /// Write what is wanted into a file, for other machines
    Export(export::ExportArgs),
    /// Never block an address, a network or a host, whatever the feeds say
    Allow(allow::AllowArgs),
    /// Take it off the allow list
    Unallow(allow::UnallowArgs),
    /// Unblock an address or network for a time
    Unblock(unblock::UnblockArgs),
    /// Take away every row, table and file of banbridge, and nothing else
    Purge(purge::PurgeArgs),
    /// Look at the configuration and change it
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show the end of banbridge's log
    Log(log::LogArgs),
    /// Print what you decided as one JSON value, with the key: configuration, allow list, what you released
    Backup,
    /// Take over such a backup from standard input, and bring the blacklist in line with it
    Restore,
    /// Run the command that one JSON object on standard input names; for FreePBX's page
    #[command(hide = true)]
    Call(call::CallArgs),
    /// Sets the firewall's daemon going when the run that stopped it is no more; started by that run
    #[command(name = freeze::COMMAND, hide = true)]
    ThawWatch {
        /// The daemon's process
        pid: String,
        /// When it was started, in clock ticks since boot
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
        // Another run at work is no error: cron would mail it each time that two meet.
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
            is_root: rustix::process::geteuid().is_root(),
            programs: System::default(),
        }
    }

    /// The ledger, over a new connection, and the time to go by.
    fn ledger(&self) -> Result<(Ledger, Clock)> {
        self.environment().ledger()
    }

    /// Everything opened for a run, with logging begun.
    fn open(&self) -> Result<Context> {
        let environment = self.environment();
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
