//! Why the agent may see less than it should: a closed set of reasons, for an alert.

use std::{fmt, time::Duration};

use strum::{Display, IntoStaticStr, VariantArray};

/// What is to be done about each is in docs/metrics.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Reason {
    /// The HTTP tier was asked for and is not attached.
    HttpDetached,
    /// OpenSSL libraries could not be attached, are too many, or are not looked for any more.
    TlsLibraries,
    /// Sockets of some network namespaces were not adopted.
    Namespaces,
    /// The kernel's clock tick could not be measured.
    ClockTick,
    /// The kernel lacks members that are read where they exist.
    KernelMembers,
    /// The probes' counters cannot be read: losses would not be noticed.
    Counters,
    /// The newest comparison of the table with the sockets that exist failed.
    Reconcile,
    EventsLost,
    RunsMissed,
    EventsMalformed,
    ConnectionsFull,
    EndpointsFull,
    SocketsNotFollowed,
}

whohungup_core::label_set!(Reason);

/// Something that could not be had at the start, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub reason: Reason,
    text: String,
}

impl Note {
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// For how long a loss counts.
const LATELY: Duration = Duration::from_mins(5);

/// Totals of what should not happen, by the reason that each rise of them gives.
pub type Losses = [(Reason, u64); 6];

/// Which totals rose lately.
#[derive(Debug, Default)]
pub struct Lately {
    seen: [u64; 6],
    /// CLOCK_MONOTONIC ns of the look that found the newest rise.
    rose_ns: [Option<u64>; 6],
}

impl Lately {
    /// Looks at the totals; they are always given in the same order. Returns the reasons of those that rose since the
    /// look before, or within five minutes before `now_ns`.
    pub fn look(&mut self, losses: &Losses, now_ns: u64) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for (((reason, total), seen), rose_ns) in losses.iter().zip(&mut self.seen).zip(&mut self.rose_ns) {
            if *total > *seen {
                (*seen, *rose_ns) = (*total, Some(now_ns));
            }
            let lately = LATELY.as_nanos() as u64;
            if rose_ns.is_some_and(|rose_ns| now_ns.saturating_sub(rose_ns) < lately) {
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
        ]
    }

    #[test]
    fn a_loss_is_told_of_for_five_minutes_after_it_was_noticed() {
        let second = 1_000_000_000;
        let mut lately = Lately::default();
        assert_eq!(lately.look(&losses(0, 0), second), []);
        assert_eq!(lately.look(&losses(3, 0), 2 * second), [Reason::EventsLost]);
        assert_eq!(lately.look(&losses(3, 1), 200 * second), [Reason::EventsLost, Reason::RunsMissed]);
        assert_eq!(lately.look(&losses(3, 1), 302 * second), [Reason::RunsMissed]);
        assert_eq!(lately.look(&losses(4, 1), 500 * second), [Reason::EventsLost]);
    }
}
