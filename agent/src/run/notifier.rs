//! What the service manager hears (sd_notify(3)). A manager that does not listen holds up nobody.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sd_notify::NotifyState;

/// Messages that wait; more than these are dropped.
const QUEUE: usize = 8;

/// Says nothing outside of systemd.
#[derive(Debug)]
pub(super) struct Notifier {
    queue: Option<SyncSender<Vec<NotifyState<'static>>>>,
    watchdog: Option<Watchdog>,
}

impl Notifier {
    /// By the environment that systemd gives.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub(super) fn start() -> anyhow::Result<Self> {
        let watchdog = sd_notify::watchdog_enabled().map(Watchdog::new);
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self { queue: None, watchdog });
        }
        let (queue, queued) = sync_channel::<Vec<NotifyState<'static>>>(QUEUE);
        let send = move || {
            for state in queued {
                // It waits while the manager's queue is full.
                if let Err(error) = sd_notify::notify(&state) {
                    tracing::warn!(%error, "the service manager was not notified");
                }
            }
        };
        thread::Builder::new()
            .name("notifier".to_owned())
            .spawn(send)
            .context("start the notifier thread")?;
        Ok(Self { queue: Some(queue), watchdog })
    }

    pub(super) fn ready(&self) {
        self.send(vec![NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        self.send(vec![NotifyState::Stopping]);
    }

    /// To be followed by [`Self::ready`]. `Type=notify-reload` takes none without the time.
    pub(super) fn reloading(&self) {
        let time = NotifyState::monotonic_usec_now();
        self.send([NotifyState::Reloading].into_iter().chain(time).collect());
    }

    /// All is well; to be called often.
    pub(super) fn alive(&mut self) {
        if self.watchdog.as_mut().is_some_and(Watchdog::is_due) {
            self.send(vec![NotifyState::Watchdog]);
        }
    }

    fn send(&self, state: Vec<NotifyState<'static>>) {
        let _dropped = self.queue.as_ref().map(|queue| queue.try_send(state));
    }
}

/// systemd's, by `WatchdogSec=` of the unit.
#[derive(Debug)]
struct Watchdog {
    every: Duration,
    fed: Option<Instant>,
}

impl Watchdog {
    /// `limit` is what systemd waits for at most. Fed three times as often, it bears a lost turn.
    fn new(limit: Duration) -> Self {
        Self { every: limit / 3, fed: None }
    }

    fn is_due(&mut self) -> bool {
        let due = self.fed.is_none_or(|fed| fed.elapsed() >= self.every);
        if due {
            self.fed = Some(Instant::now());
        }
        due
    }
}
