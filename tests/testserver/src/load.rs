//! Other people's traffic: what an observer has to tell from its own, and may not be slowed down by.
//!
//! Each connection carries one request and its response, says so, and is closed by the server: nothing about it is in
//! trouble.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Each has an address of its own: a closed connection keeps its pair of ports for a minute, for each address anew.
const PAIRS: u8 = 8;
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: load\r\nConnection: close\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections a second, over 127.104.40.1 to 127.104.40.8.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Threads that do nothing but compute.
    #[arg(long, default_value_t = 0)]
    busy: usize,
    /// How long it lasts; until SIGINT or SIGTERM without it.
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    lasts: Option<Duration>,
}

/// Runs until its time is up or a signal ends it, then says how much there was.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let over = AtomicBool::new(false);
    let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot receive signals")?;
    let listeners: io::Result<Vec<_>> =
        (1..=PAIRS).map(|pair| TcpListener::bind((Ipv4Addr::new(127, 104, 40, pair), 0))).collect();
    let listeners = listeners.context("cannot listen on 127.104.40.0/24")?;
    let pause = Duration::from_secs(u64::from(PAIRS)).checked_div(options.rate);
    let began = Instant::now();
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| serve(listener));
            let (over, done, failed) = (&over, &done, &failed);
            scope.spawn(move || {
                let mut due = Instant::now();
                while let (false, Some(pause)) = (over.load(Ordering::Relaxed), pause) {
                    thread::sleep(due.saturating_duration_since(Instant::now()).min(LOOK_EVERY));
                    if Instant::now() < due {
                        continue;
                    }
                    // What a busy machine was late with is not made up for in a burst.
                    due += pause;
                    if due + LOOK_EVERY < Instant::now() {
                        due = Instant::now();
                    }
                    let count = if exchange(listener).is_ok() { done } else { failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // Ends the server.
                let _refused = dial(listener);
            });
        }
        for _ in 0..options.busy {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        println!("{} connections a second, {} busy threads", options.rate, options.busy);
        while options.lasts.is_none_or(|lasts| began.elapsed() < lasts) && signals.pending().next().is_none()
        {
            thread::sleep(LOOK_EVERY);
        }
        over.store(true, Ordering::Relaxed);
    });
    let (done, failed) = (done.into_inner(), failed.into_inner());
    let rate = done as f64 / began.elapsed().as_secs_f64();
    println!("{done} connections, {failed} failed, {rate:.0} a second");
    Ok(())
}

fn dial(listener: &TcpListener) -> io::Result<TcpStream> {
    TcpStream::connect(listener.local_addr()?)
}

fn exchange(listener: &TcpListener) -> io::Result<()> {
    let mut stream = dial(listener)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    if response == RESPONSE { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Answers until somebody comes who asks nothing.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        let answered = stream.and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut request = [0; REQUEST.len()];
            stream.read_exact(&mut request)?;
            stream.write_all(RESPONSE)
        });
        match answered {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
            // Errors of a connection are its client's doing and end it alone.
            Ok(()) | Err(_) => {}
        }
    }
}
