//! The connections of a case that are drawn.

use super::{
    Drawn,
    captured::{Shown, drawn},
    observed::Observed,
};
use harness::Close;

use crate::{
    picture::{self, Notes, Remark},
    truth::Side,
};

/// The file's name, beside the page.
pub(super) fn file(case: &str, drawn: &Drawn) -> String {
    format!("{case}-{}-{}.svg", drawn.stage, drawn.word)
}

pub(super) fn is_there(wanted: &Drawn, seen: &Observed) -> bool {
    find(wanted, seen).is_some()
}

/// `None` when no connection ended in this way.
pub(super) fn draw(wanted: &Drawn, seen: &Observed) -> Option<String> {
    let Shown { flow, .. } = find(wanted, seen)?;
    let (at, text) = &wanted.remark;
    let notes = Notes {
        title: wanted.title.clone(),
        client: wanted.client.clone(),
        server: wanted.server.clone(),
        remarks: vec![Remark { at: *at, text: text.clone() }],
    };
    let of = |role: Side| -> Option<&Close> {
        let ends = if role == Side::Client { (flow.client, flow.server) } else { (flow.server, flow.client) };
        seen.closes(role, wanted.port).find(|one| (one.local, one.remote) == ends)
    };
    Some(picture::draw(flow, &notes, [of(Side::Client), of(Side::Server)]))
}

fn find<'a>(wanted: &Drawn, seen: &'a Observed) -> Option<&'a Shown> {
    drawn(&seen.captured, seen.first_port + wanted.port, &wanted.word)
}
