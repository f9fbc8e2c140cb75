//! The PBX's database, from the tests' side.

use super::Sandbox;
use mysql::prelude::{FromRow, Queryable};
use mysql::{Conn, OptsBuilder, Params};

const TABLE: &str = "kvstore_FreePBX_modules_Firewall";

impl Sandbox {
    /// A connection with all rights, to lock and break what the PBX's own user cannot.
    pub fn database(&self) -> Conn {
        let options = OptsBuilder::new()
            .socket(Some(self.outside("/run/mysqld/mysqld.sock").to_string_lossy()))
            .prefer_socket(false)
            .user(Some("sandbox"))
            .pass(Some("sandbox"))
            .db_name(Some("asterisk"));
        Conn::new(options).expect("the sandbox's database")
    }

    /// The rows that a statement gives, if it gives any.
    #[track_caller]
    pub fn sql<T: FromRow>(&self, statement: &str, values: impl Into<Params>) -> Vec<T> {
        self.database().exec(statement, values).expect(statement)
    }

    /// Runs a statement for what it does.
    #[track_caller]
    pub fn sql_run(&self, statement: &str, values: impl Into<Params>) {
        self.database().exec_drop(statement, values).expect(statement);
    }

    /// The blacklist's rows, key and value, in the order of the keys.
    #[track_caller]
    pub fn blacklist(&self) -> Vec<(String, String)> {
        self.sql(&format!("SELECT `key`, `val` FROM {TABLE} WHERE `id` = 'blacklist' ORDER BY `key`"), ())
    }

    /// Writes rows past fwconsole, as a feeder does.
    #[track_caller]
    pub fn write_blacklist<'a>(&self, keys: impl IntoIterator<Item = &'a str>, value: &str) {
        let rows = keys.into_iter().map(|key| (key, value));
        let statement =
            format!("INSERT INTO {TABLE} (`key`, `val`, `type`, `id`) VALUES (?, ?, NULL, 'blacklist')");
        self.database().exec_batch(statement, rows).expect("rows of the blacklist");
    }

    /// Sets one of the firewall's own values (`networkmaps`, `hostmaps`, ...). A long one becomes
    /// a blob, as FreePBX does it.
    #[track_caller]
    pub fn set_config(&self, key: &str, value: &serde_json::Value) {
        let text = value.to_string();
        let mut database = self.database();
        let delete = format!("DELETE FROM {TABLE} WHERE `key` = ? AND `id` = 'noid'");
        database.exec_drop(delete, (key,)).expect("a row deleted");
        let (text, kind) = if text.len() > 4000 {
            let uuid: Option<String> = database.query_first("SELECT UUID()").expect("a uuid");
            let insert = "INSERT INTO kvblobstore (uuid, type, content) VALUES (?, 'json-arr', ?)";
            database.exec_drop(insert, (&uuid, text)).expect("a blob written");
            (uuid.expect("a uuid"), "blob")
        } else {
            (text, "json-arr")
        };
        let insert = format!("INSERT INTO {TABLE} (`key`, `val`, `type`, `id`) VALUES (?, ?, ?, 'noid')");
        database.exec_drop(insert, (key, text, kind)).expect("a row written");
    }

    pub fn stop_database(&self) {
        self.run(&["database", "stop"]).ok();
    }

    /// As a crash or a power cut.
    pub fn kill_database(&self) {
        self.run(&["database", "kill"]).ok();
    }

    pub fn start_database(&self) {
        self.run(&["database", "start"]).ok();
    }
}
