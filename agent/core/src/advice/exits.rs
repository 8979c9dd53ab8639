//! Processes that exit during requests, and shutdowns that wait for idle connections.

use super::{
    Case, called,
    model::{Advice, Urgency},
    races::blank,
};
use crate::{
    duration::measured,
    format::{capitalized, counted, exits, was},
    identity::ExitStatus,
    labels::{Role, Side},
};

/// A shutdown that waits at most this long for idle connections needs no advice, seconds.
const SHORT_WAIT: f64 = 1.0;

const KILL: u32 = 9;
const TERM: u32 = 15;

/// The process exited with requests in flight.
pub(super) fn cut_off(case: Case<'_>) -> Option<Advice> {
    let side = if case.endpoint.key.role == Role::Client { Side::Client } else { Side::Server };
    let cut_off = &case.endpoint.exits.cut_off;
    if side == Side::Client && cut_off.iter().all(|(exit, _)| is_requested(*exit)) {
        return None;
    }
    let count = cut_off.iter().map(|(_, count)| count).sum();
    if count == 0 {
        return None;
    }
    let program = case.program(side);
    let remedy = match cut_off.first().map(|(exit, _)| *exit) {
        Some(ExitStatus::Signal(KILL)) => {
            "find out who kills it: a supervisor after its grace period, an operator, or the kernel when out of memory \
             (see the kernel log)."
        }
        Some(ExitStatus::Signal(TERM)) => {
            "it exits at once on SIGTERM. Handle that signal: stop listening, finish the requests in flight, then exit."
        }
        Some(ExitStatus::Status(_)) if case.endpoint.exits.signalled => {
            "it exits as soon as it is told to stop. Stop listening, finish the requests in flight, then exit."
        }
        Some(ExitStatus::Signal(_)) => "find out why it crashes; it may have left a core dump.",
        _ => "find out why it exits: an uncaught error or a call to exit. See its log.",
    };
    Some(Advice {
        why: format!(
            "{} {} cut off because the process ended: {}. This is not a timeout.",
            counted(count, "request"),
            was(count),
            exits(cut_off)
        ),
        text: format!(
            "{}: {remedy} `whohungup watch --verdict premature-hangup` shows each with its time and process.",
            capitalized(&called(side, program.as_deref()))
        ),
        ..blank(side, program, Urgency::Now)
    })
}

/// Whether somebody asked the process to end, as Ctrl-C in a download does: SIGHUP, SIGINT, SIGTERM. A server whose
/// requests such a signal cuts off needs advice all the same.
fn is_requested(exit: ExitStatus) -> bool {
    matches!(exit, ExitStatus::Signal(1 | 2 | 15))
}

/// A shutdown waited for idle connections.
pub(super) fn waited(case: Case<'_>) -> Option<Advice> {
    let stops = &case.endpoint.exits;
    let waited = stops.waited.filter(|&waited| waited >= SHORT_WAIT)?;
    if case.endpoint.key.role != Role::Server {
        return None;
    }
    let program = case.program(Side::Server);
    let call = if program.as_deref() == Some("Node.js") {
        " with `server.closeIdleConnections()` (18.2 and later; since 19 `server.close()` calls it, once)"
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
            "{}: at a shutdown, close idle connections at once{call}. Answer requests in flight with `Connection: close`, or \
             their connections stay open afterwards.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, Urgency::Consider)
    })
}
