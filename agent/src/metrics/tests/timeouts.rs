use super::*;
use whohungup_core::{
    endpoint::{Endpoint, EndpointKey, Headroom, Risk, Timer},
    labels::{Clock, Phase, Role, Side},
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
    let mut counting = metrics(8);
    counting.close(&idle_close(80, "nginx", None));
    let seen = counting.endpoints.tracked().next().expect("an endpoint");
    Endpoint {
        key: EndpointKey {
            role: Role::Server,
            server_port: port,
            process: whohungup_core::identity::Comm::from_text(process),
            workload: None,
        },
        started: 30,
        retried: 2,
        at_risk: 7,
        timers: vec![
            timer(Side::Server, 5.0, 3),
            timer(Side::Server, 75.0, 30),
            timer(Side::Server, 60.0, 30),
            timer(Side::Client, 4.0, 1),
        ],
        headroom: Some(Headroom { seconds: -0.5, server: 75.0, client: 75.5, open_ended: true, margin: 1.0 }),
        risk: Risk::Tie,
        ..seen
    }
}

fn text(inferred: &[Endpoint]) -> String {
    let scrape = Scrape {
        inferred: inferred
            .iter()
            .map(|one| (Labels::shown(&one.key, None, &usual_labels()), one.clone()))
            .collect(),
        ..metrics(8).scrape()
    };
    scrape.text(Format::OpenMetrics)
}

#[test]
fn the_strongest_timer_of_a_side_is_shown_with_headroom_and_risk() {
    let text = text(&[endpoint("nginx", Some(80))]);
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
        format!("whohungup_endpoint_risk{{{labels},level=\"tie\"}} 1"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let timers = text.lines().filter(|line| line.starts_with("whohungup_inferred_timeout_seconds{")).count();
    assert_eq!(timers, 2, "{text}");
    let risks = text.lines().filter(|line| line.starts_with("whohungup_endpoint_risk{")).count();
    assert_eq!(risks, 1, "the current one alone: {text}");
}

#[test]
fn a_retry_is_known_at_the_client_s_end_only() {
    let mut client = endpoint("curl", Some(80));
    client.key.role = Role::Client;
    let text = text(&[endpoint("nginx", Some(80)), client]);
    let retried: Vec<&str> =
        text.lines().filter(|line| line.starts_with("whohungup_idle_races_retried_total{")).collect();
    assert_eq!(
        retried,
        ["whohungup_idle_races_retried_total{role=\"client\",server_port=\"80\",process=\"curl\"} 2"]
    );
}

#[test]
fn an_endpoint_without_port_or_name_is_shown_as_unknown() {
    let text = text(&[endpoint("nginx", Some(80)), endpoint("", None)]);
    assert!(text.contains("whohungup_idle_headroom_seconds{role=\"server\",server_port=\"unknown\",process=\"unknown\"} -0.5"), "{text}");
}
