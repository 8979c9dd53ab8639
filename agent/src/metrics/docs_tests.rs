//! docs/metrics.md says what the code says, and the code what a scrape shows.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum as _;
use prometheus_client::metrics::MetricType;
use whohungup_ebpf::counters::Counter;

use super::{
    Format, Histograms, families,
    family::{self, Family, Kind},
    labels::WorkloadLabel,
    sample,
    snapshot::Snapshot,
};
use crate::{
    degraded::Reason,
    delivery,
    record::GapReason,
    web::Refusal,
    workloads::{FailureReason, SkippedPod},
};
use whohungup_bpf::program_names;
use whohungup_core::endpoint::counters::{OTHER, REQUEST_BASES, ShutdownLoss};
use whohungup_core::{
    close::LossReason,
    connection::OpenState,
    endpoint::{InferLimits, Risk},
    labels::{Basis, Cause, Clock, CloseType, Closer, Phase, Race, Role, Side, Verdict},
};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
/// Set to write the tables of the docs anew.
const WRITE: &str = "WHOHUNGUP_WRITE_DOCS";

/// The docs with `now` between the two comments that name a part.
fn with(docs: &str, name: &str, now: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = docs.split_once(&begin).expect("the part begins");
    let end = format!("<!-- end of {name} -->");
    let (_, after) = rest.split_once(&end).expect("the part ends");
    [before, &begin, now, &end, after].concat()
}

/// The name of its samples, or of a histogram's but for their suffixes.
fn sample_name(family: &Family) -> String {
    let suffix = match family.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram(..) => "",
    };
    format!("{}{suffix}", family.name)
}

fn families() -> String {
    let mut table =
        "| metric | type | labels | series at most | meaning, and what to do |\n|---|---|---|---|---|\n"
            .to_owned();
    for family in family::all() {
        let most = |histograms| match family.most_series(histograms) {
            (fixed, 0) => fixed.to_string(),
            (_, of_each) => format!("{of_each} E"),
        };
        let (usual, full) = (most(Histograms::Coarse), most(Histograms::Full));
        let most = if usual == full { usual } else { format!("{usual}; full: {full}") };
        let (name, kind) = (sample_name(family), MetricType::from(family.kind));
        let kind = kind.as_str();
        let labels = family.labels.join(", ");
        let row = format!("| `{name}` | {kind} | {labels} | {most} | {} |\n", family.help);
        table.push_str(&row);
    }
    table
}

fn values() -> String {
    let mut table = "| label | values |\n|---|---|\n".to_owned();
    let mut shown = Vec::new();
    for label in family::all().flat_map(|family| family.labels) {
        if let (false, Some(values)) = (shown.contains(label), closed(label)) {
            table.push_str(&["| `", label, "` | ", &values.join(", "), " |\n"].concat());
            shown.push(label);
        }
    }
    table
}

fn bound() -> String {
    let endpoints = InferLimits::default().endpoints;
    let rows = [Histograms::Off, Histograms::Coarse, Histograms::Full].map(|histograms| {
        let (fixed, each) = family::all().fold((0, 0), |(fixed, each), family| {
            let (one, other) = family.most_series(histograms);
            (fixed + one, each + other)
        });
        let word = histograms.to_possible_value().expect("a word");
        let most = family::most_series(endpoints, histograms);
        format!("| `{}` | {fixed} + {each} E | {most} |\n", word.get_name())
    });
    let head = "| `--metrics-histograms` | series at most, E = `--max-endpoints` + 3 | with the default |\n|---|---|---|\n";
    [head, &rows.concat()].concat()
}

/// The values that a label can have; `None` for those of endpoints, whose number is bounded, and for what one agent has
/// one of.
fn closed(label: &str) -> Option<Vec<&'static str>> {
    fn all<Word: Copy>(words: &[Word], shown: fn(Word) -> &'static str) -> Vec<&'static str> {
        words.iter().map(|&word| shown(word)).collect()
    }
    Some(match label {
        "role" => all(Role::ALL, Role::as_str),
        "verdict" => all(Verdict::ALL, Verdict::as_str),
        "closer" => all(Closer::ALL, Closer::as_str),
        "cause" => [all(Cause::ALL, Cause::as_str), vec![OTHER]].concat(),
        "close_type" => [all(CloseType::ALL, CloseType::as_str), vec![OTHER]].concat(),
        "kind" => all(Race::ALL, Race::as_str),
        "how" => all(ShutdownLoss::ALL, ShutdownLoss::as_str),
        "basis" => all(&REQUEST_BASES, Basis::as_str),
        "side" => all(Side::ALL, Side::as_str),
        "phase" => all(Phase::ALL, Phase::as_str),
        "clock" => all(Clock::ALL, Clock::as_str),
        "level" => all(Risk::ALL, Risk::as_str),
        "state" => all(&OpenState::ALL, OpenState::as_str),
        "reason" => [
            all(Reason::ALL, Reason::as_str),
            all(LossReason::ALL, LossReason::as_str),
            all(&GapReason::DROPPED, GapReason::as_str),
            all(delivery::LossReason::ALL, delivery::LossReason::as_str),
            all(FailureReason::ALL, FailureReason::as_str),
            all(SkippedPod::ALL, SkippedPod::as_str),
            all(Refusal::ALL, Refusal::as_str),
        ]
        .concat(),
        "record" => Counter::ALL.into_iter().filter_map(Counter::lost_kind).collect(),
        "table" => Snapshot::default().tables().map(|table| table.name).to_vec(),
        "program" => program_names().collect(),
        "part" => families::cost::OVERHEAD_PARTS.to_vec(),
        _ => return None,
    })
}

