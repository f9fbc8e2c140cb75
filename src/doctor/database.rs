//! The database and the rights of FreePBX's own user in it.

use mysql::prelude::Queryable;

use super::{Check, Lack};
use crate::pbx::freepbx_conf::ConfError;
use crate::system::database::{DatabaseError, Result, Settings};

/// What banbridge does there.
const RIGHTS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP"];

/// Whether this is a FreePBX.
pub fn freepbx(settings: std::result::Result<&Settings, &ConfError>) -> Check {
    let name = "freepbx";
    match settings {
        Ok(settings) => Check::ok(name, format!("found in {}", settings.file.display())),
        Err(error @ ConfError::Denied(_)) => {
            Check::error(name, Lack::Right, error.to_string(), "run banbridge as root or as asterisk")
        }
        Err(error) => Check::error(
            name,
            Lack::Setting,
            error.to_string(),
            "run banbridge on the PBX, or name the file with --freepbx-conf",
        ),
    }
}

/// Why the database cannot be used.
pub fn unusable(error: &DatabaseError) -> Check {
    let name = "database";
    match error {
        DatabaseError::Refused { file, .. } => {
            let mend =
                format!("set AMPDBUSER and AMPDBPASS in {} to the account of the database", file.display());
            Check::error(name, Lack::Right, error.to_string(), mend)
        }
        DatabaseError::NoDatabase { file, .. } => {
            let mend = format!("set AMPDBNAME in {} to the name of FreePBX's database", file.display());
            Check::error(name, Lack::Setting, error.to_string(), mend)
        }
        _ => Check::error(name, Lack::Reach, error.to_string(), "systemctl start mariadb"),
    }
}

/// The database answers.
pub fn answers(conn: &mut impl Queryable, settings: &Settings) -> Result<Check> {
    let version: Option<String> = conn.query_first("SELECT VERSION()")?;
    let version = version.unwrap_or_default();
    Ok(Check::ok("database", format!("{version} answers, database {}", settings.name)))
}

/// The user's rights there.
pub fn rights(conn: &mut impl Queryable, settings: &Settings) -> Result<Check> {
    let grants: Vec<String> = conn.query("SHOW GRANTS FOR CURRENT_USER()")?;
    let user: Option<String> = conn.query_first("SELECT CURRENT_USER()")?;
    Ok(judge(&grants, &settings.name, &user.unwrap_or_default()))
}

/// Judges what `SHOW GRANTS` says. Its lines may hold the hash of a password and are not repeated.
fn judge(grants: &[String], database: &str, user: &str) -> Check {
    let name = "rights";
    let mut held: Vec<String> = Vec::new();
    let mut role = false;
    for line in grants {
        let Some(rest) = line.strip_prefix("GRANT ") else { continue };
        let Some((rights, rest)) = rest.split_once(" ON ") else {
            role = true;
            continue;
        };
        if rest.split_once(" TO ").is_some_and(|(scope, _)| holds(scope, database)) {
            held.extend(rights.split(',').map(|right| right.trim().to_uppercase()));
        }
    }
    let all = held.iter().any(|right| right.starts_with("ALL"));
    let missing: Vec<&str> =
        RIGHTS.into_iter().filter(|right| !all && !held.iter().any(|held| held == right)).collect();
    let missing = missing.join(", ");
    let (account, host) = user.split_once('@').unwrap_or((user, "localhost"));
    let mend = format!("in the database as its root: GRANT ALL ON `{database}`.* TO '{account}'@'{host}'");
    if missing.is_empty() {
        Check::ok(name, format!("{user} has all rights that banbridge needs"))
    } else if role {
        Check::warning(
            name,
            format!("{user} has no {missing} right of its own; it may have it through a role"),
            mend,
        )
    } else {
        Check::error(name, Lack::Right, format!("{user} has no {missing} right on {database}"), mend)
    }
}

/// Whether a scope such as `` `asterisk`.* `` holds all of the database.
fn holds(scope: &str, database: &str) -> bool {
    let Some(pattern) = scope.strip_suffix(".*") else { return false };
    let pattern = pattern.trim_matches(['`', '\'', '"']);
    pattern == "*" || matches(pattern.as_bytes(), database.as_bytes())
}

/// A name against a pattern of SQL: `%` is anything, `_` one character, a backslash takes their meaning away.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'%', rest @ ..], _) => (0..=text.len()).any(|from| matches(rest, &text[from..])),
        ([b'\\', escaped, rest @ ..], [first, text @ ..]) if escaped == first => matches(rest, text),
        ([b'_', rest @ ..], [_, text @ ..]) => matches(rest, text),
        ([wanted, rest @ ..], [first, text @ ..]) if wanted == first => matches(rest, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn rights_are_what_is_granted_on_the_whole_database() {
        let table: [(&[&str], State); 8] = [
            (&["GRANT ALL PRIVILEGES ON `asterisk`.* TO `u`@`localhost`"], State::Ok),
            (&["GRANT ALL PRIVILEGES ON *.* TO 'u'@'localhost' IDENTIFIED BY PASSWORD '*AB'"], State::Ok),
            (
                &[
                    "GRANT USAGE ON *.* TO `u`@`%`",
                    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON `aster%`.* TO `u`@`%`",
                ],
                State::Ok,
            ),
            (&["GRANT ALL PRIVILEGES ON `asteriskcdrdb`.* TO `u`@`localhost`"], State::Error),
            (&["GRANT ALL PRIVILEGES ON `asterisk`.`users` TO `u`@`localhost`"], State::Error),
            (&["GRANT SELECT, INSERT, UPDATE, DELETE ON `asterisk`.* TO `u`@`localhost`"], State::Error),
            (&["GRANT `role` TO `u`@`localhost`", "GRANT USAGE ON *.* TO `u`@`localhost`"], State::Warning),
            (&[], State::Error),
        ];
        for (grants, state) in table {
            let grants: Vec<String> = grants.iter().map(|grant| (*grant).to_owned()).collect();
            let check = judge(&grants, "asterisk", "u@localhost");
            assert_eq!(check.state, state, "{grants:?}: {check:?}");
            assert!(!check.found.contains("*AB"));
        }
    }

    #[test]
    fn the_mend_is_a_statement_that_can_be_pasted() {
        let check = judge(&["GRANT USAGE ON *.* TO `u`@`localhost`".to_owned()], "asterisk", "u@localhost");
        assert!(check.fix.unwrap().ends_with("GRANT ALL ON `asterisk`.* TO 'u'@'localhost'"));
    }
}
