//! A picture of one connection: its segments between two life lines, its phases, and what was reported of its end.

mod label;
mod ladder;
mod rows;
mod svg;
mod words;

use harness::Close;

use crate::{
    truth::{Phase, Truth},
    wiretap::{
        decide::{Decided, Script, decide},
        flow::Flow,
    },
};

/// What a case knows besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    /// One line above it all.
    pub(crate) title: String,
    /// The programs' names.
    pub(crate) client: String,
    pub(crate) server: String,
    /// Timers and other remarks, each at a moment of the connection.
    pub(crate) remarks: Vec<Remark>,
}

#[derive(Debug, Clone)]
pub(crate) struct Remark {
    pub(crate) at: Moment,
    pub(crate) text: String,
}

/// Where a remark belongs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Moment {
    /// The quiet time before the first FIN or RST.
    LastQuiet,
    /// The first FIN or RST.
    HungUp,
}

/// An SVG document. `reported` is what the agent reported of the client's end and of the server's.
pub(crate) fn draw(flow: &Flow, notes: &Notes, reported: [Option<&Close>; 2]) -> String {
    let rows = rows::rows(flow, &notes.remarks);
    let decided = decide(flow, Script::default());
    let mut sheet = svg::Sheet::default();
    let below = ladder::draw(&mut sheet, flow, notes, &rows, mark(&decided));
    let end = words::draw(&mut sheet, below, &decided, reported);
    sheet.finish(&notes.title, end)
}

/// What the sender of the first FIN or RST did.
fn mark(decided: &Decided) -> &'static str {
    match decided {
        Ok(Truth { phase: Phase::Connecting, .. }) => "refused",
        Ok(Truth { verdict: "completed", in_flight: 1.., .. }) => "stopped sending",
        _ => "hung up first",
    }
}

#[cfg(test)]
mod tests;
