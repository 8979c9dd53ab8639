use super::*;
use crate::{
    advice::fixtures::{endpoint, losses, products, risky},
    close::LossReason,
    endpoint::Risk,
    filter::Filter,
    labels::{Clock, Verdict},
};

fn built(endpoints: &[Endpoint]) -> ReportModel {
    build(endpoints, &products(), Meta::default())
}

#[test]
fn the_worst_comes_first_and_advice_before_none() {
    let mut slow = endpoint(Role::Client, "slow");
    slow.timers.push(Timer {
        phase: crate::labels::Phase::Waiting,
        ..crate::advice::fixtures::timer(Side::Client, 30.0, 5)
    });
    let mut busy = endpoint(Role::Client, "busy");
    busy.closes = 1_000_000;
    let mut worst = risky(Role::Server, "worst", Risk::Losing, 6.0, None);
    worst.lost = 50;
    worst.losses = losses(LossReason::IdleRace, 50);
    let model = built(&[
        busy,
        slow,
        risky(Role::Server, "tie", Risk::Tie, 30.0, Some(30.0)),
        risky(Role::Server, "losing", Risk::Losing, 6.0, None),
        worst,
    ]);
    let order: Vec<_> = model.endpoints.iter().map(|report| report.endpoint.key.process.as_str()).collect();
    assert_eq!(order, ["worst", "losing", "tie", "slow", "busy"]);
    assert!(model.endpoints[4].is_quiet() && !model.endpoints[3].is_quiet());
}

#[test]
fn both_ends_on_one_host_know_each_other_by_their_timer_and_not_by_the_port_alone() {
    let server = risky(Role::Server, "node", Risk::Losing, 6.0, None);
    let client = risky(Role::Client, "go", Risk::Losing, 6.0, None);
    let model = built(&[server.clone(), client.clone()]);
    assert_eq!(model.endpoints[0].peer.as_deref(), Some("go"));
    assert!(
        model.endpoints[0].advice[0].text.contains("100000"),
        "Go's 90 s: {:#?}",
        model.endpoints[0].advice
    );
    assert!(
        model.endpoints[1].advice[1].text.contains("keepAliveTimeout"),
        "{:#?}",
        model.endpoints[1].advice
    );

    let elsewhere = risky(Role::Client, "go", Risk::Losing, 60.0, None);
    let model = built(&[server.clone(), elsewhere]);
    assert!(model.endpoints.iter().all(|report| report.peer.is_none()));

    let model = built(&[server, client.clone(), risky(Role::Client, "curl", Risk::Losing, 6.0, None)]);
    assert!(model.endpoints[0].peer.is_none(), "two clients: either may be the other end");
}

#[test]
fn the_model_goes_through_json_unchanged() {
    let mut one = risky(Role::Server, "a\"b\u{1b}", Risk::Tie, 30.0, Some(30.0));
    one.key.server_port = None;
    let mut model = built(&[one, endpoint(Role::Unknown, "")]);
    model.meta.observed_seconds = 1.5;
    let json = serde_json::to_string(&model).expect("encodes");
    assert_eq!(serde_json::from_str::<ReportModel>(&json).expect("decodes"), model);
    assert!(json.starts_with("{\"schema\":\"whohungup.report/2\",\"meta\":{"), "{json}");
}

#[test]
fn the_unknown_share_is_of_all_closes() {
    let mut one = endpoint(Role::Server, "a");
    one.verdicts = vec![(Verdict::Unknown, 25), (Verdict::ServerIdle, 75)];
    let model = built(&[one, endpoint(Role::Client, "b")]);
    assert_eq!(model.meta.closes, 200);
    assert!((model.meta.unknown_share - 0.125).abs() < 1e-9);
}

#[test]
fn only_wanted_ports_and_processes_are_kept() {
    let mut model = built(&[endpoint(Role::Server, "a"), endpoint(Role::Server, "b")]);
    model.keep(&Filter { ports: vec![8080], processes: vec!["b".to_owned()], ..Filter::default() });
    assert_eq!(model.endpoints.len(), 1);
    model.keep(&Filter { ports: vec![1], ..Filter::default() });
    assert!(model.endpoints.is_empty());
}

/// A process with a timer of the client's side that ends requests which wait for their response.
fn waiting(role: Role, process: &str, port: u16, seconds: f64) -> Endpoint {
    use crate::labels::{Clock, Phase};
    let mut endpoint = endpoint(role, process);
    endpoint.key.server_port = Some(port);
    endpoint.timers = [Clock::Request, Clock::Silent]
        .map(|clock| Timer {
            phase: Phase::Waiting,
            clock,
            ..crate::advice::fixtures::timer(Side::Client, seconds, 8)
        })
        .into();
    endpoint
}

