//! When a close is settled: nothing that could change its verdict is to be expected any more.

use std::collections::BTreeMap;

use whohungup_ebpf::event::Transition;

use super::entry::Pending;
use crate::{
    close::facts::{CLOSE, CLOSE_WAIT, FIN_WAIT1, LAST_ACK, Reading as _},
    labels::Role,
};

const MS: u64 = 1_000_000;
/// Records of one instant come within this.
pub(super) const GRACE_NS: u64 = 20 * MS;
/// A request that crosses a close, or is written by a pool that does not look, mostly comes within this.
const LATE_NS: u64 = 1_000 * MS;
/// After our own answering FIN the peer's reset may still come, one round trip later.
const ANSWERED_NS: u64 = 50 * MS;
const MAX_ROUND_TRIPS_NS: u64 = 2_000 * MS;
/// A pool that leaves a closed connection lying is reported after this; later changes amend it.
const ABANDONED_NS: u64 = 5_000 * MS;
/// A half-close whose end was never reported.
const HALF_CLOSED_NS: u64 = 60_000 * MS;
/// What takes longer waits for a step of a socket that lives on.
pub(super) const LONGEST_NS: u64 = HALF_CLOSED_NS + MAX_ROUND_TRIPS_NS;

/// Deadlines within 2^20 ns (about a millisecond) share a slot: adding one costs next to nothing, where a
/// heap would compare its way through tens of thousands.
const SLOT_BITS: u32 = 20;

/// When `pending` settles as things stand, CLOCK_MONOTONIC ns.
pub(super) fn due(pending: &Pending, role: Role) -> u64 {
    let first = &pending.facts().first;
    let newest = pending.facts().last.as_ref().unwrap_or(first);
    let (began, now) = (first.header.ktime_ns, newest.header.ktime_ns);
    let ended = newest.new_state == CLOSE;
    match first.new_state {
        // Its FIN waits behind what the peer has not taken: it may never leave.
        FIN_WAIT1 if !ended && first.send_blocked != 0 => began + HALF_CLOSED_NS,
        // Nobody sends requests to a client: only the peer's own FIN may have crossed ours.
        FIN_WAIT1 if role == Role::Client && first.is_closed_whole() => now + round_trips(newest),
        CLOSE if first.err == 0 && role == Role::Client => now + GRACE_NS,
        // Reset by this end: the peer may have been sending.
        CLOSE if first.err == 0 => began + LATE_NS,
        CLOSE => began + GRACE_NS,
        FIN_WAIT1 if ended && newest.err != 0 => now + GRACE_NS,
        FIN_WAIT1 if first.is_closed_whole() => {
            let late = (began + LATE_NS).max(now + GRACE_NS);
            // Its FIN takes as long as anything to come here.
            let known = pending.peer_said_all_ns.map(|said_all| said_all.max(now) + round_trips(newest));
            known.map_or(late, |known| late.min(known))
        }
        FIN_WAIT1 if !ended => began + HALF_CLOSED_NS,
        // A client that only stopped sending may read the rest as slowly as it likes.
        CLOSE_WAIT if newest.new_state == LAST_ACK && newest.send_blocked != 0 && role == Role::Server => {
            now + HALF_CLOSED_NS
        }
        CLOSE_WAIT if newest.new_state == LAST_ACK => now + round_trips(newest),
        CLOSE_WAIT if !ended => began + ABANDONED_NS,
        _ => now + GRACE_NS,
    }
}

/// Time for the peer to answer.
fn round_trips(step: &Transition) -> u64 {
    let some = (4.0 * step.srtt_seconds() * 1e9) as u64;
    some.clamp(ANSWERED_NS, MAX_ROUND_TRIPS_NS)
}

/// The peer had closed first, this process has closed too, and the peer's kernel had acknowledged all that it ever sent:
/// nothing of this end can come late any more. CLOCK_MONOTONIC ns of its close.
pub(super) fn said_all_ns(pending: &Pending) -> Option<u64> {
    let newest = pending.facts().last.as_ref()?;
    let has_ended = newest.new_state == LAST_ACK && newest.is_closed_whole();
    (has_ended && newest.unacked() == 0).then_some(newest.header.ktime_ns)
}

/// The socket may live on after [`due`]: only an idle close may be reported then.
pub(super) fn is_abandoned(pending: &Pending) -> bool {
    pending.facts().first.new_state == CLOSE_WAIT && pending.facts().last.is_none()
}

/// This end closed first: what comes for the connection may find a listener or no socket at all.
pub(super) fn leaves_an_orphan(pending: &Pending) -> bool {
    let first = &pending.facts().first;
    // Shut for sending, then closed: by now it is as if it had been closed at once.
    let ended = pending.facts().last.is_some_and(|last| last.new_state == CLOSE && last.err == 0);
    (first.new_state == FIN_WAIT1 && (first.is_closed_whole() || ended))
        || (first.new_state == CLOSE && first.err == 0)
}

/// Only the socket's own next step can settle it: nothing is due, or not for long.
pub(super) fn waits_for_the_socket(pending: &Pending) -> bool {
    let half_closed =
        pending.facts().first.new_state == FIN_WAIT1 && !pending.facts().first.is_closed_whole();
    pending.facts().last.is_none() && (half_closed || pending.facts().first.new_state == CLOSE_WAIT)
}

/// A request may still meet what this socket leaves behind.
pub(super) fn may_be_met_late(pending: &Pending) -> bool {
    is_abandoned(pending) || leaves_an_orphan(pending)
}

/// Cookies by the time at which they are due, CLOCK_MONOTONIC ns.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    slots: BTreeMap<u64, Vec<(u64, u64)>>,
}

impl Deadlines {
    pub(super) fn push(&mut self, due_ns: u64, cookie: u64) {
        self.slots.entry(due_ns >> SLOT_BITS).or_default().push((due_ns, cookie));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.values().map(Vec::len).sum()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes out what is due at `now_ns` of the oldest slot, as time and cookie; `None` when nothing is.
    pub(super) fn pop(&mut self, now_ns: u64) -> Option<Vec<(u64, u64)>> {
        let mut oldest = self.slots.first_entry()?;
        if *oldest.key() > now_ns >> SLOT_BITS {
            return None;
        }
        if oldest.get().iter().all(|&(due, _)| due <= now_ns) {
            return Some(oldest.remove());
        }
        let due: Vec<_> = oldest.get_mut().extract_if(.., |&mut (due, _)| due <= now_ns).collect();
        (!due.is_empty()).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(deadlines: &mut Deadlines, now: u64) -> Vec<u64> {
        let mut cookies = Vec::new();
        while let Some(slot) = deadlines.pop(now) {
            cookies.extend(slot.into_iter().map(|(_, cookie)| cookie));
        }
        cookies
    }

    #[test]
    fn nothing_comes_early_and_nothing_stays() {
        let mut deadlines = Deadlines::default();
        for cookie in 0..1000 {
            deadlines.push(cookie * 77_777, cookie);
        }
        let mut seen = Vec::new();
        for now in (0..80_000_000).step_by(500_000) {
            let cookies = due(&mut deadlines, now);
            assert!(cookies.iter().all(|cookie| cookie * 77_777 <= now));
            seen.extend(cookies);
            let expected = (now / 77_777 + 1).min(1000) as usize;
            assert_eq!(seen.len(), expected, "{now}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    }
}
