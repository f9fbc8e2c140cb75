//! The connection to FreePBX's database, and errors that say what an administrator can do.
//!
//! One connection serves a whole run. It is never renewed in silence: the run's lock lives in it, so a lost
//! connection ends the run, and what was committed stays.

mod row;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, Opts, OptsBuilder};

use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::secret::Secret;
use crate::system::text::one_line;

pub use row::{FromColumn, Record, Table};

/// Where MariaDB's socket usually is: Debian, then the FreePBX Distro (EL7).
const SOCKETS: [&str; 2] = ["/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock"];

/// How long connecting may take, login included.
const CONNECTS_WITHIN: Duration = Duration::from_secs(20);
/// Values in one statement at most. MariaDB takes 65,535; fewer keep the statement small.
const VALUES_AT_ONCE: usize = 8_000;
/// Bytes of a statement beside its values' own, for each value: its mark, its type, its length.
const BYTES_A_VALUE: usize = 16;

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
        "the database does not accept the user {user:?}: {why}. Check AMPDBUSER and AMPDBPASS in {}. If they are right, \
         the user may have to use TLS (REQUIRE SSL, or require_secure_transport), which banbridge does not",
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
    /// User and password may be right, but there is something else.
    #[error(
        "the database does not let the user {user:?} in: {why}. Fix, as the database's administrator: {fix}"
    )]
    NotLetIn {
        /// The user.
        user: String,
        /// The cause.
        why: String,
        /// What to do, fit to be shown.
        fix: String,
    },
    /// A statement, or one value, is too large for the server.
    #[error(
        "the database takes no statement as large as is needed. Fix: set max_allowed_packet = 16M in MariaDB's \
         configuration, then: systemctl restart mariadb"
    )]
    TooLarge,
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
            Self::Refused { .. } | Self::NotLetIn { .. } | Self::Denied(_) => Exit::Denied,
            Self::NoDatabase { .. } | Self::TooLarge | Self::NoColumn { .. } | Self::Value { .. } => {
                Exit::Config
            }
            Self::Unreachable { .. } | Self::NoTable(_) | Self::Lost(_) | Self::Other(_) => Exit::Unreachable,
        }
    }
}

impl From<mysql::Error> for DatabaseError {
    fn from(error: mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(e) => match e.code {
                1146 => Self::NoTable(e.message),
                1153 | 1301 => Self::TooLarge,
                1044 | 1045 | 1142 | 1143 | 1227 => Self::Denied(e.message),
                // Shut down, or this connection was ended.
                1053 | 1152 | 1159 | 1161 | 1317 | 1927 => Self::Lost(e.message),
                code => Self::Other(format!("{} (error {code})", e.message)),
            },
            mysql::Error::IoError(e) => Self::Lost(e.to_string()),
            // The library's words when the server closed the connection.
            mysql::Error::CodecError(e) => Self::Lost(e.to_string()),
            mysql::Error::DriverError(DriverError::PacketTooLarge) => Self::TooLarge,
            other => Self::Other(innermost(&other)),
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
        // The library bounds each read and not the whole: a server that sends a byte now and then would have us wait.
        let (sender, connected) = mpsc::channel();
        thread::spawn(move || sender.send(Conn::new(Opts::from(builder))));
        match connected.recv_timeout(CONNECTS_WITHIN) {
            Ok(connected) => connected.map_err(|error| self.explain(error, place)),
            Err(_) => {
                let why = format!("no whole answer within {} s", CONNECTS_WITHIN.as_secs());
                Err(DatabaseError::Unreachable { place, why })
            }
        }
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
            mysql::Error::MySqlError(e) => match self.not_let_in(e.code) {
                Some(error) => error,
                None => {
                    DatabaseError::Unreachable { place, why: format!("{} (error {})", e.message, e.code) }
                }
            },
            mysql::Error::DriverError(DriverError::UnknownAuthPlugin(name)) => self.other_way(&name),
            mysql::Error::DriverError(DriverError::OldMysqlPasswordDisabled) => {
                self.other_way("mysql_old_password")
            }
            mysql::Error::DriverError(DriverError::CleartextPluginDisabled) => {
                self.other_way("mysql_clear_password")
            }
            other => DatabaseError::Unreachable { place, why: self.password.scrub(&innermost(&other)) },
        }
    }

    /// Why a user is not let in whose name and password may be right, by the server's number of the error.
    fn not_let_in(&self, code: u16) -> Option<DatabaseError> {
        let (why, fix) = match code {
            4151 => ("its account is locked", "ALTER USER ... ACCOUNT UNLOCK".to_owned()),
            1820 | 1862 => {
                let file = self.file.display();
                ("its password has expired", format!("ALTER USER ... IDENTIFIED BY the password in {file}"))
            }
            1129 | 1130 => (
                "it may not connect from this machine",
                "create the user for this machine's address, or use localhost in AMPDBHOST".to_owned(),
            ),
            3159 => ("the server wants TLS (require_secure_transport), which banbridge does not use", {
                "use localhost in AMPDBHOST, or switch it off".to_owned()
            }),
            _ => return None,
        };
        Some(DatabaseError::NotLetIn { user: self.user.clone(), why: why.to_owned(), fix })
    }

    /// The user logs in by a plugin that the client does not have.
    fn other_way(&self, plugin: &str) -> DatabaseError {
        DatabaseError::NotLetIn {
            user: self.user.clone(),
            why: format!("it logs in by {}, which banbridge does not know", one_line(plugin, 60)),
            fix: "ALTER USER ... IDENTIFIED VIA mysql_native_password or ed25519".to_owned(),
        }
    }

    /// The directory of the socket, if there is one. Used by messages only.
    pub fn socket_path(&self) -> Option<&Path> {
        self.socket.as_deref()
    }
}

