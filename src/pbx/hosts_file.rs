//! `/etc/hosts`: whom the administrator gave a name of his own.

use std::net::IpAddr;

use super::named::{Named, SourceError, small_file};
use crate::ban::target::Target;
use crate::ban::{Prefix, Source};

const FILE: &str = "/etc/hosts";

/// All addresses with the names behind them. The machine's own are protected anyhow.
pub fn read() -> Result<Vec<Named>, SourceError> {
    let text = small_file(FILE)?;
    let named = |(address, names): (IpAddr, String)| {
        Named::new(Source::Hosts, Target::Prefix(Prefix::host(address)), &names)
    };
    Ok(parse(&text).into_iter().map(named).collect())
}

/// Addresses with their names.
pub fn parse(text: &str) -> Vec<(IpAddr, String)> {
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.split('%').next()?.parse().ok()?;
        let names: Vec<&str> = words.collect();
        (!names.is_empty()).then(|| (address, names.join(" ")))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_with_their_names_and_comments_are_not() {
        let text = "127.0.0.1 localhost\n# 1.1.1.1 x\n81.2.69.9\tbackup backup.example.com # the NAS\n\
                    2a05::9 v6\n81.2.69.10\nrubbish x\nfe80::1%eth0 router\n";
        let all: Vec<String> =
            parse(text).iter().map(|(address, names)| format!("{address} {names}")).collect();
        assert_eq!(
            all,
            ["127.0.0.1 localhost", "81.2.69.9 backup backup.example.com", "2a05::9 v6", "fe80::1 router"]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
