//! Lists that people feed a PBX, with what one should know before using them. One table, and nothing in it is used
//! until an administrator adds it: apiban alone is the default.
//!
//! The interval is the publisher's minimum, or what is fair where he states none; it binds every feed that reads
//! from the same place, also one whose address was pasted.

/// One list of the catalog. A name that ends in `-CC` stands for one list a country.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// As `feed add` takes it.
    pub name: &'static str,
    /// Where it stands; `CC` is the country's code.
    pub url: &'static str,
    /// Who may use it for what.
    pub terms: &'static str,
    /// How many entries, about.
    pub size: &'static str,
    /// The shortest time between two requests, in seconds.
    pub interval: i64,
    /// Where addresses of the same publisher begin, without the scheme.
    pub site: &'static str,
    /// The widest IPv4 network that it is to be trusted with.
    pub widest_v4: u8,
    /// The lowest score to take.
    pub min_score: Option<f64>,
    /// What it is good for.
    pub good_for: &'static str,
    /// What to beware of.
    pub beware: &'static str,
}

impl Known {
    /// Whether it is meant to cover much of the internet, as a whole country does. All others together cover less than 1 %
    /// of the public IPv4 addresses.
    pub fn is_wide(&self) -> bool {
        self.name.ends_with("-CC") || self.name.starts_with("registry-")
    }
}

const HOUR: i64 = 3_600;

/// Feeds of this PBX itself. They are added by name as lists are, and nothing is fetched for them.
pub const OWN: [Known; 2] = [
    Known {
        name: "log",
        url: "",
        terms: "your own",
        size: "who attacks you now",
        interval: 60,
        site: "",
        widest_v4: 32,
        min_score: None,
        good_for: "attackers of this PBX that no list knows, from Asterisk's own log, within a minute",
        beware: "sources of UDP can be forged: allow remote sites whose phones are not always registered",
    },
    Known {
        name: "fail2ban",
        url: "",
        terms: "your own",
        size: "as many as fail2ban has banned",
        interval: 5 * 60,
        site: "",
        widest_v4: 32,
        min_score: None,
        good_for: "what Intrusion Detection (fail2ban) on this PBX has banned: on all ports, and for your other PBXs",
        beware: "whom fail2ban bans by mistake is blocked everywhere",
    },
];

