//! /api/v1/openapi.json: what can be asked here, in OpenAPI 3.1. Words come from where they are defined, so that they cannot
//! differ.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use crate::{live, recent_warnings, url_query::MOST};
use whohungup_core::{
    advice,
    close::SCHEMA,
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Protocol, Race, Role, Verdict},
    workload::WorkloadKind,
};

pub(super) const PATH: &str = "/api/v1/openapi.json";

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document().to_string()).into_response()
}

fn document() -> Value {
    let get = |summary: &str, parameters: Value, answers: Value| json!({ "get": { "summary": summary, "parameters": parameters, "responses": answers } });
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let whole = |description: &str, name: &str| {
        let mut answers = json!({
            "200": { "description": description, "content": { "application/json": { "schema": schema(name) } } },
        });
        refusals(&mut answers);
        answers
    };
    let filtered = |description: &str, name: &str| {
        let mut answers = whole(description, name);
        answers["400"] = said("A parameter that is not known, or a value that it cannot have");
        answers
    };
    let mut events = json!({
        "200": {
            "description": "An event each second, until whoever asks goes",
            "content": { "text/event-stream": { "schema": { "type": "string" } } },
        },
    });
    refusals(&mut events);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "whohungup",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Who hung up, and why, for every TCP connection that ends on this host. Everything is read-only.",
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "paths": {
            crate::report::fetch::PATH: get("What the closes show together, and what to change", json!([]), whole("The report (docs/report.md)", "Report")),
            live::LIVE: get("What the page shows", parameters(true), filtered("Everything at one moment (docs/page.md)", "Live")),
            live::CLOSES: get("The closes that are kept in memory, newest first", parameters(false), filtered("Closes with their evidence", "Closes")),
            live::EVENTS: get("What each second brings, as server-sent events", json!([]), events),
            recent_warnings::PATH: get("The newest warnings of the log", json!([]), whole("At most 100, oldest first", "Warnings")),
            PATH: get("This document", json!([]), whole("OpenAPI 3.1", "Document")),
        },
        "components": { "schemas": {
            "Close": close(),
            "Closes": object(json!({
                "schema": { "const": live::SCHEMA },
                "newest": count(), "left_out": count(),
                "closes": { "type": "array", "items": schema("Close") },
            })),
            "Report": open_object(json!({
                "schema": { "const": advice::SCHEMA },
                "meta": { "type": "object" },
                "endpoints": { "type": "array", "items": { "type": "object" } },
                "shutdowns": { "type": "array", "items": { "type": "object" } },
            })),
            "Live": open_object(json!({
                "schema": { "const": live::SCHEMA },
                "now": { "type": "string", "format": "date-time" },
                "meta": { "type": "object" },
                "headline": { "type": "object" },
                "minutes": { "type": "object" },
                "lost_hour": count(),
                "endpoints_total": count(),
                "endpoints": { "type": "array", "items": { "type": "object" } },
            })),
            "Warnings": object(json!({
                "schema": { "const": recent_warnings::SCHEMA },
                "dropped": count(),
                "warnings": { "type": "array", "items": object(json!({
                    "time": { "type": "string", "format": "date-time" },
                    "level": words(["ERROR", "WARN"].into_iter()),
                    "text": { "type": "string" },
                })) },
            })),
            "Document": open_object(json!({ "openapi": { "type": "string" }, "paths": { "type": "object" } })),
        } },
    })
}

fn said(description: &str) -> Value {
    json!({ "description": description, "content": { "text/plain": { "schema": { "type": "string" } } } })
}

/// What every question may get.
fn refusals(answers: &mut Value) {
    answers["421"] = said("The name in `Host` is not allowed (--allowed-host)");
    answers["431"] = json!({ "description": "The head of the request has more than 16 KiB" });
    answers["503"] = said("The daemon is busy, or stopping");
}

