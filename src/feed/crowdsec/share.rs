//! What CrowdSec's local API is told: attackers that this PBX saw, as alerts of a machine, and what was blocked, as a
//! bouncer's usage metrics. Nothing but addresses, times, counts and kinds leaves the PBX.
//!
//! The forms are those of the API's own description (`/v1/watchers/login`, `/v1/alerts`, `/v1/usage-metrics`). An alert
//! that brings a decision is not judged by the server's profiles: the decision stands as it is.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What decisions of ours name as their origin: that of every machine's. cscli lists others only when it is told to, and
/// the scenario says whose it is.
pub const ORIGIN: &str = "crowdsec";
/// Alerts of one request at most.
pub const BATCH: usize = 100;

/// An attacker that this PBX saw and blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub address: IpAddr,
    /// When it was blocked, in seconds since 1970.
    pub at: i64,
    /// How many attempts there were.
    pub attempts: u32,
    /// For how many seconds from now on others are to block it.
    pub seconds: i64,
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// The alerts of attackers, as they are sent.
pub fn alerts(seen: &[Seen]) -> serde_json::Value {
    let alert = |one: &Seen| {
        let Seen { address, at, attempts, seconds } = one;
        let (value, scenario) = (address.to_string(), "banbridge/asterisk");
        json!({
            "scenario": scenario,
            "scenario_hash": "",
            "scenario_version": "",
            "message": format!("{value} was rejected by Asterisk {attempts} times"),
            "events_count": attempts,
            "start_at": time(*at),
            "stop_at": time(*at),
            "capacity": 0,
            "leakspeed": "0s",
            "simulated": false,
            "remediation": true,
            "events": [{ "timestamp": time(*at), "meta": [{ "key": "service", "value": "asterisk" }] }],
            "source": { "scope": "Ip", "value": value, "ip": value },
            "decisions": [{
                "duration": format!("{seconds}s"),
                "origin": ORIGIN,
                "scenario": scenario,
                "scope": "Ip",
                "type": "ban",
                "value": value,
            }],
        })
    };
    seen.iter().map(alert).collect()
}

/// The login of a machine.
pub fn login(machine: &str, password: &str) -> serde_json::Value {
    json!({ "machine_id": machine, "password": password, "scenarios": [] })
}

/// The token of an answer to a login.
pub fn token(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Login {
        token: String,
    }
    let login: Login = serde_json::from_slice(body).ok()?;
    let fits = !login.token.is_empty() && login.token.bytes().all(|b| b.is_ascii_graphic());
    fits.then_some(login.token)
}

/// What one feed holds and stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Where decisions came from: CrowdSec's, or another list's.
    pub origin: String,
    /// Addresses and networks that it lists, of IPv4 and of IPv6.
    pub held: [u64; 2],
    /// Packets that were refused since the last time.
    pub packets: u64,
}

/// What a bouncer tells of the last `window` seconds.
pub fn metrics(used: &[Used], window: i64, started_at: i64, now: i64, os: (&str, &str)) -> serde_json::Value {
    let mut items = Vec::new();
    for one in used {
        for (family, number) in ["ipv4", "ipv6"].into_iter().zip(one.held) {
            let labels = json!({ "origin": one.origin, "ip_type": family });
            items
                .push(json!({ "name": "active_decisions", "value": number, "unit": "ip", "labels": labels }));
        }
        let labels = json!({ "origin": one.origin });
        items.push(json!({ "name": "dropped", "value": one.packets, "unit": "packet", "labels": labels }));
    }
    json!({
        "remediation_components": [{
            "type": "banbridge",
            "version": concat!("v", env!("CARGO_PKG_VERSION")),
            "os": { "name": os.0, "version": os.1 },
            "utc_startup_timestamp": started_at,
            "feature_flags": [],
            "metrics": [{
                "items": items,
                "meta": { "window_size_seconds": window.max(0), "utc_now_timestamp": now },
            }],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_holds_address_times_counts_and_kind_and_nothing_else_of_the_pbx() {
        let seen =
            Seen { address: "203.0.113.7".parse().unwrap(), at: 1_795_503_510, attempts: 9, seconds: 3_600 };
        let alert = &alerts(&[seen])[0];
        assert_eq!(alert["decisions"][0]["duration"], "3600s");
        assert_eq!((&alert["events_count"], &alert["start_at"]), (&json!(9), &json!("2026-11-24T06:58:30Z")));
        let mut words: Vec<String> = Vec::new();
        fn texts(value: &serde_json::Value, words: &mut Vec<String>) {
            match value {
                serde_json::Value::String(text) => words.push(text.clone()),
                serde_json::Value::Array(all) => all.iter().for_each(|value| texts(value, words)),
                serde_json::Value::Object(all) => all.values().for_each(|value| texts(value, words)),
                _ => {}
            }
        }
        texts(alert, &mut words);
        words.sort();
        words.dedup();
        let expected = [
            "",
            "0s",
            "2026-11-24T06:58:30Z",
            "203.0.113.7",
            "203.0.113.7 was rejected by Asterisk 9 times",
            "3600s",
            "Ip",
            "asterisk",
            "ban",
            "banbridge/asterisk",
            "crowdsec",
            "service",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_token_is_taken_only_from_an_answer_that_has_one() {
        let table: [(&[u8], Option<&str>); 5] = [
            (br#"{"code":200,"expire":"x","token":"abc.def"}"#, Some("abc.def")),
            (br#"{"code":200,"token":""}"#, None),
            (br#"{"code":200,"token":"a\nb"}"#, None),
            (b"<html>", None),
            (br#"{"message":"x"}"#, None),
        ];
        for (body, expected) in table {
            assert_eq!(token(body).as_deref(), expected);
        }
    }
}
