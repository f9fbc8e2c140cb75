//! Questions to the administrator on his terminal. Without a terminal nobody is asked and nothing is taken for a yes.

use std::io::{self, BufRead, IsTerminal, Write};

use super::output::complain;

/// Asks a question that must be answered with the whole word. Without a terminal the answer is no.
pub fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    write!(io::stderr(), "{question} [yes/no] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let yes = answer.trim() == "yes";
    if !yes {
        complain("only the word yes is a yes");
    }
    Ok(yes)
}
