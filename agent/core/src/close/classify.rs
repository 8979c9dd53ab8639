//! From the facts of one close to its verdict (the definitions are in docs/verdicts.md).

use super::{
    between,
    ending::{Ending, ending},
    evidence,
    facts::{Facts, Reading as _},
    half_close::{Crossed, HalfClose, answer_crossed, half_close},
    outcome::{Outcome, outcome},
    race,
    view::{View, idle_seconds, silent_seconds, view},
};
use crate::http::Standing;
use crate::labels::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Verdict};

/// What a user can set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A client that closes within this many seconds of its response had no idle connection.
    pub idle_min: f64,
    pub tell: Tell,
}

/// Of which closes the evidence is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    Nothing,
    /// Of those for which [`Verdict::is_trouble`] holds.
    Trouble,
    Everything,
}

impl Tell {
    pub const fn wants(self, verdict: Verdict) -> bool {
        match self {
            Self::Nothing => false,
            Self::Trouble => verdict.is_trouble(),
            Self::Everything => true,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { idle_min: 0.1, tell: Tell::Everything }
    }
}

/// A close, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    /// CLOCK_MONOTONIC ns of the first FIN or RST.
    pub at_ns: u64,
    pub role: Role,
    pub closer: Closer,
    pub how: How,
    pub phase: Phase,
    pub verdict: Verdict,
    pub cause: Cause,
    pub race: Option<Race>,
    /// The lost request was sent again by the same process and answered: nobody heard of the race.
    pub masked: bool,
    pub confidence: Confidence,
    pub basis: Basis,
    /// Requests begun and not fully answered.
    pub in_flight: Option<u32>,
    /// Requests served on the connection: begun and fully answered.
    pub requests: Option<u32>,
    /// Requests begun on it, one that was lost to the close included.
    pub requests_begun: Option<u32>,
    /// Seconds from the end of a response to the newest request that re-used the idle connection.
    pub reuse_gap: Option<f64>,
    /// What the newest response announced.
    pub keep_alive: Option<KeepAlive>,
    /// `Server` of the newest response.
    pub server: Option<String>,
    /// What the request counters are made of, requests inferred from turns included.
    pub outcome: Option<Outcome>,
    /// Clock C, seconds: since the connection was made.
    pub age: Option<f64>,
    /// Clock I, seconds: since the last response ended.
    pub idle: Option<f64>,
    /// Clock Q, seconds: since the last payload byte either way.
    pub silent: Option<f64>,
    /// Clock R, seconds: since the current request began.
    pub request: Option<f64>,
    /// Seconds from the end of its listener to the end of a server's connection that was older: negative when the listener
    /// ended after it. `None` while the listener lives.
    pub after_listener: Option<f64>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub adopted: bool,
    pub evidence: Vec<String>,
}

/// The parameters of a `Keep-Alive` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Seconds.
    pub timeout: Option<u32>,
    /// Requests.
    pub max: Option<u32>,
}

impl Close {
    /// Two letters in HAProxy's manner: who, and in which phase.
    pub fn code(&self) -> String {
        [self.closer.letter(), self.phase.letter()].iter().collect()
    }
}

/// Judges one close.
pub fn classify(facts: &Facts, options: Options) -> Close {
    let mut ending = ending(facts);
    let view = view(facts, ending);
    let between = between::find(facts, ending);
    if let Some(found) = &between {
        (ending.closer, ending.cause) = (Closer::Network, found.cause);
    }
    let race = if facts.is_seen_late() { None } else { race::find(facts, ending, &view) };
    let (verdict, exact) = match &race {
        Some(found) => (Verdict::IdleRace, found.exact),
        None if between.is_some() => (Verdict::Network, false),
        None => verdict(facts, &mut ending, &view, options),
    };
    let outcome = outcome(facts, &view);
    let newest = view.after.as_ref().or(view.at.as_ref());
    let mut close = Close {
        at_ns: facts.first.header.ktime_ns,
        role: facts.role,
        closer: ending.closer,
        how: ending.how,
        phase: view.phase,
        verdict,
        cause: ending.cause,
        race: race.map(|found| found.race),
        masked: false,
        confidence: if exact { Confidence::Exact } else { Confidence::Probable },
        basis: view.basis,
        in_flight: view.in_flight,
        requests: view.requests,
        requests_begun: view.requests.map(|answered| outcome.map_or(answered, |outcome| outcome.begun)),
        reuse_gap: outcome
            .filter(|outcome| outcome.reuses > 0)
            .map(|outcome| f64::from(outcome.gap) * facts.tick),
        keep_alive: newest.and_then(announced),
        server: newest.and_then(|standing| standing.server.clone()),
        outcome,
        age: facts.opened_ns.map(|opened| seconds(facts.first.header.ktime_ns.saturating_sub(opened))),
        idle: idle_seconds(facts, &view),
        silent: silent_seconds(facts),
        request: if view.phase.is_in_flight() { view.request_seconds(facts) } else { None },
        after_listener: None,
        bytes_sent: facts.last.map_or(0, |last| last.payload_sent()).max(facts.first.payload_sent()),
        bytes_received: facts
            .last
            .map_or(0, |last| last.payload_received())
            .max(facts.first.payload_received()),
        adopted: facts.adopted,
        evidence: Vec::new(),
    };
    if options.tell.wants(close.verdict) {
        close.evidence = evidence::tell(facts, ending, &view, race.as_ref(), &close);
        close.evidence.splice(1..1, between.map(|found| found.evidence));
    }
    close
}

