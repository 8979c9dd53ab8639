//! Every JSON object has exactly the documented names, types and words.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;
use whohungup_core::close::SCHEMA;
use whohungup_core::labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Race, Role, Verdict};
use whohungup_core::workload::WorkloadKind;

use crate::{
    agent,
    gate::require,
    peer::{Dialled, answer, ask, listen},
};

/// By the names that [`harness::Close`] gives them.
const NAMES: [&str; 48] = [
    "schema",
    "id",
    "amends",
    "time",
    "role",
    "closer",
    "close_type",
    "phase",
    "verdict",
    "cause",
    "race",
    "retried",
    "code",
    "confidence",
    "basis",
    "protocol",
    "in_flight",
    "requests",
    "requests_started",
    "reuse_gap_seconds",
    "age_seconds",
    "idle_seconds",
    "silence_before_seconds",
    "silent_seconds",
    "request_seconds",
    "after_listener_seconds",
    "keep_alive",
    "server",
    "trace_id",
    "span_id",
    "community_id",
    "flow_id",
    "local",
    "remote",
    "server_port",
    "process",
    "closed_by",
    "cgroup_id",
    "workload",
    "peer",
    "netns",
    "bytes_sent",
    "bytes_received",
    "preexisting",
    "evidence",
    "goaway",
    "tls_alert",
    "websocket",
];

/// Panics unless `close` has the documented shape.
pub(crate) fn check(close: &Value) {
    names(close, &NAMES);
    assert_eq!(close["schema"], SCHEMA);
    words(close);
    let is_time = close["time"].as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
    assert!(is_time, "time is not RFC 3339: {close}");
    for name in ["in_flight", "requests", "requests_started", "cgroup_id"] {
        assert!(close[name].is_null() || close[name].is_u64(), "{name}: {close}");
    }
    for name in ["age_seconds", "idle_seconds", "silent_seconds", "request_seconds", "reuse_gap_seconds"] {
        let sane = close[name].as_f64().is_some_and(|seconds| seconds >= 0.0);
        assert!(close[name].is_null() || sane, "{name}: {close}");
    }
    for name in ["netns", "bytes_sent", "bytes_received"] {
        assert!(close[name].is_u64(), "{name}: {close}");
    }
    for name in ["local", "remote"] {
        let is_address = close[name].as_str().is_some_and(|text| text.parse::<SocketAddr>().is_ok());
        assert!(is_address, "{name}: {close}");
    }
    assert!(close["preexisting"].is_boolean(), "preexisting: {close}");
    assert!(
        close["retried"].is_null() || close["retried"] == true && close["race"].is_string(),
        "retried: {close}"
    );
    let evidence = close["evidence"].as_array().expect("evidence is a list");
    assert!(!evidence.is_empty() && evidence.iter().all(Value::is_string), "evidence: {close}");
    processes(close);
    whose(&close["workload"]);
    let peer = &close["peer"];
    if !peer.is_null() {
        names(peer, &["process", "workload", "address"]);
        whose(&peer["workload"]);
    }
    announced(close);
}

fn words(close: &Value) {
    let sets: [(&str, Vec<&str>); 8] = [
        ("role", Role::ALL.iter().map(|word| word.as_str()).collect()),
        ("closer", Closer::ALL.iter().map(|word| word.as_str()).collect()),
        ("close_type", CloseType::ALL.iter().map(|word| word.as_str()).collect()),
        ("phase", Phase::ALL.iter().map(|word| word.as_str()).collect()),
        ("verdict", Verdict::ALL.iter().map(|word| word.as_str()).collect()),
        ("cause", Cause::ALL.iter().map(|word| word.as_str()).collect()),
        ("confidence", Confidence::ALL.iter().map(|word| word.as_str()).collect()),
        ("basis", Basis::ALL.iter().map(|word| word.as_str()).collect()),
    ];
    for (name, set) in sets {
        assert!(close[name].as_str().is_some_and(|word| set.contains(&word)), "{name}: {close}");
    }
    let race = close["race"].as_str();
    assert_eq!(race.is_some(), close["verdict"] == "idle-race", "race: {close}");
    assert!(race.is_none_or(|race| race.parse::<Race>().is_ok()), "race: {close}");
    let closer: Closer = close["closer"].as_str().and_then(|word| word.parse().ok()).expect("checked above");
    let phase: Phase = close["phase"].as_str().and_then(|word| word.parse().ok()).expect("checked above");
    assert_eq!(close["code"], String::from_iter([closer.letter(), phase.letter()]), "code: {close}");
}

fn announced(close: &Value) {
    assert!(close["server"].is_null() || close["server"].is_string(), "server: {close}");
    let keep_alive = &close["keep_alive"];
    if !keep_alive.is_null() {
        names(keep_alive, &["timeout", "max"]);
        let said: Vec<_> = ["timeout", "max"].iter().filter(|&name| !keep_alive[name].is_null()).collect();
        assert!(!said.is_empty() && said.iter().all(|&name| keep_alive[name].is_u64()), "{close}");
    }
    let (requests, started) = (close["requests"].as_u64(), close["requests_started"].as_u64());
    assert!(started >= requests, "requests_started: {close}");
}

fn whose(workload: &Value) {
    if workload.is_null() {
        return;
    }
    let texts = [
        "unit",
        "container_id",
        "container",
        "pod",
        "pod_uid",
        "namespace",
        "owner",
        "owner_kind",
        "netns",
        "cgroup",
    ];
    names(workload, &[&["kind", "labels"], &texts[..]].concat());
    let labels = workload["labels"].as_object().expect("labels are an object");
    assert!(labels.values().all(Value::is_string), "labels: {workload}");
    let kind = workload["kind"].as_str().unwrap_or_default();
    assert!(kind.parse::<WorkloadKind>().is_ok(), "kind: {workload}");
    assert!(texts.iter().all(|&name| workload[name].is_null() || workload[name].is_string()), "{workload}");
}

fn processes(close: &Value) {
    let process = &close["process"];
    if !process.is_null() {
        names(process, &["pid", "comm"]);
        assert!(process["pid"].is_null() || process["pid"].is_u64(), "process: {close}");
        assert!(process["comm"].is_string(), "process: {close}");
    }
    let by = &close["closed_by"];
    if !by.is_null() {
        names(by, &["pid", "comm", "exiting", "signal", "status"]);
        assert!(by["pid"].is_u64() && by["comm"].is_string() && by["exiting"].is_boolean(), "{close}");
        for name in ["signal", "status"] {
            assert!(by[name].is_null() || by[name].is_u64(), "closed_by: {close}");
        }
    }
}

fn names(object: &Value, expected: &[&str]) {
    let found: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, expected.iter().copied().collect(), "{object}");
}

#[test]
fn every_kind_of_close_has_the_documented_shape() {
    require!();
    let listener = listen();
    let at = listener.local_addr().expect("address");
    let agent = agent::watch(&[at]);

    let mut idle = Dialled::to(&listener);
    ask(&mut idle.client);
    answer(&mut idle.server);
    drop(idle.server);
    drop(idle.client);

    let mut waiting = Dialled::to(&listener);
    ask(&mut waiting.client);
    drop(waiting.client);
    drop(waiting.server);

    drop(Dialled::to(&listener));

    drop(listener);
    let refused = TcpStream::connect(at).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    // `Watched::closes` has checked the shape of each; here only that they were of different kinds.
    let closes = agent.closes(7);
    let mut codes: Vec<&str> = closes.iter().map(|close| close.word("code")).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, ["CU", "CW", "SC", "SI"]);
}
