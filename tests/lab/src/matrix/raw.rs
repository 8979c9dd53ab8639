//! Connections whose bytes a script writes: before a request, in its head, and to measure a server's idle timeout.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::scenario::{self, Raw, RawEnd};
use crate::{
    truth::Phase,
    wire::{SETTLE, Wire},
};

/// Longer than it takes any server to end what it is to end; then the script does.
const LOOKS: Duration = Duration::from_secs(15);
const SAMPLES: u32 = 6;

const HEAD: &str = "GET / HTTP/1.1\r\nHost: lab\r\nX-Rest: ";
const RAW_TIMES: usize = 4;

/// What is played against a server with these timeouts; each so often.
pub(super) fn against(timers: &[Phase]) -> impl Iterator<Item = &'static Raw> {
    let wanted = |raw: &&Raw| raw.timer.is_none_or(|phase| timers.contains(&phase));
    scenario::raw().iter().filter(wanted).flat_map(|raw| std::iter::repeat_n(raw, RAW_TIMES))
}

/// A connection that a script made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

/// Plays one. `over`: set when the server's instances have been ended.
pub(super) fn play(raw: &Raw, at: SocketAddr, over: &AtomicBool) -> Result<Made> {
    let mut wire = Wire::dial(at)?;
    let made = Made { client: wire.local()?, server: at };
    if raw.is_in_head() {
        wire.send(HEAD.as_bytes())?;
    }
    thread::sleep(SETTLE);
    match raw.ends {
        Some(RawEnd::Close) => wire.close().map(drop)?,
        Some(RawEnd::Reset) => wire.reset().map(drop)?,
        None => {
            let until = Instant::now() + LOOKS;
            while !wire.await_end(Duration::from_millis(100))? {
                let waits = raw.server.is_ended() && !over.load(Ordering::Relaxed);
                ensure!(waits || Instant::now() < until, "the server did not end it");
            }
            wire.read_to_end()?;
        }
    }
    Ok(made)
}

/// How long a server keeps an idle connection: the median of some, in milliseconds; and the connections.
pub(super) fn measure(at: SocketAddr) -> (Option<i64>, Vec<Result<Made>>) {
    let measured: Vec<Result<(Made, Duration)>> = thread::scope(|scope| {
        let running: Vec<_> = (0..SAMPLES)
            .map(|number| {
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(170) * number);
                    measure_one(at)
                })
            })
            .collect();
        let all = running.into_iter();
        all.map(|one| one.join().unwrap_or_else(|_| anyhow::bail!("a measurement panicked"))).collect()
    });
    let mut times: Vec<_> =
        measured.iter().flatten().map(|(_, time)| time.as_millis().try_into().unwrap_or(i64::MAX)).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied();
    (median, measured.into_iter().map(|one| one.map(|(made, _)| made)).collect())
}

fn measure_one(at: SocketAddr) -> Result<(Made, Duration)> {
    let mut wire = Wire::dial(at)?;
    let made = Made { client: wire.local()?, server: at };
    wire.send(format!("GET /?measure HTTP/1.1\r\nHost: {at}\r\n\r\n").as_bytes())?;
    wire.read_until("an answer", |talk| talk.state().answered > 0)?;
    let answered = Instant::now();
    ensure!(wire.await_end(LOOKS)?, "the server did not end an idle connection within {} s", LOOKS.as_secs());
    let lasted = answered.elapsed();
    wire.read_to_end()?;
    Ok((made, lasted))
}
