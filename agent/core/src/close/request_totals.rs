//! What became of a connection's requests, as far as they were seen.

use super::{facts::Facts, phase::ExchangePhase};
use crate::http;
use crate::labels::{Basis, Phase};

/// Counted over the whole connection; the numbers wrap as the probes' do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTotals {
    /// [`Basis::Http`] where requests were read, [`Basis::Inferred`] and [`Basis::Protocol`] where they are turns.
    pub basis: Basis,
    pub begun: u32,
    pub answered: u32,
    /// Open when the connection ended. Not what begun and answered differ by: HTTP/2 streams that were given up and
    /// requests that made a tunnel are neither.
    pub unanswered: u32,
    /// Requests that came on an idle connection, after one that had been answered.
    pub reuses: u32,
    /// Ticks from the end of the last response to the newest of those.
    pub gap: u32,
}

/// What is new since the last count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestDelta {
    /// [`Basis::Inferred`]: turns of an encrypted connection; [`Basis::Protocol`]: of another protocol.
    pub basis: Basis,
    pub begun: u32,
    pub answered: u32,
    /// Open when the connection ended; 0 while it lives.
    pub unanswered: u32,
    /// Of the begun, those that came on an idle connection.
    pub reused: u32,
    /// Of the reuses, those after less than [`whohungup_ebpf::framing::LONG_GAP_TICKS`].
    pub short_gaps: u32,
    /// Seconds before a reuse after a longer one. Of the reuses, those that are in neither came when nobody was
    /// reported of their gaps.
    pub long_gap: Option<f64>,
    /// Seconds of an earlier long gap of which it is known by now that its request was answered.
    pub answered_gap: Option<f64>,
}

/// At the newest step that was seen; `None` when the messages were not followed.
pub(super) fn request_totals(facts: &Facts, view: &ExchangePhase) -> Option<RequestTotals> {
    let Some(at) = view.at.as_ref() else { return view.totals };
    let after = view.after.as_ref().zip(facts.exchange_after.as_deref());
    let after = after.filter(|(_, exchange)| http::is_read(exchange));
    let (standing, exchange) = after.or(Some(at).zip(facts.exchange.as_deref()))?;
    let answered = standing.answered.unwrap_or(exchange.answered);
    let open = if standing.phase == Phase::Unknown { None } else { standing.in_flight };
    Some(RequestTotals {
        basis: if standing.encrypted { Basis::Inferred } else { Basis::Http },
        begun: standing.begun,
        answered,
        // One that was answered before its body had come is open, and not unanswered.
        unanswered: open.unwrap_or(0).min(standing.begun.wrapping_sub(answered)),
        reuses: exchange.reuses,
        gap: exchange.gap,
    })
}

#[cfg(test)]
mod tests;
