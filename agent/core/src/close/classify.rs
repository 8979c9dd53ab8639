//! From the facts of one close to its verdict, once through: who ended it, where the exchange stood, what contradicts
//! that, the verdict, the words. The definitions are in docs/verdicts.md.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    dropped::is_dropped_at_once,
    ending::{Ending, ending},
    evidence,
    facts::{Facts, Reading as _},
    given_up,
    goodbye::{self, Goodbye},
    half_close::{self, Crossed, HalfClose, answer_crossed, half_close},
    middlebox,
    phase::{ExchangePhase, exchange_phase, idle_seconds, is_asking, silent_seconds},
    race,
    record::{CloseId, ClosedBy, ClosedConnection, Code, KeepAlive, SCHEMA},
    request_totals::request_totals,
    unheard,
};
use crate::{
    http::{ExchangeState, Goaway},
    identity::{Ends, Process},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Role, Verdict},
};

/// What a user can set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A client that closes within this many seconds of its response had no idle connection.
    pub idle_threshold: f64,
    pub detail: EvidenceDetail,
}

/// Of which closes the evidence is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceDetail {
    Off,
    /// Of those for which [`Verdict::is_trouble`] holds.
    FailuresOnly,
    All,
}

impl EvidenceDetail {
    pub const fn covers(self, verdict: Verdict) -> bool {
        match self {
            Self::Off => false,
            Self::FailuresOnly => verdict.is_trouble(),
            Self::All => true,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { idle_threshold: 0.1, detail: EvidenceDetail::All }
    }
}

/// Whose close it is: what no rule looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identity {
    pub cookie: u64,
    /// Of the first FIN or RST, by the wall clock.
    pub time: Timestamp,
    pub ends: Ends,
    pub netns: u32,
    /// Who held the socket while it was open.
    pub holder: Option<Process>,
    /// Who closed it first on this host.
    pub closed_by: Option<ClosedBy>,
}

/// A close with its verdict, and what that was drawn from.
#[derive(Debug)]
pub struct Judgement<'a> {
    facts: &'a Facts,
    ending: Ending,
    exchange: ExchangePhase,
    middlebox: Option<middlebox::Found>,
    race: Option<race::Found>,
    goodbye: Option<Goodbye>,
    verdict: Verdict,
    cause: Cause,
    exact: bool,
}

/// What one rule says.
struct Ruling {
    verdict: Verdict,
    cause: Cause,
    exact: bool,
}

/// Judges one close.
pub fn judge(facts: &Facts, options: Options) -> Judgement<'_> {
    let mut ending = ending(facts);
    let mut exchange = exchange_phase(facts, ending);
    let said = goodbye::find(facts, ending, &exchange)
        .and_then(|goodbye| Some((goodbye.view(exchange.clone())?, goodbye)));
    let middlebox = if said.is_some() { None } else { middlebox::find(facts, ending) };
    let goodbye = said.map(|(view, goodbye)| {
        (ending, exchange) = (goodbye.ending(facts, ending), view);
        goodbye
    });
    if let Some(found) = &middlebox {
        (ending.closer, ending.cause) = (Closer::Network, found.cause);
    }
    if goodbye.is_none() && half_close::is_unserved(facts, ending, &exchange) {
        (ending.closer, ending.cause) = (Closer::Server, Cause::HalfClose);
    }
    let race = match &goodbye {
        _ if facts.is_seen_late() => None,
        Some(said) if said.is_tls() => said.race(facts, &exchange),
        _ => race::find(facts, ending, &exchange),
    };
    let Ruling { verdict, cause, exact } = match &race {
        Some(found) => Ruling { verdict: Verdict::IdleRace, cause: ending.cause, exact: found.exact },
        None => match &middlebox {
            Some(found) => Ruling { verdict: Verdict::Network, cause: found.cause, exact: found.exact },
            None => ruling(facts, ending, &exchange, options),
        },
    };
    // What its process had read of a request only the server's end knows.
    let is_reset_at_reuse = facts.role == Role::Client
        && !ending.local
        && ending.close_type == CloseType::Rst
        && exchange.reused
        && is_asking(exchange.phase);
    let exact = exact
        && (race.is_some() || !is_reset_at_reuse)
        && race::late_bytes(facts, &exchange).is_none()
        && (middlebox.is_some() || unheard::doubt(facts, ending).is_none());
    let is_failed_handshake =
        exchange.phase == Phase::Unused && matches!(cause, Cause::Unknown | Cause::UnreadData);
    let cause = if is_failed_handshake && goodbye::failed_handshake(facts).is_some() {
        Cause::TlsAlert
    } else {
        cause
    };
    ending.cause = cause;
    Judgement { facts, ending, exchange, middlebox, race, goodbye, verdict, cause, exact }
}

