//! `banbridge.toml`. A line `#KEY` stands for the line that holds the key.

use std::path::Path;

use banbridge::config::{Config, ConfigError, KeySource, edit};

use super::text;

const FILE: &str = "/etc/x.toml";
const KEY: &str = "s3cr3tK3Y-0f-th3-f33d";

fn parsed(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new(FILE), None)
}

pub fn read(data: &[u8]) {
    let _ = parsed(&text(data));
}

pub fn check(data: &[u8]) {
    let text = text(data);
    match parsed(&text) {
        Ok(config) => {
            same_when_shown(&config);
            config.feed.iter().for_each(|feed| switched(&text, &config, &feed.name, !feed.enabled));
        }
        Err(error) => assert!(error.to_string().starts_with(FILE)),
    }
    // In a text of several lines the line with the key is none.
    if !text.contains("#KEY") || text.contains("'''") || text.contains("\"\"\"") {
        return;
    }
    // As it should be, and with every slip of the pen.
    for line in [
        format!("key = \"{KEY}\""),
        format!("key = '{KEY}'"),
        format!("key = {KEY}"),
        format!("key = \"{KEY}"),
        format!("key = {KEY}\""),
        format!("key: {KEY}"),
        format!("key \"{KEY}\""),
        format!("keys = \"{KEY}\""),
        format!("key = [\"{KEY}\"]"),
        format!("key = {{ {KEY} = \"{KEY}\" }}"),
        format!("KEY = \"{KEY}\""),
    ] {
        let text: String =
            text.lines().map(|old| if old == "#KEY" { &line } else { old }.to_owned() + "\n").collect();
        let shown = match parsed(&text) {
            Err(error) => format!("{error} {error:?}"),
            Ok(config) => {
                let mut shown =
                    format!("{config:?} {:?} {}", toml::to_string(&config), serde_json::json!(config));
                for feed in config.feed.iter().filter(|feed| !matches!(feed.key(), Some(KeySource::File(_))))
                {
                    if let Err(error) = feed.read_key() {
                        shown += &error.to_string();
                    }
                }
                shown
            }
        };
        assert!(!shown.contains(KEY), "{line}: {shown}");
    }
}

/// What `config show` prints is a configuration again, and means the same but for the masked key.
fn same_when_shown(config: &Config) {
    let show = |config: &Config| toml::to_string(config).expect("it can be shown");
    let once = parsed(&show(config)).expect("what is shown can be read");
    let twice = parsed(&show(&once)).expect("what is shown can be read");
    assert_eq!(show(&once), show(&twice));
    assert_eq!(once.feed.len(), config.feed.len());
    for (one, other) in once.feed.iter().zip(&config.feed) {
        assert_eq!((&one.name, &one.url, one.enabled), (&other.name, &other.url, other.enabled));
        assert_eq!(one.widest, other.widest);
        assert!((8..=32).contains(&one.widest.v4) && (16..=128).contains(&one.widest.v6));
        assert_eq!(one.ttl(), other.ttl());
        assert!(one.ttl().is_some_and(|ttl| ttl.as_secs() >= 60) || !one.needs_key());
    }
    assert_eq!(once.protect.allow, config.protect.allow);
}

/// Switching a feed changes this feed and nothing else.
fn switched(text: &str, config: &Config, name: &str, enabled: bool) {
    let Some(text) = edit::set_enabled(text, name, enabled) else { return };
    let mut wanted = config.clone();
    wanted.feed.iter_mut().filter(|feed| feed.name == name).for_each(|feed| feed.enabled = enabled);
    let config = parsed(&text).expect("what was changed can be read");
    assert_eq!(toml::to_string(&config).ok(), toml::to_string(&wanted).ok());
}
