//! /metrics, /api/v1/report, /healthz and /readyz; the page and what it shows are put beside them.

use std::{
    net::TcpListener,
    sync::{Arc, mpsc::Sender},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::get,
};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    connections,
    events::{self, Hub},
    host::{self, Allowed},
    observer::{Ask, Heartbeat},
    openapi, page,
    past::Past,
    scrapes::Scrapes,
    supervisor::INTERVAL,
    views::{self, Views},
};
use crate::{
    live::{CLOSES, EVENTS, LIVE},
    recent_warnings,
    report::fetch::PATH as REPORT,
    web::{self, WebConfig},
};
use whohungup_core::products::Products;

const JSON: &str = "application/json";
/// Milliseconds after which a connection is given up whose peer takes nothing.
const PEER_GONE: u32 = 5_000;
/// The observer comes round every 25 ms; one that does not for this long is stuck.
pub(super) const STUCK: Duration = Duration::from_secs(5);
/// What was asked before the end is still answered within this.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct Shared {
    asks: Sender<Ask>,
    scrapes: Arc<Scrapes>,
    alive: Heartbeat,
}

/// Serves until `is_over`, which is asked every [`INTERVAL`]; requests may ask under the names `allowed`.
pub(super) fn serve(
    listener: TcpListener,
    allowed: Allowed,
    asks: Sender<Ask>,
    alive: &Heartbeat,
    past: Past,
    web: Option<Arc<WebConfig>>,
    mut is_over: impl FnMut() -> bool + Send + 'static,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true).context("make the listening socket non-blocking")?;
    // What is accepted inherits it.
    set_tcp_user_timeout(&listener, PEER_GONE).context("limit how long a peer may take nothing")?;
    let scrapes = Arc::new(Scrapes::new(asks.clone()));
    let shared = Shared { asks, scrapes, alive: alive.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the server's runtime")?;
    runtime.block_on(async {
        let listener =
            tokio::net::TcpListener::from_std(listener).context("register the listening socket")?;
        let hub = Arc::new(Hub::default());
        let mut app = Router::new()
            .route("/metrics", get(metrics))
            .route(REPORT, get(whole_report))
            .route(openapi::PATH, get(openapi::openapi))
            .route(recent_warnings::PATH, get(recent_warnings::answer))
            .route("/healthz", get(health))
            .route("/readyz", get(health))
            .with_state(shared.clone())
            .merge(for_people(&shared, past, &hub));
        if let Some(web) = &web {
            app = app.layer(from_fn_with_state(Arc::clone(web), web::guard));
        }
        // Outermost: whoever asks under a foreign name is not asked for a password.
        let app = app.layer(from_fn_with_state(allowed, host::guard));
        tokio::spawn(Arc::clone(&hub).run(shared));
        let (stopping, is_stopping) = oneshot::channel::<()>();
        let ending = async move {
            while !is_over() {
                tokio::time::sleep(INTERVAL).await;
            }
            hub.close();
            drop(stopping);
        };
        let serving = connections::serve(listener, app, web, ending);
        // Nobody who reads slowly keeps the daemon from ending.
        let limit = async {
            drop(is_stopping.await);
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = serving => Ok(()),
            () = limit => Ok(()),
        }
    })
}

/// The page, and what it shows.
fn for_people(shared: &Shared, past: Past, hub: &Arc<Hub>) -> Router {
    let views = Arc::new(Views::new(past));
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::asset))
        .route(LIVE, get(views::live).with_state((shared.clone(), Arc::clone(&views), Arc::clone(hub))))
        .route(CLOSES, get(views::closes).with_state((shared.clone(), views)))
        .route(EVENTS, get(events::events).with_state(Arc::clone(hub)))
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    shared.scrapes.answer(&headers).await
}

async fn whole_report(State(shared): State<Shared>) -> Response {
    match shared.report().await {
        Some(json) => ([(header::CONTENT_TYPE, JSON)], json).into_response(),
        None => no_answer(),
    }
}

impl Shared {
    /// Names and advice take long to look up: that is not the observer's work.
    async fn report(&self) -> Option<String> {
        let (material, _) = self.ask(Ask::Snapshot).await?;
        let made = spawn_blocking(move || {
            let model =
                whohungup_core::advice::build(&material.endpoints, Products::builtin(), material.meta)
                    .with_shutdowns(material.shutdowns);
            serde_json::to_string(&model)
        });
        made.await.ok()?.ok()
    }

    /// `None` when the observer does not answer in time.
    pub(super) async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(ask(answer)).ok()?;
        tokio::time::timeout(STUCK, answered).await.ok()?.ok()
    }
}

pub(super) fn no_answer() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "agent busy: no answer from the observer thread within 5 s\n")
        .into_response()
}

/// The probes are attached before the port is served, so alive means ready.
async fn health(State(shared): State<Shared>) -> Response {
    if shared.alive.within(STUCK) {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the observer is stuck\n").into_response()
}
