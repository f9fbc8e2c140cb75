//! Rows of the tables `pjsip`, `sip` and `iax`, one a line: id, keyword and data with a space between. Administrators
//! write the data by hand.

use banbridge::ban::Source;
use banbridge::ban::target::{self, Target};
use banbridge::pbx::named::Found;
use banbridge::pbx::trunks::{Row, parse};

use super::{protected, target, text};

/// Settings that let somebody in, and some that do not.
const KEYWORDS: [&str; 6] = ["sip_server", "host", "register", "match", "permit", "trunk_name"];
const SCHEMES: [&str; 9] = ["sips", "sip", "iax2", "iax", "udp", "tcp", "tls", "ws", "wss"];
const OTHERS: [&str; 4] = ["deny", "username", "secret", "context"];

fn rows(text: &str) -> Vec<Row> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            Some((words.next()?, words.next()?, words.next().unwrap_or_default()))
        })
        .collect()
}

fn row(keyword: &str, data: &str) -> Row {
    ("3".to_owned(), keyword.to_owned(), data.to_owned())
}

pub fn read(data: &[u8]) {
    let text = text(data);
    let _ = parse(Source::Pjsip, &rows(&text));
    for keyword in KEYWORDS {
        let _ = parse(Source::Sip, &[row(keyword, &text)]);
    }
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let rows = rows(&text);
    let found = parse(Source::Pjsip, &rows).named;
    assert!(found.len() <= 2 * text.len());
    found.iter().for_each(protected);
    // A row says the same alone as among others; only the trunk's name comes from another one.
    let alone = rows.iter().flat_map(|row| parse(Source::Pjsip, std::slice::from_ref(row)).named);
    assert!(alone.map(|named| named.target).eq(found.into_iter().map(|named| named.target)));
    for keyword in OTHERS {
        assert_eq!(parse(Source::Sip, &[row(keyword, &text)]), Found::default());
    }
    // Data with line breaks in it.
    for named in KEYWORDS.iter().flat_map(|keyword| parse(Source::Sip, &[row(keyword, &text)]).named) {
        protected(&named);
        assert!(named.label.starts_with("3, "));
        found_in_whatever_stands_around_it(&named.target);
    }
    target::host(&text).iter().for_each(target);
}

/// A host that was found is found again alone, with a port, and as a SIP URI.
fn found_in_whatever_stands_around_it(target: &Target) {
    let (plain, with_port) = match target {
        Target::Prefix(prefix) => {
            let plain = prefix.to_string();
            let v6 = !prefix.is_ipv4();
            let single = !plain.contains('/');
            let with_port = if v6 { format!("[{plain}]:5060") } else { format!("{plain}:5060") };
            (plain, single.then_some(with_port))
        }
        Target::Name(name) => (name.clone(), Some(format!("{name}:5060"))),
        Target::Service(_) => return,
    };
    assert_eq!(target::host(&plain).as_ref(), Some(target), "{plain:?}");
    if let Some(with_port) = with_port {
        let mut texts = vec![format!("sip:100@{with_port};lr"), format!("<sip:{with_port}>")];
        // "tls:5060" may as well be a URI.
        texts.extend(Some(with_port).filter(|_| !SCHEMES.contains(&plain.as_str())));
        for text in texts {
            assert_eq!(target::host(&text).as_ref(), Some(target), "{text:?}");
            assert_eq!(target::server(&text), std::slice::from_ref(target), "{text:?}");
        }
    }
}
