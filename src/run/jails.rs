//! fail2ban on this PBX: root asks it, for nobody else may, and the confined child reads what it said.

use super::SyncRequest;
use super::context::Environment;
use crate::config::{Config, FeedConfig, FeedKind};
use crate::pbx::jails;
use crate::system::text::one_line;

/// The request with what fail2ban says, where a feed that is to be asked is fail2ban.
pub(super) fn with_answers(environment: &Environment, config: &Config, request: &SyncRequest) -> SyncRequest {
    let asked = |feed: &&FeedConfig| request.feed.as_ref().is_none_or(|name| *name == feed.name);
    let wanted = config.enabled().filter(asked).find_map(|feed| match &feed.kind {
        FeedKind::Fail2ban(fail2ban) => Some(&fail2ban.jails),
        _ => None,
    });
    let answer = |jails: &Vec<String>| {
        let banned = jails::banned(&environment.programs, jails);
        banned.map_err(|error| one_line(&error.to_string(), 300).into_owned())
    };
    SyncRequest { jails: wanted.map(answer), ..request.clone() }
}
