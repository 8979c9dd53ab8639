//! Which timers a close may have come from, and what their clocks showed.

use crate::{
    close::ClosedConnection,
    labels::{Basis, Cause, Clock, Closer, Phase, Race, Role, Side, Verdict},
};

/// Seconds. What comes sooner after a response (or a request) is no timer's doing: the response itself was the reason.
pub(super) const SHORTEST: f64 = 0.1;
/// Seconds (a month): no timeout is longer, and a clock that says so is broken.
pub(super) const LONGEST: f64 = 2_678_400.0;

/// One of the timers that an end may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) side: Side,
    pub(super) phase: Phase,
    pub(super) clock: Clock,
}

/// A clock at a close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) kind: Kind,
    pub(super) seconds: f64,
}

/// At most both sides, or both clocks of one.
pub(super) type Readings = [Option<Reading>; 4];

/// The clocks of the timers of the closer's own that may have ended it.
pub(super) fn readings(close: &ClosedConnection) -> Readings {
    let mut readings = [None; 4];
    let goodbye = close.goaway.as_ref().filter(|goaway| goaway.is_polite());
    let is_goodbye = close.cause == Cause::H2Goaway && goodbye.is_some();
    // A client that closes at a 408 has no timer of its own there.
    let is_answer_to_408 = close.cause == Cause::RequestTimeout && close.closer == Closer::Client;
    // A pool that gives an idle connection up says so.
    let is_farewell = close.verdict == Verdict::Completed
        && (close.cause, close.basis) == (Cause::Announced, Basis::Protocol)
        && close.closer == Closer::Client;
    if (!may_be_timer(close.cause) && !is_goodbye && !is_farewell) || is_answer_to_408 {
        return readings;
    }
    let mut next = readings.iter_mut();
    let mut note = |side, phase, clock, seconds: Option<f64>| {
        let seconds = seconds.filter(|seconds| (SHORTEST..=LONGEST).contains(seconds));
        if let (Some(seconds), Some(place)) = (seconds, next.next()) {
            *place = Some(Reading { kind: Kind { side, phase, clock }, seconds });
        }
    };
    if let Some(race) = close.race {
        let side = if race == Race::OwnTimer { Side::Client } else { Side::Server };
        note(side, Phase::Idle, Clock::Idle, idle_at_race(close));
        return readings;
    }
    if let Some(goaway) = goodbye.filter(|goaway| goaway.by == Side::Server && close.phase == Phase::Idle) {
        // It ends the connection, whoever closes then.
        note(Side::Server, Phase::Idle, Clock::Idle, goaway.idle);
        return readings;
    }
    let judged = matches!(
        close.verdict,
        Verdict::ClientIdle | Verdict::ServerIdle | Verdict::PrematureHangup | Verdict::TunnelEnd
    );
    if !judged && !is_farewell {
        return readings;
    }
    for &side in closers(close.closer) {
        match close.phase {
            Phase::Idle => note(side, Phase::Idle, Clock::Idle, close.idle),
            Phase::Unused => note(side, Phase::Unused, Clock::Age, close.age),
            // A client that does not finish its head has no timer for it.
            Phase::RequestHead if side == Side::Server => {
                note(side, Phase::RequestHead, Clock::Head, close.request);
            }
            phase @ (Phase::RequestBody | Phase::Waiting | Phase::Response) => {
                note(side, phase, Clock::Request, close.request);
                note(side, phase, Clock::Silent, close.silent);
            }
            // Nothing is begun or answered in it: only silence tells.
            Phase::Tunnel => note(side, Phase::Tunnel, Clock::Silent, close.silent),
            Phase::RequestHead | Phase::Transaction | Phase::Connecting | Phase::Unknown => {}
        }
    }
    readings
}

/// Which sides ended it.
pub(super) fn closers(closer: Closer) -> &'static [Side] {
    match closer {
        Closer::Client => &[Side::Client],
        Closer::Server => &[Side::Server],
        Closer::Both => &[Side::Client, Side::Server],
        Closer::Network | Closer::Host | Closer::Unknown => &[],
    }
}

/// How long the connection had been idle when the closer's timer fired. Where the lost request was seen before the
/// end, that is its gap and the time since; a request that was refused with a reset shows it late by a round trip.
fn idle_at_race(close: &ClosedConnection) -> Option<f64> {
    if close.phase == Phase::Idle {
        return close.idle;
    }
    Some(close.reuse_gap? + close.request?)
}

/// How long it had been idle when the lost request came, at least; `None` where the request is among those that the
/// probes counted with their gaps.
pub(super) fn gap_of_lost(close: &ClosedConnection, counted: bool) -> Option<f64> {
    // The server's socket had closed, and its probe with it.
    let unseen = close.role == Role::Server || !counted;
    if close.race.is_some() && close.phase == Phase::Idle && unseen { close.idle } else { None }
}

/// Nothing but a timer explains it so far, or what does explain it is only the means.
fn may_be_timer(cause: Cause) -> bool {
    match cause {
        Cause::Unknown
        | Cause::KeepaliveTimer
        | Cause::RequestTimeout
        | Cause::StallTimer
        | Cause::HeadTimer
        | Cause::UnreadData
        | Cause::LingerZero
        | Cause::Truncated
        | Cause::IdleTimeout => true,
        Cause::Announced
        | Cause::MaxRequests
        | Cause::MaxAge
        | Cause::PoolEvict
        | Cause::Shutdown
        | Cause::ProcessExit
        | Cause::ProcessKilled
        | Cause::OomKilled
        | Cause::NotAccepted
        | Cause::HalfClose
        | Cause::KeepaliveDead
        | Cause::RetransmitTimeout
        | Cause::UserTimeout
        | Cause::MiddleboxReset
        | Cause::FlowForgotten
        | Cause::Refused
        | Cause::SockDestroy
        | Cause::EarlyResponse
        | Cause::H2Goaway
        | Cause::TransactionTimeout
        | Cause::AdminShutdown
        | Cause::HeartbeatTimeout
        | Cause::ServerError
        | Cause::TlsAlert => false,
    }
}
