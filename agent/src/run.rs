//! `whohungup run`: the daemon.

mod cost;
mod events;
mod observer;
mod page;
mod query;
mod scrapes;
mod server;
mod views;

use std::{net::TcpListener, sync::mpsc};

use anyhow::Context as _;

use crate::cli::RunArgs;

/// Observes and serves until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is taken or the probes cannot be loaded.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("read the listening address")?;
    let (asks, asked) = mpsc::channel();
    let observer = observer::start(args, asked)?;
    eprintln!("page at http://{address}/");
    eprintln!("metrics at http://{address}/metrics");
    eprintln!("ready");
    let served = server::serve(listener, asks, &observer.alive);
    observer.stop();
    served
}
