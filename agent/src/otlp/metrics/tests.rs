use super::*;
use crate::metrics::sample_scrape;

/// The number of samples that Prometheus counts for it.
fn samples(metric: &Metric) -> usize {
    match metric.data.as_ref().expect("data") {
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Sum(sum) => sum.data_points.len(),
        Data::Histogram(histogram) => {
            // The buckets, +Inf among them, the sum and the count.
            histogram.data_points.iter().map(|point| point.bucket_counts.len() + 2).sum()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_sample_of_a_scrape_is_in_the_export_once() {
    let text = sample_scrape().text(metrics::Format::Prometheus);
    let lines = text.lines().filter(|line| !line.starts_with('#')).count();
    let request = request(&Resource::default(), sample_scrape(), 7);
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    assert_eq!(metrics.iter().map(samples).sum::<usize>(), lines);
}

#[test]
fn a_histogram_is_what_the_text_says() {
    let request = request(&Resource::default(), sample_scrape(), 7);
    let all = &request.resource_metrics[0].scope_metrics[0].metrics;
    let mut histograms = 0;
    for metric in all {
        let Some(Data::Histogram(histogram)) = &metric.data else { continue };
        for point in &histogram.data_points {
            histograms += 1;
            assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
            assert!(point.explicit_bounds.is_sorted());
            assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
            assert_eq!(point.time_unix_nano, 7);
        }
    }
    assert!(histograms > 0);
}
