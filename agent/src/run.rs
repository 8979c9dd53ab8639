//! `whohungup run`: the daemon.

mod connections;
mod cost;
mod events;
mod host;
mod observer;
mod openapi;
mod page;
mod past;
mod scrapes;
mod server;
mod views;

use std::{
    net::TcpListener,
    sync::{Arc, atomic::Ordering, mpsc},
};

use anyhow::Context as _;

use self::observer::{Around, Otlp};
use crate::{
    cli::RunArgs,
    delivery::Counts,
    otlp::{LogExporter, MetricExporter},
    privileges,
    signals::stop_flag,
    web::{self, Protection, WebConfig},
};

/// Observes and serves until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is taken or the probes cannot be loaded.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("read the listening address")?;
    let web_counts = Arc::<web::Counts>::default();
    let web_config = args.web.web_config_file.as_deref().map(|path| WebConfig::open(path, &web_counts));
    let web_config = web_config.transpose()?.map(Arc::new);
    let protection = web_config.as_ref().map_or_else(Protection::default, |web| web.current().protection());
    let stopped = stop_flag()?;
    let (asks, asked) = mpsc::channel();
    let (otlp, counts) = (args.otlp.settings()?, Arc::<Counts>::default());
    let node = args.observe.kubernetes.node_name.as_deref();
    let logs = otlp.as_ref().map(|otlp| LogExporter::start(otlp, node, &counts)).transpose()?.flatten();
    let observer = observer::start(
        args,
        Around { otlp: Otlp { logs, counts: Arc::clone(&counts) }, web: web_counts },
        asked,
    )?;
    // The observer has given up its own; whoever is started from here on inherits this.
    privileges::keep(&privileges::TO_ANSWER);
    let metrics = match &otlp {
        Some(otlp) => MetricExporter::start(otlp, node, &counts, scrapes::asking(asks.clone()))?,
        None => None,
    };
    let scheme = if protection.tls { "https" } else { "http" };
    crate::say(format_args!("page at {scheme}://{address}/"));
    crate::say(format_args!("metrics at {scheme}://{address}/metrics"));
    if let Some(danger) = protection.danger(address.ip()) {
        crate::say(format_args!("WARNING: listening on {address}: {danger}"));
    }
    crate::say(format_args!("ready"));
    let asked_to_stop = Arc::clone(&stopped);
    let watched = observer.ends(stopped);
    let past = past::Past::new(args.record.record.clone(), args.observe.max_endpoints);
    let served =
        server::serve(listener, &args.allowed_host, asks, &observer.alive, past, web_config, watched);
    metrics.into_iter().for_each(MetricExporter::stop);
    observer.stop()?;
    served?;
    anyhow::ensure!(
        asked_to_stop.load(Ordering::Relaxed),
        "the observer thread ended by itself: nothing was observed any more; start the daemon again, and report this"
    );
    Ok(())
}
