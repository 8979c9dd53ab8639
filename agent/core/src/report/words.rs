//! Numbers and endpoints in words, for others than the report.

use super::{advise, model::EndpointReport, say, value};
use crate::endpoint::{Endpoint, Risk};

/// `1 request`, `2 requests`.
pub fn counted(count: u64, thing: &str) -> String {
    advise::counted(count, thing)
}

/// A measured time in at most eight columns.
pub fn measured(seconds: f64) -> String {
    value::measured(seconds)
}

/// `node server on port 8080`.
pub fn title(endpoint: &Endpoint) -> String {
    format!("{} {}", say::process(endpoint), say::place(endpoint))
}

/// `requests lost`, `time-outs disagree` and so on.
pub fn risk(risk: Risk) -> &'static str {
    say::risk(risk)
}

/// The endpoint's lines of the report, each with its label.
pub fn lines(report: &EndpointReport) -> Vec<(&'static str, String)> {
    let endpoint = &report.endpoint;
    let mut lines = vec![("closes", say::closes(endpoint)), ("requests", say::requests(endpoint))];
    lines.extend(say::lost(endpoint).map(|lost| ("at stake", lost)));
    lines.extend(say::announced(report).map(|announced| ("announced", announced)));
    lines
}

/// A timer, and whose it could be.
pub fn timers(report: &EndpointReport) -> impl Iterator<Item = (String, Option<String>)> {
    let timers = report.endpoint.timers.iter().zip(&report.named);
    timers.map(|(timer, named)| (say::timer(timer), say::whose(&named.candidates)))
}
