//! Looks after the observer: a daemon that sees nothing does not live on.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{notifier::Notifier, observer::Heartbeat};

/// How often it is called.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// The observer comes round every 25 ms. After so many looks without it (a minute in which this process ran: one that
/// was stopped or suspended has no looks) it is given up.
const GIVEN_UP: u32 = 600;
/// Looks without the observer for which systemd's watchdog is still fed.
const LATE: u32 = 50;

/// Why the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A signal asked for it.
    Asked,
    /// The observer's thread is no more.
    ObserverEnded,
    /// The observer's thread is there and does not come round.
    ObserverStuck,
}

#[derive(Debug)]
pub(super) struct Supervisor {
    asked: Arc<AtomicBool>,
    hangup: Arc<AtomicBool>,
    /// The observer's thread holds it for as long as it lives.
    running: Weak<()>,
    observer: Heartbeat,
    seen: u64,
    /// Since the observer last came round.
    looks: u32,
    notifier: Notifier,
}

impl Supervisor {
    pub(super) fn new(
        asked: Arc<AtomicBool>,
        hangup: Arc<AtomicBool>,
        running: Weak<()>,
        observer: Heartbeat,
        notifier: Notifier,
    ) -> Self {
        Self { asked, hangup, running, observer, seen: 0, looks: 0, notifier }
    }

    /// To be called every [`INTERVAL`].
    pub(super) fn look(&mut self, reload: impl FnOnce()) -> Option<End> {
        if self.asked.load(Ordering::Relaxed) {
            self.notifier.stopping();
            return Some(End::Asked);
        }
        if self.running.strong_count() == 0 {
            return Some(End::ObserverEnded);
        }
        let newest = self.observer.newest();
        self.looks = if newest == self.seen { self.looks + 1 } else { 0 };
        self.seen = newest;
        if self.looks >= GIVEN_UP {
            return Some(End::ObserverStuck);
        }
        if self.looks < LATE {
            self.notifier.alive();
        }
        if self.hangup.swap(false, Ordering::Relaxed) {
            self.notifier.reloading();
            reload();
            self.notifier.ready();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observer_that_does_not_come_round_or_is_gone_ends_the_daemon() {
        let running = Arc::new(());
        let observer = Heartbeat::default();
        let mut supervisor = Supervisor::new(
            Arc::default(),
            Arc::new(AtomicBool::new(true)),
            Arc::downgrade(&running),
            observer.clone(),
            Notifier::start().expect("a notifier"),
        );
        let mut reloads = 0;
        for _ in 0..2 * GIVEN_UP {
            observer.beat();
            assert_eq!(supervisor.look(|| reloads += 1), None);
        }
        assert_eq!(reloads, 1, "each SIGHUP once");
        let ends: Vec<_> = (0..GIVEN_UP).filter_map(|_| supervisor.look(|| {})).collect();
        assert_eq!(ends, [End::ObserverStuck], "after the last look, not before");
        observer.beat();
        assert_eq!(supervisor.look(|| {}), None);
        drop(running);
        assert_eq!(supervisor.look(|| {}), Some(End::ObserverEnded));
    }
}
