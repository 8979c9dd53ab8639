//! `whohungup run`: the daemon.

mod connections;
mod cost;
mod events;
mod host;
mod notifier;
mod observer;
mod openapi;
mod page;
mod past;
mod reload;
mod scrapes;
mod server;
mod supervisor;
mod views;

use std::{
    net::TcpListener,
    sync::{Arc, OnceLock, mpsc},
};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::{
    host::Allowed,
    notifier::Notifier,
    observer::{Around, Otlp},
    reload::Reload,
    supervisor::{End, Supervisor},
};
use crate::{
    cli::RunArgs,
    delivery::Counts,
    otlp::{LogExporter, MetricExporter},
    privileges,
    signals::{hangup_flag, stop_flag},
    web::{self, Protection, WebConfig},
};

/// The soft limit is for programs that use `select`: connections of whoever asks must not take the descriptors that the
/// agent walks namespaces and reads maps with.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the limit of descriptors stays");
    }
}

/// Observes and serves until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is taken or the probes cannot be loaded.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("read the listening address")?;
    let web_counts = Arc::<web::Counts>::default();
    let web_config = args.web.web_config_file.as_deref().map(|path| WebConfig::open(path, &web_counts));
    let web_config = web_config.transpose()?.map(Arc::new);
    let protection = web_config.as_ref().map_or_else(Protection::default, |web| web.current().protection());
    let (stopped, hangup) = (stop_flag()?, hangup_flag()?);
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
    let notifier = Notifier::start()?;
    notifier.ready();
    let (running, beats) = (observer.running.clone(), observer.alive.clone());
    let mut supervisor = Supervisor::new(stopped, hangup, running, beats, notifier);
    let allowed = Allowed::new(args.allowed_host.clone());
    let mut reload = Reload::new(std::env::args_os().collect(), asks.clone(), allowed.clone());
    let end = Arc::new(OnceLock::new());
    let ended = Arc::clone(&end);
    let is_over = move || {
        let end = supervisor.look(|| reload.reload());
        end.is_some_and(|end| ended.set(end).is_ok())
    };
    let past = past::Past::new(args.record.record.clone(), args.observe.max_endpoints);
    let served = server::serve(listener, allowed, asks, &observer.alive, past, web_config, is_over);
    // One that is stuck is not waited for: the process ends without it.
    anyhow::ensure!(
        end.get() != Some(&End::ObserverStuck),
        "the observer thread has been stuck for a minute: nothing is observed any more; start the daemon again, and report this"
    );
    metrics.into_iter().for_each(MetricExporter::stop);
    observer.stop()?;
    served?;
    anyhow::ensure!(
        end.get() == Some(&End::Asked),
        "the observer thread ended by itself: nothing was observed any more; start the daemon again, and report this"
    );
    Ok(())
}
