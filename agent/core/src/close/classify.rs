//! From the facts of one close to its verdict, once through: who ended it, where the exchange stood, what contradicts
//! that, the verdict, the words. The definitions are in docs/verdicts.md.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    conversation,
    dropped::is_dropped_at_once,
    ending::{Ending, ending},
    evidence,
    facts::{Facts, Reading as _},
    goodbye::{self, Goodbye},
    half_close, middlebox,
    phase::{ExchangePhase, exchange_phase, idle_seconds, is_asking, silent_seconds},
    race,
    record::{CloseId, ClosedBy, ClosedConnection, Code, KeepAlive, SCHEMA},
    request_totals::request_totals,
    ruling::{Ruling, ruling},
    unheard, websocket, words,
};
use crate::{
    http::{ExchangeState, Goaway},
    identity::{Ends, Process},
    labels::{Cause, CloseType, Closer, Confidence, Phase, Role, Verdict},
};

/// What a user can set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A client that closes within this many seconds of its response had no idle connection.
    pub idle_threshold: f64,
    pub detail: EvidenceDetail,
    pub late_requests: LateRequests,
}

/// Which requests are seen that reach this host after the socket that they were for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateRequests {
    Seen,
    /// Those at time-wait sockets: none remains of a connection that was reset.
    AtTimeWait,
    Unseen,
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
        Self { idle_threshold: 0.1, detail: EvidenceDetail::All, late_requests: LateRequests::Seen }
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
    ended_in_words: bool,
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
    let closing = websocket::closing(&exchange, ending);
    let middlebox = if said.is_some() || closing.is_some() { None } else { middlebox::find(facts, ending) };
    let goodbye = said.map(|(view, goodbye)| {
        (ending, exchange) = (goodbye.ending(facts, ending), view);
        goodbye
    });
    if let Some(frame) = closing {
        ending = frame.ending(facts, ending);
        exchange.ended_at = Some(frame.at);
    }
    if let Some(found) = &middlebox {
        (ending.closer, ending.cause) = (Closer::Network, found.cause);
    }
    let in_words =
        words::ended(facts, ending, &exchange).filter(|_| goodbye.is_none() && middlebox.is_none());
    let ended_in_words = in_words.is_some();
    ending = in_words.unwrap_or(ending);
    if goodbye.is_none() && !ended_in_words && half_close::is_unserved(facts, ending, &exchange) {
        (ending.closer, ending.cause) = (Closer::Server, Cause::HalfClose);
    }
    let race = match &goodbye {
        _ if facts.is_seen_late() => None,
        Some(said) if said.is_tls() => said.race(facts, &exchange),
        _ => race::find(facts, ending, &exchange),
    };
    let Ruling { verdict, cause, exact } = match &race {
        Some(found) => {
            let cause = words::cause(ending, &exchange);
            Ruling { verdict: Verdict::IdleRace, cause, exact: found.exact }
        }
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
    if exchange.phase == Phase::Tunnel && verdict == Verdict::PrematureHangup {
        // The message that was under way.
        exchange.in_flight = Some(1);
    }
    let is_late_unseen = match options.late_requests {
        LateRequests::Seen => false,
        LateRequests::AtTimeWait => ending.close_type == CloseType::Rst,
        LateRequests::Unseen => true,
    };
    let may_be_race = is_late_unseen && ending.local && verdict == Verdict::ServerIdle;
    let exact = exact
        && !may_be_race
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
    let is_answered = !ended_in_words && cause != Cause::HalfClose;
    if verdict == Verdict::Completed && is_answered && words::took_leave(&exchange) {
        // What was said last asked for nothing.
        (exchange.phase, exchange.in_flight) = (Phase::Idle, Some(0));
    }
    Judgement { facts, ending, exchange, middlebox, race, goodbye, ended_in_words, verdict, cause, exact }
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
        let Self { facts, ending, exchange, middlebox, race, goodbye, ended_in_words, verdict, cause, exact } =
            self;
        let Identity { cookie, time, ends, netns, holder, closed_by } = identity;
        let outcome = request_totals(facts, &exchange);
        let newest = exchange.after.as_ref().or(exchange.at.as_ref());
        let states = [&exchange.after, &exchange.at];
        let trace = states.into_iter().flatten().find_map(|state| state.trace);
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
            protocol: conversation::spoken(facts, &exchange),
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
            trace_id: trace.map(|trace| trace.trace_id),
            span_id: trace.map(|trace| trace.span_id),
            // One that came after the end is an answer to it.
            goaway: exchange.at.as_ref().and_then(|state| goaway_frame(facts, &exchange, state)),
            tls_alert: alert,
            websocket: websocket::timed(facts, &exchange, ending).map(Box::new),
            community_id: None,
            flow_id: None,
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
            asked_to_end: exchange.at.as_ref().is_some_and(|at| at.asked_to_end),
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
            close.evidence.splice(
                1..1,
                ended_in_words
                    .then(|| "the server's last words came first: they ended the connection".to_owned()),
            );
            close.evidence.splice(1..1, websocket::evidence(&close, after_goodbye));
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

#[cfg(test)]
mod tests;
