use serde_json::json;

use super::*;
use crate::timers::cases;

fn case(name: &str) -> &'static Case {
    cases::all().iter().find(|case| case.name == name).expect("a case of this name")
}

fn candidate(product: &str, setting: &str, likelihood: &str) -> serde_json::Value {
    json!({ "product": product, "setting": setting, "likelihood": likelihood })
}

fn timer(side: &str, seconds: f64, most: f64, candidates: &[serde_json::Value]) -> serde_json::Value {
    json!({ "side": side, "phase": "idle", "clock": "idle", "seconds": seconds, "least": seconds, "most": most, "count": 12,
        "candidates": candidates })
}

fn model(role: &str, risk: &str, timers: &[serde_json::Value]) -> Model {
    // Each carries what belongs into a list of its own.
    let named: Vec<_> = timers.iter().map(|timer| json!({ "candidates": timer["candidates"] })).collect();
    let model = json!({ "schema": "whohungup.report/2", "endpoints": [{ "role": role, "server_port": 80,
        "process": "some", "closes": 12, "verdicts": [], "causes": [], "races": [], "started": 36, "reused": 24, "lost": 0, "at_risk": 0, "advice": [], "exits": { "idle_closed": 0, "idle_left": 0, "waited": null }, "timers": timers, "named": named, "risk": risk }] });
    serde_json::from_value(model).unwrap()
}

/// The faults at the end that is in the model.
fn faults(case: &'static Case, version: &str, end: Side, model: &Model) -> Vec<String> {
    let ends = compare(case, version, Ok(Vec::new()), 80, model, &Closes::default());
    ends.into_iter().find(|one| one.end == end).unwrap().faults
}

fn nginx(risk: &str, timers: &[serde_json::Value]) -> Vec<String> {
    faults(case("nginx"), "1.22.1", Side::Server, &model("server", risk, timers))
}

#[test]
fn the_right_time_side_and_name_are_right() {
    let named = candidate("nginx", "keepalive_timeout", "named");
    assert_eq!(nginx("mismatch", &[timer("server", 75.01, 75.02, &[named])]), <[&str; 0]>::default());
}

#[test]
fn each_thing_that_is_not_as_it_should_be_is_a_fault() {
    let named = || candidate("nginx", "keepalive_timeout", "named");
    let other = || candidate("Apache httpd", "KeepAliveTimeout", "possible");
    let right = || timer("server", 75.0, 75.0, &[named()]);
    let wrong = [
        nginx("mismatch", &[]),
        nginx("safe", &[right()]),
        nginx("mismatch", &[timer("client", 75.0, 75.0, &[named()])]),
        nginx("mismatch", &[timer("server", 77.0, 77.0, &[named()])]),
        nginx("mismatch", &[timer("server", 75.0, 90.0, &[named()])]),
        nginx("mismatch", &[timer("server", 75.0, 75.0, &[other(), named()])]),
        nginx("mismatch", &[timer("server", 75.0, 75.0, &[])]),
        nginx("mismatch", &[right(), timer("server", 5.0, 5.0, &[])]),
    ];
    for (number, faults) in wrong.iter().enumerate() {
        assert!(!faults.is_empty(), "number {number}");
    }
}

#[test]
fn where_nothing_closes_by_a_timer_none_may_be_found() {
    let go = case("Go net/http");
    assert!(faults(go, "1.27", Side::Server, &model("server", "unknown", &[])).is_empty());
    let invented = model("server", "unknown", &[timer("server", 1.0, 1.0, &[])]);
    assert_eq!(faults(go, "1.27", Side::Server, &invented).len(), 1);
}

#[test]
fn a_polled_timer_is_a_band_from_what_is_set() {
    let java = case("Java httpserver");
    let idle = || candidate("JDK httpserver", "sun.net.httpserver.idleInterval", "likely");
    let faults_of = |least, most| {
        faults(
            java,
            "17.0",
            Side::Server,
            &model("server", "mismatch", &[timer("server", least, most, &[idle()])]),
        )
    };
    assert_eq!(faults_of(30.3, 39.8), <[&str; 0]>::default());
    assert!(!faults_of(30.3, 43.0).is_empty());
    assert!(!faults_of(27.0, 37.0).is_empty());
}

#[test]
fn from_the_other_end_nothing_false_may_be_named() {
    let faults_of = |likelihood| {
        let apache = candidate("Apache httpd", "KeepAliveTimeout", likelihood);
        let model = model("client", "mismatch", &[timer("server", 75.0, 75.0, &[apache])]);
        faults(case("nginx"), "1.22.1", Side::Client, &model).is_empty()
    };
    assert!(faults_of("possible") && !faults_of("named"));
}

#[test]
fn what_node_adds_depends_on_its_version() {
    let set = |version: &str| format!("{}", case("Node").wanted(version).timer.unwrap().seconds);
    let seconds = ["18.20.4", "20.17.0", "20.18.0", "21.7.3", "22.8.0", "22.9.0", "24.5.0"].map(set);
    assert_eq!(seconds.join(" "), "5 5 6 5 5 6 6");
}

#[test]
fn the_quick_cases_are_those_with_timers_under_ten_seconds() {
    let quick = |name: &str, version: &str| case(name).wanted(version).is_quick();
    assert!(quick("Node", "20.20.2") && quick("requests", "2") && quick("axios", "1"));
    assert!(
        !quick("nginx", "1.22.1") && !quick("Java httpserver", "17.0") && !quick("Go http.Client", "1.27")
    );
}
