//! The newest warnings of this process, for those who ask after the log has gone.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::Mutex,
};

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};
use whohungup_core::sanitize::clean;

/// Where a daemon answers with them.
pub const PATH: &str = "/api/v1/warnings";
/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.warnings/1";
const KEPT: usize = 100;
/// Characters of one.
const LONGEST: usize = 500;

static NEWEST: Mutex<Warnings> = Mutex::new(Warnings { dropped: 0, warnings: VecDeque::new() });

/// Oldest first.
#[derive(Debug, Serialize)]
struct Warnings {
    /// Older ones, no longer kept.
    dropped: u64,
    warnings: VecDeque<Warning>,
}

#[derive(Debug, Serialize)]
struct Warning {
    time: Timestamp,
    level: &'static str,
    text: String,
}

/// Keeps what is logged.
#[derive(Debug)]
pub struct RecentWarnings;

impl<S: Subscriber> Layer<S> for RecentWarnings {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let level = event.metadata().level().as_str();
        let warning = Warning { time: Timestamp::now(), level, text: clean(&text.0, LONGEST) };
        if let Ok(mut newest) = NEWEST.lock() {
            newest.add(warning);
        }
    }
}

impl Warnings {
    fn add(&mut self, warning: Warning) {
        if self.warnings.len() >= KEPT {
            self.warnings.pop_front();
            self.dropped += 1;
        }
        self.warnings.push_back(warning);
    }
}

/// The message, and then each field with its name.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = match field.name() {
            "message" => {
                let rest = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{rest}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

pub(crate) async fn answer() -> Response {
    let json = NEWEST.lock().ok().and_then(|newest| {
        let mut value = serde_json::to_value(&*newest).ok()?;
        value["schema"] = SCHEMA.into();
        Some(value.to_string())
    });
    ([(header::CONTENT_TYPE, "application/json")], json.unwrap_or_default()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn the_newest_are_kept_with_their_fields_and_older_ones_counted() {
        let mut warnings = Warnings { dropped: 0, warnings: VecDeque::new() };
        for number in 0..KEPT + 3 {
            let text = number.to_string();
            warnings.add(Warning { time: Timestamp::UNIX_EPOCH, level: "WARN", text });
        }
        assert_eq!((warnings.dropped, warnings.warnings.len()), (3, KEPT));
        assert_eq!(warnings.warnings[0].text, "3");
        let subscriber = tracing_subscriber::registry().with(RecentWarnings);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(path = "/x", "cannot read \u{1b}[2J");
        });
        let newest = NEWEST.lock().expect("the newest");
        let last = newest.warnings.back().expect("one");
        assert_eq!((last.level, last.text.as_str()), ("WARN", "cannot read \u{fffd}[2J path=\"/x\""));
    }
}
