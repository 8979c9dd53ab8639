//! A client that stops sending and is answered all the same: whether it was served, and still there to read.

use whohungup_ebpf::event::{RESET_RECEIVED, Transition};

use super::{
    ending::Ending,
    facts::{CLOSE_WAIT, ECONNRESET, FIN_WAIT1, FIN_WAIT2, Facts, LAST_ACK, Reading as _},
    phase::ExchangePhase,
};
use crate::{
    http::ExchangeState,
    labels::{Basis, Phase, Role},
};

/// Whether the client had closed before the end of the answer was there, as far as the server's socket tells.
pub(super) enum Crossed {
    No,
    /// It took it in all the same.
    Taken,
    /// It hung up on its request, or had read all that it wanted.
    Refused,
}

pub(super) fn answer_crossed(facts: &Facts, ending: Ending) -> Crossed {
    // What its FIN acknowledges is taken in before the FIN (tcp_rcv_established, net/ipv4/tcp_input.c, v6.1 to v6.18).
    if ending.local || facts.first.new_state != CLOSE_WAIT || facts.first.unacked() == 0 {
        return Crossed::No;
    }
    if is_reset_after(facts) { Crossed::Refused } else { Crossed::Taken }
}

pub(super) fn is_reset_after(facts: &Facts) -> bool {
    facts.resets.iter().next().is_some() || facts.last.is_some_and(|last| last.err != 0)
}

pub(super) enum HalfClose {
    /// The client stopped sending, and was answered in full.
    Served,
    /// It stopped sending and kept reading; what came of it was not seen.
    Open,
    /// Its kernel took in the whole answer, and then answered our FIN with a reset: by then nobody wanted to read.
    Refused,
    No,
}

pub(super) fn half_close(facts: &Facts, ending: Ending, view: &ExchangePhase) -> HalfClose {
    let failed = is_reset_after(facts);
    // Who stops in the middle of its request has given it up, whatever the server says to that (Node: 400).
    let is_cut_short = matches!(view.phase, Phase::RequestHead | Phase::RequestBody);
    if is_cut_short || (ending.local && facts.first.is_closed_whole()) {
        return HalfClose::No;
    }
    let answered = match &view.after {
        Some(after) => after.phase == Phase::Idle || ends_with_the_servers_fin(facts, after),
        // Without the messages: the server wrote after the FIN and nobody objected.
        None if view.basis != Basis::Http => match (facts.last, facts.role) {
            (Some(last), Role::Server) => {
                facts.first.new_state == CLOSE_WAIT && last.written() != facts.first.write_seq
            }
            (Some(last), Role::Client) => last.payload_received() > facts.first.payload_received(),
            _ => false,
        },
        None => false,
    };
    match (answered && !failed, ending.local) {
        (true, _) => HalfClose::Served,
        (false, _) if answered && is_final_fin_reset(facts) => HalfClose::Refused,
        (false, true) if !failed && facts.last.is_none() => HalfClose::Open,
        (false, _) => HalfClose::No,
    }
}

/// A body without a length that went on after the client's FIN, up to the server's own.
fn ends_with_the_servers_fin(facts: &Facts, after: &ExchangeState) -> bool {
    let is_servers_fin = |last: &Transition| match facts.role {
        Role::Server => matches!((last.old_state, last.new_state), (_, LAST_ACK) | (LAST_ACK, _)),
        _ => last.is_fin_received(),
    };
    after.until_close
        && after.in_flight == Some(1)
        && facts.last.as_ref().is_some_and(|last| last.err == 0 && is_servers_fin(last) && !last.is_exiting())
}

/// Between two steps of one process's `close`, which may shut down sending first (Java, Rust's hyper), a FIN comes at times.
const ONE_CLOSE_NS: u64 = 20_000_000;
/// Of whose process no habit is known: who waited for less before it stopped sending did so because it had asked for all that
/// it wanted.
const GAVE_UP_SECONDS: f64 = 0.25;

/// What a process means when it shuts down sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosingHabit {
    /// The first step of its close.
    TwoSteps,
    /// It reads on.
    StopsSending,
}

