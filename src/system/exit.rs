//! The exit codes, after sysexits.h, and which error means which.

use std::process::ExitCode;

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
    /// A file cannot be read or written: a log, an export.
    Io = 74,
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
        let all = all.into_iter().chain([Self::Unknown, Self::Io, Self::Denied, Self::Config]);
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Bug)
    }

    /// Of two ends the one that needs more of the administrator: what waits for time is less than what waits for the
    /// network, and that less than what waits for him.
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Done => 0,
            Self::No => 1,
            Self::Unknown | Self::TryAgain => 2,
            Self::Unreachable | Self::Io => 3,
            Self::Unusable => 4,
            Self::Denied => 5,
            Self::Config => 6,
            Self::Usage => 7,
            Self::Bug => 8,
        };
        if rank(other) > rank(self) { other } else { self }
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
            (Exit::Io, 74),
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
    fn what_waits_for_the_administrator_is_worse_than_what_waits_for_time() {
        assert_eq!(Exit::TryAgain.worse(Exit::Denied), Exit::Denied);
        assert_eq!(Exit::Denied.worse(Exit::TryAgain), Exit::Denied);
        assert_eq!(Exit::Done.worse(Exit::TryAgain), Exit::TryAgain);
    }
}
