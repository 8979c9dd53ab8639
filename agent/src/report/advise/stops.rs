//! Processes that end under their requests, and shutdowns that wait for idle connections.

use super::{Case, called, counted, races::blank, sentence, was};
use crate::{
    close::words::{Role, Side},
    infer::Death,
    report::{
        model::{Advice, Urgency},
        say,
        value::measured,
    },
};

/// Seconds. A shutdown that waits no longer than this for connections that nobody uses is not worth a word.
const WORTH_A_WORD: f64 = 1.0;

/// The process ended with requests under way.
pub(super) fn cut_off(case: Case<'_>) -> Option<Advice> {
    let cut_off = &case.endpoint.stops.cut_off;
    let count = cut_off.iter().map(|(_, count)| count).sum();
    if count == 0 {
        return None;
    }
    let side = if case.endpoint.key.role == Role::Client { Side::Client } else { Side::Server };
    let program = case.program(side, None);
    let killed = cut_off.iter().any(|(death, _)| *death == Death::Signal(9));
    let look = if killed {
        "A signal 9 comes from a person, a supervisor whose patience was over, or the kernel for want of memory (see the kernel's log)."
    } else {
        "Its own log should have the reason: an uncaught error, or a call to exit."
    };
    Some(Advice {
        why: format!(
            "{} {} cut off because the process ended: {}. That is no time-out.",
            counted(count, "request"),
            was(count),
            say::deaths(cut_off)
        ),
        text: format!(
            "{}: find out why it ends. {look} `whohungup watch --verdict premature-hangup` shows each with its time and process.",
            sentence(&called(side, program.as_deref()))
        ),
        ..blank(side, program, Urgency::Now)
    })
}

/// A shutdown waited for idle connections.
pub(super) fn waited(case: Case<'_>) -> Option<Advice> {
    let stops = &case.endpoint.stops;
    let waited = stops.waited.filter(|&waited| waited >= WORTH_A_WORD)?;
    if case.endpoint.key.role != Role::Server {
        return None;
    }
    let program = case.program(Side::Server, None);
    let node = program.as_deref() == Some("Node.js");
    let how = if node {
        " with `server.closeIdleConnections()` (18.2 and later; from 19 on `server.close()` does it)"
    } else {
        ""
    };
    Some(Advice {
        why: format!(
            "A shutdown left {} open for up to {} after its listener was closed.",
            counted(stops.idle_left, "idle connection"),
            measured(waited)
        ),
        text: format!(
            "{}: at a shutdown, close what is idle at once{how}; only what is under way needs time.",
            sentence(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, Urgency::Consider)
    })
}