fn announced(standing: &Standing) -> Option<KeepAlive> {
    let said = KeepAlive { timeout: standing.keep_alive_timeout, max: standing.keep_alive_max };
    (said.timeout.is_some() || said.max.is_some()).then_some(said)
}

/// The verdict where no request was raced, and whether it is proved. May name the cause.
fn verdict(facts: &Facts, ending: &mut Ending, view: &View, options: Options) -> (Verdict, bool) {
    if ending.connecting {
        return (Verdict::ConnectFailed, true);
    }
    if facts.is_seen_late() || (facts.rest_lost && !view.phase.is_idle()) {
        return (Verdict::Unknown, false);
    }
    match ending.closer {
        Closer::Network => return (Verdict::Network, true),
        Closer::Host => return (Verdict::HostAbort, true),
        Closer::Unknown => return (Verdict::Unknown, false),
        Closer::Client | Closer::Server | Closer::Both => {}
    }
    match view.phase {
        Phase::Tunnel => (Verdict::TunnelEnd, view.exact),
        Phase::Unused => (idle_verdict(*ending), view.exact),
        Phase::Idle => idle_end(facts, ending, view, options),
        Phase::RequestHead | Phase::RequestBody | Phase::Waiting | Phase::Response => {
            in_flight_end(facts, ending, view)
        }
        Phase::Connecting | Phase::Unknown => (Verdict::Unknown, false),
    }
}

/// Ended with no exchange open.
fn idle_end(facts: &Facts, ending: &mut Ending, view: &View, options: Options) -> (Verdict, bool) {
    if view.goodbye {
        return (Verdict::Unknown, false);
    }
    if view.announced {
        if ending.cause == Cause::Unknown {
            ending.cause = Cause::Announced;
        }
        return (Verdict::Completed, view.exact);
    }
    if view.at.as_ref().is_some_and(|at| at.goaway) && ending.cause == Cause::Unknown {
        ending.cause = Cause::H2Goaway;
    }
    if view.at.as_ref().and_then(|at| at.unasked_status) == Some(408) && ending.cause == Cause::Unknown {
        ending.cause = Cause::KeepaliveTimer;
    }
    let prompt = idle_seconds(facts, view).is_some_and(|idle| idle < options.idle_min);
    if ending.closer == Closer::Client && prompt {
        return match answer_crossed(facts, *ending) {
            Crossed::No => (Verdict::Completed, view.exact),
            Crossed::Taken => (Verdict::Completed, false),
            Crossed::Refused => (Verdict::Unknown, false),
        };
    }
    // Two timers that fire within one round trip are a tie; a request would have lost to the server's.
    (idle_verdict(*ending), view.exact)
}

fn idle_verdict(ending: Ending) -> Verdict {
    if ending.closer == Closer::Client { Verdict::ClientIdle } else { Verdict::ServerIdle }
}

/// Ended with an exchange open.
fn in_flight_end(facts: &Facts, ending: &mut Ending, view: &View) -> (Verdict, bool) {
    if view.goodbye {
        return (Verdict::Unknown, false);
    }
    if ending.how == How::Fin && ending.closer == Closer::Client {
        match half_close(facts, *ending, view) {
            HalfClose::Served => {
                ending.cause = Cause::HalfClose;
                return (Verdict::Completed, view.exact);
            }
            HalfClose::Open => return (Verdict::Unknown, false),
            HalfClose::Refused => return (Verdict::PrematureHangup, false),
            HalfClose::No => {}
        }
    }
    // A client that leaves a response in the middle has cut nothing short: it wanted no more.
    let missing = ending.closer != Closer::Client && view.at.as_ref().is_some_and(|at| at.missing.is_some());
    if view.phase == Phase::Response && missing && ending.cause == Cause::Unknown {
        ending.cause = Cause::Truncated;
    }
    (Verdict::PrematureHangup, view.exact)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
