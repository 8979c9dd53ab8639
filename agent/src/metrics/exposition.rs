//! What a scrape is sent as: OpenMetrics 1.0 or protobuf as `prometheus-client` encodes them, or Prometheus's own text for
//! those who ask for neither.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabel as _, EncodeLabelSet, EncodeMetric as _, LabelSetEncoder,
        MetricEncoder, NativeHistogram, NativeHistogramBuckets, prometheus_protobuf, text::encode,
    },
    metrics::{MetricType, exemplar::CounterWithExemplar},
    registry::Registry,
};

use super::{
    family::{Family, Kind},
    labels::{Labels, WorkloadValue},
};
use whohungup_core::{
    histogram::{BucketHistogram, NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD},
    identity::Ends,
};

/// How a scrape is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With units and exemplars.
    OpenMetrics,
    /// Version 0.0.4.
    Prometheus,
    /// `io.prometheus.client.MetricFamily`, each with its length before it: what native histograms need.
    Protobuf,
}

impl Format {
    /// What the `Content-Type` of an answer says.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// The best of what an `Accept` header allows; text for people where it says nothing.
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut plain, mut protobuf) = (0.0_f32, 0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parts: Vec<_> = parts.collect();
            let weight = parts.iter().find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
            if media.eq_ignore_ascii_case("application/openmetrics-text") {
                open = open.max(weight);
            } else if ["text/plain", "text/*", "*/*"].iter().any(|other| media.eq_ignore_ascii_case(other)) {
                plain = plain.max(weight);
            } else if media.eq_ignore_ascii_case("application/vnd.google.protobuf") && is_delimited(&parts) {
                protobuf = protobuf.max(weight);
            }
        }
        if protobuf > 0.0 && protobuf >= open && protobuf >= plain {
            Self::Protobuf
        } else if open > 0.0 && open >= plain {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// Whether these parameters of the media type are of the messages that Prometheus reads.
fn is_delimited(parameters: &[&str]) -> bool {
    ["proto=io.prometheus.client.MetricFamily", "encoding=delimited"].iter().all(|of| parameters.contains(of))
}

/// How finely histograms are told. The bounds of the coarse ones are some of the full ones', so that both add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Histograms {
    /// None
    Off,
    /// Buckets that end above the usual default timeouts
    #[default]
    Coarse,
    /// A narrow bucket around each known timeout
    Full,
    /// Native histograms beside the coarse buckets for those who scrape by protobuf, coarse buckets for the others
    Native,
}

/// A case that a counter counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    pub ends: Ends,
    /// Since the Unix epoch.
    pub at: Duration,
}

/// A sample, for those who write something else than text.
#[derive(Clone, Debug)]
pub struct Point {
    pub labels: Vec<(String, String)>,
    pub value: PointValue,
    pub newest: Option<Exemplar>,
}

#[derive(Clone, Debug)]
pub enum PointValue {
    Number(Value),
    /// Upper bounds, +Inf the last, with what is between each and the one before.
    Histogram {
        sum: f64,
        buckets: Vec<(f64, u64)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
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

/// All that `collector` has, as text or as messages.
pub(super) fn encoded(collector: impl Collector, format: Format) -> Vec<u8> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    if format == Format::Protobuf {
        // Neither a message nor a vector is ever too long, and no label fails.
        return prometheus_protobuf::encode_to_vec(&registry).unwrap_or_default();
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    match format {
        Format::Prometheus => as_prometheus_text(&text),
        Format::OpenMetrics | Format::Protobuf => text,
    }
    .into_bytes()
}

/// Where samples go.
#[derive(Debug)]
enum Sink<'a> {
    Text(MetricEncoder<'a>),
    Points(Vec<Point>),
}

/// Writes the samples of one family.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    sink: Sink<'a>,
    family: &'static Family,
    format: Format,
    histograms: Histograms,
    /// Of the endpoint whose samples are written.
    workload: Arc<[WorkloadValue]>,
    outcome: fmt::Result,
}

impl<'a> Samples<'a> {
    /// Begins a family.
    pub(super) fn begin(
        encoder: &'a mut DescriptorEncoder<'_>,
        family: &'static Family,
        format: Format,
        histograms: Histograms,
    ) -> Result<Self, fmt::Error> {
        let encoder = encoder.encode_descriptor(
            family.stem(),
            family.help,
            family.unit.as_ref(),
            family.kind.into(),
        )?;
        Ok(Self {
            sink: Sink::Text(encoder),
            family,
            format,
            histograms,
            workload: Arc::default(),
            outcome: Ok(()),
        })
    }

    /// The samples of one family as values.
    pub(super) fn points(
        family: &'static Family,
        histograms: Histograms,
        write: impl FnOnce(&mut Self),
    ) -> Vec<Point> {
        let sink = Sink::Points(Vec::new());
        let mut samples = Self {
            sink,
            family,
            format: Format::OpenMetrics,
            histograms,
            workload: Arc::default(),
            outcome: Ok(()),
        };
        write(&mut samples);
        match samples.sink {
            Sink::Points(points) => points,
            Sink::Text(_) => Vec::new(),
        }
    }

    fn point(&self, values: &[&str], value: PointValue, newest: Option<Exemplar>) -> Point {
        let own = self.family.labels.iter().zip(values);
        let own = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let workload =
            self.workload.iter().map(|(name, value)| (name.as_str().to_owned(), value.to_string()));
        Point { labels: own.chain(workload).collect(), value, newest }
    }

    /// The first error that the text had; there is none where it is a string.
    pub(super) fn finish(self) -> fmt::Result {
        self.outcome
    }

