//! Switching an old client off: its lines of cron, its units, and what it put into the packet filter. Its program and
//! its list stay where they are, and so does a copy of every file that is changed.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde::Serialize;

use super::{DISABLED, Neighbours, cron};
use crate::kernel::iptables::Iptables;
use crate::system::files;
use crate::system::program::Programs;

/// Where the copies are. Not beside the files: some cron would run a copy in its own directory.
pub const BACKUPS: &str = "/var/lib/banbridge/disabled";

/// One thing that was done, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// What it is about.
    pub what: String,
    /// Where the copy of it is.
    pub copy: Option<String>,
    /// Why it could not be done.
    pub error: Option<String>,
}

impl Done {
    fn new(what: String, outcome: Result<Option<String>, String>) -> Self {
        match outcome {
            Ok(copy) => Self { what, copy, error: None },
            Err(error) => Self { what, copy: None, error: Some(error) },
        }
    }
}

/// Switches off all that was found. What starts a client goes first, so that it does not come back.
pub fn disable(found: &Neighbours, programs: &dyn Programs, backups: &Path) -> Vec<Done> {
    let mut all = Vec::new();
    let mut paths: Vec<&Path> = found
        .cron
        .iter()
        .filter(|(_, client)| DISABLED.contains(client))
        .map(|(path, _)| path.as_path())
        .collect();
    paths.dedup();
    for path in paths {
        let what = format!("its line in {}", path.display());
        all.push(Done::new(what, switch_off(path, backups).map(Some)));
    }
    if !found.units.is_empty() {
        let args: Vec<&str> = ["disable", "--now"].into_iter().chain(found.units.iter().copied()).collect();
        let outcome = programs.demand("systemctl", &args, Vec::new());
        let outcome = outcome.map(|_| None).map_err(|error| error.to_string());
        all.push(Done::new(found.units.join(", "), outcome));
    }
    if let Some(script) = found.filter.as_ref().and_then(|filter| filter.removal(&DISABLED)) {
        let outcome = Iptables::find(programs).and_then(|iptables| iptables.restore(&script));
        all.push(Done::new("its chains and rules".to_owned(), outcome.map(|()| None)));
    }
    for set in &found.sets {
        let outcome = programs.demand("ipset", &["destroy", set], Vec::new());
        let outcome = outcome.map(|_| None).map_err(|error| error.to_string());
        all.push(Done::new(format!("the ipset {set}"), outcome));
    }
    all
}

/// Comments the lines of a file out; returns where its copy is.
fn switch_off(path: &Path, backups: &Path) -> Result<String, String> {
    let text = files::read_text(path, 1 << 20).map_err(|error| error.to_string())?;
    let copy = keep(path, text.as_bytes(), backups).map_err(|error| {
        format!("cannot keep a copy in {}: {error}; nothing was changed", backups.display())
    })?;
    files::replace(path, cron::without(&text, &DISABLED).as_bytes(), 0o644)
        .map_err(|error| format!("cannot write it: {error}"))?;
    Ok(copy)
}

/// Keeps a copy, under a name that tells where it is from. An older copy of the same file is the one to keep.
fn keep(path: &Path, content: &[u8], backups: &Path) -> io::Result<String> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(backups)?;
    let name = path.display().to_string().trim_start_matches('/').replace('/', "-");
    let mut copy = backups.join(&name);
    let mut number = 1;
    while copy.exists() {
        number += 1;
        copy = backups.join(format!("{name}.{number}"));
    }
    files::replace(&copy, content, 0o600)?;
    Ok(copy.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::neighbours::Client;
    use crate::system::program::tests::{Scripted, complained, printed};

    const LINE: &str = "*/4 * * * * root /usr/local/bin/apiban/apiban-iptables-client\n";

    #[test]
    fn a_line_is_switched_off_and_its_file_kept_and_a_failure_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("apiban");
        fs::write(&path, LINE).unwrap();
        let found = Neighbours {
            cron: vec![(path.clone(), Client::Apiban)],
            units: vec!["apiban-iptables.timer"],
            sets: vec!["voipbl"],
            ..Neighbours::default()
        };
        let programs = Scripted::new(|line: &str, _: &str| match line.starts_with("ipset") {
            true => complained("in use"),
            false => printed(""),
        });
        let backups = dir.path().join("kept/here");
        let done = disable(&found, &programs, &backups);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}{LINE}", cron::MARK));
        assert_eq!(fs::read_to_string(done[0].copy.as_ref().unwrap()).unwrap(), LINE);
        let asked: Vec<String> = programs.asked.borrow().iter().map(|(line, _)| line.clone()).collect();
        assert_eq!(asked, ["systemctl disable --now apiban-iptables.timer", "ipset destroy voipbl"]);
        let errors: Vec<bool> = done.iter().map(|done| done.error.is_some()).collect();
        assert_eq!(errors, [false, false, true]);
        // Once more, as after the client was installed again: the first copy stays.
        let again = disable(&found, &programs, &backups);
        assert_ne!(again[0].copy, done[0].copy);
    }
}
