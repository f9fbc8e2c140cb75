//! Looks at all needs, one after the other: what one lacks keeps nobody else from being looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ask;
use crate::ban::health::Hindrance;
use crate::ban::health::evidence::Service;
use crate::ban::{Prefix, Protection, Source};
use crate::config::{Config, Enabled, FeedKind};
use crate::doctor::feeds::{self, Asked};
use crate::doctor::neighbours::Neighbours;
use crate::doctor::timers::{self, Timers};
use crate::doctor::{
    Check, Lack, configuration, database, entries, filter, firewall, kvstore, log, never_block,
};
use crate::kernel::set::Desired;
use crate::ledger::feeds::FeedState;
use crate::ledger::{Ledger, LedgerError, StateKey};
use crate::pbx::{daemon, freepbx_conf};
use crate::run::clock::Clock;
use crate::run::context::{Environment, log_file};
use crate::run::state::SavedState;
use crate::system::database::{DatabaseError, Settings};
use crate::system::program::Programs;

/// What is looked at in the database, by name, for when it does not answer.
const IN_DATABASE: [&str; 9] =
    ["rights", "kvstore", "engine", "tables", "module", "enabled", "running", "entries", "never_block"];

/// Everything that is seen on the way.
struct Look<'a> {
    environment: &'a Environment,
    /// The time to go by: the ledger's word on it, once that answers.
    clock: Clock,
    root: bool,
    offline: bool,
    config: Option<Config>,
    /// Networks in the zone Trusted.
    trusted: Vec<Prefix>,
    checks: Vec<Check>,
}

/// Looks at everything.
pub fn look(environment: &Environment, offline: bool) -> Vec<Check> {
    let root = environment.is_root;
    let mut look = Look {
        environment,
        clock: Clock::of_machine(),
        root,
        offline,
        config: None,
        trusted: Vec::new(),
        checks: Vec::new(),
    };
    let settings = freepbx_conf::read(&environment.freepbx_conf);
    look.checks.push(database::freepbx(settings.as_ref()));
    let owner = freepbx_conf::owner(&environment.freepbx_conf).ok();
    let loaded = Config::load(environment.config_file.as_deref(), environment.key.clone());
    let configured = configuration::judge(environment.config_file.as_deref(), loaded.as_ref(), owner);
    look.config = loaded.ok();
    let proxy = look.config.as_ref().and_then(configuration::proxy);
    let mut log_dir = PathBuf::from("/var/log/asterisk");
    let mut last_runs = None;
    match settings.ok().map(|settings| (look.connect(&settings), settings)) {
        Some((Some(mut ledger), settings)) => {
            look.in_database(&mut ledger, &settings);
            look.checks.push(configured);
            last_runs = Some(look.of_runs(&mut ledger));
            if let Ok(directory) =
                crate::pbx::firewall::setting(ledger.conn(), "ASTLOGDIR", "/var/log/asterisk")
            {
                log_dir = directory.into();
            }
        }
        _ => {
            let unseen = IN_DATABASE.iter().map(|name| Check::unknown(name, "the database does not answer"));
            look.checks.extend(unseen);
            look.checks.push(configured);
            let config = look.config.take();
            let keys = config.iter().flat_map(|config| &config.feed);
            look.checks.extend(keys.filter_map(|feed| configuration::key(feed, None, false, None)));
        }
    }
    look.checks.extend(proxy);
    look.checks.extend(log::look(&log_file(&log_dir), owner.map(|(user, _)| user)));
    match last_runs {
        Some((last, root)) => {
            look.checks.extend(timers::judge(&Timers::look(), last, root, look.clock.now()));
        }
        None => look.checks.push(Check::unknown("timers", "the database does not answer")),
    }
    let programs = environment.programs;
    let programs: Option<&dyn Programs> = if root { Some(&programs) } else { None };
    let neighbours = Neighbours { trusted: std::mem::take(&mut look.trusted), ..Neighbours::look(programs) };
    look.checks.extend(neighbours.checks());
    look.checks
}

