//! Both ends of a connection on this host: they are joined before they are reported, so that they say the same, and the end
//! that knows a cause gives it to the other.

use std::net::SocketAddr;

use jiff::Timestamp;
use whohungup_ebpf::{
    event::Transition,
    exchange::{GOAWAY_IN, GOAWAY_OUT},
};

use super::{ending::identity, entry::Connection, pairs::Candidate, settle, tracker::Tracker};
use crate::{
    close::{ClosedConnection, Code, EvidenceDetail, Peer, facts, judge},
    identity::{Ends, Process},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Protocol, Race, Role, Verdict},
    workload::{CgroupNetns, Workloads},
};

/// A close waits for the other end's no longer than this.
const MOST_NS: u64 = 1_200_000_000;
/// Sequence numbers of both ends lie no further apart than a window.
const WINDOW: u32 = 1 << 24;
/// Where the addresses do not say that it is the same connection, they say so: two others are as near once in 4 million.
const NAT_WINDOW: u32 = 1 << 20;

/// What the other end of a connection knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherEnd {
    role: Role,
    /// Its first step was its own.
    began: bool,
    /// It says that it was first on the wire.
    is_closer: bool,
    /// CLOCK_MONOTONIC ns of its first step.
    at_ns: u64,
    closer: Closer,
    close_type: CloseType,
    verdict: Verdict,
    cause: Cause,
    race: Option<Race>,
    phase: Phase,
    in_flight: Option<u32>,
    basis: Basis,
    protocol: Option<Protocol>,
    exact: bool,
    pub(super) identity: OtherIdentity,
}

/// Who the other end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherIdentity {
    process: Option<Process>,
    cgroup_netns: CgroupNetns,
    local: SocketAddr,
}

impl OtherIdentity {
    /// As the end sees it that calls it `remote`.
    pub(super) fn known(self, remote: SocketAddr, workloads: &Workloads) -> Peer {
        let address = Some(self.local).filter(|&own| own != remote);
        Peer { process: self.process, workload: workloads.of(self.cgroup_netns).cloned(), address }
    }
}

impl OtherEnd {
    pub(super) fn of(close: &ClosedConnection, connection: &Connection, first: &Transition) -> Self {
        Self {
            role: close.role,
            began: is_own_end(first),
            is_closer: is_closer(close),
            at_ns: close.at_ns,
            closer: close.closer,
            close_type: close.close_type,
            verdict: close.verdict,
            cause: close.cause,
            protocol: close.protocol,
            race: close.race,
            phase: close.phase,
            in_flight: close.in_flight,
            basis: close.basis,
            exact: close.confidence == Confidence::Exact,
            identity: OtherIdentity {
                process: close.process,
                cgroup_netns: connection.cgroup_netns(),
                local: close.ends.local,
            },
        }
    }

    /// How much its word is worth.
    fn rank(&self) -> (bool, bool, bool) {
        (self.exact, self.basis == Basis::Http, self.is_closer)
    }

    /// It says that a request was lost to an idle close.
    pub(super) fn is_race(&self) -> bool {
        self.verdict == Verdict::IdleRace
    }
}

/// The first step was this end's own.
fn is_own_end(first: &Transition) -> bool {
    first.new_state == facts::FIN_WAIT1 || (first.new_state == facts::CLOSE && first.err == 0)
}

/// Both sockets are of one connection, and not of two with the same addresses in different places.
fn is_one_connection(one: &Transition, other: &Transition, window: u32) -> bool {
    let near = |sent: u32, received: u32| {
        let apart = received.wrapping_sub(sent) as i32;
        apart.unsigned_abs() < window
    };
    near(one.snd_nxt, other.rcv_nxt) && near(other.snd_nxt, one.rcv_nxt)
}

impl Tracker {
    /// A close has begun: whichever of the two ends is second finds the first, and returns its cookie.
    pub(super) fn find_other_end(&mut self, cookie: u64) -> Option<u64> {
        let connection = self.connections.get(&cookie)?;
        let (netns, role, ends) = (connection.netns, connection.role, Ends::new(&connection.endpoints));
        let found = {
            let mut candidates = self.pairs.other_ends(netns, role, ends);
            candidates.find(|candidate| self.is_other_end(connection, *candidate))
        };
        let Some(Candidate { cookie: other, is_behind_nat }) = found else {
            self.pairs.wait(netns, role, ends, cookie);
            return None;
        };
        let met = self.connections.get(&other).filter(|_| is_behind_nat);
        let (met_netns, met_ends) =
            met.map_or((netns, ends.turned()), |met| (met.netns, Ends::new(&met.endpoints)));
        self.pairs.met(met_netns, role.other(), met_ends);
        for (one, other) in [(cookie, other), (other, cookie)] {
            if let Some(pending) = self.connections.get_mut(&one).and_then(|one| one.pending.as_deref_mut()) {
                pending.other_cookie = Some(other);
            }
        }
        Some(other)
    }

