use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::{
    close::{
        Close,
        words::{Basis, Cause, Confidence, How, Phase, Verdict},
    },
    track::{Ends, Process, Requests},
};

#[path = "requests_tests.rs"]
mod requests_tests;

const TICK: f64 = 0.004;

fn report(port: u16, name: &str, race: Option<Race>) -> Report {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Report {
        close: Close {
            at_ns: 0,
            role: Role::Server,
            closer: Closer::Server,
            how: How::Fin,
            phase: Phase::Idle,
            verdict: if race.is_some() { Verdict::IdleRace } else { Verdict::ServerIdle },
            cause: Cause::Unknown,
            race,
            masked: false,
            confidence: Confidence::Exact,
            basis: Basis::Http,
            in_flight: Some(0),
            requests: Some(3),
            requests_begun: Some(3),
            reuse_gap: None,
            keep_alive: None,
            server: None,
            outcome: None,
            age: Some(6.0),
            idle: Some(5.0),
            silent: Some(5.0),
            request: None,
            bytes_sent: 1,
            bytes_received: 1,
            adopted: false,
            evidence: Vec::new(),
        },
        ends: Ends { local: address(port), remote: address(40000) },
        netns: 1,
        cgroup_id: None,
        process: Some(Process { pid: Some(1), comm }),
        closed_by: None,
        requests: None,
        amends: false,
        cookie: 1,
    }
}

fn metrics(max_endpoints: usize) -> Metrics {
    let build = BuildInfo { version: "1.2.3", kernel: "6.1".to_owned(), object: "built in".to_owned() };
    Metrics::new(max_endpoints, &build, TICK)
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn a_close_is_counted_once_with_its_labels() {
    let mut metrics = metrics(8);
    metrics.close(&report(80, "nginx", None));
    let text = metrics.scrape(&Snapshot::default()).expect("encodes");
    let series = "whohungup_closes_total{role=\"server\",server_port=\"80\",process=\"nginx\",verdict=\"server-idle\",closer=\"server\",cause=\"unknown\",how=\"fin\"}";
    assert_eq!(value(&text, series), Some(1.0), "{text}");
    assert_eq!(
        value(&text, "whohungup_idle_at_close_seconds_sum{role=\"server\",closer=\"server\"}"),
        Some(5.0)
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_amendment_counts_the_race_and_not_the_close_again() {
    let mut metrics = metrics(8);
    metrics.close(&report(80, "nginx", None));
    metrics.close(&Report { amends: true, ..report(80, "nginx", Some(Race::Stale)) });
    let text = metrics.scrape(&Snapshot::default()).expect("encodes");
    let races =
        "whohungup_idle_races_total{kind=\"stale\",role=\"server\",server_port=\"80\",process=\"nginx\"}";
    assert_eq!(value(&text, races), Some(1.0), "{text}");
    assert_eq!(value(&text, "whohungup_amended_closes_total"), Some(1.0));
    let closes: f64 = text
        .lines()
        .filter(|line| line.starts_with("whohungup_closes_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!((closes - 1.0).abs() < f64::EPSILON);
}

#[test]
fn endpoints_over_the_bound_share_one_series() {
    let mut metrics = metrics(16);
    for port in 1..=1000 {
        metrics.close(&report(port, "scan", None));
    }
    let text = metrics.scrape(&Snapshot::default()).expect("encodes");
    let series = text.lines().filter(|line| line.starts_with("whohungup_closes_total{")).count();
    assert_eq!(series, 17);
    assert_eq!(value(&text, "whohungup_endpoints_over_limit_total"), Some(984.0));
}

#[test]
fn hostile_names_cannot_break_the_text() {
    let mut metrics = metrics(8);
    metrics.close(&report(80, "a\"}\n\\b", None));
    let text = metrics.scrape(&Snapshot::default()).expect("encodes");
    let line = text.lines().find(|line| line.starts_with("whohungup_closes_total{")).expect("a series");
    assert!(line.contains(r#"process="a\"}\n\\b""#), "{line}");
}

#[test]
fn totals_follow_the_snapshot_and_never_fall() {
    let mut metrics = metrics(8);
    let mut snapshot = Snapshot::default();
    snapshot.totals.opened = 10;
    assert_eq!(
        value(&metrics.scrape(&snapshot).expect("encodes"), "whohungup_connections_opened_total"),
        Some(10.0)
    );
    snapshot.totals.opened = 7;
    assert_eq!(
        value(&metrics.scrape(&snapshot).expect("encodes"), "whohungup_connections_opened_total"),
        Some(10.0)
    );
}
