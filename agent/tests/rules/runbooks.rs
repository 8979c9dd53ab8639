//! Alerts, their runbooks and the table of the docs are in step.

use std::collections::BTreeSet;

use crate::{
    alert::Alert,
    repository::{RUNBOOKS, TESTS, list, path, read},
};

const PAGES: &str = "https://github.com/whohungup/whohungup/blob/main/docs/runbooks/";
const PARTS: [&str; 4] =
    ["## What it means", "## What to look at", "## What to change", "## When it is harmless"];

#[test]
fn each_alert_has_its_page_and_each_page_its_alert() {
    let alerts: BTreeSet<_> = Alert::all().into_iter().map(|alert| alert.name).collect();
    let stem = |path: std::path::PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let pages: BTreeSet<_> = list(RUNBOOKS).into_iter().map(stem).collect();
    assert_eq!(alerts, pages);
}

#[test]
fn a_page_says_what_is_meant_what_to_look_at_and_what_to_change() {
    for alert in Alert::all() {
        let name = &alert.name;
        assert_eq!(alert.runbook, format!("{PAGES}{name}.md"));
        let page = read(&format!("{RUNBOOKS}/{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n\n**{}**: ", alert.severity)), "{name}");
        let mut rest = page.as_str();
        for part in PARTS {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{name}: {part} is missing"));
            let own = after.split("\n## ").next().unwrap_or_default().trim();
            assert!(!own.is_empty(), "{name}: {part} says nothing");
            rest = after;
        }
        assert!(page.contains("```promql") || page.contains("```console"), "{name}: nothing to look at");
    }
}

#[test]
fn the_table_of_the_docs_has_each_alert_with_its_severity_and_patience() {
    let docs = read("docs/alerts.md");
    let rows: Vec<Vec<&str>> = docs
        .lines()
        .filter(|line| line.starts_with("| Whohungup"))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let alerts = Alert::all();
    assert_eq!(rows.len(), alerts.len());
    for (row, alert) in rows.iter().zip(&alerts) {
        let link = format!("[page](runbooks/{}.md)", alert.name);
        let said = (row[1], row[2], row[4], row[5]);
        assert_eq!(
            said,
            (alert.name.as_str(), alert.severity.as_str(), alert.patience.as_str(), link.as_str())
        );
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in list(RUNBOOKS) {
        let text = std::fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            assert!(path(RUNBOOKS).join(target).is_file(), "{}: {link}", page.display());
        }
    }
}

/// What is played is for `promtool`; that both kinds are there is for this.
#[test]
fn each_alert_is_tested_for_firing_and_for_staying_silent() {
    let plays: String =
        list(TESTS).iter().map(|file| std::fs::read_to_string(file).expect("a test") + "\n").collect();
    let checks: Vec<&str> = plays.split("- eval_time: ").skip(1).collect();
    for alert in Alert::all() {
        let of_it = checks
            .iter()
            .filter(|check| check.lines().any(|line| line.trim() == format!("alertname: {}", alert.name)));
        let (firing, silent): (Vec<&str>, Vec<&str>) = of_it.partition(|check| check.contains("exp_labels"));
        assert!(!firing.is_empty() && !silent.is_empty(), "{}: {firing:?} {silent:?}", alert.name);
        assert!(firing.iter().all(|check| check.contains("runbook_url: ")), "{}: its words", alert.name);
    }
}
