//! `/etc/freepbx.conf`: where FreePBX keeps the way to its database.
//!
//! It is a PHP file of lines `$amp_conf['AMPDBUSER'] = 'x';`. It is read as text ([`php`]) and never run: asterisk owns
//! it, and what asterisk owns, root does not execute.

mod php;

use std::io::ErrorKind;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::system::database::Settings;
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::files;
use crate::system::secret::Secret;
use php::Given;

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
    /// A setting is worked out by PHP.
    #[error(
        "{}, line {line}: {key} is a PHP expression. banbridge reads this file and never runs it, so it needs the value \
         itself: $amp_conf['{key}'] = '...';", file.display()
    )]
    Expression {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
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
            Self::Unreadable { .. }
            | Self::Ownerless(_)
            | Self::Missing { .. }
            | Self::Expression { .. }
            | Self::Wrong { .. } => Exit::Config,
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
    parse(&bytes, file)
}

/// Reads the database settings from the file's text.
pub fn parse(text: &[u8], file: &Path) -> Result<Settings, ConfError> {
    let mut found = php::assignments(text);
    let wrong = |key, value: String, why| ConfError::Wrong { file: file.to_owned(), key, value, why };
    let mut take = |key: &'static str| match found.remove(key) {
        None => Ok(None),
        Some(Given::Expression(line)) => Err(ConfError::Expression { file: file.to_owned(), line, key }),
        // An old file may hold a comment in another encoding, but not a value: it would be another one.
        Some(Given::Value(value)) => match String::from_utf8(value) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(_) => Err(wrong(key, "...".to_owned(), "which is not UTF-8 text")),
        },
    };
    let missing = |key| ConfError::Missing { file: file.to_owned(), key };
    let known = |engine: &String| matches!(engine.as_str(), "mysql" | "mysqli" | "mariadb");
    if let Some(value) = take("AMPDBENGINE")?.filter(|engine| !known(engine)) {
        return Err(wrong("AMPDBENGINE", value, "but only mysql is known"));
    }
    let port = match take("AMPDBPORT")? {
        None => 3306,
        Some(value) => match value.parse() {
            Ok(port) => port,
            Err(_) => return Err(wrong("AMPDBPORT", value, "which is no port number")),
        },
    };
    let host = take("AMPDBHOST")?.unwrap_or_else(|| "localhost".to_owned());
    let socket = take("AMPDBSOCK")?.map(PathBuf::from);
    let name = take("AMPDBNAME")?.ok_or_else(|| missing("AMPDBNAME"))?;
    let user = take("AMPDBUSER")?.ok_or_else(|| missing("AMPDBUSER"))?;
    let password = Secret::new(take("AMPDBPASS")?.unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<Settings, ConfError> {
        let text = format!("<?php\n{}", text.trim_start_matches("<?php"));
        parse(text.as_bytes(), Path::new("/etc/freepbx.conf"))
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
            ("$amp_conf['AMPDBNAME'] = 'a';\n$amp_conf['AMPDBUSER'] = 'unterminated", "line 3: AMPDBUSER is"),
            ("$amp_conf['AMPDBPORT'] = 'x';", "AMPDBPORT is \"x\""),
            (
                "$amp_conf['AMPDBNAME'] = 'a';\n$amp_conf['AMPDBUSER'] = 'u';\n$amp_conf['AMPDBPASS'] = getenv('P');",
                ", line 4: AMPDBPASS is a PHP expression",
            ),
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

    /// What real PHP makes of the same file. What we take is what it takes; what we do not take is an error.
    #[test]
    fn each_setting_is_what_php_reads_or_is_named_as_what_is_not_read() {
        let known = |key: &str, value: &str| format!("$amp_conf['{key}'] = {value};\n");
        let base = known("AMPDBNAME", "'asterisk'") + &known("AMPDBUSER", "'u'");
        // What follows the two, and whether it is read.
        let table: &[(&str, bool)] = &[
            ("$amp_conf['AMPDBPASS'] = 'right';\n/*\n$amp_conf['AMPDBPASS'] = 'old';\n*/", true),
            ("/* see https://example.com/ */ $amp_conf['AMPDBPASS'] = 'right';", true),
            ("# $amp_conf['AMPDBPASS'] = 'no';\n// $amp_conf['AMPDBPASS'] = 'no';\n", true),
            ("$amp_conf['AMPDBPASS'] = 'a' . 'b'.\"c\" . 7;", true),
            ("$amp_conf [ \"AMPDBPASS\" ]='a\\'b\\\\c\\d$e';", true),
            (
                r#"$amp_conf['AMPDBPASS'] = "\\ \$x \" \n\t\r\v\e\f \101\x41\u{41}\u{1F600} \q \' $ $1 { }";"#,
                true,
            ),
            (r#"$amp_conf['AMPDBPASS'] = "\1012\x4\x414";"#, true),
            ("$amp_conf['AMPDBPASS'] = 1234567;", true),
            ("$amp_conf['AMPDBPASS'] = null;", true),
            ("$amp_conf['AMPDBPASS'] = '// no comment # nor this /* nor this';", true),
            (
                "$amp_conf['AMPDBPASS'] = 'x'; // ?> $amp_conf['AMPDBPASS'] = 'no'; <?php $amp_conf['AMPDBHOST'] = 'h';",
                true,
            ),
            ("$amp_conf['AMPDBPASS'] = 'x' ?>\n$amp_conf['AMPDBPASS'] = 'no';\n<?php\n$a = 1;", true),
            ("if (true) { $x = 1; }\n$amp_conf['AMPDBPASS'] = 'x';", true),
            ("if (true): $x = 1; else: $x = 2; endif;\n$amp_conf['AMPDBPASS'] = 'x';", true),
            ("$x = <<<'EOT'\n$amp_conf['AMPDBPASS'] = 'no';\nEOT;\n$amp_conf['AMPDBPASS'] = 'x';", true),
            ("$x = <<<'E'\n';\nE;\n$amp_conf['AMPDBPASS'] = 'x';", true),
            (
                "$amp_conf['AMPDBPASS'] = 'x'; $y = $amp_conf['AMPDBPASS'] == 'z'; $z = ['a' => $amp_conf['AMPDBPASS']];",
                true,
            ),
            ("$amp_conf['AMPDBPASS'] = getenv('HOME');", false),
            ("$x = 'y';\n$amp_conf['AMPDBPASS'] = \"a$x\";", false),
            ("$x = 'y';\n$amp_conf['AMPDBPASS'] = \"a{$x}\";", false),
            ("$amp_conf['AMPDBPASS'] = 'a' . PHP_EOL;", false),
            ("$amp_conf['AMPDBPASS'] = 'a'; $amp_conf['AMPDBPASS'] .= 'b';", false),
            ("$amp_conf['AMPDBPASS'] = <<<EOT\nabc\nEOT;\n", false),
            ("$amp_conf['AMPDBPASS'] = 010;", false),
            ("$amp_conf['AMPDBPASS'] = 1.50;", false),
            ("$amp_conf['AMPDBPASS'] = -1;", false),
            ("if (false) { $amp_conf['AMPDBPASS'] = 'no'; }", false),
            ("if (false) $amp_conf['AMPDBPASS'] = 'no';", false),
            ("if (false): $x = 1; $amp_conf['AMPDBPASS'] = 'no'; endif;", false),
            ("$amp_conf['AMPDBPASS'] = true ? 'a' : 'b';", false),
        ];
        let dir = tempfile::tempdir().unwrap();
        for (text, is_read) in table {
            let file = dir.path().join("freepbx.conf");
            std::fs::write(&file, format!("<?php\n{base}{text}\n")).unwrap();
            let parsed = read(&file);
            if !is_read {
                let error = parsed.unwrap_err().to_string();
                assert!(error.contains("AMPDBPASS is a PHP expression"), "{text}: {error}");
                continue;
            }
            let print = "ob_start(); include $argv[1]; ob_end_clean(); \
                         echo $amp_conf['AMPDBPASS'] ?? '', '|', $amp_conf['AMPDBHOST'] ?? 'localhost';";
            let php = std::process::Command::new("php").args(["-r", print]).arg(&file).output().unwrap();
            assert!(php.status.success(), "{text}: {php:?}");
            let settings = parsed.unwrap_or_else(|error| panic!("{text}: {error}"));
            let ours = format!("{}|{}", settings.password.expose(), settings.host);
            assert_eq!(ours, String::from_utf8(php.stdout).unwrap(), "{text}");
        }
    }
}