/// All lists, those for SIP first.
pub const KNOWN: &[Known] = &[
    Known {
        name: "voipbl",
        url: "https://voipbl.org/update/",
        terms: "no license is known here; see its site (voipbl.org)",
        size: "97,000 networks",
        interval: 4 * HOUR,
        site: "voipbl.org/",
        widest_v4: 16,
        min_score: None,
        good_for: "SIP attackers of many years, reported by PBXs",
        beware: "holds some junk and old entries; far more than the firewall's blacklist can hold with iptables; \
                 asked more often than every 4 hours it locks you out",
    },
    Known {
        name: "blocklist-de-sip",
        url: "https://lists.blocklist.de/lists/sip.txt",
        terms: "no license is known here; see its site (blocklist.de)",
        size: "100 addresses",
        interval: HOUR / 2,
        site: "lists.blocklist.de/",
        widest_v4: 24,
        min_score: None,
        good_for: "SIP attackers of the last two days, reported by fail2ban",
        beware: "anybody can report; an address stays listed after it changed hands, for two days",
    },
    Known {
        name: "spamhaus-drop",
        url: "https://www.spamhaus.org/drop/drop_v4.json",
        terms: "free of charge; the list's date and copyright stay with it (spamhaus.org/drop/terms)",
        size: "1,700 networks",
        interval: HOUR,
        site: "www.spamhaus.org/drop/",
        widest_v4: 10,
        min_score: None,
        good_for: "networks in the hands of criminals, whole; next to no false entries",
        beware: "not about SIP; at most hourly",
    },
    Known {
        name: "spamhaus-dropv6",
        url: "https://www.spamhaus.org/drop/drop_v6.json",
        terms: "free of charge; the list's date and copyright stay with it (spamhaus.org/drop/terms)",
        size: "90 networks",
        interval: HOUR,
        site: "www.spamhaus.org/drop/",
        widest_v4: 10,
        min_score: None,
        good_for: "the same for IPv6",
        beware: "rows of IPv6 are enforced by the nftables driver or the set only; at most hourly",
    },
    Known {
        name: "dshield",
        url: "https://feeds.dshield.org/block.txt",
        terms: "Creative Commons BY-NC-SA 2.5 by the head of the file: a company should ask first (dshield.org)",
        size: "20 networks",
        interval: HOUR,
        site: "feeds.dshield.org/",
        widest_v4: 20,
        min_score: None,
        good_for: "the twenty /24 networks that attacked most in three days",
        beware: "whole networks for what some of their addresses did, research scanners among them",
    },
    Known {
        name: "emerging-threats",
        url: "https://rules.emergingthreats.net/fwrules/emerging-Block-IPs.txt",
        terms: "see its site (rules.emergingthreats.net); holds Spamhaus DROP and DShield, whose terms bind",
        size: "1,500 addresses and networks",
        interval: 6 * HOUR,
        site: "rules.emergingthreats.net/",
        widest_v4: 10,
        min_score: None,
        good_for: "Spamhaus DROP, DShield and known control servers in one",
        beware: "not about SIP; next to nothing new beside the two lists in it",
    },
    Known {
        name: "firehol-level1",
        url: "https://iplists.firehol.org/files/firehol_level1.netset",
        terms: "made of other lists, each with terms of its own (iplists.firehol.org)",
        size: "15,000 to 30,000 networks",
        interval: 6 * HOUR,
        site: "iplists.firehol.org/",
        widest_v4: 10,
        min_score: None,
        good_for: "attackers and criminals' networks from several lists, made for few false entries",
        beware: "holds 10.0.0.0/8, 192.168.0.0/16 and all other private networks; banbridge skips them",
    },
    Known {
        name: "ipsum",
        url: "https://raw.githubusercontent.com/stamparm/ipsum/master/ipsum.txt",
        terms: "public domain (Unlicense)",
        size: "120,000 addresses, 14,000 with a score of 3 or more",
        interval: 12 * HOUR,
        site: "raw.githubusercontent.com/stamparm/ipsum/",
        widest_v4: 24,
        min_score: Some(3.0),
        good_for: "addresses that several of 30 lists name; the score says how many",
        beware: "not about SIP; low scores hold many addresses that did nothing to you; made once a day",
    },
    Known {
        name: "country-CC",
        url: "https://www.ipdeny.com/ipblocks/data/aggregated/CC-aggregated.zone",
        terms: "see its site (ipdeny.com: tos.php, copyright.php, usagelimits.php)",
        size: "up to 20,000 networks a country",
        interval: 24 * HOUR,
        site: "www.ipdeny.com/ipblocks/",
        widest_v4: 8,
        min_score: None,
        good_for: "countries from where nobody ever calls you",
        beware: "blocks everybody there, your own people on journeys too; attackers rent servers next door as well",
    },
    Known {
        name: "country6-CC",
        url: "https://www.ipdeny.com/ipv6/ipaddresses/aggregated/CC-aggregated.zone",
        terms: "see its site (ipdeny.com: tos.php, copyright.php, usagelimits.php)",
        size: "up to 10,000 networks a country",
        interval: 24 * HOUR,
        site: "www.ipdeny.com/ipv6/",
        widest_v4: 8,
        min_score: None,
        good_for: "the same for IPv6",
        beware: "as country-CC; rows of IPv6 are enforced by the nftables driver or the set only",
    },
    Known {
        name: "registry-arin",
        url: "https://ftp.arin.net/pub/stats/arin/delegated-arin-extended-latest",
        terms: "published for everybody; see the notice of the registry",
        size: "some 80,000 networks",
        interval: 24 * HOUR,
        site: "ftp.arin.net/pub/stats/arin/",
        widest_v4: 8,
        min_score: None,
        good_for: "a permit list: the address space of ARIN (USA, Canada, parts of the Caribbean); country = [...] takes some of it",
        beware: "says who was given addresses, not where they are used; as a blocking feed it blocks a continent",
    },
    Known {
        name: "registry-ripencc",
        url: "https://ftp.ripe.net/pub/stats/ripencc/delegated-ripencc-extended-latest",
        terms: "published for everybody; see the notice of the registry",
        size: "some 120,000 networks",
        interval: 24 * HOUR,
        site: "ftp.ripe.net/pub/stats/ripencc/",
        widest_v4: 8,
        min_score: None,
        good_for: "a permit list: the address space of RIPE NCC (Europe, Middle East, Central Asia); country = [...] takes some of it",
        beware: "says who was given addresses, not where they are used; as a blocking feed it blocks a continent",
    },
    Known {
        name: "registry-apnic",
        url: "https://ftp.apnic.net/stats/apnic/delegated-apnic-extended-latest",
        terms: "published for everybody; see the notice of the registry",
        size: "some 80,000 networks",
        interval: 24 * HOUR,
        site: "ftp.apnic.net/stats/apnic/",
        widest_v4: 8,
        min_score: None,
        good_for: "a permit list: the address space of APNIC (Asia and the Pacific); country = [...] takes some of it",
        beware: "says who was given addresses, not where they are used; as a blocking feed it blocks a continent",
    },
    Known {
        name: "registry-lacnic",
        url: "https://ftp.lacnic.net/pub/stats/lacnic/delegated-lacnic-extended-latest",
        terms: "published for everybody; see the notice of the registry",
        size: "some 40,000 networks",
        interval: 24 * HOUR,
        site: "ftp.lacnic.net/pub/stats/lacnic/",
        widest_v4: 8,
        min_score: None,
        good_for: "a permit list: the address space of LACNIC (Latin America and the Caribbean); country = [...] takes some of it",
        beware: "says who was given addresses, not where they are used; as a blocking feed it blocks a continent",
    },
    Known {
        name: "registry-afrinic",
        url: "https://ftp.afrinic.net/pub/stats/afrinic/delegated-afrinic-extended-latest",
        terms: "published for everybody; see the notice of the registry",
        size: "some 10,000 networks",
        interval: 24 * HOUR,
        site: "ftp.afrinic.net/pub/stats/afrinic/",
        widest_v4: 8,
        min_score: None,
        good_for: "a permit list: the address space of AFRINIC (Africa); country = [...] takes some of it",
        beware: "says who was given addresses, not where they are used; as a blocking feed it blocks a continent",
    },
];

