//! However many endpoints there are, and whatever they do.

use std::time::Instant;

use fastrand::Rng;

use super::{
    Format, most_series,
    tests::{Counting, TICK, idle_close},
};
use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    connection::Progressed,
    labels::{Basis, Cause, CloseType, Closer, Race, Role, Verdict},
};

/// docs/metrics.md: what a line of a scrape takes at most, but for its exemplar.
const LINE: usize = 256;
const DOCS: &str = include_str!("../../../docs/metrics.md");

fn any<Word: Copy>(rng: &mut Rng, words: &[Word]) -> Word {
    words[rng.usize(0..words.len())]
}

/// A close of which everything is at random.
fn scattered(rng: &mut Rng, port: u16, name: &str) -> ClosedConnection {
    let mut closed = idle_close(port, name, None);
    closed.role = any(rng, Role::ALL);
    (closed.verdict, closed.closer) = (any(rng, Verdict::ALL), any(rng, Closer::ALL));
    (closed.cause, closed.close_type) = (any(rng, Cause::ALL), any(rng, CloseType::ALL));
    closed.race = rng.bool().then(|| any(rng, Race::ALL));
    closed.idle = Some(f64::from(rng.u32(0..4000)));
    closed.ends.remote.set_port(port);
    closed.uncounted = Some(RequestDelta {
        basis: any(rng, &[Basis::Http, Basis::Inferred, Basis::Turns]),
        begun: 3,
        answered: 2,
        unanswered: 1,
        reused: 1,
        short_gaps: 0,
        long_gap: Some(f64::from(rng.u32(1..4000))),
        answered_gap: None,
    });
    closed
}

fn samples(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// Without the exemplar.
fn length(line: &str) -> usize {
    line.split_once(" # ").map_or(line, |(line, _)| line).len()
}

fn assert_is_bounded(counting: &Counting, endpoints: usize) -> (usize, String) {
    assert_eq!(counting.endpoints.counters().count(), counting.endpoints.totals().endpoints);
    assert!(counting.endpoints.counters().count() <= endpoints);
    let text = counting.text();
    let (series, longest) =
        (samples(&text), text.lines().filter(|line| !line.starts_with('#')).map(length).max());
    assert!(series <= most_series(endpoints), "{series} series, at most {}", most_series(endpoints));
    assert!(longest < Some(LINE), "{longest:?} bytes in a line");
    (series, text)
}

#[test]
fn ten_thousand_endpoints_stay_under_the_bound_of_the_docs() {
    const OFFERED: u32 = 10_000;
    let mut rng = Rng::with_seed(1);
    let mut counting = Counting::new(256, TICK);
    for round in 0..4 {
        for endpoint in 0..OFFERED {
            let mut closed = scattered(&mut rng, (endpoint % 60_000) as u16, "a\"b\\c\nd\"e\"f\"g\"");
            closed.at_ns = u64::from(round * OFFERED + endpoint) * 10_000_000;
            counting.close(&closed);
            let ClosedConnection { ends, process, uncounted: Some(requests), .. } = closed else { continue };
            let progressed = Progressed { role: closed.role, ends, process, workload: None, requests };
            counting.progress_at(&progressed, closed.at_ns);
        }
    }
    let began = Instant::now();
    let taken = counting.scrape();
    let (taking, began) = (began.elapsed(), Instant::now());
    let bytes = taken.text(Format::OpenMetrics).len();
    let writing = began.elapsed();
    let (series, text) = assert_is_bounded(&counting, 256);
    println!(
        "{series} series of at most {}, {bytes} bytes, taken in {taking:?}, written in {writing:?}",
        most_series(256)
    );
    assert!(text.contains("server_port=\"other\"") && series > 20_000, "{series}");
    assert!(DOCS.contains(&format!("under {LINE} bytes")));
}

#[test]
fn an_endpoint_that_does_everything_comes_near_the_bound_and_stays_under_it() {
    const ENDPOINTS: usize = 2;
    let mut rng = Rng::with_seed(2);
    let mut counting = Counting::new(ENDPOINTS, TICK);
    for _ in 0..60_000 {
        let port = rng.u16(1..20);
        counting.close(&scattered(&mut rng, port, &format!("server {port}")));
    }
    let (series, _) = assert_is_bounded(&counting, ENDPOINTS);
    // No endpoint has all the timers that are looked for.
    assert!(series > most_series(ENDPOINTS) * 4 / 5, "{series} of {}", most_series(ENDPOINTS));
}
