//! Connections whose bytes a script writes: before a request, in its head, and to measure a server's idle time-out.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::scenario::{CLIENT, Due, SERVER, Stage};
use crate::{
    truth::Phase::{self, RequestHead, Unused},
    wire::{SETTLE, Wire},
};

/// Longer than it takes any server to end what it is to end; then the script does.
const LOOKS: Duration = Duration::from_secs(15);
const SAMPLES: u32 = 6;

/// What a script plays that writes its own bytes: where no client library can be brought to.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    pub(super) bytes: &'static str,
    /// It ends it itself, so or with an RST.
    pub(super) ends: Option<Ending>,
    pub(super) timer: Option<Phase>,
    pub(super) due: Due,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Close,
    Reset,
}

const HEAD: &str = "GET / HTTP/1.1\r\nHost: lab\r\nX-Rest: ";
const RAW_TIMES: usize = 4;

const fn raw(name: &'static str, stage: Stage, bytes: &'static str, phase: Phase) -> Raw {
    let phases: &[Phase] = match phase {
        Unused => &[Unused],
        _ => &[RequestHead],
    };
    Raw { name, stage, bytes, ends: None, timer: None, due: Due::By(SERVER, phases) }
}

static RAW: [Raw; 10] = [
    Raw {
        ends: Some(Ending::Close),
        due: Due::By(CLIENT, &[Unused]),
        ..raw("opens and closes", Stage::Patient, "", Unused)
    },
    Raw {
        ends: Some(Ending::Reset),
        due: Due::By(CLIENT, &[Unused]),
        ..raw("opens and resets", Stage::Patient, "", Unused)
    },
    Raw {
        ends: Some(Ending::Close),
        due: Due::By(CLIENT, &[RequestHead]),
        ..raw("closes in the head", Stage::Patient, HEAD, RequestHead)
    },
    Raw {
        ends: Some(Ending::Reset),
        due: Due::By(CLIENT, &[RequestHead]),
        ..raw("resets in the head", Stage::Patient, HEAD, RequestHead)
    },
    Raw { timer: Some(Unused), ..raw("the server's time-out for a first request", Stage::Hasty, "", Unused) },
    Raw {
        timer: Some(RequestHead),
        ..raw("the server's time-out in the head", Stage::Hasty, HEAD, RequestHead)
    },
    raw("killed before a request", Stage::Killed, "", Unused),
    raw("killed in the head", Stage::Killed, HEAD, RequestHead),
    raw("terminated before a request", Stage::Terminated, "", Unused),
    raw("terminated in the head", Stage::Terminated, HEAD, RequestHead),
];

/// What is played against a server with these time-outs; each so often.
pub(super) fn against(timers: &[Phase]) -> impl Iterator<Item = &'static Raw> {
    let wanted = |raw: &&Raw| raw.timer.is_none_or(|phase| timers.contains(&phase));
    RAW.iter().filter(wanted).flat_map(|raw| std::iter::repeat_n(raw, RAW_TIMES))
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
    if !raw.bytes.is_empty() {
        wire.send(raw.bytes.as_bytes())?;
    }
    thread::sleep(SETTLE);
    match raw.ends {
        Some(Ending::Close) => wire.close().map(drop)?,
        Some(Ending::Reset) => wire.reset().map(drop)?,
        None => {
            let until = Instant::now() + LOOKS;
            while !wire.await_end(Duration::from_millis(100))? {
                let waits = raw.stage.is_ended() && !over.load(Ordering::Relaxed);
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
