//! `backup` and `restore`: what an administrator decided, as one JSON value: the configuration with its key, the allow
//! list, and what was released. What feeds said is no part of it: they are asked again.

use std::io::{self, Read};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::exit::Exit;
use super::output::{complain, print, print_json};
use super::sync::Opened;
use super::sync::protect::learn_allowed;
use super::{Global, config_file, now};
use crate::ban::Prefix;
use crate::config::{Allow, Config};
use crate::ledger::allow::Allowed;
use crate::ledger::rows::Release;
use crate::pbx::host::Target;
use crate::pbx::names::System;

/// The form of what is written.
const FORM: u32 = 1;
/// The most that is read, in bytes, and in entries of each list.
const MOST: u64 = 32 << 20;
const MOST_ENTRIES: usize = 100_000;
/// The longest a release may still last: ten years, in seconds.
const LONGEST: i64 = 10 * 365 * 86_400;

#[derive(Serialize, Deserialize)]
struct Backup {
    /// Tells this from any other JSON.
    banbridge_backup: u32,
    version: String,
    /// The text of the configuration; none where there was no file.
    configuration: Option<String>,
    allowed: Vec<AllowedEntry>,
    releases: Vec<ReleaseEntry>,
}

/// Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct AllowedEntry {
    target: String,
    comment: Option<String>,
    since: i64,
}

#[derive(Serialize, Deserialize)]
struct ReleaseEntry {
    #[serde(deserialize_with = "prefix")]
    prefix: Prefix,
    since: i64,
    until: i64,
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("no prefix"))
}

#[derive(Serialize)]
struct Restored {
    configuration: bool,
    allowed: usize,
    releases: usize,
}

/// Runs `backup`. What it prints holds the key.
pub fn backup(global: &Global) -> anyhow::Result<Exit> {
    let configuration = config_file::read_if_there(&config_file::path(global))?;
    let mut ledger = global.ledger()?;
    let allowed = ledger.allowed()?.into_iter();
    let releases = ledger.releases(now())?.into_iter();
    print_json(&Backup {
        banbridge_backup: FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration,
        allowed: allowed
            .map(|one| AllowedEntry { target: one.target, comment: one.comment, since: one.since })
            .collect(),
        releases: releases
            .map(|one| ReleaseEntry { prefix: one.prefix, since: one.since, until: one.until })
            .collect(),
    })?;
    Ok(Exit::Done)
}

/// Runs `restore`: all of it is judged before any of it is taken over, and the blacklist follows at once.
pub fn restore(global: &Global) -> anyhow::Result<Exit> {
    let mut text = String::new();
    if let Err(error) = io::stdin().lock().take(MOST + 1).read_to_string(&mut text) {
        return Ok(useless(&format!("standard input cannot be read: {error}")));
    }
    let backup = match read(&text, now()) {
        Ok(backup) => backup,
        Err(why) => return Ok(useless(&why)),
    };
    let path = config_file::path(global);
    let before = config_file::read_if_there(&path)?;
    let config = match &backup.configuration {
        Some(text) => Config::parse(text, &path, global.environment_key())?,
        None => global.load_config()?,
    };
    let allowed: Vec<Allowed> = backup
        .allowed
        .iter()
        .map(|one| Allowed { target: one.target.clone(), comment: one.comment.clone(), since: one.since })
        .collect();
    let releases: Vec<Release> = backup
        .releases
        .iter()
        .map(|one| Release { prefix: one.prefix, since: one.since, until: one.until })
        .collect();
    let ((), report) = Opened::change(global, &config, |ledger| {
        if let Some(text) = &backup.configuration {
            config_file::write(global, &path, text, global.environment_key())?;
        }
        if let Err(error) = ledger.replace_decisions(&allowed, &releases) {
            // Both or none of it.
            if let (Some(_), Some(before)) = (&backup.configuration, &before) {
                config_file::write(global, &path, before, global.environment_key())?;
            }
            return Err(error.into());
        }
        // Whom the names mean must be known before anything is blocked.
        for one in &allowed {
            if let Ok(Allow(target @ Target::Name(_))) = one.target.parse() {
                learn_allowed(&config, ledger, Some(&target), &System)?;
            }
        }
        learn_allowed(&config, ledger, None, &System)
    })?;
    let restored = Restored {
        configuration: backup.configuration.is_some(),
        allowed: allowed.len(),
        releases: releases.len(),
    };
    if global.json {
        print_json(&restored)?;
    } else if !global.quiet {
        print(&format!(
            "Restored: {}the allow list ({}), what was released ({}).\n{}\n",
            if restored.configuration { "the configuration, " } else { "" },
            restored.allowed,
            restored.releases,
            report.in_force()
        ))?;
    }
    Ok(report.exit)
}

fn useless(why: &str) -> Exit {
    complain(&format!("{why}; nothing was changed"));
    Exit::Unusable
}

/// Reads a backup and judges its lists.
fn read(text: &str, now: i64) -> Result<Backup, String> {
    if text.len() as u64 > MOST {
        return Err(format!("the backup is larger than {MOST} bytes"));
    }
    // No error quotes it: it may hold the key.
    let backup: Backup = serde_json::from_str(text).map_err(|error| {
        format!("this is no backup of banbridge (line {}, column {})", error.line(), error.column())
    })?;
    if backup.banbridge_backup != FORM {
        return Err(format!(
            "the backup is of another form ({}); it wants another version",
            backup.banbridge_backup
        ));
    }
    if backup.allowed.len().max(backup.releases.len()) > MOST_ENTRIES {
        return Err(format!("the backup holds more than {MOST_ENTRIES} entries of one kind"));
    }
    for one in &backup.allowed {
        one.target.parse::<Allow>().map_err(|why| format!("the backup's allow list: {why}"))?;
    }
    for one in &backup.releases {
        if one.until > now.saturating_add(LONGEST) {
            return Err(format!("the backup's release of {} lasts longer than ten years", one.prefix));
        }
    }
    Ok(backup)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"banbridge_backup":1,"version":"0.1.0","configuration":"key = \"s3cr3t\"",
        "allowed":[{"target":"sip.example.com","comment":null,"since":5}],
        "releases":[{"prefix":"192.0.2.0/24","since":5,"until":10}]}"#;

    #[test]
    fn what_is_no_backup_is_refused_without_quoting_it() {
        assert!(read(GOOD, 0).is_ok());
        for (from, to, words) in [
            ("{\"banbridge", "[\"banbridge", "no backup of banbridge"),
            ("192.0.2.0/24", "s3cr3t", "no backup of banbridge"),
            ("backup\":1", "backup\":2", "another form"),
            ("sip.example.com", "0.0.0.0/0", "most of the internet"),
            ("\"until\":10", "\"until\":9000000000000", "ten years"),
        ] {
            let why = read(&GOOD.replace(from, to), 0).err().unwrap_or_else(|| panic!("{to} was taken"));
            assert!(why.contains(words) && !why.contains("s3cr3t"), "{why}");
        }
    }
}
