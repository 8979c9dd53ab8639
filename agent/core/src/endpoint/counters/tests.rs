use super::*;
use crate::testing::{requests, server_idle};

const SCALE: Scale = Scale { tick: 0.004, native: false };

fn http(counters: &Counters) -> &RequestCounts {
    counters.requests[0].as_deref().expect("requests that were read")
}

#[test]
fn short_gaps_have_a_counter_of_their_own_so_that_the_mean_of_the_histogram_is_of_what_it_counts() {
    let mut counters = Counters::new();
    counters.count(&requests(8, 5, Some(4.0)), SCALE);
    counters.count(&requests(3, 2, Some(8.0)), SCALE);
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
                counters.close(&closed, SCALE);
            }
        }
    }
    let bytes = counters.bytes();
    assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES * 9 / 10, "{bytes} bytes, at most {MOST_BYTES}");
}

#[test]
fn native_histograms_are_kept_where_they_are_wanted_and_nowhere_else() {
    for native in [false, true] {
        let mut counters = Counters::new();
        let scale = Scale { native, ..SCALE };
        counters.close(&server_idle(80, "nginx"), scale);
        counters.count(&requests(8, 5, Some(4.0)), scale);
        let gaps = http(&counters).gaps.as_ref();
        for histogram in [counters.idle[1].as_ref(), Some(&counters.requests_each), gaps] {
            let histogram = histogram.expect("counted");
            let counted = histogram.native().map(|native| native.deltas().len());
            assert_eq!(counted, native.then_some(1));
        }
    }
}

#[test]
fn native_histograms_take_no_more_than_is_said() {
    let mut counters = Counters::new();
    let scale = Scale { native: true, ..SCALE };
    for step in -100..200 {
        let value = (f64::from(step) / 8.0).exp2();
        for closer in IDLE_CLOSERS {
            let idle = Some(value);
            let requests = Some(value as u32);
            counters.close(&ClosedConnection { closer, requests, idle, ..server_idle(80, "nginx") }, scale);
        }
        for basis in REQUEST_BASES {
            counters.count(&RequestDelta { basis, ..requests(3, 1, Some(value)) }, scale);
        }
    }
    let bytes = counters.bytes();
    assert!((MOST_BYTES..MOST_BYTES + 36 * 1024).contains(&bytes), "{bytes}");
}
