//! What something between the two ends did: it reset the connection, or forgot it.
//!
//! Linux and every other stack that was looked at resets a connection of its own with RST and ACK
//! (`tcp_send_active_reset`, net/ipv4/tcp_output.c, v6.1 to v6.18); a segment that no socket knows is answered with a
//! bare RST (`tcp_v4_send_reset`, net/ipv4/tcp_ipv4.c; RFC 9293 section 3.10.7.1; `nf_reject_ip_tcphdr_put`,
//! net/ipv4/netfilter/nf_reject_ipv4.c). A bare RST without any FIN before it comes from whoever lost, or never had, the
//! connection's state.

use whohungup_ebpf::exchange::{Exchange, IN, OUT, Stream, state};

use super::{
    ending::Ending,
    facts::{CLOSE, ESTABLISHED, Facts, Reading as _, is_before},
};
use crate::labels::{Cause, CloseType};

// TCP flags, RFC 9293 section 3.1.
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Nothing forgets a flow that was silent for less; the shortest timeouts of NAT gateways are tens of seconds.
const MIN_SILENCE_SECONDS: f64 = 1.0;
/// A reset that comes later than this (and two round trips) after the newest message of ours began answers something else.
const ANSWER_SECONDS: f64 = 0.25;

/// What was found, with the words for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub cause: Cause,
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
    if ending.connecting || ending.local || facts.first.old_state != ESTABLISHED {
        return None;
    }
    match ending.close_type {
        CloseType::Rst if facts.first.new_state == CLOSE => reset(facts),
        CloseType::Timeout => black_hole(facts),
        _ => None,
    }
}

fn reset(facts: &Facts) -> Option<Found> {
    let received = Received::of(facts)?;
    if !has_answered(facts) {
        // A listener whose queue is full resets like that too (net.ipv4.tcp_abort_on_overflow).
        return None;
    }
    let hops = if received.is_from_elsewhere() {
        format!("; its hop limit was {}, that of the peer's data {}", received.ttl, received.peer_ttl)
    } else {
        String::new()
    };
    if received.acknowledges.is_some() {
        return received.is_from_elsewhere().then(|| Found {
            cause: Cause::MiddleboxReset,
            evidence: format!("the reset came another way than the peer's data{hops}"),
        });
    }
    let window = ANSWER_SECONDS.max(2.0 * facts.first.srtt_seconds());
    Some(match woken(facts).filter(|woken| woken.ago <= window) {
        Some(woken) => Found {
            cause: Cause::FlowForgotten,
            evidence: format!(
                "the first packet after {:.1} s of silence was answered by a reset that knows of no connection; no FIN ever came{hops}",
                woken.silence
            ),
        },
        None => Found {
            cause: Cause::MiddleboxReset,
            evidence: format!(
                "no socket sent the reset: it acknowledges nothing, and no FIN came before it{hops}"
            ),
        },
    })
}

/// The peer has sent something: it had a socket for the connection.
fn has_answered(facts: &Facts) -> bool {
    facts.exchange.as_ref().is_some_and(|exchange| exchange.streams[usize::from(IN)].state != state::NEW)
}

/// Retransmitted into nothing after a silence, while others get through to the same place.
fn black_hole(facts: &Facts) -> Option<Found> {
    let woken = woken(facts)?;
    (woken.is_unacknowledged && facts.peer_reachable).then(|| Found {
        cause: Cause::FlowForgotten,
        evidence: format!(
            "the first packet after {:.1} s of silence was never acknowledged, while a newer connection to the same address was made",
            woken.silence
        ),
    })
}

/// This end broke a long silence.
#[derive(Clone, Copy, Debug)]
struct Woken {
    /// Seconds without a byte either way before it.
    silence: f64,
    /// Seconds since.
    ago: f64,
    is_unacknowledged: bool,
}

fn woken(facts: &Facts) -> Option<Woken> {
    let exchange: &Exchange = facts.exchange.as_deref()?;
    let stream = |direction: u8| -> Option<&Stream> {
        let stream = &exchange.streams[usize::from(direction)];
        (stream.state != state::NEW).then_some(stream)
    };
    let (spoke, heard) = (stream(OUT)?, stream(IN)?);
    let before = spoke.started.wrapping_sub(heard.last);
    if before > u32::MAX / 2 {
        return None;
    }
    let silence = f64::from(before) * facts.tick;
    (silence >= MIN_SILENCE_SECONDS).then(|| Woken {
        silence,
        ago: f64::from(facts.first.ticks_since(spoke.started)) * facts.tick,
        is_unacknowledged: !is_before(spoke.start_seq, facts.first.snd_una),
    })
}

/// When this end broke a silence for the last time before the connection was given up, CLOCK_MONOTONIC ns; `None` when it
/// did not.
pub fn woken_at(facts: &Facts) -> Option<u64> {
    let ago = woken(facts)?.ago;
    Some(facts.first.header.ktime_ns.saturating_sub((ago * 1e9) as u64))
}

#[cfg(test)]
mod tests;
