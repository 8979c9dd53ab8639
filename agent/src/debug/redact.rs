//! Addresses, names and paths, each with a pseudonym: what is not known to be harmless is taken for a name.

use serde_json::{Map, Value};

use super::{
    collect::{Body, Document},
    metrics,
    names::Names,
    scrub::scrubbed,
};
use crate::config::{Definition, Setting, Source};

/// What a member of a JSON object holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word of a closed set, a time, or what is in public documentation.
    Harmless,
    /// Words with names in between.
    Text,
    /// A name, with the kind of its pseudonym.
    Name(&'static str),
    /// From this an address can be guessed, or the rest found elsewhere.
    Gone,
}

const HARMLESS: &[&str] = &[
    "schema",
    "version",
    "kernel",
    "machine",
    "distribution",
    "distribution_version",
    "memory",
    "lockdown",
    "bpf_jit_enable",
    "bpf_stats_enabled",
    "unprivileged_bpf_disabled",
    "cgroup_controllers",
    "variables_set",
    "time",
    "now",
    "from",
    "until",
    "last",
    "last_lost",
    "last_accept",
    "role",
    "side",
    "phase",
    "clock",
    "verdict",
    "verdicts",
    "cause",
    "causes",
    "race",
    "races",
    "closer",
    "close_type",
    "code",
    "confidence",
    "basis",
    "protocol",
    "risk",
    "risk_text",
    "urgency",
    "tone",
    "state",
    "kind",
    "by",
    "once",
    "cut_off",
    "cut",
    "likelihood",
    "product",
    "setting",
    "versions",
    "value",
    "source",
    "words",
    "depends",
    "runtime",
    "hook",
    "status",
    "level",
    "missing",
    "signals",
    "signal",
    "flow_id",
    "error",
    "reason",
    "write",
];
const TEXT: &[&str] = &[
    "text",
    "why",
    "what",
    "cost",
    "title",
    "summary",
    "action",
    "evidence",
    "detail",
    "reasons",
    "id",
    "endpoint",
    "peer_endpoint",
    "local",
    "remote",
    "address",
    "kernel_version",
    "lines",
    "timers",
    "whose",
    "remedies",
];
const NAMES: &[(&str, &str)] = &[
    ("process", "process"),
    ("comm", "process"),
    ("executable", "process"),
    ("peer", "process"),
    ("program", "process"),
    ("peer_name", "process"),
    ("server", "server"),
    ("unit", "unit"),
    ("systemd_unit", "unit"),
    ("container", "container"),
    ("container_id", "container"),
    ("container_name", "container"),
    ("k8s_container_name", "container"),
    ("pod", "pod"),
    ("pod_uid", "pod"),
    ("k8s_pod_name", "pod"),
    ("namespace", "namespace"),
    ("k8s_namespace_name", "namespace"),
    ("owner", "workload"),
    ("k8s_workload_name", "workload"),
    ("workload_name", "workload"),
    ("workload_id", "workload"),
    ("netns", "netns"),
    ("cgroup", "cgroup"),
    ("cgroup_path", "cgroup"),
    ("labels", "label"),
];
const GONE: &[&str] = &["community_id", "trace_id", "span_id"];

/// `None` of what this version does not know.
pub(super) fn kind(member: &str) -> Option<Kind> {
    let name = || NAMES.iter().find(|(known, _)| *known == member).map(|(_, kind)| Kind::Name(kind));
    match member {
        _ if HARMLESS.contains(&member) => Some(Kind::Harmless),
        _ if TEXT.contains(&member) => Some(Kind::Text),
        _ if GONE.contains(&member) => Some(Kind::Gone),
        _ => name(),
    }
}

#[derive(Debug, Default)]
pub(super) struct Redactor {
    names: Names,
}

impl Redactor {
    /// All of `documents` together, so that a name has one pseudonym in all of them.
    pub(super) fn redact(documents: &mut [Document]) {
        let mut redactor = Self::default();
        let system = rustix::system::uname();
        for name in [system.nodename(), system.domainname()] {
            let name = name.to_string_lossy();
            // What most hosts have where nobody set one.
            if !["(none)", "localhost"].contains(&&*name) {
                redactor.names.of("host", &name);
            }
        }
        // Texts need to know what is a name.
        for document in &mut *documents {
            if let Body::Json(value) = &document.body {
                redactor.learn(value, "");
            }
        }
        for document in documents {
            redactor.document(document);
        }
    }

    fn learn(&mut self, value: &Value, member: &str) {
        match value {
            Value::String(text) if !text.is_empty() => {
                if let Kind::Name(kind) = of_member(member, text) {
                    self.names.of(kind, text);
                }
            }
            Value::Array(all) => all.iter().for_each(|value| self.learn(value, member)),
            Value::Object(all) => all.iter().for_each(|(name, value)| self.learn(value, below(member, name))),
            _ => {}
        }
    }

    fn document(&mut self, document: &mut Document) {
        match &mut document.body {
            Body::Json(value) => self.value(value, ""),
            Body::Metrics(text) => *text = metrics::redacted(text, &mut self.names),
            Body::Config(settings) => settings.iter_mut().for_each(|setting| self.setting(setting)),
            Body::Text(text) | Body::Missing(text) => *text = scrubbed(text, &mut self.names),
        }
    }

    fn value(&mut self, value: &mut Value, member: &str) {
        match value {
            Value::String(text) => match of_member(member, text) {
                Kind::Harmless => {}
                Kind::Text => *text = scrubbed(text, &mut self.names),
                Kind::Name(kind) => *text = self.names.of(kind, text),
                Kind::Gone => *value = Value::Null,
            },
            Value::Array(all) => all.iter_mut().for_each(|value| self.value(value, member)),
            Value::Object(all) => {
                all.iter_mut().for_each(|(name, value)| self.value(value, below(member, name)));
                if member == "labels" {
                    *all = self.without_keys(all);
                }
            }
            _ => {}
        }
    }

    /// Whoever labels pods chooses the keys, too.
    fn without_keys(&mut self, labels: &mut Map<String, Value>) -> Map<String, Value> {
        std::mem::take(labels).into_iter().map(|(key, value)| (self.names.of("label", &key), value)).collect()
    }

    fn setting(&mut self, setting: &mut Setting) {
        if setting.source == Source::Default {
            return;
        }
        if let Source::File(path, _) = &mut setting.source {
            *path = scrubbed(&path.display().to_string(), &mut self.names).into();
        }
        let definition = Definition::new();
        let arg = definition.key(&setting.key);
        let words = arg.map(clap::Arg::get_possible_values).unwrap_or_default();
        for value in &mut setting.values {
            let is_word = words.iter().any(|word| word.matches(value, false));
            // Numbers, durations, sizes, shares.
            let is_measure = value.starts_with(|c: char| c.is_ascii_digit()) && !value.contains('/');
            *value = if is_word || is_measure || value.starts_with('/') {
                scrubbed(value, &mut self.names)
            } else {
                self.names.of("name", value)
            };
        }
    }
}

/// The members of a map of labels are called as their users like.
fn below<'a>(member: &'a str, name: &'a str) -> &'a str {
    if member == "labels" { member } else { name }
}

fn of_member(member: &str, text: &str) -> Kind {
    let known = kind(member);
    // A number in quotes, and what stands for many.
    if known.is_none() && (text.parse::<f64>().is_ok() || ["other", "unknown"].contains(&text)) {
        return Kind::Harmless;
    }
    known.unwrap_or(Kind::Name("name"))
}
