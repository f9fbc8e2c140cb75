//! `/etc/freepbx.conf`: where FreePBX keeps the way to its database.
//!
//! It is a PHP file of lines `$amp_conf['AMPDBUSER'] = 'x';`. It is read as text and never run: asterisk owns it, and
//! what asterisk owns, root does not execute.

use std::collections::HashMap;
use std::io::ErrorKind;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::system::database::Settings;
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::files;
use crate::system::secret::Secret;

/// Where FreePBX keeps it when neither `--freepbx-conf` nor BANBRIDGE_FREEPBX_CONF names it.
pub const DEFAULT_PATH: &str = "/etc/freepbx.conf";

/// Why freepbx.conf is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    /// It cannot be read.
    #[error("{}: {why}; is this a FreePBX? (--freepbx-conf names another place)", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        why: String,
    },
    /// We may not read it.
    #[error("this user cannot read {}. Run banbridge as root or as the user that FreePBX runs as", .0.display())]
    Denied(PathBuf),
    /// It belongs to root, and there is nobody else to be.
    #[error(
        "{} belongs to root and there is no user asterisk, so no user can ask the feeds. \
         Fix: chown it to the user that FreePBX runs as", .0.display()
    )]
    Ownerless(PathBuf),
    /// A setting is missing.
    #[error("{} has no {key}; FreePBX writes it as $amp_conf['{key}'] = '...';", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// The setting.
        key: &'static str,
    },
    /// A setting has a value that cannot be.
    #[error("{}: {key} is {value:?}, {why}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Classify for ConfError {
    fn exit(&self) -> Exit {
        match self {
            Self::Denied(_) => Exit::Denied,
            Self::Unreadable { .. } | Self::Ownerless(_) | Self::Missing { .. } | Self::Wrong { .. } => {
                Exit::Config
            }
        }
    }
}

/// Reads the database settings from the file.
pub fn read(file: &Path) -> Result<Settings, ConfError> {
    let bytes = files::read(file, 1 << 20).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied if !rustix::process::geteuid().is_root() => {
            ConfError::Denied(file.to_owned())
        }
        _ => ConfError::Unreadable { file: file.to_owned(), why: error.to_string() },
    })?;
    // An old file may hold a comment in another encoding.
    parse(&String::from_utf8_lossy(&bytes), file)
}

/// Reads the database settings from the file's text.
pub fn parse(text: &str, file: &Path) -> Result<Settings, ConfError> {
    let mut found = assignments(text);
    let mut take = |key: &str| found.remove(key).filter(|value| !value.is_empty());
    let missing = |key| ConfError::Missing { file: file.to_owned(), key };
    let known = |engine: &String| matches!(engine.as_str(), "mysql" | "mysqli" | "mariadb");
    if let Some(value) = take("AMPDBENGINE").filter(|engine| !known(engine)) {
        let why = "but only mysql is known";
        return Err(ConfError::Wrong { file: file.to_owned(), key: "AMPDBENGINE", value, why });
    }
    let port = match take("AMPDBPORT") {
        None => 3306,
        Some(value) => match value.parse() {
            Ok(port) => port,
            Err(_) => {
                let why = "which is no port number";
                return Err(ConfError::Wrong { file: file.to_owned(), key: "AMPDBPORT", value, why });
            }
        },
    };
    let host = take("AMPDBHOST").unwrap_or_else(|| "localhost".to_owned());
    let socket = take("AMPDBSOCK").map(PathBuf::from);
    let name = take("AMPDBNAME").ok_or_else(|| missing("AMPDBNAME"))?;
    let user = take("AMPDBUSER").ok_or_else(|| missing("AMPDBUSER"))?;
    let password = Secret::new(take("AMPDBPASS").unwrap_or_default());
    Ok(Settings { host, port, socket, name, user, password, file: file.to_owned() })
}

/// User and group of asterisk: the owner of freepbx.conf, or where that is root the user of that name.
pub fn owner(file: &Path) -> Result<(u32, u32), ConfError> {
    let unreadable =
        |why: std::io::Error| ConfError::Unreadable { file: file.to_owned(), why: why.to_string() };
    let meta = std::fs::metadata(file).map_err(unreadable)?;
    if meta.uid() != 0 {
        return Ok((meta.uid(), meta.gid()));
    }
    let passwd = std::fs::read_to_string("/etc/passwd").map_err(unreadable)?;
    asterisk(&passwd).ok_or_else(|| ConfError::Ownerless(file.to_owned()))
}

/// User and group of `asterisk` in a passwd file, never root's.
fn asterisk(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.starts_with("asterisk:"))?;
    let mut fields = line.split(':').skip(2).map(str::parse);
    let ids = (fields.next()?.ok()?, fields.next()?.ok()?);
    (ids.0 != 0).then_some(ids)
}

/// All lines `$amp_conf['KEY'] = 'value';`, the last one of a key winning, as in PHP. Comments are passed over.
fn assignments(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        if rest.starts_with('*') || rest.starts_with("/*") {
            continue;
        }
        // Behind the value that was read, which may hold anything, an assignment too.
        while let Some((before, behind)) = rest.split_once("$amp_conf") {
            if before.contains('#') || before.contains("//") {
                break;
            }
            rest = match assignment(behind) {
                Some((key, value, rest)) => {
                    found.insert(key.to_owned(), value);
                    rest
                }
                None => behind,
            };
        }
    }
    found
}

