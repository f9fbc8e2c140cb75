//! Where a run makes its plan true.
//!
//! A run is always the same; what differs is who carries it out. Root changes rows, rules and set together. Another
//! user writes the rows and leaves the rest to the firewall and to root. The child of a root's run writes what feeds
//! say and lets its parent do the rest. A dry run works on tables that shadow the real ones and go with its connection
//! ([`crate::ledger::Ledger::keep_nothing`]), and touches nothing else, so its plan is the plan of a run.

use super::child::{self, Event};
use super::force;
use super::report::{Reload, Report};
use super::session::{Backend, Session};
use super::{fwconsole, permit, request, set};
use crate::ban::plan::Plan;
use crate::config::Writer;
use crate::system::failure::Result;

/// Root: rows and the firewall's chain together, and the kernel set.
pub(super) struct Root;

impl Backend for Root {
    fn bring_set(&self, session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
        set::bring(session, plan, report)?;
        permit::bring(session, plan, report)?;
        Ok(session.follow_row_cost()?)
    }

    fn write_rows(&self, session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
        force::write_and_force(session, plan, report)
    }

    fn check_rules(&self, session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
        force::write_and_force(session, plan, report)
    }

    fn reload(&self, session: &mut Session, report: &mut Report) -> Result<()> {
        if session.rows_wait(report)? {
            force::tell_daemon(session, report)?;
        }
        Ok(())
    }
}

/// FreePBX's user: the rows. The firewall reads them by itself; root's next run, which is called, does the rest.
pub(super) struct User;

impl Backend for User {
    fn reload(&self, session: &mut Session, report: &mut Report) -> Result<()> {
        session.rows_wait(report).map(drop)
    }

    fn call_others(&self) {
        request::after_change();
    }
}

/// Rows by FreePBX's own command, for root and user alike; everything else as they do it.
pub(super) struct Fwconsole<B>(pub(super) B);

impl<B: Backend> Backend for Fwconsole<B> {
    fn bring_set(&self, session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
        self.0.bring_set(session, plan, report)
    }

    fn write_rows(&self, session: &mut Session, plan: &Plan, report: &mut Report) -> Result<()> {
        fwconsole::write(session, plan, report)
    }

    fn reload(&self, session: &mut Session, report: &mut Report) -> Result<()> {
        self.0.reload(session, report)
    }

    fn call_others(&self) {
        self.0.call_others();
    }
}

/// A dry run: rows in the shadow tables, nothing else.
pub(super) struct Dry;

impl Backend for Dry {
    fn reload(&self, _: &mut Session, _: &mut Report) -> Result<()> {
        Ok(())
    }
}

/// The child of a root's run: its parent makes true what it saved.
pub(super) struct Parent;

impl Backend for Parent {
    fn reload(&self, _: &mut Session, _: &mut Report) -> Result<()> {
        Ok(())
    }

    fn follow(&self, _: &mut Session, report: &mut Report) -> Result<()> {
        report.reload = Reload::None;
        child::tell_and_wait()
    }

    /// Its parent did what time and the administrator changed itself, while this process was getting ready.
    fn follow_protections(&self, session: &mut Session, report: &mut Report, changed: bool) -> Result<()> {
        if changed {
            return self.follow(session, report);
        }
        child::tell(&Event::Known);
        Ok(())
    }

    fn wait(&self, _: &mut Session, _: &mut Report, text: &str) -> Result<()> {
        child::tell(&Event::Waiting { text: text.to_owned() });
        Ok(())
    }

    fn say(&self, _: &Session, text: &str) {
        child::tell(&Event::Progress { text: text.to_owned() });
    }
}

/// Who carries out a run of this process that is no dry run and no child.
pub(super) fn of_this_process(is_root: bool, writer: Writer) -> Box<dyn Backend> {
    match (is_root, writer) {
        (true, Writer::Db) => Box::new(Root),
        (false, Writer::Db) => Box::new(User),
        (true, Writer::Fwconsole) => Box::new(Fwconsole(Root)),
        (false, Writer::Fwconsole) => Box::new(Fwconsole(User)),
    }
}
