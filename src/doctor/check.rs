//! One line of `doctor`.

use serde::Serialize;

use crate::system::exit::Exit;

/// How it stands with one need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// It does not work.
    Error,
    /// This user cannot see it, or nothing is there yet to be seen.
    Unknown,
}

/// What kind of thing is wrong, from which the exit code follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A feed's answer is of no use (65).
    Answer,
    /// Somebody cannot be reached, or does not run (69).
    Reach,
    /// A right is missing, or the key is refused (77).
    Right,
    /// Something is set wrong (78).
    Setting,
}

impl Lack {
    /// How the program ends because of it.
    pub fn exit(self) -> Exit {
        match self {
            Self::Answer => Exit::Unusable,
            Self::Reach => Exit::Unreachable,
            Self::Right => Exit::Denied,
            Self::Setting => Exit::Config,
        }
    }
}

/// One need, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The need, one word that stays; `feed NAME` for a feed.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was found, in words.
    pub found: String,
    /// What to do about it, none where there is nothing to do.
    pub fix: Option<String>,
    /// What kind of thing is wrong, where something is.
    #[serde(skip)]
    pub lack: Option<Lack>,
}

impl Check {
    fn new(name: &str, state: State, found: String, fix: Option<String>) -> Self {
        Self { name: name.to_owned(), state, found, fix, lack: None }
    }

    /// As it should be.
    pub fn ok(name: &str, found: impl Into<String>) -> Self {
        Self::new(name, State::Ok, found.into(), None)
    }

    /// It works, but could be better.
    pub fn warning(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, State::Warning, found.into(), Some(fix.into()))
    }

    /// It does not work.
    pub fn error(name: &str, lack: Lack, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { lack: Some(lack), ..Self::new(name, State::Error, found.into(), Some(fix.into())) }
    }

    /// It could not be looked at.
    pub fn unknown(name: &str, why: impl Into<String>) -> Self {
        Self::new(name, State::Unknown, why.into(), None)
    }

    /// How the program ends because of it; none if nothing is wrong.
    pub fn exit(&self) -> Option<Exit> {
        self.lack.map(Lack::exit)
    }

    /// It could not be looked at without root.
    pub fn needs_root(name: &str) -> Self {
        let fix = Some("banbridge doctor as root".to_owned());
        Self::new(name, State::Unknown, "only root can check this".to_owned(), fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_what_is_wrong_is_the_exit_code() {
        let worst = |lacks: &[Lack]| lacks.iter().copied().map(Lack::exit).fold(Exit::Done, Exit::worse);
        assert_eq!(worst(&[Lack::Reach, Lack::Setting, Lack::Right]), Exit::Config);
        assert_eq!(worst(&[Lack::Reach, Lack::Right]), Exit::Denied);
        assert_eq!(worst(&[]), Exit::Done);
    }
}
