//! Rows written and taken away by `fwconsole firewall add|del blacklist`, for whoever wants every change to go through
//! FreePBX's own command.
//!
//! The command takes many entries at once; one that it does not like ends it with exit code 1 and leaves the rest of
//! the batch undone. So a batch that fails is halved until the bad one stands alone. Adding what is there and deleting
//! what is not there are no errors of it, so a half may repeat what was done. What it says is not believed: the rows
//! are read back.

use crate::system::program::Programs;

/// Entries in one command. Each costs two look-ups of a name by the module: when the resolver does not answer, a
/// command with so many takes five minutes.
const AT_ONCE: usize = 50;

/// An entry that the command did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The entry.
    pub key: String,
    /// What the command said.
    pub why: String,
}

/// Runs `fwconsole firewall VERB blacklist` for all keys; returns those that it did not take.
pub fn change(programs: &dyn Programs, verb: &str, keys: &[String]) -> Vec<Failed> {
    keys.chunks(AT_ONCE).flat_map(|chunk| attempt(programs, verb, chunk)).collect()
}

fn attempt(programs: &dyn Programs, verb: &str, keys: &[String]) -> Vec<Failed> {
    let mut args = vec!["firewall", verb, "blacklist"];
    args.extend(keys.iter().map(String::as_str));
    let why = match programs.run("fwconsole", &args, Vec::new()) {
        Ok(output) if output.succeeded() => return Vec::new(),
        Ok(output) => output.complaint(),
        // No program, or one that hangs: halving would not help.
        Err(error) => {
            let why = error.to_string();
            return keys.iter().map(|key| Failed { key: key.clone(), why: why.clone() }).collect();
        }
    };
    match keys {
        [] => Vec::new(),
        [key] => vec![Failed { key: key.clone(), why }],
        _ => {
            let (left, right) = keys.split_at(keys.len() / 2);
            [attempt(programs, verb, left), attempt(programs, verb, right)].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::program::tests::{Scripted, complained, printed};

    /// A command that refuses a batch with a bad entry in it, as the real one does.
    fn picky(bad: &'static str) -> impl Programs {
        Scripted::new(move |line: &str, _: &str| match line.split(' ').any(|word| word == bad) {
            true => complained("Unable to resolve"),
            false => printed("Success!"),
        })
    }

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("45.0.0.{n}")).collect()
    }

    #[test]
    fn one_bad_entry_costs_only_itself() {
        let failed = change(&picky("45.0.0.77"), "add", &keys(120));
        assert_eq!(failed, [Failed { key: "45.0.0.77".into(), why: "Unable to resolve".into() }]);
        assert_eq!(change(&picky("none"), "del", &keys(120)), []);
    }

    #[test]
    fn no_entries_start_no_program() {
        let none = Scripted::new(|_: &str, _: &str| -> crate::system::program::Output { unreachable!() });
        assert_eq!(change(&none, "add", &[]), []);
    }
}
