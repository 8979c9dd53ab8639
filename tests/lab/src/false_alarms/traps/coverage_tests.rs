//! That nothing is left out, and that what is said to be tested elsewhere is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::false_alarms::{
    trap::{Cover, How, Trap},
    traps,
};

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
    let there: BTreeSet<_> = traps::all().flat_map(rows).collect();
    let missing: Vec<_> = (1..=ROWS).filter(|row| !there.contains(row)).collect();
    assert!(missing.is_empty(), "rows without a trap: {missing:?}");
}

#[test]
fn every_thread_has_its_trap() {
    let missing: Vec<_> =
        THREADS.iter().filter(|thread| !traps::all().any(|trap| trap.source.contains(**thread))).collect();
    assert!(missing.is_empty(), "threads without a trap: {missing:?}");
}

#[test]
fn traps_have_names_of_their_own_and_say_what_they_do() {
    let names: BTreeSet<_> = traps::all().map(|trap| trap.name).collect();
    assert_eq!(names.len(), traps::all().count());
    for trap in traps::all() {
        let is_played = !matches!(trap.how, How::Elsewhere(_));
        assert!(!trap.source.is_empty() && !trap.naive.is_empty(), "{}", trap.name);
        assert_eq!(is_played, !trap.played.is_empty(), "{}", trap.name);
    }
}

#[test]
fn what_is_tested_elsewhere_is_tested() {
    let covers = traps::all().filter_map(|trap| match trap.how {
        How::Elsewhere(covers) => Some((trap.name, covers)),
        How::Play(_) | How::Older(_) => None,
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tests: String =
        ["agent/tests", "tests/lab/tests"].map(|directory| text(&root.join(directory))).concat();
    for (name, covers) in covers {
        assert!(!covers.is_empty(), "{name} is tested nowhere");
        for cover in covers {
            let exists = match cover {
                Cover::Test(function) => tests.contains(&format!("#[test]\nfn {function}()")),
                Cover::Scenario(scenario) => testserver::scenarios().iter().any(|one| one.name == *scenario),
            };
            assert!(exists, "{name}: there is no {cover}");
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
