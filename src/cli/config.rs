//! `config`: checks and shows the configuration, and changes single settings.

use crate::system::failure::{Failure, Result};
use std::io::{self, Read};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Global;
use super::output::{complain, count, print, print_json};
use crate::config::ConfigError;
use crate::config::setting::Name;
use crate::run::edit_config::{self, Changed};
use crate::system::exit::Exit;
use crate::system::secret::MASK;

/// The most that is read from standard input, in bytes.
const MOST: u64 = 1 << 16;

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and freepbx.conf
    Check,
    /// Show the configuration with all defaults; secrets are masked
    Show,
    /// Show one setting; with --json also its default and its line in the file
    Get(GetArgs),
    /// Change one setting; comments and layout of the file stay
    Set(SetArgs),
}

/// What `config get` takes.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// setting, such as blacklist.limit or feed.apiban.ttl
    #[arg(value_name = "NAME")]
    name: Name,
}

/// What `config set` takes.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// setting, such as blacklist.limit or feed.apiban.ttl
    #[arg(value_name = "NAME")]
    name: Name,
    /// new value; - reads it from standard input (required for keys)
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
}

impl SetArgs {
    /// Whether a secret stands among the words, where a list of processes shows it.
    pub fn shows_secret(&self) -> bool {
        self.name.is_secret() && self.value != "-"
    }
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    file: Option<String>,
    feeds: usize,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Got {
    name: String,
    value: Option<serde_json::Value>,
    default: Option<serde_json::Value>,
    file_line: Option<usize>,
}

#[derive(Serialize)]
struct Set {
    name: String,
    changed: bool,
    value: Option<serde_json::Value>,
}

/// Runs the command.
pub fn run(global: &Global, command: &ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Check => check(global),
        ConfigCommand::Show => show(global),
        ConfigCommand::Get(args) => get(global, &args.name),
        ConfigCommand::Set(args) => set(global, args),
    }
}

fn show(global: &Global) -> Result<Exit> {
    let config = global.environment().config()?;
    if global.json {
        print_json(&config)?;
    } else {
        print(&toml::to_string(&config).map_err(Failure::bug)?)?;
    }
    Ok(Exit::Done)
}

fn get(global: &Global, name: &Name) -> Result<Exit> {
    let setting = edit_config::get(&global.environment(), name)?;
    if global.json {
        let (value, default) = (setting.value, setting.default);
        print_json(&Got { name: name.to_string(), value, default, file_line: setting.line })?;
    } else if let Some(value) = setting.value {
        print(&format!("{}\n", plain(&value)))?;
    }
    Ok(Exit::Done)
}

/// A value as a script wants it: a text without quotes.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn set(global: &Global, args: &SetArgs) -> Result<Exit> {
    let name = &args.name;
    if args.shows_secret() {
        complain(&format!(
            "Every user of this machine can see a secret in a command line. Give it on standard input: \
             banbridge config set {name} -"
        ));
        return Ok(Exit::Usage);
    }
    let value = if args.value == "-" { from_stdin()? } else { args.value.clone() };
    let Changed { changed, value } = edit_config::set(&global.environment(), name, &value)?;
    if global.json {
        print_json(&Set { name: name.to_string(), changed, value })?;
    } else if !global.quiet {
        let shown = value.as_ref().map_or_else(|| MASK.to_owned(), plain);
        print(&match changed {
            true => format!("{name} is {shown} from the next run on.\n"),
            false => format!("{name} is already {shown}. Nothing was changed.\n"),
        })?;
    }
    Ok(Exit::Done)
}

/// The value from standard input: one line, without its end.
pub(super) fn from_stdin() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST + 1).read_to_string(&mut text);
    // The library's words quote nothing of what was read.
    read.map_err(|error| ConfigError::new("standard input".as_ref(), error.to_string()))?;
    Ok(text
        .strip_suffix('\n')
        .map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line))
        .to_owned())
}

fn check(global: &Global) -> Result<Exit> {
    let edit_config::Checked { file, feeds, warnings } = edit_config::check(&global.environment())?;
    let file = file.map(|file| file.display().to_string());
    if global.json {
        print_json(&Checked { ok: true, file, feeds, warnings })?;
        return Ok(Exit::Done);
    }
    for warning in &warnings {
        complain(warning);
    }
    if !global.quiet {
        let file =
            file.unwrap_or_else(|| "no file, only defaults and the key from the environment".to_owned());
        print(&format!("The configuration is valid: {file}, {}.\n", count(feeds, "feed", "feeds")))?;
    }
    Ok(Exit::Done)
}
