//! What all feeds have in common: their keys, how they are judged and how they are shown. What only one kind has is
//! in the file of that kind.

use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use toml::Spanned;

use super::apiban::{self, ApibanConfig};
use super::crowdsec::{self, CrowdsecConfig};
use super::list::{self, ListConfig, LoginSource};
use super::own::{self, FAIL2BAN_PLACE, FAIL2BAN_TTL, Fail2banConfig, LOG_PLACE, LogConfig};
use super::{ConfigError, KEY_PAGE, KEY_VARIABLE, MOST, Mistake, Period};
use crate::ban::surge::Guard;
use crate::ban::width::Widest;
use crate::feed::apiban::{Api, Dataset};
use crate::feed::http::{Login, Route};
use crate::feed::list::{Column, Format};
use crate::system::files;
use crate::system::secret::Secret;

/// The kinds of feeds, by their words in the file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindWord {
    Apiban,
    List,
    Crowdsec,
    Log,
    Fail2ban,
}

/// What a feed is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Usage {
    /// Whom it lists is blocked.
    #[default]
    Block,
    /// Whom it lists is let in, and nobody else.
    Permit,
}

/// What a feed speaks, with what only feeds of that kind have.
#[derive(Debug, Clone)]
pub enum FeedKind {
    /// apiban.org's API or a mirror of it.
    Apiban(ApibanConfig),
    /// A list of addresses and networks, read whole.
    List(ListConfig),
    /// CrowdSec's local API, as its bouncers ask it.
    Crowdsec(CrowdsecConfig),
    /// This PBX's own log: who attacks it.
    Log(LogConfig),
    /// Whom fail2ban on this PBX banned.
    Fail2ban(Fail2banConfig),
}

impl FeedKind {
    /// As the file calls it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Apiban(_) => "apiban",
            Self::List(_) => "list",
            Self::Crowdsec(_) => "crowdsec",
            Self::Log(_) => "log",
            Self::Fail2ban(_) => "fail2ban",
        }
    }
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

impl KeySource {
    /// What the file says.
    pub(super) fn read(name: &str, raw: &RawFeed) -> Result<Self, String> {
        match (&raw.key, &raw.key_file) {
            (Some(_), Some(_)) => {
                Err(format!("feed {name:?}: both key and key_file are set. Keep one of them"))
            }
            (Some(key), None) => Ok(Self::Given(key.clone())),
            (None, Some(path)) => Ok(Self::File(path.clone())),
            (None, None) => Ok(Self::Missing),
        }
    }

    /// Whether both are surely one key.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(a), Self::Given(b)) => a == b,
            (Self::File(a), Self::File(b)) => a == b,
            _ => false,
        }
    }
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
    /// Whether it is asked and its prefixes are wanted.
    pub enabled: bool,
    /// Its address; for apiban without the key.
    pub url: String,
    /// Shortest time between two runs that ask it.
    pub interval: Period,
    /// Longest time one request may take.
    pub timeout: Period,
    /// Wider networks are skipped.
    pub widest: Widest,
    /// The feed is held when it asks for more than so many times its last size,
    pub hold_times: u32,
    /// and for more than so many prefixes more.
    pub hold_more: u32,
    /// The same in IPv4 addresses, or in /48 networks of IPv6.
    pub hold_more_addresses: u64,
    /// Whether it is meant to cover much of the internet, as lists of whole countries do.
    pub wide: bool,
    /// Whether networks are blocked for what several of their addresses did.
    pub widen: Option<Widen>,
    /// Whether it is a permit list: only whom it lists gets in at the SIP ports.
    pub permits: bool,
    /// The group whose members have to agree, see [`super::tables::Group`].
    pub group: Option<String>,
    /// Whether its word counts in the group by itself.
    pub trusted: bool,
    /// The way out to it.
    pub route: Route,
    /// Which way it speaks, and what belongs to that.
    pub kind: FeedKind,
    pub(super) at: Place,
}

/// The file and line where a feed stands, for errors that are found later.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: Option<usize>,
}

impl FeedConfig {
    /// Where its key stands; none: it is asked without one.
    pub fn key(&self) -> Option<&KeySource> {
        match &self.kind {
            FeedKind::Apiban(apiban) => Some(&apiban.key),
            FeedKind::Crowdsec(crowdsec) => Some(&crowdsec.key),
            FeedKind::List(_) | FeedKind::Log(_) | FeedKind::Fail2ban(_) => None,
        }
    }

