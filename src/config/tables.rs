//! The tables beside the feeds: `[blacklist]`, `[set]`, `[protect]` and `[log]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Period;
use crate::ban::Source;
use crate::ban::never_block::{WIDEST_V4, WIDEST_V6};
use crate::ban::permit::Action;
use crate::ban::target::{self, Target};
use crate::feed::http::{Route, check_url};

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
        let wrong = || serde::de::Error::custom("limit must be \"auto\" or a number of rows, such as 5000");
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
    pub unblock: Period,
    /// How much of the public IPv4 internet all feeds together may cover, in percent; feeds with `wide` apart.
    pub ceiling: Percent,
}

impl Default for Protect {
    fn default() -> Self {
        Self { allow: Vec::new(), unblock: Period::seconds(30 * 86_400), ceiling: Percent(2) }
    }
}

/// `[network]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The proxy that feeds and webhook are asked by; none: the one that the environment names.
    #[serde(skip_serializing_if = "Route::is_of_environment")]
    pub proxy: Route,
}

/// `[[group]]`: feeds whose entries count where several of them name the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, which feeds have as `group`.
    pub name: String,
    /// So many of its feeds have to name an address.
    #[serde(default = "two")]
    pub agree: u8,
}

fn two() -> u8 {
    2
}

/// `[share]`: who is told what this PBX sees. Nothing is told unless this names somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Share {
    /// CrowdSec's local API, up to and without `/v1`: it gets attackers as alerts of a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crowdsec: Option<String>,
    /// The machine's name: `cscli machines add`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// A file whose first line is the machine's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Share {
    /// Refuses what cannot be.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(url) = &self.crowdsec else {
            return match (&self.machine, &self.password_file) {
                (None, None) => Ok(()),
                _ => Err("[share] needs crowdsec, the url of CrowdSec's local API".to_owned()),
            };
        };
        check_url(url).map_err(|error| format!("[share] crowdsec: invalid url: it {error}"))?;
        if self.machine.as_ref().is_none_or(|name| name.trim().is_empty()) || self.password_file.is_none() {
            return Err(
                "[share] crowdsec needs machine and password_file. Make an account on CrowdSec's machine: \
                        cscli machines add NAME -a -f - , and write the password into the file"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// A share in percent, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percent(pub u8);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            share @ 1..=100 => Ok(Self(u8::try_from(share).unwrap_or(100))),
            _ => Err(serde::de::Error::custom("write a percentage from 1 to 100, without the sign")),
        }
    }
}

/// Somebody who is never blocked: an address, a network or a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow(pub Target);

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match target::target(text) {
            Some(Target::Prefix(prefix)) if !Source::Allow.accepts(&prefix) => Err(format!(
                "{text} is most of the internet. The widest network on the allow list is /{WIDEST_V4} (IPv6: /{WIDEST_V6})"
            )),
            Some(target) => Ok(Self(target)),
            None => Err(format!(
                "{text:?} is not a valid address, network or host name. Write it like 192.0.2.1, 192.0.2.0/24 or \
                 sip.example.com"
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
    /// What becomes of a packet that it blocks, or that no permit list lets in.
    pub action: Action,
    /// Whether it is there also while the System Firewall is disabled.
    pub without_firewall: bool,
}

/// `[permit]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermitConfig {
    /// At which ports only who is on a permit list gets in.
    pub ports: PermitPorts,
}

/// Ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PermitPorts {
    /// Those on which this FreePBX takes SIP.
    #[default]
    Sip,
    /// All.
    All,
    /// These, of UDP and TCP.
    Some(Vec<u16>),
}

impl Serialize for PermitPorts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sip => serializer.serialize_str("sip"),
            Self::All => serializer.serialize_str("all"),
            Self::Some(ports) => ports.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PermitPorts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Word(String),
            One(i64),
            More(Vec<i64>),
        }
        let wrong = || {
            serde::de::Error::custom(
                "ports must be \"sip\", \"all\" or a list of ports, such as [5060, 5061]",
            )
        };
        let ports = match Raw::deserialize(deserializer).map_err(|_| wrong())? {
            Raw::Word(word) if word == "sip" => return Ok(Self::Sip),
            Raw::Word(word) if word == "all" => return Ok(Self::All),
            Raw::Word(_) => return Err(wrong()),
            Raw::One(port) => vec![port],
            Raw::More(ports) => ports,
        };
        let port = |port: i64| u16::try_from(port).ok().filter(|port| *port > 0);
        let mut all = ports.into_iter().map(port).collect::<Option<Vec<u16>>>().ok_or_else(wrong)?;
        all.sort_unstable();
        all.dedup();
        if all.is_empty() { Err(wrong()) } else { Ok(Self::Some(all)) }
    }
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
