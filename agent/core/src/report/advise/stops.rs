//! Processes that end under their requests, and shutdowns that wait for idle connections.

use super::{Case, called, counted, races::blank, sentence, was};
use crate::{
    endpoint::ExitStatus,
    labels::{Role, Side},
    report::{
        model::{Advice, Urgency},
        say,
        value::measured,
    },
};

/// Seconds. A shutdown that waits no longer than this for connections that nobody uses is not worth a word.
const WORTH_A_WORD: f64 = 1.0;

const KILL: u32 = 9;
const TERM: u32 = 15;

/// The process ended with requests under way.
pub(super) fn cut_off(case: Case<'_>) -> Option<Advice> {
    let side = if case.endpoint.key.role == Role::Client { Side::Client } else { Side::Server };
    let cut_off = &case.endpoint.exits.cut_off;
    if side == Side::Client && cut_off.iter().all(|(death, _)| was_told_to(*death)) {
        return None;
    }
    let count = cut_off.iter().map(|(_, count)| count).sum();
    if count == 0 {
        return None;
    }
    let program = case.program(side, None);
    let look = match cut_off.first().map(|(death, _)| *death) {
        Some(ExitStatus::Signal(KILL)) => {
            "find out who kills it: a supervisor whose patience was over, a person, or the kernel for want of memory (see the kernel's log)."
        }
        Some(ExitStatus::Signal(TERM)) => {
            "it ends at once when it is asked to (SIGTERM). Handle that signal: stop listening, answer what is under way, then end."
        }
        Some(ExitStatus::Signal(_)) => "find out what it does that ends it so; it may have left a core dump.",
        _ => "find out why it ends: an uncaught error or a call to exit. Its own log should have it.",
    };
    Some(Advice {
        why: format!(
            "{} {} cut off because the process ended: {}. That is no time-out.",
            counted(count, "request"),
            was(count),
            say::deaths(cut_off)
        ),
        text: format!(
            "{}: {look} `whohungup watch --verdict premature-hangup` shows each with its time and process.",
            sentence(&called(side, program.as_deref()))
        ),
        ..blank(side, program, Urgency::Now)
    })
}

/// Whether somebody wanted it to end, as Ctrl-C in a download does: SIGHUP, SIGINT, SIGTERM. A server that lets such a
/// signal cut its requests off has something to mend all the same.
fn was_told_to(death: ExitStatus) -> bool {
    matches!(death, ExitStatus::Signal(1 | 2 | 15))
}

/// A shutdown waited for idle connections.
pub(super) fn waited(case: Case<'_>) -> Option<Advice> {
    let stops = &case.endpoint.exits;
    let waited = stops.waited.filter(|&waited| waited >= WORTH_A_WORD)?;
    if case.endpoint.key.role != Role::Server {
        return None;
    }
    let program = case.program(Side::Server, None);
    let node = program.as_deref() == Some("Node.js");
    let how = if node {
        " with `server.closeIdleConnections()` (18.2 and later; from 19 on `server.close()` calls it, once)"
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
            "{}: at a shutdown, close what is idle at once{how}, and answer what is under way with `Connection: close`, lest that is kept when it is done.",
            sentence(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, Urgency::Consider)
    })
}
