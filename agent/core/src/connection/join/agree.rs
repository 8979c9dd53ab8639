//! Two ends of one connection say the same: what the one takes over from the other.

use whohungup_ebpf::event::Transition;

use super::{OtherEnd, is_closer, is_own_end};
use crate::{
    close::{ClosedConnection, Code},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Protocol, Race, Role, Verdict},
};

/// Makes `close` agree with what the other end knows. True when something changed.
pub(in crate::connection) fn join(
    close: &mut ClosedConnection,
    first: &Transition,
    other: &OtherEnd,
) -> bool {
    let before = (close.closer, close.verdict, close.cause, close.race, close.protocol, close.phase);
    agree_on_closer(close, first, other);
    agree_on_verdict(close, other);
    let is_closers = other.is_closer && !is_closer(close);
    // Words that did not pass this end's probe before its close.
    let has_heard = other.exact && other.basis == Basis::Protocol && other.verdict == close.verdict;
    if other.closer == close.closer
        && (is_closers || (has_heard && close.cause == Cause::Unknown))
        && knows_better(other.cause, close)
    {
        close.cause = other.cause;
    }
    agree_with_itself(close);
    close.code = Code(close.closer, close.phase);
    let is_known = |protocol: Option<Protocol>| protocol.is_some_and(|one| one != Protocol::Other);
    if !is_known(close.protocol) && is_known(other.protocol) {
        close.protocol = other.protocol;
    }
    before != (close.closer, close.verdict, close.cause, close.race, close.protocol, close.phase)
}

/// Who was first on the wire is one fact.
fn agree_on_closer(close: &mut ClosedConnection, first: &Transition, other: &OtherEnd) {
    if close.closer == other.closer || !is_end(close.closer) || !is_end(other.closer) {
        return;
    }
    let crossed = is_own_end(first) && other.began;
    // Neither had seen the other's FIN when it sent its own.
    let both_sent = crossed && close.close_type == CloseType::Fin && other.close_type == CloseType::Fin;
    if both_sent || close.closer == Closer::Both || other.closer == Closer::Both {
        (close.closer, close.close_type) = (Closer::Both, CloseType::Fin);
        if close.verdict == Verdict::ClientIdle {
            // A request would have lost to the server's.
            close.verdict = Verdict::ServerIdle;
        }
    } else if other.cause == Cause::HalfClose
        || (!crossed && other.exact && close.confidence != Confidence::Exact)
    {
        (close.closer, close.cause) = (other.closer, other.cause);
        if other.cause == Cause::HalfClose && is_comparable(close.verdict) {
            // The verdict was drawn from it.
            (close.verdict, close.race) = (other.verdict, other.race);
        }
    } else if crossed && other.at_ns < close.at_ns {
        (close.closer, close.close_type) = (other.closer, other.close_type);
    }
}

/// Of an idle close the verdict is only another word for the closer, and the two may have come from different ends.
fn agree_with_itself(close: &mut ClosedConnection) {
    let verdict = match (close.verdict, close.closer) {
        (Verdict::ClientIdle, Closer::Server | Closer::Both) => Verdict::ServerIdle,
        (Verdict::ServerIdle, Closer::Client) => Verdict::ClientIdle,
        _ => return,
    };
    (close.verdict, close.confidence) = (verdict, Confidence::Probable);
}

/// What a process did is seen at its own end only.
fn knows_better(cause: Cause, close: &ClosedConnection) -> bool {
    let is_seen = is_seen_at_its_end(cause) || cause == Cause::Shutdown;
    // Of an answer that came early the client has all, and what lay unread is the rest of its own request.
    let is_consequence = cause == Cause::UnreadData && close.cause == Cause::EarlyResponse;
    let is_derived = matches!(
        close.cause,
        Cause::Announced
            | Cause::EarlyResponse
            | Cause::Truncated
            | Cause::UnreadData
            | Cause::NotAccepted
            | Cause::H2Goaway
    );
    close.cause == Cause::Unknown || (is_seen && is_derived && !is_consequence)
}

const fn is_seen_at_its_end(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ProcessExit | Cause::ProcessKilled | Cause::OomKilled | Cause::UnreadData | Cause::LingerZero
    )
}

