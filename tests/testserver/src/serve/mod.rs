//! An HTTP/1.1 server whose every timeout is a flag and whose every misbehaviour is a path.
//!
//! One thread serves each connection, closes are exactly the ones asked for, and nothing is answered to a client that
//! times out (but for `/408`). The timers are:
//!
//! | flag | runs | ends with |
//! |---|---|---|
//! | `--keep-alive-timeout` | while no request has begun, on a new connection too | FIN, or RST with `--linger-zero` |
//! | `--head-timeout` | from the first byte of a head to its end | FIN |
//! | `--body-timeout` | between the bytes of a request body | FIN |
//!
//! A timeout of `0s` never ends. The paths are those of [`PATHS`]; a query is ignored and any other path is a 404.
//! SIGTERM and SIGINT do what `--shutdown` says: `graceful` closes the listener and the idle connections at once and
//! the busy ones after their response, `abrupt` exits at once.

mod action;
mod connection;
mod lifecycle;
mod request;
mod response;

use std::net::{SocketAddr, TcpListener};
use std::process;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::connection::Connection;
use self::lifecycle::{Lifecycle, Readiness};

/// What the paths do, for `--help`.
pub(crate) const PATHS: &str = "\
Paths:
  /                  200 with a body of --body-bytes
  /bytes/N           200 with N bytes
  /chunked/N         200 with N bytes in chunks
  /delay/MS          200 after MS milliseconds
  /stall-head/MS     200 that stalls in the middle of its head
  /stall-body/MS     200 that stalls in the middle of its body
  /close-before      close instead of a response
  /close-mid         close in the middle of the body
  /close-after       close right after the response, unannounced
  /close-announced   close after a response with Connection: close
  /reset-before      as the close paths, with an RST
  /reset-mid
  /reset-after
  /unread            close with bytes of the request unread
  /exit/CODE         the process exits in the middle of the request
  /abort             the process kills itself in the middle of the request
  /shutdown          200, then a graceful shutdown
  /408               200; the idle timeout of this connection then says 408 first";

/// The timeouts and habits of the server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long a connection may be idle (0s: for ever).
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    keep_alive_timeout: Duration,
    /// How long a request head may take.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    head_timeout: Duration,
    /// How long a request body may stall.
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    body_timeout: Duration,
    /// Announce and make the end of a connection with this request.
    #[arg(long)]
    max_requests: Option<u32>,
    /// Announce this many seconds with `Keep-Alive: timeout=N`, whatever the real timeout.
    #[arg(long, value_name = "N")]
    announce_timeout: Option<u64>,
    /// The size of an ordinary body.
    #[arg(long, default_value_t = 13)]
    body_bytes: usize,
    /// Close idle connections with an RST.
    #[arg(long)]
    linger_zero: bool,
    /// What SIGTERM does.
    #[arg(long, value_enum, default_value_t = Shutdown::Graceful)]
    shutdown: Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shutdown {
    /// Idle connections are closed at once, busy ones after their response.
    Graceful,
    /// The process exits at once.
    Abrupt,
}

/// Serves until a signal or `/shutdown` ends it.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("cannot listen on {}: choose another with --listen", options.listen))?;
    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    let lifecycle = Arc::new(Lifecycle::new().context("cannot make a pipe")?);
    heed_signals(options.shutdown, Arc::clone(&lifecycle))?;
    println!("listening on {}", listener.local_addr().context("cannot name the listener")?);

    let options = Arc::new(options);
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    while lifecycle.wait(&listener, None).context("cannot wait for connections")? == Readiness::Readable {
        // One that went away before it was accepted is nobody's failure.
        let Ok((stream, _)) = listener.accept() else { continue };
        connections.retain(|connection| !connection.is_finished());
        let (options, lifecycle) = (Arc::clone(&options), Arc::clone(&lifecycle));
        connections.push(thread::spawn(move || {
            // Errors of a connection are its client's doing and end it alone.
            let _ = Connection::new(stream, &options, &lifecycle).serve();
        }));
    }
    drop(listener);
    for connection in connections {
        // A connection that panicked has printed why.
        let _ = connection.join();
    }
    Ok(())
}

fn heed_signals(shutdown: Shutdown, lifecycle: Arc<Lifecycle>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot receive signals")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            match shutdown {
                Shutdown::Graceful => lifecycle.stop(),
                Shutdown::Abrupt => process::exit(0),
            }
        }
    });
    Ok(())
}
