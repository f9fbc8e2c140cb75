//! Asks Asterisk's console within bounds of time and output.
//!
//! The program is run as any of the system's; as root it gets the rights of the asterisk user. It only speaks to the
//! running Asterisk over its socket (`asterisk -rx COMMAND`).

use std::time::{Duration, Instant};

use crate::system::program::{ProgramError, Programs, System};
use crate::system::text::one_line;

/// The program that opens the console.
const PROGRAM: &str = "asterisk";
/// Longest time for all questions together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of one answer. Ten thousand contacts take one MB.
const MOST: u64 = 4 << 20;

/// Why Asterisk did not answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsteriskError {
    /// It is not there.
    #[error("the program asterisk is not installed in /usr/sbin or the like")]
    Missing,
    /// It cannot be started.
    #[error("the program asterisk cannot be run: {0}")]
    Start(String),
    /// It does not run.
    #[error("Asterisk is not running, or its console is closed ({0})")]
    Down(String),
    /// It took too long.
    #[error("Asterisk did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// It said too much.
    #[error("Asterisk's answer is longer than {} MB", MOST >> 20)]
    TooMuch,
}

impl From<ProgramError> for AsteriskError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Missing(name) if name == PROGRAM => Self::Missing,
            ProgramError::Late(..) => Self::Slow,
            ProgramError::TooMuch(..) => Self::TooMuch,
            ProgramError::Run(_, error) => Self::Start(error.to_string()),
            error => Self::Start(error.to_string()),
        }
    }
}

/// A console to ask questions of.
#[derive(Debug)]
pub struct Console {
    user: Option<(u32, u32)>,
    until: Instant,
}

impl Console {
    /// The time for all questions begins. `user` is whom they are asked as, with the group; only root can choose.
    pub fn new(user: Option<(u32, u32)>) -> Self {
        Self { user, until: Instant::now() + PATIENCE }
    }

    /// What a command prints. None when this Asterisk does not know the command: a module is not loaded.
    pub fn ask(&self, command: &str) -> Result<Option<String>, AsteriskError> {
        let patience = self.until.saturating_duration_since(Instant::now());
        let programs = System { patience, largest: MOST, user: self.user };
        let output = programs.run(PROGRAM, &["-rx", command], Vec::new())?;
        judge(&String::from_utf8_lossy(&output.stdout), output.succeeded())
    }
}

/// What an answer means.
fn judge(text: &str, good: bool) -> Result<Option<String>, AsteriskError> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    if !good || first.starts_with("Unable to connect") {
        let why = if first.is_empty() { "it said nothing" } else { first };
        return Err(AsteriskError::Down(one_line(why, 100).into_owned()));
    }
    Ok((!first.starts_with("No such command")).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_text_an_unknown_command_or_no_asterisk() {
        assert_eq!(judge("\nx\n", true), Ok(Some("\nx\n".into())));
        assert_eq!(judge("", true), Ok(Some(String::new())));
        assert_eq!(judge("No such command 'sip show peers' (type ...)\n", true), Ok(None));
        for (text, good) in [("Unable to connect to remote asterisk", true), ("x", false), ("", false)] {
            assert!(matches!(judge(text, good), Err(AsteriskError::Down(_))), "{text}");
        }
    }
}
