//! Requests by endpoint.

use super::*;

const SERVER: &str = "role=\"server\",server_port=\"80\",process=\"nginx\",basis=\"http\"";

fn requests(begun: u32, answered: u32, unanswered: u32) -> RequestDelta {
    RequestDelta {
        basis: Basis::Http,
        begun,
        answered,
        unanswered,
        reused: begun.saturating_sub(1),
        short_gaps: begun.saturating_sub(1),
        long_gap: None,
        answered_gap: None,
    }
}

fn closed(requests: RequestDelta, verdict: Verdict) -> ClosedConnection {
    let mut closed = ClosedConnection { uncounted: Some(requests), ..idle_close(80, "nginx", None) };
    closed.verdict = verdict;
    closed
}

fn progressed(requests: RequestDelta) -> Progressed {
    let ClosedConnection { ends, process, .. } = idle_close(80, "nginx", None);
    Progressed { role: Role::Server, ends, process, workload: None, requests }
}

fn scrape(metrics: &mut Counting) -> String {
    metrics.text()
}

/// The value of a series of nginx's at port 80; `more` begins with a comma.
fn counted(text: &str, name: &str, more: &str) -> Option<f64> {
    value(text, &format!("whohungup_{name}{{{SERVER}{more}}}"))
}

#[test]
fn requests_counted_while_the_connection_lived_and_the_rest_at_its_close_add_up() {
    let mut metrics = metrics(8);
    metrics.progress(&progressed(requests(256, 255, 0)));
    metrics.close(&closed(requests(44, 44, 1), Verdict::PrematureHangup));
    let text = scrape(&mut metrics);
    assert_eq!(counted(&text, "requests_started_total", ""), Some(300.0), "{text}");
    assert_eq!(counted(&text, "requests_completed_total", ""), Some(299.0));
    assert_eq!(counted(&text, "connection_reuses_total", ""), Some(298.0));
    let unanswered =
        |verdict| counted(&text, "requests_unanswered_total", &format!(",verdict=\"{verdict}\""));
    assert_eq!(unanswered("premature-hangup"), Some(1.0));
    assert_eq!(unanswered("idle-race"), Some(0.0), "there before the first");
    assert_eq!(unanswered("completed"), None);
}

#[test]
fn each_long_gap_falls_in_its_bucket_and_short_ones_have_a_counter() {
    let mut metrics = Counting::telling(Histograms::Full, 8, TICK);
    metrics.progress(&progressed(RequestDelta {
        reused: 5,
        short_gaps: 4,
        long_gap: Some(5.0),
        ..requests(5, 4, 0)
    }));
    metrics.progress(&progressed(RequestDelta {
        reused: 1,
        short_gaps: 0,
        long_gap: Some(61.0),
        ..requests(1, 1, 0)
    }));
    let text = scrape(&mut metrics);
    let below =
        |bound: &str| value(&text, &format!("whohungup_reuse_gap_seconds_bucket{{le=\"{bound}\",{SERVER}}}"));
    assert_eq!(counted(&text, "short_reuse_gaps_total", ""), Some(4.0), "{text}");
    assert_eq!(below("0.5"), Some(0.0));
    assert_eq!((below("2.0"), below("5.0")), (Some(0.0), Some(1.0)));
    assert_eq!((below("60.0"), below("65.0"), below("+Inf")), (Some(1.0), Some(2.0), Some(2.0)));
    assert_eq!(counted(&text, "reuse_gap_seconds_count", ""), Some(2.0));
    assert_eq!(counted(&text, "reuse_gap_seconds_sum", ""), Some(66.0));
    assert_eq!(counted(&text, "reuse_gap_max_seconds", ""), Some(61.0));
}

#[test]
fn no_bucket_ends_below_the_gaps_that_are_not_timed() {
    // Clock ticks of 10 ms: gaps up to 0.61 s are only counted.
    let mut metrics = Counting::telling(Histograms::Full, 8, 0.01);
    metrics.progress(&progressed(RequestDelta { long_gap: Some(5.0), ..requests(5, 4, 0) }));
    let text = scrape(&mut metrics);
    let buckets: Vec<&str> =
        text.lines().filter(|line| line.starts_with("whohungup_reuse_gap_seconds_bucket")).collect();
    assert!(buckets[0].contains("le=\"1.0\"") && buckets[0].ends_with(" 0"), "{buckets:#?}");
    assert_eq!(counted(&text, "short_reuse_gaps_total", ""), Some(4.0), "{text}");
}

#[test]
fn an_endpoint_that_nobody_came_back_to_has_no_gaps() {
    let mut metrics = metrics(8);
    metrics.close(&closed(requests(1, 1, 0), Verdict::Completed));
    let text = scrape(&mut metrics);
    assert_eq!(counted(&text, "connection_reuses_total", ""), Some(0.0), "{text}");
    assert!(!text.contains("\nwhohungup_reuse_gap_seconds_bucket"), "{text}");
}

#[test]
fn turns_of_an_encrypted_connection_are_not_added_to_requests_that_were_read() {
    let mut metrics = metrics(8);
    metrics.close(&closed(requests(2, 2, 0), Verdict::ServerIdle));
    let turns = RequestDelta { basis: Basis::Inferred, ..requests(7, 7, 0) };
    metrics.close(&closed(turns, Verdict::ServerIdle));
    let text = scrape(&mut metrics);
    assert_eq!(counted(&text, "requests_started_total", ""), Some(2.0), "{text}");
    let inferred = SERVER.replace("http", "inferred");
    assert_eq!(value(&text, &format!("whohungup_requests_started_total{{{inferred}}}")), Some(7.0));
}

#[test]
fn an_amended_close_adds_the_request_that_came_late() {
    let mut metrics = metrics(8);
    metrics.close(&closed(requests(2, 2, 0), Verdict::ServerIdle));
    let late = closed(requests(1, 0, 1), Verdict::IdleRace);
    metrics.close(&ClosedConnection { amends: true, ..late });
    let text = scrape(&mut metrics);
    assert_eq!(counted(&text, "requests_started_total", ""), Some(3.0), "{text}");
    assert_eq!(counted(&text, "requests_unanswered_total", ",verdict=\"idle-race\""), Some(1.0));
}

#[test]
fn requests_of_endpoints_over_the_bound_share_one_series() {
    let mut metrics = metrics(16);
    for port in 1..=1000 {
        metrics.close(&ClosedConnection {
            uncounted: Some(requests(3, 3, 0)),
            ..idle_close(port, "scan", None)
        });
        let ClosedConnection { ends, process, .. } = idle_close(port, "scan", None);
        metrics.progress(&Progressed {
            role: Role::Server,
            ends,
            process,
            workload: None,
            requests: requests(1, 1, 0),
        });
    }
    let text = scrape(&mut metrics);
    let begun: Vec<&str> =
        text.lines().filter(|line| line.starts_with("whohungup_requests_started_total{")).collect();
    assert_eq!(begun.len(), 17);
    let other = begun.iter().find(|line| line.contains("\"other\"")).expect("what is over the bound");
    assert!(other.ends_with(&format!(" {}", 984 * 4)), "{other}");
}
