//! This end gives up on a peer of which nothing is heard: its own timeout is shorter than the kernel's.
//!
//! A peer's kernel acknowledges what comes, whatever its process does. So bytes that several retransmissions did not get
//! acknowledged never came across, or nothing comes back: whoever closes then, it was the path that had failed before.

use whohungup_ebpf::exchange::{HTTP, OUT};

use super::{
    ending::Ending,
    facts::{Facts, Reading as _},
    middlebox::{Found, MIN_SILENCE_SECONDS, is_doubtful_reset, woken},
    unsent::Unsent,
};
use crate::http::is_read;
use crate::labels::{Cause, CloseType, Role};

/// Retransmission timeouts in a row, each twice as long as the one before it: the last but one had time to be answered.
const SEVERAL: u8 = 2;
/// So many in a row, each after twice the time, are no chance any more.
const PROOF: u8 = 3;
/// Two such timeouts take at least this long (TCP_RTO_MIN, include/net/tcp.h, v6.1 to v6.18: 200 ms).
const DEAF_SECONDS: f64 = 0.5;

pub(super) fn find(facts: &Facts, ending: Ending) -> Option<Found> {
    if let Some(found) = kept_here(facts, ending) {
        return Some(found);
    }
    let first = &facts.first;
    let deaf = f64::from(first.ticks_since(first.heard_at())) * facts.tick;
    let is_deaf = first.unacked() > 0 && first.retransmits >= SEVERAL && deaf >= DEAF_SECONDS;
    // A process that was told to go, or whose listener's queue was full, proves nothing of the path.
    if !is_deaf || first.signal().is_some() || !first.is_heard(facts.role) {
        return None;
    }
    let how = if ending.close_type == CloseType::Rst { "reset" } else { "closed" };
    let so_far = format!(
        "{} bytes unacknowledged after {} retransmissions, and nothing heard for {deaf:.1} s, when this end {how} it",
        first.unacked(),
        first.retransmits
    );
    let Some(woken) = woken(facts).filter(|woken| woken.is_unacknowledged) else {
        let (cause, exact) = (Cause::RetransmitTimeout, first.retransmits >= PROOF);
        return Some(Found { cause, exact, silence: None, evidence: so_far });
    };
    let others =
        if facts.peer_reachable { ", while a newer connection to the same address was made" } else { "" };
    Some(Found {
        cause: Cause::FlowForgotten,
        exact: false,
        silence: Some(woken.silence),
        evidence: format!(
            "the first packet after {:.1} s of silence was never acknowledged{others}: {so_far}",
            woken.silence
        ),
    })
}

/// Nothing was on its way, the peer had read all that it was sent, and what was written then did not leave this host.
pub(super) fn kept_here(facts: &Facts, ending: Ending) -> Option<Found> {
    let unsent = Unsent::of(facts, ending).filter(|_| is_at_rest(facts))?;
    let first = &facts.first;
    let waited = f64::from(first.ticks_since(unsent.since)) * facts.tick;
    if waited < DEAF_SECONDS || first.signal().is_some() {
        return None;
    }
    let before = unsent.since.wrapping_sub(first.heard_at());
    let silence = if before > u32::MAX / 2 { 0.0 } else { f64::from(before) * facts.tick };
    let is_woken = silence >= MIN_SILENCE_SECONDS;
    let words = if is_woken { format!(", after {silence:.1} s of silence") } else { String::new() };
    Some(Found {
        cause: if is_woken { Cause::FlowForgotten } else { Cause::RetransmitTimeout },
        exact: false,
        silence: is_woken.then_some(silence),
        evidence: format!(
            "{} bytes that were written {waited:.1} s before{words} did not leave this host: a filter on it drops them, or \
             the peer has no room for them",
            unsent.bytes
        ),
    })
}

/// The client has been answered: its server has read what it was sent, and has room for more.
fn is_at_rest(facts: &Facts) -> bool {
    if let Some(exchange) = facts.exchange.as_deref().filter(|exchange| is_read(exchange)) {
        let is_answered = exchange.begun == exchange.answered;
        return exchange.protocol == HTTP && exchange.request_direction == OUT && is_answered;
    }
    // The newest that came is payload, and no mere acknowledgment.
    let first = &facts.first;
    facts.role == Role::Client && first.payload_received() > 0 && first.lrcvtime == first.heard_at()
}

/// Why it may have been the path, where nothing proves that.
pub(super) fn doubt(facts: &Facts, ending: Ending) -> Option<String> {
    let first = &facts.first;
    if ending.local && first.unacked() > 0 && first.retransmits > 0 {
        let (open, times) = (first.unacked(), first.retransmits);
        return Some(format!(
            "{open} bytes unacknowledged after {times} retransmissions: the path may have lost them"
        ));
    }
    is_doubtful_reset(facts, ending).then(|| {
        "the reset acknowledges nothing: the peer had closed behind bytes that could not leave, or something in between \
         sent it"
            .to_owned()
    })
}

#[cfg(test)]
mod tests;
