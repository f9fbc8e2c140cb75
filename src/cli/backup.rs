//! `backup` and `restore`: what an administrator decided, as one JSON value: the configuration with its key, the allow
//! list, and what was released. What feeds said is no part of it: they are asked again.

use crate::system::failure::Result;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::output::{complain, count, print, print_json};
use super::{Global, logging, report};
use crate::ban::Prefix;
use crate::ban::entry::NEVER;
use crate::ban::target::Target;
use crate::config::{Allow, Config};
use crate::ledger::Ledger;
use crate::ledger::allow::Allowed;
use crate::ledger::rows::Release;
use crate::pbx::names::System;
use crate::run::clock::Clock;
use crate::run::protect::learn_allowed;
use crate::run::{self, Applied, Context, edit_config};
use crate::system::exit::Exit;

/// The form of what is written.
const FORM: u32 = 1;
/// The most that is read, in bytes, and in entries of each list.
const MOST: u64 = 32 << 20;
const MOST_ENTRIES: usize = 100_000;
/// How many seconds it waits for another run to end.
const PATIENCE: u8 = 20;

#[derive(Serialize, Deserialize)]
struct Backup {
    /// Tells this from any other JSON.
    banbridge_backup: u32,
    version: String,
    /// The text of the configuration; none where there was no file.
    configuration: Option<String>,
    allowed: Vec<AllowedEntry>,
    unblocked: Vec<Together>,
}

/// Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct AllowedEntry {
    target: String,
    comment: Option<String>,
    since: i64,
}

/// What was released together. Whoever empties the blacklist releases thousands, and what comes back by the page has
/// to fit into one request.
#[derive(Serialize, Deserialize)]
struct Together {
    since: i64,
    until: i64,
    addresses: Vec<String>,
}

/// What a good backup holds.
#[derive(Debug)]
struct Decisions {
    configuration: Option<String>,
    allowed: Vec<Allowed>,
    /// The names among the allowed, whose addresses are to be asked for.
    names: Vec<Target>,
    releases: Vec<Release>,
}

#[derive(Serialize)]
struct Restored {
    configuration: bool,
    allowed: usize,
    unblocked: usize,
}

/// Runs `backup`. What it prints holds the key.
pub fn backup(global: &Global) -> Result<Exit> {
    let configuration = edit_config::read_if_there(&edit_config::path(&global.environment()))?;
    let (mut ledger, clock) = global.ledger()?;
    let allowed = ledger.allowed()?.into_iter();
    let mut together: BTreeMap<(i64, i64), Vec<String>> = BTreeMap::new();
    for one in ledger.releases(clock.now())? {
        together.entry((one.since, one.until)).or_default().push(one.prefix.to_string());
    }
    let releases = together.into_iter();
    print_json(&Backup {
        banbridge_backup: FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration,
        allowed: allowed
            .map(|one| AllowedEntry { target: one.target, comment: one.comment, since: one.since })
            .collect(),
        unblocked: releases
            .map(|((since, until), prefixes)| Together { since, until, addresses: prefixes })
            .collect(),
    })?;
    Ok(Exit::Done)
}

/// Runs `restore`: all of it is judged before any of it is taken over, and the blacklist follows at once.
pub fn restore(global: &Global) -> Result<Exit> {
    let mut text = String::new();
    if let Err(error) = io::stdin().lock().take(MOST + 1).read_to_string(&mut text) {
        return Ok(useless(&format!("cannot read standard input: {error}")));
    }
    let decisions = match read(&text, Clock::of_machine().now()) {
        Ok(decisions) => decisions,
        Err(why) => return Ok(useless(&why)),
    };
    let path = edit_config::path(&global.environment());
    let config = match &decisions.configuration {
        Some(text) => Config::parse(text, &path, global.environment().key)?,
        None => global.environment().config()?,
    };
    let context = Context::open(&global.environment(), config.clone())?;
    logging::start(global, Some(&context));
    let ((), applied) = run::change_or_leave(context, PATIENCE, |ledger, now| {
        take_over(global, &path, &config, &decisions, ledger, now)
    })?;
    let restored = Restored {
        configuration: decisions.configuration.is_some(),
        allowed: decisions.allowed.len(),
        unblocked: decisions.releases.len(),
    };
    if global.json {
        print_json(&restored)?;
    } else if !global.quiet {
        print(&format!(
            "Restored {}the allow list ({}) and {}.\n{}",
            if restored.configuration { "the configuration, " } else { "" },
            count(restored.allowed, "entry", "entries"),
            count(restored.unblocked, "unblocked address or network", "unblocked addresses and networks"),
            applied.report().map_or_else(String::new, |report| report::effect(report) + "\n")
        ))?;
    }
    Ok(match applied {
        Applied::Now(report) => report.exit,
        Applied::Later => {
            complain("everything is restored; another run is in progress and the next one applies it");
            Exit::TryAgain
        }
    })
}

