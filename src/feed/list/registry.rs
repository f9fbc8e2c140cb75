//! Statistics files of the internet registries: which addresses were given to whom, one record a line.
//!
//! `registry|country|type|start|value|date|status[|...]`, after a line about the file and one for each type in all. The
//! value counts addresses of IPv4, which need not make one network, and is a length for IPv6. The form is the
//! registries' own: "RIR statistics exchange format", version 2 and extended.

use std::net::{IpAddr, Ipv4Addr};

use super::Settings;
use super::collect::Collector;
use super::entry::{self, Reason};
use super::error::ListErrorKind;
use super::lines::Line;
use crate::ban::Prefix;

/// The registries, as the files name them.
pub const REGISTRIES: [&str; 6] = ["afrinic", "apnic", "arin", "iana", "lacnic", "ripencc"];

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Nothing of addresses: about the file, a sum, or numbers of networks.
    Nothing,
    /// A record that was not asked for, or that nobody was given.
    Other,
    /// These addresses were given to somebody who was asked for.
    Given(Vec<Prefix>),
}

/// Whether a list with this line is such a file.
pub(super) fn is_one(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let fields: Vec<&str> = text.split('|').map(str::trim).collect();
    match fields[..] {
        // About the file: version, registry, serial number, records, first and last date, distance to UTC.
        [version, registry, _, records, _, _, _] if is_number(version) => {
            (is_registry(registry) || registry == "nro") && is_number(records)
        }
        [registry, country, kind, _, _, _, ..] => {
            is_registry(registry) && (country.len() == 2 || country == "*") && is_kind(kind)
        }
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_registry(text: &str) -> bool {
    REGISTRIES.iter().any(|known| text.eq_ignore_ascii_case(known))
}

fn is_kind(text: &str) -> bool {
    ["asn", "ipv4", "ipv6"].contains(&text)
}

/// Takes one line in.
pub(super) fn one(
    line: &Line<'_>,
    text: &[u8],
    settings: &Settings,
    collector: &mut Collector,
) -> Result<(), ListErrorKind> {
    if line.is_cut {
        return collector.refuse(line.number, text, Reason::TooLong);
    }
    match read(text, settings) {
        Ok(Said::Nothing) => Ok(()),
        Ok(Said::Other) => {
            collector.leave_out();
            Ok(())
        }
        Ok(Said::Given(mut prefixes)) => collector.take(line.number, text, |out| {
            out.append(&mut prefixes);
            Ok(())
        }),
        Err(reason) => collector.refuse(line.number, text, reason),
    }
}

fn read(text: &[u8], settings: &Settings) -> Result<Said, Reason> {
    let text = std::str::from_utf8(text).map_err(|_| Reason::NotAnAddress)?;
    let fields: Vec<&str> = text.split('|').map(str::trim).collect();
    let (registry, country, kind, start, value, status) = match fields[..] {
        [version, _, _, _, _, _, _] if is_number(version) => {
            return Ok(Said::Nothing);
        }
        [_, _, kind, _, _, "summary", ..] if is_kind(kind) => return Ok(Said::Nothing),
        [registry, country, kind, start, value, _, status, ..] => {
            (registry, country, kind, start, value, status)
        }
        _ => return Err(Reason::NoColumn),
    };
    let is_chosen =
        |all: &[String], one: &str| all.is_empty() || all.iter().any(|c| c.eq_ignore_ascii_case(one));
    // What is available or reserved belongs to nobody.
    let is_given = ["allocated", "assigned"].contains(&status);
    if !is_registry(registry) || !is_kind(kind) {
        return Err(Reason::NotAnAddress);
    }
    if kind == "asn" {
        return Ok(Said::Nothing);
    }
    if !is_given || !is_chosen(&settings.country, country) || !is_chosen(&settings.registry, registry) {
        return Ok(Said::Other);
    }
    let mut prefixes = Vec::new();
    match (kind, entry::address(start.as_bytes())?) {
        ("ipv4", IpAddr::V4(first)) => {
            let count: u32 = value.parse().map_err(|_| Reason::Range)?;
            let last = count.checked_sub(1).and_then(|more| u32::from(first).checked_add(more));
            let last = Ipv4Addr::from(last.ok_or(Reason::Range)?);
            entry::range(start.as_bytes(), last.to_string().as_bytes(), &mut prefixes)?;
        }
        ("ipv6", IpAddr::V6(_)) => {
            let network = format!("{start}/{value}");
            entry::read(network.as_bytes(), &mut prefixes)?;
        }
        _ => return Err(Reason::NotAnAddress),
    }
    Ok(Said::Given(prefixes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_line() {
        let table = [
            ("2|arin|20261120|180000|19830705|20261120|-0500", true),
            ("2.3|apnic|20261120|78000|19830613|20261119|+1000", true),
            ("ripencc|*|ipv4|*|90000|summary", true),
            ("arin|US|ipv4|45.0.0.0|256|20120101|allocated", true),
            ("lacnic|BR|ipv6|2801:80::|32|20120101|allocated|x", true),
            ("45.0.0.1|US|bad|x|y|z|w", false),
            ("arin|US|dns|45.0.0.0|256|20120101|allocated", false),
            ("a|b", false),
            ("", false),
        ];
        for (line, is) in table {
            assert_eq!(is_one(line.as_bytes()), is, "{line}");
        }
    }

    #[test]
    fn a_record_counts_where_somebody_who_is_asked_for_was_given_it() {
        let of = |line: &str, country: &[&str], registry: &[&str]| {
            let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
            let settings =
                Settings { country: texts(country), registry: texts(registry), ..Settings::default() };
            match read(line.as_bytes(), &settings) {
                Ok(Said::Given(prefixes)) => {
                    prefixes.iter().map(Prefix::to_string).collect::<Vec<_>>().join(" ")
                }
                Ok(Said::Other) => "other".to_owned(),
                Ok(Said::Nothing) => String::new(),
                Err(reason) => reason.to_string(),
            }
        };
        let us = "arin|US|ipv4|45.0.0.0|768|20120101|allocated";
        let table = [
            (us, "45.0.0.0/23 45.0.2.0/24"),
            ("arin|US|ipv4|45.0.0.0|256|20120101|assigned|opaque", "45.0.0.0/24"),
            ("ripencc|DE|ipv6|2a05::|29|20120101|allocated", "2a05::/29"),
            ("arin||ipv4|45.0.0.0|256||reserved|", "other"),
            ("arin||ipv4|45.0.0.0|256||available|", "other"),
            ("arin|US|asn|7018|1|19960730|assigned", ""),
            ("arin|*|ipv4|*|90000|summary", ""),
            ("2|nro|20261120|180000|19830705|20261120|-0500", ""),
            ("2|arin|20261120|180000|19830705|20261120|-0500", ""),
            ("arin|US|ipv4|45.0.0.0|0|20120101|allocated", "invalid range"),
            ("arin|US|ipv4|255.255.255.0|512|20120101|allocated", "invalid range"),
            ("arin|US|ipv4|45.0.0.0|many|20120101|allocated", "invalid range"),
            ("arin|US|ipv4|2a05::|32|20120101|allocated", "invalid address"),
            ("arin|US|ipv6|2a05::|129|20120101|allocated", "invalid network length"),
            ("somebody|US|ipv4|45.0.0.0|256|20120101|allocated", "invalid address"),
            ("arin|US|ipv4", "the line has no address column"),
        ];
        for (line, said) in table {
            assert_eq!(of(line, &[], &[]), said, "{line}");
        }
        assert_eq!(of(us, &["CA"], &[]), "other");
        assert_eq!(of(us, &["CA", "us"], &["arin"]), "45.0.0.0/23 45.0.2.0/24");
        assert_eq!(of(us, &[], &["ripencc"]), "other");
    }
}