fn parameters(limited: bool) -> Value {
    let parameter = |name: &str, items: Value, description: &str| {
        json!({
            "name": name, "in": "query", "description": description, "style": "form", "explode": true,
            "schema": { "type": "array", "items": items, "maxItems": MOST },
        })
    };
    let text = || json!({ "type": "string" });
    let mut all = vec![
        parameter("role", words(Role::ALL.iter().map(|word| word.as_str())), "Role of this end"),
        parameter("port", json!({ "type": "integer", "minimum": 0, "maximum": 65535 }), "Port of the server"),
        parameter("process", text(), "Name or pid of the process"),
        parameter("verdict", words(Verdict::ALL.iter().map(|word| word.as_str())), "Verdict"),
        parameter("namespace", text(), "Kubernetes namespace; `*` stands for anything, here and below"),
        parameter("pod", text(), "Pod"),
        parameter("container", text(), "Container, by name"),
        parameter("unit", text(), "systemd unit"),
        parameter("workload", text(), "Workload, as it is shown, or its id"),
        parameter("endpoint", text(), "Endpoint, by its id"),
        parameter("muted", text(), "Endpoint, by its id, that takes no part in the headline"),
        json!({
            "name": "at", "in": "query", "description": "A past moment, from the record",
            "schema": { "type": "string", "format": "date-time" },
        }),
    ];
    if limited {
        all.push(json!({
            "name": "limit", "in": "query", "description": "Endpoints at most; 0 for the usual number",
            "schema": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
        }));
    }
    all.into()
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": all.collect::<Vec<_>>() })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// Exactly these members.
fn object(properties: Value) -> Value {
    let mut object = open_object(properties);
    object["additionalProperties"] = json!(false);
    object
}

/// At least these members.
fn open_object(properties: Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    let mut object = json!({ "type": "object", "required": names });
    object["properties"] = properties;
    object
}

fn or_null(schema: Value) -> Value {
    let any = vec![schema, json!({ "type": "null" })];
    json!({ "anyOf": any })
}

/// As docs/json.md has it, with what the API adds.
fn close() -> Value {
    let text = || json!({ "type": "string" });
    let (number, whole) = (|| json!({ "type": "number" }), || or_null(count()));
    let pid = || or_null(count());
    let process = || or_null(object(json!({ "pid": pid(), "comm": text() })));
    let side = || words(["client", "server"].into_iter());
    let workload = || {
        let mut properties = json!({
            "kind": words(WorkloadKind::ALL.iter().map(|word| word.as_str())),
            "labels": { "type": "object", "additionalProperties": text() },
        });
        for name in [
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
        ] {
            properties[name] = or_null(text());
        }
        or_null(object(properties))
    };
    let mut properties = json!({
        "number": count(), "summary": text(), "workload_name": or_null(text()), "peer_name": or_null(text()), "endpoint": text(),
        "schema": { "const": SCHEMA }, "id": text(), "amends": { "type": "boolean" },
        "time": { "type": "string", "format": "date-time" },
        "role": words(Role::ALL.iter().map(|word| word.as_str())),
        "closer": words(Closer::ALL.iter().map(|word| word.as_str())),
        "close_type": words(CloseType::ALL.iter().map(|word| word.as_str())),
        "phase": words(Phase::ALL.iter().map(|word| word.as_str())),
        "verdict": words(Verdict::ALL.iter().map(|word| word.as_str())),
        "cause": words(Cause::ALL.iter().map(|word| word.as_str())),
        "race": or_null(words(Race::ALL.iter().map(|word| word.as_str()))),
        "retried": or_null(json!({ "const": true })),
        "code": { "type": "string", "minLength": 2, "maxLength": 2 },
        "confidence": words(Confidence::ALL.iter().map(|word| word.as_str())),
        "basis": words(Basis::ALL.iter().map(|word| word.as_str())),
        "protocol": or_null(words(Protocol::ALL.iter().map(|word| word.as_str()))),
    });
    let rest = json!({
        "in_flight": whole(), "requests": whole(), "requests_started": whole(),
        "keep_alive": or_null(object(json!({ "timeout": whole(), "max": whole() }))),
        "server": or_null(text()),
        "trace_id": or_null(text()), "span_id": or_null(text()),
        "goaway": or_null(open_object(json!({ "by": side() }))),
        "tls_alert": or_null(open_object(json!({ "by": side() }))),
        "websocket": or_null(open_object(json!({}))),
        "community_id": or_null(text()), "flow_id": or_null(text()),
        "local": text(), "remote": text(), "server_port": whole(),
        "process": process(),
        "closed_by": or_null(object(json!({
            "pid": pid(), "comm": text(), "exiting": { "type": "boolean" }, "signal": whole(), "status": whole(),
        }))),
        "cgroup_id": whole(),
        "workload": workload(),
        "peer": or_null(object(json!({ "process": process(), "workload": workload(), "address": or_null(text()) }))),
        "netns": count(), "bytes_sent": count(), "bytes_received": count(),
        "preexisting": { "type": "boolean" },
        "evidence": { "type": "array", "items": text() },
    });
    if let (Some(all), Value::Object(rest)) = (properties.as_object_mut(), rest) {
        all.extend(rest);
    }
    for name in ["reuse_gap", "age", "idle", "silent", "silence_before", "request", "after_listener"] {
        properties[format!("{name}_seconds")] = or_null(number());
    }
    object(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::testing::server_idle;

    #[test]
    fn a_close_has_the_members_that_are_documented_and_no_others() {
        let close = serde_json::to_value(server_idle(8080, "nginx")).expect("JSON");
        let added = ["number", "summary", "workload_name", "peer_name", "endpoint"];
        let schema = super::close();
        let mut documented: Vec<_> =
            schema["properties"].as_object().expect("properties").keys().map(String::as_str).collect();
        documented.retain(|name| !added.contains(name));
        documented.sort_unstable();
        let mut there: Vec<_> = close.as_object().expect("an object").keys().map(String::as_str).collect();
        there.sort_unstable();
        assert_eq!(documented, there);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let names = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        let mut seen = 0;
        for name in names {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
            seen += 1;
        }
        assert!(seen > 4);
    }
}
