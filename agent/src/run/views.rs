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
    past::Past,
    server::{Shared, no_answer},
};
use crate::live::{CloseCounts, ClosesView, KeptClose, LiveSnapshot, NumberedClose, SCHEMA, build};
use crate::url_query::Query;
use whohungup_core::{advice::ReportModel, products::Products};

/// However many look, the observer is asked no more often than this.
const FRESH: Duration = Duration::from_secs(2);
/// Nor is more than one part in this many of its time taken.
const SHARE: u32 = 50;

/// The newest material, and the report made of it.
pub(super) struct Views {
    current: Mutex<Option<Current>>,
    past: Past,
}

struct Current {
    made: Arc<(LiveSnapshot, ReportModel)>,
    until: Instant,
}

impl Views {
    pub(super) fn new(past: Past) -> Self {
        Self { current: Mutex::default(), past }
    }

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
    let Query { filter, limit, at, muted } = match Query::parse(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    if let Some(at) = at {
        let hour = match views.past.hour(at).await {
            Ok(hour) => hour,
            Err(error) => return cannot_look_back(&error),
        };
        let view = spawn_blocking(move || {
            serde_json::to_vec(&build(&hour.snapshot, &hour.model, &filter, &muted, limit))
        });
        return view.await.ok().and_then(Result::ok).map_or_else(no_answer, json);
    }
    let Some(current) = views.current(&shared).await else { return no_answer() };
    let viewers = hub.viewers();
    let view = spawn_blocking(move || {
        let (material, model) = &*current;
        let mut view = build(material, model, &filter, &muted, limit);
        view.viewers = viewers;
        serde_json::to_vec(&view)
    });
    match view.await {
        Ok(Ok(body)) => json(body),
        _ => no_answer(),
    }
}

/// There is no record, or it cannot be read.
fn cannot_look_back(error: &anyhow::Error) -> Response {
    (StatusCode::NOT_FOUND, format!("{error:#}\n")).into_response()
}

pub(super) async fn closes(
    State((shared, views)): State<(Shared, Arc<Views>)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Query { filter, at, .. } = match Query::parse(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let shown = |closes: &[Arc<KeptClose>], newest, left_out| {
        let wanted = closes.iter().filter(|kept| filter.has_close(&kept.close));
        let closes = wanted.map(|kept| NumberedClose::new(kept)).collect();
        encoded(&ClosesView { schema: SCHEMA.to_owned(), newest, left_out, closes })
    };
    if let Some(at) = at {
        return match views.past.hour(at).await {
            Ok(hour) => {
                let CloseCounts { newest, left_out } = hour.snapshot.close_counts();
                shown(&hour.closes, newest, left_out)
            }
            Err(error) => cannot_look_back(&error),
        };
    }
    let Some(beat) = shared.ask(|answer| Ask::Changes { after: 0, answer }).await else { return no_answer() };
    shown(&beat.closes, beat.newest, beat.left_out)
}

fn encoded(view: &impl Serialize) -> Response {
    serde_json::to_vec(view).map_or_else(|_| no_answer(), json)
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}
