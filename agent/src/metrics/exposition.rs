//! The text of a scrape: OpenMetrics 1.0, or Prometheus's own format for those who do not ask for it.

use std::fmt::Write as _;

use super::{
    family::{Family, Kind},
    histogram::Histogram,
};
use crate::track::Ends;

/// How a scrape is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With units and exemplars.
    OpenMetrics,
    /// Version 0.0.4.
    Prometheus,
}

impl Format {
    /// What the `Content-Type` of an answer says.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The better of what an `Accept` header allows; text for people where it says nothing.
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut plain) = (0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
            if media.eq_ignore_ascii_case("application/openmetrics-text") {
                open = open.max(weight);
            } else if ["text/plain", "text/*", "*/*"].iter().any(|other| media.eq_ignore_ascii_case(other)) {
                plain = plain.max(weight);
            }
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// A case that a counter counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) ends: Ends,
    /// Seconds since the Unix epoch.
    pub(super) at: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Signed(i64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    text: &'a mut String,
    family: &'static Family,
    name: String,
    format: Format,
}

impl<'a> Samples<'a> {
    /// Begins a family.
    pub(super) fn begin(text: &'a mut String, family: &'static Family, format: Format) -> Self {
        let name = family.sample_name();
        let (shown, kind) = match (format, family.kind) {
            (Format::OpenMetrics, kind) => (family.name, kind.as_str()),
            (Format::Prometheus, Kind::Info) => (name.as_str(), Kind::Gauge.as_str()),
            (Format::Prometheus, kind) => (name.as_str(), kind.as_str()),
        };
        line(text, format_args!("# HELP {shown} {}", family.help));
        line(text, format_args!("# TYPE {shown} {kind}"));
        if let (Format::OpenMetrics, Some(unit)) = (format, family.unit) {
            line(text, format_args!("# UNIT {shown} {unit}"));
        }
        Self { text, family, name, format }
    }

    /// Writes a sample with the values of the family's labels.
    pub(super) fn add(&mut self, values: &[&str], value: impl Into<Value>) {
        self.add_with(values, value, None);
    }

    /// The same, with the newest case of what was counted.
    pub(super) fn add_with(&mut self, values: &[&str], value: impl Into<Value>, newest: Option<Exemplar>) {
        self.sample("", values, None, value.into());
        if let (Format::OpenMetrics, Some(Exemplar { ends: Ends { local, remote }, at })) =
            (self.format, newest)
        {
            self.text.pop();
            line(self.text, format_args!(" # {{local=\"{local}\",remote=\"{remote}\"}} 1 {at:.3}"));
        }
    }

    pub(super) fn histogram(&mut self, values: &[&str], histogram: &Histogram) {
        let mut below = 0;
        for (bound, count) in histogram.buckets() {
            below += count;
            self.sample("_bucket", values, Some(bound), below.into());
        }
        self.sample("_sum", values, None, histogram.sum().into());
        self.sample("_count", values, None, below.into());
    }

    fn sample(&mut self, suffix: &str, values: &[&str], bound: Option<f64>, value: Value) {
        debug_assert_eq!(values.len(), self.family.labels.len(), "{}", self.family.name);
        self.text.push_str(&self.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (label, value) in self.family.labels.iter().zip(values) {
            self.text.push(before);
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(self.text, value);
            self.text.push('"');
            before = ',';
        }
        if let Some(bound) = bound {
            self.text.push(before);
            self.text.push_str("le=\"");
            real(self.text, bound);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        self.text.push(' ');
        match value {
            Value::Whole(value) => line(self.text, format_args!("{value}")),
            Value::Signed(value) => line(self.text, format_args!("{value}")),
            Value::Real(value) => {
                real(self.text, value);
                self.text.push('\n');
            }
        }
    }
}

/// Ends the text.
pub(super) fn end(text: &mut String, format: Format) {
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
    text.push('\n');
}

fn real(text: &mut String, value: f64) {
    if value == f64::INFINITY {
        text.push_str("+Inf");
    } else {
        // Never without a point: both formats then have the same series.
        let _ = write!(text, "{value:?}");
    }
}

fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
