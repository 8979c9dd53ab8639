//! Prometheus and Alertmanager as Debian packs them, with the files that ship.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use harness::{Program, port};
use serde_json::Value;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/prometheus");
/// Where nothing else on the host listens.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 104, 9, 1);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A file that ships, with what stands for a user's own replaced.
fn shipped(name: &str, replace: &[(&str, String)]) -> String {
    let path = Path::new(SHIPPED).join(name);
    let mut text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    for (example, own) in replace {
        assert!(text.contains(example), "{name} has no {example}");
        text = text.replace(example, own);
    }
    text
}

pub(crate) fn free_address() -> SocketAddr {
    port::free(HOST).expect("a free port")
}

/// Starts it and waits until it says at `address` that it is ready.
fn start(name: &str, directory: &Path, command: &mut Command, address: SocketAddr) -> Program {
    let url = format!("http://{address}/-/ready");
    let mut program = Program::start(command, directory, name).unwrap_or_else(|error| panic!("{error:#}"));
    let ready = program.wait_for("it was ready", |_| Ok(get(&url, &[])));
    ready.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    program
}

/// What is at a URL with this query; `None` when nobody answers, or not with 200.
fn get(url: &str, query: &[(&str, &str)]) -> Option<Vec<u8>> {
    let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).proxy(None).build();
    let mut answer =
        ureq::Agent::new_with_config(config).get(url).query_pairs(query.iter().copied()).call().ok()?;
    answer.body_mut().with_config().limit(64 << 20).read_to_vec().ok()
}

#[derive(Debug)]
pub(crate) struct Alertmanager {
    address: SocketAddr,
    _program: Program,
}

impl Alertmanager {
    /// With the example's routes, whose messages go to `webhook`.
    pub(crate) fn start(binary: &Path, directory: &Path, webhook: SocketAddr) -> Self {
        let own = [("http://127.0.0.1:9099/", format!("http://{webhook}/"))];
        let config = directory.join("alertmanager.yml");
        fs::write(&config, shipped("alertmanager.example.yml", &own)).expect("write the configuration");
        let address = free_address();
        let mut command = Command::new(binary);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.path={}", directory.join("alertmanager").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--cluster.listen-address=");
        let program = start("alertmanager", directory, &mut command, address);
        Self { address, _program: program }
    }
}

#[derive(Debug)]
pub(crate) struct Prometheus {
    address: SocketAddr,
    _program: Program,
}

impl Prometheus {
    /// With the shipped rules and alerts, every five seconds.
    pub(crate) fn start(
        binary: &Path,
        directory: &Path,
        agent: SocketAddr,
        alertmanager: &Alertmanager,
    ) -> Self {
        Self::start_with(binary, directory, agent, alertmanager.address, &[])
    }

    /// The same, with more arguments and with whoever is at `alertmanager`.
    pub(crate) fn start_with(
        binary: &Path,
        directory: &Path,
        agent: SocketAddr,
        alertmanager: SocketAddr,
        more: &[&str],
    ) -> Self {
        let rules = fs::canonicalize(SHIPPED).expect("the shipped rules");
        let rule = |name: &str| format!("- {}", PathBuf::from(&rules).join(name).display());
        let own = [
            ("_interval: 15s", "_interval: 5s".to_owned()),
            ("- whohungup.rules.yml", rule("whohungup.rules.yml")),
            ("- whohungup.alerts.yml", rule("whohungup.alerts.yml")),
            ("127.0.0.1:9909", agent.to_string()),
            ("127.0.0.1:9093", alertmanager.to_string()),
        ];
        let config = directory.join("prometheus.yml");
        fs::write(&config, shipped("prometheus.example.yml", &own)).expect("write the configuration");
        let address = free_address();
        let mut command = Command::new(binary);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.join("prometheus").display()));
        command.arg(format!("--web.listen-address={address}")).args(more);
        let program = start("prometheus", directory, &mut command, address);
        Self { address, _program: program }
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let body = get(&url, parameters);
        let body = body.unwrap_or_else(|| panic!("Prometheus does not answer {url} {parameters:?}"));
        let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(answer["status"], "success", "{answer}");
        match answer["data"]["result"].take() {
            Value::Array(series) => series,
            other => panic!("no series: {other}"),
        }
    }

    /// What a query gives now.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        self.ask("query", &[("query", query)])
    }

    /// The only number that a query gives; 0 when it gives none.
    pub(crate) fn number(&self, query: &str) -> f64 {
        let series = self.query(query);
        assert!(series.len() <= 1, "{query}: {series:?}");
        series.first().map_or(0.0, |series| number(&series["value"][1]))
    }

    /// What a query gives every `step` seconds of a time since the epoch.
    pub(crate) fn range(&self, query: &str, (start, end): (u64, u64), step: u64) -> Vec<Value> {
        let words = [start, end, step].map(|seconds| seconds.to_string());
        self.ask(
            "query_range",
            &[("query", query), ("start", &words[0]), ("end", &words[1]), ("step", &words[2])],
        )
    }
}

/// Prometheus writes numbers as strings.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}
