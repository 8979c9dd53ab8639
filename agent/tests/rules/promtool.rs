//! What Prometheus's own tools say of the rules, the examples, the tests and the queries of the runbooks.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

use harness::gate;

use crate::repository::{ALERTS, RULES, RUNBOOKS, TESTS, list, path};

/// Runs it, and returns what it said; panics with that when it fails.
fn run(program: PathBuf, arguments: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new(program).args(arguments).args(files).output().expect("start it");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn promtool_accepts_the_rules_and_the_example() {
    let Some(promtool) = gate::program("promtool") else { return };
    let said = run(
        promtool.clone(),
        &["check", "rules", "--lint=all", "--lint-fatal"],
        &[path(RULES), path(ALERTS)],
    );
    assert_eq!(said.matches("SUCCESS").count(), 2, "{said}");
    let example = path("dashboards/prometheus/prometheus.example.yml");
    assert!(run(promtool, &["check", "config"], &[example]).contains("2 rule files found"));
}

#[test]
fn each_alert_fires_and_stays_silent_on_the_series_that_it_is_tested_with() {
    let Some(promtool) = gate::program("promtool") else { return };
    let tests = list(TESTS);
    let said = run(promtool, &["test", "rules"], &tests);
    assert!(tests.len() >= 4 && said.matches("SUCCESS").count() == tests.len(), "{said}");
}

#[test]
fn alertmanager_accepts_the_example() {
    let Some(amtool) = gate::program("amtool") else { return };
    let example = path("dashboards/prometheus/alertmanager.example.yml");
    assert!(run(amtool, &["check-config"], &[example]).contains("SUCCESS"));
}

#[test]
fn every_query_of_a_runbook_is_one() {
    let Some(promtool) = gate::program("promtool") else { return };
    let mut rules = "groups:\n  - name: runbooks\n    rules:\n".to_owned();
    let mut queries = 0;
    for page in list(RUNBOOKS) {
        let text = fs::read_to_string(&page).expect("a page");
        for block in text.split("```promql\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            for query in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
                queries += 1;
                let query = query.replace('\'', "''");
                writeln!(rules, "      - record: runbook:query:{queries}\n        expr: '{query}'")
                    .expect("write to a string");
            }
        }
    }
    assert!(queries > 20, "{queries}");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("runbooks.yml");
    fs::write(&file, rules).expect("write the queries");
    assert!(run(promtool, &["check", "rules"], &[file]).contains(&format!("{queries} rules found")));
}
