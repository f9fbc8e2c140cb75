//! Every place that says who must get through, read one after the other. Each is a reader of its own that yields
//! [`Named`] targets; names in them are resolved later, all at once.
//!
//! A reader that fails says why and stops nobody else: what its source protected before goes on to count. Only a lost
//! database ends the run.

use std::thread;

use mysql::Conn;

use super::named::{Found, Named, SourceError};
use super::{
    contacts, fail2ban, freepbx_conf, gateways, hosts_file, interfaces, resolvers, ssh, trunks, zones,
};
use crate::ban::Source;
use crate::ban::target::{self, Target};
use crate::system::database::{DatabaseError, Settings};

/// What one source said, or why it said nothing.
pub type Reading = (Source, Result<Found, String>);

/// What the readers need besides the database.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The host of FreePBX's database, as freepbx.conf names it; none for a socket.
    pub database: Option<String>,
    /// The `allow` list of the configuration and of the ledger: what is allowed, and a label.
    pub allow: Vec<(Target, String)>,
    /// User and group that Asterisk's console is asked as; none for our own.
    pub asterisk: Option<(u32, u32)>,
}

impl Surroundings {
    /// What the database settings say. As root, Asterisk is asked as the owner of freepbx.conf, who is asterisk's user.
    pub fn new(settings: &Settings) -> Self {
        let database = settings.socket.is_none().then(|| settings.host.clone());
        let root = rustix::process::geteuid().is_root();
        let asterisk = root.then(|| freepbx_conf::owner(&settings.file).ok()).flatten();
        Self { database, allow: Vec::new(), asterisk }
    }
}

/// Reads the sources in FreePBX's database: what the administrator set there.
pub fn read_database(conn: &mut Conn) -> Result<Vec<Reading>, DatabaseError> {
    type Reader = fn(&mut Conn) -> Result<Found, SourceError>;
    let in_database: [(Source, Reader); 6] = [
        (Source::Zone, zones::read),
        (Source::Hidden, zones::read_hidden),
        (Source::Fail2ban, fail2ban::read),
        (Source::Pjsip, trunks::read_pjsip),
        (Source::Sip, trunks::read_sip),
        (Source::Iax, trunks::read_iax),
    ];
    in_database.into_iter().map(|(source, reader)| Ok((source, unless_lost(reader(conn))?))).collect()
}

/// Reads every source.
pub fn read(conn: &mut Conn, around: &Surroundings) -> Result<Vec<Reading>, DatabaseError> {
    // Asterisk answers in its own time; the database is read meanwhile.
    let (in_database, contacts) = thread::scope(|scope| {
        let contacts = scope.spawn(|| contacts::read(around.asterisk));
        let in_database = read_database(conn);
        let failed = |_| Err(SourceError::unreadable("asking Asterisk failed"));
        (in_database, contacts.join().unwrap_or_else(failed))
    });
    let mut all = in_database?;
    let elsewhere = [
        (Source::Interface, interfaces::read()),
        (Source::Gateway, gateways::read()),
        (Source::Resolver, resolvers::read()),
        (Source::Hosts, hosts_file::read()),
        (Source::Database, Ok(database(around.database.as_deref()))),
        (Source::Ssh, Ok(ssh::read())),
        (Source::Allow, Ok(allowed(&around.allow))),
        (Source::Contact, contacts),
    ];
    for (source, reading) in elsewhere {
        all.push((source, unless_lost(reading.map(Found::from))?));
    }
    Ok(all)
}

/// A table that is missing or broken fails its source alone; a database that is gone ends the run.
fn unless_lost(reading: Result<Found, SourceError>) -> Result<Result<Found, String>, DatabaseError> {
    match reading {
        Ok(found) => Ok(Ok(found)),
        Err(SourceError::Database(DatabaseError::NoTable(why))) => Ok(Err(why)),
        Err(SourceError::Database(
            error @ (DatabaseError::Denied(_)
            | DatabaseError::Other(_)
            | DatabaseError::NoColumn { .. }
            | DatabaseError::Value { .. }),
        )) => Ok(Err(error.to_string())),
        Err(SourceError::Database(error)) => Err(error),
        Err(SourceError::Unreadable(why)) => Ok(Err(why)),
    }
}

/// The database's host, where it is not this machine.
fn database(host: Option<&str>) -> Vec<Named> {
    let host = host.filter(|host| *host != "localhost").unwrap_or_default();
    target::host(host).map(|target| Named::new(Source::Database, target, host)).into_iter().collect()
}

fn allowed(list: &[(Target, String)]) -> Vec<Named> {
    list.iter().map(|(target, label)| Named::new(Source::Allow, target.clone(), label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_protected_where_it_is_not_this_machine() {
        assert_eq!(database(Some("localhost")), []);
        assert_eq!(database(None), []);
        assert_eq!(database(Some("81.2.69.9"))[0].target, Target::Prefix("81.2.69.9".parse().unwrap()));
        assert_eq!(database(Some("db.example.com"))[0].target, Target::Name("db.example.com".into()));
    }

    #[test]
    fn a_missing_table_fails_its_source_and_a_lost_database_ends_the_run() {
        let of = |error| unless_lost(Err(SourceError::Database(error)));
        assert!(of(DatabaseError::NoTable("x".into())).unwrap().is_err());
        assert!(of(DatabaseError::Other("x".into())).unwrap().is_err());
        assert!(of(DatabaseError::Lost("x".into())).is_err());
    }
}