    /// Whether it is asked with a key.
    pub fn needs_key(&self) -> bool {
        self.key().is_some()
    }

    /// What the server of a list wants to be shown, its secret read from where it is.
    pub fn read_login(&self) -> Result<Option<Login>, ConfigError> {
        let FeedKind::List(ListConfig { login: Some(login), .. }) = &self.kind else { return Ok(None) };
        let (setting, path) = login.file();
        let wrong = |why: &dyn std::fmt::Display| ConfigError {
            file: self.at.file.clone(),
            line: self.at.line,
            mistake: Mistake::Other,
            what: format!("feed {:?}: cannot use {setting} {}: {why}", self.name, path.display()),
        };
        let text = files::read_text(path, MOST).map_err(|error| wrong(&error))?;
        match text.lines().next().unwrap_or_default().trim() {
            "" => Err(wrong(&"its first line is empty")),
            secret if secret.chars().any(char::is_control) => Err(wrong(&"it contains control characters")),
            secret => Ok(Some(login.with(Secret::new(secret)))),
        }
    }

    /// How long an entry stays after its last sighting; none: until the list drops it.
    pub fn ttl(&self) -> Option<Period> {
        match &self.kind {
            FeedKind::Apiban(apiban) => Some(apiban.ttl),
            FeedKind::Crowdsec(crowdsec) => Some(crowdsec.ttl),
            FeedKind::List(list) => list.ttl,
            FeedKind::Log(log) => Some(log.longest()),
            FeedKind::Fail2ban(_) => Some(FAIL2BAN_TTL),
        }
    }

    /// How much growth of this feed is held for review. `ceiling` is how many IPv4 addresses all feeds may cover that
    /// are not meant to be wide.
    pub fn surge_guard(&self, ceiling: u64) -> Guard {
        Guard {
            times: self.hold_times,
            more: self.hold_more,
            more_addresses: self.hold_more_addresses,
            ceiling: (!self.wide).then_some(ceiling),
        }
    }

    /// The key, read from where it is. The placeholder that apiban's own client ships counts as none.
    pub fn read_key(&self) -> Result<Secret, ConfigError> {
        let wrong = |what| ConfigError {
            file: self.at.file.clone(),
            line: self.at.line,
            mistake: Mistake::Other,
            what,
        };
        let name = &self.name;
        let how = match self.kind {
            FeedKind::Crowdsec(_) => {
                format!(
                    "Make one on CrowdSec's machine: cscli bouncers add banbridge. Then: banbridge config set feed.{name}.key -"
                )
            }
            _ => format!(
                "Get one at {KEY_PAGE}. Then: banbridge config set feed.{name}.key - (or set {KEY_VARIABLE})"
            ),
        };
        let key = match self.key().unwrap_or(&KeySource::Missing) {
            KeySource::Missing => return Err(wrong(format!("feed {name:?}: no API key. {how}"))),
            KeySource::Given(secret) => secret.clone(),
            KeySource::File(path) => {
                let text = files::read_text(path, MOST).map_err(|error| {
                    wrong(format!("feed {name:?}: cannot read key_file {}: {error}", path.display()))
                })?;
                Secret::new(text.lines().next().unwrap_or_default().trim())
            }
        };
        let text = key.expose();
        if text.is_empty() {
            return Err(wrong(format!("feed {name:?}: the API key is empty. {how}")));
        }
        if text.eq_ignore_ascii_case("MY API KEY") {
            return Err(wrong(format!("feed {name:?}: the API key is still the placeholder. {how}")));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(wrong(format!("feed {name:?}: the API key contains invalid characters. {how}")));
        }
        Ok(key)
    }
}

/// A word, or several in brackets.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, or several in brackets: \"a\", or [\"a\", \"b\"]")]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    /// The words, none where there are none.
    pub(super) fn words(this: Option<&Self>) -> Vec<String> {
        match this {
            None => Vec::new(),
            Some(Self::One(word)) => vec![word.clone()],
            Some(Self::More(words)) => words.clone(),
        }
    }
}

