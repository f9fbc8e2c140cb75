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

use super::named::{Found, SourceError};
use crate::ban::Source;
use crate::ban::target::{self, Target};
use crate::system::database::{self, Record, Table};
use crate::system::text::number;

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
/// Settings of a table that are read at most: a PBX with thousands of extensions has some ten thousand.
const MOST_ROWS: usize = 50_000;
/// Addresses, networks and names that are taken at most.
const MOST: usize = 50_000;
/// Longest value that is read, in characters; FreePBX's own columns end at 255.
const LONGEST: usize = 8_000;

/// What to do about a row of these tables that cannot be read.
const FIX: &str = "save the trunk or extension in FreePBX again (Connectivity), then apply the configuration";
static PJSIP: Table = Table { name: "pjsip", fix: FIX };
static SIP: Table = Table { name: "sip", fix: FIX };
static IAX: Table = Table { name: "iax", fix: FIX };

/// Trunks of PJSIP.
pub fn read_pjsip(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    read(conn, &PJSIP, Source::Pjsip)
}

/// Peers and trunks of chan_sip, and what extensions of PJSIP are held to.
pub fn read_sip(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    read(conn, &SIP, Source::Sip)
}

/// Peers and trunks of IAX2.
pub fn read_iax(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    read(conn, &IAX, Source::Iax)
}

fn read(conn: &mut impl Queryable, table: &'static Table, source: Source) -> Result<Found, SourceError> {
    let keywords: Vec<&str> = NAMES.into_iter().chain(SERVERS).chain(LISTS).collect();
    let marks = vec!["?"; keywords.len()].join(",");
    // Whoever fills such a table with rubbish fills its longest lists: they come last.
    let sql = format!(
        "SELECT `id`, `keyword`, LEFT(`data`, {}) AS `data` FROM `{}` WHERE `keyword` IN ({marks}) \
         ORDER BY `keyword` IN ('match', 'permit'), `keyword` = 'permit' LIMIT {}",
        LONGEST + 1,
        table.name,
        MOST_ROWS + 1
    );
    let row = |row: &Record| {
        let data: Option<String> = row.get("data")?;
        Ok((row.get("id")?, row.get("keyword")?, data.unwrap_or_default()))
    };
    let rows = table.rows(conn, &sql, keywords)?.iter().map(row).collect::<database::Result<Vec<Row>>>()?;
    let (most, more) = (rows.len().min(MOST_ROWS), rows.len() > MOST_ROWS);
    let mut found = parse(source, &rows[..most]);
    if more || found.named.len() > MOST {
        found.named.truncate(MOST);
        found.unread.push(format!("everything beyond the first {} in table {}", number(MOST), table.name));
    }
    Ok(found)
}

/// Whom the rows name.
pub fn parse(source: Source, rows: &[Row]) -> Found {
    let names: BTreeMap<&str, &str> = rows
        .iter()
        .filter(|(_, keyword, data)| NAMES.contains(&keyword.as_str()) && !data.trim().is_empty())
        .map(|(id, _, data)| (id.as_str(), data.trim()))
        .collect();
    let mut found = Found::default();
    for (id, keyword, data) in rows {
        let who = match names.get(id.as_str()) {
            Some(name) if name != id => format!("{name} ({id})"),
            _ => id.clone(),
        };
        let label = format!("{who}, {keyword}");
        let (data, rest) = cut(data);
        for (entry, targets) in entries(keyword, data) {
            // A register line holds a password.
            let text = if keyword == "register" { label.clone() } else { format!("{label}: {entry:?}") };
            found.take(source, &label, &text, targets);
        }
        if rest {
            found.unread.push(format!("{label}: what comes after {} characters", number(LONGEST)));
        }
    }
    found
}

/// A value as far as it is read, up to the end of an entry, and whether there is more of it.
fn cut(data: &str) -> (&str, bool) {
    match data.char_indices().nth(LONGEST) {
        None => (data, false),
        Some((end, _)) => {
            let end = data[..end].rfind(['&', ',', ' ', '\n']).unwrap_or(0);
            (&data[..end], true)
        }
    }
}

