//! The firewall's zones, hosts and hidden networks: whom the administrator lets through.

use mysql::prelude::Queryable;
use serde_json::Value;

use super::firewall;
use super::named::{Found, SourceError};
use crate::ban::Source;
use crate::ban::target::{Target, host};

/// Zones that let in. `external` is the internet and `reject` turns away: being in one of those protects nobody.
const LETS_IN: [&str; 3] = ["trusted", "internal", "other"];

/// Reads zones and hosts. What is neither an address nor a name lets nobody in.
pub fn read(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    let values = firewall::values(conn, &["networkmaps", "hostmaps"])?;
    let mut all = Found::default();
    for (key, text) in values {
        let found = zone_map(&text).ok_or_else(|| shape(&key))?;
        all.extend([found]);
    }
    Ok(all)
}

/// Reads the hidden networks.
pub fn read_hidden(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    match firewall::values(conn, &["hiddennets"])?.get("hiddennets") {
        Some(text) => hidden(text).ok_or_else(|| shape("hiddennets")),
        None => Ok(Found::default()),
    }
}

fn shape(key: &str) -> SourceError {
    SourceError::unreadable(format!(
        "the firewall's {key} cannot be understood; save its Networks page once in FreePBX"
    ))
}

/// `{"192.0.2.0/24":"trusted","host.example.com":"internal"}`; an empty PHP array is written `[]`.
pub fn zone_map(text: &str) -> Option<Found> {
    let mut found = Found::default();
    for (who, zone) in &object(text)? {
        let zone = zone.as_str().unwrap_or_default();
        if LETS_IN.contains(&zone) {
            take(&mut found, Source::Zone, &format!("{zone}: {who}"), who);
        }
    }
    Some(found)
}

/// `{"cidr":true}`
pub fn hidden(text: &str) -> Option<Found> {
    let mut found = Found::default();
    for who in object(text)?.keys() {
        take(&mut found, Source::Hidden, who, who);
    }
    Some(found)
}

fn take(found: &mut Found, source: Source, label: &str, who: &str) {
    let targets: Vec<Target> = host(who).into_iter().collect();
    if !who.trim().is_empty() {
        found.take(source, label, label, targets);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_is_in_a_zone_that_lets_in_is_protected_and_nobody_else() {
        let json = r#"{"81.2.69.0/24":"trusted","Host.example.com":"internal","2a05::1/128":"other",
            "81.2.70.9/24":"trusted","voip.example.com:5060":"trusted","[2a05::2]":"trusted",
            "45.0.0.1":"reject","46.0.0.0/8":"external","rubbish here":"trusted","47.0.0.1":7}"#;
        let map = zone_map(json).unwrap();
        let mut found: Vec<String> = map.named.iter().map(|n| format!("{:?}", n.target)).collect();
        found.sort_unstable();
        assert_eq!(map.unread, ["trusted: rubbish here"]);
        assert_eq!(
            found,
            [
                "Name(\"host.example.com\")",
                "Name(\"voip.example.com\")",
                "Prefix(2a05::1)",
                "Prefix(2a05::2)",
                "Prefix(81.2.69.0/24)",
                "Prefix(81.2.70.0/24)",
            ]
        );
        assert_eq!(hidden(r#"{"81.2.69.0/24":true}"#).unwrap().named[0].label, "81.2.69.0/24");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", who in "\\PC{0,30}") {
            let _ = (zone_map(&text), hidden(&text));
            let _ = zone_map(&serde_json::json!({ who: "trusted" }).to_string());
        }
    }

    #[test]
    fn an_empty_map_is_nobody_and_an_unreadable_one_is_an_error() {
        for empty in ["", "[]", "{}", "null", "false"] {
            assert_eq!(zone_map(empty), Some(Found::default()), "{empty}");
        }
        for bad in ["{", "[\"a\"]", "7", "\"x\"", "true"] {
            assert_eq!(zone_map(bad), None, "{bad}");
        }
    }
}
