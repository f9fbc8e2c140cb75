//! The firewall's zones, hosts and hidden networks: whom the administrator lets through.

use mysql::prelude::Queryable;
use serde_json::Value;

use super::{firewall, names};
use crate::ban::{Prefix, Source};
use crate::database::DatabaseError;

/// Zones that let in. `external` is the internet and `reject` turns away: being in one of those protects nobody.
const LETS_IN: [&str; 3] = ["trusted", "internal", "other"];

/// Why the zones could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A value is no JSON object of texts.
    #[error("the firewall's {0} cannot be understood; save its Networks page once in FreePBX")]
    Shape(&'static str),
}

/// Somebody to let through, as the administrator wrote him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// An address or network, or a name that is still to be resolved.
    pub target: Target,
    /// Which kind of protection.
    pub source: Source,
    /// The zone and what stands in it.
    pub label: String,
}

/// Whom a protection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address or network.
    Prefix(Prefix),
    /// A host name.
    Name(String),
}

/// Reads zones, hosts and hidden networks. What is neither an address nor a name lets nobody in and is passed over.
pub fn read(conn: &mut impl Queryable) -> Result<Vec<Named>, ZoneError> {
    let values = firewall::values(conn, &["networkmaps", "hostmaps", "hiddennets"])?;
    let mut all = Vec::new();
    for key in ["networkmaps", "hostmaps"] {
        if let Some(text) = values.get(key) {
            all.extend(zone_map(text).ok_or(ZoneError::Shape(key))?);
        }
    }
    if let Some(text) = values.get("hiddennets") {
        all.extend(hidden(text).ok_or(ZoneError::Shape("hiddennets"))?);
    }
    Ok(all)
}

/// `{"192.0.2.0/24":"trusted","host.example.com":"internal"}`; an empty PHP array is written `[]`.
pub fn zone_map(text: &str) -> Option<Vec<Named>> {
    let named = |(who, zone): (&String, &Value)| {
        let zone = zone.as_str()?;
        let label = format!("{zone}: {who}");
        LETS_IN.contains(&zone).then(|| target(who))?.map(|target| Named {
            target,
            source: Source::Zone,
            label,
        })
    };
    Some(object(text)?.iter().filter_map(named).collect())
}

/// `{"cidr":true}`
pub fn hidden(text: &str) -> Option<Vec<Named>> {
    let named =
        |who: &String| target(who).map(|target| Named { target, source: Source::Hidden, label: who.clone() });
    Some(object(text)?.keys().filter_map(named).collect())
}

fn object(text: &str) -> Option<serde_json::Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Some(map),
        Ok(Value::Array(list)) if list.is_empty() => Some(serde_json::Map::new()),
        Ok(Value::Null | Value::Bool(false)) => Some(serde_json::Map::new()),
        _ if text.trim().is_empty() => Some(serde_json::Map::new()),
        _ => None,
    }
}

/// An address, a network or a name.
pub fn target(text: &str) -> Option<Target> {
    match text.parse() {
        Ok(prefix) => Some(Target::Prefix(prefix)),
        Err(_) => names::is_name(text).then(|| Target::Name(text.to_ascii_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_a_zone_that_lets_in_is_protected_and_nobody_else() {
        let json = r#"{"81.2.69.0/24":"trusted","Host.example.com":"internal","2a05::1/128":"other",
            "45.0.0.1":"reject","46.0.0.0/8":"external","rubbish here":"trusted","47.0.0.1":7}"#;
        let found: Vec<String> = zone_map(json).unwrap().iter().map(|n| format!("{:?}", n.target)).collect();
        assert_eq!(found, ["Prefix(2a05::1)", "Prefix(81.2.69.0/24)", "Name(\"host.example.com\")"]);
        assert_eq!(hidden(r#"{"81.2.69.0/24":true}"#).unwrap()[0].label, "81.2.69.0/24");
    }

    #[test]
    fn an_empty_map_is_nobody_and_an_unreadable_one_is_an_error() {
        for empty in ["", "[]", "{}", "null", "false"] {
            assert_eq!(zone_map(empty), Some(vec![]), "{empty}");
        }
        for bad in ["{", "[\"a\"]", "7", "\"x\"", "true"] {
            assert_eq!(zone_map(bad), None, "{bad}");
        }
    }
}
