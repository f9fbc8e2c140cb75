//! What an answer of the apiban API means.
//!
//! One pure function of status and body. Neither tells the whole alone: a quiet poll is a 400, a
//! rate limit carries the ID `unauthorized` of a refused key, and a 403 may come from a web filter
//! on the way that has never heard of apiban. The three published clients each took one of these
//! for another.

use super::body::{Addresses, BadBody, Body, Id, MAX_ENTRIES, RawEntry};
use crate::system::text::one_line;

/// The longest `why`, in characters.
const WHY: usize = 120;
/// The longest cursor taken, in bytes. Those seen are ten digits; the ledger has to hold it.
pub const MAX_CURSOR: usize = 128;

/// The meaning of an answer. Every `why` is at most 120 characters on one line, with the
/// server's control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Entries, perhaps none, and the cursor for the next request. Without a cursor it is the last.
    Batch {
        /// In the feed's order.
        entries: Vec<RawEntry>,
        /// At most [`MAX_CURSOR`] bytes, never `none`.
        next: Option<String>,
    },
    /// Nothing new since the cursor that was sent.
    Complete,
    /// The key is unknown or withdrawn.
    KeyRefused,
    /// Too many requests with this key.
    RateLimited,
    /// The server does not accept the request.
    BadRequest {
        /// What it said.
        why: String,
    },
    /// The server has trouble of its own (status 5xx).
    Unavailable {
        /// What it said.
        why: String,
    },
    /// Not an answer of this API.
    Unusable {
        /// What came instead.
        why: String,
    },
}

impl Answer {
    /// The words that go with an answer that brought nothing.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::BadRequest { why } | Self::Unavailable { why } | Self::Unusable { why } => Some(why),
            Self::Batch { .. } | Self::Complete | Self::KeyRefused | Self::RateLimited => None,
        }
    }
}

/// Tells what the server means by `status` and `body`, the answer to a fetch in either version of
/// the API.
pub fn classify(status: u16, body: &[u8]) -> Answer {
    let said = Body::read(body);
    let words = said.as_ref().map_or("", Body::words);
    // The words come first: this body carries the ID of a refused key.
    if status == 429 || words.eq_ignore_ascii_case("rate limit exceeded") {
        return Answer::RateLimited;
    }
    if status >= 500 {
        let why = match &said {
            Ok(_) if !words.is_empty() => words,
            _ => "no reason given",
        };
        return Answer::Unavailable { why: format!("status {status}: {}", one_line(why, 100)) };
    }
    let id = said.as_ref().map_or("", Body::id);
    if status == 401 || (id.eq_ignore_ascii_case("unauthorized") && matches!(status, 200 | 400 | 403 | 404)) {
        return Answer::KeyRefused;
    }
    // golib takes all four for the end of the list.
    if words.eq_ignore_ascii_case("no new bans") && matches!(status, 200 | 400 | 403 | 404) {
        return Answer::Complete;
    }
    if status == 200 {
        return match said {
            Ok(said) => batch(said),
            Err(problem) => unusable(problem.in_words()),
        };
    }
    match (status, said.as_ref()) {
        (400 | 403 | 404, Err(BadBody::Html)) => unusable(&format!(
            "status {status} with a web page. A web filter, a proxy or a wrong url may be the cause"
        )),
        (403, _) => unusable("status 403, but not from apiban. A web filter or a proxy may be the cause"),
        (400 | 404, Ok(_)) => bad_request(status, words),
        (400 | 404, Err(_)) => bad_request(status, &String::from_utf8_lossy(body)),
        _ => unusable(&format!("status {status}, which apiban does not use")),
    }
}

/// What a 200 in the API's form brings.
fn batch(said: Body) -> Answer {
    let next = match said.id {
        Id::Text(id) if id.len() > MAX_CURSOR => return unusable("the ID is too long"),
        Id::Text(id) if id.chars().any(char::is_control) => {
            return unusable("the ID contains control characters");
        }
        Id::Text(id) if id.trim().eq_ignore_ascii_case("none") => None,
        Id::Text(id) if !id.trim().is_empty() => Some(id.trim().to_owned()),
        // Without it nobody knows how to go on, nor that this was all.
        Id::Text(_) | Id::Missing => return unusable("the ID is missing"),
        Id::Wrong => return unusable("the ID is neither text nor a number"),
    };
    let entries = match said.addresses {
        Addresses::List(entries) => entries,
        Addresses::Text(text) if text.trim().eq_ignore_ascii_case("none") => Vec::new(),
        Addresses::Text(text) if like_an_address(&text) => vec![RawEntry::Text(text)],
        // The one address may be a plain text. Another text is a message, not a refused entry.
        Addresses::Text(text) => {
            return unusable(&format!("it says: {}", one_line(text.trim(), 100)));
        }
        Addresses::Missing => return unusable("ipaddress is missing"),
        Addresses::Wrong => return unusable("ipaddress is neither a list nor text"),
        Addresses::TooMany => {
            return unusable(&format!("more than {MAX_ENTRIES} entries in one batch"));
        }
    };
    match next {
        None if entries.is_empty() => Answer::Complete,
        next => Answer::Batch { entries, next },
    }
}

