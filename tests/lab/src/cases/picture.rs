//! The connections of a case that are drawn.

use super::{
    Telling,
    seen::Seen,
    witness::{Witnessed, telling},
};
use crate::{
    agent::Report,
    picture::{self, Notes, Remark},
    truth::Side,
};

/// The file's name, beside the page.
pub(super) fn file(case: &str, telling: &Telling) -> String {
    format!("{case}-{}-{}.svg", telling.stage, telling.word)
}

pub(super) fn is_there(wanted: &Telling, seen: &Seen) -> bool {
    find(wanted, seen).is_some()
}

/// `None` when no connection ended in this way.
pub(super) fn draw(wanted: &Telling, seen: &Seen) -> Option<String> {
    let Witnessed { flow, .. } = find(wanted, seen)?;
    let (at, text) = wanted.remark;
    let notes = Notes {
        title: wanted.title.to_owned(),
        client: wanted.client.to_owned(),
        server: wanted.server.to_owned(),
        remarks: vec![Remark { at, text: text.to_owned() }],
    };
    let of = |role: Side| -> Option<&Report> {
        let ends = if role == Side::Client { (flow.client, flow.server) } else { (flow.server, flow.client) };
        seen.closes(role, wanted.port).find(|one| (one.local, one.remote) == ends)
    };
    Some(picture::draw(flow, &notes, [of(Side::Client), of(Side::Server)]))
}

fn find<'a>(wanted: &Telling, seen: &'a Seen) -> Option<&'a Witnessed> {
    telling(&seen.witness, seen.first_port + wanted.port, wanted.word)
}
