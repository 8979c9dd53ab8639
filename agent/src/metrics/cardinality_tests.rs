//! However many endpoints there are, and whatever they do.

use std::{io::Write as _, time::Instant};

use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};

use super::{
    Format, Histograms, most_series,
    tests::{Counting, TICK, idle_close},
};
use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    connection::Progressed,
    labels::{Basis, Cause, CloseType, Closer, Race, Role, Verdict},
};

/// docs/metrics.md: what a line of a scrape takes at most, but for its exemplar.
const LINE: usize = 256;
/// `--max-endpoints` by default.
const ENDPOINTS: usize = 1000;
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

/// As the daemon sends it.
fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("write to memory");
    encoder.finish().expect("write to memory")
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
    let most = most_series(endpoints, counting.histograms());
    assert!(series <= most, "{series} series, at most {most}");
    assert!(longest < Some(LINE), "{longest:?} bytes in a line");
    (series, text)
}

/// As many endpoints as are distinguished by default, each close of which is unlike any other.
fn all_different(histograms: Histograms) -> Counting {
    const OFFERED: u32 = 10_000;
    let mut rng = Rng::with_seed(1);
    let mut counting = Counting::telling(histograms, ENDPOINTS, TICK);
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
    counting
}

/// As many HTTP servers and clients, each with keep-alive, one idle timer, and some connections that close at once.
fn usual(histograms: Histograms) -> Counting {
    let mut rng = Rng::with_seed(1);
    let mut counting = Counting::telling(histograms, ENDPOINTS, TICK);
    for round in 0..20_u64 {
        for endpoint in 0..ENDPOINTS {
            let mut closed = idle_close(8000 + endpoint as u16 / 2, "gunicorn", None);
            if endpoint % 2 == 1 {
                closed.role = Role::Client;
                closed.ends.remote.set_port(8000 + endpoint as u16 / 2);
            }
            closed.at_ns = round * 1_000_000_000 + endpoint as u64;
            closed.idle = Some(5.0 + rng.f64() / 100.0);
            if round % 4 == 0 {
                (closed.verdict, closed.closer) = (Verdict::Completed, Closer::Client);
                closed.idle = None;
            }
            let long_gap = (round % 2 == 0).then(|| rng.f64() * 4.0 + 0.25);
            closed.uncounted = Some(RequestDelta {
                basis: Basis::Http,
                begun: 3,
                answered: 3,
                unanswered: 0,
                reused: 2,
                short_gaps: 1,
                long_gap,
                answered_gap: None,
            });
            counting.close(&closed);
        }
    }
    counting
}

#[test]
fn a_scrape_of_as_many_endpoints_as_there_may_be_is_as_small_as_the_docs_say() {
    for (name, make) in [("usual", usual as fn(Histograms) -> Counting), ("all different", all_different)] {
        for histograms in [Histograms::Off, Histograms::Coarse, Histograms::Full, Histograms::Native] {
            let counting = make(histograms);
            let began = Instant::now();
            let taken = counting.scrape();
            let (taking, began) = (began.elapsed(), Instant::now());
            let bytes = taken.text(Format::OpenMetrics).len();
            let writing = began.elapsed();
            let (series, text) = assert_is_bounded(&counting, ENDPOINTS);
            let began = Instant::now();
            let sent = compressed(text.as_bytes()).len();
            let message = counting.scrape().encoded(Format::Protobuf);
            let (protobuf, small) = (message.len(), compressed(&message).len());
            let memory = counting.endpoints.totals().bytes / ENDPOINTS;
            println!(
                "{name}, {histograms:?}: {series} series, {bytes} bytes, {sent} as gzip, {protobuf} and {small} as protobuf; taken in {taking:?}, written in \
                 {writing:?}, compressed in {:?}; {memory} bytes of memory for each endpoint",
                began.elapsed()
            );
            if histograms == Histograms::Coarse {
                assert!(sent < 1_000_000, "{name}: {sent} bytes on the wire");
            }
        }
    }
    assert!(DOCS.contains(&format!("under {LINE} bytes")));
}

#[test]
fn ten_thousand_endpoints_stay_under_the_bound_of_the_docs() {
    let (series, text) = assert_is_bounded(&all_different(Histograms::Full), ENDPOINTS);
    assert!(text.contains("server_port=\"other\"") && series > 60_000, "{series}");
}

#[test]
fn coarse_histograms_hold_what_full_ones_do_and_off_means_none() {
    let [off, coarse, full] = [Histograms::Off, Histograms::Coarse, Histograms::Full].map(|histograms| {
        let mut counting = Counting::telling(histograms, 4, TICK);
        let mut rng = Rng::with_seed(3);
        (0..2_000).for_each(|_| counting.close(&scattered(&mut rng, 80, "a")));
        counting.text()
    });
    assert!(!off.contains("_bucket"), "{off}");
    let buckets: Vec<&str> = coarse.lines().filter(|line| line.contains("_bucket{")).collect();
    let full: std::collections::HashSet<&str> = full.lines().collect();
    assert!(buckets.len() > 50 && buckets.iter().all(|line| full.contains(line)), "{coarse}");
    let sums = |text: &str| {
        text.lines().filter(|line| line.contains("_sum{")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(sums(&coarse).iter().all(|line| full.contains(line.as_str())), "{coarse}");
}

#[test]
fn an_endpoint_that_does_everything_comes_near_the_bound_and_stays_under_it() {
    const FEW: usize = 2;
    let mut rng = Rng::with_seed(2);
    let mut counting = Counting::telling(Histograms::Full, FEW, TICK);
    for _ in 0..60_000 {
        let port = rng.u16(1..20);
        counting.close(&scattered(&mut rng, port, &format!("server {port}")));
    }
    let (series, _) = assert_is_bounded(&counting, FEW);
    let most = most_series(FEW, Histograms::Full);
    // No endpoint has all the timers that are looked for.
    assert!(series > most * 4 / 5, "{series} of {most}");
}