    /// The samples that follow are of this endpoint; its values of the labels that come first.
    pub(super) fn of<'b>(&mut self, labels: &'b Labels) -> [&'b str; 3] {
        self.workload = labels.workload();
        labels.values()
    }

    /// Writes a sample with the values of the family's labels.
    pub(super) fn add(&mut self, values: &[&str], value: impl Into<Value>) {
        let value = value.into();
        if matches!(self.sink, Sink::Points(_)) {
            return self.keep(values, PointValue::Number(value), None);
        }
        self.encode(values, |encoder, kind| match (kind, value) {
            (Kind::Counter, Value::Whole(value)) => {
                encoder.encode_counter::<NoExemplar, _, u64>(&value, None)
            }
            (Kind::Counter, Value::Real(value)) => encoder.encode_counter::<NoExemplar, _, f64>(&value, None),
            (_, Value::Whole(value)) => encoder.encode_gauge(&value),
            (_, Value::Signed(value)) => encoder.encode_gauge(&value),
            (_, Value::Real(value)) => encoder.encode_gauge(&value),
        });
    }

    /// A counter, with the newest case of what it counted.
    pub(super) fn add_with(&mut self, values: &[&str], count: u64, newest: Option<Exemplar>) {
        let Some(Exemplar { ends: Ends { local, remote }, at }) =
            newest.filter(|_| self.format != Format::Prometheus)
        else {
            return self.add(values, count);
        };
        if matches!(self.sink, Sink::Points(_)) {
            return self.keep(values, PointValue::Number(Value::Whole(count)), newest);
        }
        let counter = CounterWithExemplar::<[(&str, String); 2]>::default();
        counter.inc_by(count.saturating_sub(1), None, None);
        let case = [("local", local.to_string()), ("remote", remote.to_string())];
        counter.inc_by(1, Some(case), Some(SystemTime::UNIX_EPOCH + at));
        let labels = LabelSet { names: self.family.labels, values, workload: &self.workload };
        if let Sink::Text(encoder) = &mut self.sink {
            self.outcome = self.outcome.and_then(|()| counter.encode(encoder.encode_family(&labels)?));
        }
    }

    pub(super) fn histogram(&mut self, values: &[&str], histogram: &BucketHistogram) {
        let Kind::Histogram(_, coarse) = self.family.kind else { return };
        let buckets: Vec<_> = match self.histograms {
            Histograms::Full => histogram.buckets().collect(),
            Histograms::Coarse | Histograms::Native | Histograms::Off => {
                histogram.coarse_buckets(coarse).collect()
            }
        };
        if matches!(self.sink, Sink::Points(_)) {
            return self.keep(values, PointValue::Histogram { sum: histogram.sum(), buckets }, None);
        }
        let (sum, count) = (histogram.sum(), histogram.count());
        let native = histogram.native().filter(|_| self.format == Format::Protobuf);
        self.encode(values, |encoder, _| match native {
            Some(native) => {
                let (spans, deltas) = (native.spans(), native.deltas());
                let native = NativeHistogram {
                    schema: NATIVE_SCHEMA,
                    zero_threshold: NATIVE_ZERO_THRESHOLD,
                    zero_count: native.zero_count(),
                    negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
                    positive: NativeHistogramBuckets { spans: &spans, deltas: &deltas },
                    created: None,
                };
                encoder.encode_histogram_with_native::<NoExemplar>(sum, count, &buckets, None, native)
            }
            None => encoder.encode_histogram::<NoExemplar>(sum, count, &buckets, None),
        });
    }

    /// What the labels say is all that there is to know.
    pub(super) fn info(&mut self, values: &[&str]) {
        let labels = LabelSet { names: self.family.labels, values, workload: &[] };
        match &mut self.sink {
            Sink::Text(encoder) => self.outcome = self.outcome.and_then(|()| encoder.encode_info(&labels)),
            Sink::Points(_) => self.keep(values, PointValue::Number(Value::Whole(1)), None),
        }
    }

    fn encode(&mut self, values: &[&str], write: impl FnOnce(&mut MetricEncoder<'_>, Kind) -> fmt::Result) {
        debug_assert_eq!(values.len(), self.family.labels.len(), "{}", self.family.name);
        let workload = Arc::clone(&self.workload);
        let labels = LabelSet { names: self.family.labels, values, workload: &workload };
        let kind = self.family.kind;
        let Sink::Text(encoder) = &mut self.sink else { return };
        self.outcome = self.outcome.and_then(|()| match values {
            // An empty set would be written as braces around nothing.
            [] => write(encoder, kind),
            _ => write(&mut encoder.encode_family(&labels)?, kind),
        });
    }

    fn keep(&mut self, values: &[&str], value: PointValue, newest: Option<Exemplar>) {
        let point = self.point(values, value, newest);
        if let Sink::Points(points) = &mut self.sink {
            points.push(point);
        }
    }
}

impl From<Kind> for MetricType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
            Kind::Histogram(..) => Self::Histogram,
            Kind::Info => Self::Info,
        }
    }
}

/// Names and values, pair by pair.
struct LabelSet<'a> {
    names: &'static [&'static str],
    values: &'a [&'a str],
    workload: &'a [WorkloadValue],
}

impl EncodeLabelSet for LabelSet<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let own = self.names.iter().copied().zip(self.values.iter().copied());
        let workload = self.workload.iter().map(|(label, value)| (label.as_str(), &**value));
        own.chain(workload).try_for_each(|(name, value)| (name, value).encode(encoder.encode_label()))
    }
}

type NoExemplar = [(&'static str, &'static str); 0];

/// What OpenMetrics says, in version 0.0.4 of Prometheus's own format: families are called what their samples are, and have
/// no unit. Label values hold no line breaks, as those are escaped.
fn as_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|said| said.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests;
