//! Questions on the terminal. Without a terminal nobody is asked, and the answer is no.

use crate::system::failure::Result;
use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::output::complain;
use crate::system::secret::Secret;

/// Asks a question that must be answered with the whole word `yes`. Without a terminal the answer is no.
pub fn confirmed(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    write!(io::stderr(), "{question} [yes/no] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let yes = answer.trim() == "yes";
    if !yes {
        complain("Cancelled. Type yes to continue.");
    }
    Ok(yes)
}

/// Whether there is a terminal to ask on.
pub fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a secret, which is not shown while it is typed; none when nothing was typed.
pub fn secret(question: &str) -> Result<Option<Secret>> {
    write!(io::stderr(), "{question} ")?;
    io::stderr().flush()?;
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    tcsetattr(&stdin, OptionalActions::Now, &before)?;
    read?;
    Ok(Some(answer.trim()).filter(|answer| !answer.is_empty()).map(Secret::new))
}
