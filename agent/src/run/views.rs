//! /api/v1/live and /api/v1/closes: what the page and `top` show.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tokio::{sync::Mutex, task::spawn_blocking, time::Instant};

use super::{
    events::Hub,
    observer::Ask,
    server::{Shared, no_answer},
};
use crate::live::{ClosesView, LiveSnapshot, NumberedClose, SCHEMA, build};
use crate::url_query::Query;
use whohungup_core::{advice::ReportModel, products::Products};

/// However many look, the observer is asked no more often than this.
const FRESH: Duration = Duration::from_secs(2);
/// Nor is more than one part in this many of its time taken.
const SHARE: u32 = 50;

/// The newest material, and the report made of it.
#[derive(Default)]
pub(super) struct Views {
    current: Mutex<Option<Current>>,
}

struct Current {
    made: Arc<(LiveSnapshot, ReportModel)>,
    until: Instant,
}

impl Views {
    /// `None` when the observer does not answer in time.
    async fn current(&self, shared: &Shared) -> Option<Arc<(LiveSnapshot, ReportModel)>> {
        let mut current = self.current.lock().await;
        if let Some(known) = current.as_ref().filter(|known| Instant::now() < known.until) {
            return Some(Arc::clone(&known.made));
        }
        let (material, took) = shared.ask(Ask::Snapshot).await?;
        // Names and advice are looked up here: the observer has other things to do.
        let made = spawn_blocking(move || {
            let model = whohungup_core::advice::build(
                &material.endpoints,
                Products::builtin(),
                material.meta.clone(),
            );
            Arc::new((material, model))
        });
        let made = made.await.ok()?;
        *current = Some(Current { made: Arc::clone(&made), until: Instant::now() + FRESH.max(took * SHARE) });
        Some(made)
    }
}

pub(super) async fn live(
    State((shared, views, hub)): State<(Shared, Arc<Views>, Arc<Hub>)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Query { filter, limit } = match Query::parse(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let Some(current) = views.current(&shared).await else { return no_answer() };
    let viewers = hub.viewers();
    let view = spawn_blocking(move || {
        let (material, model) = &*current;
        let mut view = build(material, model, &filter, limit);
        view.viewers = viewers;
        serde_json::to_vec(&view)
    });
    match view.await {
        Ok(Ok(body)) => json(body),
        _ => no_answer(),
    }
}

pub(super) async fn closes(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let Query { filter, .. } = match Query::parse(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let Some(beat) = shared.ask(|answer| Ask::Changes { after: 0, answer }).await else { return no_answer() };
    let wanted = beat.closes.iter().filter(|kept| filter.has_close(&kept.close));
    let closes = wanted.map(|kept| NumberedClose::new(kept)).collect();
    let view = ClosesView { schema: SCHEMA.to_owned(), newest: beat.newest, left_out: beat.left_out, closes };
    encoded(&view)
}

fn encoded(view: &impl Serialize) -> Response {
    serde_json::to_vec(view).map_or_else(|_| no_answer(), json)
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}
