//! The clocks of one connection, as one end sees them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::truth::Measured;

/// What a piece of payload means to the exchange that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A request begins with it (and may be complete).
    Begin,
    /// It moves bytes, nothing else: the rest of a request, a piece of a response, noise.
    Middle,
    /// The response is complete with it.
    End,
}

/// The instants that the clocks are made of. `Instant` is CLOCK_MONOTONIC on Linux.
#[derive(Debug, Default)]
struct Instants {
    made: Option<Instant>,
    last_byte: Option<Instant>,
    response_end: Option<Instant>,
    request_start: Option<Instant>,
    ended: Option<Instant>,
}

/// The clocks of one connection. On loopback both ends share one: bytes arrive within the sender's system call,
/// so that its stamp is nearer to the truth than the moment a reader was scheduled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Instants>>);

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Instants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection was made at this instant.
    pub(crate) fn made(&self, at: Instant) {
        self.lock().made.get_or_insert(at);
    }

    /// Payload moved. What moves after the first FIN or RST is too late to count.
    pub(crate) fn payload(&self, at: Instant, part: Part) {
        let mut instants = self.lock();
        if instants.ended.is_some() {
            return;
        }
        instants.last_byte = Some(at);
        match part {
            Part::Begin => instants.request_start = Some(at),
            Part::Middle => {}
            Part::End => {
                instants.response_end = Some(at);
                instants.request_start = None;
            }
        }
    }

    /// The first FIN, RST or timeout; later ones change nothing.
    pub(crate) fn ended(&self, at: Instant) {
        self.lock().ended.get_or_insert(at);
    }

    /// How long the request in flight had been under way when the connection ended.
    pub(crate) fn request_seconds(&self) -> Option<f64> {
        let instants = self.lock();
        since(instants.ended, instants.request_start)
    }

    /// The clocks at the end of the connection, with the addresses that name it.
    pub(crate) fn measured(&self, local: SocketAddr, remote: SocketAddr, netns: u64) -> Measured {
        let instants = self.lock();
        let idle = match instants.request_start {
            Some(_) => None,
            None => since(instants.ended, instants.response_end),
        };
        Measured {
            local,
            remote,
            netns,
            idle_seconds: idle,
            silent_seconds: since(instants.ended, instants.last_byte),
            request_seconds: since(instants.ended, instants.request_start),
            age_seconds: since(instants.ended, instants.made),
        }
    }
}

fn since(later: Option<Instant>, earlier: Option<Instant>) -> Option<f64> {
    Some(later?.saturating_duration_since(earlier?).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_in_flight_is_never_idle() {
        let start = Instant::now();
        let ledger = Ledger::default();
        ledger.payload(start, Part::Begin);
        ledger.payload(start + Duration::from_secs(1), Part::End);
        ledger.payload(start + Duration::from_secs(2), Part::Begin);
        ledger.ended(start + Duration::from_secs(5));
        let any = SocketAddr::from(([127, 0, 0, 1], 1));
        let measured = ledger.measured(any, any, 0);
        assert_eq!(measured.idle_seconds, None);
        assert_eq!(measured.request_seconds, Some(3.0));
    }

    #[test]
    fn bytes_after_the_end_do_not_count() {
        let start = Instant::now();
        let ledger = Ledger::default();
        ledger.payload(start, Part::End);
        ledger.ended(start + Duration::from_secs(1));
        ledger.payload(start + Duration::from_secs(2), Part::Begin);
        let any = SocketAddr::from(([127, 0, 0, 1], 1));
        let measured = ledger.measured(any, any, 0);
        assert_eq!(measured.idle_seconds, Some(1.0));
        assert_eq!(measured.silent_seconds, Some(1.0));
        assert_eq!(measured.request_seconds, None);
    }
}
