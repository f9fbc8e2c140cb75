//! One run at a time: a named lock of the database server.
//!
//! It belongs to the connection, so it ends with the process, however that ends; it needs no file in a directory
//! that asterisk can write; and root, asterisk and the GUI share it without any right on each other's files.

use crate::system::exit::Exit;
use crate::system::failure::Classify;
use mysql::prelude::Queryable;

use super::{Ledger, LedgerError, StateKey};

/// Another run has the lock.
#[derive(Debug, thiserror::Error)]
#[error("Another run is in progress ({holder}). Try again when it has finished.")]
pub struct Held {
    holder: String,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error(transparent)]
    Held(#[from] Held),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Classify for LockError {
    fn exit(&self) -> Exit {
        match self {
            Self::Held(_) => Exit::TryAgain,
            Self::Ledger(error) => error.exit(),
        }
    }
}

impl From<mysql::Error> for LockError {
    fn from(error: mysql::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// The lock's name; several FreePBX databases on one server have one each.
const NAME: &str = "CONCAT('banbridge.', DATABASE())";

impl Ledger {
    /// Takes the lock or says at once who has it.
    pub fn lock(&mut self) -> Result<(), LockError> {
        self.lock_within(0)
    }

    /// Takes the lock, or says who has it when so many seconds have passed.
    pub fn lock_within(&mut self, seconds: u8) -> Result<(), LockError> {
        let taken: Option<Option<u8>> =
            self.conn.query_first(format!("SELECT GET_LOCK({NAME}, {seconds})"))?;
        if taken.flatten() == Some(1) {
            return Ok(());
        }
        let connection: Option<Option<u64>> =
            self.conn.query_first(format!("SELECT IS_USED_LOCK({NAME})"))?;
        let connection = connection.flatten().unwrap_or_default();
        let holder = match self.holder(connection)? {
            Some(pid) => format!("process {pid}"),
            None => format!("database connection {connection}"),
        };
        Err(Held { holder }.into())
    }

    /// Gives it back before this process ends, for whoever is called next.
    pub fn unlock(&mut self) -> Result<(), LedgerError> {
        self.conn.query_drop(format!("DO RELEASE_LOCK({NAME})"))?;
        Ok(())
    }

    /// Whether anybody has it.
    pub fn is_locked(&mut self) -> Result<bool, LedgerError> {
        let connection: Option<Option<u64>> =
            self.conn.query_first(format!("SELECT IS_USED_LOCK({NAME})"))?;
        Ok(connection.flatten().is_some())
    }

    /// Notes who has the lock, for those who come second. Call it with the lock taken and the tables made.
    pub fn sign_lock(&mut self) -> Result<(), LedgerError> {
        let connection = i64::from(self.conn.connection_id());
        self.set_state(StateKey::LockConnection, connection)?;
        self.set_state(StateKey::LockProcess, i64::from(std::process::id()))?;
        Ok(())
    }

    fn holder(&mut self, connection: u64) -> Result<Option<i64>, LedgerError> {
        let signed = self.state(StateKey::LockConnection)?.and_then(|id| u64::try_from(id).ok());
        if signed != Some(connection) {
            return Ok(None);
        }
        Ok(self.state(StateKey::LockProcess)?)
    }
}