/// A list of the catalog that was asked for by name, with its address.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The entry of the catalog.
    pub known: Known,
    /// The feed's name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// The list of a name; for countries with the code in the place of `CC`.
pub fn find(name: &str) -> Option<Chosen> {
    let name = name.to_ascii_lowercase();
    KNOWN.iter().find_map(|known| {
        let code = match known.name.strip_suffix("CC") {
            None => {
                return (known.name == name).then(|| Chosen {
                    known: *known,
                    name: name.clone(),
                    url: known.url.into(),
                });
            }
            Some(start) => name.strip_prefix(start)?,
        };
        let is_code = code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase());
        is_code.then(|| Chosen { known: *known, name: name.clone(), url: known.url.replace("CC", code) })
    })
}

/// The shortest time between two requests to where `url` leads, in seconds; 0 for places that nobody knows.
pub fn minimum(url: &str) -> i64 {
    let Some((_, rest)) = url.split_once("://") else { return 0 };
    let rest = rest.to_ascii_lowercase();
    let of =
        |site: &str| rest.starts_with(site) || rest.strip_prefix("www.").is_some_and(|r| r.starts_with(site));
    KNOWN.iter().filter(|known| of(known.site)).map(|known| known.interval).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::snapshot::Place;

    #[test]
    fn every_list_can_be_found_and_its_place_is_one_that_can_be_asked() {
        for known in KNOWN {
            let chosen = find(&known.name.replace("CC", "de")).unwrap();
            assert!(matches!(Place::parse(&chosen.url), Ok(Place::Http(_))), "{}", chosen.url);
            assert!(minimum(&chosen.url) >= known.interval && known.interval > 0, "{}", known.name);
            assert!(!chosen.url.contains("CC"), "{}", chosen.url);
        }
        assert_eq!(
            find("country-CN").unwrap().url,
            "https://www.ipdeny.com/ipblocks/data/aggregated/cn-aggregated.zone"
        );
    }

    #[test]
    fn what_is_not_in_the_catalog_is_not_found() {
        for name in ["", "apiban", "country-", "country-../", "country-china", "country-CC1"] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn the_minimum_binds_pasted_addresses_of_the_same_place() {
        let table = [
            ("https://voipbl.org/update/", 14_400),
            ("https://www.voipbl.org/update", 14_400),
            ("https://VOIPBL.org/update", 14_400),
            ("https://voipbl.org.example.com/update", 0),
            ("https://example.com/voipbl.org/", 0),
            ("/var/lib/list", 0),
        ];
        for (url, seconds) in table {
            assert_eq!(minimum(url), seconds, "{url}");
        }
    }
}
