//! The connection to FreePBX's database, and errors that say what an administrator can do.
//!
//! One connection serves a whole run. It is never renewed in silence: the run's lock lives in it, so a lost
//! connection ends the run, and what was committed stays.

mod row;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder};

use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::secret::Secret;

pub use row::{FromColumn, Record, Table};

/// Where MariaDB's socket usually is: Debian, then the FreePBX Distro (EL7).
const SOCKETS: [&str; 2] = ["/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock"];

/// Values in one statement at most. MariaDB takes 65,535; fewer keep the statement small.
const VALUES_AT_ONCE: usize = 8_000;

/// How to reach the database, as freepbx.conf says it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Unix socket; wins over the host.
    pub socket: Option<PathBuf>,
    /// Name of the database.
    pub name: String,
    /// User of the database.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// The file these were read from, for messages.
    pub file: PathBuf,
}

/// What went wrong with the database, in words that lead to the mend.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody answers.
    #[error("the database at {place} does not answer ({why}). Check: systemctl status mariadb")]
    Unreachable {
        /// Socket or host and port.
        place: String,
        /// The system's words.
        why: String,
    },
    /// User or password are wrong.
    #[error(
        "the database does not accept the user {user:?}: {why}. Check AMPDBUSER and AMPDBPASS in {}",
        file.display()
    )]
    Refused {
        /// The user that was refused.
        user: String,
        /// The server's words.
        why: String,
        /// Where user and password stand.
        file: PathBuf,
    },
    /// There is no such database.
    #[error("there is no database {name:?}. Check AMPDBNAME in {}", file.display())]
    NoDatabase {
        /// The name that was asked for.
        name: String,
        /// Where it stands.
        file: PathBuf,
    },
    /// A table is missing.
    #[error("{0}; is FreePBX's Firewall module installed? (fwconsole ma list)")]
    NoTable(String),
    /// A column is missing.
    #[error("table {table}: {why}. Fix: {fix}")]
    NoColumn {
        /// The table.
        table: &'static str,
        /// The server's words.
        why: String,
        /// What to do.
        fix: &'static str,
    },
    /// A value is not what its column must hold.
    #[error("table {table}, column {column}: found {found}, expected {expected}. Fix: {fix}")]
    Value {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// The user may not do it.
    #[error("the database user lacks a right: {0}; FreePBX's own user has ALL on its database")]
    Denied(String),
    /// The connection broke while it was used.
    #[error(
        "lost the connection to the database ({0}). Saved changes stay; the next run continues from there"
    )]
    Lost(String),
    /// Anything else the server says.
    #[error("the database says: {0}")]
    Other(String),
}

impl Classify for DatabaseError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::Denied(_) => Exit::Denied,
            Self::NoDatabase { .. } | Self::NoColumn { .. } | Self::Value { .. } => Exit::Config,
            Self::Unreachable { .. } | Self::NoTable(_) | Self::Lost(_) | Self::Other(_) => Exit::Unreachable,
        }
    }
}

impl From<mysql::Error> for DatabaseError {
    fn from(error: mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(e) => match e.code {
                1146 => Self::NoTable(e.message),
                1044 | 1045 | 1142 | 1143 | 1227 => Self::Denied(e.message),
                // Shut down, or this connection was ended.
                1053 | 1152 | 1159 | 1161 | 1317 | 1927 => Self::Lost(e.message),
                code => Self::Other(format!("{} (error {code})", e.message)),
            },
            mysql::Error::IoError(e) => Self::Lost(e.to_string()),
            // The library's words when the server closed the connection.
            mysql::Error::CodecError(e) => Self::Lost(e.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Shorthand for results of this room.
pub type Result<T> = std::result::Result<T, DatabaseError>;

impl Settings {
    /// Opens a connection: text in UTF-8, strict, so that nothing is cut off silently.
    pub fn connect(&self) -> Result<Conn> {
        let socket = self.socket.clone().or_else(|| {
            let local = self.host == "localhost";
            SOCKETS.iter().map(PathBuf::from).find(|path| local && path.exists())
        });
        let place = match &socket {
            Some(path) => path.display().to_string(),
            None => format!("{}, port {}", self.host, self.port),
        };
        let builder = OptsBuilder::new()
            .user(Some(self.user.as_str()))
            .pass(Some(self.password.expose()))
            .db_name(Some(self.name.as_str()))
            .prefer_socket(false)
            .tcp_connect_timeout(Some(Duration::from_secs(10)))
            .read_timeout(Some(Duration::from_secs(120)))
            .write_timeout(Some(Duration::from_secs(120)))
            .init(vec![
                "SET NAMES utf8mb4",
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES', wait_timeout = 86400",
            ]);
        let builder = match &socket {
            Some(path) => builder.socket(Some(path.to_string_lossy())),
            None => builder.ip_or_hostname(Some(self.host.as_str())).tcp_port(self.port),
        };
        Conn::new(Opts::from(builder)).map_err(|error| self.explain(error, place))
    }

    /// Puts a failed connection into words.
    fn explain(&self, error: mysql::Error, place: String) -> DatabaseError {
        let file = self.file.clone();
        match error {
            mysql::Error::MySqlError(e) if matches!(e.code, 1044 | 1045 | 1698) => {
                DatabaseError::Refused { user: self.user.clone(), why: self.password.scrub(&e.message), file }
            }
            mysql::Error::MySqlError(e) if e.code == 1049 => {
                DatabaseError::NoDatabase { name: self.name.clone(), file }
            }
            mysql::Error::MySqlError(e) => {
                DatabaseError::Unreachable { place, why: format!("{} (error {})", e.message, e.code) }
            }
            other => DatabaseError::Unreachable { place, why: self.password.scrub(&innermost(&other)) },
        }
    }

    /// The directory of the socket, if there is one. Used by messages only.
    pub fn socket_path(&self) -> Option<&Path> {
        self.socket.as_deref()
    }
}

/// The cause at the bottom of an error, which says most in the fewest words.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Runs `head (?, ?), (?, ?) ... tail` for all rows in as few statements as the number of values allows.
pub fn insert_many<T>(
    conn: &mut impl Queryable,
    head: &str,
    tail: &str,
    rows: &[T],
    values: impl Fn(&T) -> Vec<mysql::Value>,
) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let width = values(first).len().max(1);
    let group = format!("({})", vec!["?"; width].join(","));
    for chunk in rows.chunks((VALUES_AT_ONCE / width).max(1)) {
        let sql = format!("{head} {} {tail}", vec![group.as_str(); chunk.len()].join(","));
        let all: Vec<mysql::Value> = chunk.iter().flat_map(&values).collect();
        conn.exec_drop(sql, all)?;
    }
    Ok(())
}

/// Runs `head (?, ?, ...)` for all keys, for `IN` lists. `fixed` are the values that stand before the list. Returns
/// how many rows were affected.
pub fn for_keys(
    conn: &mut mysql::Transaction<'_>,
    head: &str,
    fixed: &[mysql::Value],
    keys: &[String],
) -> Result<u64> {
    let mut affected = 0;
    for chunk in keys.chunks(VALUES_AT_ONCE) {
        let sql = format!("{head} ({})", vec!["?"; chunk.len()].join(","));
        let all: Vec<mysql::Value> =
            fixed.iter().cloned().chain(chunk.iter().map(std::convert::Into::into)).collect();
        conn.exec_drop(sql, all)?;
        affected += conn.affected_rows();
    }
    Ok(affected)
}
