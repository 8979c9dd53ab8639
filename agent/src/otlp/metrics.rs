//! What a scrape shows, as OTLP has it: the same names, cumulative since the start of the process.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{InstrumentationScope, KeyValue},
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};

use super::attributes::{attribute, text};
use crate::metrics::{self, FamilyPoints, Point, PointKind, PointValue, Scrape, Value};

/// From the start of the process to now, ns since the Unix epoch.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    now: u64,
}

pub(super) fn request(resource: &Resource, scrape: Scrape, now: u64) -> ExportMetricsServiceRequest {
    let span = Span { start: (scrape.process.started * 1e9) as u64, now };
    let scope = InstrumentationScope {
        name: "whohungup".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = scrape.families().filter(|family| !family.points.is_empty());
    let of_scope = ScopeMetrics {
        scope: Some(scope),
        metrics: metrics.map(|family| metric(family, span)).collect(),
        ..ScopeMetrics::default()
    };
    let of_resource = ResourceMetrics {
        resource: Some(resource.clone()),
        scope_metrics: vec![of_scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
}

fn metric(family: FamilyPoints, span: Span) -> Metric {
    let temporality = AggregationTemporality::Cumulative.into();
    let points = family.points;
    let data = match family.kind {
        PointKind::Histogram => Data::Histogram(Histogram {
            data_points: points.into_iter().filter_map(|point| histogram(point, span)).collect(),
            aggregation_temporality: temporality,
        }),
        PointKind::Counter => Data::Sum(Sum {
            data_points: points.into_iter().filter_map(|point| number(point, span)).collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        // A gauge has no beginning.
        PointKind::Gauge | PointKind::Info => Data::Gauge(Gauge {
            data_points: points
                .into_iter()
                .filter_map(|point| number(point, Span { start: 0, ..span }))
                .collect(),
        }),
    };
    let name =
        if family.kind == PointKind::Info { format!("{}_info", family.name) } else { family.name.to_owned() };
    Metric {
        name,
        description: family.help.to_owned(),
        unit: unit(family.unit),
        data: Some(data),
        ..Metric::default()
    }
}

/// UCUM's word for a unit.
fn unit(name: Option<&str>) -> String {
    match name {
        Some("seconds") => "s",
        Some("bytes") => "By",
        Some("ratios") => "1",
        Some(other) => other,
        None => "",
    }
    .to_owned()
}

fn labels(labels: Vec<(String, String)>) -> Vec<KeyValue> {
    labels.into_iter().map(|(name, value)| attribute(name, text(value))).collect()
}

fn number(point: Point, span: Span) -> Option<NumberDataPoint> {
    let PointValue::Number(value) = point.value else { return None };
    let value = match value {
        Value::Whole(value) => number_data_point::Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX)),
        Value::Signed(value) => number_data_point::Value::AsInt(value),
        Value::Real(value) => number_data_point::Value::AsDouble(value),
    };
    Some(NumberDataPoint {
        attributes: labels(point.labels),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        exemplars: point.newest.map(newest).into_iter().collect(),
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

fn newest(case: metrics::Exemplar) -> Exemplar {
    let ends = [("local", case.ends.local), ("remote", case.ends.remote)];
    Exemplar {
        filtered_attributes: ends.map(|(name, end)| attribute(name, text(end.to_string()))).into(),
        time_unix_nano: nanoseconds(case.at),
        value: Some(exemplar::Value::AsInt(1)),
        ..Exemplar::default()
    }
}

fn nanoseconds(since_epoch: Duration) -> u64 {
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

fn histogram(point: Point, span: Span) -> Option<HistogramDataPoint> {
    let PointValue::Histogram { sum, buckets } = point.value else { return None };
    let (mut bounds, counts): (Vec<f64>, Vec<u64>) = buckets.into_iter().unzip();
    // The last has none.
    bounds.pop();
    Some(HistogramDataPoint {
        attributes: labels(point.labels),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        count: counts.iter().sum(),
        sum: Some(sum),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    })
}

#[cfg(test)]
mod tests;
