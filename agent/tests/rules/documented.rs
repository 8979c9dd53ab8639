//! Rules and runbooks name metrics, labels' values and options that exist.

use std::collections::BTreeSet;

use crate::repository::{ALERTS, RULES, RUNBOOKS, list, read};

/// The words of a text that metrics and recorded series could be.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

/// Every name that docs/metrics.md lists, with the suffixes of histograms.
fn metrics() -> BTreeSet<String> {
    let docs = read("docs/metrics.md");
    let mut names = BTreeSet::new();
    for row in
        docs.lines().filter(|line| line.starts_with("| `whohungup_") || line.starts_with("| `process_"))
    {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        names.insert(name.to_owned());
        if cells[2] == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| [name, suffix].concat()));
        }
    }
    assert!(names.len() > 50, "{names:?}");
    names
}

fn recorded() -> BTreeSet<String> {
    let rules = read(RULES);
    rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned).collect()
}

fn check(what: &str, text: &str) -> usize {
    let (metrics, recorded) = (metrics(), recorded());
    let named = words(text).filter(|word| word.contains("whohungup_") || word.starts_with("process_"));
    named
        .map(|word| {
            let known = if word.contains(':') { &recorded } else { &metrics };
            assert!(known.contains(word), "{what} names {word}, which does not exist");
        })
        .count()
}

#[test]
fn every_metric_that_a_rule_names_is_in_the_docs() {
    for file in [RULES, ALERTS] {
        assert!(check(file, &read(file)) > 10, "{file}");
    }
}

#[test]
fn every_metric_that_a_page_names_is_in_the_docs() {
    for page in list(RUNBOOKS) {
        check(&page.display().to_string(), &std::fs::read_to_string(&page).expect("a page"));
    }
    check("docs/alerts.md", &read("docs/alerts.md"));
}

#[test]
fn every_recorded_series_is_used_and_named_by_convention() {
    let (alerts, rules) = (read(ALERTS), read(RULES));
    for name in recorded() {
        assert_eq!(name.split(':').count(), 3, "{name} is not level:metric:operations");
        let uses = words(&alerts).chain(words(&rules)).filter(|word| *word == name).count();
        assert!(uses > 1, "nothing uses {name}");
    }
}

/// Values of labels in expressions, `{reason!~"a|b"}`, against the closed sets of the docs.
#[test]
fn every_value_of_a_label_that_a_rule_asks_for_exists() {
    let docs = read("docs/metrics.md");
    let (_, table) = docs.split_once("<!-- values -->").expect("the table of values");
    let mut asked = 0;
    for label in ["closer", "cause", "kind", "how", "level", "reason", "verdict", "phase", "side"] {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{label}` |"))).expect(label);
        let known: Vec<&str> = row.split('|').nth(2).expect("values").trim().split(", ").collect();
        let pages = list(RUNBOOKS).into_iter().map(|page| std::fs::read_to_string(page).expect("a page"));
        for text in [read(RULES), read(ALERTS)].into_iter().chain(pages) {
            for operator in ["=\"", "=~\"", "!=\"", "!~\""] {
                let asks =
                    text.split(&[label, operator].concat()).skip(1).map(str::to_owned).collect::<Vec<_>>();
                for value in
                    asks.iter().flat_map(|rest| rest.split('"').next().unwrap_or_default().split('|'))
                {
                    assert!(known.contains(&value), "{label}{operator}{value}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 20, "{asked}");
}
