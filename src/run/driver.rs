//! What the firewall enforces its rows with, also where its settings do not say so.

use crate::ban::plan::Driver;
use crate::kernel::look;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::firewall::{self, Firewall};
use crate::run::context::Context;
use crate::system::database::Result;
use crate::system::program::Programs;

/// The firewall's settings. Where they leave the driver open it is what root saw last.
pub(super) fn read(ledger: &mut Ledger) -> Result<Firewall> {
    let mut firewall = firewall::read(ledger.conn())?;
    if firewall.driver_is_unsaid && ledger.state(StateKey::NftablesSeen)?.is_some() {
        firewall.driver = Driver::Nftables;
    }
    Ok(firewall)
}

/// The same as root sees it now, for who has no saved state.
pub(super) fn look(ledger: &mut Ledger, programs: &dyn Programs) -> Result<Firewall> {
    let mut firewall = firewall::read(ledger.conn())?;
    if firewall.driver_is_unsaid && look::has_nftables_driver(programs) {
        firewall.driver = Driver::Nftables;
    }
    Ok(firewall)
}

impl Context {
    /// Notes what root sees, for those who cannot look.
    pub(super) fn note_driver(&mut self) -> Result<()> {
        if !self.environment.is_root || !firewall::read(self.ledger.conn())?.driver_is_unsaid {
            return Ok(());
        }
        let known = self.ledger.state(StateKey::NftablesSeen)?.is_some();
        match (look::has_nftables_driver(&self.environment.programs), known) {
            (true, false) => self.ledger.set_state(StateKey::NftablesSeen, 1)?,
            (false, true) => self.ledger.clear_state(StateKey::NftablesSeen)?,
            _ => {}
        }
        Ok(())
    }
}