/// What a client's close shows of how its process closes; `None` where a FIN of the server's came between two steps, or the
/// process ended.
pub(crate) fn closing_habit(facts: &Facts) -> Option<ClosingHabit> {
    let is_half = facts.first.new_state == FIN_WAIT1 && !facts.first.is_closed_whole();
    let last = facts.last.as_ref().filter(|_| is_half && facts.role == Role::Client)?;
    let is_soon = last.header.ktime_ns.saturating_sub(facts.first.header.ktime_ns) <= ONE_CLOSE_NS;
    let closed = !last.is_held() && !last.is_exiting() && last.err == 0 && !last.is_fin_received();
    match (is_soon, closed) {
        (true, true) => Some(ClosingHabit::TwoSteps),
        (false, _) if last.is_held() => Some(ClosingHabit::StopsSending),
        _ => None,
    }
}

/// The client stopped sending, with its request complete, and was still there when the server's FIN or reset came instead
/// of an answer, or of its rest: the server ended it.
pub(super) fn is_unserved(facts: &Facts, ending: Ending, view: &ExchangePhase) -> bool {
    if is_cut_by_the_server(facts, ending, view) {
        return true;
    }
    let is_half = ending.local && facts.role == Role::Client && !facts.first.is_closed_whole();
    let nothing_came =
        facts.last.is_some_and(|last| last.payload_received() == facts.first.payload_received());
    let is_unanswered = view.phase == Phase::Waiting
        && match &view.after {
            // Others before it may have been answered meanwhile.
            Some(after) => after.phase == Phase::Waiting,
            None => nothing_came,
        };
    let is_part = |state: &ExchangeState| state.phase == Phase::Response && state.missing.is_some();
    let is_cut = matches!(view.phase, Phase::Waiting | Phase::Response)
        && match &view.after {
            Some(after) => is_part(after),
            None => nothing_came && view.at.as_ref().is_some_and(is_part),
        };
    let end_came = facts.last.is_some_and(|last| {
        // Without a FIN it is this end's own process that has had enough.
        let is_peers = last.err == ECONNRESET || (last.err == 0 && last.is_fin_received());
        last.is_held() && is_peers && matches!(last.old_state, FIN_WAIT1 | FIN_WAIT2)
    });
    // The second step of its close may have come too late to be seen.
    let waited = || view.request_seconds(facts).is_none_or(|age| age >= GAVE_UP_SECONDS);
    let gave_up =
        is_at_once(facts) && facts.closing_habit.map_or_else(waited, |habit| habit == ClosingHabit::TwoSteps);
    is_half && (is_unanswered || is_cut) && end_came && !gave_up
}

/// The same at the server's end: it wrote after the client's FIN, which drew no reset, and closed before all was answered.
fn is_cut_by_the_server(facts: &Facts, ending: Ending, view: &ExchangePhase) -> bool {
    let Some(last) = &facts.last else { return false };
    let wrote = last.written() != facts.first.write_seq;
    let closed = last.err == 0 && (last.new_state == LAST_ACK || last.old_state == LAST_ACK);
    let is_cut = view.after.as_ref().is_some_and(|after| match after.phase {
        Phase::Waiting => true,
        Phase::Response => after.missing.is_some(),
        _ => false,
    });
    let asked = matches!(view.phase, Phase::Waiting | Phase::Response);
    !ending.local
        && facts.role == Role::Server
        && wrote
        && closed
        && asked
        && is_cut
        && !is_reset_after(facts)
}

/// The server's FIN came so soon behind the client's that the client may have been about to close.
pub(crate) fn is_at_once(facts: &Facts) -> bool {
    let is_soon = |last: &Transition| {
        let apart = last.header.ktime_ns.saturating_sub(facts.first.header.ktime_ns);
        last.is_held() && apart <= ONE_CLOSE_NS
    };
    let is_half = facts.first.new_state == FIN_WAIT1 && !facts.first.is_closed_whole();
    is_half && facts.role == Role::Client && facts.last.as_ref().is_some_and(is_soon)
}

/// The peer's FIN may have ended its sending only: it has refused nothing since.
pub(super) fn may_be_half(facts: &Facts, ending: Ending) -> bool {
    // A reset of its own says nothing of whether the client was still there.
    let by_peer =
        facts.resets.iter().any(|reset| reset.direction == RESET_RECEIVED || reset.has_segment == 1)
            || facts.last.is_some_and(|last| last.err != 0);
    !ending.local && facts.role == Role::Server && facts.last.is_some() && !by_peer
}

/// The peer reset the connection when nothing but our FIN was left to acknowledge.
pub(super) fn is_final_fin_reset(facts: &Facts) -> bool {
    let is_reset = |last: &Transition| last.old_state == LAST_ACK && last.err != 0 && last.unacked() <= 1;
    facts.resets.iter().next().is_none() && facts.last.as_ref().is_some_and(is_reset)
}
