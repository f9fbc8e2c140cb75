//! The allow list: addresses that are never blocked, whatever feeds list. A change of it is applied at once.

use std::sync::Arc;

use serde::Serialize;

use super::change::{Applied, WAIT, change_or_leave};
use super::context::Context;
use super::protect::learn_allowed;
use crate::ban::target::Target;
use crate::config::{Allow, Config};
use crate::ledger::Ledger;
use crate::ledger::allow::Allowed;
use crate::pbx::names::System;
use crate::system::failure::Result;
use crate::system::time::Time;

/// What became of a change.
pub struct Change {
    /// What a command put on the list, after the change; none where nothing did.
    pub entry: Option<Allowed>,
    /// Whether it is on the list of the configuration, which only its file can change.
    pub in_configuration: bool,
    /// Whether the list is different now.
    pub changed: bool,
    /// The addresses: itself, or what the name resolves to, as far as that is known.
    pub addresses: Vec<String>,
    /// Who applies it.
    pub applied: Applied,
}

/// Puts an address, network or host name on the list.
pub fn allow(mut context: Context, target: &Allow, comment: Option<&str>) -> Result<Change> {
    let text = target.to_string();
    context.root_allows = context.environment.is_root;
    change(context, target, |ledger, now| {
        let before = known(ledger, &text)?;
        ledger.allow(&text, comment, now)?;
        Ok(before != known(ledger, &text)?)
    })
}

/// Removes it again.
pub fn unallow(context: Context, target: &Allow) -> Result<Change> {
    let text = target.to_string();
    change(context, target, |ledger, _| Ok(ledger.unallow(&text)?))
}

fn change(
    context: Context,
    target: &Allow,
    list: impl FnOnce(&mut Ledger, i64) -> Result<bool>,
) -> Result<Change> {
    let config = Arc::clone(&context.config);
    let text = target.to_string();
    let ((changed, entry, addresses), applied) = change_or_leave(context, WAIT, |ledger, now| {
        let changed = list(ledger, now)?;
        let entry = known(ledger, &text)?;
        let is_new = entry.is_some() && matches!(target.0, Target::Name(_));
        let new = if is_new { std::slice::from_ref(&target.0) } else { &[] };
        learn_allowed(&config, ledger, new, &System, now)?;
        Ok((changed, entry, addresses(ledger, target)?))
    })?;
    let in_configuration = config.protect.allow.contains(target);
    Ok(Change { entry, in_configuration, changed, addresses, applied })
}

fn known(ledger: &mut Ledger, target: &str) -> Result<Option<Allowed>> {
    Ok(ledger.allowed()?.into_iter().find(|allowed| allowed.target == target))
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

/// One entry of the list.
#[derive(Debug, Serialize)]
pub struct Item {
    /// The address, network or host name.
    pub target: String,
    /// Whether it is in the configuration; else a command put it there.
    pub in_configuration: bool,
    /// Why, as whoever put it there said.
    pub comment: Option<String>,
    /// Since when; none for the configuration's.
    pub since: Option<Time>,
    /// Its addresses, as far as they are known.
    pub addresses: Vec<String>,
}

/// The whole list: the configuration's, then what commands added.
pub fn items(config: &Config, ledger: &mut Ledger) -> Result<Vec<Item>> {
    let names = ledger.names()?;
    let addresses = |allow: &Allow| match allow.0.question() {
        None => vec![allow.to_string()],
        Some(question) => names.get(&question).into_iter().flatten().map(ToString::to_string).collect(),
    };
    let in_file = config.protect.allow.iter().map(|allow| Item {
        target: allow.to_string(),
        in_configuration: true,
        comment: None,
        since: None,
        addresses: addresses(allow),
    });
    let by_command = ledger.allowed()?.into_iter().map(|allowed| Item {
        addresses: allowed.target.parse().map_or_else(|_| Vec::new(), |allow| addresses(&allow)),
        target: allowed.target,
        in_configuration: false,
        comment: allowed.comment,
        since: Some(Time(allowed.since)),
    });
    Ok(in_file.chain(by_command).collect())
}
