//! What a run works with, as a front end is handed it: who we are, where things stand, and then, opened, the
//! configuration, the ledger and the clock. Nothing of it is a state of the process: two of them do not meet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::kernel::freeze;
use crate::ledger::Ledger;
use crate::pbx::firewall;
use crate::pbx::freepbx_conf;
use crate::pbx::protected::Surroundings;
use crate::run::clock::Clock;
use crate::run::{Progress, Silent};
use crate::system::database::Settings;
use crate::system::failure::Result;
use crate::system::program::System;
use crate::system::secret::Secret;

/// The unit that tells whom `[notify]` names.
pub const NOTIFY_UNIT: &str = "banbridge-notify.service";
/// The environment's name for [`Environment::tells_by_unit`], with `unit` for yes. The units of a run set it.
pub const NOTIFY_VARIABLE: &str = "BANBRIDGE_NOTIFY";

/// Where things stand and who we are: what a front end knows before anything is opened.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The configuration, where it is not at its usual place.
    pub config_file: Option<PathBuf>,
    /// FreePBX's settings; their owner is who FreePBX runs as.
    pub freepbx_conf: PathBuf,
    /// The key of apiban that wins over the configuration's.
    pub key: Option<Secret>,
    /// Whether whom `[notify]` names is told by the unit [`NOTIFY_UNIT`] instead of by this run: its unit forbids what a
    /// program that sends mail needs.
    pub tells_by_unit: bool,
    /// Whether this process may change the kernel.
    pub is_root: bool,
    /// What runs the system's programs.
    pub programs: System,
}

impl Environment {
    /// What every run of root does first, before configuration and database are looked at: a firewall service that a
    /// killed run left paused goes on. Returns whether there was one.
    pub fn resume_firewall(&self) -> bool {
        self.is_root && freeze::thaw_if_abandoned()
    }

    /// The configuration.
    pub fn config(&self) -> Result<Config> {
        Ok(Config::load(self.config_file.as_deref(), self.key.clone())?)
    }

    /// How to reach FreePBX's database.
    pub fn database(&self) -> Result<Settings> {
        Ok(freepbx_conf::read(&self.freepbx_conf)?)
    }

    /// User and group of FreePBX.
    pub fn owner(&self) -> Result<(u32, u32)> {
        Ok(freepbx_conf::owner(&self.freepbx_conf)?)
    }

    /// The ledger, over a new connection, and the time to go by.
    pub fn ledger(&self) -> Result<(Ledger, Clock)> {
        let mut ledger = Ledger::new(self.database()?.connect()?)?;
        let clock = Clock::look(&mut ledger)?;
        Ok((ledger, clock))
    }

    /// The ledger for a purge, whatever version made its tables.
    pub fn ledger_of_any_version(&self) -> Result<Ledger> {
        Ok(Ledger::of_any_version(self.database()?.connect()?)?)
    }

    /// The last net under a secret: the environment's key never leaves in a message.
    pub fn scrub(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.scrub(text))
    }
}

/// Everything that a run works with, opened.
pub struct Context {
    /// Where things stand and who we are.
    pub environment: Environment,
    /// What the administrator set.
    pub config: Arc<Config>,
    /// Our tables, and FreePBX's over the same connection.
    pub ledger: Ledger,
    /// The time that this run goes by.
    pub clock: Clock,
    /// Where FreePBX keeps logs.
    pub log_dir: PathBuf,
    /// Where the firewall's daemon keeps its lock.
    pub run_dir: String,
    /// Where to look for those who must get through.
    pub surroundings: Surroundings,
    /// Whoever is shown how far the run is.
    pub progress: Box<dyn Progress>,
    /// Whether root itself put somebody on the allow list just now, and not a user of the page.
    pub root_allows: bool,
}

impl Context {
    /// Connects, and makes sure that this is a FreePBX with the firewall module before anything is made.
    pub fn open(environment: &Environment, config: Config) -> Result<Self> {
        let (mut ledger, clock) = environment.ledger()?;
        let log_dir = firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")?;
        let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
        firewall::read(ledger.conn())?;
        let surroundings = Surroundings::new(&environment.database()?);
        let log_dir = PathBuf::from(log_dir);
        Ok(Self {
            environment: environment.clone(),
            config: Arc::new(config),
            ledger,
            clock,
            log_dir,
            run_dir,
            surroundings,
            progress: Box::new(Silent),
            root_allows: false,
        })
    }

    /// The log file of this program.
    pub fn log_file(&self) -> PathBuf {
        log_file(&self.log_dir)
    }
}

/// The log file of this program in FreePBX's log directory.
pub fn log_file(directory: &Path) -> PathBuf {
    directory.join("banbridge.log")
}
