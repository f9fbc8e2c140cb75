//! The program's log: can it be written, and does anybody rotate it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Check, Lack};

/// Where the system's rules of rotation are.
const RULES: &str = "/etc/logrotate.d";
/// Where the program that rotates is.
const PROGRAMS: [&str; 2] = ["/usr/sbin/logrotate", "/usr/bin/logrotate"];
/// The most that is read of one file of rules, in bytes.
const MOST: u64 = 1 << 20;

/// Looks at the log of this path; FreePBX's user is `owner`.
pub fn look(path: &Path, owner: Option<u32>) -> Vec<Check> {
    vec![writable(path, owner), rotation(path)]
}

fn writable(path: &Path, owner: Option<u32>) -> Check {
    let name = "log";
    let directory = path.parent().unwrap_or(Path::new("/"));
    let shown = directory.display();
    match (fs::metadata(directory), owner) {
        (Err(error), _) => {
            let mend = format!("install -d -o asterisk -g asterisk {shown}");
            Check::error(name, Lack::Right, format!("cannot write {shown}: {error}"), mend)
        }
        (Ok(meta), Some(owner)) if meta.uid() != owner => {
            let found =
                format!("{shown} does not belong to FreePBX's user, so root does not write the log there");
            Check::error(name, Lack::Right, found, format!("chown asterisk:asterisk {shown}"))
        }
        _ => {
            let size = fs::metadata(path).map_or(0, |meta| meta.len() / 1024);
            Check::ok(name, format!("{}, {size} KiB", path.display()))
        }
    }
}

fn rotation(path: &Path) -> Check {
    let name = "rotation";
    let rules = fs::read_dir(RULES).into_iter().flatten().flatten().filter_map(|entry| {
        let text = crate::system::files::read_text(&entry.path(), MOST).ok()?;
        rotates(&text, path).then(|| entry.path())
    });
    let rule: Option<PathBuf> = rules.min();
    let program = PROGRAMS.iter().any(|program| Path::new(program).exists());
    match (rule, program) {
        (Some(rule), true) => Check::ok(name, format!("by {}", rule.display())),
        (Some(rule), false) => {
            let found = format!("{} rotates it, but logrotate is not installed", rule.display());
            Check::warning(name, found, "apt-get install logrotate, or yum install logrotate")
        }
        (None, _) => {
            let found = format!("nothing in {RULES} rotates {}: it grows without limit", path.display());
            let mend = format!("copy {RULES}/banbridge from the package, or write a rule for this path");
            Check::warning(name, found, mend)
        }
    }
}

/// Whether one of the patterns that begin a block of rules is of this file.
fn rotates(rules: &str, path: &Path) -> bool {
    let head = |line: &&str| !line.trim_start().starts_with('#');
    let words = rules.lines().filter(head).flat_map(|line| line.split([' ', '\t', '{', '"', '\'']));
    words.filter(|word| word.starts_with('/')).any(|pattern| {
        let pattern = Path::new(pattern);
        let matches = |pattern: Option<&OsStr>| {
            let pattern = pattern.unwrap_or_default().to_string_lossy();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            matches(pattern.as_bytes(), name.as_bytes())
        };
        pattern.parent() == path.parent() && matches(pattern.file_name())
    })
}

/// A name against a pattern of the shell with `*` and `?`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|from| matches(rest, &text[from..])),
        ([b'?', rest @ ..], [_, text @ ..]) => matches(rest, text),
        ([wanted, rest @ ..], [first, text @ ..]) if wanted == first => matches(rest, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_rule_of_this_file_or_of_all_in_its_directory_rotates_it() {
        let log = Path::new("/var/log/asterisk/banbridge.log");
        let table = [
            ("/var/log/asterisk/banbridge.log {\n\tweekly\n}\n", true),
            ("/var/log/x.log /var/log/asterisk/*.log{\n}\n", true),
            ("\"/var/log/asterisk/ban*\" {\n}\n", true),
            ("/var/log/asterisk/full\n/var/log/asterisk/queue_log {\n}\n", false),
            ("# /var/log/asterisk/banbridge.log {\n", false),
            ("/var/log/*.log {\n}\n", false),
            ("", false),
        ];
        for (rules, wanted) in table {
            assert_eq!(rotates(rules, log), wanted, "{rules}");
        }
    }

    #[test]
    fn a_directory_of_somebody_else_takes_no_log() {
        let dir = tempfile::tempdir().unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        let path = dir.path().join("banbridge.log");
        assert_eq!(writable(&path, Some(owner)).state, State::Ok);
        assert_eq!(writable(&path, Some(owner + 1)).state, State::Error);
        assert_eq!(writable(&dir.path().join("none/x.log"), None).lack, Some(Lack::Right));
    }
}
