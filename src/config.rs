//! `banbridge.toml` becomes a [`Config`]. Whatever is unknown, missing or contradictory is an error that names the
//! file, the line, the key and the fix: a blocklist that is silently not read is a phone bill.

mod apiban;
mod crowdsec;
pub mod edit;
mod feed;
mod list;
mod notify;
mod own;
mod period;
pub mod setting;
mod tables;

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::files;
use crate::system::secret::Secret;
pub use apiban::ApibanConfig;
pub use crowdsec::CrowdsecConfig;
pub use feed::{FeedConfig, FeedKind, KeySource, Widen};
use feed::{Place, RawFeed, judge};
pub use list::ListConfig;
pub use notify::{COMMAND, Notify, Program, WEBHOOK, Webhook};
pub use own::{Fail2banConfig, LogConfig};
pub use period::Period;
pub use tables::{
    Allow, Blacklist, Enabled, Group, Level, Limit, Log, Network, Percent, PermitConfig, PermitPorts,
    Protect, SetConfig, Share, Writer,
};

/// Where the configuration is looked for when neither `--config` nor BANBRIDGE_CONFIG names it.
pub const DEFAULT_PATH: &str = "/etc/asterisk/banbridge.toml";
/// The environment's name for the apiban key; it wins over the file.
pub const KEY_VARIABLE: &str = "BANBRIDGE_APIBAN_KEY";
/// The largest configuration or key file that is read, in bytes.
const MOST: u64 = 1 << 20;
/// Where to get a key.
const KEY_PAGE: &str = "https://apiban.org/getkey.html";

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    mistake: Mistake,
    what: String,
}

/// Which mistake an error is, where something is decided by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mistake {
    /// A setting that nobody knows.
    UnknownSetting,
    /// A value of another type than its key has.
    WrongType,
    /// Any other.
    #[default]
    Other,
}

impl Mistake {
    /// What the reader of TOML means. It has words for it and no types, so this is the one place that knows them.
    fn of_reader(message: &str) -> Self {
        match message {
            message if message.starts_with("unknown field") => Self::UnknownSetting,
            message if message.contains("invalid type") => Self::WrongType,
            _ => Self::Other,
        }
    }
}

/// The reader's message on a setting that nobody knows, with the one that was probably meant: the message names the one
/// that it found and those that may stand there, all in backquotes. None for any other message.
fn unknown_setting(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field")?.split('`').skip(1).step_by(2);
    let found = names.next()?;
    let known: Vec<&str> = names.collect();
    let likeness = |name: &&str| strsim::jaro_winkler(found, name);
    let meant = known
        .iter()
        .copied()
        .filter(|name| likeness(name) > 0.8)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    Some(match meant {
        Some(meant) => format!("unknown setting {found:?}. Did you mean {meant:?}?"),
        None => format!("unknown setting {found:?}. Settings here: {}", known.join(", ")),
    })
}

impl Classify for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}

impl ConfigError {
    /// An error of the whole file.
    pub fn new(file: &Path, what: String) -> Self {
        Self { file: file.to_owned(), line: None, mistake: Mistake::Other, what }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What works and is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What is the matter.
    pub text: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. Fix: {}", self.text, self.fix)
    }
}

/// The whole configuration. Feeds stand in the order of their priority.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// The ban feeds; the first has the highest priority.
    pub feed: Vec<FeedConfig>,
    /// How the firewall's blacklist is written.
    pub blacklist: Blacklist,
    /// The set that blocks before the firewall's own rules.
    pub set: SetConfig,
    /// Who is never blocked.
    pub protect: Protect,
    /// What the log file holds.
    pub log: Log,
    /// Who gets a message when something goes wrong.
    pub notify: Notify,
    /// How this machine reaches the internet.
    pub network: Network,
    /// Where permit lists count.
    pub permit: PermitConfig,
    /// Groups of feeds that have to agree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<Group>,
    /// Who is told what this PBX sees.
    pub share: Share,
    /// The file that was read; none when there was none and the defaults with the environment's key are in use.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    /// What you should fix although it works.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

/// The file as it is written, before it is judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    feed: Vec<RawFeed>,
    #[serde(default)]
    blacklist: Blacklist,
    #[serde(default)]
    set: SetConfig,
    #[serde(default)]
    protect: Protect,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    notify: Notify,
    #[serde(default)]
    network: Network,
    #[serde(default)]
    permit: PermitConfig,
    #[serde(default)]
    group: Vec<Group>,
    #[serde(default)]
    share: Share,
}

