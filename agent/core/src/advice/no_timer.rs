//! Idle connections that a server ends though no timer of theirs came due.

use super::{Case, called, model::Advice, races::blank};
use crate::{
    format::{capitalized, counted, was},
    labels::Side,
};

/// Many in one moment.
pub(super) fn reload(case: Case<'_>) -> Advice {
    let program = case.program(Side::Server);
    let (closed, lost) = (case.endpoint.closed_at_once, case.endpoint.lost_at_once);
    Advice {
        why: format!(
            "{} {} lost as the server closed {} in one moment, after different idle times: a reload or a restart, not a \
             timeout.",
            counted(lost, "request"),
            was(lost),
            counted(closed, "idle connection")
        ),
        text: format!(
            "{}: at a reload, answer with `Connection: close` for a while before closing idle connections, or leave them to \
             their timeout. Clients can only retry.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, case.urgency())
    }
}

/// One for each that comes.
pub(super) fn makes_room(case: Case<'_>) -> Advice {
    let program = case.program(Side::Server);
    let lost = case.races(|_| true);
    let limit = if program.as_deref() == Some("nginx") { " (`worker_connections`)" } else { "" };
    Advice {
        why: format!(
            "{} {} lost. Of its newest closes of idle connections, the server made {} just after another connection had come, while others stayed idle for longer: \
             it is out of connections and makes room. This is not a timeout.",
            counted(lost, "request"),
            was(lost),
            case.endpoint.made_room
        ),
        text: format!(
            "{}: raise its limit of connections{limit}, or let clients open fewer.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, case.urgency())
    }
}