fn of_port(model: &ReportModel, port: u16) -> &EndpointReport {
    let mut of_port = model.endpoints.iter().filter(|one| one.endpoint.key.server_port == Some(port));
    of_port.next().expect("the endpoint")
}

#[test]
fn a_gateway_whose_client_may_have_given_up_is_pointed_there() {
    let products = Products::builtin();
    let upstream = waiting(Role::Client, "nginx", 9000, 3.01);
    let model = build(std::slice::from_ref(&upstream), products, Meta::default());
    let alone = of_port(&model, 9000);
    // Of the two clocks only one is that of a setting.
    assert_eq!(alone.advice[0].setting.as_deref(), Some("proxy_read_timeout"), "{alone:#?}");

    for (process, seconds, passed_on) in [("nginx", 3.0, true), ("node", 3.0, false), ("nginx", 5.0, false)] {
        let downstream = waiting(Role::Server, process, 8080, seconds);
        let model = build(&[upstream.clone(), downstream], products, Meta::default());
        let report = of_port(&model, 9000);
        assert_eq!(report.advice[0].text.contains("port 8080"), passed_on, "{report:#?}");
        assert_eq!(report.advice[0].setting.as_deref(), Some("proxy_read_timeout"), "it may be chance");
    }
}

#[test]
fn a_server_here_goes_by_its_own_name_and_not_by_that_of_the_one_behind_it() {
    let products = Products::builtin();
    let mut server = risky(Role::Server, "haproxy", Risk::Losing, 600.0, None);
    let mut clients = ["python3", "java"].map(|process| {
        let mut client = risky(Role::Client, process, Risk::Losing, 600.0, None);
        client.timers[0].count = 30;
        client
    });
    for endpoint in clients.iter_mut().chain([&mut server]) {
        endpoint.server = Some("gunicorn".to_owned());
    }
    let [python, java] = clients;
    let named = |model: &ReportModel| {
        let of_clients = model.endpoints.iter().filter(|one| one.endpoint.key.role == Role::Client);
        of_clients
            .flat_map(|one| one.advice.iter().filter(|one| one.side == Side::Server))
            .filter_map(|one| one.program.clone())
            .collect::<Vec<_>>()
    };
    let model = build(&[server, python.clone(), java.clone()], products, Meta::default());
    assert_eq!(named(&model), ["HAProxy", "HAProxy"], "{model:#?}");
    let model = build(&[python, java], products, Meta::default());
    assert_eq!(named(&model), ["gunicorn", "gunicorn"], "all that is known of a server elsewhere");
}

#[test]
fn no_advice_points_at_the_endpoint_itself_and_both_ends_are_one_entry() {
    let gives_up = |role| {
        let mut one = endpoint(role, "python3");
        let seen = crate::advice::fixtures::timer(Side::Client, 1.0, 5);
        one.timers = vec![Timer { phase: crate::labels::Phase::Waiting, clock: Clock::Request, ..seen }];
        one
    };
    let model = built(&[gives_up(Role::Client), gives_up(Role::Server)]);
    for report in &model.endpoints {
        assert!(report.advice.iter().all(|one| !one.text.contains("on port")), "{report:#?}");
        assert_eq!(report.peer.as_deref(), Some("python3"));
    }
    let all: Vec<_> = model.endpoints.iter().collect();
    assert_eq!(super::super::earlier_peers(&all), [None, Some(0)]);
}

#[test]
fn ends_that_reported_the_same_losses_are_one_entry() {
    let with = |role, counted_once: bool| {
        let mut one = endpoint(role, "curl");
        one.losses = losses(LossReason::ServerHangup, 4);
        if !counted_once {
            one.losses.once.clear();
        }
        one
    };
    let model = built(&[with(Role::Server, false), with(Role::Client, true)]);
    assert!(model.endpoints.iter().all(|report| report.peer.is_some()));
    assert_eq!(model.meta.losses.requests, 4);
    let strangers = built(&[with(Role::Server, true), with(Role::Client, true)]);
    assert!(strangers.endpoints.iter().all(|report| report.peer.is_none()));
    assert_eq!(strangers.meta.losses.requests, 8);
}

#[test]
fn the_side_of_the_first_advice_does_not_follow_the_end_that_has_one_more_count() {
    let end = |role, closes| Endpoint { closes, ..risky(role, "app", Risk::Losing, 6.0, None) };
    for (server, client) in [(100, 101), (101, 100)] {
        let model = built(&[end(Role::Client, client), end(Role::Server, server)]);
        let roles: Vec<_> = model.endpoints.iter().map(|report| report.endpoint.key.role).collect();
        assert_eq!(roles, [Role::Server, Role::Client]);
        let first = &model.endpoints[0];
        assert!(first.peer.is_some() && first.advice[0].side == Side::Server, "{first:#?}");
    }
}