/// Takes the decisions over: all of them or none.
fn take_over(
    global: &Global,
    path: &Path,
    config: &Config,
    decisions: &Decisions,
    ledger: &mut Ledger,
    now: i64,
) -> Result<()> {
    let before = edit_config::read_if_there(path)?;
    if let Some(text) = &decisions.configuration {
        edit_config::write(&global.environment(), path, text, global.environment().key)?;
    }
    if let Err(error) = ledger.replace_decisions(&decisions.allowed, &decisions.releases) {
        match (&decisions.configuration, before) {
            (Some(_), Some(before)) => {
                edit_config::write(&global.environment(), path, &before, global.environment().key)?;
            }
            (Some(_), None) => std::fs::remove_file(path)?,
            (None, _) => {}
        }
        return Err(error.into());
    }
    // Whom the names mean must be known before anything is blocked.
    learn_allowed(config, ledger, &decisions.names, &System, now)
}

fn useless(why: &str) -> Exit {
    complain(&format!("{why}. Nothing was changed."));
    Exit::Unusable
}

/// Reads a backup and judges its lists. The configuration in it is judged when it is read.
fn read(text: &str, now: i64) -> Result<Decisions, String> {
    if text.len() as u64 > MOST {
        return Err(format!("the backup is larger than {MOST} bytes"));
    }
    // No error quotes it: it may hold the key.
    let backup: Backup = serde_json::from_str(text).map_err(|error| {
        format!("not a banbridge backup (line {}, column {})", error.line(), error.column())
    })?;
    if backup.banbridge_backup != FORM {
        return Err(format!(
            "the backup has form {}, which needs another version of banbridge",
            backup.banbridge_backup
        ));
    }
    if backup.configuration.as_ref().is_some_and(|text| text.len() as u64 > edit_config::MOST) {
        return Err(format!("the backup's configuration is larger than {} bytes", edit_config::MOST));
    }
    let released: usize = backup.unblocked.iter().map(|together| together.addresses.len()).sum();
    if backup.allowed.len().max(released) > MOST_ENTRIES {
        return Err(format!("the backup contains more than {MOST_ENTRIES} entries of one kind"));
    }
    let mut decisions = Decisions {
        configuration: backup.configuration,
        allowed: Vec::with_capacity(backup.allowed.len()),
        names: Vec::new(),
        releases: Vec::with_capacity(released),
    };
    for one in backup.allowed {
        let target: Allow = one.target.parse().map_err(|why| format!("the backup's allow list: {why}"))?;
        let since = one.since.clamp(0, now.max(0));
        decisions.allowed.push(Allowed { target: target.to_string(), comment: one.comment, since });
        if matches!(target.0, Target::Name(_)) {
            decisions.names.push(target.0);
        }
    }
    for together in &backup.unblocked {
        // What was made in the future by this clock counts from now.
        let ahead = together.since.saturating_sub(now).max(0);
        let (since, until) = (together.since - ahead, together.until.saturating_sub(ahead));
        if !(0..=until).contains(&since) || until > NEVER {
            return Err("the backup contains an unblocked address with an invalid time".to_owned());
        }
        for prefix in &together.addresses {
            let prefix: Prefix = prefix
                .parse()
                .map_err(|why| format!("the backup's unblocked addresses: {prefix:?}: {why}"))?;
            decisions.releases.push(Release { prefix, since, until });
        }
    }
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"banbridge_backup":1,"version":"0.1.0","configuration":"key = \"s3cr3t\"",
        "allowed":[{"target":" SIP.Example.com.","comment":null,"since":5}, {"target":"192.0.2.9","comment":"a","since":99}],
        "unblocked":[{"since":5,"until":10,"addresses":["192.0.2.77/24","2001:db8::1"]}]}"#;

    #[test]
    fn anything_but_a_backup_is_rejected_without_quoting_it() {
        let long = format!("configuration\":\"{}", "#".repeat(1 << 20));
        for (from, to, words) in [
            ("{\"banbridge", "[\"banbridge", "not a banbridge backup"),
            ("192.0.2.77/24", "nowhere", "invalid address"),
            ("backup\":1", "backup\":2", "another version"),
            (" SIP.Example.com.", "0.0.0.0/0", "most of the internet"),
            (" SIP.Example.com.", "a b", "not a valid address, network or host name"),
            ("\"until\":10", "\"until\":9000000000000", "invalid time"),
            ("\"until\":10", "\"until\":-10", "invalid time"),
            ("configuration\":\"", &long, "configuration is larger"),
        ] {
            let why = read(&GOOD.replace(from, to), 50).err().unwrap_or_else(|| panic!("{to} was taken"));
            assert!(why.contains(words) && !why.contains("s3cr3t"), "{why}");
        }
    }

    #[test]
    fn what_is_taken_over_is_as_commands_write_it_and_from_no_future() {
        let good = read(GOOD, 50).unwrap();
        let allowed: Vec<_> = good.allowed.iter().map(|one| (one.target.as_str(), one.since)).collect();
        assert_eq!(allowed, [("sip.example.com", 5), ("192.0.2.9", 50)]);
        assert_eq!(good.names, [Target::Name("sip.example.com".to_owned())]);
        let released = |good: &Decisions| -> Vec<_> {
            good.releases.iter().map(|one| (one.prefix.to_string(), one.since, one.until)).collect()
        };
        let all = |since, until| {
            [("192.0.2.0/24".to_owned(), since, until), ("2001:db8::1".to_owned(), since, until)]
        };
        assert_eq!(released(&good), all(5, 10));
        assert_eq!(released(&read(GOOD, 2).unwrap()), all(2, 7));
    }
}