/// A feed as it is written, before it is judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFeed {
    pub(super) name: Spanned<String>,
    pub(super) kind: KindWord,
    pub(super) url: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) dataset: Option<Dataset>,
    pub(super) api: Option<i64>,
    pub(super) ttl: Option<Period>,
    pub(super) interval: Option<Period>,
    pub(super) timeout: Option<Period>,
    pub(super) widest_v4: Option<u8>,
    pub(super) widest_v6: Option<u8>,
    pub(super) hold_times: Option<u32>,
    pub(super) hold_more: Option<u32>,
    pub(super) hold_more_addresses: Option<u64>,
    pub(super) wide: Option<bool>,
    pub(super) enabled: Option<bool>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) header_name: Option<String>,
    pub(super) header_file: Option<PathBuf>,
    pub(super) format: Option<Format>,
    pub(super) column: Option<Column>,
    pub(super) field: Option<OneOrMore>,
    pub(super) country: Option<OneOrMore>,
    pub(super) registry: Option<OneOrMore>,
    pub(super) score_column: Option<Column>,
    pub(super) min_score: Option<f64>,
    pub(super) origins: Option<Vec<String>>,
    pub(super) widen: Option<u32>,
    pub(super) widen_to: Option<u8>,
    pub(super) calls: Option<u32>,
    pub(super) registrations: Option<u32>,
    pub(super) authentications: Option<u32>,
    pub(super) within: Option<Period>,
    pub(super) ban: Option<Vec<Period>>,
    pub(super) most_new: Option<i64>,
    pub(super) jails: Option<Vec<String>>,
    #[serde(rename = "use")]
    pub(super) usage: Option<Usage>,
    pub(super) group: Option<String>,
    pub(super) trusted: Option<bool>,
}

/// Fills in the defaults of a feed and refuses what cannot be.
pub(super) fn judge(
    raw: RawFeed,
    place: &Place,
    environment_key: Option<&Secret>,
) -> Result<FeedConfig, String> {
    let name = raw.name.get_ref().clone();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(format!(
            "invalid feed name {name:?}: use up to 64 lower case letters, digits, \"-\" and \"_\""
        ));
    }
    own_keys(&name, &raw)?;
    if raw.trusted.is_some() && raw.group.is_none() {
        return Err(format!("feed {name:?}: trusted needs group, the name of a [[group]]"));
    }
    let permits = raw.usage == Some(Usage::Permit);
    if permits && !matches!(raw.kind, KindWord::List) {
        return Err(format!("feed {name:?}: only a feed of kind \"list\" can have use = \"permit\""));
    }
    if permits && (raw.group.is_some() || raw.widen.is_some()) {
        return Err(format!("feed {name:?}: a permit list has neither group nor widen. Remove them"));
    }
    let widen = widen(&name, &raw)?;
    let widest = check_widest(&name, &raw)?;
    let (kind, url) = match raw.kind {
        KindWord::Apiban => {
            apiban::read(&name, &raw, environment_key).map(|(own, url)| (FeedKind::Apiban(own), url))
        }
        KindWord::List => list::read(&name, &raw, widest).map(|(own, url)| (FeedKind::List(own), url)),
        KindWord::Crowdsec => {
            crowdsec::read(&name, &raw, widest).map(|(own, url)| (FeedKind::Crowdsec(own), url))
        }
        KindWord::Log => own::read_log(&name, &raw).map(|own| (FeedKind::Log(own), LOG_PLACE.to_owned())),
        KindWord::Fail2ban => {
            own::read_fail2ban(&name, &raw).map(|own| (FeedKind::Fail2ban(own), FAIL2BAN_PLACE.to_owned()))
        }
    }?;
    let (interval, timeout) = match &kind {
        FeedKind::Apiban(_) => (raw.interval.unwrap_or(Period::seconds(0)), 30),
        // A list of 64 MiB comes in this time over 5 Mbit/s.
        FeedKind::List(own) => (list::interval(own, raw.interval), 120),
        FeedKind::Crowdsec(_) => (raw.interval.unwrap_or(Period::seconds(0)), 60),
        FeedKind::Log(_) | FeedKind::Fail2ban(_) => (Period::seconds(0), 60),
    };
    Ok(FeedConfig {
        enabled: raw.enabled.unwrap_or(true),
        url,
        interval,
        timeout: check_timeout(&name, raw.timeout, timeout)?,
        widest,
        hold_times: raw.hold_times.unwrap_or(4),
        hold_more: raw.hold_more.unwrap_or(5_000),
        hold_more_addresses: raw.hold_more_addresses.unwrap_or(1_000_000),
        // Where you do business is much of the internet.
        wide: raw.wide.unwrap_or(permits),
        permits,
        widen,
        trusted: raw.trusted.unwrap_or(false),
        group: raw.group,
        route: Route::default(),
        kind,
        at: place.clone(),
        name,
    })
}

