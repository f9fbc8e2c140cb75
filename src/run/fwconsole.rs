//! Rows through FreePBX's own command, for whoever wants every change to go that way.

use super::report::Report;
use super::session::Session;
use crate::ban::plan::{Driver, Plan};
use crate::pbx::{freepbx_conf, fwconsole};
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::fault;
use crate::system::program::System;
use crate::system::text::count;

/// Has fwconsole write the rows, as asterisk, and reads them back. What it does not take is said, and does not
/// keep the others from being written.
pub(super) fn write(session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
    let now = session.clock.now();
    let user = if session.environment.is_root {
        Some(freepbx_conf::owner(&session.environment.freepbx_conf)?)
    } else {
        None
    };
    let programs = System { user, ..System::for_slow_programs() };
    session.ledger.begin_unmarked(&plan.add, &plan.remove, now)?;
    fault::point("fwconsole-begun")?;
    let mut failed = Vec::new();
    // As in the database: never a moment without cover here, never one with an overlap there.
    let add_first = session.saved.policy.driver == Driver::Iptables;
    for verb in if add_first { ["add", "del"] } else { ["del", "add"] } {
        let keys = if verb == "add" { &plan.add } else { &plan.remove };
        failed.extend(fwconsole::change(&programs, verb, keys));
        fault::point("fwconsole-ran")?;
    }
    session.saved.look_at_rows(&mut session.ledger)?;
    let ours = session.saved.rows.ours.clone();
    for one in &failed {
        report.warn(format!("fwconsole did not accept {}: {}", one.key, one.why));
    }
    let undone = plan.add.iter().filter(|key| !ours.contains(*key)).count()
        + plan.remove.iter().filter(|key| ours.contains(*key)).count();
    if undone > 0 {
        report.warn(format!(
            "fwconsole did not change {}. The next run tries again.",
            count(undone, "row", "rows")
        ));
        report.exit = report.exit.worse(Exit::Unreachable);
    }
    let written = session.ledger.written()?;
    Ok(session.ledger.finish_change(&written.keys, &ours, now)?)
}
