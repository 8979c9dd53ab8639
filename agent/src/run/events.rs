//! /api/v1/events: what each second brings, as server-sent events. Who does not read is let go.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_core::Stream;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

use super::{observer::Ask, server::Shared};
use crate::live::Viewers;

/// Followers at once.
const MOST: usize = 32;
/// Events that wait for a slow one.
const WAITING: usize = 8;
const EVERY: Duration = Duration::from_secs(1);
const EVENT_STREAM: &str = "text/event-stream";

/// Who follows.
#[derive(Debug, Default)]
pub(super) struct Hub {
    inner: Mutex<Followers>,
}

#[derive(Debug, Default)]
struct Followers {
    now: Vec<Sender<Bytes>>,
    refused: u64,
    dropped: u64,
    closed: bool,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Followers> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn viewers(&self) -> Viewers {
        let mut inner = self.lock();
        inner.now.retain(|follower| !follower.is_closed());
        Viewers {
            now: inner.now.len() as u64,
            most: MOST as u64,
            refused: inner.refused,
            dropped: inner.dropped,
        }
    }

    /// `None` when there are too many.
    fn follow(&self) -> Option<Receiver<Bytes>> {
        let mut inner = self.lock();
        inner.now.retain(|follower| !follower.is_closed());
        if inner.now.len() >= MOST || inner.closed {
            inner.refused += u64::from(!inner.closed);
            return None;
        }
        let (sender, receiver) = channel(WAITING);
        // A browser that lost its connection comes back after so many milliseconds.
        let _room = sender.try_send(Bytes::from_static(b"retry: 2000\n\n"));
        inner.now.push(sender);
        Some(receiver)
    }

    /// Never waits for anybody.
    fn send(&self, event: &Bytes) {
        let mut inner = self.lock();
        let mut dropped = 0;
        inner.now.retain(|follower| match follower.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(_)) => {
                dropped += 1;
                false
            }
        });
        inner.dropped += dropped;
    }

    /// Ends all streams: the daemon stops.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.now.clear();
    }

    /// Tells everybody who follows, each second; asks nobody while nobody does.
    pub(super) async fn run(self: Arc<Self>, shared: Shared) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut after = 0;
        loop {
            every.tick().await;
            if self.viewers().now == 0 {
                continue;
            }
            let beat = shared.ask(|answer| Ask::Changes { after, answer }).await;
            let event = beat.and_then(|beat| {
                after = beat.newest;
                let data = serde_json::to_string(&beat.shown()).ok()?;
                Some(format!("id: {after}\nevent: pulse\ndata: {data}\n\n"))
            });
            // A comment keeps the connection from looking dead.
            self.send(&event.unwrap_or_else(|| ": the observer does not answer\n\n".to_owned()).into());
        }
    }
}

struct Events(Receiver<Bytes>);

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

pub(super) async fn events(State(hub): State<Arc<Hub>>) -> Response {
    let Some(receiver) = hub.follow() else {
        let said =
            format!("{MOST} follow already: close a page, or ask {} now and then\n", crate::live::LIVE);
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], said).into_response();
    };
    let headers = [(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(Events(receiver))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_is_let_go_and_counted_and_others_are_not_held_up() {
        let hub = Hub::default();
        let mut reads = hub.follow().expect("room");
        let mut sleeps = hub.follow().expect("room");
        for at in 0..20 {
            hub.send(&Bytes::from(at.to_string()));
            while reads.try_recv().is_ok() {}
        }
        let Viewers { now, dropped, .. } = hub.viewers();
        assert_eq!((now, dropped), (1, 1));
        let mut got = 0;
        while sleeps.try_recv().is_ok() {
            got += 1;
        }
        assert_eq!(got, WAITING, "what had been sent until then");
    }

    #[test]
    fn one_too_many_is_refused_until_another_goes() {
        let hub = Hub::default();
        let mut all: Vec<_> = (0..MOST).map(|_| hub.follow().expect("room")).collect();
        assert!(hub.follow().is_none());
        all.pop();
        assert!(hub.follow().is_some());
        assert_eq!(hub.viewers().refused, 1);
    }

    #[test]
    fn streams_end_when_the_daemon_stops() {
        let hub = Hub::default();
        let mut receiver = hub.follow().expect("room");
        hub.close();
        assert!(receiver.try_recv().is_ok(), "the first line");
        assert!(receiver.try_recv().is_err() && hub.follow().is_none());
    }
}
