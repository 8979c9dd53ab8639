use super::*;
use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    connection::{OpenState, Progressed},
    endpoint::{Endpoints, InferLimits},
    labels::{Basis, Cause, CloseType, Race, Verdict},
    testing,
};

mod requests;
mod timeouts;

pub(super) const TICK: f64 = 0.004;

pub(super) fn idle_close(port: u16, name: &str, race: Option<Race>) -> ClosedConnection {
    let verdict = if race.is_some() { Verdict::IdleRace } else { Verdict::ServerIdle };
    ClosedConnection { verdict, race, at_ns: 0, ..testing::server_idle(port, name) }
}

pub(super) fn usual_labels() -> WorkloadLabels {
    WorkloadLabels::new(WorkloadLabel::USUAL.to_vec(), Arc::default())
}

/// Metrics with the table that says which endpoints there are.
pub(super) struct Counting {
    pub(super) endpoints: Endpoints,
    pub(super) metrics: Metrics,
}

impl Counting {
    pub(super) fn new(endpoints: usize, tick: f64) -> Self {
        Self::telling(Histograms::Coarse, endpoints, tick)
    }

    pub(super) fn telling(histograms: Histograms, endpoints: usize, tick: f64) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        let build = BuildInfo { version: "1.2.3", kernel: "6.1".to_owned(), object: "built in".to_owned() };
        let metrics = Metrics::new(build, usual_labels(), histograms);
        let mut endpoints = Endpoints::new(limits, tick);
        if histograms == Histograms::Native {
            endpoints.keep_native_histograms();
        }
        Self { endpoints, metrics }
    }

    pub(super) fn histograms(&self) -> Histograms {
        self.metrics.histograms
    }

    pub(super) fn close(&mut self, closed: &ClosedConnection) {
        let mut closed = closed.clone();
        self.endpoints.close(&mut closed, false);
        self.metrics.close(&closed);
    }

    pub(super) fn progress_at(&mut self, progressed: &Progressed, now_ns: u64) {
        self.endpoints.progress(progressed, now_ns);
    }

    fn progress(&mut self, progressed: &Progressed) {
        self.progress_at(progressed, 0);
    }

    pub(super) fn expire(&mut self, now_ns: u64) {
        self.endpoints.expire(now_ns);
    }

    pub(super) fn scrape(&self) -> Scrape {
        let inferred = self.endpoints.totals();
        self.metrics.scrape(&self.endpoints, Snapshot { inferred, ..Snapshot::default() })
    }

    pub(super) fn text(&self) -> String {
        self.scrape().text(Format::OpenMetrics)
    }
}

