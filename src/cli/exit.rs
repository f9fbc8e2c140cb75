//! The exit codes, after sysexits.h, and which error means which.

use std::process::ExitCode;

use super::sync::child::Failed;
use crate::config::ConfigError;
use crate::database::DatabaseError;
use crate::feed::error::SetupError;
use crate::feed::{FetchError, FetchErrorKind};
use crate::kernel::set::SetError;
use crate::ledger::LedgerError;
use crate::ledger::lock::{Held, LockError};
use crate::pbx::freepbx_conf::ConfError;

/// How a command ends. Documented in the README; kept compatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, nothing new included.
    Done = 0,
    /// A plain no: `check` of an address that is not blocked.
    No = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Only of `status --check`: nothing can be said. There 1 is a warning and 2 is critical, as Nagios has it.
    Unknown = 3,
    /// A feed's answer is unusable.
    Unusable = 65,
    /// A feed, the database or the firewall cannot be reached.
    Unreachable = 69,
    /// A bug of this program.
    Bug = 70,
    /// Try again later: the rate limit was reached before the list was complete, or another run is at work.
    TryAgain = 75,
    /// The key is refused, or a right is missing.
    Denied = 77,
    /// The configuration, or freepbx.conf, is wrong.
    Config = 78,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The end with this number, as another process of ours reported it; any other number is a bug.
    pub fn from_code(code: u8) -> Self {
        let all = [Self::Done, Self::No, Self::Usage, Self::Unusable, Self::Unreachable, Self::TryAgain];
        let all = all.into_iter().chain([Self::Unknown, Self::Denied, Self::Config]);
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Bug)
    }

    /// Of two ends the one that needs more of the administrator: what waits for time is less than what waits for the
    /// network, and that less than what waits for him.
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Done => 0,
            Self::No => 1,
            Self::Unknown | Self::TryAgain => 2,
            Self::Unreachable => 3,
            Self::Unusable => 4,
            Self::Denied => 5,
            Self::Config => 6,
            Self::Usage => 7,
            Self::Bug => 8,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// What an error of a feed's request means.
    pub fn of_feed(error: &FetchError) -> Self {
        match error.kind() {
            FetchErrorKind::Unusable => Self::Unusable,
            FetchErrorKind::Unreachable => Self::Unreachable,
            FetchErrorKind::RateLimited => Self::TryAgain,
            FetchErrorKind::KeyRefused => Self::Denied,
        }
    }

    /// What an error that ended the command means. One that nobody foresaw is a bug.
    pub fn of_error(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Bug)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(ConfError::Denied(_)) = cause.downcast_ref::<ConfError>() {
            Some(Self::Denied)
        } else if cause.is::<ConfigError>() || cause.is::<ConfError>() || cause.is::<SetupError>() {
            Some(Self::Config)
        } else if let Some(error) = cause.downcast_ref::<SetError>() {
            Some(if matches!(error, SetError::Denied(_)) { Self::Denied } else { Self::Unreachable })
        } else if let Some(failed) = cause.downcast_ref::<Failed>() {
            Some(failed.exit)
        } else if cause.is::<Held>() {
            Some(Self::TryAgain)
        } else if let Some(error) = cause.downcast_ref::<LockError>() {
            match error {
                LockError::Held(_) => Some(Self::TryAgain),
                LockError::Ledger(error) => Self::of_cause(error),
            }
        } else if let Some(error) = cause.downcast_ref::<LedgerError>() {
            match error {
                LedgerError::Newer { .. } => Some(Self::Config),
                LedgerError::Database(error) => Self::of_cause(error),
            }
        } else if let Some(error) = cause.downcast_ref::<DatabaseError>() {
            match error {
                DatabaseError::Refused { .. } | DatabaseError::Denied(_) => Some(Self::Denied),
                DatabaseError::NoDatabase { .. } => Some(Self::Config),
                _ => Some(Self::Unreachable),
            }
        } else {
            None
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_ones() {
        let all = [
            (Exit::Done, 0),
            (Exit::No, 1),
            (Exit::Usage, 2),
            (Exit::Unknown, 3),
            (Exit::Unusable, 65),
            (Exit::Unreachable, 69),
            (Exit::Bug, 70),
            (Exit::TryAgain, 75),
            (Exit::Denied, 77),
            (Exit::Config, 78),
        ];
        for (exit, code) in all {
            assert_eq!(exit.code(), code);
            assert_eq!(Exit::from_code(code), exit);
        }
    }

    #[test]
    fn an_error_is_known_through_its_contexts_and_an_unknown_one_is_a_bug() {
        let database = |error: DatabaseError| Exit::of_error(&anyhow::Error::new(error).context("reading"));
        assert_eq!(database(DatabaseError::Lost("x".into())), Exit::Unreachable);
        assert_eq!(database(DatabaseError::Denied("x".into())), Exit::Denied);
        let nested = LockError::Ledger(LedgerError::Database(DatabaseError::NoTable("x".into())));
        assert_eq!(Exit::of_error(&nested.into()), Exit::Unreachable);
        assert_eq!(Exit::of_error(&LedgerError::Newer { found: 9, known: 1 }.into()), Exit::Config);
        assert_eq!(Exit::of_error(&anyhow::anyhow!("surprise")), Exit::Bug);
    }

    #[test]
    fn what_waits_for_the_administrator_is_worse_than_what_waits_for_time() {
        assert_eq!(Exit::TryAgain.worse(Exit::Denied), Exit::Denied);
        assert_eq!(Exit::Denied.worse(Exit::TryAgain), Exit::Denied);
        assert_eq!(Exit::Done.worse(Exit::TryAgain), Exit::TryAgain);
    }
}
