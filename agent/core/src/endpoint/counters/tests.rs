use super::*;
use crate::testing::{requests, server_idle};

const TICK: f64 = 0.004;

fn http(counters: &Counters) -> &RequestCounts {
    counters.requests[0].as_deref().expect("requests that were read")
}

#[test]
fn short_gaps_have_a_counter_of_their_own_so_that_the_mean_of_the_histogram_is_of_what_it_counts() {
    let mut counters = Counters::new();
    counters.count(&requests(8, 5, Some(4.0)), TICK);
    counters.count(&requests(3, 2, Some(8.0)), TICK);
    let RequestCounts { reuses, short_gaps, gaps, .. } = http(&counters);
    let gaps = gaps.as_ref().expect("reuses");
    let timed: u64 = gaps.buckets().map(|(_, count)| count).sum();
    assert_eq!((*reuses, *short_gaps, timed), (9, 7, 2));
    assert!((gaps.sum() / timed as f64 - 6.0).abs() < 1e-9, "the mean of 4 and 8, not of nine gaps");
}

#[test]
fn what_is_shared_is_within_its_bound_when_it_is_full() {
    let mut counters = Counters::new();
    for (&verdict, &closer) in
        Verdict::ALL.iter().flat_map(|verdict| Closer::ALL.iter().map(move |closer| (verdict, closer)))
    {
        for &cause in Cause::ALL {
            for basis in REQUEST_BASES {
                let uncounted = RequestDelta { basis, ..requests(3, 1, Some(5.0)) };
                let closed = ClosedConnection {
                    verdict,
                    closer,
                    cause,
                    uncounted: Some(uncounted),
                    ..server_idle(80, "nginx")
                };
                counters.close(&closed, TICK);
            }
        }
    }
    let bytes = counters.bytes();
    assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES * 9 / 10, "{bytes} bytes, at most {MOST_BYTES}");
}
