//! docs/metrics.md says what the code says, and the code what a scrape shows.

use whohungup_ebpf::counters::Counter;

use super::{
    family,
    series::{OTHER, REQUEST_BASES},
    snapshot::Snapshot,
};
use crate::{
    close::words::{Basis, Cause, Clock, Closer, How, Phase, Race, Role, Side, Verdict},
    degraded::Reason,
    infer::Risk,
    probe::program_names,
    track::OpenState,
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

fn families() -> String {
    let mut table =
        "| metric | type | labels | series at most | meaning, and what to do |\n|---|---|---|---|---|\n"
            .to_owned();
    for family in family::all() {
        let most = match family.most_series() {
            (fixed, 0) => fixed.to_string(),
            (_, of_each) => format!("{of_each} E"),
        };
        let (name, kind) = (family.sample_name(), family.kind.as_str());
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
    let (fixed, each) = family::all().fold((0, 0), |(fixed, each), family| {
        let (one, other) = family.most_series();
        (fixed + one, each + other)
    });
    let most = family::most_series(256);
    format!("At most {fixed} + {each} E series, E = `--max-endpoints` + 3: {most} with the default of 256.\n")
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
        "how" => [all(How::ALL, How::as_str), vec![OTHER]].concat(),
        "kind" => all(Race::ALL, Race::as_str),
        "basis" => all(&REQUEST_BASES, Basis::as_str),
        "side" => all(Side::ALL, Side::as_str),
        "phase" => all(Phase::ALL, Phase::as_str),
        "clock" => all(Clock::ALL, Clock::as_str),
        "level" => all(Risk::ALL, Risk::as_str),
        "state" => all(&OpenState::ALL, OpenState::as_str),
        "reason" => all(Reason::ALL, Reason::as_str),
        "record" => Counter::ALL.into_iter().filter_map(Counter::lost_kind).collect(),
        "table" => Snapshot::default().tables().map(|table| table.name).to_vec(),
        "program" => program_names().collect(),
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
