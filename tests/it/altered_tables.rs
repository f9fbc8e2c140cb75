//! Tables whose columns were altered, or hold what does not belong there: an error that names table and column, or, where
//! it is one source of protected addresses among many, a warning. The program never ends in the middle.

use crate::testenv::{ATTACKER, TestEnv, set};

/// Has a command run while a table is altered, by what is said of it in SQL, and puts the table back.
fn altered(env: &TestEnv, table: &str, statements: &[String], words: &[&str]) -> (i32, String) {
    let sql = |text: String| env.pbx.sql_run(&text, ());
    sql(format!("CREATE TABLE kept LIKE {table}"));
    sql(format!("INSERT INTO kept SELECT * FROM {table}"));
    for statement in statements {
        sql(statement.clone());
    }
    let run = env.run(words);
    sql(format!("DROP TABLE {table}"));
    sql(format!("RENAME TABLE kept TO {table}"));
    (run.code, run.stdout + &run.stderr)
}

/// A column of another type, with a value in all rows.
fn with_value(table: &str, column: &str, kind: &str, value: &str) -> [String; 3] {
    let modify = |kind: &str| format!("ALTER TABLE {table} MODIFY `{column}` {kind}");
    [modify("VARBINARY(300)"), format!("UPDATE IGNORE {table} SET `{column}` = {value}"), modify(kind)]
}

#[test]
fn a_value_that_does_not_fit_names_its_table_and_column_and_changes_nothing() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.pbx.sql_run(
        "REPLACE INTO kvstore_FreePBX_modules_Firewall (`key`, `val`, `id`) VALUES ('refresh', 'slow', 'noid')",
        (),
    );
    env.sync(0, &[]);
    env.run(&["unblock", "45.0.0.2"]).ok();
    env.run(&["allow", "45.0.0.3"]).ok();
    env.pbx.sql_run("INSERT INTO banbridge_skipped VALUES (1, 'x', 'y', 1, 4000000000)", ());
    env.pbx.sql_run("INSERT INTO banbridge_key_refused VALUES (1, 1)", ());
    let before = env.sums();
    type Case =
        (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static str);
    let table: [Case; 24] = [
        ("banbridge_schema", "version", "VARCHAR(20)", "'one'", &["status"], "found \"one\""),
        ("banbridge_state", "value", "VARCHAR(20)", "'soon'", &["status"], "found \"soon\""),
        ("banbridge_state", "value", "DOUBLE", "1.5", &["status"], "found 1.5"),
        ("banbridge_feed", "complete", "INT", "7", &["status"], "found \"7\", expected 0 or 1"),
        ("banbridge_feed", "last_success", "DATETIME", "NOW()", &["status"], "expected a whole number"),
        ("banbridge_feed", "name", "VARBINARY(64)", "x'ff'", &["status"], "1 bytes that are not UTF-8"),
        ("banbridge_entry", "first_seen", "BIGINT NULL", "NULL", &["sync"], "found NULL"),
        ("banbridge_entry", "expires_at", "DECIMAL(30,1)", "0.5", &["list"], "found \"0.5\""),
        ("banbridge_entry", "feed_id", "INT", "70000", &["apply"], "a number from 0 to 65535"),
        ("banbridge_skipped", "reason", "VARBINARY(191)", "x'c3'", &["list", "--skipped"], "not UTF-8"),
        ("banbridge_row", "unmarked", "INT NULL", "NULL", &["apply"], "found NULL"),
        ("banbridge_unblock", "until", "VARCHAR(30)", "'5000000000z'", &["list", "--unblocked"], "0z\""),
        ("banbridge_allow", "comment", "VARBINARY(9)", "x'80'", &["list", "--allowed"], "not UTF-8"),
        ("banbridge_source", "last_success", "VARCHAR(30)", "'x'", &["status"], "found \"x\""),
        ("banbridge_protection", "label", "VARBINARY(191)", "x'80'", &["status"], "not UTF-8"),
        ("banbridge_run", "exit_code", "INT", "300", &["status"], "a number from 0 to 255"),
        ("banbridge_run", "added", "BIGINT", "-1", &["history", "--runs"], "not negative"),
        ("banbridge_hour", "packets", "VARCHAR(9)", "'many'", &["history"], "found \"many\""),
        ("banbridge_request", "at_ms", "DATE", "'2026-01-01'", &["sync"], "expected a whole number"),
        ("banbridge_key_refused", "since", "VARCHAR(9)", "'x'", &["status"], "found \"x\""),
        (
            "kvstore_FreePBX_modules_Firewall",
            "key",
            "VARBINARY(255)",
            "CONCAT(x'ff', `key`)",
            &["sync"],
            "not UTF-8",
        ),
        ("kvstore_FreePBX_modules_Firewall", "type", "VARBINARY(16)", "x'ff'", &["sync"], "not UTF-8"),
        ("kvstore_FreePBX_modules_Firewall", "val", "VARBINARY(99)", "x'ff'", &["sync"], "not UTF-8"),
        ("freepbx_settings", "value", "BLOB", "x'ff'", &["sync"], "not UTF-8"),
    ];
    for (table, column, kind, value, words, found) in table {
        let (code, said) = altered(&env, table, &with_value(table, column, kind, value), words);
        assert_eq!(code, 78, "{table}.{column} {kind}: {said}");
        let place = format!("table {table}, column {column}: ");
        assert!(said.contains(&place) && said.contains(found) && said.contains("Fix: "), "{said}");
    }
    // A column that is not there at all.
    for (table, column, words) in [
        ("banbridge_feed", "base_size", "status"),
        ("banbridge_run", "error", "status"),
        ("kvstore_FreePBX_modules_Firewall", "type", "sync"),
        ("freepbx_settings", "value", "sync"),
    ] {
        let drop = format!("ALTER TABLE {table} DROP COLUMN `{column}`");
        let (code, said) = altered(&env, table, &[drop], &[words]);
        assert_eq!(code, 78, "{table}.{column}: {said}");
        assert!(said.contains(&format!("table {table}: ")) && said.contains(column), "{said}");
        assert!(said.contains("Fix: "), "{said}");
    }
    assert_eq!(env.sums(), before);
    assert_eq!(env.ours(), set([ATTACKER]));
}

