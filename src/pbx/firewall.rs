//! The firewall module's settings in its kvstore table: is it on, how does it enforce, how often does it look.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql::prelude::Queryable;

use crate::ban::plan::Driver;
use crate::system::database::{DatabaseError, Result, Table};

/// The module's table. `key`, `val`, `type`, `id`; unique over the first 190 characters of `key` and `id`.
pub const TABLE: &str = "`kvstore_FreePBX_modules_Firewall`";

/// The table of FreePBX 18's nftables driver, family and name.
pub const TABLE_OF_NFTABLES: [&str; 2] = ["inet", "fpbx"];

/// The same, to read from.
pub(super) static KVSTORE: Table = Table {
    name: "kvstore_FreePBX_modules_Firewall",
    fix: "save the firewall's settings in FreePBX again (Connectivity, Firewall), or: fwconsole ma upgrade firewall",
};
/// Where FreePBX keeps values over 4,000 bytes.
static BLOBS: Table = Table { name: "kvblobstore", fix: KVSTORE.fix };
/// FreePBX's own settings.
static SETTINGS: Table =
    Table { name: "freepbx_settings", fix: "save Settings, Advanced Settings in FreePBX again" };

/// What the database says of the firewall.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Firewall {
    /// Whether the administrator switched it on.
    pub enabled: bool,
    /// What it enforces the blacklist with.
    pub driver: Driver,
    /// Whether FreePBX 18 has been there and its settings do not say what it enforces with: then [`TABLE_OF_NFTABLES`]
    /// in the kernel does.
    #[serde(skip)]
    pub driver_is_unsaid: bool,
    /// How often its daemon looks for changes by itself, in seconds.
    pub period_s: u64,
}

impl Firewall {
    /// How often its daemon looks for changes by itself.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period_s)
    }
}

/// Values of the table's `noid` rows, with blobs fetched from where they stand.
///
/// FreePBX moves values over 4,000 bytes to `kvblobstore` and leaves their uuid.
pub fn values(conn: &mut impl Queryable, keys: &[&str]) -> Result<BTreeMap<String, String>> {
    let marks = vec!["?"; keys.len()].join(",");
    let sql = format!("SELECT `key`, `val`, `type` FROM {TABLE} WHERE `id` = 'noid' AND `key` IN ({marks})");
    let mut values = BTreeMap::new();
    for row in KVSTORE.rows(conn, &sql, keys.to_vec())? {
        let (key, value): (String, Option<String>) = (row.get("key")?, row.get("val")?);
        let value = match (value, row.get::<Option<String>>("type")?.as_deref()) {
            (Some(uuid), Some("blob")) => {
                let sql = "SELECT `content` FROM `kvblobstore` WHERE `uuid` = ?";
                let content = BLOBS.first(conn, sql, (uuid,))?;
                let content: Option<Vec<u8>> = match content {
                    Some(row) => row.get("content")?,
                    None => None,
                };
                // A value whose content is lost must not be taken for an empty one.
                let lost = || {
                    DatabaseError::Other(format!(
                        "the content of the firewall's {key} is missing in kvblobstore"
                    ))
                };
                Some(String::from_utf8_lossy(&content.ok_or_else(lost)?).into_owned())
            }
            (value, _) => value,
        };
        if let Some(value) = value {
            values.insert(key, value);
        }
    }
    Ok(values)
}

/// Reads the settings.
pub fn read(conn: &mut impl Queryable) -> Result<Firewall> {
    let values = values(conn, &["status", "refresh", "firewall_backend", "firewall_schema"])?;
    let value = |key: &str| values.get(key).map(String::as_str).unwrap_or_default();
    // The schema beside it counts the module's own migrations.
    let nftables = value("firewall_backend") == "nftables";
    Ok(Firewall {
        // As PHP reads it: no row, an empty value and "0" are off.
        enabled: !matches!(value("status"), "" | "0"),
        driver: if nftables { Driver::Nftables } else { Driver::Iptables },
        driver_is_unsaid: value("firewall_backend").is_empty() && values.contains_key("firewall_schema"),
        period_s: match value("refresh") {
            "fast" => 15,
            "slow" => 120,
            _ => 30,
        },
    })
}

/// One of FreePBX's own settings, with what it is when nobody changed it.
pub fn setting(conn: &mut impl Queryable, keyword: &str, default: &str) -> Result<String> {
    let sql = "SELECT `value` FROM `freepbx_settings` WHERE `keyword` = ?";
    let value: Option<String> = match SETTINGS.first(conn, sql, (keyword,))? {
        Some(row) => row.get("value")?,
        None => None,
    };
    Ok(value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()))
}
