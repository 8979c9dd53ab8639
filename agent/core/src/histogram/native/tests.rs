use super::*;

fn with(values: &[f64]) -> NativeBuckets {
    let mut buckets = NativeBuckets::default();
    for &value in values {
        buckets.observe(value);
    }
    buckets
}

/// As the specification has them.
fn bounds(index: i32) -> (f64, f64) {
    let bound = |index: i32| (f64::from(index) / f64::from(1 << SCHEMA)).exp2();
    (bound(index - 1), bound(index))
}

#[test]
fn a_value_lies_above_the_lower_bound_of_its_bucket_and_not_above_the_upper() {
    for value in [0.001, 0.02, 0.5, 1.0, 1.05, 4.0, 5.0, 6.003, 60.06, 75.0, 3600.0, 1_000_000.0] {
        let (low, high) = bounds(index(value));
        assert!(low < value && value <= high, "{low} {value} {high}");
        assert!(high / low < 1.1);
    }
}

#[test]
fn zero_and_what_is_no_time_are_in_the_zero_bucket() {
    let buckets = with(&[0.0, ZERO_THRESHOLD, -1.0, f64::NAN]);
    assert_eq!((buckets.zero_count(), buckets.spans()), (4, vec![]));
}

#[test]
fn spans_and_deltas_are_those_of_the_specification() {
    // Indices 1, 2, 2, 2, 8 and 24.
    let buckets = with(&[1.05, 1.1, 1.15, 1.18, 2.0, 8.0]);
    assert_eq!(buckets.spans(), [(1, 2), (5, 1), (15, 1)]);
    assert_eq!(buckets.deltas(), [1, 2, -2, 0]);
}

#[test]
fn indices_below_one_begin_with_a_negative_offset() {
    let buckets = with(&[0.5, 1.0]);
    assert_eq!((buckets.spans(), buckets.deltas()), (vec![(-8, 1), (7, 1)], vec![1, 0]));
}

#[test]
fn two_add_up_to_one_that_saw_all() {
    let mut one = with(&[0.0, 1.0, 5.0]);
    one.absorb(&with(&[0.0, 3.0, 5.0]));
    assert_eq!(one, with(&[0.0, 0.0, 1.0, 3.0, 5.0, 5.0]));
}

#[test]
fn whatever_comes_there_is_a_bound_on_the_buckets() {
    let mut buckets = NativeBuckets::default();
    for exponent in -2000..2000 {
        buckets.observe((f64::from(exponent) / 20.0).exp2());
    }
    buckets.observe(f64::INFINITY);
    assert_eq!(buckets.filled.len(), 30 * 8);
}
