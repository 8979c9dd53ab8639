//! Faults of one side alone, which no longer time-out of the other would mend.

use super::{Case, called, counted, sentence, was};
use crate::{
    endpoint::Risk,
    labels::{Race, Side},
    report::{
        model::{Advice, Urgency, idle_timer},
        value::{measured, plain},
    },
};

/// A hint that is this much too long (seconds) is worth a word: servers' timers come a little early.
const HINT_SLACK: f64 = 0.2;
/// An event loop that takes longer than this to see a FIN (seconds) is not what lost the request.
const LATE: f64 = 0.1;

/// The client's own idle timer fired as it wrote.
pub(super) fn own_timer(case: Case<'_>) -> Option<Advice> {
    let count = case.races(|race| race == Race::OwnTimer);
    if count == 0 {
        return None;
    }
    let program = case.program(Side::Client, None);
    Some(Advice {
        why: format!(
            "{} {} written in the moment in which the client's own idle timer closed the connection. The server had no part \
             in it.",
            counted(count, "request"),
            was(count)
        ),
        text: format!(
            "{}: its pool hands out connections that it is about to close. Take a newer version, a longer idle time-out if \
             the server's allows it, or send such requests again.",
            sentence(&called(Side::Client, program.as_deref()))
        ),
        ..blank(Side::Client, program, Urgency::Now)
    })
}

/// The client's pool does not look before it writes: requests came long after the server's timer had ended their
/// connections. Shortly after, it is the latency of the client's event loop.
pub(super) fn stale(case: Case<'_>) -> Option<Advice> {
    let stale = case.races(|race| race == Race::Stale);
    let all = case.races(|race| race != Race::OwnTimer);
    let timer = idle_timer(case.endpoint, Side::Server)?;
    let late = case.endpoint.gaps.longest? - timer.most.max(timer.seconds);
    if stale == 0 || late < LATE {
        return None;
    }
    let program = case.program(Side::Client, None);
    Some(Advice {
        why: format!(
            "{stale} of {} {} written after the server's FIN had arrived at the client, up to {} after it.",
            counted(all, "lost request"),
            was(stale),
            measured(late)
        ),
        text: format!(
            "{}: its pool does not look before it writes. Let it check connections before use, or drop them when the server \
             closes them; a shorter idle time-out only hides it.",
            sentence(&called(Side::Client, program.as_deref()))
        ),
        ..blank(Side::Client, program, Urgency::Now)
    })
}

/// The server closes before the time that it announces.
pub(super) fn announced_too_long(case: Case<'_>) -> Option<Advice> {
    let announced = f64::from(case.endpoint.announced?);
    let timer = idle_timer(case.endpoint, Side::Server)?;
    if announced <= timer.seconds * 1.01 + HINT_SLACK {
        return None;
    }
    let program = case.program(Side::Server, None);
    Some(Advice {
        value: Some(plain(timer.seconds.floor().max(1.0))),
        why: format!(
            "The server announces `Keep-Alive: timeout={announced}` and closes after {}. A client that trusts it loses \
             requests.",
            measured(timer.seconds)
        ),
        text: format!(
            "{}: announce less than the time-out, or look for what closes earlier than the server that announces.",
            sentence(&called(Side::Server, program.as_deref()))
        ),
        ..blank(
            Side::Server,
            program,
            if case.endpoint.risk == Risk::Losing { Urgency::Now } else { Urgency::Soon },
        )
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
