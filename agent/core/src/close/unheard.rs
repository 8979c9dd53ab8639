//! This end gives up on a peer of which nothing is heard: its own timeout is shorter than the kernel's.
//!
//! A peer's kernel acknowledges what comes, whatever its process does. So bytes that several retransmissions did not get
//! acknowledged never came across, or nothing comes back: whoever closes then, it was the path that had failed before.

use super::{
    ending::Ending,
    facts::{Facts, Reading as _},
    middlebox::{Found, is_doubtful_reset, woken},
};
use crate::labels::{Cause, CloseType};

/// Retransmission timeouts in a row, each twice as long as the one before it: the last but one had time to be answered.
const SEVERAL: u8 = 2;
/// So many in a row, each after twice the time, are no chance any more.
const PROOF: u8 = 3;
/// Two such timeouts take at least this long (TCP_RTO_MIN, include/net/tcp.h, v6.1 to v6.18: 200 ms).
const DEAF_SECONDS: f64 = 0.5;

pub(super) fn find(facts: &Facts, ending: Ending) -> Option<Found> {
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
