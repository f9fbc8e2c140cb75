//! What fail2ban on this machine blocks, and whom it never does, as its client tells root.
//!
//! Its server takes questions from root alone. Answers are text; they are read in the confined child, or, where root
//! shows them to the administrator, with nothing but addresses and times taken from them. FreePBX's Intrusion Detection is
//! this fail2ban; nothing here changes its configuration.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ban::Prefix;
use crate::ban::entry::NEVER;
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::program::{Output, ProgramError, Programs};
use crate::system::text::one_line;

/// fail2ban's client.
const PROGRAM: &str = "fail2ban-client";
/// Jails that are asked for at most.
const MOST: usize = 50;

/// What a jail says of its bans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// Its name.
    pub name: String,
    /// Its bans, as fail2ban prints them.
    pub text: String,
}

/// One ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Who or what is banned.
    pub prefix: Prefix,
    /// Until when, in seconds since 1970; none where this fail2ban does not say it.
    pub until: Option<i64>,
}

/// Why fail2ban says nothing.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// It is not installed.
    #[error("fail2ban is not installed")]
    Missing,
    /// It does not run, so that it bans nobody.
    #[error("fail2ban does not run")]
    NotRunning,
    /// It does not answer, or does not know what it is asked for.
    #[error("fail2ban does not answer: {0}")]
    Down(String),
}

impl Classify for JailError {
    fn exit(&self) -> Exit {
        Exit::Unreachable
    }
}

/// What the client of one version or another says where no server runs.
const STOPPED: [&str; 2] = ["Is fail2ban running", "Unable to contact server"];

/// What it complained of, wherever it printed it.
fn said(output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.stderr.trim().is_empty() { printed.trim().to_owned() } else { output.stderr.trim().to_owned() }
}

fn ask(programs: &dyn Programs, arguments: &[&str]) -> Result<String, JailError> {
    match programs.run(PROGRAM, arguments, Vec::new()) {
        Ok(output) if output.succeeded() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) if STOPPED.iter().any(|words| said(&output).contains(words)) => Err(JailError::NotRunning),
        Ok(output) => Err(JailError::Down(one_line(&said(&output), 200).into_owned())),
        Err(ProgramError::Missing(_)) => Err(JailError::Missing),
        Err(error) => Err(JailError::Down(error.to_string())),
    }
}

