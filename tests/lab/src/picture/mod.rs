//! A picture of one connection: its segments between two life lines, its phases, and what was said of its end.

use crate::{agent::Report, wiretap::flow::Flow};

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
    /// Seconds since the first SYN.
    After(f64),
}

/// An SVG document. `said` is what the agent said of the client's end and of the server's.
pub(crate) fn draw(_flow: &Flow, _notes: &Notes, _said: [Option<&Report>; 2]) -> String {
    String::new()
}