impl Judgement<'_> {
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub fn phase(&self) -> Phase {
        self.exchange.phase
    }

    /// Clock `idle`, seconds.
    pub fn idle(&self) -> Option<f64> {
        idle_seconds(self.facts, &self.exchange)
    }

    /// The record that everybody sees, with the evidence in words where `detail` covers the verdict.
    pub fn record(self, identity: Identity, detail: EvidenceDetail) -> ClosedConnection {
        let Self { facts, ending, exchange, middlebox, race, goodbye, verdict, cause, exact } = self;
        let Identity { cookie, time, ends, netns, holder, closed_by } = identity;
        let outcome = request_totals(facts, &exchange);
        let newest = exchange.after.as_ref().or(exchange.at.as_ref());
        let at_ns = facts.first.header.ktime_ns;
        let last = facts.last.as_ref().unwrap_or(&facts.first);
        let closing = closed_by.map(|by| by.process);
        let after_goodbye =
            exchange.ended_at.map_or(0.0, |ended| f64::from(facts.first.ticks_since(ended)) * facts.tick);
        let alert = (exchange.phase == Phase::Unused).then(|| goodbye::failed_handshake(facts)).flatten();
        let mut close = ClosedConnection {
            schema: Cow::Borrowed(SCHEMA),
            id: CloseId::new(cookie, time),
            amends: false,
            time,
            role: facts.role,
            closer: ending.closer,
            close_type: ending.close_type,
            phase: exchange.phase,
            verdict,
            cause,
            race: race.map(|found| found.race),
            retried: None,
            code: Code(ending.closer, exchange.phase),
            confidence: if exact { Confidence::Exact } else { Confidence::Probable },
            basis: exchange.basis,
            in_flight: exchange.in_flight,
            requests: exchange.requests,
            requests_started: exchange
                .requests
                .map(|completed| outcome.map_or(completed, |outcome| outcome.begun)),
            reuse_gap: outcome
                .filter(|outcome| outcome.reuses > 0)
                .map(|outcome| f64::from(outcome.gap) * facts.tick),
            age: facts.opened_ns.map(|opened| at_ns.saturating_sub(opened) as f64 / 1e9 - after_goodbye),
            idle: idle_seconds(facts, &exchange),
            silent: silent_seconds(facts, &exchange),
            silence: middlebox.as_ref().and_then(|found| found.silence),
            request: exchange.request_seconds(facts).filter(|_| exchange.phase.is_in_flight()),
            after_listener: None,
            keep_alive: newest.and_then(announced),
            server: newest.and_then(|state| state.server.clone()),
            // One that came after the end is an answer to it.
            goaway: exchange.at.as_ref().and_then(|state| goaway_frame(facts, &exchange, state)),
            tls_alert: alert,
            ends,
            server_port: ends.server_port(facts.role),
            // Whoever destroyed it from outside is not the process that held it.
            process: closing.filter(|_| verdict != Verdict::HostAbort).or(holder),
            closed_by,
            cgroup_id: (facts.first.cgroup_id != 0).then_some(facts.first.cgroup_id),
            workload: None,
            peer: None,
            netns,
            bytes_sent: last.payload_sent().max(facts.first.payload_sent()),
            bytes_received: last.payload_received().max(facts.first.payload_received()),
            preexisting: facts.preexisting,
            evidence: Vec::new(),
            at_ns,
            request_totals: outcome,
            uncounted: None,
            stray_bytes: exchange.at.as_ref().and_then(|at| at.stray_bytes),
        };
        let is_dropped = is_dropped_at_once(&close);
        if is_dropped {
            close.confidence = Confidence::Probable;
        }
        if detail.covers(verdict) {
            close.evidence = evidence::describe(facts, ending, &exchange, race.as_ref(), &close);
            close.evidence.extend(close.tls_alert.as_ref().map(ToString::to_string));
            if let Some(said) = goodbye.as_ref().filter(|_| close.tls_alert.is_none()) {
                close.evidence.insert(1, said.evidence(after_goodbye));
            }
            let network = middlebox.map(|found| found.evidence);
            let late = race::late_bytes(facts, &exchange);
            close.evidence.splice(1..1, late.map(|bytes| {
                format!("{bytes} bytes came after the close and were not read: a stream that was lost, or a frame in answer")
            }));
            close.evidence.splice(1..1, network.or_else(|| unheard::doubt(facts, ending)));
            close.evidence.extend(is_dropped.then(|| {
                "it had been used before: the server may have thrown the request away at its idle timer"
                    .to_owned()
            }));
        }
        close
    }
}

