//! Who was refused: for the metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

whohungup_core::label_set! {
    /// Why somebody who asked got no answer.
    pub enum Refusal {
        /// No TLS connection came about: plain HTTP, no certificate that is trusted, or not in time.
        Handshake,
        /// No user, or a wrong password.
        Credentials,
        /// Too many passwords are being compared.
        Busy,
    }
}

#[derive(Debug, Default)]
pub struct Counts {
    refused: [AtomicU64; Refusal::ALL.len()],
    is_stale: AtomicBool,
}

/// As they stand at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// In the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// The file has changed and cannot be used: what it said before holds.
    pub is_stale: bool,
}

impl Counts {
    pub fn refuse(&self, why: Refusal) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_stale(&self, is_stale: bool) {
        self.is_stale.store(is_stale, Ordering::Relaxed);
    }

    pub fn stats(&self) -> Stats {
        Stats {
            refused: self.refused.each_ref().map(|count| count.load(Ordering::Relaxed)),
            is_stale: self.is_stale.load(Ordering::Relaxed),
        }
    }
}
