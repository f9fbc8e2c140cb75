//! What Asterisk's console prints of those who are registered. Columns are cut, and a contact is the device's own
//! text: it must not make us protect anybody but the one address in it.

use banbridge::ban::Source;
use banbridge::ban::target::Target;
use banbridge::pbx::contacts::{Contact, peers, pjsip_contacts, registrar};
use banbridge::pbx::named::Named;

use super::{protected, text};

pub fn read(data: &[u8]) {
    let text = text(data);
    let _ = (pjsip_contacts(&text), registrar(&text), peers(&text));
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let lines = text.lines().count();
    for found in [pjsip_contacts(&text).contacts, registrar(&text), peers(&text)] {
        assert!(found.len() <= lines);
        for Contact { who, address } in found {
            protected(&Named::new(Source::Contact, Target::Prefix(address.into()), &who));
        }
    }
    for found in peers(&text) {
        let is_there = |word: &str| word.parse() == Ok(found.address);
        assert!(text.split_whitespace().any(is_there) || text.contains('\u{fffd}'), "{found:?}");
    }
    let mut head = "";
    for line in text.lines().take(64) {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        if matches!(words[..], ["Contact:", head] if head.starts_with("<Aor/ContactUri")) {
            head = line;
        } else {
            not_misled_by_a_cut(head, line);
        }
    }
}

/// Whatever the column cut off, an address that was taken is the one that the whole text would have named.
fn not_misled_by_a_cut(head: &str, line: &str) {
    let found = |line: &str| pjsip_contacts(&format!("{head}\n{line}\n")).contacts;
    let taken = found(line);
    // Without a head that we know every text may be cut.
    let end_of_column = head.find('>').map_or(0, |at| at + 1);
    let Some(end) = end_of_uri(line).filter(|end| *end >= end_of_column) else { return };
    for cut_off in ["1", "1:5060", "@8.8.8.8:5060"] {
        let whole = format!("{}{cut_off}{}", &line[..end], &line[end..]);
        if !taken.is_empty() {
            let whole = found(&whole);
            assert!(whole.is_empty() || whole == taken, "{taken:?} was cut from {whole:?}");
        }
    }
}

/// Where the URI of a contact's line ends: behind the first slash, up to a space.
fn end_of_uri(line: &str) -> Option<usize> {
    let uri = line.find('/')? + 1;
    let spaces = line[uri..].len() - line[uri..].trim_start().len();
    let start = uri + spaces;
    Some(line[start..].find(char::is_whitespace).map_or(line.len(), |at| start + at))
}
