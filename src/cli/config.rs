//! `config`: is the configuration right, and what is in use.

use clap::Subcommand;
use serde::Serialize;

use super::Global;
use super::exit::Exit;
use super::output::{complain, count, print, print_json};

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the configuration and freepbx.conf can be used; changes nothing, asks nobody
    Check,
    /// Show the configuration in use, defaults filled in, secrets masked
    Show,
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    file: Option<String>,
    feeds: usize,
    warnings: Vec<String>,
}

/// Runs the command.
pub fn run(global: &Global, command: &ConfigCommand) -> anyhow::Result<Exit> {
    let config = global.load_config()?;
    if let ConfigCommand::Show = command {
        if global.json {
            print_json(&config)?;
        } else {
            print(&toml::to_string(&config)?)?;
        }
        return Ok(Exit::Done);
    }
    for feed in config.enabled().filter(|feed| feed.needs_key()) {
        feed.read_key()?;
    }
    global.settings()?;
    let mut warnings = config.warnings.clone();
    if config.enabled().next().is_none() {
        warnings.push("no feed is switched on, so nothing will be blocked".to_owned());
    }
    let file = config.path.as_ref().map(|path| path.display().to_string());
    if global.json {
        print_json(&Checked { ok: true, file, feeds: config.feed.len(), warnings })?;
        return Ok(Exit::Done);
    }
    for warning in &warnings {
        complain(warning);
    }
    if !global.quiet {
        let file = file.unwrap_or_else(|| "no file; the defaults and the environment's key".to_owned());
        print(&format!("The configuration is good: {file}, {}.\n", count(config.feed.len(), "feed")))?;
    }
    Ok(Exit::Done)
}
