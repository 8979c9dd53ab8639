use super::*;
use crate::{
    close::words::{Clock, Phase, Role, Side},
    infer::{Gaps, Headroom},
};

fn timer(side: Side, seconds: f64, count: u64) -> Timer {
    Timer {
        side,
        phase: Phase::Idle,
        clock: Clock::Idle,
        seconds,
        least: seconds,
        most: seconds,
        count,
        share: 0.5,
        bins: Vec::new(),
    }
}

fn endpoint(process: &str, port: Option<u16>) -> Endpoint {
    Endpoint {
        key: EndpointKey { role: Role::Server, server_port: port, process: process.to_owned() },
        program: None,
        server: None,
        announced: None,
        closes: 9,
        verdicts: Vec::new(),
        causes: Vec::new(),
        races: Vec::new(),
        masked: 2,
        begun: 0,
        reused: 0,
        lost: 0,
        at_risk: 7,
        timers: vec![
            timer(Side::Server, 5.0, 3),
            timer(Side::Server, 75.0, 30),
            timer(Side::Server, 60.0, 30),
            timer(Side::Client, 4.0, 1),
        ],
        gaps: Gaps::default(),
        headroom: Some(Headroom { seconds: -0.5, server: 75.0, client: 75.5, open_ended: true, margin: 1.0 }),
        risk: Risk::Tie,
    }
}

fn text(metrics: &TimeoutMetrics) -> String {
    let mut registry = Registry::with_prefix("whohungup");
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("encodes");
    text
}

#[test]
fn the_strongest_timer_of_a_side_is_shown_with_headroom_and_risk() {
    let metrics = TimeoutMetrics::default();
    metrics.show(&[endpoint("nginx", Some(80))], &InferTotals::default());
    let text = text(&metrics);
    let labels = "role=\"server\",server_port=\"80\",process=\"nginx\"";
    for line in [
        format!(
            "whohungup_inferred_timeout_seconds{{{labels},side=\"server\",phase=\"idle\",clock=\"idle\"}} 75.0"
        ),
        format!(
            "whohungup_inferred_timeout_seconds{{{labels},side=\"client\",phase=\"idle\",clock=\"idle\"}} 4.0"
        ),
        format!("whohungup_idle_headroom_seconds{{{labels}}} -0.5"),
        format!("whohungup_requests_at_risk_total{{{labels}}} 7"),
        format!("whohungup_idle_races_masked_total{{{labels}}} 2"),
        format!("whohungup_endpoint_risk{{{labels},risk=\"tie\"}} 1"),
        format!("whohungup_endpoint_risk{{{labels},risk=\"losing\"}} 0"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let timers = text.lines().filter(|line| line.starts_with("whohungup_inferred_timeout_seconds{")).count();
    assert_eq!(timers, 2, "{text}");
}

#[test]
fn an_endpoint_that_is_forgotten_leaves_no_series() {
    let metrics = TimeoutMetrics::default();
    metrics.show(&[endpoint("nginx", Some(80)), endpoint("", None)], &InferTotals::default());
    assert!(text(&metrics).contains("server_port=\"unknown\",process=\"unknown\""));
    metrics.show(&[endpoint("nginx", Some(80))], &InferTotals::default());
    let text = text(&metrics);
    assert!(!text.contains("unknown\",process") && text.contains("nginx"), "{text}");
    assert!(
        text.contains("_total{role=\"server\",server_port=\"80\",process=\"nginx\"} 7"),
        "counted once: {text}"
    );
}