/// Rejects the keys of other kinds.
fn own_keys(name: &str, raw: &RawFeed) -> Result<(), String> {
    let with_a_key = [("key", raw.key.is_some()), ("key_file", raw.key_file.is_some())];
    let of_apiban = [("dataset", raw.dataset.is_some()), ("api", raw.api.is_some())];
    let of_crowdsec = [("origins", raw.origins.is_some())];
    let of_log = [
        ("calls", raw.calls.is_some()),
        ("registrations", raw.registrations.is_some()),
        ("authentications", raw.authentications.is_some()),
        ("within", raw.within.is_some()),
        ("ban", raw.ban.is_some()),
        ("most_new", raw.most_new.is_some()),
    ];
    let of_fail2ban = [("jails", raw.jails.is_some())];
    // Those that are asked somewhere else.
    let of_others = [
        ("url", raw.url.is_some()),
        ("interval", raw.interval.is_some()),
        ("timeout", raw.timeout.is_some()),
    ];
    let ttl = [("ttl", raw.ttl.is_some())];
    let of_lists = [
        ("username", raw.username.is_some()),
        ("password_file", raw.password_file.is_some()),
        ("header_name", raw.header_name.is_some()),
        ("header_file", raw.header_file.is_some()),
        ("format", raw.format.is_some()),
        ("column", raw.column.is_some()),
        ("field", raw.field.is_some()),
        ("country", raw.country.is_some()),
        ("registry", raw.registry.is_some()),
        ("score_column", raw.score_column.is_some()),
        ("min_score", raw.min_score.is_some()),
    ];
    let own: [&[(&str, bool)]; 2] = [&of_log, &of_fail2ban];
    let (wrong, kind): (Vec<&[(&str, bool)]>, _) = match raw.kind {
        KindWord::Apiban => ([&of_lists[..], &of_crowdsec].into_iter().chain(own).collect(), "apiban"),
        KindWord::List => {
            ([&with_a_key[..], &of_apiban, &of_crowdsec].into_iter().chain(own).collect(), "list")
        }
        KindWord::Crowdsec => ([&of_apiban[..], &of_lists].into_iter().chain(own).collect(), "crowdsec"),
        KindWord::Log => {
            (vec![&with_a_key, &of_apiban, &of_lists, &of_crowdsec, &of_fail2ban, &of_others, &ttl], "log")
        }
        KindWord::Fail2ban => {
            (vec![&with_a_key, &of_apiban, &of_lists, &of_crowdsec, &of_log, &of_others, &ttl], "fail2ban")
        }
    };
    match wrong.into_iter().flatten().find(|(_, given)| *given) {
        Some((key, _)) => Err(format!("feed {name:?}: a feed of kind \"{kind}\" has no {key}. Remove it")),
        None => Ok(()),
    }
}

fn check_widest(name: &str, raw: &RawFeed) -> Result<Widest, String> {
    let usual = match raw.usage {
        Some(Usage::Permit) => Widest { v4: 8, v6: 16 },
        _ => Widest::default(),
    };
    let (v4, v6) = (raw.widest_v4.unwrap_or(usual.v4), raw.widest_v6.unwrap_or(usual.v6));
    if (8..=32).contains(&v4) && (16..=128).contains(&v6) {
        return Ok(Widest { v4, v6 });
    }
    Err(format!("feed {name:?}: widest_v4 must be 8 to 32, widest_v6 16 to 128"))
}

fn check_timeout(name: &str, given: Option<Period>, default: u64) -> Result<Period, String> {
    let timeout = given.unwrap_or(Period::seconds(default));
    match timeout.as_secs() {
        0 => Err(format!("feed {name:?}: timeout must be at least a second, such as \"{default}s\"")),
        _ => Ok(timeout),
    }
}

/// When a network is blocked for what its addresses did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widen {
    /// So many listed addresses in one network.
    pub at_least: u32,
    /// The length of that network.
    pub to: u8,
}

