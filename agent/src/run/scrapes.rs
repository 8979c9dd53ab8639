//! /metrics: asks the observer for what is to be shown, and writes the text elsewhere than on its thread.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
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

/// The answer to a scrape on its way out.
struct Sent {
    body: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.body
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
        let format = Format::accepted(&whole(headers, header::ACCEPT));
        let gzip = accepts_gzip(&whole(headers, header::ACCEPT_ENCODING));
        match self.body(format, gzip).await {
            Some(body) => {
                let body = Bytes::from_owner(Sent { body, _place: place });
                let about = [
                    (header::CONTENT_TYPE, format.content_type()),
                    (header::VARY, "accept, accept-encoding"),
                ];
                let mut response = (about, body).into_response();
                if gzip {
                    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                response
            }
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                "agent busy: no answer from the observer thread within 5 s\n",
            )
                .into_response(),
        }
    }

    /// `None` when the observer does not answer in time.
    async fn body(&self, format: Format, gzip: bool) -> Option<Vec<u8>> {
        let _turn = self.turn.lock().await;
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Metrics(answer)).ok()?;
        let mut scrape: Scrape = tokio::time::timeout(STUCK, answered).await.ok()?.ok()?;
        scrape.refused = self.refused.load(Ordering::Relaxed);
        let write = move || {
            scrape.process = own_cost();
            let body = scrape.encoded(format);
            if gzip { compressed(&body) } else { body }
        };
        tokio::task::spawn_blocking(write).await.ok()
    }
}

/// All values of a header field, as if they came in one.
fn whole(headers: &HeaderMap, name: HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// RFC 9110, 12.5.3: a weight of 0 means no.
fn accepts_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0_f32), str::parse);
        is_gzip && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Most of a scrape is what the line before said too: more effort makes it hardly smaller.
fn compressed(text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len() / 8);
    let mut encoder = GzEncoder::new(&mut written, Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text);
    let _ = encoder.finish();
    written
}

/// Asks the observer by `asks`, for a thread that may wait.
pub(super) fn asking(asks: Sender<Ask>) -> impl Fn() -> Option<Scrape> + Send + 'static {
    move || {
        let (answer, answered) = oneshot::channel();
        asks.send(Ask::Metrics(answer)).ok()?;
        let mut scrape = answered.blocking_recv().ok()?;
        scrape.process = own_cost();
        Some(scrape)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn only_who_takes_gzip_gets_it_and_it_reads_as_what_was_written() {
        for (field, takes) in [
            ("gzip", true),
            ("br, GZip;q=0.5", true),
            ("", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, identity", false),
            ("gzip;q=lots", false),
        ] {
            assert_eq!(accepts_gzip(field), takes, "{field:?}");
        }
        let text = "whohungup_closes_total{role=\"server\"} 1\n".repeat(1000);
        let (sent, mut read) = (compressed(text.as_bytes()), String::new());
        flate2::read::GzDecoder::new(&sent[..]).read_to_string(&mut read).expect("gzip");
        assert!(read == text && sent.len() < text.len() / 20, "{} bytes", sent.len());
    }

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
