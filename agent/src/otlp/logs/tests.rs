use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::*;
use whohungup_core::{
    close::{CloseId, Peer},
    labels::{Race, Verdict},
    testing::{raced, server_idle},
    workload::{Names, Workload, WorkloadKind},
};

fn find<'a>(record: &'a LogRecord, name: &str) -> Option<&'a Value> {
    let named: Vec<_> = record.attributes.iter().filter(|attribute| attribute.key == name).collect();
    assert!(named.len() < 2, "{name} stands there twice");
    named.first()?.value.as_ref()?.value.as_ref()
}

fn words(record: &LogRecord, name: &str) -> String {
    match find(record, name) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => format!("{number}"),
        Some(Value::BoolValue(value)) => value.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_opentelemetry_names_has_its_name_and_everything_else_its_own() {
    let mut close = server_idle(8080, "nginx");
    close.server = Some("nginx/1.22".to_owned());
    let mut names = Names::new(WorkloadKind::Pod);
    (names.namespace, names.pod) = (Some("shop".to_owned()), Some("checkout-1".to_owned()));
    (names.owner, names.owner_kind) = (Some("checkout".to_owned()), Some("Deployment".to_owned()));
    names.container = Some("app".to_owned());
    names.labels.insert("team".to_owned(), "blue".to_owned());
    close.workload = Some(Workload::new(names));
    close.peer = Some(Peer { process: close.process, workload: None, address: None });
    let record = record(&close);
    for (name, value) in [
        ("network.transport", "tcp"),
        ("network.type", "ipv4"),
        ("network.protocol.name", "http"),
        ("network.local.port", "8080"),
        ("client.port", "40000"),
        ("server.address", "127.0.0.1"),
        ("server.port", "8080"),
        ("process.pid", "7"),
        ("process.executable.name", "nginx"),
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "checkout-1"),
        ("k8s.deployment.name", "checkout"),
        ("k8s.container.name", "app"),
        ("k8s.pod.label.team", "blue"),
        ("tcp.close.verdict", "server-idle"),
        ("tcp.close.idle_seconds", "5"),
        ("tcp.close.requests", "3"),
        ("tcp.close.preexisting", "false"),
        ("tcp.close.flow_id", "0123456789abcdef"),
        ("tcp.close.peer.process.comm", "nginx"),
        ("tcp.close.schema", "whohungup.close/2"),
    ] {
        assert_eq!(words(&record, name), value, "{name}");
    }
    assert!(matches!(find(&record, "http.response.header.server"), Some(Value::ArrayValue(_))));
    assert_eq!(find(&record, "tcp.close.race"), None, "what is not known is left out");
    assert_eq!(record.event_name, "tcp.close");
}

#[test]
fn every_field_of_the_json_is_somewhere() {
    let close = server_idle(8080, "nginx");
    let fields = serde_json::to_value(&close).expect("JSON");
    let record = record(&close);
    let elsewhere = ["time", "local", "remote", "server_port", "process", "protocol"];
    for (name, field) in fields.as_object().expect("an object") {
        let is_there = record.attributes.iter().any(|attribute| attribute.key == format!("tcp.close.{name}"));
        assert!(is_there || field.is_null() || elsewhere.contains(&&**name), "{name}");
    }
}

#[test]
fn a_lost_request_is_an_error_and_has_its_trace() {
    let mut close = raced(8080, "nginx", Race::Stale);
    close.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
    close.span_id = "00f067aa0ba902b7".parse().ok();
    let lost = record(&close);
    assert_eq!((lost.severity_number, &*lost.severity_text), (SeverityNumber::Error.into(), "ERROR"));
    assert_eq!((lost.trace_id.len(), lost.span_id.len()), (16, 8));
    let idle = record(&server_idle(8080, "nginx"));
    assert_eq!((idle.severity_number, idle.trace_id.len()), (SeverityNumber::Info.into(), 0));
    let gone = record(&ClosedConnection { verdict: Verdict::Network, ..server_idle(8080, "nginx") });
    assert_eq!(gone.severity_number, i32::from(SeverityNumber::Warn));
}

#[test]
fn ids_larger_than_a_signed_number_stay_readable() {
    let mut close = server_idle(8080, "nginx");
    (close.cgroup_id, close.id) = (Some(u64::MAX), CloseId { time_ns: u64::MAX, cookie: 1 });
    let record = record(&close);
    assert_eq!(words(&record, "tcp.close.cgroup_id"), u64::MAX.to_string());
    assert_eq!(words(&record, "tcp.close.id"), "ffffffffffffffff-1");
}