/// The GOAWAY, with for how long nothing had been asked when it came.
fn goaway_frame(facts: &Facts, exchange: &ExchangePhase, state: &ExchangeState) -> Option<Goaway> {
    let frame = state.goaway_frame.clone()?;
    let ticks = exchange.idle_since.map(|since| frame.at.wrapping_sub(since));
    let idle = ticks.filter(|&ticks| exchange.phase == Phase::Idle && ticks < u32::MAX / 2);
    Some(Goaway { idle: idle.map(|ticks| f64::from(ticks) * facts.tick), ..frame })
}

fn announced(state: &ExchangeState) -> Option<KeepAlive> {
    let parameters = KeepAlive { timeout: state.keep_alive_timeout, max: state.keep_alive_max };
    (parameters.timeout.is_some() || parameters.max.is_some()).then_some(parameters)
}

/// The verdict where no request was raced.
fn ruling(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let rule = |verdict, exact| Ruling { verdict, cause: ending.cause, exact };
    if ending.connecting {
        return rule(Verdict::ConnectFailed, true);
    }
    if facts.is_seen_late() || (facts.rest_lost && !exchange.phase.is_idle()) {
        return rule(Verdict::Unknown, false);
    }
    match ending.closer {
        Closer::Network => return rule(Verdict::Network, true),
        Closer::Host => return rule(Verdict::HostAbort, true),
        Closer::Unknown => return rule(Verdict::Unknown, false),
        Closer::Client | Closer::Server | Closer::Both => {}
    }
    match exchange.phase {
        Phase::Tunnel => rule(Verdict::TunnelEnd, exchange.exact),
        Phase::Unused => rule(idle_verdict(ending), exchange.exact),
        Phase::Idle => idle_end(facts, ending, exchange, options),
        Phase::RequestHead | Phase::RequestBody | Phase::Waiting | Phase::Response => {
            in_flight_end(facts, ending, exchange)
        }
        Phase::Connecting | Phase::Unknown => rule(Verdict::Unknown, false),
    }
}

/// Ended with no exchange open.
fn idle_end(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let at = exchange.at.as_ref();
    let cause = match ending.cause {
        Cause::Unknown if exchange.announced => Cause::Announced,
        Cause::Unknown
            if at.and_then(|at| at.unasked_status) == Some(408) && !at.is_some_and(|at| at.goaway) =>
        {
            Cause::KeepaliveTimer
        }
        Cause::Unknown if at.is_some_and(|at| at.goaway) => {
            at.and_then(|at| at.goaway_frame.as_ref()).map_or(Cause::H2Goaway, Goaway::cause)
        }
        known => known,
    };
    let is_prompt = || idle_seconds(facts, exchange).is_some_and(|idle| idle < options.idle_threshold);
    if exchange.is_answered_early {
        return early_response(ending, exchange);
    }
    let (verdict, exact) = if exchange.is_ambiguous_last_word {
        return last_word(facts, ending, exchange, options);
    } else if exchange.announced {
        (Verdict::Completed, exchange.exact)
    } else if exchange.basis == Basis::Inferred && ending.closer == Closer::Server && is_prompt() {
        // No timer is as short: the response had said so, most likely.
        (Verdict::Completed, false)
    } else if ending.closer == Closer::Client && is_prompt() {
        match answer_crossed(facts, ending) {
            Crossed::No => (Verdict::Completed, exchange.exact),
            Crossed::Taken => (Verdict::Completed, false),
            Crossed::Refused => (Verdict::Unknown, false),
        }
    } else {
        // Two timers that fire within one round trip are a tie; a request would have lost to the server's.
        (idle_verdict(ending), exchange.exact)
    };
    Ruling { verdict, cause, exact }
}

fn idle_verdict(ending: Ending) -> Verdict {
    if ending.closer == Closer::Client { Verdict::ClientIdle } else { Verdict::ServerIdle }
}

