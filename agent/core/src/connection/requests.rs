//! Requests of one connection, counted as they go: what each report adds to what was counted before.

use whohungup_ebpf::{
    conversation,
    event::Progress,
    exchange::{HTTP, HTTP2, TLS},
    framing::LONG_GAP_TICKS,
};

use crate::{
    close::{RequestDelta, RequestTotals},
    identity::{Ends, Process},
    labels::{Basis, Protocol, Role},
    protocol::is_multiplexed,
    workload::Workload,
};

/// New requests on a connection that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Progressed {
    pub role: Role,
    pub ends: Ends,
    pub process: Option<Process>,
    pub workload: Option<Workload>,
    pub requests: RequestDelta,
}

/// What of a connection has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    begun: u32,
    answered: u32,
    reuses: u32,
    /// Ticks of the newest long gap, while its request waits; 0 for none.
    gap: u32,
}

impl Counted {
    /// What `seen` adds. `reported` says whether the connection was followed as its requests came, so that every long
    /// gap has been reported.
    pub(super) fn adds(self, seen: &RequestTotals, reported: bool, tick: f64) -> RequestDelta {
        let reused = added(self.reuses, seen.reuses);
        // Of several, the gap of the newest is known; a long one has always come by itself, unless it was lost.
        let newest_is_long = reused > 0 && seen.gap >= LONG_GAP_TICKS;
        let others = reused - u32::from(reused > 0);
        let known = if reported { others } else { 0 };
        RequestDelta {
            basis: seen.basis,
            begun: added(self.begun, seen.begun),
            answered: added(self.answered, seen.answered),
            unanswered: seen.unanswered,
            reused,
            short_gaps: known + u32::from(reused > 0 && !newest_is_long),
            long_gap: newest_is_long.then(|| f64::from(seen.gap) * tick),
            answered_gap: (self.gap > 0 && added(self.answered, seen.answered) > 0)
                .then(|| f64::from(self.gap) * tick),
        }
    }

    /// Counts `seen`. What is older than what was counted changes nothing.
    pub(super) fn note(&mut self, seen: &RequestTotals) {
        if added(self.reuses, seen.reuses) > 0 && seen.gap >= LONG_GAP_TICKS {
            self.gap = seen.gap;
        } else if added(self.answered, seen.answered) > 0 {
            self.gap = 0;
        }
        for (counted, seen) in [
            (&mut self.begun, seen.begun),
            (&mut self.answered, seen.answered),
            (&mut self.reuses, seen.reuses),
        ] {
            *counted = counted.wrapping_add(added(*counted, seen));
        }
    }
}

/// How many requests there are in `progress`; `None` when it tells of none. `protocol` is what is spoken where messages are
/// not followed: there each turn of the client's is a request, if any protocol is known.
pub(super) fn so_far(progress: &Progress, protocol: Option<Protocol>) -> Option<RequestTotals> {
    let is_counted = |spoken| spoken != Protocol::Other && !is_multiplexed(spoken);
    let basis = match u8::try_from(progress.protocol) {
        Ok(HTTP | HTTP2) => Basis::Http,
        Ok(TLS) => Basis::Inferred,
        _ if progress.protocol == conversation::PROGRESS && protocol.is_some_and(is_counted) => {
            Basis::Protocol
        }
        _ => return None,
    };
    Some(RequestTotals {
        basis,
        begun: progress.begun,
        answered: progress.answered,
        unanswered: 0,
        reuses: progress.reuses,
        gap: progress.gap,
    })
}

/// From one reading of a counter that wraps to the next; 0 when the other is the older one.
fn added(counted: u32, seen: u32) -> u32 {
    let ahead = seen.wrapping_sub(counted);
    if ahead > u32::MAX / 2 { 0 } else { ahead }
}
