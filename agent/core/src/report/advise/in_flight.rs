//! Timers that end requests which are under way.

use super::{Case, called, counted, sentence};
use crate::{
    endpoint::Timer,
    labels::{Clock, Phase, Side},
    report::{
        model::{Advice, Candidate, Likelihood, Urgency},
        value::measured,
    },
};

/// Timers told of at most.
const MOST: usize = 3;

pub(super) fn timers(case: Case<'_>) -> Vec<Advice> {
    let mut told: Vec<&Timer> = Vec::new();
    let mut timers: Vec<&Timer> =
        case.endpoint.timers.iter().filter(|timer| timer.phase.is_in_flight()).collect();
    timers.sort_by_key(|timer| std::cmp::Reverse(timer.count));
    for &timer in &timers {
        // The same closes may show on two clocks, which coincide while nothing moves.
        let same = |other: &&Timer| (other.side, other.phase) == (timer.side, timer.phase);
        if !told.iter().any(same) && told.len() < MOST {
            let nearly_all = |other: &&&Timer| same(other) && other.count * 4 >= timer.count * 3;
            let known = timers.iter().filter(nearly_all).find(|other| named(case, other).is_some());
            told.push(known.copied().unwrap_or(timer));
        }
    }
    told.into_iter().map(|timer| advice(case, timer)).collect()
}

/// The setting behind it, where something identifies the program.
fn named(case: Case<'_>, timer: &Timer) -> Option<Candidate> {
    let candidates = case.lore.candidates(timer, case.seen(timer.side));
    candidates.into_iter().find(|candidate| candidate.likelihood != Likelihood::Possible)
}

fn advice(case: Case<'_>, timer: &Timer) -> Advice {
    let named = named(case, timer);
    let program =
        named.as_ref().map(|candidate| candidate.product.clone()).or_else(|| case.program(timer.side, None));
    let setting = named.map(|candidate| candidate.setting);
    let who = called(timer.side, program.as_deref());
    let after = measured(timer.seconds);
    let since = match timer.clock {
        Clock::Silent => "without a byte",
        Clock::Age => "after the connection was made",
        _ => "after the request began",
    };
    let during = match timer.phase {
        Phase::RequestHead => "while the request's head was coming",
        Phase::RequestBody => "while the request's body was coming",
        Phase::Waiting => "while the response was due",
        _ => "while the response was coming",
    };
    let limit = setting
        .as_deref()
        .map_or("this limit".to_owned(), |setting| format!("`{}`", setting.replace('`', "'")));
    let text = match (timer.side, timer.phase) {
        (Side::Client, Phase::Waiting | Phase::Response) => {
            format!("Find out why the server takes so long; raise {limit} only if it may.")
        }
        (Side::Server, Phase::Waiting | Phase::Response) => {
            format!("Find out what the server does all that time; raise {limit} only if it may.")
        }
        (_, Phase::RequestHead) => {
            format!(
                "Slow or dead clients, or connections opened ahead of use: raise {limit} if they are none."
            )
        }
        _ if timer.clock == Clock::Silent => {
            format!("Let whoever sends the body send something more often than that, or raise {limit}.")
        }
        _ => format!(
            "It counts from the beginning, however often something is sent: raise {limit}, or send less at once."
        ),
    };
    let text = match (case.passed_on)(timer) {
        Some(port) => format!(
            "Clients of a server by that name, on port {port}, gave up after the same time: if this one passes that on, see there. \
             If not: {}",
            uncapitalised(&text)
        ),
        None => text,
    };
    Advice {
        side: timer.side,
        why: format!(
            "{} ended {}, {after} {since}, {during}.",
            sentence(&who),
            counted(timer.count, "request")
        ),
        program,
        setting,
        value: None,
        text,
        urgency: Urgency::Consider,
        alternative: false,
    }
}

fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
