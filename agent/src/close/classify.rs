//! From the facts of one close to its verdict (the definitions are in docs/verdicts.md).

use std::cmp::Ordering;

use whohungup_ebpf::{event::Transition, exchange::HTTP};

use super::{
    ending::{Ending, ending},
    evidence,
    facts::{CLOSE_WAIT, Facts, Reading as _},
    race,
    words::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Verdict},
};
use crate::http::{self, Standing, Written};

/// What a user can set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A client that closes within this many seconds of its response had no idle connection.
    pub idle_min: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { idle_min: 0.1 }
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
    pub confidence: Confidence,
    pub basis: Basis,
    /// Requests begun and not fully answered.
    pub in_flight: Option<u32>,
    /// Requests served on the connection: begun and fully answered.
    pub requests: Option<u32>,
    /// Clock C, seconds: since the connection was made.
    pub age: Option<f64>,
    /// Clock I, seconds: since the last response ended.
    pub idle: Option<f64>,
    /// Clock Q, seconds: since the last payload byte either way.
    pub silent: Option<f64>,
    /// Clock R, seconds: since the current request began.
    pub request: Option<f64>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub adopted: bool,
    pub evidence: Vec<String>,
}

impl Close {
    /// Two letters in HAProxy's manner: who, and in which phase.
    pub fn code(&self) -> String {
        [self.closer.letter(), self.phase.letter()].iter().collect()
    }
}

/// Where the exchange stood at the first FIN or RST, however that was learnt.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub phase: Phase,
    pub in_flight: Option<u32>,
    pub requests: Option<u32>,
    pub basis: Basis,
    pub exact: bool,
    pub announced: bool,
    pub reused: bool,
    pub request_bytes: u32,
    pub request_start_jiffies: Option<u32>,
    /// Jiffies at which the last response ended.
    pub idle_since: Option<u32>,
    /// The closer's last bytes left together with its close: they may have been a goodbye.
    pub goodbye: bool,
    pub at: Option<Standing>,
    pub after: Option<Standing>,
}

impl View {
    /// Clock R.
    pub(super) fn request_seconds(&self, facts: &Facts) -> Option<f64> {
        Some(f64::from(facts.first.ticks_since(self.request_start_jiffies?)) * facts.tick)
    }
}

/// Bytes that left this many ticks before the close left together with it.
const TOGETHER_TICKS: u32 = 2;

/// Judges one close.
pub fn classify(facts: &Facts, options: Options) -> Close {
    let ending = ending(facts);
    let view = view(facts, ending);
    let race = race::find(facts, ending, &view);
    let mut ending = ending;
    let (verdict, exact) = match &race {
        Some(found) => (Verdict::IdleRace, found.exact),
        None => verdict(facts, &mut ending, &view, options),
    };
    let mut close = Close {
        at_ns: facts.first.header.ktime_ns,
        role: facts.role,
        closer: ending.closer,
        how: ending.how,
        phase: view.phase,
        verdict,
        cause: ending.cause,
        race: race.map(|found| found.race),
        confidence: if exact { Confidence::Exact } else { Confidence::Probable },
        basis: view.basis,
        in_flight: view.in_flight,
        requests: view.requests,
        age: facts.opened_ns.map(|opened| seconds(facts.first.header.ktime_ns.saturating_sub(opened))),
        idle: idle_seconds(facts, &view),
        silent: silent_seconds(facts),
        request: if view.phase.is_in_flight() { view.request_seconds(facts) } else { None },
        bytes_sent: facts.last.map_or(0, |last| last.payload_sent()).max(facts.first.payload_sent()),
        bytes_received: facts
            .last
            .map_or(0, |last| last.payload_received())
            .max(facts.first.payload_received()),
        adopted: facts.adopted,
        evidence: Vec::new(),
    };
    close.evidence = evidence::tell(facts, ending, &view, race.as_ref(), &close);
    close
}

