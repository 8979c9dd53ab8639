//! A request that the client's process wrote and that had not left when the connection ended: no probe has seen it.
//!
//! It waits for a cork or for Nagle's algorithm (RFC 9293 section 3.7.4), and leaves with the FIN. Or this host itself drops
//! it: then the kernel does not count it as sent (`tcp_write_xmit`, net/ipv4/tcp_output.c, v6.1 to v6.18).

use super::{
    ending::{Ending, is_fin_stuck},
    facts::{Facts, Reading as _},
};
use crate::http::ExchangeState;
use crate::labels::{CloseType, Phase, Role};

/// What was written and has not left, though nothing before it is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsent {
    pub bytes: u32,
    /// Jiffies since when it waits.
    pub since: u32,
}

impl Unsent {
    /// `None` also where what was sent before is still on its way: that holds back what follows.
    pub(super) fn of(facts: &Facts, ending: Ending) -> Option<Self> {
        let first = &facts.first;
        let ahead =
            first.write_seq.wrapping_sub(first.snd_nxt).wrapping_sub(u32::from(first.is_fin_counted()));
        let is_ours = ending.local || is_fin_stuck(facts) || ending.close_type == CloseType::Timeout;
        let is_first = first.snd_nxt == first.snd_una && (1..u32::MAX / 2).contains(&ahead);
        (is_ours && is_first).then_some(Self { bytes: ahead, since: first.chrono_start })
    }
}

/// `at`, with a request that has not left in flight. `after` is what became of it.
pub(super) fn with_unsent(
    at: ExchangeState,
    after: Option<&ExchangeState>,
    facts: &Facts,
    ending: Ending,
) -> ExchangeState {
    let is_at_rest = matches!(at.phase, Phase::Idle | Phase::Unused) && at.answered_early.is_none();
    // What HTTP/2 and TLS write last is no request: GOAWAY, an alert.
    if facts.role != Role::Client || !is_at_rest || at.encrypted || at.http2 {
        return at;
    }
    let Some(unsent) = Unsent::of(facts, ending) else { return at };
    let has_left = after.is_some_and(|after| after.begun == at.begun + 1);
    ExchangeState {
        phase: Phase::Waiting,
        in_flight: Some(1),
        begun: at.begun + 1,
        // Its first byte is the next that leaves.
        request_start: Some(unsent.since),
        request_seq: Some(facts.first.snd_nxt),
        request_bytes: Some(unsent.bytes),
        reused: at.answered.is_none_or(|answered| answered > 0),
        exact: at.exact && has_left,
        ..at
    }
}

#[cfg(test)]
mod tests;
