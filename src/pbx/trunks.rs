//! Trunks and peers: whom the PBX calls, registers with, and takes calls from.
//!
//! FreePBX keeps them in `pjsip`, `sip` and `iax`, one row a setting: `id`, `keyword`, `data` (core, release 16 and
//! 17). `pjsip` holds trunks, `id` the trunk's number. In `sip` and `iax` an extension has its number as `id` (PJSIP
//! extensions stand in `sip` too), a trunk `tr-peer-N`, `tr-user-N` and `tr-reg-N`. Repeated lines of a trunk are
//! joined by `&`. Trunks that are switched off count as well: they may be switched on before the next run.
//!
//! `permit` lets in and so protects; `deny` does not. Rows that hold secrets are not asked for, but for the register
//! lines, of which nothing but the host is kept.

use std::collections::BTreeMap;

use mysql::prelude::Queryable;

use super::named::{Named, SourceError};
use crate::ban::Source;
use crate::ban::target::{self, Target};
use crate::system::database::{self, Record, Table};

/// One setting.
pub type Row = (String, String, String);

/// Settings that hold the name that the administrator gave.
const NAMES: [&str; 2] = ["trunk_name", "account"];
/// Settings that hold one server, whose SRV records count.
const SERVERS: [&str; 8] = [
    "sip_server",
    "server_uri",
    "aor_contact",
    "outbound_proxy",
    "outboundproxy",
    "host",
    "defaultip",
    "register",
];
/// Settings that hold a list.
const LISTS: [&str; 2] = ["match", "permit"];

/// What to do about a row of these tables that cannot be read.
const FIX: &str = "save the trunk or extension in FreePBX again (Connectivity), then apply the configuration";
static PJSIP: Table = Table { name: "pjsip", fix: FIX };
static SIP: Table = Table { name: "sip", fix: FIX };
static IAX: Table = Table { name: "iax", fix: FIX };

/// Trunks of PJSIP.
pub fn read_pjsip(conn: &mut impl Queryable) -> Result<Vec<Named>, SourceError> {
    read(conn, &PJSIP, Source::Pjsip)
}

/// Peers and trunks of chan_sip, and what extensions of PJSIP are held to.
pub fn read_sip(conn: &mut impl Queryable) -> Result<Vec<Named>, SourceError> {
    read(conn, &SIP, Source::Sip)
}

/// Peers and trunks of IAX2.
pub fn read_iax(conn: &mut impl Queryable) -> Result<Vec<Named>, SourceError> {
    read(conn, &IAX, Source::Iax)
}

fn read(conn: &mut impl Queryable, table: &'static Table, source: Source) -> Result<Vec<Named>, SourceError> {
    let keywords: Vec<&str> = NAMES.into_iter().chain(SERVERS).chain(LISTS).collect();
    let marks = vec!["?"; keywords.len()].join(",");
    let sql = format!("SELECT `id`, `keyword`, `data` FROM `{}` WHERE `keyword` IN ({marks})", table.name);
    let row = |row: &Record| {
        let data: Option<String> = row.get("data")?;
        Ok((row.get("id")?, row.get("keyword")?, data.unwrap_or_default()))
    };
    let rows = table.rows(conn, &sql, keywords)?.iter().map(row).collect::<database::Result<Vec<Row>>>()?;
    Ok(parse(source, &rows))
}

/// Whom the rows name.
pub fn parse(source: Source, rows: &[Row]) -> Vec<Named> {
    let names: BTreeMap<&str, &str> = rows
        .iter()
        .filter(|(_, keyword, data)| NAMES.contains(&keyword.as_str()) && !data.trim().is_empty())
        .map(|(id, _, data)| (id.as_str(), data.trim()))
        .collect();
    let mut all = Vec::new();
    for (id, keyword, data) in rows {
        let who = match names.get(id.as_str()) {
            Some(name) if name != id => format!("{name} ({id})"),
            _ => id.clone(),
        };
        let label = format!("{who}, {keyword}");
        all.extend(targets(keyword, data).into_iter().map(|target| Named::new(source, target, &label)));
    }
    all
}

