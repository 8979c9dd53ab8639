//! When which connection is to be looked at again.

use std::collections::BTreeMap;

/// Deadlines within 2^20 ns (about a millisecond) share a slot: adding one costs next to nothing, where a
/// heap would compare its way through tens of thousands.
const SLOT_BITS: u32 = 20;

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