/// What one setting holds, each with whom it names. What is meant to name nobody is left out.
fn entries<'a>(keyword: &str, data: &'a str) -> Vec<(&'a str, Vec<Target>)> {
    let filled = |entry: &&str| !entry.is_empty();
    if keyword == "register" {
        // user:secret@host:port/extension; without an @ it could be anything.
        let host = |line: &'a str| (line, if line.contains('@') { target::server(line) } else { Vec::new() });
        return data.split('&').map(str::trim).filter(filled).map(host).collect();
    }
    if SERVERS.contains(&keyword) {
        let all = data.split(['&', ',', '\n']).map(str::trim).enumerate();
        // chan_sip's one flag behind a proxy.
        let hosts = all.filter(|(place, entry)| *place == 0 || !entry.eq_ignore_ascii_case("force"));
        let hosts = hosts.map(|(_, entry)| entry).filter(|entry| !entry.eq_ignore_ascii_case("dynamic"));
        return hosts.filter(filled).map(|entry| (entry, target::server(entry))).collect();
    }
    if LISTS.contains(&keyword) {
        // What begins with ! is excepted from the list (Asterisk's acl.conf).
        let all = target::list(data).filter(|entry| !entry.starts_with('!'));
        let host = |entry: &'a str| match keyword {
            "match" => (entry, target::server(entry)),
            _ => (entry, target::host(entry).into_iter().collect()),
        };
        return all.map(host).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbx::named::Named;
    use proptest::prelude::*;

    fn read(source: Source, rows: &[(&str, &str, &str)]) -> Found {
        let rows: Vec<Row> = rows
            .iter()
            .map(|(id, keyword, data)| ((*id).into(), (*keyword).into(), (*data).into()))
            .collect();
        parse(source, &rows)
    }

    fn shown(source: Source, rows: &[(&str, &str, &str)]) -> Vec<String> {
        let target = |named: Named| match named.target {
            Target::Prefix(prefix) => format!("{} {prefix}", named.label),
            Target::Name(name) => format!("{} {name}", named.label),
            Target::Service(domain) => format!("{} srv {domain}", named.label),
        };
        read(source, rows).named.into_iter().map(target).collect()
    }

    #[test]
    fn every_form_of_a_proxy_names_its_host_and_a_flag_names_nobody() {
        let table: [(&str, &str, &[&str]); 12] = [
            ("outbound_proxy", r"sip:45.10.0.1\;lr", &["45.10.0.1"]),
            (
                "outbound_proxy",
                r"sip:proxy2.example.com\;lr",
                &["proxy2.example.com", "srv proxy2.example.com"],
            ),
            ("outbound_proxy", r"45.10.0.1\;lr", &["45.10.0.1"]),
            ("outbound_proxy", r"sip:45.10.0.1\;lr&sip:45.10.0.2:5060\;lr", &["45.10.0.1", "45.10.0.2"]),
            ("outbound_proxy", r"sips:45.10.0.1\;lr,sip:45.10.0.2", &["45.10.0.1", "45.10.0.2"]),
            ("server_uri", r"sip:45.10.0.5\;transport=tls", &["45.10.0.5"]),
            ("server_uri", r"sip:[2a05::1]\;transport=tls", &["2a05::1"]),
            ("aor_contact", r"sip:us/er@45.10.0.5:5060", &["45.10.0.5"]),
            ("outboundproxy", "45.60.0.3,force", &["45.60.0.3"]),
            ("outboundproxy", "proxy.example.com:5060,FORCE", &["proxy.example.com"]),
            ("outboundproxy", "tls://45.60.0.3:5061,force", &["45.60.0.3"]),
            ("register", "tls://us/er:secret@45.60.0.4:5061/100", &["45.60.0.4"]),
        ];
        for (keyword, data, hosts) in table {
            let expected: Vec<String> = hosts.iter().map(|host| format!("7, {keyword} {host}")).collect();
            assert_eq!(shown(Source::Pjsip, &[("7", keyword, data)]), expected, "{data}");
            assert_eq!(read(Source::Pjsip, &[("7", keyword, data)]).unread, [""; 0], "{data}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_told_with_trunk_and_field_but_for_passwords() {
        let rows = [
            ("3", "trunk_name", "Flowroute"),
            ("3", "sip_server", "sip server.example.com"),
            ("3", "match", "81.2.69.1,010.0.0.1"),
            ("tr-reg-2", "register", "user:secret"),
            ("tr-reg-3", "register", "user:secret@"),
            ("tr-peer-4", "host", "dynamic"),
            ("tr-peer-5", "host", " "),
        ];
        let found = read(Source::Sip, &rows);
        assert_eq!(found.named.len(), 1);
        assert_eq!(
            found.unread,
            [
                r#"Flowroute (3), sip_server: "sip server.example.com""#,
                r#"Flowroute (3), match: "010.0.0.1""#,
                "tr-reg-2, register",
                "tr-reg-3, register",
            ]
        );
    }

    #[test]
    fn a_value_without_end_is_read_to_the_end_of_an_entry() {
        let data = "81.2.69.100 ".repeat(1_000);
        let found = read(Source::Sip, &[("6001", "permit", &data)]);
        assert_eq!((found.named.len(), found.unread.len()), (666, 1), "{:?}", found.unread);
        assert!(found.named.iter().all(|named| named.target == target::host("81.2.69.100").unwrap()));
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
