use std::net::SocketAddr;

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Unit};

use super::*;
use crate::metrics::family::{Sets, all};
use whohungup_core::endpoint::counters::{COARSE_REQUEST_BOUNDS, REQUEST_BOUNDS};

static COUNTER: Family = family(Kind::Counter);
static GAUGE: Family = family(Kind::Gauge);
static HISTOGRAM: Family = family(Kind::Histogram(&REQUEST_BOUNDS, &COARSE_REQUEST_BOUNDS));

const fn family(kind: Kind) -> Family {
    Family {
        name: "whohungup_waits_seconds",
        kind,
        unit: Some(Unit::Seconds),
        labels: &["process"],
        sets: Sets::Fixed(1),
        help: "Waits",
        write: |_, _| (),
    }
}

/// One family with what `write` writes, to be encoded.
struct Written<W>(&'static Family, Format, W);

impl<W> fmt::Debug for Written<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl<W: Fn(&mut Samples<'_>) + Send + Sync + 'static> Collector for Written<W> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut samples = Samples::begin(&mut encoder, self.0, self.1, Histograms::Full)?;
        (self.2)(&mut samples);
        samples.finish()
    }
}

fn written(format: Format, write: impl Fn(&mut Samples<'_>) + Send + Sync + 'static) -> String {
    of_family(&COUNTER, format, write)
}

fn of_family(
    family: &'static Family,
    format: Format,
    write: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
) -> String {
    String::from_utf8(encoded(Written(family, format, write), format)).expect("text")
}

#[test]
fn open_metrics_names_the_family_without_the_suffix_and_prometheus_text_with_it() {
    let write = |samples: &mut Samples<'_>| samples.add(&["nginx"], 1.5);
    assert_eq!(
        written(Format::OpenMetrics, write),
        "# HELP whohungup_waits_seconds Waits\n# TYPE whohungup_waits_seconds counter\n\
         # UNIT whohungup_waits_seconds seconds\nwhohungup_waits_seconds_total{process=\"nginx\"} 1.5\n# EOF\n"
    );
    assert_eq!(
        written(Format::Prometheus, write),
        "# HELP whohungup_waits_seconds_total Waits\n# TYPE whohungup_waits_seconds_total counter\n\
         whohungup_waits_seconds_total{process=\"nginx\"} 1.5\n"
    );
}

#[test]
fn hostile_names_cannot_break_the_text() {
    let text = written(Format::Prometheus, |samples| samples.add(&["a\"}\n\\b"], 1_u64));
    assert!(text.ends_with("{process=\"a\\\"}\\n\\\\b\"} 1\n"), "{text}");
}

#[test]
fn numbers_are_written_as_prometheus_reads_them() {
    for (value, shown) in [
        (Value::Whole(u64::MAX), "18446744073709551615"),
        (Value::Signed(-3), "-3"),
        (Value::Real(0.1), "0.1"),
        (Value::Real(5.0), "5.0"),
        (Value::Real(1e300), "1e300"),
        // In any case of letters (OpenMetrics 1.0, ABNF of `number`).
        (Value::Real(f64::INFINITY), "inf"),
        (Value::Real(f64::NAN), "NaN"),
    ] {
        let text = of_family(&GAUGE, Format::Prometheus, move |samples| samples.add(&["a"], value));
        assert!(text.ends_with(&format!("}} {shown}\n")), "{text}");
    }
}

#[test]
fn a_bucket_holds_what_is_not_above_its_bound_and_all_that_is_in_those_below() {
    let mut histogram = BucketHistogram::new(&REQUEST_BOUNDS);
    for value in [1.0, 2.0, 2.5, 1e9] {
        histogram.observe(value);
    }
    let text =
        of_family(&HISTOGRAM, Format::OpenMetrics, move |samples| samples.histogram(&["a"], &histogram));
    for (bound, below) in [("0.0", 0), ("1.0", 1), ("2.0", 2), ("10.0", 3), ("1000.0", 3), ("+Inf", 4)] {
        let line = format!("_bucket{{le=\"{bound}\",process=\"a\"}} {below}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(text.contains("_sum{process=\"a\"} 1000000005.5\n"), "{text}");
    assert!(text.contains("_count{process=\"a\"} 4\n"), "{text}");
}

/// What a family is when it is read back from its message.
fn message(
    family: &'static Family,
    write: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
) -> prometheus_protobuf::prometheus_data_model::MetricFamily {
    let bytes = encoded(Written(family, Format::Protobuf, write), Format::Protobuf);
    prost::Message::decode_length_delimited(&*bytes).expect("one message")
}

#[test]
fn a_native_histogram_goes_beside_the_buckets_in_a_message_and_nowhere_else() {
    let observed = |native| {
        let mut histogram = BucketHistogram::new(&REQUEST_BOUNDS);
        for value in [0.0, 1.0, 5.0, 5.0] {
            histogram.observe_with_native(value, native);
        }
        histogram
    };
    for native in [false, true] {
        let histogram = observed(native);
        let family = message(&HISTOGRAM, move |samples| samples.histogram(&["a"], &histogram));
        assert_eq!(family.name, "whohungup_waits_seconds");
        let read = family.metric[0].histogram.as_ref().expect("a histogram");
        assert_eq!((read.sample_count, read.bucket.len()), (4, REQUEST_BOUNDS.len() + 1));
        let spans: Vec<_> = read.positive_span.iter().map(|span| (span.offset, span.length)).collect();
        let expected = if native { (vec![(0, 1), (18, 1)], vec![1, 1], 1) } else { (vec![], vec![], 0) };
        assert_eq!((spans, read.positive_delta.clone(), read.zero_count), expected);
    }
    let histogram = observed(true);
    let text =
        of_family(&HISTOGRAM, Format::OpenMetrics, move |samples| samples.histogram(&["a"], &histogram));
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        REQUEST_BOUNDS.len() + 3,
        "{text}"
    );
}

#[test]
fn a_counter_in_a_message_has_its_suffix_and_its_newest_case() {
    let ends = Ends { local: ([127, 0, 0, 1], 80).into(), remote: ([127, 0, 0, 2], 4000).into() };
    let newest = Exemplar { ends, at: Duration::from_millis(1_500) };
    let family = message(&COUNTER, move |samples| samples.add_with(&["a"], 3, Some(newest)));
    let counter = family.metric[0].counter.as_ref().expect("a counter");
    assert_eq!((family.name.as_str(), counter.value), ("whohungup_waits_seconds_total", 3.0));
    assert_eq!(counter.exemplar.as_ref().map(|exemplar| exemplar.label.len()), Some(2));
}

#[test]
fn the_longest_exemplar_is_as_short_as_open_metrics_wants_it() {
    let end: SocketAddr = "[2001:db88:85a3:1111:2222:8a2e:1370:7334]:65535".parse().expect("an address");
    let newest =
        Exemplar { ends: Ends { local: end, remote: end }, at: Duration::from_millis(1_800_000_000_250) };
    let text = written(Format::OpenMetrics, move |samples| samples.add_with(&["a"], 3, Some(newest)));
    let (_, shown) = text.split_once(" # {").expect("an exemplar");
    let (labels, rest) = shown.split_once('}').expect("labels");
    assert!(rest.starts_with(" 1.0 1800000000.25\n"), "{rest}");
    let counted: usize = labels.split(',').map(|label| label.replace(['=', '"'], "").chars().count()).sum();
    assert!(counted <= 128, "{counted}: {labels}");
    let plain = written(Format::Prometheus, move |samples| samples.add_with(&["a"], 3, Some(newest)));
    assert!(!plain.contains(" # "), "{plain}");
}

#[test]
fn what_a_scraper_prefers_is_what_it_gets() {
    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    // With --enable-feature=native-histograms.
    const NATIVE_2_42: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const NATIVE_3: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    for (accept, format) in [
        (PROMETHEUS_2_42, Format::OpenMetrics),
        (PROMETHEUS_3, Format::OpenMetrics),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::Prometheus),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", Format::Prometheus),
        ("Application/OpenMetrics-Text", Format::OpenMetrics),
        ("application/openmetrics-text;q=0", Format::Prometheus),
        ("application/openmetrics-text;q=x", Format::Prometheus),
        ("*/*", Format::Prometheus),
        ("", Format::Prometheus),
        (NATIVE_2_42, Format::Protobuf),
        (NATIVE_3, Format::Protobuf),
        ("application/vnd.google.protobuf;proto=some.other.Message;encoding=delimited", Format::Prometheus),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", Format::Prometheus),
    ] {
        assert_eq!(Format::accepted(accept), format, "{accept}");
    }
}

#[test]
fn names_and_help_texts_keep_to_the_rules() {
    for family in all() {
        let Family { name, unit, help, labels, kind, .. } = family;
        let word = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !text.contains("__")
        };
        assert!(word(name) && (name.starts_with("whohungup_") || name.starts_with("process_")), "{name}");
        assert!(
            !["_total", "_info", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)),
            "{name}"
        );
        for base in ["seconds", "bytes"] {
            assert_eq!(
                name.ends_with(&format!("_{base}")),
                unit.as_ref().is_some_and(|unit| unit.as_str() == base),
                "{name} has its unit"
            );
        }
        assert!(help.len() >= 20 && !help.contains(['\\', '\n', '"', '|']), "{name}: {help}");
        assert!(!help.ends_with('.'), "{name}: {help}");
        for label in *labels {
            assert!(word(label) && *label != "le" && !name.ends_with(label), "{name}: {label}");
        }
        if let Kind::Histogram(bounds, coarse) = kind {
            assert!(coarse.iter().all(|bound| bounds.contains(bound)), "{name}: both must add up");
            assert!(bounds.is_sorted() && !bounds.contains(&f64::INFINITY), "{name}");
        }
    }
    let mut names: Vec<&str> = all().map(|family| family.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
