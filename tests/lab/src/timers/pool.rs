//! A scripted client: keeps connections, uses them again after pauses, and never closes first.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::compare::Observed;
use crate::{truth::Side, wire::Wire};

/// One of the pools in plays/timers.toml.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    connections: u32,
    exchanges: usize,
    stagger_ms: u64,
    #[serde(default)]
    ties: bool,
}

impl Pool {
    /// `patience`: how long it waits for the server to close; then it closes itself, each connection at another time,
    /// which no timer does. `timer`: when the server closes.
    pub(super) fn play(
        self,
        at: SocketAddr,
        patience: Duration,
        timer: Option<f64>,
        stop: &AtomicBool,
    ) -> Result<Vec<Observed>> {
        thread::scope(|scope| {
            let running: Vec<_> = (0..self.connections)
                .map(|number| {
                    let patience = match timer {
                        Some(timer) if self.ties && number % 2 == 1 => {
                            Duration::from_secs_f64(timer - 0.004 * f64::from(number))
                        }
                        _ => patience.mul_f64(1.0 + 0.2 * f64::from(number)),
                    };
                    scope.spawn(move || self.play_one(number, at, patience, stop))
                })
                .collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| bail!("a connection panicked")))
                .collect()
        })
    }

    fn play_one(
        self,
        number: u32,
        at: SocketAddr,
        patience: Duration,
        stop: &AtomicBool,
    ) -> Result<Observed> {
        thread::sleep(Duration::from_millis(self.stagger_ms * u64::from(number)));
        let mut wire = Wire::dial(at)?;
        let local = wire.local()?;
        let mut answered = Instant::now();
        for exchange in 1..=self.exchanges {
            if exchange > 1 {
                thread::sleep(Duration::from_millis(60) * (1 + number % 8));
            }
            wire.send(format!("GET / HTTP/1.1\r\nHost: {at}\r\n\r\n").as_bytes())?;
            wire.read_until("the response", |talk| talk.state().answered >= exchange)?;
            answered = Instant::now();
            if wire.state().announced {
                break;
            }
        }
        let announced = wire.state().announced;
        let closer = if wait(&wire, answered + patience, stop)? {
            wire.read_to_end()?;
            Side::Server
        } else {
            wire.close()?;
            Side::Client
        };
        Ok(Observed { local, remote: at, closer: Some(closer), announced, idle: answered.elapsed() })
    }
}

/// Waits for the peer's end; false when it has not come by then.
fn wait(wire: &Wire, until: Instant, stop: &AtomicBool) -> Result<bool> {
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if wire.await_end(left.min(Duration::from_millis(200)))? {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
    Err(anyhow::anyhow!("stopped")).context("wait for the server to close")
}