#[test]
fn the_tables_of_the_docs_are_those_of_the_code() {
    let docs = std::fs::read_to_string(DOCS).expect("the docs");
    let parts = [("families", families()), ("values", values()), ("bound", bound())];
    let written = parts.iter().fold(docs.clone(), |written, (name, now)| with(&written, name, now));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(DOCS, &written).expect("write the docs");
        return;
    }
    for (line, (docs, code)) in docs.lines().zip(written.lines()).enumerate() {
        assert_eq!(docs, code, "docs/metrics.md:{}: set {WRITE} and run this test again", line + 1);
    }
    assert_eq!(docs.lines().count(), written.lines().count());
}

/// Names, types and labels of what a text in Prometheus's format has, with help texts that say something.
fn scraped(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut found: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let (mut helped, mut current) = ("", (String::new(), String::new()));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').filter(|(_, help)| !help.is_empty()).expect("a help text").0;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            assert_eq!(name, helped, "help comes before the type");
            current = (name.to_owned(), kind.to_owned());
        } else {
            let (series, _) = line.rsplit_once(' ').expect("a sample");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let (family, kind) = &current;
            let suffix = name.strip_prefix(family.as_str()).expect("a sample of the family before it");
            assert!(
                suffix.is_empty() || (kind == "histogram" && ["_bucket", "_sum", "_count"].contains(&suffix)),
                "{line}"
            );
            let (_, known) = found.entry(family.clone()).or_insert_with(|| (kind.clone(), BTreeSet::new()));
            for label in labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once("=\"").expect("a label");
                let value = value.trim_end_matches('"');
                if let Some(values) = closed(label) {
                    assert!(values.contains(&value), "{line}: the docs do not know {value}");
                }
                if label != "le" {
                    known.insert(label.to_owned());
                }
            }
        }
    }
    found
}

/// The same, read from the rows of the docs.
fn documented(docs: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows =
        docs.lines().filter(|line| line.starts_with("| `whohungup_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        // Prometheus's own format has no infos.
        let kind = if cells[2] == "info" { "gauge" } else { cells[2] };
        (cells[1].trim_matches('`').to_owned(), (kind.to_owned(), labels))
    })
    .collect()
}

#[test]
fn a_scrape_has_what_the_docs_list_and_the_docs_list_what_a_scrape_has() {
    let docs = documented(&std::fs::read_to_string(DOCS).expect("the docs"));
    let scraped = scraped(&sample::scrape().text(Format::Prometheus));
    for (name, known) in &docs {
        assert_eq!(scraped.get(name), Some(known), "{name}");
    }
    for name in scraped.keys() {
        assert!(docs.contains_key(name), "{name} is not in the docs");
    }
    assert!(docs.len() > 50);
}

#[test]
fn the_docs_list_the_labels_of_workloads_and_which_are_usual() {
    let docs = std::fs::read_to_string(DOCS).expect("the docs");
    let (_, rest) = docs.split_once("<!-- workload labels -->").expect("the part begins");
    let (part, _) = rest.split_once("<!-- end of workload labels -->").expect("the part ends");
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let listed: Vec<(&str, &str)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`'), cells[3])
        })
        .collect();
    let usual = |label| if WorkloadLabel::USUAL.contains(label) { "yes" } else { "no" };
    let known = WorkloadLabel::value_variants().iter().map(|label| (label.as_str(), usual(label)));
    assert_eq!(listed, known.collect::<Vec<_>>());
}

#[test]
fn every_reason_for_being_degraded_says_what_to_do() {
    let docs = std::fs::read_to_string(DOCS).expect("the docs");
    for reason in Reason::ALL {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{reason}` |")));
        assert!(row.is_some_and(|row| row.contains(';')), "{reason}: what is missing; what to do");
    }
}
