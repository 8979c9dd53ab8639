//! The values of labels in Prometheus's text.

use super::{
    names::Names,
    redact::{Kind, kind},
    scrub::scrubbed,
};

/// Labels whose values come from closed sets.
const CLOSED: [&str; 21] = [
    "role",
    "side",
    "phase",
    "clock",
    "verdict",
    "cause",
    "close_type",
    "closer",
    "reason",
    "state",
    "kind",
    "how",
    "level",
    "basis",
    "le",
    "record",
    "table",
    "program",
    "part",
    "version",
    "quantile",
];
/// What stands for many, or for nobody.
const NOBODY: [&str; 2] = ["other", "unknown"];

/// `text` with pseudonyms for the values of all other labels.
pub(super) fn redacted(text: &str, names: &mut Names) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.split_once('{').filter(|_| !line.starts_with('#')) {
            Some((name, rest)) => {
                out.push_str(name);
                out.push('{');
                labels(rest, names, &mut out);
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn labels(mut rest: &str, names: &mut Names, out: &mut String) {
    while let Some((name, value)) = rest.split_once("=\"") {
        let end = end_of(value);
        let label = name.trim_start_matches([',', '{', ' ', '}']);
        // An exemplar's labels come after the sample.
        let label = label.rsplit(['{', ' ']).next().unwrap_or(label);
        out.push_str(name);
        out.push_str("=\"");
        let plain = &value[..end];
        if CLOSED.contains(&label) || NOBODY.contains(&plain) || plain.parse::<f64>().is_ok() {
            out.push_str(plain);
        } else {
            match kind(label) {
                Some(Kind::Text) => out.push_str(&scrubbed(plain, names)),
                Some(Kind::Name(kind)) => out.push_str(&names.of(kind, plain)),
                _ => out.push_str(&names.of("name", plain)),
            }
        }
        out.push('"');
        rest = value.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Where a value ends: at a quote that no back-slash escapes.
fn end_of(value: &str) -> usize {
    let mut escaped = false;
    let end = value.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    end.unwrap_or(value.len())
}
