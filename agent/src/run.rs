//! `whohungup run`: the daemon.

mod cost;
mod events;
mod host;
mod observer;
mod page;
pub(crate) mod query;
mod scrapes;
mod server;
mod views;

use std::{net::TcpListener, sync::mpsc};

use anyhow::Context as _;

pub use host::HostName;

use crate::{cli::RunArgs, signals::stop_flag};

/// Observes and serves until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is taken or the probes cannot be loaded.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("read the listening address")?;
    let stopped = stop_flag()?;
    let (asks, asked) = mpsc::channel();
    let observer = observer::start(args, asked)?;
    eprintln!("page at http://{address}/");
    eprintln!("metrics at http://{address}/metrics");
    eprintln!("ready");
    let served = server::serve(listener, &args.allowed_host, asks, &observer.alive, stopped);
    observer.stop();
    served
}
