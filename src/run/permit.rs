//! The permit list: root brings the kernel to what the permit feeds say, and counts who was outside.

use std::path::Path;

use serde::Serialize;

use super::report::Report;
use super::session::Session;
use super::set::OFF;
use super::state::SavedState;
use crate::ban::hits::Backend;
use crate::ban::permit::Permit;
use crate::ban::plan::Plan;
use crate::config::{Config, Enabled, PermitPorts};
use crate::kernel::permit::{self, Desired, Ports};
use crate::kernel::set::DIRECTORY;
use crate::ledger::hits::SetState;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::sip_ports::{self, Protocol, SipPort};
use crate::system::failure::Result;
use crate::system::machine;
use crate::system::time::Time;

/// The permit list in `status`; none without a permit feed.
#[derive(Debug, Serialize)]
pub struct PermitStatus {
    /// The feeds.
    pub feeds: Vec<String>,
    /// Those of them that were never read whole, so that nothing is enforced.
    pub not_ready: Vec<String>,
    /// Whether root saw it in the kernel.
    pub in_force: bool,
    /// Whether IPv4 and IPv6 have a list; a family without is left alone.
    pub ipv4: bool,
    /// The same of IPv6.
    pub ipv6: bool,
    /// Networks that are let in.
    pub size: usize,
    /// The ports; none: all of them.
    pub ports: Option<Vec<SipPort>>,
    /// Packets from outside.
    pub outside_packets: u64,
    /// When root looked last.
    pub checked_at: Option<Time>,
    /// Why it is not in force, in words.
    pub note: Option<String>,
}

/// The ports that are closed to everybody else.
pub fn ports(ledger: &mut Ledger, config: &Config) -> Result<Option<Vec<SipPort>>> {
    Ok(match &config.permit.ports {
        PermitPorts::All => None,
        PermitPorts::Sip => Some(sip_ports::read(ledger.conn())?),
        PermitPorts::Some(ports) => Some(
            ports
                .iter()
                .flat_map(|port| {
                    [Protocol::Udp, Protocol::Tcp].map(|protocol| SipPort { protocol, port: *port })
                })
                .collect(),
        ),
    })
}

fn of_kernel(ports: Option<&Vec<SipPort>>) -> Ports {
    let of = |protocol: Protocol| {
        let all = ports.into_iter().flatten().filter(|port| port.protocol == protocol).map(|port| port.port);
        let mut all: Vec<u16> = all.collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    Ports { all: ports.is_none(), udp: of(Protocol::Udp), tcp: of(Protocol::Tcp) }
}

/// What is to be known of it, for `status`.
pub fn look(
    ledger: &mut Ledger,
    config: &Config,
    saved: &SavedState,
    now: i64,
) -> Result<Option<PermitStatus>> {
    let permit = saved.permit(now);
    if permit == Permit::Off {
        return Ok(None);
    }
    let feeds: Vec<String> =
        config.enabled().filter(|feed| feed.permits).map(|feed| feed.name.clone()).collect();
    let (not_ready, permitted) = match permit {
        Permit::NotReady(names) => (names, Vec::new()),
        Permit::Ready(all) => (Vec::new(), all),
        Permit::Off => (Vec::new(), Vec::new()),
    };
    let desired = Desired::new(&permitted, &[], Ports { all: true, ..Ports::default() }, config.set.action);
    let found = ledger.permit_found()?;
    Ok(Some(PermitStatus {
        feeds,
        not_ready,
        in_force: found.as_ref().is_some_and(|found| found.backend.is_some()),
        ipv4: desired.permit[0].is_some(),
        ipv6: desired.permit[1].is_some(),
        size: desired.size(),
        ports: ports(ledger, config)?,
        outside_packets: ledger.outside()?,
        checked_at: found.as_ref().map(|found| Time(found.checked_at)),
        note: found.and_then(|found| found.note),
    }))
}

/// Brings the kernel to what the permit feeds say. To be called after the set, whose way it goes.
pub(super) fn bring(session: &mut Session, _: &Plan, report: &mut Report) -> Result<()> {
    let now = session.clock.now();
    let directory = Path::new(DIRECTORY);
    let programs = session.environment.programs;
    let permit = session.saved.permit(now);
    // A restart of the firewall switches it off for a moment: what is in the kernel stays then, as the set does.
    let off_since = match session.saved.firewall.enabled || session.config.set.without_firewall {
        true => None,
        false => session.ledger.state(StateKey::OffSince)?,
    };
    let is_off = off_since.is_some_and(|since| now - since >= OFF);
    if off_since.is_some() && !is_off {
        return Ok(());
    }
    let wants_none = permit == Permit::Off || session.config.set.enabled == Enabled::No || is_off;
    if wants_none {
        let known = session.ledger.permit_found()?;
        if permit::is_saved(directory) || known.as_ref().is_some_and(|known| known.backend.is_some()) {
            match permit::remove(&programs, directory) {
                Ok(_) => log::info!("the permit list was removed from the kernel"),
                Err(error) => report.warn(format!("Cannot remove the permit list from the kernel: {error}")),
            }
        }
        let note = match (&permit, is_off) {
            (Permit::Off, _) => None,
            (_, true) => Some("the firewall is disabled"),
            _ => Some("[set] enabled is \"no\", and without the kernel set a permit feed does nothing"),
        };
        return note_permit(session, None, 0, note.map(str::to_owned), known);
    }
    let known = session.ledger.permit_found()?;
    let Permit::Ready(permitted) = permit else {
        // What is enforced from before stays; where nothing is, nothing is begun.
        return Ok(());
    };
    let Some(backend) = session.ledger.set_found()?.and_then(|set| set.backend) else {
        let note = "there is no kernel set on this PBX, so a permit feed does nothing".to_owned();
        report.warn(format!("Permit list: {note}"));
        return note_permit(session, None, 0, Some(note), known);
    };
    let ports = ports(&mut session.ledger, &session.config)?;
    let pass = session.saved.never_block.prefixes();
    let desired = Desired::new(&permitted, &pass, of_kernel(ports.as_ref()), session.config.set.action);
    if desired.is_nothing() {
        return note_permit(session, None, 0, Some("its lists are empty".to_owned()), known);
    }
    match permit::bring(&programs, directory, backend, &desired, now) {
        Ok(outcome) => {
            if let Some(outside) = outcome.outside {
                session.ledger.count_outside(outside.packets, machine::boot(), now)?;
            }
            if outcome.wrote {
                log::info!("permit list: {} networks are let in", desired.size());
            }
            note_permit(session, Some(backend), desired.size(), None, known)
        }
        Err(error) => {
            report.warn(format!("Permit list: {error}"));
            note_permit(session, None, 0, Some(error.to_string()), known)
        }
    }
}

/// Notes what was found, when it is anything else than before or an hour old.
fn note_permit(
    session: &mut Session,
    backend: Option<Backend>,
    size: usize,
    note: Option<String>,
    known: Option<SetState>,
) -> Result<()> {
    let state = SetState { backend, size, checked_at: session.clock.now(), note };
    let same = |known: &SetState| {
        (known.backend, known.size, &known.note) == (state.backend, state.size, &state.note)
            && (known.checked_at..known.checked_at + 3_600).contains(&state.checked_at)
    };
    // Where there never was one, nothing is noted.
    let is_news = known.is_some() || state.backend.is_some() || state.note.is_some();
    if is_news && !known.as_ref().is_some_and(same) {
        session.ledger.note_permit(&state)?;
    }
    Ok(())
}
