//! What something between the two ends did: it reset the connection, or forgot it, or lets nothing through.
//!
//! Linux and every other stack that was looked at resets a connection of its own with RST and ACK
//! (`tcp_send_active_reset`, net/ipv4/tcp_output.c, v6.1 to v6.18); a segment that no socket knows is answered with a
//! bare RST (`tcp_v4_send_reset`, net/ipv4/tcp_ipv4.c; RFC 9293 section 3.10.7.1; `nf_reject_ip_tcphdr_put`,
//! net/ipv4/netfilter/nf_reject_ipv4.c). A bare RST without any FIN before it comes from whoever lost, or never had, the
//! connection's state, or from a socket whose process has closed it while its FIN waits behind bytes that could not leave
//! (`tcp_rcv_state_process`, net/ipv4/tcp_input.c: data after close).

use whohungup_ebpf::exchange::{Exchange, IN, OUT, Stream, state};

use super::{
    ending::{Ending, is_fin_stuck},
    facts::{CLOSE, ESTABLISHED, Facts, Reading as _, is_before},
    unheard,
};
use crate::http::is_read;
use crate::labels::{Cause, CloseType};

// TCP flags, RFC 9293 section 3.1.
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Nothing forgets a flow that was silent for less; the shortest timeouts of NAT gateways are tens of seconds.
pub(super) const MIN_SILENCE_SECONDS: f64 = 1.0;
/// A reset that comes later than this (and two round trips) after the newest message of ours began answers something else.
const ANSWER_SECONDS: f64 = 0.25;

/// What was found, with the words for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub cause: Cause,
    pub exact: bool,
    /// Seconds without a byte either way after which the path let nothing through any more.
    pub silence: Option<f64>,
    pub evidence: String,
}

/// The reset that ended the connection, as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// What it acknowledges; `None` for a bare one.
    pub acknowledges: Option<u32>,
    ttl: u8,
    peer_ttl: u8,
}

impl Received {
    /// `None` where no reset was seen come in, or another ended the connection.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let exchange = facts.exchange.as_deref()?;
        let at_once = facts.first.header.jiffies.wrapping_sub(exchange.reset_at) <= 1;
        (exchange.reset_flags & RST != 0 && at_once).then_some(Self {
            acknowledges: (exchange.reset_flags & ACK != 0).then_some(exchange.reset_ack),
            ttl: exchange.reset_ttl,
            peer_ttl: exchange.peer_ttl,
        })
    }

    /// It travelled another way than what the peer sends.
    fn is_from_elsewhere(self) -> bool {
        self.peer_ttl != 0 && self.ttl != self.peer_ttl
    }
}

pub(super) fn find(facts: &Facts, ending: Ending) -> Option<Found> {
    if ending.connecting || facts.first.old_state != ESTABLISHED {
        return None;
    }
    match ending.close_type {
        // What happened before this end closed is known by what it saw then, also where its FIN never left.
        CloseType::Fin | CloseType::Rst if ending.local || is_fin_stuck(facts) => {
            unheard::find(facts, ending)
        }
        CloseType::Rst if facts.first.new_state == CLOSE => reset(facts),
        CloseType::Timeout => unheard::kept_here(facts, ending).or_else(|| black_hole(facts)),
        _ => None,
    }
}

/// The reset that came may be a process's that had closed, or of something in between: it proves neither.
pub(super) fn is_doubtful_reset(facts: &Facts, ending: Ending) -> bool {
    ending.close_type == CloseType::Rst && !ending.local && may_be_an_orphans(facts) && is_bare_reset(facts)
}

/// The reset that came acknowledges nothing.
pub(super) fn is_bare_reset(facts: &Facts) -> bool {
    Received::of(facts).is_some_and(|received| received.acknowledges.is_none())
}

fn reset(facts: &Facts) -> Option<Found> {
    let received = Received::of(facts)?;
    if !facts.first.is_heard(facts.role) {
        // A listener whose queue is full resets like that too (net.ipv4.tcp_abort_on_overflow).
        return None;
    }
    let hops = if received.is_from_elsewhere() {
        format!("; its hop limit was {}, that of the peer's data {}", received.ttl, received.peer_ttl)
    } else {
        String::new()
    };
    let found = |cause, silence, evidence| Some(Found { cause, exact: false, silence, evidence });
    if received.acknowledges.is_some() {
        let words = format!("the reset came another way than the peer's data{hops}");
        return received.is_from_elsewhere().then(|| found(Cause::MiddleboxReset, None, words)).flatten();
    }
    if may_be_an_orphans(facts) && !received.is_from_elsewhere() {
        return None;
    }
    let window = ANSWER_SECONDS.max(2.0 * facts.first.srtt_seconds());
    match woken(facts).filter(|woken| woken.ago <= window) {
        Some(woken) => found(
            Cause::FlowForgotten,
            Some(woken.silence),
            format!(
                "the first packet after {:.1} s of silence was answered by a reset that knows of no connection; no FIN ever came{hops}",
                woken.silence
            ),
        ),
        None => found(
            Cause::MiddleboxReset,
            None,
            format!("no socket sent the reset: it acknowledges nothing, and no FIN came before it{hops}"),
        ),
    }
}