/// Judges `widen` and `widen_to`.
fn widen(name: &str, raw: &RawFeed) -> Result<Option<Widen>, String> {
    let to = raw.widen_to.unwrap_or(24);
    if !(20..=30).contains(&to) {
        return Err(format!("feed {name:?}: widen_to must be 20 to 30; 24 is usual"));
    }
    match raw.widen {
        None if raw.widen_to.is_some() => {
            Err(format!("feed {name:?}: widen_to needs widen, the number of addresses, such as widen = 5"))
        }
        None => Ok(None),
        Some(at_least) if at_least < 2 => Err(format!("feed {name:?}: widen must be at least 2")),
        Some(at_least) => Ok(Some(Widen { at_least, to })),
    }
}

impl Serialize for FeedConfig {
    /// Only what the kind of feed has.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("kind", self.kind.word())?;
        map.serialize_entry("url", &self.url)?;
        entry(&mut map, "key", self.key())?;
        if let FeedKind::Apiban(apiban) = &self.kind {
            map.serialize_entry("dataset", apiban.dataset.as_str())?;
            map.serialize_entry("api", if apiban.api == Api::V1 { &1 } else { &2 })?;
        }
        entry(&mut map, "ttl", self.ttl().as_ref())?;
        map.serialize_entry("interval", &self.interval)?;
        map.serialize_entry("timeout", &self.timeout)?;
        map.serialize_entry("widest_v4", &self.widest.v4)?;
        map.serialize_entry("widest_v6", &self.widest.v6)?;
        map.serialize_entry("hold_times", &self.hold_times)?;
        map.serialize_entry("hold_more", &self.hold_more)?;
        map.serialize_entry("hold_more_addresses", &self.hold_more_addresses)?;
        map.serialize_entry("wide", &self.wide)?;
        if let FeedKind::List(ListConfig { settings, login, .. }) = &self.kind {
            match login {
                Some(LoginSource::Password(user, file)) => {
                    map.serialize_entry("username", user)?;
                    map.serialize_entry("password_file", file)?;
                }
                Some(LoginSource::Header(header, file)) => {
                    map.serialize_entry("header_name", header.as_str())?;
                    map.serialize_entry("header_file", file)?;
                }
                None => {}
            }
            entry(&mut map, "format", settings.format.as_ref())?;
            entry(&mut map, "column", settings.column.as_ref())?;
            for (key, words) in [
                ("field", &settings.fields),
                ("country", &settings.country),
                ("registry", &settings.registry),
            ] {
                match words.as_slice() {
                    [] => {}
                    [one] => map.serialize_entry(key, one)?,
                    more => map.serialize_entry(key, more)?,
                }
            }
            entry(&mut map, "score_column", settings.score_column.as_ref())?;
            entry(&mut map, "min_score", settings.min_score.as_ref())?;
        }
        match &self.kind {
            FeedKind::Crowdsec(crowdsec) => {
                map.serialize_entry("origins", &crowdsec.settings.origins)?;
            }
            FeedKind::Log(log) => {
                map.serialize_entry("calls", &log.calls)?;
                map.serialize_entry("registrations", &log.registrations)?;
                map.serialize_entry("authentications", &log.authentications)?;
                map.serialize_entry("within", &log.within)?;
                map.serialize_entry("ban", &log.ban)?;
                map.serialize_entry("most_new", &log.most_new)?;
            }
            FeedKind::Fail2ban(fail2ban) => map.serialize_entry("jails", &fail2ban.jails)?,
            FeedKind::Apiban(_) | FeedKind::List(_) => {}
        }
        entry(&mut map, "widen", self.widen.as_ref().map(|widen| &widen.at_least))?;
        entry(&mut map, "widen_to", self.widen.as_ref().map(|widen| &widen.to))?;
        if self.permits {
            map.serialize_entry("use", "permit")?;
        }
        entry(&mut map, "group", self.group.as_ref())?;
        if self.group.is_some() {
            map.serialize_entry("trusted", &self.trusted)?;
        }
        map.serialize_entry("enabled", &self.enabled)?;
        map.end()
    }
}

/// Writes a key that has a value.
fn entry<M: SerializeMap>(map: &mut M, key: &str, value: Option<&impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}