/// The verdict where no request was raced, and whether it is proved. May name the cause.
fn verdict(facts: &Facts, ending: &mut Ending, view: &View, options: Options) -> (Verdict, bool) {
    if ending.connecting {
        return (Verdict::ConnectFailed, true);
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
    if view.at.as_ref().and_then(|at| at.unasked_status) == Some(408) && ending.cause == Cause::Unknown {
        ending.cause = Cause::KeepaliveTimer;
    }
    let prompt = idle_seconds(facts, view).is_some_and(|idle| idle < options.idle_min);
    if ending.closer == Closer::Client && prompt {
        return (Verdict::Completed, view.exact);
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
            HalfClose::No => {}
        }
    }
    let missing = view.at.as_ref().is_some_and(|at| at.missing.is_some());
    if view.phase == Phase::Response && missing && ending.cause == Cause::Unknown {
        ending.cause = Cause::Truncated;
    }
    (Verdict::PrematureHangup, view.exact)
}

enum HalfClose {
    /// The client stopped sending, and was answered in full.
    Served,
    /// It stopped sending and kept reading; what came of it was not seen.
    Open,
    No,
}

fn half_close(facts: &Facts, ending: Ending, view: &View) -> HalfClose {
    let reset = facts.resets.iter().next().is_some();
    let failed = reset || facts.last.is_some_and(|last| last.err != 0);
    if ending.local && facts.first.is_closed_whole() {
        return HalfClose::No;
    }
    let answered = match &view.after {
        Some(after) => after.phase == Phase::Idle,
        // Without the messages: the server wrote after the FIN and nobody objected.
        None if view.basis != Basis::Http => match (facts.last, facts.role) {
            (Some(last), Role::Server) => {
                facts.first.new_state == CLOSE_WAIT && last.write_seq != facts.first.write_seq
            }
            (Some(last), Role::Client) => last.payload_received() > facts.first.payload_received(),
            _ => false,
        },
        None => false,
    };
    match (answered && !failed, ending.local) {
        (true, _) => HalfClose::Served,
        (false, true) if !failed => HalfClose::Open,
        (false, _) => HalfClose::No,
    }
}

fn view(facts: &Facts, ending: Ending) -> View {
    if ending.connecting {
        return View {
            phase: Phase::Connecting,
            in_flight: Some(0),
            requests: Some(0),
            exact: true,
            ..blank(Basis::Turns)
        };
    }
    match &facts.exchange {
        Some(exchange) => {
            let written = |step: &Transition| Written { write_seq: step.write_seq };
            let at = http::read(exchange, written(&facts.first));
            let after = facts.exchange_after.as_ref().zip(facts.last.as_ref());
            let after = after.map(|(exchange, last)| http::read(exchange, written(last)));
            from_standing(at, after)
        }
        None => from_turns(facts, ending),
    }
}

fn blank(basis: Basis) -> View {
    View {
        phase: Phase::Unknown,
        in_flight: None,
        requests: None,
        basis,
        exact: false,
        announced: false,
        reused: false,
        request_bytes: 0,
        request_start_jiffies: None,
        idle_since: None,
        goodbye: false,
        at: None,
        after: None,
    }
}

fn from_standing(at: Standing, after: Option<Standing>) -> View {
    View {
        phase: at.phase,
        in_flight: at.in_flight,
        requests: at.requests.zip(at.in_flight).map(|(begun, open)| begun.saturating_sub(open)),
        exact: at.exact,
        announced: at.announced,
        reused: at.reused,
        request_bytes: at.request_bytes,
        request_start_jiffies: at.request_start,
        idle_since: at.response_end,
        after,
        ..blank(if at.encrypted { Basis::Inferred } else { Basis::Http })
    }
    .with(at)
}

impl View {
    fn with(mut self, at: Standing) -> Self {
        self.at = Some(at);
        self
    }
}

