//! What can be asked.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    protocol::Fault,
    source::{Closes, Source},
};
use crate::live::sentence;
use whohungup_core::{
    advice::EndpointReport,
    close::CloseId,
    filter::Filter,
    labels::{Role, Verdict},
    report::markdown,
};

const MOST_SERVICES: usize = 200;
const MOST_CLOSES: usize = 200;
const USUAL_CLOSES: usize = 20;
const USUAL_ENDPOINTS: usize = 10;

/// What every question about connections may name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Question {
    port: Option<u16>,
    process: Option<String>,
    namespace: Option<String>,
    pod: Option<String>,
    container: Option<String>,
    unit: Option<String>,
    role: Option<Role>,
    verdict: Option<Verdict>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: CloseId,
}

impl Question {
    fn filter(&self) -> Filter {
        let names = |name: &Option<String>| name.clone().into_iter().collect();
        Filter {
            roles: self.role.into_iter().collect(),
            ports: self.port.into_iter().collect(),
            processes: names(&self.process),
            verdicts: self.verdict.into_iter().collect(),
            namespaces: names(&self.namespace),
            pods: names(&self.pod),
            containers: names(&self.container),
            units: names(&self.unit),
            ..Filter::default()
        }
    }
}

pub(super) fn list() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let words = |all: Vec<&str>| json!({ "type": "string", "enum": all });
    let filters = json!({
        "port": { "type": "integer", "minimum": 1, "maximum": 65535, "description": "server port" },
        "process": text("name or pid"),
        "namespace": text("Kubernetes namespace; * stands for anything, here and below"),
        "pod": text("pod"),
        "container": text("container"),
        "unit": text("systemd unit"),
        "role": words(Role::ALL.iter().map(|role| role.as_str()).collect()),
    });
    let with = |more: Value| {
        let mut properties = filters.clone();
        if let (Some(all), Value::Object(more)) = (properties.as_object_mut(), more) {
            all.extend(more);
        }
        json!({ "type": "object", "properties": properties, "additionalProperties": false })
    };
    let limit = |most: usize, usual: usize| json!({ "type": "integer", "minimum": 1, "maximum": most, "default": usual });
    let tool = |name: &str, title: &str, description: &str, schema: Value| {
        json!({
            "name": name, "title": title, "description": description, "inputSchema": schema,
            "annotations": { "readOnlyHint": true, "destructiveHint": false, "openWorldHint": false },
        })
    };
    json!([
        tool(
            "list_services",
            "Services",
            "Every service seen at this host's sockets, worst first: role, port, process, workload, closes, lost requests, risk.",
            with(json!({ "limit": limit(MOST_SERVICES, MOST_SERVICES) })),
        ),
        tool(
            "report",
            "Report",
            "What the closes show together: which timeouts disagree, which requests were lost, and which setting to change to \
             which value. Markdown.",
            with(json!({ "limit": limit(MOST_SERVICES, USUAL_ENDPOINTS) })),
        ),
        tool(
            "query_closes",
            "Query closes",
            "Single closes of a past time, the newest of those that match: who hung up, when, why, after how long.",
            with(json!({
                "since": text("`05:20`, `yesterday`, `yesterday 05:20`, `2026-11-28 05:20`, RFC 3339, or how long ago (`2h`); default 1h"),
                "until": text("the same; default now"),
                "verdict": words(Verdict::ALL.iter().map(|verdict| verdict.as_str()).collect()),
                "limit": limit(MOST_CLOSES, USUAL_CLOSES),
            })),
        ),
        tool(
            "explain_close",
            "Explain a close",
            "Why one connection ended, with the evidence and every field of it.",
            json!({
                "type": "object", "properties": { "id": text("`id` of a close, as query_closes gives it") },
                "required": ["id"], "additionalProperties": false,
            }),
        ),
    ])
}

/// What went wrong is an answer too: whoever asked may ask better.
pub(super) fn call(source: &Source, name: &str, arguments: Value) -> Result<Value, Fault> {
    let answer = match name {
        "list_services" => read(arguments).and_then(|question| services(source, &question)),
        "report" => read(arguments).and_then(|question| report(source, &question)),
        "query_closes" => read(arguments).and_then(|question| closes(source, &question)),
        "explain_close" => read(arguments).and_then(|which| explain(source, &which)),
        other => {
            let shown = whohungup_core::sanitize::clean(other, 60);
            return Err(Fault::params(format!("there is no tool `{shown}`; tools/list has them")));
        }
    };
    Ok(answer.unwrap_or_else(|error| {
        let text = whohungup_bpf::one_line(error.as_ref());
        json!({ "content": [{ "type": "text", "text": text }], "isError": true })
    }))
}

fn read<T: DeserializeOwned>(arguments: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(arguments)?)
}

/// For programs, and the same as text for those that know no structure.
fn structured(value: Value) -> Value {
    let mut answer = text(&value.to_string());
    answer["structuredContent"] = value;
    answer
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": false })
}

fn services(source: &Source, question: &Question) -> anyhow::Result<Value> {
    let model = source.report(&question.filter())?;
    let limit = question.limit.unwrap_or(MOST_SERVICES).min(MOST_SERVICES);
    let shown: Vec<_> = model.endpoints.iter().take(limit).map(service).collect::<Result<_, _>>()?;
    Ok(structured(
        json!({ "services": shown, "left_out": model.endpoints.len() - shown.len(), "meta": model.meta }),
    ))
}

/// Who it is, how much, and how bad: the rest is in the report.
fn service(endpoint: &EndpointReport) -> serde_json::Result<Value> {
    let whole = serde_json::to_value(endpoint)?;
    let kept = [
        "role",
        "server_port",
        "process",
        "workload",
        "workload_name",
        "closes",
        "risk",
        "losses",
        "verdicts",
        "requests",
    ];
    let fields = whole.as_object().into_iter().flatten().filter(|(name, _)| kept.contains(&&***name));
    Ok(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn report(source: &Source, question: &Question) -> anyhow::Result<Value> {
    let model = source.report(&question.filter())?;
    let limit = question.limit.unwrap_or(USUAL_ENDPOINTS).min(MOST_SERVICES);
    Ok(text(&markdown::markdown(&model, limit)))
}

fn closes(source: &Source, question: &Question) -> anyhow::Result<Value> {
    let since = question.since.as_deref().unwrap_or("1h");
    let until = question.until.as_deref().unwrap_or("now");
    let limit = question.limit.unwrap_or(USUAL_CLOSES).clamp(1, MOST_CLOSES);
    let Closes { newest, found, missing } = source.closes(since, until, &question.filter(), limit)?;
    let shown = newest.iter().map(|close| {
        let mut value = serde_json::to_value(close)?;
        value["summary"] = json!(sentence(close));
        Ok(value)
    });
    let shown: Vec<Value> = shown.collect::<serde_json::Result<_>>()?;
    Ok(structured(json!({ "found": found, "closes": shown, "missing": missing })))
}

fn explain(source: &Source, which: &Which) -> anyhow::Result<Value> {
    let close = source.close(which.id)?;
    Ok(structured(json!({
        "summary": sentence(&close),
        "evidence": close.evidence,
        "close": close,
        "words": "https://github.com/whohungup/whohungup/blob/main/docs/verdicts.md",
    })))
}
