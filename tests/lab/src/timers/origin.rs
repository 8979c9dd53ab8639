//! A scripted server: answers every request and never closes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{compare::Observed, play::ROUNDS};
use crate::{backend::Listening, truth::Side, wire::Wire};

/// How long the answers of one connection take: not all at once, as no server answers so.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    usual: Duration,
    /// Before the last answer. After it the connection is idle: spread over a few of the looks that the slowest clients
    /// take at their pools.
    last: Duration,
}

impl Pauses {
    fn of(number: u64) -> Self {
        Self {
            usual: Duration::from_millis(80 + 37 * number % 150),
            last: Duration::from_millis(80 + 410 * number % 4920),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    observed: Vec<Observed>,
    open: usize,
    errors: Vec<anyhow::Error>,
}

/// It listens at several addresses, with one port: pools keep so many connections for each host.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) at: Vec<SocketAddr>,
    state: Arc<Mutex<State>>,
    /// Set before the client is killed: what ends from then on, no timer ended.
    cut: Arc<AtomicBool>,
    _listening: Vec<Listening>,
}

impl Origin {
    /// `hint`: `Keep-Alive: timeout=`, seconds.
    pub(super) fn start(at: SocketAddr, hosts: u8, hint: Option<u32>) -> Result<Self> {
        let at: Vec<_> = (0..hosts).map(|number| neighbour(at, number)).collect();
        let (state, cut) = (Arc::<Mutex<State>>::default(), Arc::<AtomicBool>::default());
        let taken = Arc::<AtomicU64>::default();
        let answer = {
            let (state, cut) = (Arc::clone(&state), Arc::clone(&cut));
            move |stream| {
                let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
                lock().open += 1;
                let pauses = Pauses::of(taken.fetch_add(1, Ordering::Relaxed));
                let served = serve(stream, hint, pauses, &cut);
                let mut state = lock();
                state.open -= 1;
                match served {
                    Ok(seen) => state.observed.extend(seen),
                    Err(error) => state.errors.push(error),
                }
            }
        };
        let listening = at.iter().map(|at| Listening::start(*at, answer.clone())).collect::<Result<_>>()?;
        Ok(Self { at, state, cut, _listening: listening })
    }

    /// Connections that ended by themselves, and those that are open.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.observed.len(), state.open)
    }

    /// From now on ends are not the client's own doing.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Waits for the rest, once the client has been killed.
    pub(super) fn finish(self) -> Result<Vec<Observed>> {
        let until = Instant::now() + Duration::from_secs(5);
        while self.counts().1 > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.errors.pop() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut state.observed)),
        }
    }
}

/// Another loopback address, with the same port.
fn neighbour(at: SocketAddr, number: u8) -> SocketAddr {
    let IpAddr::V4(host) = at.ip() else { return at };
    let [a, b, c, d] = host.octets();
    SocketAddr::new(Ipv4Addr::new(a, b.wrapping_add(number), c, d).into(), at.port())
}

/// `None`: a connection on which nothing was ever asked.
fn serve(stream: TcpStream, hint: Option<u32>, pauses: Pauses, cut: &AtomicBool) -> Result<Option<Observed>> {
    let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
    let mut wire = Wire::new(stream, Side::Server)?;
    wire.wait_for_ever()?;
    let hint = hint.map(|hint| format!("Keep-Alive: timeout={hint}\r\n")).unwrap_or_default();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n{hint}\r\nhi");
    let mut answered = None;
    for number in 0.. {
        while wire.talk().asked(number).is_none() || !wire.talk().is_asked_whole() {
            if !wire.read()? {
                return Ok(answered.map(|answered: Instant| Observed {
                    local,
                    remote,
                    closer: (!cut.load(Ordering::Relaxed)).then_some(Side::Client),
                    announced: false,
                    idle: answered.elapsed(),
                }));
            }
        }
        thread::sleep(if number + 1 < ROUNDS { pauses.usual } else { pauses.last });
        wire.send(answer.as_bytes())?;
        answered = Some(Instant::now());
    }
    Ok(None)
}
