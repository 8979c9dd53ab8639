use super::*;

const BINS: usize = 6 * PER_DECADE;

fn with(values: &[f64]) -> Vec<(usize, u32)> {
    let mut histogram = LogHistogram::<0, BINS>::new();
    for &seconds in values {
        histogram.add(seconds);
    }
    histogram.filled().collect()
}

#[test]
fn a_time_lies_within_its_bin_which_is_a_tenth_wide() {
    for seconds in [0.0101, 0.3, 1.01, 4.99, 5.0, 60.0, 75.0, 3600.0] {
        let [(bin, 1)] = with(&[seconds])[..] else { panic!("{seconds}: {:?}", with(&[seconds])) };
        let (from, to) = (begins(bin), begins(bin + 1));
        assert!(from <= seconds * 1.000_001 && seconds < to && to < from * 1.101, "{from} {seconds} {to}");
    }
}

#[test]
fn common_defaults_that_lie_close_together_are_distinguished() {
    for [one, other] in [[5.0, 6.0], [60.0, 65.0], [65.0, 75.0], [350.0, 400.0]] {
        assert_ne!(with(&[one]), with(&[other]), "{one} and {other}");
    }
}

#[test]
fn what_is_no_time_or_outside_is_in_the_first_or_the_last() {
    let bins = with(&[0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e9, f64::INFINITY]);
    assert_eq!(bins, [(0, 4), (BINS - 1, 2)]);
}

#[test]
fn a_histogram_of_a_part_of_the_bins_numbers_them_like_the_whole() {
    let mut part = LogHistogram::<48, 24>::new();
    for seconds in [0.5, 2.0, 50.0] {
        part.add(seconds);
    }
    let whole = with(&[2.0])[0].0;
    assert_eq!(part.filled().collect::<Vec<_>>(), [(48, 1), (whole, 1), (71, 1)]);
}

#[test]
fn a_bound_belongs_to_the_bucket_below_it_and_the_sum_is_of_all() {
    let mut histogram = BucketHistogram::new(&[1.0, 5.0]);
    for value in [0.5, 1.0, 1.5, 5.0, 6.0] {
        histogram.observe(value);
    }
    assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(1.0, 2), (5.0, 2), (f64::INFINITY, 1)]);
    assert!((histogram.sum() - 14.0).abs() < f64::EPSILON);
}