/// Who spoke last, from the socket's own fields.
fn from_turns(facts: &Facts, ending: Ending) -> View {
    let first = &facts.first;
    let (sent, received) = (first.payload_sent(), first.payload_received());
    if sent == 0 && received == 0 {
        return View {
            phase: Phase::Unused,
            in_flight: Some(0),
            requests: Some(0),
            exact: true,
            ..blank(Basis::Turns)
        };
    }
    let mut view = blank(Basis::Turns);
    let since_sent = first.ticks_since(first.lsndtime);
    let since_received = first.ticks_since(first.lrcvtime);
    let we_spoke_last = we_spoke_last(first, since_sent, since_received);
    let asked_last = match facts.role {
        Role::Server => first.unread() > 0 || (!we_spoke_last && received > 0),
        Role::Client => we_spoke_last && sent > 0,
        Role::Unknown => return view,
    };
    let newest = if we_spoke_last { since_sent } else { since_received };
    let unread_request = facts.role == Role::Server && first.unread() > 0;
    view.goodbye = we_spoke_last == ending.local && newest <= TOGETHER_TICKS && !unread_request;
    view.phase = if asked_last { Phase::Waiting } else { Phase::Idle };
    view.in_flight = Some(u32::from(asked_last));
    view.reused = sent > 0 && received > 0;
    let asker = if facts.role == Role::Server { first.lrcvtime } else { first.lsndtime };
    view.request_start_jiffies = asked_last.then_some(asker);
    view.request_bytes = if facts.role == Role::Server { first.unread() } else { first.unacked() };
    let answered = if we_spoke_last { first.lsndtime } else { first.lrcvtime };
    view.idle_since = (!view.goodbye).then_some(answered);
    view
}

/// Exact for a local FIN or RST and for a received RST: `snd_wl1` equals `rcv_nxt` when the peer's
/// last segment acknowledged data of ours. A received FIN has overwritten it; then the times of the
/// last payload decide, and within one tick what has been acknowledged: right in 99 % of ties where
/// messages fit a segment, in 64 % where not (measured on 6.18).
fn we_spoke_last(first: &Transition, since_sent: u32, since_received: u32) -> bool {
    let before_fin = first.rcv_nxt.wrapping_sub(u32::from(first.is_fin_received()));
    if first.unacked() > 0 {
        return true;
    }
    if first.new_state != CLOSE_WAIT {
        return first.snd_wl1 == before_fin;
    }
    match since_sent.cmp(&since_received) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => first.payload_sent() > 0 && first.rcv_wup == before_fin && first.pingpong != 0,
    }
}

fn idle_seconds(facts: &Facts, view: &View) -> Option<f64> {
    if view.phase != Phase::Idle {
        return None;
    }
    Some(f64::from(facts.first.ticks_since(view.idle_since?)) * facts.tick)
}

/// Clock Q. The HTTP tier knows retransmissions for what they are; the socket's own time of last
/// sending is moved by them (`tcp_event_data_sent`, net/ipv4/tcp_output.c, v6.12).
fn silent_seconds(facts: &Facts) -> Option<f64> {
    let first = &facts.first;
    let newest = match &facts.exchange {
        Some(exchange) if exchange.protocol == HTTP => exchange
            .streams
            .iter()
            .filter(|stream| stream.end_seq != stream.start_seq || stream.messages > 0)
            .map(|stream| first.ticks_since(stream.last))
            .min()?,
        _ => {
            let sent = (first.payload_sent() > 0).then(|| first.ticks_since(first.lsndtime));
            let received = (first.payload_received() > 0).then(|| first.ticks_since(first.lrcvtime));
            if first.total_retrans > 0 && sent < received {
                return None;
            }
            match (sent, received) {
                (Some(sent), Some(received)) => sent.min(received),
                (one, other) => one.or(other)?,
            }
        }
    };
    Some(f64::from(newest) * facts.tick)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
