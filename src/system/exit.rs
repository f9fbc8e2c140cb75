//! The exit codes, after sysexits.h: what each means and what to do about it. The manual and the reference of exit codes
//! are made from this.

use std::process::ExitCode;

/// How a command ends. Kept compatible.
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
    /// Every one, by its number.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::No,
        Self::Usage,
        Self::Unknown,
        Self::Unusable,
        Self::Unreachable,
        Self::Bug,
        Self::Io,
        Self::TryAgain,
        Self::Denied,
        Self::Config,
    ];

    /// What it means, and what to do about it: nothing, where that is empty.
    pub fn meaning_and_fix(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::No => ("`check`: not blocked", ""),
            Self::Usage => ("the command line is wrong", "`banbridge --help`"),
            Self::Unknown => (
                "`status --check`: unknown; there 1 is a warning and 2 is critical",
                "see `banbridge status`",
            ),
            Self::Unusable => (
                "a feed's answer or a log is invalid, or a feed is held for review",
                "the message says which; its addresses stay blocked",
            ),
            Self::Unreachable => (
                "a feed, the database or the firewall cannot be reached",
                "the next run tries again; look into it if it lasts",
            ),
            Self::Bug => ("an error in banbridge", "please report it"),
            Self::Io => (
                "a file cannot be read or written (a log, an export, the log file)",
                "the message names the file",
            ),
            Self::TryAgain => (
                "rate limit reached before the list was complete, another run is in progress, a name to allow does not resolve yet, or a part of the run \
                 took too long",
                "nothing; the next run continues",
            ),
            Self::Denied => (
                "the API key is not accepted, or a permission is missing",
                "compare the key; run as root or as the asterisk user",
            ),
            Self::Config => ("the configuration is wrong", "the message names file, line and fix"),
        }
    }

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The end with this number, as another process of ours reported it; any other number is a bug.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Bug)
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
        assert_eq!(Exit::ALL, all.map(|(exit, _)| exit));
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
