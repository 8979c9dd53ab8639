//! An epoll client with 32 connections on the last processor.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    event::{Timespec, epoll},
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

const CONNECTIONS: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    KeepAlive,
    Close,
}

#[derive(Debug, Default)]
struct Shared {
    done: AtomicU64,
    cpu_ns: AtomicU64,
    stop: AtomicBool,
}

pub(crate) struct Load {
    shared: Arc<Shared>,
    thread: JoinHandle<io::Result<()>>,
}

impl Load {
    pub(crate) fn start(server: SocketAddr, mode: Mode) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let expected = response_len(server).context("ask nginx once")?;
        let thread = thread::spawn(move || client(server, mode, expected, &seen));
        Ok(Self { shared, thread })
    }

    /// Requests answered so far.
    pub(crate) fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// CPU seconds of the client's thread.
    pub(crate) fn cpu(&self) -> f64 {
        self.shared.cpu_ns.load(Ordering::Relaxed) as f64 / 1e9
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panic| anyhow::anyhow!("the client panicked"))?.context("client")
    }
}

fn response_len(server: SocketAddr) -> io::Result<usize> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.write_all(request(Mode::KeepAlive))?;
    let mut bytes = [0; 4096];
    let mut len = 0;
    while let Ok(n) = stream.read(&mut bytes) {
        len += n;
        if n == 0 {
            break;
        }
    }
    Ok(len)
}

fn request(mode: Mode) -> &'static [u8] {
    match mode {
        Mode::KeepAlive => b"GET /index.html HTTP/1.1\r\nHost: bench\r\n\r\n",
        Mode::Close => b"GET /index.html HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n",
    }
}

fn client(server: SocketAddr, mode: Mode, expected: usize, shared: &Shared) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1);
    sched_setaffinity(None, &cpus)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut turn = 0;
    let mut open = |index: usize| -> io::Result<TcpStream> {
        // Many addresses, so that ports in TIME_WAIT do not run out.
        turn += 1;
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 1, (turn % 200) as u8 + 1), server.port()));
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        stream.write_all(request(mode))?;
        Ok(stream)
    };
    let mut streams = (0..CONNECTIONS).map(&mut open).collect::<io::Result<Vec<_>>>()?;
    let mut got = [0; CONNECTIONS];
    let mut events = Vec::with_capacity(CONNECTIONS);
    let mut bytes = [0; 8192];
    let wait = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let mut rounds = 0_u32;
    while !shared.stop.load(Ordering::Relaxed) {
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        for event in events.drain(..) {
            let index = event.data.u64() as usize;
            match streams[index].read(&mut bytes) {
                Ok(0) => {
                    shared.done.fetch_add(1, Ordering::Relaxed);
                    streams[index] = open(index)?;
                }
                Ok(n) if mode == Mode::KeepAlive => {
                    got[index] += n;
                    if got[index] >= expected {
                        got[index] = 0;
                        shared.done.fetch_add(1, Ordering::Relaxed);
                        streams[index].write_all(request(mode))?;
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(256) {
            let cpu = clock_gettime(ClockId::ThreadCPUTime);
            let ns = cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64;
            shared.cpu_ns.store(ns, Ordering::Relaxed);
        }
    }
    Ok(())
}
