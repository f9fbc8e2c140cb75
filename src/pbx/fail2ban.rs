//! Whom the firewall's Intrusion Detection (fail2ban) never bans. The administrator wrote those lists so that these get
//! through; our rows must not undo it.

use mysql::prelude::Queryable;

use super::firewall;
use super::named::{Found, SourceError};
use crate::ban::Source;
use crate::ban::target;

/// Rows of the firewall's kvstore table, each a text with one entry a line.
const LISTS: [&str; 3] = ["custom_whitelist", "dynamic_whitelist", "whiteHosts"];

/// Reads all lists; one that is missing is empty.
pub fn read(conn: &mut impl Queryable) -> Result<Found, SourceError> {
    let mut all = Found::default();
    for (list, text) in firewall::values(conn, &LISTS)? {
        let found = parse(&list, &text);
        all.extend([found]);
    }
    Ok(all)
}

/// The entries of one list: addresses, networks and names.
pub fn parse(list: &str, text: &str) -> Found {
    let mut found = Found::default();
    for entry in target::list(text) {
        let targets = target::host(entry).into_iter().collect();
        let label = format!("{list}: {entry}");
        found.take(Source::Fail2ban, &label, &label, targets);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_is_read_line_by_line_with_comments_spaces_and_commas() {
        let text = "81.2.69.1\r\n81.2.70.0/24 # the office\n\n2a05::1, home.example.com\n300.1.1.1\n#1.1.1.1";
        let found = parse("whiteHosts", text);
        assert_eq!(found.unread, ["whiteHosts: 300.1.1.1"]);
        let all: Vec<String> = found.named.into_iter().map(|named| named.label).collect();
        assert_eq!(
            all,
            ["81.2.69.1", "81.2.70.0/24", "2a05::1", "home.example.com"].map(|e| format!("whiteHosts: {e}"))
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = parse("x", &text);
        }
    }
}
