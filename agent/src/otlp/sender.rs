//! One request: a body out, and what the answer means (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::{
    io::{self, Write as _},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use flate2::{Compression as Level, write::GzEncoder};
use ureq::http::{HeaderMap, StatusCode, header};

use super::settings::{Compression, Target};
use crate::tls_client::{self, Files};
use whohungup_core::sanitize::clean;

/// An answer says in how many words it likes what it did not take; more than this nobody reads.
const MOST_ANSWER: u64 = 64 << 10;
const MOST_SAID: usize = 200;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With what the other side answered.
    Taken(Vec<u8>),
    /// It may be taken another time.
    Again { why: String, after: Option<Duration> },
    /// It will never be taken.
    Refused(String),
}

#[derive(Debug)]
pub(super) struct Sender {
    agent: ureq::Agent,
    target: Target,
}

impl Sender {
    /// # Errors
    /// When a certificate or a key cannot be used.
    pub(super) fn new(target: &Target) -> anyhow::Result<Self> {
        let files = Files {
            authorities: target.certificate.as_deref(),
            client: target.client_certificate.as_deref().zip(target.client_key.as_deref()),
        };
        let tls = tls_client::config(&target.url, files, "OTEL_EXPORTER_OTLP_CERTIFICATE")
            .with_context(|| format!("send {} by OTLP", target.signal.as_str()))?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(target.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("whohungup/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Ok(Self { agent: ureq::Agent::new_with_config(config), target: target.clone() })
    }

    pub(super) fn url(&self) -> &str {
        &self.target.url
    }

    pub(super) fn send(&self, body: &[u8]) -> Outcome {
        let mut request =
            self.agent.post(&self.target.url).header(header::CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in &self.target.headers {
            request = request.header(name, value);
        }
        let answer = match self.target.compression {
            Compression::None => request.send(body),
            Compression::Gzip => match gzipped(body) {
                Ok(body) => request.header(header::CONTENT_ENCODING, "gzip").send(&body[..]),
                Err(error) => return Outcome::Refused(format!("compress: {error}")),
            },
        };
        match answer {
            Ok(mut answer) => {
                let body = answer.body_mut().with_config().limit(MOST_ANSWER).read_to_vec();
                let (status, headers) = (answer.status(), answer.headers());
                judge(status, headers, body.unwrap_or_default(), SystemTime::now())
            }
            Err(error) => Outcome::Again { why: clean(&error.to_string(), MOST_SAID), after: None },
        }
    }
}

fn gzipped(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Level::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

fn judge(status: StatusCode, headers: &HeaderMap, body: Vec<u8>, now: SystemTime) -> Outcome {
    let why = || match clean(&String::from_utf8_lossy(&body), MOST_SAID) {
        said if said.trim().is_empty() => format!("status {}", status.as_u16()),
        said => format!("status {}: {}", status.as_u16(), said.trim()),
    };
    match status.as_u16() {
        200..300 => Outcome::Taken(body),
        429 | 502..=504 => {
            let after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            Outcome::Again { why: why(), after: after.and_then(|text| retry_after(text, now)) }
        }
        _ => Outcome::Refused(why()),
    }
}

/// Seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    SystemTime::from(at).duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_taken_later_differs_from_what_never_will() {
        let judged = |status: u16| {
            judge(
                StatusCode::from_u16(status).expect("a status"),
                &HeaderMap::new(),
                Vec::new(),
                SystemTime::now(),
            )
        };
        for status in [200, 202] {
            assert!(matches!(judged(status), Outcome::Taken(_)), "{status}");
        }
        for status in [429, 502, 503, 504] {
            assert!(matches!(judged(status), Outcome::Again { .. }), "{status}");
        }
        for status in [301, 400, 401, 404, 413, 500, 501] {
            assert!(matches!(judged(status), Outcome::Refused(_)), "{status}");
        }
    }

    #[test]
    fn the_other_side_says_when() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(Duration::from_secs(30)));
        for none in ["Sun, 06 Nov 1994 08:40:00 GMT", "soon", "-1", ""] {
            assert_eq!(retry_after(none, now), None, "{none}");
        }
    }

    #[test]
    fn hostile_words_of_the_other_side_are_made_fit_to_print() {
        let status = StatusCode::BAD_REQUEST;
        let body = b"\x1b]0;title\x07 no".to_vec();
        let Outcome::Refused(why) = judge(status, &HeaderMap::new(), body, SystemTime::now()) else {
            panic!()
        };
        assert!(why.starts_with("status 400: ") && !why.contains('\x1b'), "{why:?}");
    }
}
