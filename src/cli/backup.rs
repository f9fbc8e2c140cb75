//! `backup` and `restore`: what you decided, as one JSON value.

use std::io::{self, Read};

use super::output::{complain, count, print, print_json};
use super::{Global, logging, report};
use crate::run::backup::{self, Decisions, MOST, Restored};
use crate::run::clock::Clock;
use crate::run::{Applied, Context};
use crate::system::exit::Exit;
use crate::system::failure::{Failure, Result};

/// Runs `backup`. It prints the key too.
pub fn backup(global: &Global) -> Result<Exit> {
    print_json(&backup::backup(&global.environment())?)?;
    Ok(Exit::Done)
}

/// Runs `restore`. The backup comes on standard input.
pub fn restore(global: &Global) -> Result<Exit> {
    let mut text = String::new();
    io::stdin().lock().take(MOST + 1).read_to_string(&mut text).map_err(|error| {
        Failure::new(Exit::Unusable, format!("cannot read standard input: {error}. Nothing was changed."))
    })?;
    let environment = global.environment();
    let decisions = Decisions::read(&text, Clock::of_machine().now())?;
    let context = Context::open(&environment, decisions.config(&environment)?)?;
    logging::start(global, Some(&context));
    let (restored, applied) = backup::restore(context, &decisions)?;
    if global.json {
        print_json(&restored)?;
    } else if !global.quiet {
        print(&said(&restored, &applied))?;
    }
    Ok(match applied {
        Applied::Now(report) => report.exit,
        Applied::Later => {
            complain("everything is restored; another run is in progress and the next one applies it");
            Exit::TryAgain
        }
    })
}

fn said(restored: &Restored, applied: &Applied) -> String {
    format!(
        "Restored {}the allow list ({}) and {}.\n{}",
        if restored.configuration { "the configuration, " } else { "" },
        count(restored.allowed, "entry", "entries"),
        count(restored.unblocked, "unblocked address or network", "unblocked addresses and networks"),
        applied.report().map_or_else(String::new, |report| report::effect(report) + "\n")
    )
}
