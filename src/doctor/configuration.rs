//! The configuration and the keys in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Check, Lack};
use crate::config::{Config, ConfigError, DEFAULT_PATH, FeedConfig};

use crate::ledger::feeds::FeedState;

/// Whether it can be used. `owner` are user and group of FreePBX, who must be able to read it.
pub fn judge(path: Option<&Path>, loaded: Result<&Config, &ConfigError>, owner: Option<(u32, u32)>) -> Check {
    let name = "configuration";
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    let config = match loaded {
        Ok(config) => config,
        Err(error) if !file.exists() => {
            let text = error.to_string();
            let found = text.lines().next().unwrap_or_default().split(". ").next().unwrap_or_default();
            return Check::error(name, Lack::Setting, found, "banbridge setup");
        }
        Err(error) => {
            let mend = format!("correct that place in {}, then: banbridge config check", file.display());
            return Check::error(name, Lack::Setting, error.to_string(), mend);
        }
    };
    let Some(file) = &config.path else {
        return Check::warning(
            name,
            "there is no file; this command uses the key of the environment and the defaults",
            "banbridge setup",
        );
    };
    let shown = file.display();
    if let (Ok(meta), Some((user, group))) = (fs::metadata(file), owner)
        && !readable((meta.uid(), meta.gid(), meta.mode()), user, group)
    {
        let found = format!("FreePBX's user asks the feeds, but cannot read {shown}");
        let mend = format!("chown asterisk:asterisk {shown}; chmod 640 {shown}");
        return Check::error(name, Lack::Right, found, mend);
    }
    if let Some(warning) = config.warnings.first() {
        return Check::warning(name, &warning.text, &warning.fix);
    }
    match config.enabled().count() {
        0 => {
            let mend = "banbridge feed enable NAME, or banbridge feed add NAME";
            Check::warning(name, format!("{shown} is valid, but no feed is enabled"), mend)
        }
        feeds => Check::ok(name, format!("{shown} is valid; enabled feeds: {feeds}")),
    }
}

/// By which proxy the feeds are asked; none without one.
pub fn proxy(config: &Config) -> Option<Check> {
    let (host, named) = config.network.proxy.shown(|name| std::env::var(name).ok())?;
    let found = match named.starts_with('[') {
        true => format!("feeds are asked by {host} (from {named})"),
        // The timers do not have this shell's environment.
        false => format!(
            "feeds are asked by {host} in this shell (from {named}); for the timers, set [network] proxy"
        ),
    };
    Some(Check::ok("proxy", found))
}

/// Whether a user can read a file of this owner, group and mode.
fn readable((uid, gid, mode): (u32, u32, u32), user: u32, group: u32) -> bool {
    let bit = if uid == user {
        0o400
    } else if gid == group {
        0o040
    } else {
        0o004
    };
    mode & bit != 0
}

/// A feed's key: is there one, and was it accepted at the last answer. `refused_before` is what the saved state says of
/// that answer, `refused_now` what one of just now says.
pub fn key(
    feed: &FeedConfig,
    state: Option<&FeedState>,
    refused_before: bool,
    refused_now: Option<bool>,
) -> Option<Check> {
    if !feed.needs_key() || !feed.enabled {
        return None;
    }
    let name = format!("key {}", feed.name);
    if let Err(error) = feed.read_key() {
        return Some(Check::error(&name, Lack::Setting, error.to_string(), "banbridge setup"));
    }
    let last_success = state.and_then(|state| state.last_success);
    let refused = refused_now.unwrap_or(refused_before);
    Some(if refused {
        let found = format!("{} did not accept it", feed.name);
        let mend = format!(
            "compare the key of feed {} in the configuration with the one that you were given",
            feed.name
        );
        Check::error(&name, Lack::Right, found, mend)
    } else if refused_now == Some(false) {
        Check::ok(&name, "accepted now")
    } else if last_success.is_some() {
        Check::ok(&name, "accepted at the last update")
    } else {
        Check::unknown(&name, "set, but no feed has answered yet whether it accepts it")
    })
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/nonexistent/banbridge.toml"), None)
    }

    const ONE: &str = "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"abc\"\n";

    #[test]
    fn a_file_that_is_missing_is_made_by_setup_and_a_wrong_one_is_named() {
        let path = Path::new("/nonexistent/banbridge.toml");
        let missing = Config::load(Some(path), None).unwrap_err();
        let check = judge(Some(path), Err(&missing), None);
        assert_eq!((check.state, check.fix.as_deref()), (State::Error, Some("banbridge setup")));
        assert!(!check.found.contains('\n'), "{}", check.found);
        let wrong = parse("[[feed]]\nnam = 1\n").unwrap_err();
        let check = judge(Some(Path::new("/etc/passwd")), Err(&wrong), None);
        assert!(check.found.contains("line"), "{check:?}");
        assert_eq!(judge(None, parse(ONE).as_ref(), None).state, State::Ok);
        assert_eq!(judge(None, parse("").as_ref(), None).state, State::Warning);
    }

    #[test]
    fn a_file_is_readable_by_its_owner_its_group_or_everybody() {
        assert!(readable((7, 8, 0o640), 7, 9));
        assert!(readable((0, 8, 0o640), 7, 8));
        assert!(!readable((0, 0, 0o640), 7, 8));
        assert!(readable((0, 0, 0o644), 7, 8));
        assert!(!readable((7, 8, 0o040), 7, 8));
    }

    #[test]
    fn a_key_is_judged_by_the_last_answer_or_the_one_of_just_now() {
        let config = parse(ONE).unwrap();
        let good = FeedState { last_success: Some(1), ..FeedState::default() };
        let of = |state, before, now| key(&config.feed[0], state, before, now).unwrap().state;
        assert_eq!(of(None, false, None), State::Unknown);
        assert_eq!(of(Some(&good), false, None), State::Ok);
        assert_eq!(of(Some(&good), true, None), State::Error);
        assert_eq!(of(None, true, None), State::Error);
        assert_eq!(of(None, false, Some(true)), State::Error);
        assert_eq!(of(Some(&FeedState::default()), true, Some(false)), State::Ok);
        let none = parse("[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n").unwrap();
        assert_eq!(key(&none.feed[0], None, false, None).unwrap().lack, Some(Lack::Setting));
    }
}
