//! Tests of the configuration, apart only for their length.

use super::*;
use crate::feed::apiban::{Api, Dataset};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/x.toml"), None)
}

fn feed(lines: &str) -> String {
    format!("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n{lines}\n")
}

#[test]
fn a_feed_with_nothing_but_a_key_gets_the_documented_defaults() {
    let config = parse(&feed("key = \"abc\"")).unwrap();
    let feed = &config.feed[0];
    let FeedKind::Apiban(apiban) = &feed.kind else { panic!("{feed:?}") };
    assert_eq!((apiban.api, apiban.dataset, feed.enabled), (Api::V2, Dataset::Sip, true));
    assert_eq!(apiban.ttl.to_string(), "7d");
    assert_eq!(feed.url, "https://apiban.org/api");
    assert_eq!((feed.widest.v4, feed.widest.v6), (16, 32));
    assert_eq!(config.blacklist.limit, Limit::Auto);
    assert!(config.blacklist.aggregate);
}

#[test]
fn every_mistake_names_the_file_the_line_and_the_fix() {
    let list = |lines: &str| format!("[[feed]]\nname = \"voipbl\"\nkind = \"list\"\n{lines}\n");
    let url = "url = \"https://example.com/list\"\n";
    let table: [(String, Option<usize>, &[&str]); 36] = [
        (list(""), Some(2), &["\"voipbl\": no url"]),
        (list("url = \"http://example.com/\""), Some(2), &["https"]),
        (list("url = \"list.txt\""), Some(2), &["not a complete URL"]),
        (list(&format!("{url}key = \"s\"")), Some(2), &["kind \"list\"", "no key."]),
        (list(&format!("{url}dataset = \"sip\"")), Some(2), &["no dataset."]),
        (list(&format!("{url}column = 0")), Some(2), &["count from 1"]),
        (list(&format!("{url}score_column = 2")), Some(2), &["min_score"]),
        (list(&format!("{url}format = \"xml\"")), Some(5), &["xml", "dshield"]),
        (list(&format!("{url}country = \"USA\"")), Some(2), &["invalid country \"USA\"", "[\"US\", \"CA\"]"]),
        (list(&format!("{url}country = [\"US,CA\"]")), Some(2), &["each one separately"]),
        (list(&format!("{url}registry = \"ripe\"")), Some(2), &["There are: afrinic", "ripencc"]),
        (list(&format!("{url}field = [\"a\", \"\"]")), Some(2), &["name of a JSON field"]),
        (list(&format!("{url}field = 3")), Some(5), &["a text, or several in brackets"]),
        (list(&format!("{url}widest_v4 = 7")), Some(2), &["widest_v4 must be 8 to 32"]),
        (list(&format!("{url}widen = 1")), Some(2), &["at least 2"]),
        (list(&format!("{url}widen = 5\nwiden_to = 19")), Some(2), &["20 to 30"]),
        (feed("widen_to = 24"), Some(2), &["widen_to needs widen"]),
        (feed("format = \"text\""), Some(2), &["kind \"apiban\"", "no format."]),
        (feed("keey = \"x\""), Some(4), &["unknown setting \"keey\". Did you mean \"key\"?"]),
        ("[blacklst]\n".into(), Some(1), &["unknown setting \"blacklst\". Did you mean \"blacklist\"?"]),
        ("[blacklist]\nlimits = 5".into(), Some(2), &["unknown setting \"limits\". Did you mean \"limit\"?"]),
        ("[log]\ncolour = 1".into(), Some(2), &["unknown setting \"colour\". Settings here: level"]),
        ("[blacklist]\nlimit = -1".into(), Some(2), &["\"auto\" or a number"]),
        ("[blacklist]\nlimit = \"many\"".into(), Some(2), &["\"auto\" or a number"]),
        (
            feed("key = \"a\"") + &feed("key = \"b\""),
            Some(6),
            &["two feeds have the name \"apiban\"", "line 2"],
        ),
        (feed("ttl = \"soon\""), Some(4), &["\"soon\"", "\"7d\""]),
        (feed("ttl = \"1s\""), Some(2), &["at least a minute"]),
        (feed("api = 3"), Some(2), &["must be 1 or 2"]),
        (feed("api = 1\ndataset = \"all\""), Some(2), &["only api = 2"]),
        (feed("url = \"http://apiban.org/api/\""), Some(2), &["https"]),
        (
            "[protect]\nallow = [\n\"45.0.0.1\",\n\"a b\"]".into(),
            Some(2),
            &["\"a b\" is not a valid address"],
        ),
        ("[protect]\nallow = [\"0.0.0.0/0\"]".into(), Some(2), &["most of the internet"]),
        ("[protect]\nunblock = \"long\"".into(), Some(2), &["\"long\"", "\"7d\""]),
        (feed("widest_v4 = 0"), Some(2), &["widest_v4 must be 8 to 32"]),
        (feed("key = \"a\"\nkey_file = \"/b\""), Some(2), &["both key and key_file"]),
        ("[[feed]]\nname = \"A b\"\nkind = \"apiban\"".into(), Some(2), &["lower case letters"]),
    ];
    for (text, line, words) in table {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.line, line, "{text}\n{error}");
        let message = error.to_string();
        assert!(message.starts_with("/etc/x.toml, line "), "{message}");
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }
}

