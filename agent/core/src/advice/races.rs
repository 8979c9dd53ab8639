//! Faults of one side alone, which no longer timeout of the other would fix.

use super::{
    Case, called,
    model::{Advice, Urgency, idle_timer},
};
use crate::{
    duration::{exact, measured},
    endpoint::Risk,
    format::{capitalized, counted, was},
    labels::{Race, Side},
};

/// An announced timeout that is this much too long (seconds) is a fault: servers' timers fire a little early.
const ANNOUNCEMENT_TOLERANCE: f64 = 0.2;
/// An event loop takes at most this long to notice a FIN, seconds.
const EVENT_LOOP_LATENCY: f64 = 0.1;

/// The client's own idle timer fired as it wrote.
pub(super) fn own_timer(case: Case<'_>) -> Option<Advice> {
    let count = case.races(|race| race == Race::OwnTimer);
    if count == 0 {
        return None;
    }
    let program = case.program(Side::Client);
    Some(Advice {
        why: format!(
            "{} {} written just as the client's own idle timer closed the connection. The server had no part in it.",
            counted(count, "request"),
            was(count)
        ),
        text: format!(
            "{}: its pool hands out connections that it is about to close. Upgrade it, raise its idle timeout if the \
             server's allows it, or retry such requests.",
            capitalized(&called(Side::Client, program.as_deref()))
        ),
        ..blank(Side::Client, program, Urgency::Now)
    })
}

/// The client's pool does not check connections before it writes: requests came long after the server's timer had closed
/// them. Shortly after, it is the latency of the client's event loop.
pub(super) fn stale(case: Case<'_>) -> Option<Advice> {
    let stale = case.races(|race| race == Race::Stale);
    let all = case.races(|race| race != Race::OwnTimer);
    let timer = idle_timer(case.endpoint, Side::Server)?;
    let late = case.endpoint.gaps.longest? - timer.most.max(timer.seconds);
    if stale == 0 || late < EVENT_LOOP_LATENCY {
        return None;
    }
    let program = case.program(Side::Client);
    Some(Advice {
        why: format!(
            "{stale} of {} {} written after the server's FIN had reached the client, up to {} late.",
            counted(all, "lost request"),
            was(stale),
            measured(late)
        ),
        text: format!(
            "{}: its pool does not check connections before it writes. Validate connections before use, or drop them when \
             the server closes them. A shorter idle timeout only hides the fault.",
            capitalized(&called(Side::Client, program.as_deref()))
        ),
        ..blank(Side::Client, program, Urgency::Now)
    })
}

/// The server closes before the time that it announces.
pub(super) fn announced_too_long(case: Case<'_>) -> Option<Advice> {
    let announced = f64::from(case.endpoint.announced?);
    let timer = idle_timer(case.endpoint, Side::Server)?;
    if announced <= timer.seconds * 1.01 + ANNOUNCEMENT_TOLERANCE {
        return None;
    }
    let program = case.program(Side::Server);
    let urgency = if case.endpoint.risk == Risk::Losing { Urgency::Now } else { Urgency::Soon };
    Some(Advice {
        value: Some(exact(timer.seconds.floor().max(1.0))),
        why: format!(
            "The server announces `Keep-Alive: timeout={announced}` but closes after {}. Clients that trust it \
             lose requests.",
            measured(timer.seconds)
        ),
        text: format!(
            "{}: announce less than the timeout. If another hop closes earlier than the announcing server, find that hop.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, urgency)
    })
}

/// The server closes after each response and does not say so.
pub(super) fn after_each(case: Case<'_>) -> Option<Advice> {
    if !case.closes_after_each() {
        return None;
    }
    let program = case.program(Side::Server);
    let lost = case.races(|race| race != Race::OwnTimer);
    let lost = if lost == 0 {
        "A client that keeps such a connection loses its next request".to_owned()
    } else {
        format!("{} {} lost on such connections", counted(lost, "request"), was(lost))
    };
    Some(Advice {
        why: format!(
            "The server closes after every response and does not say so: {} of {} came right after the first response. \
             {lost}.",
            case.endpoint.after_each,
            counted(case.endpoint.closes, "close")
        ),
        text: format!(
            "{}: send `Connection: close` with each response, or keep connections open.",
            capitalized(&called(Side::Server, program.as_deref()))
        ),
        ..blank(Side::Server, program, case.urgency())
    })
}

pub(super) fn blank(side: Side, program: Option<String>, urgency: Urgency) -> Advice {
    Advice {
        side,
        program,
        setting: None,
        value: None,
        why: String::new(),
        text: String::new(),
        urgency,
        alternative: false,
    }
}
