//! The shape of the firewall module's table, which the rows are written into.

use mysql::prelude::Queryable;

use super::{Check, Lack};
use crate::system::database::Result;

/// The table's name, without quotes.
const NAME: &str = "kvstore_FreePBX_modules_Firewall";
/// Columns that are read and written.
const COLUMNS: [&str; 4] = ["id", "key", "type", "val"];

/// What the database says of the table.
#[derive(Debug, Default)]
struct Shape {
    /// Names of its columns.
    columns: Vec<String>,
    /// The columns of each index in which no two rows are equal.
    unique: Vec<Vec<String>>,
    /// Tables of the key-value store that are not InnoDB, with their engines.
    engines: Vec<(String, String)>,
    /// Whether there is a table for values that are too long for this one.
    blobs: bool,
}

/// Looks and judges.
pub fn look(conn: &mut impl Queryable) -> Result<Vec<Check>> {
    let mut shape = Shape {
        columns: conn.exec(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
            (NAME,),
        )?,
        ..Shape::default()
    };
    let indices: Vec<String> = conn.exec(
        "SELECT GROUP_CONCAT(COLUMN_NAME ORDER BY COLUMN_NAME) FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND NON_UNIQUE = 0 GROUP BY INDEX_NAME",
        (NAME,),
    )?;
    shape.unique = indices.iter().map(|index| index.split(',').map(str::to_owned).collect()).collect();
    let tables: Vec<(String, Option<String>)> = conn.exec(
        "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (?, 'kvblobstore')",
        (NAME,),
    )?;
    shape.blobs = tables.iter().any(|(name, _)| name == "kvblobstore");
    let engine = |(name, engine): (String, Option<String>)| Some((name, engine?));
    shape.engines = tables.into_iter().filter_map(engine).filter(|(_, engine)| engine != "InnoDB").collect();
    Ok(judge(&shape))
}

fn judge(shape: &Shape) -> Vec<Check> {
    let name = "kvstore";
    if shape.columns.is_empty() {
        let found = format!("the table {NAME} is missing: FreePBX's Firewall module is not installed");
        let mend = "fwconsole ma downloadinstall firewall";
        return vec![Check::error(name, Lack::Setting, found, mend)];
    }
    let missing: Vec<&str> =
        COLUMNS.into_iter().filter(|column| !shape.columns.iter().any(|has| has == column)).collect();
    let one_row_an_entry = shape.unique.iter().any(|index| index == &["id", "key"]);
    let mut checks = Vec::new();
    checks.push(if !missing.is_empty() {
        let found = format!("{NAME} has no column {}", missing.join(", "));
        let mend = "fwconsole ma upgrade firewall; if the error stays, report it with the module's version";
        Check::error(name, Lack::Setting, found, mend)
    } else if !one_row_an_entry {
        let found = format!("{NAME} has no unique index on key and id, so the same row can exist twice");
        let mend = format!(
            "in the database: ALTER TABLE {NAME} ADD UNIQUE INDEX uniqueindex (`key`(190), `id`(190))"
        );
        Check::error(name, Lack::Setting, found, mend)
    } else if !shape.blobs {
        let mend = "fwconsole ma upgrade framework";
        Check::warning(name, "the table kvblobstore is missing, where FreePBX keeps long values", mend)
    } else {
        Check::ok(name, format!("{NAME} has the columns and the index that banbridge needs"))
    });
    checks.push(if shape.engines.is_empty() {
        Check::ok("engine", "InnoDB")
    } else {
        let alter = |(table, _): &(String, String)| format!("ALTER TABLE {table} ENGINE=InnoDB");
        let which: Vec<String> =
            shape.engines.iter().map(|(table, engine)| format!("{table} is {engine}")).collect();
        let mend: Vec<String> = shape.engines.iter().map(alter).collect();
        let found = format!(
            "{}: a run that is killed keeps the changes made so far, and the next run completes them",
            which.join(", ")
        );
        Check::warning("engine", found, format!("in the database: {}", mend.join("; ")))
    });
    checks
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn shape() -> Shape {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Shape {
            columns: texts(&["key", "val", "type", "id"]),
            unique: vec![texts(&["id", "key"])],
            engines: Vec::new(),
            blobs: true,
        }
    }

    fn states(shape: &Shape) -> Vec<State> {
        judge(shape).iter().map(|check| check.state).collect()
    }

    #[test]
    fn each_part_of_the_shape_is_needed() {
        assert_eq!(states(&shape()), [State::Ok, State::Ok]);
        assert_eq!(states(&Shape::default()), [State::Error]);
        assert_eq!(states(&Shape { unique: vec![], ..shape() })[0], State::Error);
        assert_eq!(states(&Shape { unique: vec![vec!["key".into()]], ..shape() })[0], State::Error);
        assert_eq!(states(&Shape { blobs: false, ..shape() })[0], State::Warning);
        for at in 0..4 {
            let mut shape = shape();
            shape.columns.remove(at);
            assert_eq!(states(&shape)[0], State::Error);
        }
        let old = Shape { engines: vec![(NAME.into(), "MyISAM".into())], ..shape() };
        assert_eq!(states(&old), [State::Ok, State::Warning]);
    }
}