/// Whom one setting names.
fn targets(keyword: &str, data: &str) -> Vec<Target> {
    if keyword == "register" {
        // user:secret@host:port/extension; without an @ it could be anything.
        return data.split('&').filter(|line| line.contains('@')).flat_map(target::server).collect();
    }
    if SERVERS.contains(&keyword) {
        return data.split(['&', ',']).flat_map(target::server).collect();
    }
    if LISTS.contains(&keyword) {
        // What begins with ! is excepted from the list (Asterisk's acl.conf).
        let entries = target::list(data).filter(|entry| !entry.starts_with('!'));
        return match keyword {
            "match" => entries.flat_map(target::server).collect(),
            _ => entries.filter_map(target::host).collect(),
        };
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(source: Source, rows: &[(&str, &str, &str)]) -> Vec<String> {
        let rows: Vec<Row> = rows
            .iter()
            .map(|(id, keyword, data)| ((*id).into(), (*keyword).into(), (*data).into()))
            .collect();
        let target = |named: Named| match named.target {
            Target::Prefix(prefix) => format!("{} {prefix}", named.label),
            Target::Name(name) => format!("{} {name}", named.label),
            Target::Service(domain) => format!("{} srv {domain}", named.label),
        };
        parse(source, &rows).into_iter().map(target).collect()
    }

    #[test]
    fn every_setting_of_a_pjsip_trunk_that_names_a_host_counts_with_the_trunks_name() {
        let rows = [
            ("3", "trunk_name", "Flowroute"),
            ("3", "sip_server", "sip.example.com"),
            ("3", "match", "81.2.69.1, 81.2.70.0/24,!81.2.71.1"),
            ("3", "outbound_proxy", "sip:81.2.69.3:5060\\;lr"),
            ("3", "server_uri", "sip:[2a05::1]:5060"),
            ("3", "username", "sip:81.2.69.9"),
            ("4", "sip_server", "81.2.69.4:5080"),
            ("5", "sip_server", ""),
        ];
        assert_eq!(
            shown(Source::Pjsip, &rows),
            [
                "Flowroute (3), sip_server sip.example.com",
                "Flowroute (3), sip_server srv sip.example.com",
                "Flowroute (3), match 81.2.69.1",
                "Flowroute (3), match 81.2.70.0/24",
                "Flowroute (3), outbound_proxy 81.2.69.3",
                "Flowroute (3), server_uri 2a05::1",
                "4, sip_server 81.2.69.4",
            ]
        );
    }

    #[test]
    fn permit_protects_and_deny_does_not_and_a_dynamic_host_is_nobody() {
        let rows = [
            ("6001", "account", "6001"),
            ("6001", "host", "dynamic"),
            ("6001", "deny", "81.2.69.0/255.255.255.0"),
            ("6001", "permit", "81.2.70.0/255.255.255.0&81.2.71.1/255.255.255.255"),
            ("tr-peer-1", "account", "office"),
            ("tr-peer-1", "host", "81.2.69.5"),
            ("tr-reg-1", "register", "user:p@ss@81.2.69.6:5060/100"),
            ("tr-reg-2", "register", "junk"),
        ];
        assert_eq!(
            shown(Source::Sip, &rows),
            [
                "6001, permit 81.2.70.0/24",
                "6001, permit 81.2.71.1",
                "office (tr-peer-1), host 81.2.69.5",
                "tr-reg-1, register 81.2.69.6",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(data in "\\PC{0,60}", which in 0usize..12) {
            let keyword = NAMES.into_iter().chain(SERVERS).chain(LISTS).nth(which).unwrap();
            let _ = parse(Source::Sip, &[("1".into(), keyword.into(), data)]);
        }
    }
}
