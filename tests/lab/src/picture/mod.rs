//! A picture of one connection: its segments between two life lines, its phases, and what was said of its end.

mod label;
mod ladder;
mod rows;
mod svg;
mod words;

use crate::{
    agent::Report,
    truth::Phase,
    wiretap::{
        flow::Flow,
        truth::{Decided, Told, Truth, decide},
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moment {
    /// The quiet time before the first FIN or RST.
    LastQuiet,
    /// The first FIN or RST.
    HungUp,
}

/// An SVG document. `said` is what the agent said of the client's end and of the server's.
pub(crate) fn draw(flow: &Flow, notes: &Notes, said: [Option<&Report>; 2]) -> String {
    let rows = rows::rows(flow, &notes.remarks);
    let decided = decide(flow, Told::default());
    let mut sheet = svg::Sheet::default();
    let below = ladder::draw(&mut sheet, flow, notes, &rows, mark(&decided));
    let end = words::draw(&mut sheet, below, &decided, said);
    sheet.finish(&notes.title, end)
}

/// What the sender of the first FIN or RST did.
fn mark(decided: &Decided) -> &'static str {
    match decided {
        Decided::Known(Truth { phase: Phase::Connecting, .. }) => "refused",
        Decided::Known(Truth { verdict: "completed", in_flight: 1.., .. }) => "stopped sending",
        _ => "hung up first",
    }
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