/// The cause at the bottom of an error, which says most in the fewest words.
fn innermost(error: &mysql::Error) -> String {
    let mut error: &dyn std::error::Error = match error {
        mysql::Error::DriverError(error) => error,
        mysql::Error::CodecError(error) => error,
        other => other,
    };
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
    let mut most = Most::of(conn)?;
    let mut all: Vec<mysql::Value> = Vec::new();
    let mut run = |all: &mut Vec<mysql::Value>| -> Result<()> {
        let sql = format!("{head} {} {tail}", vec![group.as_str(); all.len() / width].join(","));
        Ok(conn.exec_drop(sql, std::mem::take(all))?)
    };
    for row in rows {
        let values = values(row);
        if most.is_reached_by(&values) {
            run(&mut all)?;
        }
        all.extend(values);
    }
    run(&mut all)
}

/// How much one statement holds.
struct Most {
    bytes: usize,
    taken_bytes: usize,
    taken_values: usize,
}

impl Most {
    /// What the server takes in a statement, of which half is enough.
    fn of(conn: &mut impl Queryable) -> Result<Self> {
        let packet: Option<usize> = conn.query_first("SELECT @@max_allowed_packet")?;
        Ok(Self { bytes: packet.unwrap_or(1 << 20) / 2, taken_bytes: 0, taken_values: 0 })
    }

    /// Whether these values are too many for a statement that has some already; then they are the next one's first.
    fn is_reached_by(&mut self, values: &[mysql::Value]) -> bool {
        let bytes: usize = values.iter().map(|value| BYTES_A_VALUE + length(value)).sum();
        let full = self.taken_values > 0
            && (self.taken_bytes + bytes > self.bytes || self.taken_values + values.len() > VALUES_AT_ONCE);
        if full {
            (self.taken_bytes, self.taken_values) = (0, 0);
        }
        self.taken_bytes += bytes;
        self.taken_values += values.len();
        full
    }
}

fn length(value: &mysql::Value) -> usize {
    match value {
        mysql::Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
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
    let mut most = Most::of(conn)?;
    let mut run = |chunk: &mut Vec<mysql::Value>| -> Result<()> {
        if !chunk.is_empty() {
            let sql = format!("{head} ({})", vec!["?"; chunk.len()].join(","));
            let all: Vec<mysql::Value> = fixed.iter().cloned().chain(std::mem::take(chunk)).collect();
            conn.exec_drop(sql, all)?;
            affected += conn.affected_rows();
        }
        Ok(())
    };
    let mut chunk = Vec::new();
    for key in keys {
        let key = mysql::Value::from(key);
        if most.is_reached_by(std::slice::from_ref(&key)) {
            run(&mut chunk)?;
        }
        chunk.push(key);
    }
    run(&mut chunk)?;
    Ok(affected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_full_by_bytes_or_by_values_and_never_without_any() {
        let mut most = Most { bytes: 100, taken_bytes: 0, taken_values: 0 };
        let value = |size: usize| [mysql::Value::Bytes(vec![b'x'; size])];
        assert!(!most.is_reached_by(&value(500)), "one alone goes, however large");
        assert!(
            most.is_reached_by(&value(10))
                && !most.is_reached_by(&value(10))
                && !most.is_reached_by(&value(10))
        );
        assert!(most.is_reached_by(&value(10)));
        let mut most = Most { bytes: usize::MAX, taken_bytes: 0, taken_values: 0 };
        let full = (0..VALUES_AT_ONCE + 1).filter(|_| most.is_reached_by(&[mysql::Value::NULL])).count();
        assert_eq!(full, 1);
    }

    #[test]
    fn what_the_server_or_the_client_says_is_put_into_words() {
        let of = |code: u16| {
            let error = mysql::MySqlError { state: "HY000".into(), message: "m".into(), code };
            DatabaseError::from(mysql::Error::MySqlError(error))
        };
        assert!(matches!(
            (of(1153), of(1146), of(1045)),
            (DatabaseError::TooLarge, DatabaseError::NoTable(_), DatabaseError::Denied(_))
        ));
        let too_large = DatabaseError::from(mysql::Error::DriverError(DriverError::PacketTooLarge));
        assert!(too_large.to_string().contains("max_allowed_packet = 16M"));
        let other = DatabaseError::from(mysql::Error::DriverError(DriverError::PacketOutOfSync));
        assert_eq!(other.to_string(), "the database says: Packet out of sync");
    }
}
