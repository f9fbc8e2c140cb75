//! `feed add`, `feed enable` and `feed disable`.

use super::super::Global;
use crate::cli::output::{print, print_json};
use crate::cli::report;
use crate::run::{edit_config, feeds};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// Runs `feed add`.
pub(super) fn add(global: &Global, name: &str) -> Result<Exit> {
    let environment = global.environment();
    let chosen = feeds::add(&environment, name)?;
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
