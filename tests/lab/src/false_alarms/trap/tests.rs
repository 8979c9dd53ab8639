//! That nothing is left out, and that what is said to be tested elsewhere is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// The rows of the taxonomy of closes, each with what a naive classifier gets wrong.
const ROWS: u32 = 43;

/// The threads in which other tools cried wolf, or lost what had been there before them.
const THREADS: [&str; 14] = [
    "OBI#3040",
    "OBI#1919",
    "coroot-node-agent#373",
    "haproxy#560",
    "netdata#1156",
    "deepflow#5732",
    "zeek#1119",
    "connectivity-exporter#13",
    "OBI#3297",
    "tracee#2739",
    "bcc#2305",
    "bcc#3307",
    "skywalking-rover#155",
    "datadog-agent#15530",
];

/// `row 3`, `rows 24 and 42`.
fn rows(trap: &Trap) -> impl Iterator<Item = u32> {
    let after = trap.source.split_once("row").map_or("", |(_, after)| after);
    after.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok())
}

#[test]
fn every_row_of_the_taxonomy_has_its_trap() {
    let there: BTreeSet<_> = all().flat_map(rows).collect();
    let missing: Vec<_> = (1..=ROWS).filter(|row| !there.contains(row)).collect();
    assert!(missing.is_empty(), "rows without a trap: {missing:?}");
}

#[test]
fn every_thread_has_its_trap() {
    let missing: Vec<_> =
        THREADS.iter().filter(|thread| !all().any(|trap| trap.source.contains(**thread))).collect();
    assert!(missing.is_empty(), "threads without a trap: {missing:?}");
}

#[test]
fn traps_have_names_of_their_own_and_say_what_they_do() {
    let names: BTreeSet<_> = all().map(|trap| &trap.name).collect();
    assert_eq!(names.len(), all().count());
    for trap in all() {
        assert!(!trap.source.is_empty() && !trap.naive.is_empty(), "{}", trap.name);
        assert_eq!(trap.is_played(), !trap.played.is_empty(), "{}", trap.name);
        assert_eq!(trap.is_played(), !trap.servers.is_empty(), "{}", trap.name);
        let _found = trap.needs();
        for server in trap.servers.iter().filter(|server| server.is() != "nobody") {
            assert!(FILE.server.contains_key(server.is()), "{}: {}", trap.name, server.is());
        }
    }
}

#[test]
fn what_is_tested_elsewhere_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tests: String =
        ["agent/tests", "tests/lab/tests"].map(|directory| text(&root.join(directory))).concat();
    for trap in all().filter(|trap| !trap.is_played()) {
        assert!(trap.tests.len() + trap.scenarios.len() > 0, "{} is tested nowhere", trap.name);
        for test in &trap.tests {
            assert!(tests.contains(&format!("#[test]\nfn {test}()")), "{}: no test {test}", trap.name);
        }
        for scenario in &trap.scenarios {
            let exists = testserver::scenarios().iter().any(|one| one.name == *scenario);
            assert!(exists, "{}: no scenario {scenario}", trap.name);
        }
    }
}

/// All Rust below a directory.
fn text(directory: &Path) -> String {
    let entries = fs::read_dir(directory).expect("a directory of tests");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => text(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(&path).expect("a test's source"),
        _ => String::new(),
    };
    paths.map(read).collect()
}