/// Whether a word can be the name of a jail.
fn is_name(word: &str) -> bool {
    (1..=64).contains(&word.len())
        && !word.starts_with('-')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Whether a fail2ban is there to be asked.
pub fn is_installed() -> bool {
    ["/usr/bin", "/bin"].iter().any(|directory| std::path::Path::new(directory).join(PROGRAM).exists())
}

/// The jails there are.
///
/// # Errors
/// [`JailError`] where fail2ban is not installed or does not answer.
pub fn names(programs: &dyn Programs) -> Result<Vec<String>, JailError> {
    let text = ask(programs, &["status"])?;
    let list = text.lines().find_map(|line| line.split_once("Jail list:")).map_or("", |(_, list)| list);
    let names = list.split(',').map(str::trim).filter(|word| is_name(word)).take(MOST);
    Ok(names.map(str::to_owned).collect())
}

/// What the jails say of their bans: of those named, or of all.
///
/// # Errors
/// [`JailError`] where fail2ban is not installed or does not answer, or has no such jail.
pub fn banned(programs: &dyn Programs, jails: &[String]) -> Result<Vec<Jail>, JailError> {
    let jails = if jails.is_empty() { names(programs)? } else { jails.to_vec() };
    let one = |name: String| {
        // fail2ban before 0.10 does not know the first.
        let text = ask(programs, &["get", &name, "banip", "--with-time"])
            .or_else(|_| ask(programs, &["status", &name]))?;
        Ok(Jail { name, text })
    };
    jails.into_iter().take(MOST).map(one).collect()
}

/// The bans that a jail's text holds: lines `ADDRESS FROM + SECONDS = UNTIL`, or `Banned IP list: ADDRESS ADDRESS ...`.
pub fn read(text: &str, zone: &TimeZone) -> Vec<Ban> {
    if let Some((_, list)) = text.split_once("Banned IP list:") {
        let list = list.lines().next().unwrap_or_default();
        return list
            .split_whitespace()
            .filter_map(prefix)
            .map(|prefix| Ban { prefix, until: None })
            .collect();
    }
    let ban = |line: &str| {
        let prefix = prefix(line.split_whitespace().next()?)?;
        let until = line.split_once(" = ").and_then(|(_, until)| moment(until.trim(), zone));
        Some(Ban { prefix, until })
    };
    text.lines().filter_map(ban).collect()
}

fn prefix(word: &str) -> Option<Prefix> {
    word.parse::<IpAddr>()
        .map(|address| Prefix::host(address.to_canonical()))
        .ok()
        .or_else(|| word.parse().ok())
}

fn moment(text: &str, zone: &TimeZone) -> Option<i64> {
    let time = DateTime::from_str(text).ok()?;
    // A permanent ban ends with the year 9999, which is a day too late for a moment.
    Some(zone.to_timestamp(time).map_or(NEVER, jiff::Timestamp::as_second))
}

/// Whom a jail never bans: addresses and networks. Names are left out.
///
/// # Errors
/// [`JailError`] where fail2ban does not answer.
pub fn ignored(programs: &dyn Programs, jail: &str) -> Result<Vec<Prefix>, JailError> {
    let text = ask(programs, &["get", jail, "ignoreip"])?;
    Ok(read_ignored(&text))
}

/// The addresses of such an answer: lines that begin with `|- ` or `` `- ``.
fn read_ignored(text: &str) -> Vec<Prefix> {
    let word = |line: &str| line.trim().trim_start_matches(['|', '`', '-', ' ']).trim().to_owned();
    text.lines().map(word).filter_map(|word| prefix(&word)).collect()
}

/// Takes an address out of a jail.
///
/// # Errors
/// [`JailError`] where fail2ban does not answer.
pub fn unban(programs: &dyn Programs, jail: &str, prefix: &Prefix) -> Result<(), JailError> {
    ask(programs, &["set", jail, "unbanip", &prefix.to_string()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Answers as fail2ban 1.0 and 0.8 print them.
    struct Client(bool);

    impl Programs for Client {
        fn run(&self, program: &str, arguments: &[&str], _: Vec<u8>) -> Result<Output, ProgramError> {
            assert_eq!(program, PROGRAM);
            let said = |text: &str| Output { code: Some(0), stdout: text.into(), stderr: String::new() };
            let refused = Output { code: Some(255), stdout: Vec::new(), stderr: "ERROR Sorry".to_owned() };
            Ok(match (arguments, self.0) {
                (["status"], _) => {
                    said("Status\n|- Number of jail:\t3\n`- Jail list:\tasterisk, sshd, --evil, pbx-gui\n")
                }
                (["get", _, "banip", "--with-time"], true) => said(
                    "203.0.113.7 \t2026-11-24 06:58:30 + 600 = 2026-11-24 07:08:30\n\
                     2001:db8::7 \t2026-11-24 06:58:30 + -1 = 9999-12-31 23:59:59\n",
                ),
                (["status", "asterisk" | "sshd" | "pbx-gui"], false) => said(
                    "Status for the jail: asterisk\n|- filter\n|  `- Total failed:\t9\n`- action\n   |- Currently banned:\t2\n\
                     \x20  |  `- IP list:\t203.0.113.9\n   `- Banned IP list:\t203.0.113.7 203.0.113.8\n",
                ),
                (["get", _, "ignoreip"], _) => said(
                    "These IP addresses/networks are ignored:\n|- 127.0.0.0/8\n|- ::1\n`- 198.51.100.0/24\n",
                ),
                _ => refused,
            })
        }
    }

    #[test]
    fn bans_are_read_with_their_time_or_without() {
        let shown = |new: bool| -> Vec<String> {
            let jails = banned(&Client(new), &[]).unwrap();
            assert_eq!(jails.len(), 3);
            let bans = read(&jails[0].text, &TimeZone::UTC);
            bans.iter().map(|ban| format!("{} {:?}", ban.prefix, ban.until)).collect()
        };
        assert_eq!(shown(true), ["203.0.113.7 Some(1795504110)", "2001:db8::7 Some(253402300799)"]);
        assert_eq!(shown(false), ["203.0.113.7 None", "203.0.113.8 None"]);
        assert_eq!(names(&Client(true)).unwrap(), ["asterisk", "sshd", "pbx-gui"]);
        let ignored: Vec<String> =
            ignored(&Client(true), "asterisk").unwrap().iter().map(Prefix::to_string).collect();
        assert_eq!(ignored, ["127.0.0.0/8", "::1", "198.51.100.0/24"]);
        assert!(unban(&Client(true), "asterisk", &"203.0.113.7".parse().unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = (read(&text, &TimeZone::UTC), read_ignored(&text));
        }
    }
}
