//! Takes what fail2ban on this PBX has banned, as root was told. Its bans go when fail2ban lifts them.

use super::{Outcome, Trouble};
use crate::ban::timed::{Answer, Ban};
use crate::config::FeedConfig;
use crate::ledger::feeds::FeedState;
use crate::pbx::jails;
use crate::run::report::{FeedReport, Report};
use crate::run::session::Session;
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::time::machine_zone;

/// How long a ban counts whose end fail2ban does not say, in seconds: until it was asked again a few times.
const UNTIL_ASKED_AGAIN: i64 = 900;
/// The longest time, in seconds: a permanent ban.
const FOR_EVER: i64 = 9 * 365 * 86_400;

/// Takes the bans.
pub(super) fn ask(
    session: &mut Session,
    config: &FeedConfig,
    asked: &mut FeedReport,
    report: &mut Report,
) -> Result<Outcome> {
    let Some(answer) = session.jails.clone() else {
        // Only root can ask; its run does.
        asked.note = Some("only root can ask fail2ban; the timer's run does".to_owned());
        return Ok(Outcome::NotDue);
    };
    let now = session.clock.now();
    let jails = match answer {
        Ok(jails) => jails,
        Err(error) => return Ok(Outcome::Failed(Trouble::new(Exit::Unreachable, error))),
    };
    asked.requests = 1;
    let mut bans: Vec<Ban> = jails
        .iter()
        .flat_map(|jail| jails::read(&jail.text, machine_zone()))
        .map(|ban| {
            let seconds = ban.until.map_or(UNTIL_ASKED_AGAIN, |until| (until - now).min(FOR_EVER));
            Ban { prefix: ban.prefix, seconds }
        })
        .filter(|ban| ban.seconds > 0 && config.widest.check(&ban.prefix).is_ok())
        .collect();
    // Of two jails with the same address the longer ban.
    bans.sort_by_key(|ban| (ban.prefix, -ban.seconds));
    bans.dedup_by_key(|ban| ban.prefix);
    session.count(asked, bans.len(), (0, &[]), bans.iter().map(|ban| &ban.prefix));
    asked.complete = true;
    let mut state = session.state(&config.name);
    let answer = Answer {
        known: &session.saved.entries,
        feed: state.id,
        ttl: config.ttl().map_or(0, crate::config::Period::as_secs),
        bans: &bans,
        deleted: &[],
        decides: true,
    };
    let change = answer.whole(now);
    let after = change.preview(state.id, &session.saved.entries);
    let known = session.known(config, &state, after);
    session.guard_against_surge(config, &mut state, known, asked);
    session.ledger.save_bans(&state, &change, &[], now)?;
    let changed = !change.is_empty();
    change.apply(state.id, &mut session.saved.entries);
    let state = FeedState { complete: true, last_attempt: Some(now), last_success: Some(now), ..state };
    session.remember(state);
    if changed {
        session.follow(report)?;
    }
    Ok(Outcome::Taken)
}
