//! Closes and metrics for an OpenTelemetry Collector, or whatever else speaks OTLP over HTTP (`run --otlp`). docs/otlp.md.
//!
//! [`LogExporter`] takes closes from the observer and never waits: a thread of its own sends them, keeps them while the other
//! side is away, and counts what is lost. [`MetricExporter`] sends what a scrape shows, now and then.

mod attributes;
mod log_exporter;
mod logs;
mod metric_exporter;
mod metrics;
mod retry;
mod sender;
mod settings;

pub use log_exporter::LogExporter;
pub use metric_exporter::MetricExporter;
pub use settings::{Compression, OtlpError, Settings, Signal, Target};
