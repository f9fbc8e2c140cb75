//! The ports on which this PBX takes SIP, as FreePBX's SIP settings and advanced settings have them.
//!
//! Facts from the modules sipsettings and firewall (15 to 17): PJSIP's transports are in a table of the module's own store,
//! `binds` as `{"udp":{"0.0.0.0":"on"},...}` and the ports as `udpport-0.0.0.0`; ws and wss come by Asterisk's own web
//! server (`HTTPBINDPORT`, `HTTPTLSBINDPORT`); chan_sip's are in the table `sipsettings`. Which drivers are in use says
//! `ASTSIPDRIVER`.

use std::collections::BTreeMap;

use mysql::Row;
use mysql::prelude::Queryable;
use serde::Serialize;
use serde_json::Value;

use super::firewall;
use crate::system::database::Result;

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP, with TLS and WebSocket on top of it.
    Tcp,
}

/// One port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SipPort {
    /// By which protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
}

impl std::fmt::Display for SipPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = if self.protocol == Protocol::Udp { "udp" } else { "tcp" };
        write!(f, "{protocol} {}", self.port)
    }
}

/// Where Asterisk takes SIP unless it is told otherwise: where the settings say nothing.
const USUAL: [(Protocol, u16); 3] = [(Protocol::Udp, 5060), (Protocol::Tcp, 5060), (Protocol::Tcp, 5061)];
/// The module's store; the second is its name in some releases.
const STORES: [&str; 2] = ["kvstore_FreePBX_modules_Sipsettings", "kvstore_Sipsettings"];

/// The ports of this PBX, in order, each once. Where its settings name none, the usual ones.
///
/// # Errors
/// The database's.
pub fn read(conn: &mut impl Queryable) -> Result<Vec<SipPort>> {
    let driver = firewall::setting(conn, "ASTSIPDRIVER", "both")?;
    let mut all = Vec::new();
    if driver != "chan_sip" {
        let store = store(conn)?;
        let http = firewall::setting(conn, "HTTPBINDPORT", "8088")?;
        let https = firewall::setting(conn, "HTTPTLSBINDPORT", "8089")?;
        all.extend(of_pjsip(&store, &http, &https));
    }
    if driver != "chan_pjsip" && has_table(conn, "sipsettings")? {
        let rows: Vec<(String, String)> = conn
            .query::<Row, _>("SELECT keyword, data FROM sipsettings")?
            .into_iter()
            .filter_map(|row| mysql::from_row_opt(row).ok())
            .collect();
        all.extend(of_chan_sip(&rows.into_iter().collect()));
    }
    if all.is_empty() {
        all.extend(USUAL.map(|(protocol, port)| SipPort { protocol, port }));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// A name of the program's own; this statement takes no parameters.
fn has_table(conn: &mut impl Queryable, name: &'static str) -> Result<bool> {
    let found: Vec<String> = conn.query(format!("SHOW TABLES LIKE '{}'", name.replace('_', "\\_")))?;
    Ok(!found.is_empty())
}

/// All that the module stored, of whichever table it has.
fn store(conn: &mut impl Queryable) -> Result<BTreeMap<String, String>> {
    for table in STORES {
        if has_table(conn, table)? {
            let rows: Vec<Row> = conn.query(format!("SELECT `key`, `val` FROM `{table}`"))?;
            return Ok(rows.into_iter().filter_map(|row| mysql::from_row_opt(row).ok()).collect());
        }
    }
    Ok(BTreeMap::new())
}

fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port > 0)
}

/// The ports of PJSIP's transports.
fn of_pjsip(store: &BTreeMap<String, String>, http: &str, https: &str) -> Vec<SipPort> {
    let binds: Value =
        store.get("binds").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut all = Vec::new();
    for (kind, addresses) in binds.as_object().into_iter().flatten() {
        for (address, state) in addresses.as_object().into_iter().flatten() {
            if state.as_str() != Some("on") {
                continue;
            }
            let own = || store.get(&format!("{kind}port-{address}")).and_then(|text| port(text));
            let (protocol, port) = match kind.as_str() {
                "udp" => (Protocol::Udp, own().or(Some(5060))),
                "tcp" => (Protocol::Tcp, own().or(Some(5060))),
                "tls" => (Protocol::Tcp, own().or(Some(5061))),
                "ws" => (Protocol::Tcp, port(http)),
                "wss" => (Protocol::Tcp, port(https)),
                _ => continue,
            };
            all.extend(port.map(|port| SipPort { protocol, port }));
        }
    }
    all
}

/// The ports of chan_sip: UDP always, TCP and TLS where they are enabled.
fn of_chan_sip(settings: &BTreeMap<String, String>) -> Vec<SipPort> {
    let of = |key: &str, usual: u16| settings.get(key).and_then(|text| port(text)).unwrap_or(usual);
    let is_on = |key: &str| settings.get(key).is_some_and(|text| text == "yes");
    let udp = of("bindport", 5060);
    let mut all = vec![SipPort { protocol: Protocol::Udp, port: udp }];
    if is_on("tcpenable") {
        all.push(SipPort { protocol: Protocol::Tcp, port: udp });
    }
    if is_on("tlsenable") {
        all.push(SipPort { protocol: Protocol::Tcp, port: of("tlsbindport", 5061) });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn shown(mut all: Vec<SipPort>) -> String {
        all.sort_unstable();
        all.iter().map(SipPort::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_ports_are_those_of_the_transports_that_are_on() {
        let binds = r#"{"udp":{"0.0.0.0":"on","192.0.2.1":"off"},"tcp":{"0.0.0.0":"on"},"tls":{"0.0.0.0":"on"},"ws":{"0.0.0.0":"off"},"wss":{"0.0.0.0":"on"},"x":{"0.0.0.0":"on"}}"#;
        let store = map(&[
            ("binds", binds),
            ("udpport-0.0.0.0", "5080"),
            ("udpport-192.0.2.1", "5099"),
            ("tlsport-0.0.0.0", "x"),
        ]);
        assert_eq!(shown(of_pjsip(&store, "8088", "8089")), "udp 5080, tcp 5060, tcp 5061, tcp 8089");
        for odd in ["", "[]", "null", "{\"udp\":[]}", "{\"udp\":{\"0.0.0.0\":1}}", "x"] {
            assert_eq!(shown(of_pjsip(&map(&[("binds", odd)]), "8088", "8089")), "", "{odd}");
        }
    }

    #[test]
    fn chan_sip_takes_udp_always_and_the_others_where_they_are_enabled() {
        assert_eq!(shown(of_chan_sip(&map(&[]))), "udp 5060");
        let all =
            map(&[("bindport", "5160"), ("tcpenable", "yes"), ("tlsenable", "yes"), ("tlsbindport", "5161")]);
        assert_eq!(shown(of_chan_sip(&all)), "udp 5160, tcp 5160, tcp 5161");
    }
}
