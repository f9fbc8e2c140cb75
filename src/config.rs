//! `banbridge.toml` becomes a [`Config`]. Whatever is unknown, missing or contradictory is an error that names the
//! file, the line, the key and the mend: a blocklist that is silently not read is a phone bill.

pub mod edit;
mod feeds;

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

use crate::ban::Source;
use crate::ban::never_block::{WIDEST_V4, WIDEST_V6};
use crate::ban::surge::Guard;
use crate::feed::apiban::Dataset;
use crate::feed::http::check_url;
use crate::feed::list::{Column, Format};
use crate::files;
use crate::pbx::host::{self, Target};
use crate::secret::Secret;
pub use feeds::{ListConfig, Widen};

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
    what: String,
}

impl ConfigError {
    /// An error of the whole file.
    pub fn new(file: &Path, what: String) -> Self {
        Self { file: file.to_owned(), line: None, what }
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

/// A span of time, written `7d`, `4h`, `90s`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(Duration);

impl Period {
    /// Whole seconds.
    pub const fn seconds(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The period as the standard library's duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Whole seconds, for arithmetic with times of the ledger.
    pub fn as_secs(self) -> i64 {
        i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        match secs {
            0 => write!(f, "0s"),
            _ if secs.is_multiple_of(86_400) => write!(f, "{}d", secs / 86_400),
            _ if secs.is_multiple_of(3_600) => write!(f, "{}h", secs / 3_600),
            _ if secs.is_multiple_of(60) => write!(f, "{}m", secs / 60),
            _ => write!(f, "{secs}s"),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |text: &str| {
            serde::de::Error::custom(format!(
                "{text:?} is no span of time; write it like \"7d\", \"4h\" or \"90s\""
            ))
        };
        let text = String::deserialize(deserializer)?;
        let span: Span = text.parse().map_err(|_| wrong(&text))?;
        let days = SpanRelativeTo::days_are_24_hours();
        let duration = span.to_duration(days).map_err(|_| wrong(&text))?;
        Duration::try_from(duration).map(Self).map_err(|_| wrong(&text))
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
    /// The file that was read; none when there was none and the defaults with the environment's key are in use.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    /// What the administrator should mend although it works.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// Which way a feed speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// apiban.org's API or a mirror of it.
    Apiban,
    /// A list of addresses and networks, read whole.
    List,
}

/// Where the key of a feed stands. It is read only by what sends it.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// In the configuration or the environment.
    Given(Secret),
    /// In a file of its own, first line.
    File(PathBuf),
    /// Nowhere: the feed cannot be asked.
    Missing,
}

impl Serialize for KeySource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(secret) => serializer.collect_str(secret),
            Self::File(path) => serializer.collect_str(&format_args!("in {}", path.display())),
            Self::Missing => serializer.collect_str("missing"),
        }
    }
}

/// One feed.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// Unique; lower case letters, digits, `-` and `_`, 64 at most.
    pub name: String,
    /// Which way it speaks.
    pub kind: Kind,
    /// Its address; for apiban without the key.
    pub url: String,
    /// Its key.
    pub key: KeySource,
    /// The set to ask for.
    pub dataset: Dataset,
    /// Version of the API, 1 or 2.
    pub api: u8,
    /// How long an address stays after its last sighting; for a list none is zero, until the list drops it.
    pub ttl: Period,
    /// Shortest time between two runs that ask it.
    pub interval: Period,
    /// Longest time one request may take.
    pub timeout: Period,
    /// Networks wider than this (a shorter IPv4 prefix) are refused.
    pub shortest_v4: u8,
    /// Networks wider than this (a shorter IPv6 prefix) are refused.
    pub shortest_v6: u8,
    /// The feed is held when it asks for more than so many times its last size,
    pub surge_times: u32,
    /// and for more than so many prefixes more.
    pub surge_more: u32,
    /// Whether it is asked and its prefixes are wanted.
    pub enabled: bool,
    /// What a list needs besides.
    pub list: Option<ListConfig>,
    /// Whether networks are blocked for what several of their addresses did.
    pub widen: Option<Widen>,
    at: Place,
}

/// The file and line where a feed stands, for errors that are found later.
#[derive(Debug, Clone, Default)]
struct Place {
    file: PathBuf,
    line: Option<usize>,
}

impl FeedConfig {
    /// Whether it is asked with a key.
    pub fn needs_key(&self) -> bool {
        self.kind == Kind::Apiban
    }