/// What stands behind `$amp_conf`: the key, the value, and the rest of the line.
fn assignment(text: &str) -> Option<(&str, String, &str)> {
    let rest = text.trim_start().strip_prefix('[')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (key, rest) = rest[1..].split_once(quote)?;
    let rest = rest.trim_start().strip_prefix(']')?.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = literal(rest)?;
    Some((key, value, rest))
}

/// A PHP string, single or double quoted, with the escapes that each knows, or a bare number; and what follows.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let quote = match chars.next()? {
        quote @ ('\'' | '"') => quote,
        c if c.is_ascii_digit() => {
            let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
            return Some((text[..text.len() - rest.len()].to_owned(), rest));
        }
        _ => return None,
    };
    let mut value = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Some((value, chars.as_str())),
            '\\' => match (quote, chars.next()?) {
                (_, '\\') => value.push('\\'),
                (_, c) if c == quote => value.push(c),
                ('"', '$') => value.push('$'),
                ('"', 'n') => value.push('\n'),
                ('"', 't') => value.push('\t'),
                (_, c) => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<Settings, ConfError> {
        parse(text, Path::new("/etc/freepbx.conf"))
    }

    #[test]
    fn the_file_that_freepbx_writes_is_read() {
        let settings = parsed(
            "<?php\n$amp_conf['AMPDBUSER'] = 'freepbxuser';\n$amp_conf['AMPDBPASS'] = 'a\\'b\\\\c$d';\n\
             $amp_conf['AMPDBHOST'] = 'localhost';\n$amp_conf['AMPDBNAME'] = 'asterisk';\n\
             $amp_conf['AMPDBENGINE'] = 'mysql';\n$amp_conf['datasource'] = ''; //for sqlite3\n\
             require_once('/var/www/html/admin/bootstrap.php');\n?>\n",
        )
        .unwrap();
        assert_eq!(settings.user, "freepbxuser");
        assert_eq!(settings.password.expose(), "a'b\\c$d");
        assert_eq!((settings.host.as_str(), settings.port), ("localhost", 3306));
        assert_eq!(settings.name, "asterisk");
        assert_eq!(settings.socket, None);
    }

    #[test]
    fn quotes_spaces_socket_port_and_comments_are_understood() {
        let settings = parsed(
            "# $amp_conf['AMPDBUSER']='no';\n// $amp_conf['AMPDBUSER']='no';\n\
             $amp_conf[\"AMPDBUSER\"]=\"u\\\"\\$x\" ; $amp_conf[ 'AMPDBNAME' ]  =  'n';\n\
             $amp_conf['AMPDBPORT'] = 3307;\n$amp_conf['AMPDBSOCK'] = '/run/db.sock';\n",
        )
        .unwrap();
        assert_eq!(settings.user, "u\"$x");
        assert_eq!(settings.name, "n");
        assert_eq!(settings.port, 3307);
        assert_eq!(settings.socket.as_deref(), Some(Path::new("/run/db.sock")));
    }

    #[test]
    fn a_value_or_a_comment_that_holds_an_assignment_assigns_nothing() {
        let settings = parsed(
            "$amp_conf['AMPDBNAME'] = 'n'; $amp_conf['AMPDBUSER'] = 'u'; // $amp_conf['AMPDBUSER'] = 'no';\n\
             $amp_conf['AMPDBPASS'] = '$amp_conf[\"AMPDBNAME\"] = \"no\"'; # $amp_conf['AMPDBNAME'] = 'no';\n",
        )
        .unwrap();
        assert_eq!((settings.name.as_str(), settings.user.as_str()), ("n", "u"));
        assert_eq!(settings.password.expose(), "$amp_conf[\"AMPDBNAME\"] = \"no\"");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let table = [
            ("", "has no AMPDBNAME"),
            ("$amp_conf['AMPDBNAME'] = 'a';", "has no AMPDBUSER"),
            ("$amp_conf['AMPDBNAME'] = 'a';\n$amp_conf['AMPDBUSER'] = 'unterminated", "has no AMPDBUSER"),
            ("$amp_conf['AMPDBPORT'] = 'x';", "AMPDBPORT is \"x\""),
            ("$amp_conf['AMPDBENGINE'] = 'sqlite3';", "only mysql"),
        ];
        for (text, words) in table {
            let message = parsed(text).unwrap_err().to_string();
            assert!(message.starts_with("/etc/freepbx.conf") && message.contains(words), "{message}");
        }
        let message = read(Path::new("/nonexistent/freepbx.conf")).unwrap_err().to_string();
        assert!(message.contains("--freepbx-conf"), "{message}");
    }

    #[test]
    fn asterisk_is_found_in_passwd_and_never_taken_for_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\nasterisk:x:995:992::/home/asterisk:/bin/bash\n";
        assert_eq!(asterisk(passwd), Some((995, 992)));
        assert_eq!(asterisk("asterisk:x:0:0::/:/bin/sh"), None);
        assert_eq!(asterisk("asterisk2:x:5:5::/:/bin/sh"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(\\$amp_conf|\\[|\\]|'|\"|\\\\|=|AMPDBUSER|\\PC|\n){0,40}") {
            let _ = parsed(&text);
        }
    }
}
