//! /metrics: asks the observer for what is to be shown, and writes the text elsewhere than on its thread.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc::Sender,
};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};

use super::{cost::own_cost, observer::Ask, server::STUCK};
use crate::metrics::{Format, Scrape};

/// Scrapes under way at once, until their text has been sent. More than anybody needs: those that take nothing keep their
/// place until the connection is given up.
const AT_ONCE: usize = 32;

#[derive(Debug)]
pub(super) struct Scrapes {
    asks: Sender<Ask>,
    /// One at a time: the observer, which looks for work every 25 ms, is never asked for more than one in that time.
    turn: Mutex<()>,
    places: Arc<Semaphore>,
    refused: AtomicU64,
}

/// A text on its way out.
struct Sent {
    text: String,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Scrapes {
    pub(super) fn new(asks: Sender<Ask>) -> Self {
        Self {
            asks,
            turn: Mutex::new(()),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) async fn answer(&self, headers: &HeaderMap) -> Response {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n").into_response();
        };
        let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let format = Format::accepted(&accept.collect::<Vec<_>>().join(","));
        match self.text(format).await {
            Some(text) => {
                let body = Bytes::from_owner(Sent { text, _place: place });
                ([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")], body)
                    .into_response()
            }
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                "agent busy: no answer from the observer thread within 5 s\n",
            )
                .into_response(),
        }
    }

    /// `None` when the observer does not answer in time.
    async fn text(&self, format: Format) -> Option<String> {
        let _turn = self.turn.lock().await;
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Metrics(answer)).ok()?;
        let mut scrape: Scrape = tokio::time::timeout(STUCK, answered).await.ok()?.ok()?;
        scrape.refused = self.refused.load(Ordering::Relaxed);
        let write = move || {
            scrape.process = own_cost();
            scrape.text(format)
        };
        tokio::task::spawn_blocking(write).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn more_scrapes_than_there_are_places_for_are_refused_at_once_and_the_observer_is_asked_for_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (asks, asked) = mpsc::channel();
            let scrapes = Arc::new(Scrapes::new(asks));
            let answer = || {
                let scrapes = Arc::clone(&scrapes);
                tokio::spawn(async move { scrapes.answer(&HeaderMap::new()).await.status() })
            };
            let waiting: Vec<_> = (0..AT_ONCE).map(|_| answer()).collect();
            tokio::time::sleep(Duration::from_millis(20)).await;
            let refused = answer().await.expect("an answer");
            assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(scrapes.refused.load(Ordering::Relaxed), 1);
            assert!(asked.try_recv().is_ok() && asked.try_recv().is_err(), "one ask at a time");
            for one in waiting {
                one.abort();
            }
        });
    }
}
