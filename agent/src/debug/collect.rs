//! What goes into a bundle, as it is.

use std::{ffi::OsString, fs, thread::available_parallelism};

use serde_json::{Value, json};

use crate::{
    check,
    cli::BundleArgs,
    config::{Setting, Settings},
    container::sees_host_pids,
    live::{CLOSES, LIVE},
    recent_warnings,
    report::fetch::{Client, PATH as REPORT},
};
use whohungup_core::filter::Filter;

/// One file of the bundle.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: &'static str,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Json(Value),
    /// Of Prometheus.
    Metrics(String),
    Config(Vec<Setting>),
    Text(String),
    /// It could not be had: why.
    Missing(String),
}

impl Document {
    /// As it is written; an error where it could not be had.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, &str> {
        match &self.body {
            Body::Json(value) => Ok(format!("{value:#}\n").into_bytes()),
            Body::Metrics(text) | Body::Text(text) => Ok(text.clone().into_bytes()),
            Body::Config(settings) => {
                let lines: Vec<_> = settings.iter().map(ToString::to_string).collect();
                Ok((lines.join("\n") + "\n").into_bytes())
            }
            Body::Missing(why) => Err(why),
        }
    }
}

pub(super) fn all(args: &BundleArgs) -> Vec<Document> {
    let document = |name, body| Document { name, body };
    let mut all = vec![
        document("check.json", Body::Json(check::document(&args.host))),
        document("host.json", Body::Json(host())),
        document("config.toml", config(args)),
    ];
    all.extend(of_daemon(args));
    all
}

/// The kernel and the distribution.
fn host() -> Value {
    let names = rustix::system::uname();
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let release = read("/etc/os-release").unwrap_or_default();
    let of_release = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let memory = read("/proc/meminfo").unwrap_or_default();
    let mut set: Vec<_> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    set.retain(|name| name.starts_with("WHOHUNGUP_") || name.starts_with("OTEL_") || name == "RUST_LOG");
    set.sort_unstable();
    json!({
        "kernel": names.release().to_string_lossy(),
        "kernel_version": names.version().to_string_lossy(),
        "machine": names.machine().to_string_lossy(),
        "distribution": of_release("ID"),
        "distribution_version": of_release("VERSION_ID"),
        "processors": available_parallelism().ok().map(usize::from),
        "memory": memory.lines().next().and_then(|line| line.split_once(':')).map(|(_, value)| value.trim()),
        "lockdown": read("/sys/kernel/security/lockdown"),
        "bpf_jit_enable": read("/proc/sys/net/core/bpf_jit_enable"),
        "bpf_stats_enabled": read("/proc/sys/kernel/bpf_stats_enabled"),
        "unprivileged_bpf_disabled": read("/proc/sys/kernel/unprivileged_bpf_disabled"),
        "btf": fs::metadata("/sys/kernel/btf/vmlinux").is_ok(),
        "cgroup_controllers": read("/sys/fs/cgroup/cgroup.controllers"),
        "host_pids": sees_host_pids(),
        // Without their values, which may be secrets.
        "variables_set": set,
    })
}

/// What `run` would have here: as `config show` prints it.
fn config(args: &BundleArgs) -> Body {
    let mut line: Vec<OsString> = vec!["whohungup".into(), "run".into()];
    if let Some(file) = &args.config {
        line.extend(["--config".into(), file.into()]);
    }
    let settings = Settings::of(line).map_err(|error| error.to_string());
    match settings.and_then(|settings| settings.effective().map_err(|error| error.to_string())) {
        Ok(settings) => Body::Config(settings),
        Err(why) => Body::Missing(why),
    }
}

/// How an answer is understood.
type Read = fn(&[u8]) -> Result<Body, String>;

fn of_daemon(args: &BundleArgs) -> Vec<Document> {
    let asked: [(_, _, Read); 6] = [
        ("report.json", REPORT, json_of),
        ("live.json", LIVE, json_of),
        ("closes.json", CLOSES, json_of),
        ("warnings.json", recent_warnings::PATH, json_of),
        ("metrics.txt", "/metrics", |bytes| Ok(Body::Metrics(text_of(bytes)))),
        ("ready.txt", "/readyz", |bytes| Ok(Body::Text(text_of(bytes)))),
    ];
    let client = match &args.from {
        None => Err("no daemon was asked: --from was not given".to_owned()),
        Some(url) => Client::new(url, &args.from_args).map_err(|error| format!("{error:#}")),
    };
    let ask = |path: &str| {
        let client = client.as_ref().map_err(Clone::clone)?;
        client.get(path, &Filter::default()).map_err(|error| format!("{error:#}"))
    };
    let document = |(name, path, read): (_, &str, Read)| {
        let body = ask(path).and_then(|bytes| read(&bytes));
        Document { name, body: body.unwrap_or_else(Body::Missing) }
    };
    asked.map(document).into()
}

fn json_of(bytes: &[u8]) -> Result<Body, String> {
    serde_json::from_slice(bytes).map(Body::Json).map_err(|error| format!("what came is no JSON: {error}"))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
