//! `allow` and `unallow`: who is never blocked, whatever the feeds say. Both take effect at once.

use crate::system::failure::Result;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::output::{Time, count, print, print_json};
use super::{Global, report};
use crate::ban::target::Target;
use crate::config::{Allow, Config};
use crate::ledger::Ledger;
use crate::ledger::allow::Allowed;
use crate::pbx::names::System;
use crate::run;
use crate::run::protect::learn_allowed;
use crate::run::report::{BlacklistReport, Reload, Report};
use crate::run::request;
use crate::system::exit::Exit;

/// What `allow` takes.
#[derive(Debug, Args)]
pub struct AllowArgs {
    /// An address, a network or a host name
    #[arg(value_name = "ADDRESS|NETWORK|HOST")]
    target: Allow,
    /// Why, for those who will look at the list
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

/// What `unallow` takes.
#[derive(Debug, Args)]
pub struct UnallowArgs {
    /// What was allowed
    #[arg(value_name = "ADDRESS|NETWORK|HOST")]
    target: Allow,
}

#[derive(Serialize)]
struct Answer {
    target: String,
    /// Whether it is on the list now, of the configuration or by command.
    allowed: bool,
    /// Whether it stands in the configuration, where only its file can change it.
    in_configuration: bool,
    /// Whether the list is another now.
    changed: bool,
    comment: Option<String>,
    since: Option<Time>,
    /// The addresses that a name has, as far as it was ever resolved.
    addresses: Vec<String>,
    /// What became of the rows; none when another run is at work and will see to it.
    blacklist: Option<BlacklistReport>,
    reload: Option<Reload>,
}

/// Runs `allow`.
pub fn allow(global: &Global, args: &AllowArgs) -> Result<Exit> {
    let (target, comment) = (args.target.to_string(), args.comment.as_deref());
    change(global, &args.target, |ledger, now| {
        let before = known(ledger, &target)?;
        ledger.allow(&target, comment, now)?;
        Ok(before != known(ledger, &target)?)
    })
}

/// Runs `unallow`.
pub fn unallow(global: &Global, args: &UnallowArgs) -> Result<Exit> {
    let target = args.target.to_string();
    change(global, &args.target, |ledger, _| Ok(ledger.unallow(&target)?))
}

/// Changes the list and brings it in force. Where another run is at work the list is changed all the same: that run
/// looks at it again before it writes, and the one after it begins with it.
fn change(global: &Global, target: &Allow, list: impl Fn(&mut Ledger, i64) -> Result<bool>) -> Result<Exit> {
    let context = global.open()?;
    let config = Arc::clone(&context.config);
    let text = target.to_string();
    let work = |ledger: &mut Ledger, now: i64| {
        let changed = list(ledger, now)?;
        let entry = known(ledger, &text)?;
        let is_new = entry.is_some() && matches!(target.0, Target::Name(_));
        let new = if is_new { std::slice::from_ref(&target.0) } else { &[] };
        learn_allowed(&config, ledger, new, &System, now)?;
        Ok((changed, entry, addresses(ledger, target)?))
    };
    let (found, report, held) = match run::change(context, work) {
        Ok((found, report)) => (found, Some(report), None),
        Err(error) if error.exit() == Exit::TryAgain => {
            let (mut ledger, clock) = global.ledger()?;
            if !ledger.is_present() {
                return Err(error);
            }
            let worked = work(&mut ledger, clock.now())?;
            // That run may be one that cannot do what root can.
            request::after_change();
            (worked, None, Some(error))
        }
        Err(error) => return Err(error),
    };
    let (changed, entry, addresses) = found;
    let in_configuration = in_configuration(&config, target);
    let (blacklist, reload) = match &report {
        Some(report) => (Some(report.blacklist.clone()), Some(report.reload)),
        None => (None, None),
    };
    let answer = Answer {
        target: text,
        allowed: entry.is_some() || in_configuration,
        in_configuration,
        changed,
        since: entry.as_ref().map(|entry| Time(entry.since)),
        comment: entry.as_ref().and_then(|entry| entry.comment.clone()),
        addresses,
        blacklist,
        reload,
    };
    let wanted = entry.is_some();
    if global.json {
        print_json(&answer)?;
    } else if !global.quiet {
        print(&said(&answer, wanted, &config, report.as_ref()))?;
    }
    Ok(match held {
        Some(_) => Exit::TryAgain,
        None if !wanted && in_configuration => Exit::No,
        None => Exit::Done,
    })
}

fn said(answer: &Answer, wanted: bool, config: &Config, report: Option<&Report>) -> String {
    let target = &answer.target;
    let mut text = match (wanted, answer.changed) {
        (true, true) => format!("{target} is never blocked from now on.\n"),
        (true, false) => format!("{target} was on the allow list already.\n"),
        (false, true) => {
            format!("{target} is on the allow list no more; feeds that list it block it again.\n")
        }
        (false, false) => format!("{target} was not put on the allow list by this command.\n"),
    };
    if !wanted && answer.in_configuration {
        let file = config.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        text += &format!("It stays allowed: it stands in [protect] allow of {file}; take it out there.\n");
    }
    if wanted && answer.addresses.is_empty() {
        text += "The name was not resolved, so nothing of it is protected yet; each run tries again.\n";
    } else if wanted && answer.addresses != [target.as_str()] {
        text += &format!("Its addresses: {}.\n", answer.addresses.join(", "));
    }
    match report {
        Some(report) => {
            let rows = count(report.blacklist.removed, "row", "rows");
            let added = count(report.blacklist.added, "row", "rows");
            if report.changed {
                text += &format!("{rows} of banbridge taken out of the blacklist, {added} written.\n");
            }
            text + &report::effect(report) + "\n"
        }
        None => {
            text + "Another run is at work: it sees to it before it writes again, or else the next run does.\n"
        }
    }
}

fn known(ledger: &mut Ledger, target: &str) -> Result<Option<Allowed>> {
    Ok(ledger.allowed()?.into_iter().find(|allowed| allowed.target == target))
}

fn in_configuration(config: &Config, target: &Allow) -> bool {
    config.protect.allow.contains(target)
}

/// The address or network itself, or what the name resolves to.
fn addresses(ledger: &mut Ledger, target: &Allow) -> Result<Vec<String>> {
    Ok(match target.0.question() {
        None => vec![target.to_string()],
        Some(question) => {
            ledger.names()?.remove(&question).unwrap_or_default().iter().map(ToString::to_string).collect()
        }
    })
}

/// One entry of the allow list, for `list --allowed`.
#[derive(Debug, Serialize)]
pub struct AllowedItem {
    pub target: String,
    pub in_configuration: bool,
    pub comment: Option<String>,
    pub since: Option<Time>,
    pub addresses: Vec<String>,
}

/// The whole allow list: the configuration's, then what commands added.
pub fn items(config: &Config, ledger: &mut Ledger) -> Result<Vec<AllowedItem>> {
    let names = ledger.names()?;
    let addresses = |allow: &Allow| match allow.0.question() {
        None => vec![allow.to_string()],
        Some(question) => names.get(&question).into_iter().flatten().map(ToString::to_string).collect(),
    };
    let in_file = config.protect.allow.iter().map(|allow| AllowedItem {
        target: allow.to_string(),
        in_configuration: true,
        comment: None,
        since: None,
        addresses: addresses(allow),
    });
    let by_command = ledger.allowed()?.into_iter().map(|allowed| AllowedItem {
        addresses: allowed.target.parse().map_or_else(|_| Vec::new(), |allow| addresses(&allow)),
        target: allowed.target,
        in_configuration: false,
        comment: allowed.comment,
        since: Some(Time(allowed.since)),
    });
    Ok(in_file.chain(by_command).collect())
}
