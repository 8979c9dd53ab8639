//! The cause that a close shares with others before it.

use super::{
    after_response::{AfterResponse, Limit},
    state::{MatchedReading, MatchedReadings},
    timer_readings::{LONGEST, Reading, SHORTEST},
    timers::TimerMatch,
};
use crate::{
    close::ClosedConnection,
    labels::{Cause, Clock, Closer, Phase, Side},
};

/// A cause and the closes that prove it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    Timer(Cause, Reading, TimerMatch),
    Limit(Limit),
}

impl Proof {
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::Timer(cause, ..) => cause,
            Self::Limit(Limit::Requests { .. }) => Cause::MaxRequests,
            Self::Limit(Limit::Age { .. }) => Cause::MaxAge,
        }
    }

    /// The evidence in words.
    pub(super) fn text(self) -> String {
        match self {
            Self::Timer(_, reading, TimerMatch { least, most, count, .. }) => {
                let since = match reading.kind.clock {
                    Clock::Idle => "the last response",
                    Clock::Silent => "the last byte",
                    Clock::Request => "the request began",
                    Clock::Head => "the head began",
                    Clock::Age => "the connection was made",
                };
                let side = reading.kind.side;
                format!("{count} closes by the {side} so far came {least:.3} to {most:.3} s after {since}")
            }
            Self::Limit(Limit::Requests { requests, closes }) => {
                format!("{closes} closes by the server in a row came after {requests} requests")
            }
            Self::Limit(Limit::Age { least, most, closes }) => {
                format!(
                    "{closes} closes by the server in a row came {least:.1} to {most:.1} s after the connection was made"
                )
            }
        }
    }
}

/// What a timer proves of the close whose clocks were `seen`.
pub(super) fn from_timers(seen: &MatchedReadings, tick: f64) -> Option<Proof> {
    let idle = seen.iter().flatten().find_map(|seen| Some((idle_cause(seen)?, seen)));
    let (cause, MatchedReading { reading, timer }) = idle.or_else(|| in_flight_cause(seen, tick))?;
    Some(Proof::Timer(cause, *reading, (*timer)?))
}

fn idle_cause(seen: &MatchedReading) -> Option<Cause> {
    let timer = seen.timer?;
    let kind = seen.reading.kind;
    match kind.phase {
        // A client that closes after one to one and a half seconds may just have been done.
        Phase::Idle | Phase::Unused if timer.wide && kind.side == Side::Client => None,
        Phase::Idle | Phase::Unused => Some(Cause::KeepaliveTimer),
        Phase::RequestHead => Some(Cause::HeadTimer),
        _ => None,
    }
}

/// Q and R run together while nothing moves after a request's first byte. The clock whose closes are the tighter is
/// the timer's; where both are equal the data cannot tell, but a client that has sent all and heard nothing has
/// only one thing left to wait for.
fn in_flight_cause(seen: &MatchedReadings, tick: f64) -> Option<(Cause, &MatchedReading)> {
    for side in [Side::Client, Side::Server] {
        let on = |clock| {
            let mut of_side = seen.iter().flatten().filter(|seen| seen.reading.kind.side == side);
            of_side.find(|seen| seen.reading.kind.clock == clock && seen.timer.is_some())
        };
        match (on(Clock::Request), on(Clock::Silent)) {
            (Some(request), None) => return Some((Cause::RequestTimeout, request)),
            (None, Some(silent)) => return Some((Cause::StallTimer, silent)),
            (Some(request), Some(silent)) => {
                let (by_request, by_silence) = (request.timer?.deviation, silent.timer?.deviation);
                if is_tighter(by_silence, by_request, tick) {
                    return Some((Cause::StallTimer, silent));
                }
                let alone = side == Side::Client && request.reading.kind.phase == Phase::Waiting;
                if is_tighter(by_request, by_silence, tick) || alone {
                    return Some((Cause::RequestTimeout, request));
                }
            }
            (None, None) => {}
        }
    }
    None
}

/// By more than what the clock's ticks and chance make of it. Deviations in seconds.
pub(super) fn is_tighter(deviation: f32, other: f32, tick: f64) -> bool {
    f64::from(deviation) * 2.0 + tick < f64::from(other)
}

/// What a server's closes right after a response prove together.
pub(super) fn from_limits(after: &mut AfterResponse, close: &ClosedConnection) -> Option<Proof> {
    let prompt = close.idle.is_some_and(|idle| idle < SHORTEST);
    let right_after = match close.cause {
        Cause::Announced | Cause::H2Goaway => true,
        Cause::Unknown => prompt,
        _ => false,
    };
    if close.asked_to_end || !right_after || close.closer != Closer::Server || close.phase != Phase::Idle {
        return None;
    }
    let age = close.age.filter(|age| (0.0..=LONGEST).contains(age))?;
    after.add(close.requests?, age as f32, close.at_ns).map(Proof::Limit)
}

#[cfg(test)]
mod tests;