fn metrics(max_endpoints: usize) -> Counting {
    Counting::new(max_endpoints, TICK)
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn a_close_is_counted_once_with_its_labels() {
    let mut metrics = metrics(8);
    metrics.close(&idle_close(80, "nginx", None));
    let text = metrics.text();
    let series = "whohungup_closes_total{role=\"server\",server_port=\"80\",process=\"nginx\",verdict=\"server-idle\",closer=\"server\",cause=\"unknown\",close_type=\"fin\"}";
    assert_eq!(value(&text, series), Some(1.0), "{text}");
    assert_eq!(
        value(
            &text,
            "whohungup_idle_at_close_seconds_sum{role=\"server\",server_port=\"80\",process=\"nginx\",closer=\"server\"}"
        ),
        Some(5.0)
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_amendment_counts_the_race_and_not_the_close_again() {
    let mut metrics = metrics(8);
    metrics.close(&idle_close(80, "nginx", None));
    metrics.close(&ClosedConnection { amends: true, ..idle_close(80, "nginx", Some(Race::Stale)) });
    let text = metrics.text();
    let races =
        "whohungup_idle_races_total{role=\"server\",server_port=\"80\",process=\"nginx\",kind=\"stale\"}";
    let race = text.lines().find_map(|line| line.strip_prefix(races)).expect("the race");
    assert_eq!(race, " 1 # {local=\"127.0.0.1:80\",remote=\"127.0.0.1:40000\"} 1.0 0.0");
    assert_eq!(value(&text, "whohungup_closes_reclassified_total"), Some(1.0));
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
        metrics.close(&idle_close(port, "scan", None));
    }
    let text = metrics.text();
    let series = text.lines().filter(|line| line.starts_with("whohungup_closes_total{")).count();
    assert_eq!(series, 17);
    let others = "whohungup_closes_total{role=\"server\",server_port=\"other\",process=\"other\",verdict=\"server-idle\",closer=\"server\",cause=\"unknown\",close_type=\"fin\"}";
    assert_eq!(value(&text, others), Some(984.0));
}

#[test]
fn what_an_endpoint_does_in_more_ways_than_are_distinguished_is_counted_by_verdict_and_closer() {
    let mut metrics = metrics(8);
    let mut closes = 0.0;
    for &cause in Cause::ALL {
        for &how in CloseType::ALL {
            let mut close = idle_close(80, "nginx", None);
            (close.cause, close.close_type) = (cause, how);
            metrics.close(&close);
            closes += 1.0;
        }
    }
    let text = metrics.text();
    let all: Vec<&str> = text.lines().filter(|line| line.starts_with("whohungup_closes_total{")).collect();
    assert_eq!(all.len(), 33);
    let beyond =
        all.iter().find(|line| line.contains("cause=\"other\",close_type=\"other\"")).expect("the rest");
    assert!(beyond.ends_with(&format!(" {}", closes - 32.0)), "{beyond}");
}

#[test]
fn an_endpoint_that_was_quiet_for_an_hour_leaves_every_family_and_returns_at_zero() {
    const HOUR: u64 = 3_600_000_000_000;
    let mut metrics = metrics(1);
    metrics.close(&idle_close(80, "nginx", None));
    metrics.close(&idle_close(81, "late", None));
    assert!(metrics.text().contains("server_port=\"other\""), "no room for the second");
    metrics.expire(HOUR);
    assert!(metrics.text().contains("process=\"nginx\""), "not yet");
    metrics.expire(HOUR + 1);
    let text = metrics.text();
    assert!(!text.contains("nginx"), "{text}");
    assert_eq!(value(&text, "whohungup_endpoints_expired_total"), Some(1.0));
    let mut back = idle_close(81, "late", None);
    back.at_ns = HOUR + 2;
    metrics.close(&back);
    let text = metrics.text();
    let mut closes = text.lines().filter(|line| line.starts_with("whohungup_closes_total{"));
    assert!(
        closes.any(|line| line.contains("process=\"late\"") && line.ends_with(" 1")),
        "its room is free: {text}"
    );
    assert_eq!(metrics.endpoints.counters().count(), 1);
}

#[test]
fn an_endpoint_that_made_room_leaves_no_series_behind() {
    const MINUTE: u64 = 60_000_000_000;
    let mut metrics = metrics(4);
    for port in 1..=100 {
        let mut closed = idle_close(port, "scan", None);
        closed.at_ns = u64::from(port) * MINUTE;
        metrics.close(&closed);
        assert!(metrics.endpoints.counters().count() <= 4, "port {port}");
    }
    let text = metrics.text();
    assert!(text.contains("server_port=\"100\"") && !text.contains("server_port=\"96\""), "{text}");
    assert_eq!(value(&text, "whohungup_table_evictions_total{table=\"endpoints\"}"), Some(96.0));
}

#[test]
fn a_scrape_shows_one_moment_though_counting_goes_on() {
    let mut metrics = metrics(8);
    metrics.close(&idle_close(80, "nginx", None));
    let (taken, before) = (metrics.scrape(), metrics.text());
    metrics.close(&idle_close(80, "nginx", None));
    metrics.close(&idle_close(81, "caddy", None));
    assert_eq!(taken.text(Format::OpenMetrics), before);
    assert!(metrics.text().contains("caddy"));
}

#[test]
fn the_balance_is_what_is_neither_open_nor_closed() {
    let mut snapshot =
        Snapshot { open: vec![(Role::Client, OpenState::Established, 3)], ..Snapshot::default() };
    (snapshot.totals.opened, snapshot.totals.adopted, snapshot.totals.closed) = (10, 2, 9);
    assert_eq!(snapshot.balance(), 0);
    snapshot.totals.closed = 11;
    assert_eq!(snapshot.balance(), -2);
}