fn is_end(closer: Closer) -> bool {
    matches!(closer, Closer::Client | Closer::Server | Closer::Both)
}

/// A close that one end decided is not told otherwise by the other.
fn agree_on_verdict(close: &mut ClosedConnection, other: &OtherEnd) {
    let ends_agree = (close.verdict, close.race) == (other.verdict, other.race);
    // A bare reset looks like a device's until the end that sent it says why.
    let is_guess = close.verdict == Verdict::Network
        && close.confidence == Confidence::Probable
        && other.is_race()
        && other.exact;
    if is_guess {
        (close.closer, close.cause) = (other.closer, other.cause);
    }
    let comparable = (is_comparable(close.verdict) || is_guess) && is_comparable(other.verdict);
    if ends_agree && other.exact && other.basis == close.basis {
        close.confidence = Confidence::Exact;
    }
    // What had passed when the closer closed is its own to tell: more may have been under way.
    let is_open = close.phase.is_in_flight() && other.phase.is_in_flight();
    let is_closers = other.is_closer && !is_closer(close) && other.basis == close.basis;
    if ends_agree && close.verdict == Verdict::PrematureHangup && is_open && is_closers {
        (close.phase, close.in_flight) = (other.phase, other.in_flight);
    }
    if ends_agree || !comparable {
        return;
    }
    let exact = close.confidence == Confidence::Exact;
    // That nothing was open when the server closed does not deny what was sent to it afterwards.
    let is_late =
        other.verdict == Verdict::ServerIdle && matches!(close.race, Some(Race::Crossed | Race::Stale));
    let other_knows = match (close.verdict == Verdict::IdleRace, other.is_race()) {
        // Only the end that closed can tell what it had read; sequence numbers tell the rest at either end.
        (true, true) => other.exact && !exact || (other.exact == exact && !is_closer(close)),
        // Only the client's end knows whether it closed, or stopped sending.
        (false, true) if is_own_timer(other.race) && close.role == Role::Client => false,
        (true, false) if is_own_timer(close.race) && other.role == Role::Client => {
            other.verdict != Verdict::Unknown
        }
        (false, true) => other.exact || !exact || close.verdict == Verdict::ServerIdle,
        (true, false) => other.exact && !exact && !is_late,
        (false, false) => {
            let is_unknown = close.verdict == Verdict::Unknown;
            // Two FINs that crossed behind an answer: the client's was there to read it.
            let is_served = other.verdict == Verdict::Completed && close.verdict == Verdict::ServerIdle;
            other.verdict != Verdict::Unknown
                && (is_unknown
                    || (is_served && close.closer == Closer::Both)
                    || other.rank() > (exact, close.basis == Basis::Http, is_closer(close)))
        }
    };
    if !other_knows {
        return;
    }
    (close.verdict, close.race) = (other.verdict, other.race);
    // What a verdict was drawn from goes with it.
    let belongs_to_it =
        matches!(close.cause, Cause::Announced | Cause::EarlyResponse | Cause::HalfClose | Cause::Truncated)
            || (close.cause == Cause::UnreadData && other.cause == Cause::EarlyResponse);
    if close.closer == other.closer
        && (belongs_to_it || (other.cause != Cause::Unknown && !is_seen_at_its_end(close.cause)))
    {
        close.cause = other.cause;
    }
    if !other.is_race() {
        // Each end has its own view of where a race met the exchange.
        (close.phase, close.in_flight) = (other.phase, other.in_flight);
    }
    let same_basis = other.basis == close.basis;
    close.confidence = if other.exact && same_basis { Confidence::Exact } else { Confidence::Probable };
}

fn is_own_timer(race: Option<Race>) -> bool {
    race == Some(Race::OwnTimer)
}

/// What the two ends may disagree on.
fn is_comparable(verdict: Verdict) -> bool {
    match verdict {
        Verdict::ClientIdle
        | Verdict::ServerIdle
        | Verdict::IdleRace
        | Verdict::PrematureHangup
        | Verdict::Completed
        | Verdict::Unknown => true,
        Verdict::TunnelEnd | Verdict::Network | Verdict::ConnectFailed | Verdict::HostAbort => false,
    }
}