    /// What of this feed is a surge.
    pub fn surge_guard(&self) -> Guard {
        Guard { times: self.surge_times, more: self.surge_more }
    }

    /// The key, read from where it stands. The placeholder that apiban's own client ships counts as none.
    pub fn read_key(&self) -> Result<Secret, ConfigError> {
        let wrong = |what| ConfigError { file: self.at.file.clone(), line: self.at.line, what };
        let name = &self.name;
        let how = format!("get one at {KEY_PAGE} and write it as key = \"...\" (or set {KEY_VARIABLE})");
        let key = match &self.key {
            KeySource::Missing => return Err(wrong(format!("feed {name:?} has no key; {how}"))),
            KeySource::Given(secret) => secret.clone(),
            KeySource::File(path) => {
                let text = files::read_text(path, MOST).map_err(|error| {
                    wrong(format!("key_file {} of feed {name:?} cannot be read: {error}", path.display()))
                })?;
                Secret::new(text.lines().next().unwrap_or_default().trim())
            }
        };
        let text = key.expose();
        if text.is_empty() {
            return Err(wrong(format!("the key of feed {name:?} is empty; {how}")));
        }
        if text.eq_ignore_ascii_case("MY API KEY") {
            return Err(wrong(format!("the key of feed {name:?} is still the placeholder; {how}")));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(wrong(format!("the key of feed {name:?} holds characters that no key has; {how}")));
        }
        Ok(key)
    }
}

/// Rows of ours in the firewall's blacklist at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// What suits the firewall's driver.
    Auto,
    /// This many.
    Rows(usize),
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Rows(rows) => rows.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Word(String),
            Rows(i64),
        }
        let wrong = || serde::de::Error::custom("limit is \"auto\" or a number of rows, such as 5000");
        match Raw::deserialize(deserializer).map_err(|_| wrong())? {
            Raw::Word(word) if word == "auto" => Ok(Self::Auto),
            Raw::Word(_) => Err(wrong()),
            Raw::Rows(rows) => usize::try_from(rows).map(Self::Rows).map_err(|_| wrong()),
        }
    }
}

/// `[blacklist]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Blacklist {
    /// Rows of ours at most.
    pub limit: Limit,
    /// Whether neighbours are merged into networks, losslessly.
    pub aggregate: bool,
    /// Through what the rows are written.
    pub writer: Writer,
}

/// Through what the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// Into FreePBX's database, in bulk, with our mark in each row.
    Db,
    /// By `fwconsole firewall add blacklist`: slower, and whose a row is stands in our ledger alone.
    Fwconsole,
}

impl Default for Blacklist {
    fn default() -> Self {
        Self { limit: Limit::Auto, aggregate: true, writer: Writer::Db }
    }
}

/// `[protect]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protect {
    /// Who is never blocked, beside all that the PBX itself knows.
    pub allow: Vec<Allow>,
    /// How long an address that an administrator took out stays out.
    pub release: Period,
}

impl Default for Protect {
    fn default() -> Self {
        Self { allow: Vec::new(), release: Period::seconds(30 * 86_400) }
    }
}

/// Somebody who is never blocked: an address, a network or a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow(pub Target);

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match host::target(text) {
            Some(Target::Prefix(prefix)) if !Source::Allow.accepts(&prefix) => Err(format!(
                "{text} is most of the internet; a network on the allow list is /{WIDEST_V4} (IPv6: /{WIDEST_V6}) or \
                 smaller"
            )),
            Some(target) => Ok(Self(target)),
            None => Err(format!(
                "{text:?} is no address, network or host name; write it like 192.0.2.1, 192.0.2.0/24 or sip.example.com"
            )),
        }
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Prefix(prefix) => prefix.fmt(f),
            Target::Name(name) | Target::Service(name) => f.write_str(name),
        }
    }
}

