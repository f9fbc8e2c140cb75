//! `feed add`, `feed enable` and `feed disable`.

use super::super::Global;
use super::LoginArgs;
use crate::cli::config::from_stdin;
use crate::cli::output::{print, print_json};
use crate::cli::{report, terminal};
use crate::run::feeds::OwnList;
use crate::run::login::{self, NewLogin};
use crate::run::{edit_config, feeds};
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};
use crate::system::secret::Secret;

/// Runs `feed add`.
pub(super) fn add(global: &Global, name: &str) -> Result<Exit> {
    let environment = global.environment();
    let chosen = feeds::add(&environment, name)?;
    let path = edit_config::path(&environment);
    if chosen.url.is_empty() {
        let text = format!(
            "Added {0} to {1}. The next run begins with it.\n  beware: {2}\n",
            chosen.name,
            path.display(),
            chosen.known.beware
        );
        return done(global, &chosen.name, true, &text);
    }
    let text = format!(
        "Added {0} to {1}. The next run fetches it.\n  beware: {2}\n  terms:  {3}\nTo see first what it would do: banbridge \
         feed test {0}\n",
        chosen.name,
        edit_config::path(&environment).display(),
        chosen.known.beware,
        chosen.known.terms,
    );
    done(global, &chosen.name, true, &text)
}

/// Runs `feed add` with an address.
pub(super) fn add_own(global: &Global, list: &OwnList) -> Result<Exit> {
    let environment = global.environment();
    feeds::add_own(&environment, list)?;
    let text = format!(
        "Added {0} to {1}. The next run fetches it.\nTo see first what it would do: banbridge feed test {0}\n",
        list.name,
        edit_config::path(&environment).display(),
    );
    done(global, &list.name, true, &text)
}

/// Runs `feed remove`.
pub(super) fn remove(global: &Global, name: &str) -> Result<Exit> {
    let report = feeds::remove(global.open()?, name)?;
    done(global, name, false, &format!("Removed {name}.\n{}\n", report::effect(&report)))
}

/// Runs `feed login`.
pub(super) fn login(global: &Global, args: &LoginArgs) -> Result<Exit> {
    let secret = |question: &str| -> Result<Secret> {
        let secret = match terminal::is_there() {
            true => terminal::secret(question)?,
            false => Some(Secret::new(from_stdin()?.trim())),
        };
        secret.filter(|secret| !secret.expose().is_empty()).ok_or_else(|| {
            Failure::new(Exit::Usage, "nothing was read on standard input; nothing was changed".to_owned())
        })
    };
    let login = match (&args.user, &args.header) {
        (Some(user), _) => NewLogin::Password(user.clone(), secret("Password:")?),
        (None, Some(header)) => NewLogin::Header(header.clone(), secret("Value of the header:")?),
        (None, None) => NewLogin::None,
    };
    login::set(&global.environment(), &args.name, &login)?;
    if global.json {
        print_json(&serde_json::json!({"feed": args.name, "login": !matches!(login, NewLogin::None)}))?;
    } else if !global.quiet {
        print(&match login {
            NewLogin::None => format!("{} is fetched without a login from the next run on.\n", args.name),
            _ => format!("{} is fetched with this login from the next run on.\n", args.name),
        })?;
    }
    Ok(Exit::Done)
}

/// Runs `feed enable` and `feed disable`.
pub(super) fn set_enabled(global: &Global, name: &str, enabled: bool) -> Result<Exit> {
    let report = feeds::set_enabled(global.open()?, name, enabled)?;
    let word = if enabled { "enabled" } else { "disabled" };
    let text = match (&report, enabled) {
        (None, _) => format!("{name} is already {word}. Nothing was changed.\n"),
        (Some(report), true) => {
            format!("{name} is enabled. The next run fetches it.\n{}\n", report::effect(report))
        }
        (Some(report), false) => format!("{name} is disabled.\n{}\n", report::effect(report)),
    };
    done(global, name, enabled, &text)
}

fn done(global: &Global, name: &str, enabled: bool, text: &str) -> Result<Exit> {
    if global.json {
        print_json(&serde_json::json!({"feed": name, "enabled": enabled}))?;
    } else if !global.quiet {
        print(text)?;
    }
    Ok(Exit::Done)
}