#[test]
fn a_list_needs_nothing_but_its_address_and_keeps_its_publishers_minimum() {
    let list = |lines: &str| parse(&format!("[[feed]]\nname = \"l\"\nkind = \"list\"\n{lines}\n")).unwrap();
    let config = list("url = \"https://example.com/list\"");
    let feed = &config.feed[0];
    assert_eq!((feed.interval.to_string().as_str(), feed.ttl(), feed.enabled), ("1h", None, true));
    assert!(!feed.needs_key());
    for (interval, kept) in [("1m", "4h"), ("4h", "4h"), ("1d", "1d")] {
        let config = list(&format!("url = \"https://voipbl.org/update/\"\ninterval = \"{interval}\""));
        assert_eq!(config.feed[0].interval.to_string(), kept);
    }
    let file = list("url = \"/var/lib/list\"\ncolumn = \"ip\"\nscore_column = 3\nmin_score = 2.5\nwiden = 5");
    let shown = toml::to_string(&file).unwrap();
    for line in ["column = \"ip\"", "score_column = 3", "min_score = 2.5", "widen = 5", "widen_to = 24"] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("dataset") && !shown.contains("key"), "{shown}");
}

#[test]
fn crowdsec_needs_a_key_of_its_own_and_ends_its_bans_by_itself() {
    let of = |lines: &str| parse(&format!("[[feed]]\nname = \"c\"\nkind = \"crowdsec\"\n{lines}\n"));
    let config = of("key = \"s3cr3t\"\norigins = [\"crowdsec\", \"CAPI\"]").unwrap();
    let feed = &config.feed[0];
    assert_eq!(feed.url, "http://127.0.0.1:8080");
    assert_eq!((feed.ttl().unwrap().to_string().as_str(), feed.interval.as_secs()), ("7d", 0));
    assert!(feed.needs_key());
    assert_eq!(feed.read_key().unwrap().expose(), "s3cr3t");
    let shown = toml::to_string(&config).unwrap();
    assert!(shown.contains("origins = [\"crowdsec\", \"CAPI\"]"), "{shown}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("dataset"), "{shown}");
    let missing = of("").unwrap().feed[0].read_key().unwrap_err().to_string();
    assert!(missing.contains("cscli bouncers add") && !missing.contains("apiban"), "{missing}");
    for (lines, words) in [
        ("url = \"http://192.0.2.1:8080\"", "http:// only for this machine"),
        ("url = \"/var/lib/list\"", "is not a complete URL"),
        ("origins = [\"a,b\"]", "Write each one separately"),
        ("origins = [\"\"]", "Write each one separately"),
        ("ttl = \"1d\"", "at least 2 days"),
        ("key = \"a\"\nkey_file = \"/k\"", "both key and key_file"),
        ("dataset = \"sip\"", "has no dataset"),
        ("column = 2", "has no column"),
        ("key = \"k\"\n[[feed]]\nname = \"d\"\nkind = \"crowdsec\"\nkey = \"k\"", "use one key of CrowdSec"),
    ] {
        let error = of(lines).unwrap_err().to_string();
        assert!(error.contains(words), "{lines}: {error}");
    }
    let two = "key = \"k\"\n[[feed]]\nname = \"d\"\nkind = \"crowdsec\"\nkey = \"l\"";
    assert_eq!(of(two).unwrap().feed.len(), 2);
    for other in ["apiban", "list"] {
        let text = format!("[[feed]]\nname = \"c\"\nkind = \"{other}\"\norigins = [\"x\"]");
        assert!(parse(&text).unwrap_err().to_string().contains("has no origins"));
    }
}

#[test]
fn the_environments_key_is_apibans_and_no_other_feeds() {
    let text = "[[feed]]\nname = \"c\"\nkind = \"crowdsec\"\nkey = \"of-the-file\"";
    let config = Config::parse(text, Path::new("x"), Some(Secret::new("of-apiban"))).unwrap();
    assert_eq!(config.feed[0].read_key().unwrap().expose(), "of-the-file");
}

#[test]
fn who_is_allowed_is_read_into_its_canonical_form_and_a_release_lasts_thirty_days() {
    let config = parse("[protect]\nallow = [\"45.0.0.9/24\", \"SIP.example.com.\", \"2A05::1\"]").unwrap();
    let all: Vec<String> = config.protect.allow.iter().map(Allow::to_string).collect();
    assert_eq!(all, ["45.0.0.0/24", "sip.example.com", "2a05::1"]);
    assert_eq!(config.protect.unblock.to_string(), "30d");
    assert_eq!(parse("[protect]\nunblock = \"7d\"").unwrap().protect.unblock.to_string(), "7d");
}

#[test]
fn a_missing_empty_or_placeholder_key_is_said_with_the_page_that_gives_one() {
    for (line, words) in [
        ("", "no API key"),
        ("key = \"\"", "is empty"),
        ("key = \"MY API KEY\"", "still the placeholder"),
        ("key = \"a b\"", "invalid characters"),
        ("key_file = \"/nonexistent/key\"", "/nonexistent/key"),
    ] {
        let config = parse(&feed(line)).unwrap();
        let message = config.feed[0].read_key().unwrap_err().to_string();
        assert!(message.contains(words) && message.contains("/etc/x.toml, line 2"), "{message}");
    }
}

#[test]
fn the_environments_key_wins_and_is_a_configuration_by_itself() {
    let key = Secret::new("from-environment");
    let config = Config::parse(&feed("key = \"from-file\""), Path::new("x"), Some(key.clone())).unwrap();
    assert_eq!(config.feed[0].read_key().unwrap().expose(), "from-environment");
    assert!(Config::load(Some(Path::new("/nonexistent/x.toml")), Some(key)).is_err());
}

#[test]
fn no_error_and_no_output_shows_the_key() {
    let mut shown = Vec::new();
    for text in [
        feed("key = s3cr3t"),
        feed("key = \"s3cr3t"),
        feed("key = [\"s3cr3t\"]"),
        feed("key = { a = \"s3cr3t\" }"),
        feed("keys = \"s3cr3t\""),
        feed("key = \"s3cr3t\"\nkey = \"s3cr3t\""),
    ] {
        shown.push(format!("{0} {0:?}", parse(&text).unwrap_err()));
    }
    let config = parse(&feed("key = \"s3cr3t\"")).unwrap();
    shown.push(format!("{config:?}"));
    shown.push(serde_json::to_string(&config).unwrap());
    shown.push(toml::to_string(&config).unwrap());
    for text in shown {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn a_number_in_the_place_of_the_key_is_not_shown_either() {
    let message = parse(&feed("key = 987654321")).unwrap_err().to_string();
    assert!(message.contains("line 4") && !message.contains("987654321"), "{message}");
}

#[test]
fn the_set_is_made_where_it_can_be_unless_the_administrator_says_otherwise() {
    use crate::config::Enabled;
    let table = [("", Enabled::Auto), ("auto", Enabled::Auto), ("yes", Enabled::Yes), ("no", Enabled::No)];
    for (word, enabled) in table {
        let text = if word.is_empty() { String::new() } else { format!("[set]\nenabled = \"{word}\"\n") };
        assert_eq!(parse(&text).unwrap().set.enabled, enabled, "{word}");
    }
    let message = parse("[set]\nenabled = \"maybe\"\n").unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("auto"), "{message}");
    assert!(parse("[set]\nenable = \"yes\"\n").is_err());
}
