//! Connects that are refused after a listener has ended: counted by the probes, read now and then.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use whohungup_bpf::Probes;
use whohungup_ebpf::event::FormerListener;

/// For how long they are counted.
const COUNTED: Duration = Duration::from_secs(65);
/// How often the counts are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// Listeners that ended a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    former: HashMap<FormerListener, Counting>,
    read: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Counting {
    until: Instant,
    count: u64,
}

impl Refusals {
    /// Counts connects to `listener` from now on. Beyond [`FormerListener::MOST`] at once none is counted.
    pub(crate) fn begin(&mut self, probes: &mut Probes, listener: FormerListener, now: Instant) {
        if self.former.len() < FormerListener::MOST && probes.count_refused(listener).is_ok() {
            self.former.insert(listener, Counting { until: now + COUNTED, count: 0 });
        }
    }

    /// The next call of [`Self::counted`] reads the counts, however short the last is ago.
    pub(crate) const fn read_at_once(&mut self) {
        self.read = None;
    }

    /// Counts that have risen since the last call.
    pub(crate) fn counted(&mut self, probes: &mut Probes, now: Instant) -> Vec<(FormerListener, u64)> {
        let is_early = self.read.is_some_and(|read| now.duration_since(read) < INTERVAL);
        if self.former.is_empty() || is_early {
            return Vec::new();
        }
        self.read = Some(now);
        let mut risen = Vec::new();
        self.former.retain(|&listener, counting| {
            let count = probes.refused(listener).unwrap_or(counting.count);
            if count > counting.count {
                counting.count = count;
                risen.push((listener, count));
            }
            let is_over = now >= counting.until;
            if is_over {
                probes.forget_refused(listener);
            }
            !is_over
        });
        risen
    }
}
