//! `config`: is the configuration right, what is in use, and changes of single settings.

use crate::system::failure::{Failure, Result};
use std::io::{self, Read};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{complain, count, print, print_json};
use super::{Global, config_file};
use crate::config::setting::{self, Name, Section};
use crate::config::{Config, ConfigError};
use crate::run::request;
use crate::system::exit::Exit;
use crate::system::secret::MASK;

/// What a configuration begins with where there is none yet.
const FIRST: &str = "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n";
/// The most that is read from standard input, in bytes.
const MOST: u64 = 1 << 16;

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the configuration and freepbx.conf can be used; changes nothing, asks nobody
    Check,
    /// Show the configuration in use, defaults filled in, secrets masked
    Show,
    /// Show one setting, its default and where it stands
    Get(GetArgs),
    /// Change one setting; comments and layout of the file stay
    Set(SetArgs),
}

/// What `config get` takes.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The setting, such as blacklist.limit or feed.apiban.ttl
    #[arg(value_name = "NAME")]
    name: Name,
}

/// What `config set` takes.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The setting, such as blacklist.limit or feed.apiban.ttl
    #[arg(value_name = "NAME")]
    name: Name,
    /// Its new value; - reads it from standard input, which is the only way for a key
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
struct Changed {
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
    let config = global.environment().config()?;
    let path = config_file::path(global);
    let text = config_file::read_if_there(&path)?.unwrap_or_default();
    let setting = setting::get(&config, &text, &path, name)?;
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
            "a secret among the words of a command is seen by everybody on this machine; give it on standard input: \
             banbridge config set {name} -"
        ));
        return Ok(Exit::Usage);
    }
    let value = if args.value == "-" { from_stdin()? } else { args.value.clone() };
    let path = config_file::path(global);
    let before = match config_file::read_if_there(&path)? {
        Some(text) => text,
        None if name.section == Section::Feed("apiban".to_owned()) => FIRST.to_owned(),
        // The error that says how to make one.
        None => {
            return Err(Config::load(Some(&path), None).err().map_or_else(
                || Failure::new(Exit::TryAgain, format!("{} was made just now; try again", path.display())),
                Failure::from,
            ));
        }
    };
    let after = setting::set(&before, &path, name, &value)?;
    let changed = after != before;
    if changed {
        config_file::write(global, &path, &after, None)?;
        request::after_change();
    }
    let config = Config::parse(&after, &path, None)?;
    let value = setting::get(&config, &after, &path, name)?.value;
    if global.json {
        print_json(&Changed { name: name.to_string(), changed, value })?;
    } else if !global.quiet {
        let shown = value.as_ref().map_or_else(|| MASK.to_owned(), plain);
        print(&match changed {
            true => format!("{name} is {shown} from the next run on.\n"),
            false => format!("{name} was {shown} already; nothing changed.\n"),
        })?;
    }
    Ok(Exit::Done)
}

/// The value from standard input: one line, without its end.
fn from_stdin() -> Result<String> {
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
    let config = global.environment().config()?;
    for feed in config.enabled().filter(|feed| feed.needs_key()) {
        feed.read_key()?;
    }
    global.environment().database()?;
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
        print(&format!(
            "The configuration is good: {file}, {}.\n",
            count(config.feed.len(), "feed", "feeds")
        ))?;
    }
    Ok(Exit::Done)
}