/// Ended with an exchange open.
fn in_flight_end(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> Ruling {
    let rule = |verdict, cause, exact| Ruling { verdict, cause, exact };
    if exchange.is_ambiguous_last_word || exchange.is_farewell_read {
        return farewell(ending);
    }
    if race::is_announced(exchange) && ending.closer == Closer::Server {
        // A request after an announced end is its sender's own mistake.
        let cause = if ending.cause == Cause::UnreadData {
            Cause::Announced
        } else {
            known_or(ending, Cause::Announced)
        };
        return rule(Verdict::Completed, cause, exchange.exact);
    }
    if ending.close_type == CloseType::Fin && matches!(ending.closer, Closer::Client | Closer::Both) {
        match half_close(facts, ending, exchange) {
            HalfClose::Served => return rule(Verdict::Completed, Cause::HalfClose, exchange.exact),
            HalfClose::Open => return rule(Verdict::Unknown, ending.cause, false),
            HalfClose::Refused => return rule(Verdict::PrematureHangup, ending.cause, false),
            HalfClose::No => {}
        }
    }
    // A client that leaves a response in the middle has cut nothing short: it wanted no more.
    let is_truncated = exchange.phase == Phase::Response
        && ending.closer != Closer::Client
        && exchange.at.as_ref().is_some_and(|at| at.missing.is_some());
    let frame = exchange.at.as_ref().and_then(|at| at.goaway_frame.as_ref());
    let cause = match ending.cause {
        Cause::Unknown if is_truncated => Cause::Truncated,
        // A polite one without words lets the open streams end.
        Cause::Unknown => frame
            .filter(|frame| !frame.is_polite() || frame.cause() != Cause::H2Goaway)
            .map_or(Cause::Unknown, Goaway::cause),
        known => known,
    };
    let is_unheard = cause == Cause::Unknown && was_never_taken_in(facts, ending);
    let cause = if is_unheard { Cause::NotAccepted } else { cause };
    // The client that closes then had nothing left to wait for.
    let dismissed = (cause == Cause::Unknown && ending.closer == Closer::Client)
        .then(|| exchange.at.as_ref().filter(|at| given_up::is_by_the_server(at))?.goaway_frame.as_ref())
        .flatten();
    let cause = dismissed.map_or(cause, Goaway::cause);
    let is_answer_lost = ending.close_type == CloseType::Rst
        && ending.closer == Closer::Server
        && exchange.at.as_ref().is_some_and(|at| at.answered_early.is_some());
    let cause = if is_answer_lost && cause == Cause::Unknown { Cause::UnreadData } else { cause };
    // In the middle of a request a 408 is the server's own word for what it waited for.
    let timed_out = exchange.at.as_ref().is_some_and(|at| at.status == Some(408))
        && matches!(exchange.phase, Phase::RequestHead | Phase::RequestBody);
    let cause = if timed_out && matches!(cause, Cause::Unknown | Cause::UnreadData) {
        Cause::RequestTimeout
    } else {
        cause
    };
    let may_be_half = half_close::may_be_half(facts, ending) || half_close::is_at_once(facts);
    let exact = exchange.exact && !may_be_half && !is_unheard;
    rule(Verdict::PrematureHangup, cause, exact)
}

/// Not a byte of what the client sent was acknowledged, nor when it was sent again: the server's kernel has no socket for the
/// connection (its listener's queue was full), and what lies between says when the reset comes.
fn was_never_taken_in(facts: &Facts, ending: Ending) -> bool {
    let first = &facts.first;
    let is_refused = facts.role == Role::Client && !ending.local && ending.close_type == CloseType::Rst;
    let nothing_came = first.payload_received() == 0 && u64::from(first.unacked()) >= first.payload_sent();
    is_refused && nothing_came && first.total_retrans > 0
}

fn known_or(ending: Ending, cause: Cause) -> Cause {
    if ending.cause == Cause::Unknown { cause } else { ending.cause }
}

/// Answered in full before all of the request had come: nothing was lost.
fn early_response(ending: Ending, exchange: &ExchangePhase) -> Ruling {
    let is_consequence = matches!(ending.cause, Cause::Unknown | Cause::UnreadData);
    let cause = if is_consequence { Cause::EarlyResponse } else { ending.cause };
    Ruling { verdict: Verdict::Completed, cause, exact: exchange.exact }
}

/// A message that is not read left together with the closer's own FIN, and nobody waited for an answer to it.
fn farewell(ending: Ending) -> Ruling {
    let is_calm = ending.close_type == CloseType::Fin
        && !matches!(ending.cause, Cause::ProcessKilled | Cause::OomKilled);
    let verdict = if is_calm { Verdict::Completed } else { Verdict::Unknown };
    Ruling { verdict, cause: ending.cause, exact: false }
}

/// The closer's last bytes, which are not read, left together with its close. Where they came long after the client's own
/// they answer nothing: they say goodbye to an idle connection.
fn last_word(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let is_late = idle_seconds(facts, exchange).is_some_and(|since| since >= options.idle_threshold);
    if ending.closer == Closer::Server && is_late {
        return Ruling { verdict: Verdict::ServerIdle, cause: ending.cause, exact: false };
    }
    farewell(ending)
}

#[cfg(test)]
mod tests;
