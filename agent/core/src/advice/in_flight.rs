//! Timers that end requests in flight.

use super::{
    Case,
    build::alike,
    called,
    model::{Advice, Urgency},
};
use crate::{
    duration::measured,
    endpoint::Timer,
    format::{capitalized, counted, uncapitalized},
    labels::{Clock, Phase, Role, Side},
    products::{Candidate, Likelihood},
};

/// Of a tunnel's idle timer: something sent that often keeps it open though one is lost.
const OFTEN: f64 = 0.4;
/// Most timers with advice.
const LIMIT: usize = 3;

pub(super) fn timers(case: Case<'_>) -> Vec<Advice> {
    let mut timers: Vec<&Timer> = case.endpoint.timers.iter().filter(|timer| ends_something(timer)).collect();
    timers.sort_by_key(|timer| std::cmp::Reverse(timer.count));
    let mut chosen: Vec<&Timer> = Vec::new();
    for &timer in &timers {
        // The same closes may show on two clocks, which coincide while nothing moves.
        let same = |other: &&Timer| (other.side, other.phase) == (timer.side, timer.phase);
        if !chosen.iter().any(same) && chosen.len() < LIMIT {
            let mut others = timers.iter().filter(|other| same(other) && other.count * 4 >= timer.count * 3);
            let identified = others.find(|other| identified(case, other).is_some());
            chosen.push(identified.copied().unwrap_or(timer));
        }
    }
    chosen.into_iter().map(|timer| advice(case, timer)).collect()
}

/// What was under way ended with it.
fn ends_something(timer: &Timer) -> bool {
    timer.phase.is_in_flight() || timer.phase == Phase::Tunnel
}

/// The product and the setting of the timer, where something identifies the program.
fn identified(case: Case<'_>, timer: &Timer) -> Option<Candidate> {
    let candidates = case.products.candidates(timer, case.observed(timer.side));
    candidates.into_iter().find(|candidate| candidate.likelihood != Likelihood::Possible)
}

fn advice(case: Case<'_>, timer: &Timer) -> Advice {
    let candidate = identified(case, timer);
    let program =
        candidate.as_ref().map(|candidate| candidate.product.clone()).or_else(|| case.program(timer.side));
    let setting = candidate.map(|candidate| candidate.setting);
    let who = called(timer.side, program.as_deref());
    let after = measured(timer.seconds);
    let since = match timer.clock {
        Clock::Silent => "without a byte",
        Clock::Age => "after the connection was opened",
        _ => "after the request began",
    };
    let during = match timer.phase {
        Phase::RequestHead => "while receiving the request head",
        Phase::RequestBody => "during the request body",
        Phase::Waiting => "while waiting for the response",
        Phase::Tunnel => "after the upgrade or CONNECT",
        _ => "during the response",
    };
    let limit = setting
        .as_deref()
        .map_or("this timeout".to_owned(), |setting| format!("`{}`", setting.replace('`', "'")));
    let text = match (timer.side, timer.phase) {
        (_, Phase::Tunnel) => {
            let often = measured(timer.seconds * OFTEN);
            format!(
                "Let either end send something, such as a WebSocket ping, every {often}, or raise {limit}."
            )
        }
        (_, Phase::Waiting | Phase::Response) => {
            format!("Find out why the server takes so long. Raise {limit} only if it is meant to.")
        }
        (_, Phase::RequestHead) => format!(
            "Clients are slow or dead, or open connections ahead of use. Raise {limit} only if they are neither."
        ),
        _ if timer.clock == Clock::Silent => {
            format!("Let the sender of the body send something more often than that, or raise {limit}.")
        }
        _ => format!(
            "The timeout covers the whole transfer, however often data is sent: raise {limit}, or send less at once."
        ),
    };
    let text = match relayed_from(case, timer) {
        Some(port) => format!(
            "Clients of this process on port {port} gave up after the same time. If it only relays their aborts, see that \
             endpoint. Otherwise: {}",
            uncapitalized(&text)
        ),
        None => text,
    };
    Advice {
        side: timer.side,
        why: format!(
            "{} ended {} {during}, {after} {since}{}.",
            capitalized(&who),
            counted(timer.count, if timer.phase == Phase::Tunnel { "tunnel" } else { "request" }),
            if timer.phase == Phase::Tunnel { outlived(case, timer) } else { String::new() }
        ),
        program,
        setting,
        value: None,
        text,
        urgency: Urgency::Consider,
        alternative: false,
    }
}

/// How much room there is between what WebSockets outlive and the timer.
fn outlived(case: Case<'_>, timer: &Timer) -> String {
    let outlived = case.endpoint.tunnel_silence.filter(|&silence| silence < timer.seconds);
    outlived.map_or_else(String::new, |silence| {
        let room = measured(timer.seconds - silence);
        format!("; the longest silence that others outlived was {}: {room} of headroom", measured(silence))
    })
}

/// The port of a server whose process has the same name and whose clients abort as many requests after the same time: a
/// proxy aborts its own request when its client gave up. It may be chance, or another process of the same name.
fn relayed_from(case: Case<'_>, timer: &Timer) -> Option<u16> {
    let key = &case.endpoint.key;
    if key.role != Role::Client || key.process.is_empty() || timer.side != Side::Client {
        return None;
    }
    let mut servers = case
        .endpoints
        .iter()
        // The same port is the other end of the same connections.
        .filter(|other| other.key.role == Role::Server && other.key.server_port != key.server_port)
        .filter(|other| other.key.process == key.process);
    let server = servers.find(|server| {
        server
            .timers
            .iter()
            .any(|outer| outer.side == Side::Client && outer.phase == timer.phase && alike(outer, timer))
    });
    server.and_then(|server| server.key.server_port)
}
