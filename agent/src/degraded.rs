//! Why the agent may see less than it should: a closed set of reasons, for an alert.

use std::{fmt, time::Duration};

whohungup_core::label_set! {
    /// What is to be done about each is in docs/metrics.md.
    pub enum Reason {
        /// The HTTP tier was asked for and is not attached.
        HttpDetached,
        /// Over the overhead budget: not every connection's messages are read.
        HttpSampled,
        /// The HTTP tier is attached below the host's root of cgroup2: it sees the connections there alone.
        CgroupScope,
        /// The agent is in a process namespace of its own: the kernel's process ids say nothing to it.
        ProcessIds,
        /// /proc is not mounted, or other processes may not be looked into.
        ProcAccess,
        /// OpenSSL libraries could not be attached, are too many, or are not looked for any more.
        TlsLibraries,
        /// Sockets of some network namespaces were not adopted.
        Namespaces,
        /// The kernel's clock tick could not be measured.
        ClockTick,
        /// The kernel lacks members that are read where they exist.
        KernelMembers,
        /// Lockdown forbids to read the segments that meet no socket.
        Lockdown,
        /// The probes' counters cannot be read: losses would not be noticed.
        Counters,
        /// The newest comparison of the table with the sockets that exist failed.
        Reconcile,
        /// The Kubernetes API was asked for and does not answer.
        KubernetesApi,
        /// The web configuration on disk cannot be used: what it said before holds.
        WebConfig,
        EventsLost,
        RunsMissed,
        EventsMalformed,
        ConnectionsFull,
        EndpointsFull,
        SocketsNotFollowed,
        /// Closes are missing in the record on disk, or will be: it cannot be written.
        RecordIncomplete,
        /// What is sent by OTLP was not delivered, or has not been for a minute.
        OtlpIncomplete,
    }
}

/// Something that could not be had at the start, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupWarning {
    pub reason: Reason,
    text: String,
}

impl StartupWarning {
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl fmt::Display for StartupWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// For how long an increase is recent.
const RECENT: Duration = Duration::from_mins(5);

/// Totals of what should not happen, by the reason that each rise of them gives.
pub type Losses = [(Reason, u64); 8];

/// Which totals increased recently.
#[derive(Debug, Default)]
pub struct RecentIncreases {
    totals: [u64; 8],
    /// CLOCK_MONOTONIC ns of the observation that found the newest increase.
    increased_ns: [Option<u64>; 8],
}

impl RecentIncreases {
    /// Takes in the totals, which are always given in the same order. Returns the reasons of those that increased
    /// since the observation before, or within five minutes before `now_ns`.
    pub fn observe(&mut self, losses: &Losses, now_ns: u64) -> Vec<Reason> {
        let known = self.totals.iter_mut().zip(&mut self.increased_ns);
        let mut reasons = Vec::new();
        for ((reason, total), (before, increased_ns)) in losses.iter().zip(known) {
            if *total > *before {
                (*before, *increased_ns) = (*total, Some(now_ns));
            }
            if increased_ns.is_some_and(|at_ns| now_ns.saturating_sub(at_ns) < RECENT.as_nanos() as u64) {
                reasons.push(*reason);
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(lost: u64, missed: u64) -> Losses {
        [
            (Reason::EventsLost, lost),
            (Reason::RunsMissed, missed),
            (Reason::EventsMalformed, 0),
            (Reason::ConnectionsFull, 0),
            (Reason::EndpointsFull, 0),
            (Reason::SocketsNotFollowed, 0),
            (Reason::RecordIncomplete, 0),
            (Reason::OtlpIncomplete, 0),
        ]
    }

    #[test]
    fn a_loss_counts_for_five_minutes_after_it_was_noticed() {
        let second = 1_000_000_000;
        let mut increases = RecentIncreases::default();
        assert_eq!(increases.observe(&losses(0, 0), second), []);
        assert_eq!(increases.observe(&losses(3, 0), 2 * second), [Reason::EventsLost]);
        assert_eq!(increases.observe(&losses(3, 1), 200 * second), [Reason::EventsLost, Reason::RunsMissed]);
        assert_eq!(increases.observe(&losses(3, 1), 302 * second), [Reason::RunsMissed]);
        assert_eq!(increases.observe(&losses(4, 1), 500 * second), [Reason::EventsLost]);
    }
}