#[test]
fn a_number_at_the_end_of_its_range_neither_ends_the_run_nor_costs_a_row() {
    const TABLE: &str = "kvstore_FreePBX_modules_Firewall";
    for number in [i64::MAX, i64::MIN, -1] {
        for place in ["table", "ledger", "both"] {
            let env = TestEnv::without_firewall(&[ATTACKER]);
            env.sync(0, &[]);
            if place != "ledger" {
                let sql = format!("UPDATE {TABLE} SET val = ? WHERE id = 'banbridge'");
                env.pbx.sql_run(&sql, (number.to_string(),));
            }
            if place != "table" {
                env.pbx.sql_run("UPDATE banbridge_state SET value = ? WHERE name = 'generation'", (number,));
            }
            env.feed.sight("45.0.0.7");
            env.sync(0, &[]);
            assert_eq!(env.ours(), set([ATTACKER, "45.0.0.7"]), "{number} {place}");
            env.feed.sight("45.0.0.8");
            env.sync(0, &[]);
            assert_eq!(env.ours(), set([ATTACKER, "45.0.0.7", "45.0.0.8"]), "{number} {place}");
            assert_eq!(env.json(&["list", "--unblocked"]).1, serde_json::json!([]), "{number} {place}");
        }
    }
}

#[test]
fn a_bug_has_its_documented_code() {
    let env = TestEnv::without_firewall(&[ATTACKER]);
    env.sync(0, &[]);
    // No thread can be made, which is none of the errors that are expected.
    let run = env.pbx.run_as(
        "asterisk",
        &["bash", "-c", &format!("ulimit -u 1; exec {} status", env!("CARGO_BIN_EXE_banbridge"))],
    );
    assert_eq!(run.code, 70, "{run:?}");
}

#[test]
fn a_source_of_protected_addresses_that_does_not_fit_is_a_warning_and_protects_what_it_protected() {
    let env = TestEnv::without_firewall(&[ATTACKER, "45.0.0.9"]);
    env.pbx.sql_run("INSERT INTO pjsip (id, keyword, data) VALUES ('1', 'sip_server', '45.0.0.9')", ());
    env.sync(0, &[]);
    assert_eq!(env.ours(), set([ATTACKER]));
    for (column, kind, value) in [("data", "VARBINARY(99)", "x'ff'"), ("id", "VARCHAR(9) NULL", "NULL")] {
        let statements = match column {
            "id" => vec!["ALTER TABLE pjsip DROP PRIMARY KEY".to_owned()],
            _ => Vec::new(),
        };
        let statements: Vec<String> =
            statements.into_iter().chain(with_value("pjsip", column, kind, value)).collect();
        let (code, said) = altered(&env, "pjsip", &statements, &["sync"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!("table pjsip, column {column}: found ")), "{said}");
        assert!(said.contains("save the trunk"), "{said}");
        assert_eq!(env.ours(), set([ATTACKER]));
    }
}