    fn is_other_end(&self, connection: &Connection, candidate: Candidate) -> bool {
        let Some(other) = self.connections.get(&candidate.cookie) else { return false };
        let firsts = connection.facts().zip(other.facts());
        let window = if candidate.is_behind_nat { NAT_WINDOW } else { WINDOW };
        other.role != connection.role
            && firsts.is_some_and(|(one, other)| is_one_connection(&one.first, &other.first, window))
    }

    pub(super) fn has_ended(&mut self, cookie: u64, connection: &Connection) {
        if connection.pending.as_deref().is_some_and(|pending| pending.other_cookie.is_none()) {
            self.pairs.forget(connection.netns, connection.role, Ends::new(&connection.endpoints), cookie);
        }
    }

    /// The other end's cookie, while its close is pending too.
    fn other_end(&self, connection: &Connection) -> Option<u64> {
        let other = connection.pending.as_deref()?.other_cookie?;
        self.connections.contains_key(&other).then_some(other)
    }

    /// When the close of `cookie` is to be settled instead of now: the other end made it, and has yet to say why.
    pub(super) fn waits_for_other_end(&mut self, cookie: u64, now_ns: u64) -> Option<u64> {
        let connection = self.connections.get(&cookie)?;
        let pending = connection.pending.as_deref().filter(|pending| !pending.has_waited)?;
        let is_own = is_own_end(&pending.facts().first);
        if is_own && !self.is_ended_by_a_goaway(cookie, connection) {
            return None;
        }
        let other = self.connections.get(&self.other_end(connection)?)?.pending.as_deref()?;
        let due = other.due_ns.filter(|_| is_own || is_own_end(&other.facts().first))?;
        // Just behind it: it may be due by now, and be the next.
        let due = due.max(now_ns) + 1_000_000;
        (due <= now_ns + MOST_NS).then_some(due)
    }

    /// HTTP/2: this end sent the first FIN, and it only answered what the other end had said.
    fn is_ended_by_a_goaway(&self, cookie: u64, connection: &Connection) -> bool {
        let Some(pending) = connection.pending.as_deref() else { return false };
        let exchange = pending.facts().exchange.as_deref();
        let is_said = exchange.is_some_and(|exchange| exchange.flags & (GOAWAY_IN | GOAWAY_OUT) != 0);
        let Some(identity) = identity(cookie, connection, Timestamp::UNIX_EPOCH).filter(|_| is_said) else {
            return false;
        };
        let close = pending.judged(|facts| judge(facts, self.options).record(identity, EvidenceDetail::Off));
        close.closer == connection.role.other_end()
    }

    /// What the other end knows by now.
    pub(super) fn known_of_other_end(&self, connection: &Connection) -> Option<OtherEnd> {
        let settled = connection.pending.as_deref()?.other_end;
        settled.or_else(|| {
            let cookie = self.other_end(connection)?;
            let other = self.connections.get(&cookie)?;
            let pending = other.pending.as_deref()?;
            let identity = identity(cookie, other, Timestamp::UNIX_EPOCH)?;
            let close =
                pending.judged(|facts| judge(facts, self.options).record(identity, EvidenceDetail::Off));
            if settle::is_abandoned(pending) && close.phase.is_in_flight() {
                // What its process does next decides.
                return None;
            }
            Some(OtherEnd::of(close, other, &pending.facts().first))
        })
    }

    /// Leaves word at the other end, whose close is pending or was reported a moment ago.
    pub(super) fn tell_other_end(&mut self, connection: &Connection, close: &ClosedConnection) {
        let Some(first) = connection.facts().map(|facts| facts.first) else { return };
        let word = OtherEnd::of(close, connection, &first);
        if let Some(cookie) = self.other_end(connection) {
            let pending = self.connections.get_mut(&cookie).and_then(|other| other.pending.as_deref_mut());
            if let Some(pending) = pending {
                pending.other_end = Some(word);
            }
            return;
        }
        if !word.is_race() {
            return;
        }
        // Whom it has met may be in another namespace.
        let met = connection.pending.as_deref().and_then(|pending| pending.other_cookie);
        let reported = (connection.netns, Ends::new(&connection.endpoints).turned());
        let Some(cookie) = met.or_else(|| self.recent.cookie_at(reported)) else { return };
        let Some(pending) =
            self.recent.by_cookie(cookie).and_then(|known| known.connection.pending.as_deref_mut())
        else {
            return;
        };
        if is_one_connection(&first, &pending.facts().first, WINDOW) {
            pending.other_end = Some(word);
            self.amend(cookie);
        }
    }
}

/// Makes `close` agree with what the other end knows. True when something changed.
pub(super) fn join(close: &mut ClosedConnection, first: &Transition, other: &OtherEnd) -> bool {
    let before = (close.closer, close.verdict, close.cause, close.race, close.protocol);
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
    before != (close.closer, close.verdict, close.cause, close.race, close.protocol)
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

fn is_closer(close: &ClosedConnection) -> bool {
    close.closer == close.role.this_end() || close.closer == Closer::Both
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
