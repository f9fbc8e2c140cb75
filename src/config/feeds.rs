//! The keys of feeds that are lists, and how feeds are shown.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{FeedConfig, Kind, Period, RawFeed};
use crate::feed::catalogue;
use crate::feed::list::{Column, Settings};
use crate::feed::snapshot::Place;

/// How often a list is asked for when nobody says.
const INTERVAL: Period = Period::seconds(3_600);

/// What a list needs to be asked for and read.
#[derive(Debug, Clone)]
pub struct ListConfig {
    /// Where it stands.
    pub place: Place,
    /// How it is read.
    pub settings: Settings,
    /// The publisher's shortest time between two requests.
    pub minimum: Period,
}

impl ListConfig {
    /// A number for everything that decides what is read: another number, and the known version is not this one.
    pub fn fingerprint(&self) -> i64 {
        let text = format!("{:?} {:?}", self.place, self.settings);
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        i64::from_ne_bytes(hash.to_ne_bytes())
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
pub(super) fn widen(name: &str, raw: &RawFeed) -> Result<Option<Widen>, String> {
    let to = raw.widen_to.unwrap_or(24);
    if !(20..=30).contains(&to) {
        return Err(format!("widen_to of feed {name:?} is 20 to 30; \"24\" is the usual network"));
    }
    match raw.widen {
        None if raw.widen_to.is_some() => Err(format!(
            "feed {name:?} has widen_to without widen; say how many addresses it takes, such as widen = 5"
        )),
        None => Ok(None),
        Some(at_least) if at_least < 2 => Err(format!(
            "widen of feed {name:?} is 2 or more: one address is no reason to block its neighbours"
        )),
        Some(at_least) => Ok(Some(Widen { at_least, to })),
    }
}

/// Refuses the keys of other kinds.
pub(super) fn own_keys(name: &str, raw: &RawFeed) -> Result<(), String> {
    let of_apiban = [
        ("key", raw.key.is_some()),
        ("key_file", raw.key_file.is_some()),
        ("dataset", raw.dataset.is_some()),
        ("api", raw.api.is_some()),
    ];
    let of_lists = [
        ("format", raw.format.is_some()),
        ("column", raw.column.is_some()),
        ("field", raw.field.is_some()),
        ("score_column", raw.score_column.is_some()),
        ("min_score", raw.min_score.is_some()),
    ];
    let (wrong, kind) = match raw.kind {
        Kind::Apiban => (&of_lists[..], "apiban"),
        Kind::List => (&of_apiban[..], "list"),
    };
    match wrong.iter().find(|(_, given)| *given) {
        Some((key, _)) => {
            Err(format!("feed {name:?} is of kind \"{kind}\", which has no {key}; take it out"))
        }
        None => Ok(()),
    }
}

/// Judges the keys of a list.
pub(super) fn list(name: &str, raw: &RawFeed, shortest: (u8, u8)) -> Result<(ListConfig, String), String> {
    let Some(url) = raw.url.clone() else {
        return Err(format!("feed {name:?} has no url; write the list's address, or a path on this machine"));
    };
    let place =
        Place::parse(&url).map_err(|error| format!("the url of feed {name:?} will not do: {error}"))?;
    let is_zero = |column: &Option<Column>| matches!(column, Some(Column::Number(0)));
    if is_zero(&raw.column) || is_zero(&raw.score_column) {
        return Err(format!("columns of feed {name:?} count from 1"));
    }
    if raw.score_column.is_some() && raw.min_score.is_none() {
        return Err(format!("feed {name:?} has a score_column without min_score; say how low is too low"));
    }
    if raw.min_score.is_some_and(|score| !score.is_finite()) {
        return Err(format!("min_score of feed {name:?} is a number, such as 3"));
    }
    let settings = Settings {
        format: raw.format,
        column: raw.column.clone(),
        field: raw.field.clone(),
        score_column: raw.score_column.clone(),
        min_score: raw.min_score,
        shortest_v4: shortest.0,
        shortest_v6: shortest.1,
        ..Settings::default()
    };
    let minimum = Period::seconds(catalogue::minimum(&url).unsigned_abs());
    Ok((ListConfig { place, settings, minimum }, url))
}

/// How often a list is asked for: as configured, but not more often than its publisher allows.
pub(super) fn interval(list: &ListConfig, raw: Option<Period>) -> Period {
    let wanted = raw.unwrap_or(INTERVAL);
    if wanted.as_secs() < list.minimum.as_secs() { list.minimum } else { wanted }
}

impl Serialize for FeedConfig {
    /// Only what the kind of feed has.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("url", &self.url)?;
        if self.kind == Kind::Apiban {
            map.serialize_entry("key", &self.key)?;
            map.serialize_entry("dataset", self.dataset.as_str())?;
            map.serialize_entry("api", &self.api)?;
        }
        if self.ttl.as_secs() > 0 {
            map.serialize_entry("ttl", &self.ttl)?;
        }
        map.serialize_entry("interval", &self.interval)?;
        map.serialize_entry("timeout", &self.timeout)?;
        map.serialize_entry("shortest_v4", &self.shortest_v4)?;
        map.serialize_entry("shortest_v6", &self.shortest_v6)?;
        map.serialize_entry("surge_times", &self.surge_times)?;
        map.serialize_entry("surge_more", &self.surge_more)?;
        if let Some(settings) = self.list.as_ref().map(|list| &list.settings) {
            entry(&mut map, "format", settings.format.as_ref())?;
            entry(&mut map, "column", settings.column.as_ref())?;
            entry(&mut map, "field", settings.field.as_ref())?;
            entry(&mut map, "score_column", settings.score_column.as_ref())?;
            entry(&mut map, "min_score", settings.min_score.as_ref())?;
        }
        entry(&mut map, "widen", self.widen.as_ref().map(|widen| &widen.at_least))?;
        entry(&mut map, "widen_to", self.widen.as_ref().map(|widen| &widen.to))?;
        map.serialize_entry("enabled", &self.enabled)?;
        map.end()
    }
}

/// Writes a key that has a value.
fn entry<M: SerializeMap>(map: &mut M, key: &str, value: Option<&impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}
