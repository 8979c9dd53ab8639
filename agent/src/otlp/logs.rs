//! A close as a log record (docs/otlp.md): OpenTelemetry's names where there are any, `tcp.close.` and the name in JSON for
//! everything else, so that nothing is left out.

use std::{net::SocketAddr, time::SystemTime};

use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    logs::v1::{LogRecord, SeverityNumber},
};
use serde_json::{Map, Value as Json};

use super::attributes::{attribute, text, value};
use crate::live::sentence;
use whohungup_core::{
    close::{ClosedConnection, Loss, loss},
    labels::Role,
};

const EVENT: &str = "tcp.close";

pub(super) fn record(close: &ClosedConnection) -> LogRecord {
    let severity = severity(close);
    let nanoseconds = u64::try_from(close.time.as_nanosecond()).unwrap_or_default();
    LogRecord {
        time_unix_nano: nanoseconds,
        observed_time_unix_nano: nanoseconds_now(),
        severity_number: severity.into(),
        severity_text: match severity {
            SeverityNumber::Error => "ERROR",
            SeverityNumber::Warn => "WARN",
            _ => "INFO",
        }
        .to_owned(),
        body: Some(text(sentence(close))),
        attributes: attributes(close),
        trace_id: close.trace_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        span_id: close.span_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        event_name: EVENT.to_owned(),
        ..LogRecord::default()
    }
}

pub(super) fn nanoseconds_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// An error where a request was lost, a warning where something else went wrong.
fn severity(close: &ClosedConnection) -> SeverityNumber {
    match loss(close) {
        Some((Loss::Lost(_), _)) => SeverityNumber::Error,
        Some((Loss::GivenUp, _)) => SeverityNumber::Warn,
        None if close.verdict.is_trouble() => SeverityNumber::Warn,
        None => SeverityNumber::Info,
    }
}

fn attributes(close: &ClosedConnection) -> Vec<KeyValue> {
    let mut all = Attributes::default();
    all.addresses(close);
    // What serializes to text serializes to this.
    if let Ok(Json::Object(fields)) = serde_json::to_value(close) {
        for (name, field) in fields {
            all.field(&name, &field);
        }
    }
    all.0
}

#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, name: impl Into<String>, field: &Json) {
        if let Some(value) = value(field) {
            self.0.push(attribute(name, value));
        }
    }

    fn addresses(&mut self, close: &ClosedConnection) {
        let (local, remote) = (close.ends.local, close.ends.remote);
        self.0.push(attribute("network.transport", text("tcp")));
        let family = if local.is_ipv4() { "ipv4" } else { "ipv6" };
        self.0.push(attribute("network.type", text(family)));
        self.end("network.local", local);
        self.end("network.peer", remote);
        let (client, server) = match close.role {
            Role::Client => (local, remote),
            Role::Server => (remote, local),
            Role::Unknown => return,
        };
        self.end("client", client);
        self.end("server", server);
    }

    fn end(&mut self, name: &str, end: SocketAddr) {
        self.0.push(attribute(format!("{name}.address"), text(end.ip().to_string())));
        self.add(format!("{name}.port"), &end.port().into());
    }

    fn field(&mut self, name: &str, field: &Json) {
        match (name, field) {
            // In the record itself, or among the addresses.
            ("time" | "trace_id" | "span_id" | "local" | "remote" | "server_port", _) => {}
            ("protocol", Json::String(protocol)) => {
                let (name, version) =
                    if protocol == "http2" { ("http", Some("2")) } else { (&**protocol, None) };
                self.0.push(attribute("network.protocol.name", text(name)));
                self.0.extend(version.map(|version| attribute("network.protocol.version", text(version))));
            }
            ("server", Json::String(_)) => {
                self.add("http.response.header.server", &Json::Array(vec![field.clone()]));
            }
            ("process", Json::Object(process)) => {
                self.add("process.pid", &process["pid"]);
                self.add("process.executable.name", &process["comm"]);
            }
            ("workload", Json::Object(workload)) => self.workload(workload),
            _ => self.nested(&format!("tcp.close.{name}"), field),
        }
    }

    /// An object's members by their own names.
    fn nested(&mut self, name: &str, field: &Json) {
        match field {
            Json::Object(members) => {
                members.iter().for_each(|(member, field)| self.nested(&format!("{name}.{member}"), field));
            }
            field => self.add(name, field),
        }
    }

    fn workload(&mut self, workload: &Map<String, Json>) {
        let is_pod = workload.get("kind").is_some_and(|kind| kind == "pod");
        for (name, field) in workload {
            let known = match &**name {
                "namespace" => "k8s.namespace.name",
                "pod" => "k8s.pod.name",
                "pod_uid" => "k8s.pod.uid",
                "container" if is_pod => "k8s.container.name",
                "container" => "container.name",
                "container_id" => "container.id",
                "owner" => {
                    let kind = workload.get("owner_kind").and_then(Json::as_str).unwrap_or_default();
                    self.add(owner(kind), field);
                    continue;
                }
                "labels" => {
                    let labels = field.as_object().into_iter().flatten();
                    labels.for_each(|(key, value)| self.add(format!("k8s.pod.label.{key}"), value));
                    continue;
                }
                other => {
                    self.nested(&format!("tcp.close.workload.{other}"), field);
                    continue;
                }
            };
            self.add(known, field);
        }
    }
}

/// What made a pod, where OpenTelemetry has a name for its kind.
fn owner(kind: &str) -> String {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob" => {
            format!("k8s.{}.name", kind.to_ascii_lowercase())
        }
        _ => "tcp.close.workload.owner".to_owned(),
    }
}

#[cfg(test)]
mod tests;
