//! The routers through which the PBX reaches others: the kernel's routing tables (proc(5), Linux `net/ipv4/fib_trie.c`
//! and `net/ipv6/route.c`). A blocked gateway answers no more to what the PBX asks of it, DHCP and monitoring included.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::named::{Named, SourceError, small_file};
use crate::ban::target::Target;
use crate::ban::{Prefix, Source};

/// Flag of a route that goes through a gateway (`RTF_GATEWAY`).
const THROUGH_GATEWAY: u32 = 2;

/// Every gateway of both families, with the interface it is on.
pub fn read() -> Result<Vec<Named>, SourceError> {
    let mut all = parse_v4(&small_file("/proc/net/route")?);
    // A kernel without IPv6 has no such file.
    if let Ok(text) = small_file("/proc/net/ipv6_route") {
        all.extend(parse_v6(&text));
    }
    all.sort_unstable();
    all.dedup();
    let named = |(address, on): (IpAddr, String)| {
        Named::new(Source::Gateway, Target::Prefix(Prefix::host(address)), &on)
    };
    Ok(all.into_iter().map(named).collect())
}

/// `/proc/net/route`: interface, destination, gateway, flags ...; addresses are hexadecimal in the machine's order.
pub fn parse_v4(text: &str) -> Vec<(IpAddr, String)> {
    let gateway = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [on, _, gateway, flags, ..] = words.as_slice() else { return None };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        let address = Ipv4Addr::from(gateway.to_ne_bytes());
        (flags & THROUGH_GATEWAY != 0 && !address.is_unspecified())
            .then(|| (IpAddr::V4(address), (*on).to_owned()))
    };
    text.lines().filter_map(gateway).collect()
}

/// `/proc/net/ipv6_route`: destination, length, source, length, gateway, metric, use, references, flags, interface.
pub fn parse_v6(text: &str) -> Vec<(IpAddr, String)> {
    let gateway = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, gateway, _, _, _, flags, on] = words.as_slice() else { return None };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let address = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
        (flags & THROUGH_GATEWAY != 0 && !address.is_unspecified())
            .then(|| (IpAddr::V6(address), (*on).to_owned()))
    };
    text.lines().filter_map(gateway).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(all: Vec<(IpAddr, String)>) -> Vec<String> {
        all.into_iter().map(|(address, on)| format!("{address} {on}")).collect()
    }

    #[test]
    fn gateways_are_found_in_the_kernels_tables_of_both_families() {
        let gateway = u32::from_ne_bytes([81, 2, 69, 1]);
        let v4 = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             wan\t00000000\t{gateway:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             wan\t00450251\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nshort line\n"
        );
        assert_eq!(shown(parse_v4(&v4)), ["81.2.69.1 wan"]);
        let zero = "0".repeat(32);
        let v6 = format!(
            "{zero} 00 {zero} 00 2a022e02010000000000000000000001 00000400 00000001 00000000 00000003      wan\n\
             2a022e02010000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001      wan\n"
        );
        assert_eq!(shown(parse_v6(&v6)), ["2a02:2e02:100::1 wan"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([0-9a-fA-F]{0,40} ){0,12}\\PC{0,10}") {
            let _ = (parse_v4(&text), parse_v6(&text));
        }
    }
}
