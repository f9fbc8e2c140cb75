//! Small texts of the system: `/etc/hosts`, `/etc/resolv.conf`, the routes in `/proc/net`, and the variables that sshd
//! sets, also in a process's environment.

use std::net::IpAddr;

use banbridge::ban::Source;
use banbridge::ban::target::Target;
use banbridge::pbx::named::Named;
use banbridge::pbx::{gateways, hosts_file, resolvers, ssh};

use super::{protected, text};

pub fn read(data: &[u8]) {
    let text = text(data);
    let _ =
        (hosts_file::parse(&text), resolvers::parse(&text), ssh::client(&text), ssh::in_environment(data));
    let _ = (gateways::parse_v4(&text), gateways::parse_v6(&text));
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let lines = text.lines().count();
    let hosts = hosts_file::parse(&text);
    let (v4, v6) = (gateways::parse_v4(&text), gateways::parse_v6(&text));
    assert!(hosts.len() <= lines && v4.len() <= lines && v6.len() <= lines);
    assert!(v4.iter().all(|(address, _)| address.is_ipv4() && !address.is_unspecified()));
    assert!(v6.iter().all(|(address, _)| address.is_ipv6() && !address.is_unspecified()));
    for (source, all) in [(Source::Hosts, &hosts), (Source::Gateway, &v4), (Source::Gateway, &v6)] {
        for (address, label) in all {
            assert!(!label.is_empty());
            protected(&Named::new(source, Target::Prefix((*address).into()), label));
        }
    }
    // A comment says nothing.
    let commented: String = text.lines().map(|line| format!("#{line}\n")).collect();
    assert_eq!((hosts_file::parse(&commented), resolvers::parse(&commented)), (vec![], vec![]));
    assert!(resolvers::parse(&text).len() <= lines);
    // The client is written in full, at the beginning.
    let written = |address: IpAddr| {
        text.split_whitespace().next().and_then(|word| word.split('%').next()?.parse().ok()) == Some(address)
    };
    assert!(ssh::client(&text).is_none_or(written));
    let environment = [b"X=1\0SSH_CONNECTION=81.2.69.9 1 2 3\0".as_slice(), data].concat();
    assert_eq!(ssh::in_environment(&environment), Some(IpAddr::from([81, 2, 69, 9])));
}