impl Config {
    /// Reads the configuration. `path` is the one that the command line or the environment named; without one the
    /// default place is tried, and a key in the environment alone is a configuration too: apiban with its defaults.
    pub fn load(path: Option<&Path>, key: Option<Secret>) -> Result<Self, ConfigError> {
        let file = path.unwrap_or(Path::new(DEFAULT_PATH));
        let fail = |what| ConfigError::new(file, what);
        match files::read_text(file, MOST) {
            Ok(text) => {
                let mut config = Self::parse(&text, file, key)?;
                config.warnings.extend(too_open(file));
                Ok(config)
            }
            Err(error) if error.kind() == ErrorKind::NotFound && path.is_none() && key.is_some() => {
                let mut config = Self::parse("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n", file, key)?;
                config.path = None;
                Ok(config)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(fail(format!(
                "there is no such file. Create it with these lines, and the key from {KEY_PAGE}:\n\
                 [[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"...\""
            ))),
            Err(error) => Err(fail(format!("cannot read: {error}"))),
        }
    }

    /// Judges the text of a configuration file. `key` is the environment's.
    pub fn parse(text: &str, file: &Path, key: Option<Secret>) -> Result<Self, ConfigError> {
        let line_at = |offset: usize| text.get(..offset).map(|before| before.matches('\n').count() + 1);
        let raw: RawConfig = toml::from_str(text).map_err(|error| {
            // Only the message: the library's full text quotes the line, and the line may hold the key.
            let what = unknown_setting(error.message())
                .unwrap_or_else(|| error.message().replace("missing field", "missing setting"));
            ConfigError {
                file: file.to_owned(),
                line: error.span().and_then(|span| line_at(span.start)),
                mistake: Mistake::of_reader(error.message()),
                what,
            }
        })?;
        let mut feeds: Vec<FeedConfig> = Vec::with_capacity(raw.feed.len());
        for feed in raw.feed {
            let place = Place { file: file.to_owned(), line: line_at(feed.name.span().start) };
            let feed = judge(feed, &place, key.as_ref()).map_err(|what| ConfigError {
                file: file.to_owned(),
                line: place.line,
                mistake: Mistake::Other,
                what,
            })?;
            if let Some(first) = feeds.iter().find(|other| other.name == feed.name) {
                let first =
                    first.at.line.map(|line| format!(" (the first is in line {line})")).unwrap_or_default();
                let what = format!("two feeds have the name {:?}{first}. Rename one of them", feed.name);
                return Err(ConfigError {
                    file: file.to_owned(),
                    line: place.line,
                    mistake: Mistake::Other,
                    what,
                });
            }
            crowdsec::has_no_twin(&feed, &feeds).map_err(|what| ConfigError {
                file: file.to_owned(),
                line: place.line,
                mistake: Mistake::Other,
                what,
            })?;
            let known = |name: &String| raw.group.iter().any(|group| group.name == *name);
            if let Some(name) = feed.group.as_ref().filter(|name| !known(name)) {
                let what = format!(
                    "feed {:?}: there is no group {name:?}. Add it: [[group]], name = {name:?}, agree = 2",
                    feed.name
                );
                return Err(ConfigError {
                    file: file.to_owned(),
                    line: place.line,
                    mistake: Mistake::Other,
                    what,
                });
            }
            feeds.push(FeedConfig { route: raw.network.proxy.clone(), ..feed });
        }
        groups(&raw.group, &feeds).map_err(|what| ConfigError::new(file, what))?;
        raw.share.check().map_err(|what| ConfigError::new(file, what))?;
        Ok(Self {
            feed: feeds,
            blacklist: raw.blacklist,
            set: raw.set,
            protect: raw.protect,
            log: raw.log,
            notify: raw.notify,
            network: raw.network,
            permit: raw.permit,
            group: raw.group,
            share: raw.share,
            path: Some(file.to_owned()),
            warnings: Vec::new(),
        })
    }

    /// The enabled feeds, in the order of their priority.
    pub fn enabled(&self) -> impl Iterator<Item = &FeedConfig> {
        self.feed.iter().filter(|feed| feed.enabled)
    }

    /// The error for fetching a disabled feed.
    pub fn disabled(&self, name: &str) -> ConfigError {
        let at =
            self.feed.iter().find(|feed| feed.name == name).map(|feed| feed.at.clone()).unwrap_or_default();
        let what = format!("feed {name:?} is disabled. To enable it: banbridge feed enable {name}");
        ConfigError { file: at.file, line: at.line, mistake: Mistake::Other, what }
    }

    /// The feed of a name, or an error that lists the names there are.
    pub fn named(&self, name: &str) -> Result<&FeedConfig, ConfigError> {
        self.feed.iter().find(|feed| feed.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.feed.iter().map(|feed| feed.name.as_str()).collect();
            ConfigError {
                file: self.path.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH)),
                line: None,
                mistake: Mistake::Other,
                what: format!("there is no feed {name:?}. Feeds: {}", names.join(", ")),
            }
        })
    }
}

/// Refuses groups that cannot be: two of a name, or with fewer members than have to agree, so that nothing would count.
fn groups(groups: &[Group], feeds: &[FeedConfig]) -> Result<(), String> {
    for (place, group) in groups.iter().enumerate() {
        let Group { name, agree } = group;
        if groups[..place].iter().any(|other| other.name == *name) {
            return Err(format!("two groups have the name {name:?}. Rename one of them"));
        }
        if !(1..=100).contains(agree) {
            return Err(format!("group {name:?}: agree must be from 1 to 100 feeds"));
        }
        let of_group = || feeds.iter().filter(|feed| feed.group.as_ref() == Some(name));
        let members = of_group().count();
        if members < usize::from(*agree) && !of_group().any(|feed| feed.trusted) {
            return Err(format!(
                "group {name:?}: agree is {agree}, but it has {members} feeds, so that none of their entries would count"
            ));
        }
    }
    Ok(())
}

/// A warning when others than owner and group can read the file: it may contain a key.
fn too_open(file: &Path) -> Option<Warning> {
    let mode = fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        let file = file.display();
        Warning {
            text: format!("every user of this machine can read {file}, which may contain a key"),
            fix: format!("chmod o-rwx {file}"),
        }
    })
}

#[cfg(test)]
mod tests;