/// The peer was in the midst of a message, had sent something a moment ago, or what lies unread here: its process may have closed the socket
/// while the rest, and the FIN behind it, waited for room.
fn may_be_an_orphans(facts: &Facts) -> bool {
    let is_whole = |stream: &Stream| match stream.state {
        state::NEW | state::BETWEEN => true,
        state::FRAME | state::RECORD => stream.skip == 0,
        _ => false,
    };
    let read = facts.exchange.as_deref().filter(|exchange| is_read(exchange));
    // What came a moment ago had just passed everything in between: the answer to it met whoever sent it.
    let is_there = facts.first.unacked() > 0 && facts.first.ticks_since(facts.first.lrcvtime) <= 1;
    facts.first.unread() > 0
        || (is_there && facts.first.payload_received() > 0)
        || read.is_some_and(|exchange| !is_whole(&exchange.streams[usize::from(IN)]))
}

/// Retransmitted into nothing after a silence, while others get through to the same place.
fn black_hole(facts: &Facts) -> Option<Found> {
    let woken = woken(facts)?;
    (woken.is_unacknowledged && facts.peer_reachable).then(|| Found {
        cause: Cause::FlowForgotten,
        exact: false,
        silence: Some(woken.silence),
        evidence: format!(
            "the first packet after {:.1} s of silence was never acknowledged, while a newer connection to the same address was made",
            woken.silence
        ),
    })
}

/// This end broke a long silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Woken {
    /// Seconds without a byte either way before it.
    pub silence: f64,
    /// Seconds since.
    pub ago: f64,
    pub is_unacknowledged: bool,
}

pub(super) fn woken(facts: &Facts) -> Option<Woken> {
    let (spoke, heard, is_unacknowledged) =
        match facts.exchange.as_deref().filter(|exchange| is_read(exchange)) {
            Some(exchange) => from_messages(exchange, facts)?,
            None => from_socket(facts)?,
        };
    let before = spoke.wrapping_sub(heard);
    if before > u32::MAX / 2 {
        return None;
    }
    let silence = f64::from(before) * facts.tick;
    let ago = f64::from(facts.first.ticks_since(spoke)) * facts.tick;
    (silence >= MIN_SILENCE_SECONDS).then_some(Woken { silence, ago, is_unacknowledged })
}

/// When this end's newest message began, and the peer was last heard before it.
fn from_messages(exchange: &Exchange, facts: &Facts) -> Option<(u32, u32, bool)> {
    let stream = |direction: u8| -> Option<&Stream> {
        let stream = &exchange.streams[usize::from(direction)];
        (stream.state != state::NEW).then_some(stream)
    };
    let (spoke, heard) = (stream(OUT)?, stream(IN)?);
    // The answer to a keepalive probe keeps the path alive as well as payload does.
    let at = facts.first.heard_at();
    let last = if is_before(heard.last, at) && is_before(at, spoke.started) { at } else { heard.last };
    Some((spoke.started, last, !is_before(spoke.start_seq, facts.first.snd_una)))
}

/// The same of bytes that nothing reads. What was sent before has been acknowledged, which is as good a sign of the path
/// as an answer.
fn from_socket(facts: &Facts) -> Option<(u32, u32, bool)> {
    let first = &facts.first;
    let spoke = first.waiting_since().filter(|_| first.is_heard(facts.role))?;
    Some((spoke, first.heard_at(), !is_before(spoke, first.heard_at())))
}

/// When this end broke a silence for the last time before the connection was given up, CLOCK_MONOTONIC ns; `None` when it
/// did not.
pub fn woken_at(facts: &Facts) -> Option<u64> {
    let ago = woken(facts)?.ago;
    Some(facts.first.header.ktime_ns.saturating_sub((ago * 1e9) as u64))
}

#[cfg(test)]
mod tests;