/// Whether a text has only the characters of addresses and networks, one digit at least.
pub(super) fn like_an_address(text: &str) -> bool {
    let text = text.trim();
    text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b".:/".contains(&b))
}

fn unusable(why: &str) -> Answer {
    Answer::Unusable { why: one_line(why, WHY).into_owned() }
}

fn bad_request(status: u16, words: &str) -> Answer {
    let words = words.trim();
    let words = if words.is_empty() { "no reason given" } else { words };
    Answer::BadRequest { why: format!("status {status}: {}", one_line(words, 100)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an answer is, in a word, for the tables.
    fn kind(answer: &Answer) -> String {
        match answer {
            Answer::Batch { entries, next } => {
                format!("batch {} {}", entries.len(), next.as_deref().unwrap_or("-"))
            }
            Answer::Complete => "complete".into(),
            Answer::KeyRefused => "key".into(),
            Answer::RateLimited => "rate".into(),
            Answer::BadRequest { .. } => "bad request".into(),
            Answer::Unavailable { .. } => "unavailable".into(),
            Answer::Unusable { .. } => "unusable".into(),
        }
    }

    #[test]
    fn every_row_of_the_answer_table_is_told_from_status_and_body_together() {
        #[rustfmt::skip]
        let table: &[(&str, u16, &str, &str)] = &[
            ("a batch", 200, r#"{"ipaddress":["192.0.2.1","192.0.2.2"],"ID":"1698425647"}"#, "batch 2 1698425647"),
            ("a batch with a number for an ID", 200, r#"{"ipaddress":["192.0.2.1"],"ID":1698425647}"#, "batch 1 1698425647"),
            ("a batch of one, as a plain text", 200, r#"{"ipaddress":"192.0.2.1","ID":"7"}"#, "batch 1 7"),
            ("keys in the other order, another key", 200, r#"{"ID":"7","more":[{}],"ipaddress":["192.0.2.1"]}"#, "batch 1 7"),
            ("an empty batch", 200, r#"{"ipaddress":[],"ID":"7"}"#, "batch 0 7"),
            ("the last batch", 200, r#"{"ipaddress":["192.0.2.1"],"ID":"none"}"#, "batch 1 -"),
            ("an empty last batch", 200, r#"{"ipaddress":[],"ID":"none"}"#, "complete"),
            ("nothing new", 400, r#"{"ipaddress":["no new bans"],"ID":"none"}"#, "complete"),
            ("nothing new, a plain string", 400, r#"{"ipaddress":"no new bans","ID":"none"}"#, "complete"),
            ("nothing new, golib's 403", 403, r#"{"ipaddress":["no new bans"],"ID":"none"}"#, "complete"),
            ("nothing new, golib's 404", 404, r#"{"ipaddress":["no new bans"],"ID":"none"}"#, "complete"),
            ("nothing new, golib's 200", 200, r#"{"ipaddress":["no new bans"],"ID":"none"}"#, "complete"),
            ("nothing new, golib's 200 in other words", 200, r#"{"ipaddress":"none","ID":"none"}"#, "complete"),
            ("key refused", 403, r#"{"ipaddress":"none","ID":"unauthorized"}"#, "key"),
            ("key refused, in an array", 403, r#"{"ipaddress":["none"],"ID":"unauthorized"}"#, "key"),
            ("key refused with a 400", 400, r#"{"ipaddress":"none","ID":"unauthorized"}"#, "key"),
            ("key refused with a 200", 200, r#"{"ipaddress":"none","ID":"unauthorized"}"#, "key"),
            ("key refused by the status", 401, "", "key"),
            ("rate limit", 429, r#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#, "rate"),
            ("rate limit, in an array", 429, r#"{"ipaddress":["rate limit exceeded"],"ID":"none"}"#, "rate"),
            ("rate limit without the status", 403, r#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#, "rate"),
            ("rate limit as a 200", 200, r#"{"ipaddress":"rate limit exceeded","ID":"7"}"#, "rate"),
            ("rate limit without the words", 429, "<html>Too many", "rate"),
            ("bad request", 400, "{}", "bad request"),
            ("bad request in words", 400, "no such set", "bad request"),
            ("bad request with JSON words", 400, r#"{"ipaddress":"unknown set","ID":"none"}"#, "bad request"),
            ("bad request that lists addresses", 400, r#"{"ipaddress":["192.0.2.1"],"ID":"7"}"#, "bad request"),
            ("not there", 404, "not found", "bad request"),
            ("server trouble", 500, r#"{"ipaddress":["192.0.2.1"],"ID":"7"}"#, "unavailable"),
            ("server trouble, a page", 503, "<html>", "unavailable"),
            ("a web filter's 403", 403, "<!DOCTYPE html><title>Blocked</title>", "unusable"),
            ("another machine's 403", 403, r#"{"message":"Forbidden"}"#, "unusable"),
            ("an empty 403", 403, "", "unusable"),
            ("a web page", 200, "\n <html>Log in", "unusable"),
            ("a web server's 404", 404, "<html>", "unusable"),
            ("nothing at all", 200, "", "unusable"),
            ("cut off", 200, r#"{"ipaddress":["192.0.2.1","192.0"#, "unusable"),
            ("cut off before the ID", 200, r#"{"ipaddress":["192.0.2.1"]"#, "unusable"),
            ("not JSON", 200, "192.0.2.1\n192.0.2.2\n", "unusable"),
            ("more after the end", 200, r#"{"ipaddress":["192.0.2.1"],"ID":"7"}{}"#, "unusable"),
            ("an array for the object", 200, r#"[["192.0.2.1"],"7"]"#, "unusable"),
            ("an object without anything", 200, "{}", "unusable"),
            ("no ID", 200, r#"{"ipaddress":["192.0.2.1"]}"#, "unusable"),
            ("a null ID", 200, r#"{"ipaddress":["192.0.2.1"],"ID":null}"#, "unusable"),
            ("an empty ID", 200, r#"{"ipaddress":["192.0.2.1"],"ID":" "}"#, "unusable"),
            ("an ID of the wrong type", 200, r#"{"ipaddress":["192.0.2.1"],"ID":["7"]}"#, "unusable"),
            ("an ID with a line break", 200, r#"{"ipaddress":["192.0.2.1"],"ID":"7\n8"}"#, "unusable"),
            ("no addresses", 200, r#"{"ID":"7"}"#, "unusable"),
            ("addresses of the wrong type", 200, r#"{"ipaddress":{"a":"192.0.2.1"},"ID":"7"}"#, "unusable"),
            ("a number for addresses", 200, r#"{"ipaddress":3221225985,"ID":"7"}"#, "unusable"),
            ("a message for addresses", 200, r#"{"ipaddress":"database error","ID":"none"}"#, "unusable"),
            ("no content", 204, "", "unusable"),
            ("a redirect to nowhere", 302, "", "unusable"),
            ("a teapot", 418, "{}", "unusable"),
        ];
        for (name, status, body, meant) in table {
            assert_eq!(kind(&classify(*status, body.as_bytes())), *meant, "{name}");
        }
    }

    // The mistakes of three published clients.
    #[test]
    fn a_rate_limit_is_not_reported_as_a_bad_key() {
        let body = br#"{"ipaddress":"rate limit exceeded","ID":"unauthorized"}"#;
        for status in [429, 403, 400, 200] {
            assert_eq!(classify(status, body), Answer::RateLimited, "{status}");
        }
    }
    #[test]
    fn a_bad_key_is_not_reported_as_nothing_blocked() {
        let body = br#"{"ipaddress":"none","ID":"unauthorized"}"#;
        for status in [403, 400, 404, 200] {
            assert_eq!(classify(status, body), Answer::KeyRefused, "{status}");
        }
    }
    #[test]
    fn a_quiet_poll_is_not_reported_as_an_outage() {
        assert_eq!(classify(400, br#"{"ipaddress":["no new bans"],"ID":"none"}"#), Answer::Complete);
    }

    #[test]
    fn elements_that_are_no_texts_become_entries_and_the_batch_goes_on() {
        let body =
            br#"{"ipaddress":["192.0.2.1",7,-1,0.5,null,true,["a",[]],{"b":[1]},"192.0.2.2"],"ID":"7"}"#;
        let not = |text: &str| RawEntry::NotText(text.into());
        let text = |text: &str| RawEntry::Text(text.into());
        let entries = vec![
            text("192.0.2.1"),
            not("7"),
            not("-1"),
            not("0.5"),
            not("null"),
            not("true"),
            not("[...]"),
            not("{...}"),
            text("192.0.2.2"),
        ];
        assert_eq!(classify(200, body), Answer::Batch { entries, next: Some("7".into()) });
    }

    #[test]
    fn numbers_that_are_long_when_written_out_stay_as_short_as_they_were_said() {
        let body = br#"{"ipaddress":[1e308,1e-300,0.5],"ID":1e30}"#;
        let entries = ["1e308", "1e-300", "0.5"].map(|text| RawEntry::NotText(text.into())).into();
        assert_eq!(classify(200, body), Answer::Batch { entries, next: Some("1e30".into()) });
    }

    #[test]
    fn entries_are_handed_on_as_they_were_said() {
        let long = "9".repeat(300);
        let said = [" 192.0.2.1 ", "1.2.3.4;DROP TABLE", "010.0.0.1", "", "\u{1b}[2J", &long];
        let body = serde_json::json!({"ipaddress": said, "ID": "7"}).to_string();
        let Answer::Batch { entries, .. } = classify(200, body.as_bytes()) else { panic!("no batch") };
        assert_eq!(entries.iter().filter_map(RawEntry::text).collect::<Vec<_>>(), said);
    }

    #[test]
    fn a_batch_of_a_million_entries_and_an_endless_id_are_unusable() {
        let many = format!(r#"{{"ipaddress":[{}""],"ID":"7"}}"#, r#""","#.repeat(1_000_000));
        assert_eq!(kind(&classify(200, many.as_bytes())), "unusable");
        let most = format!(r#"{{"ipaddress":[{}""],"ID":"7"}}"#, r#""","#.repeat(MAX_ENTRIES - 1));
        assert_eq!(kind(&classify(200, most.as_bytes())), "batch 50000 7");
        let id = format!(r#"{{"ipaddress":["192.0.2.1"],"ID":"{}"}}"#, "7".repeat(MAX_CURSOR + 1));
        assert_eq!(kind(&classify(200, id.as_bytes())), "unusable");
        let deep = format!(r#"{{"ipaddress":[{}"#, "[".repeat(1_000_000));
        assert_eq!(kind(&classify(200, deep.as_bytes())), "unusable");
    }

    #[test]
    fn the_servers_words_come_out_short_and_on_one_line() {
        let words = format!("\u{1b}[31m\r\nred\u{202e}{}", "x".repeat(500));
        let json = serde_json::json!({"ipaddress": words, "ID": "7"}).to_string();
        for (status, body) in [(400, words.as_str()), (400, &json), (500, &json), (200, &json)] {
            let answer = classify(status, body.as_bytes());
            let why = answer.why().expect("words");
            assert!(why.chars().count() <= WHY, "{why}");
            assert!(why.contains(r"\u{1b}[31m\r\nred\u{202e}xxx"), "{why}");
            assert!(!why.contains(|c: char| c.is_control()), "{why:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_speak_at_length(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..300)) {
            let answer = classify(status, &body);
            prop_assert!(answer.why().is_none_or(|why| why.chars().count() <= WHY));
        }

        #[test]
        fn no_json_makes_it_panic_and_only_a_200_brings_entries(
            status in prop::sample::select(vec![200u16, 201, 302, 400, 401, 403, 404, 429, 500, 503]),
            addresses in r#"(null|7|\[("1.2.3.4",|7,|\[\],)*"x"\]|"[ -~&&[^"\\]]{0,200}"|\{\})"#,
            id in r#"(null|7|1e99|"none"|"unauthorized"|"\\u00[0-9]{2}"|\[\])"#,
            cut in 0usize..400,
        ) {
            let mut body = format!(r#"{{"ipaddress":{addresses},"ID":{id}}}"#).into_bytes();
            body.truncate(cut);
            let answer = classify(status, &body);
            let brought = matches!(answer, Answer::Batch { .. });
            prop_assert!(status == 200 || !brought);
            prop_assert!(answer.why().is_none_or(|why| why.chars().count() <= WHY));
        }
    }
}