impl Look<'_> {
    /// Reaches the database and our tables in it.
    fn connect(&mut self, settings: &Settings) -> Option<Ledger> {
        let mut conn = match settings.connect() {
            Ok(conn) => conn,
            Err(error) => {
                self.checks.push(database::unusable(&error));
                return None;
            }
        };
        let answers = database::answers(&mut conn, settings);
        self.take("database", answers.map(|check| vec![check]));
        let mut ledger = match Ledger::new(conn) {
            Ok(ledger) => ledger,
            Err(error @ LedgerError::Newer { .. }) => {
                let mend = "install that version, or start over: banbridge purge, then banbridge sync";
                self.checks.push(Check::error("tables", Lack::Setting, error.to_string(), mend));
                return None;
            }
            Err(LedgerError::Database(error)) => {
                self.checks.push(failed("tables", &error));
                return None;
            }
        };
        match Clock::look(&mut ledger) {
            Ok(clock) => self.clock = clock,
            Err(error) => self.checks.push(failed("tables", &error)),
        }
        Some(ledger)
    }

    /// Takes what a look brought, or why it brought nothing.
    fn take(&mut self, name: &str, looked: Result<Vec<Check>, DatabaseError>) {
        match looked {
            Ok(checks) => self.checks.extend(checks),
            Err(error) => self.checks.push(failed(name, &error)),
        }
    }

    fn in_database(&mut self, ledger: &mut Ledger, settings: &Settings) {
        let rights = database::rights(ledger.conn(), settings);
        self.take("rights", rights.map(|check| vec![check]));
        let shape = kvstore::look(ledger.conn());
        self.take("kvstore", shape);
        self.checks.push(match ledger.is_present() {
            true => Check::ok("tables", "present"),
            false => Check::unknown("tables", "missing, or of an older version; the next run creates them"),
        });
        let run_dir = crate::pbx::firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk");
        let service = daemon::service(run_dir.as_deref().unwrap_or("/var/run/asterisk"));
        let module = firewall::look(ledger.conn(), service);
        let alone = self.config.as_ref().is_some_and(|config| config.set.without_firewall);
        let module = module.map(|checks| {
            let off = Hindrance::Disabled.what();
            let relaxed = |check: Check| match check.name == "enabled" && check.found == off && alone {
                true => Check::ok("enabled", "the firewall is disabled, and the kernel set protects alone"),
                false => check,
            };
            checks.into_iter().map(relaxed).collect()
        });
        self.take("enabled", module);
        self.checks.push(firewall::page(ledger.conn()));
        // Without a configuration the rows are what they are all the same.
        let config = match &self.config {
            Some(config) => config.clone(),
            None => match Config::parse("", Path::new("-"), None) {
                Ok(config) => config,
                Err(_) => return,
            },
        };
        let saved = match SavedState::load(ledger, &config, self.clock.now()) {
            Ok(saved) => saved,
            Err(error) => {
                self.checks.push(failed("entries", &error));
                return;
            }
        };
        let protections = ledger.protections().unwrap_or_default();
        let is_trusted = |one: &&Protection| one.source == Source::Zone && one.label.starts_with("trusted");
        self.trusted = protections.iter().filter(is_trusted).map(|one| one.prefix).collect();
        self.kernel(&saved, service);
        self.checks.extend(entries::look(&saved.present, saved.firewall.driver));
        let sources = ledger.sources();
        self.take("never_block", sources.map(|sources| vec![never_block::judge(&sources)]));
        if self.config.is_some() {
            match ledger.keys_refused() {
                Ok(refused) => self.feeds(&config, &saved, &refused),
                Err(error) => self.checks.push(failed("feeds", &error)),
            }
        }
    }

    fn kernel(&mut self, saved: &SavedState, service: Service) {
        if !self.root {
            self.checks.extend(filter::NAMES.iter().map(|name| Check::needs_root(name)));
            return;
        }
        let set = self.config.as_ref().map(|config| config.set.clone()).unwrap_or_default();
        let desired = Desired::new(&saved.plan(self.clock.now()), &saved.never_block, set.action);
        let wish = filter::Wish {
            driver: saved.firewall.driver,
            // Where the service stopped, its rules are in the kernel all the same.
            no_rules: Hindrance::of(saved.firewall.enabled, service)
                .filter(|hindrance| matches!(hindrance, Hindrance::Disabled | Hindrance::SafeMode))
                .map(Hindrance::what),
            enabled: saved.firewall.enabled || set.without_firewall,
            present: &saved.present,
            set: self.config.as_ref().map_or(Enabled::No, |config| config.set.enabled),
            desired: &desired,
        };
        self.checks.extend(filter::look(&self.environment.programs, &wish));
    }

    /// `refused` are the feeds that did not accept the key at their last answer.
    fn feeds(&mut self, config: &Config, saved: &SavedState, refused: &BTreeMap<u16, i64>) {
        let now = self.clock.now();
        let state = |name: &str| -> Option<&FeedState> {
            saved.feeds.iter().find(|state| state.name == name && state.last_attempt.is_some())
        };
        let asks = |feed: &&crate::config::FeedConfig| {
            !self.offline
                && matches!(feed.kind, FeedKind::Apiban(_) | FeedKind::List(_))
                && (!feed.needs_key() || feed.read_key().is_ok())
                && !feeds::is_known(feed, state(&feed.name), now)
        };
        let names: Vec<String> = config.enabled().filter(asks).map(|feed| feed.name.clone()).collect();
        let asked = match names.is_empty() {
            true => Ok(Vec::new()),
            false => ask::ask(self.environment, &names, None),
        };
        let asked: Vec<Asked> = asked.unwrap_or_else(|error| {
            let not_asked = Some(format!("{error:#}"));
            let one = |name| Asked { feed: name, not_asked: not_asked.clone(), ..Asked::default() };
            names.into_iter().map(one).collect()
        });
        let refused_before =
            |state: Option<&FeedState>| state.is_some_and(|state| refused.contains_key(&state.id));
        for feed in &config.feed {
            let answer = asked.iter().find(|asked| asked.feed == feed.name);
            let state = state(&feed.name);
            let refused = answer.and_then(Asked::refused);
            self.checks.extend(configuration::key(feed, state, refused_before(state), refused));
            let held = state.map_or(0, |state| saved.held(state.id, now));
            let mut check = feeds::judge(feed, state, answer, held, now);
            if let Some(why) = answer.and_then(|answer| answer.not_asked.as_ref()) {
                check.found += &format!(" (not asked now: {why})");
            }
            self.checks.push(check);
        }
        let apart: Vec<String> = asked.iter().filter_map(|asked| asked.clock.clone()).collect();
        let compared = asked.iter().any(Asked::answered);
        self.checks.push(crate::doctor::clock::judge(self.clock.doubt(), &apart, compared));
    }

    /// When the last run was, and when root was last seen.
    fn of_runs(&mut self, ledger: &mut Ledger) -> (Option<i64>, Option<i64>) {
        let last = ledger.last_run().ok().flatten().map(|run| run.started_at);
        let root = ledger.state(StateKey::RootRun).ok().flatten();
        (last, root)
    }
}

/// What went wrong with the database in the middle of it.
fn failed(name: &str, error: &DatabaseError) -> Check {
    match error {
        DatabaseError::Denied(_) => {
            let mend = "give FreePBX's user all rights on its database, see above";
            Check::error(name, Lack::Right, error.to_string(), mend)
        }
        DatabaseError::NoTable(_) => {
            let mend = "fwconsole ma downloadinstall firewall";
            Check::error(name, Lack::Setting, error.to_string(), mend)
        }
        DatabaseError::NoColumn { table, why, fix } => {
            Check::error(name, Lack::Setting, format!("table {table}: {why}"), *fix)
        }
        DatabaseError::Value { table, column, found, expected, fix } => {
            let found = format!("table {table}, column {column}: found {found}, expected {expected}");
            Check::error(name, Lack::Setting, found, *fix)
        }
        _ => Check::error(name, Lack::Reach, error.to_string(), "systemctl status mariadb"),
    }
}
