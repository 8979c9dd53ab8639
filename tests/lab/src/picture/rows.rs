//! From segments to the rows of a ladder: what goes together becomes one row, and there are never too many.

use super::{
    Moment, Remark,
    label::{self, Speech},
};
use crate::{
    truth::{Phase, Side},
    wiretap::flow::{Flow, Segment},
};

/// Quiet times from this on have a row of their own, seconds.
const QUIET: f64 = 0.05;
/// Rows that are kept at the beginning, around the first FIN or RST on each side, and at the end.
const KEPT: (usize, usize, usize) = (14, 10, 4);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) what: What,
    /// Where the exchange stood after it; `None` once somebody has hung up.
    pub(super) phase: Option<Phase>,
    /// How many segments it stands for.
    pub(super) segments: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Arrow(Arrow),
    /// Nothing but acknowledgments for so many seconds.
    Quiet(f64),
    /// A remark of the case's.
    Note(String),
    /// Rows that are left out.
    Cut,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrow {
    /// Seconds since the first segment.
    pub(super) at: f64,
    pub(super) by: Side,
    pub(super) label: String,
    /// A FIN or RST.
    pub(super) ends: bool,
    /// The first of all.
    pub(super) hangs_up: bool,
    /// SYNs.
    pub(super) opens: bool,
    /// Payload that goes on with what was begun, bytes.
    more: usize,
    /// Of payload that comes after the other end's FIN: whether its sender had seen that.
    knows: Option<&'static str>,
}

pub(super) fn rows(flow: &Flow, remarks: &[Remark]) -> Vec<Row> {
    let began = flow.segments.first().map_or(0.0, |first| first.at);
    let hung_up = flow.hung_up().map(|(index, _)| index);
    let first = flow.of(Side::Client).find(|(_, segment)| !segment.payload.is_empty());
    let speech = Speech::of(first.map_or(&[][..], |(_, segment)| &segment.payload));
    let mut rows = Vec::<Row>::new();
    let mut newest = began;
    let mut sent = [0; 2];
    let mut is_over = false;
    for (index, segment) in flow.segments.iter().enumerate() {
        let known = &mut sent[usize::from(segment.by == Side::Server)];
        let again = !segment.payload.is_empty() && segment.end() <= *known;
        *known = segment.end().max(*known);
        if segment.payload.is_empty() && !segment.syn && !segment.fin && !segment.rst {
            continue;
        }
        let quiet = segment.at - newest;
        if quiet >= QUIET {
            let phase = rows.last().and_then(|row| row.phase);
            rows.push(Row { what: What::Quiet(quiet), phase, segments: 0 });
        }
        newest = segment.at;
        let hangs_up = hung_up == Some(index);
        is_over |= hangs_up;
        let phase = if is_over || segment.syn { None } else { phase(flow, speech, sent) };
        let arrow = arrow(flow, speech, segment, (segment.at - began, hangs_up, again));
        match rows.last_mut() {
            Some(Row { what: What::Arrow(before), phase: old, segments }) if goes_on(before, &arrow) => {
                before.more += arrow.more;
                *segments += 1;
                *old = phase;
            }
            _ => rows.push(Row { what: What::Arrow(arrow), phase, segments: 1 }),
        }
    }
    for row in &mut rows {
        if let What::Arrow(arrow) = &mut row.what {
            arrow.tell_more(row.segments);
        }
    }
    shorten(note(rows, remarks))
}

fn phase(flow: &Flow, speech: Speech, [client, server]: [u64; 2]) -> Option<Phase> {
    if !matches!(speech, Speech::Http1 | Speech::Http2) {
        return None;
    }
    flow.talk(client.max(1), server.max(1)).map(|talk| talk.state().phase)
}