impl Serialize for Allow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Allow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `[set]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetConfig {
    /// Whether there is a set.
    pub enabled: Enabled,
}

/// Whether there is to be a set of ours in the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enabled {
    /// Where the system has the means for one.
    #[default]
    Auto,
    /// A system without the means for one is an error.
    Yes,
    /// None, and one that is there is removed.
    No,
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The least important lines that are written.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info }
    }
}

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
    name: Spanned<String>,
    kind: Kind,
    url: Option<String>,
    key: Option<Secret>,
    key_file: Option<PathBuf>,
    dataset: Option<Dataset>,
    api: Option<i64>,
    ttl: Option<Period>,
    interval: Option<Period>,
    timeout: Option<Period>,
    shortest_v4: Option<u8>,
    shortest_v6: Option<u8>,
    surge_times: Option<u32>,
    surge_more: Option<u32>,
    enabled: Option<bool>,
    format: Option<Format>,
    column: Option<Column>,
    field: Option<String>,
    score_column: Option<Column>,
    min_score: Option<f64>,
    widen: Option<u32>,
    widen_to: Option<u8>,
}

impl Config {
    /// Reads the configuration. `path` is the one that the command line or the environment named; without one the
    /// default place is tried, and a key in the environment alone is a configuration too: apiban with its defaults.
    pub fn load(path: Option<&Path>, key: Option<Secret>) -> Result<Self, ConfigError> {
        let file = path.unwrap_or(Path::new(DEFAULT_PATH));
        let fail = |what| ConfigError { file: file.to_owned(), line: None, what };
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
                "there is no such file. Make it with these lines, and the key from {KEY_PAGE}:\n\
                 [[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"...\""
            ))),
            Err(error) => Err(fail(format!("cannot be read: {error}"))),
        }
    }

    /// Judges the text of a configuration file. `key` is the environment's.
    pub fn parse(text: &str, file: &Path, key: Option<Secret>) -> Result<Self, ConfigError> {
        let line_at = |offset: usize| text.get(..offset).map(|before| before.matches('\n').count() + 1);
        let raw: RawConfig = toml::from_str(text).map_err(|error| {
            // Only the message: the library's full text quotes the line, and the line may hold the key.
            let what = error
                .message()
                .replace("unknown field", "unknown key")
                .replace("missing field", "missing key");
            ConfigError {
                file: file.to_owned(),
                line: error.span().and_then(|span| line_at(span.start)),
                what,
            }
        })?;
        let mut feeds: Vec<FeedConfig> = Vec::with_capacity(raw.feed.len());
        for feed in raw.feed {
            let place = Place { file: file.to_owned(), line: line_at(feed.name.span().start) };
            let feed = judge(feed, &place, key.as_ref()).map_err(|what| ConfigError {
                file: file.to_owned(),
                line: place.line,
                what,
            })?;
            if let Some(first) = feeds.iter().find(|other| other.name == feed.name) {
                let first =
                    first.at.line.map(|line| format!(" (the first is in line {line})")).unwrap_or_default();
                let what =
                    format!("two feeds are named {:?}{first}; give one of them another name", feed.name);
                return Err(ConfigError { file: file.to_owned(), line: place.line, what });
            }
            feeds.push(feed);
        }
        Ok(Self {
            feed: feeds,
            blacklist: raw.blacklist,
            set: raw.set,
            protect: raw.protect,
            log: raw.log,
            path: Some(file.to_owned()),
            warnings: Vec::new(),
        })
    }

    /// Feeds that are asked, in the order of their priority.
    pub fn enabled(&self) -> impl Iterator<Item = &FeedConfig> {
        self.feed.iter().filter(|feed| feed.enabled)
    }

    /// The error for asking a feed that is switched off.
    pub fn disabled(&self, name: &str) -> ConfigError {
        let at =
            self.feed.iter().find(|feed| feed.name == name).map(|feed| feed.at.clone()).unwrap_or_default();
        let what = format!("feed {name:?} is switched off; write enabled = true to ask it");
        ConfigError { file: at.file, line: at.line, what }
    }

    /// The feed of a name, or an error that lists the names there are.
    pub fn named(&self, name: &str) -> Result<&FeedConfig, ConfigError> {
        self.feed.iter().find(|feed| feed.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.feed.iter().map(|feed| feed.name.as_str()).collect();
            ConfigError {
                file: self.path.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH)),
                line: None,
                what: format!("there is no feed {name:?}; there are: {}", names.join(", ")),
            }
        })
    }
}

/// Fills in the defaults of a feed and refuses what cannot be.
fn judge(raw: RawFeed, place: &Place, environment_key: Option<&Secret>) -> Result<FeedConfig, String> {
    let name = raw.name.get_ref().clone();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(format!(
            "the name {name:?} will not do; use up to 64 lower case letters, digits, \"-\" and \"_\""
        ));
    }
    feeds::own_keys(&name, &raw)?;
    let widen = feeds::widen(&name, &raw)?;
    let shortest = (raw.shortest_v4.unwrap_or(16), raw.shortest_v6.unwrap_or(32));
    if raw.kind == Kind::List {
        return judge_list(name, &raw, shortest, widen, place);
    }
    let key = match (environment_key, raw.key, raw.key_file) {
        (Some(key), _, _) => KeySource::Given(key.clone()),
        (None, Some(_), Some(_)) => {
            return Err(format!("feed {name:?} has both key and key_file; keep one of them"));
        }
        (None, Some(key), None) => KeySource::Given(key),
        (None, None, Some(path)) => KeySource::File(path),
        (None, None, None) => KeySource::Missing,
    };
    let api = match raw.api {
        None | Some(2) => 2,
        Some(1) => 1,
        Some(other) => return Err(format!("api = {other} of feed {name:?} is unknown; there are 1 and 2")),
    };
    let dataset = raw.dataset.unwrap_or(Dataset::Sip);
    if api == 1 && dataset != Dataset::Sip {
        return Err(format!("feed {name:?} asks for another dataset than \"sip\", which only api = 2 can"));
    }
    let url = raw.url.unwrap_or_else(|| crate::feed::apiban::DEFAULT_URL.to_owned());
    check_url(&url).map_err(|error| format!("the url of feed {name:?} will not do: {error}"))?;
    let (shortest_v4, shortest_v6) = check_shortest(&name, shortest)?;
    let ttl = raw.ttl.unwrap_or(Period::seconds(7 * 86_400));
    if ttl.as_secs() < 60 {
        return Err(format!("the ttl of feed {name:?} is under a minute; apiban's own is \"7d\""));
    }
    let timeout = check_timeout(&name, raw.timeout, 30)?;
    Ok(FeedConfig {
        kind: raw.kind,
        url,
        key,
        dataset,
        api,
        ttl,
        interval: raw.interval.unwrap_or(Period::seconds(0)),
        timeout,
        shortest_v4,
        shortest_v6,
        surge_times: raw.surge_times.unwrap_or(4),
        surge_more: raw.surge_more.unwrap_or(5_000),
        enabled: raw.enabled.unwrap_or(true),
        list: None,
        widen,
        at: place.clone(),
        name,
    })
}

/// The same for a list.
fn judge_list(
    name: String,
    raw: &RawFeed,
    shortest: (u8, u8),
    widen: Option<Widen>,
    place: &Place,
) -> Result<FeedConfig, String> {
    let (shortest_v4, shortest_v6) = check_shortest(&name, shortest)?;
    let (list, url) = feeds::list(&name, raw, shortest)?;
    Ok(FeedConfig {
        kind: raw.kind,
        url,
        key: KeySource::Missing,
        dataset: Dataset::Sip,
        api: 2,
        ttl: raw.ttl.unwrap_or(Period::seconds(0)),
        interval: feeds::interval(&list, raw.interval),
        // A list of 64 MiB comes in this time over 5 Mbit/s.
        timeout: check_timeout(&name, raw.timeout, 120)?,
        shortest_v4,
        shortest_v6,
        surge_times: raw.surge_times.unwrap_or(4),
        surge_more: raw.surge_more.unwrap_or(5_000),
        enabled: raw.enabled.unwrap_or(true),
        list: Some(list),
        widen,
        at: place.clone(),
        name,
    })
}

fn check_shortest(name: &str, (v4, v6): (u8, u8)) -> Result<(u8, u8), String> {
    if (8..=32).contains(&v4) && (16..=128).contains(&v6) {
        return Ok((v4, v6));
    }
    Err(format!(
        "feed {name:?}: shortest_v4 is 8 to 32 and shortest_v6 is 16 to 128; a wider network cuts off half the world"
    ))
}

fn check_timeout(name: &str, given: Option<Period>, default: u64) -> Result<Period, String> {
    let timeout = given.unwrap_or(Period::seconds(default));
    match timeout.as_secs() {
        0 => Err(format!("the timeout of feed {name:?} is under a second; try \"{default}s\"")),
        _ => Ok(timeout),
    }
}

/// A warning when others than owner and group can read the file: it may hold a key.
fn too_open(file: &Path) -> Option<String> {
    let mode = fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        let file = file.display();
        format!(
            "{file} can be read by everybody on this machine, and it may hold a key; mend: chmod o-rwx {file}"
        )
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
