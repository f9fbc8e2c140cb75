//! An error that knows how the program ends because of it.
//!
//! Every typed error of the program says its own [`Exit`] ([`Classify`]), so nobody has to look for known errors in a
//! chain, and a new kind of error does not compile before somebody decided what it means. Contexts are added where the
//! reader needs them; they never change the exit code.

use std::fmt;

use super::exit::Exit;

/// What a command or a part of a run returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error that says how the program ends because of it.
pub trait Classify {
    /// The exit code.
    fn exit(&self) -> Exit;
}

/// What ended a command: the words for the administrator, and the exit code.
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// A failure that has no typed error of its own.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::Error::msg(message.to_string()) }
    }

    /// Something that cannot happen unless this program has a fault.
    pub fn bug(message: impl fmt::Display) -> Self {
        Self::new(Exit::Bug, message)
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The same failure, with what was attempted in front of it.
    #[must_use]
    pub fn context(self, message: impl fmt::Display) -> Self {
        Self { exit: self.exit, error: self.error.context(message.to_string()) }
    }
}

impl<E: Classify + std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: error.exit(), error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:#}", self.exit, self.error)
    }
}

/// Adds what was attempted to an error on its way up.
pub trait Attempt<T> {
    /// The same result; a failure has `message` in front of it.
    fn context(self, message: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Attempt<T> for std::result::Result<T, E> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(message))
    }
}

/// A file, a pipe or a terminal that cannot be read or written.
impl Classify for std::io::Error {
    fn exit(&self) -> Exit {
        match self.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Denied,
            _ => Exit::Io,
        }
    }
}

/// The same, from a system call that is made without the standard library.
impl Classify for rustix::io::Errno {
    fn exit(&self) -> Exit {
        std::io::Error::from(*self).exit()
    }
}

/// What this program wrote itself cannot be read back.
impl Classify for serde_json::Error {
    fn exit(&self) -> Exit {
        Exit::Bug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_exit_code_through_contexts_and_says_all_of_them() {
        let error: Result<(), _> = Err(std::io::Error::other("disk full"));
        let failure = error.context("writing the export").context("nothing was changed").unwrap_err();
        assert_eq!(failure.exit(), Exit::Io);
        assert_eq!(format!("{failure:#}"), "nothing was changed: writing the export: disk full");
        assert_eq!(Failure::bug("surprise").exit(), Exit::Bug);
        assert_eq!(Failure::from(rustix::io::Errno::NOSPC).exit(), Exit::Io);
        assert_eq!(Failure::from(rustix::io::Errno::ACCESS).exit(), Exit::Denied);
    }
}
