//! Each promise of SECURITY.md names what holds it, and that is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A reference to the table's row: `[(7)](#what-holds-each-promise)`.
const REFERENCE: &str = "](#what-holds-each-promise)";

fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether there is such a test: a file of tests, a module of them, or one by module and name.
fn exists(test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if test.contains('/') {
        return root.join(test).is_file();
    }
    let (module, name) = test.split_once("::").unwrap_or((test, ""));
    let file =
        if module == "faults" { "tests/faults/main.rs".into() } else { format!("tests/it/{module}.rs") };
    let text = source(&file);
    let tests: Vec<&str> = text.split("#[test]\n").skip(1).collect();
    match name {
        "" => text.contains("#[test]"),
        _ => tests.iter().any(|test| test.trim_start().starts_with(&format!("fn {name}("))),
    }
}

#[test]
fn each_promise_names_a_test_that_exists() {
    let text = source("SECURITY.md");
    let (promises, table) = text.split_once("## What holds each promise").unwrap();
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let referred: BTreeSet<u32> = promises
        .split(REFERENCE)
        .filter_map(|before| number(before.rsplit_once("[(")?.1.strip_suffix(')')?))
        .collect();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let rows: Vec<(u32, Vec<&str>)> = rows
        .filter_map(|line| {
            let (first, held_by) = line.strip_prefix("| ")?.split_once(" | ")?;
            Some((number(first)?, held_by.split('`').skip(1).step_by(2).collect()))
        })
        .collect();
    let held: BTreeSet<u32> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(referred, held, "each promise has its row, and each row its promise");
    assert!(held.len() >= 30 && held.len() == rows.len());
    for (number, tests) in rows {
        assert!(!tests.is_empty(), "nothing holds promise {number}");
        for test in tests {
            assert!(exists(test), "promise {number}: there is no test {test}");
        }
    }
    // Nothing is said of an attacker, and nothing promised, that is not in the table.
    let attackers = promises.lines().skip_while(|line| !line.starts_with("| who")).skip(2);
    let promised = promises.split("## What banbridge promises").nth(1).unwrap();
    let all = attackers.take_while(|line| line.starts_with('|'));
    for line in all.chain(promised.lines().filter(|line| line.starts_with("- "))) {
        assert!(line.contains(REFERENCE), "nothing holds this: {line}");
    }
}