fn arrow(flow: &Flow, speech: Speech, segment: &Segment, (at, hangs_up, again): (f64, bool, bool)) -> Arrow {
    let mut words = Vec::new();
    let mut more = 0;
    if segment.syn {
        words.push(if segment.ack.is_some() { "SYN, ACK" } else { "SYN" }.to_owned());
    }
    if !segment.payload.is_empty() {
        match label::head(speech, &segment.payload) {
            _ if again => words.push(format!("{} once more", label::size(segment.payload.len()))),
            Some(head) => words.push(head),
            None => more = segment.payload.len(),
        }
    }
    if segment.fin {
        words.push("FIN".to_owned());
    }
    if segment.rst {
        words.push("RST".to_owned());
    }
    let knows = knows(flow, segment).filter(|_| !segment.payload.is_empty());
    Arrow {
        at,
        by: segment.by,
        label: words.join(", "),
        ends: segment.fin || segment.rst,
        hangs_up,
        opens: segment.syn,
        more,
        knows,
    }
}

/// Of payload that is sent after the other end's FIN: whether its sender had seen it.
fn knows(flow: &Flow, segment: &Segment) -> Option<&'static str> {
    let fin = flow.left(segment.by.other()).filter(|left| !left.ending.resets)?;
    if flow.segments[fin.index].at > segment.at {
        return None;
    }
    let seen = segment.ack > Some(fin.ending.mark.at);
    Some(if seen { "acknowledges the FIN" } else { "does not acknowledge the FIN" })
}

/// Whether payload only continues what the row before began.
fn goes_on(before: &Arrow, arrow: &Arrow) -> bool {
    let plain = |arrow: &Arrow| !arrow.ends && !arrow.opens;
    before.by == arrow.by && plain(before) && plain(arrow) && arrow.label.is_empty() && arrow.more > 0
}

impl Arrow {
    fn tell_more(&mut self, segments: usize) {
        let more = label::size(self.more);
        let pieces = if segments > 1 { format!(" in {segments} segments") } else { String::new() };
        let label = std::mem::take(&mut self.label);
        self.label = match (self.more, label.is_empty()) {
            (0, _) => label,
            (_, true) => format!("{more}{pieces}"),
            (_, false) if self.ends => format!("{more}, {label}"),
            (_, false) => format!("{label} + {more}{pieces}"),
        };
        if let Some(knows) = self.knows {
            self.label = format!("{} ({knows})", self.label);
        }
    }
}

/// Puts each remark where it belongs.
fn note(mut rows: Vec<Row>, remarks: &[Remark]) -> Vec<Row> {
    for remark in remarks {
        let hung_up = rows.iter().position(|row| matches!(&row.what, What::Arrow(arrow) if arrow.hangs_up));
        let index = match remark.at {
            Moment::HungUp => hung_up.map_or(rows.len(), |index| index + 1),
            Moment::LastQuiet => {
                let until = hung_up.unwrap_or(rows.len());
                let quiet = rows[..until].iter().rposition(|row| matches!(row.what, What::Quiet(_)));
                quiet.map_or(until, |index| index + 1)
            }
        };
        let phase = index.checked_sub(1).and_then(|before| rows[before].phase);
        rows.insert(index, Row { what: What::Note(remark.text.clone()), phase, segments: 0 });
    }
    rows
}

/// Cuts out what is neither at an end nor near the first FIN or RST.
fn shorten(rows: Vec<Row>) -> Vec<Row> {
    let hung_up = rows.iter().position(|row| matches!(&row.what, What::Arrow(arrow) if arrow.hangs_up));
    let (first, around, last) = KEPT;
    let len = rows.len();
    let is_kept = |index: usize| {
        index < first
            || index + last >= len
            || hung_up.is_some_and(|hung_up| hung_up.abs_diff(index) <= around)
    };
    let mut kept = Vec::<Row>::new();
    for (index, row) in rows.into_iter().enumerate() {
        match kept.last_mut() {
            _ if is_kept(index) => kept.push(row),
            Some(cut @ Row { what: What::Cut, .. }) => {
                cut.segments += row.segments;
            }
            _ => kept.push(Row { what: What::Cut, phase: None, ..row }),
        }
    }
    kept
}
