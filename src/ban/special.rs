//! Ranges that are no public hosts: the IANA special-purpose address registries (RFC 6890, RFC 8190 and the
//! registries they founded, as of 2025) and multicast. Public lists do hold them: a 2015 VoIPBL had 28 addresses of
//! 10.0.0.0/8, FireHOL level 1 holds every private network. Blocking one cuts off the phones in the office.

/// Each range with what it is for, in the registry's order.
pub const RANGES: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private network"),
    ("100.64.0.0/10", "shared address space of providers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private network"),
    ("192.0.0.0/24", "IETF protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112 service"),
    ("192.52.193.0/24", "multicast tunnelling"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private network"),
    ("192.175.48.0/24", "AS112 service"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved and broadcast"),
    // All that RFC 4291 reserves there: unspecified, loopback, and every form that carries an IPv4 address, so that no
    // IPv6 network can become an IPv4 one.
    ("::/8", "loopback, addresses that carry IPv4 ones, and reserved"),
    ("100::/64", "discard-only"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/23", "IETF protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112 service"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private network"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "retired site-local"),
    ("ff00::/8", "multicast"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::Prefix;

    #[test]
    fn every_range_is_a_canonical_prefix() {
        for (range, _) in RANGES {
            assert_eq!(range.parse::<Prefix>().unwrap().to_string(), *range);
        }
    }
}
