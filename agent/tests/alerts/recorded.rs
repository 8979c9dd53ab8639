//! The series of a run, as a test for `promtool` plays them again without an agent.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use harness::metric::REQUESTS_STARTED;
use serde_json::Value;

use crate::monitoring::{Prometheus, number};

/// Set to write the file anew.
const WRITE: &str = "WHOHUNGUP_WRITE_SERIES";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/prometheus/tests/recorded.test.yml");
const STEP: u64 = 5;
/// The ports of the mismatched service and of the healthy ones, as the file has them.
const PORTS: [&str; 3] = ["8080", "8081", "8082"];
const METRICS: [&str; 6] = [
    "idle_races_total",
    "premature_hangups_total",
    REQUESTS_STARTED,
    "requests_at_risk_total",
    "idle_headroom_seconds",
    "endpoint_risk",
];

const HEAD: &str = "\
# Recorded from the agent: the scrapes of one run of `cargo test -p whohungup --test alerts` with WHOHUNGUP_WRITE_SERIES
# set, every five seconds. Only ports, instance and the client's process have other names, and times begin at 0.
# 8080 closes before its clients use their connections again; of 8081 the clients close first; nobody uses a connection
# of 8082 again.
rule_files: [../whohungup.rules.yml, ../whohungup.alerts.yml]
evaluation_interval: 5s
group_eval_order: [whohungup.rules, whohungup.alerts]
tests:
  - name: a service that loses requests, and two that do not
    interval: 5s
    input_series:
";

pub(crate) fn write_if_asked(prometheus: &Prometheus, ports: [u16; 3], run: (u64, u64)) {
    if std::env::var_os(WRITE).is_none() {
        return;
    }
    let mut text = HEAD.to_owned();
    let mut series = prometheus.range(
        "{__name__=~\"up|whohungup_build_info|process_start_time_seconds\", job=\"whohungup\"}",
        run,
        STEP,
    );
    for metric in METRICS {
        let ports = ports.map(|port| port.to_string()).join("|");
        series.extend(prometheus.range(
            &format!("whohungup_{metric}{{server_port=~\"{ports}\"}}"),
            run,
            STEP,
        ));
    }
    for one in &series {
        let name = named(&one["metric"], ports);
        let values = values(&one["values"], run, name.starts_with("process_start_time_seconds"));
        writeln!(text, "      - series: {name}\n        values: {values}").expect("write to a string");
    }
    let end = run.1 - run.0;
    write!(text, "    promql_expr_test:\n{}", checks(end)).expect("write to a string");
    fs::write(FILE, text).expect("write the recorded series");
}

/// Both ends of 8080 alert, nothing else of any endpoint does.
fn checks(end: u64) -> String {
    let check = |query: &str, samples: &str| {
        format!("      - eval_time: {end}s\n        expr: {query}\n        exp_samples:{samples}\n")
    };
    let both = "\n          - {labels: '{server_port=\"8080\", side=\"server\"}', value: 2}";
    [
        check(
            "count by (server_port, side) (ALERTS{alertname=\"WhohungupRequestsLost\", alertstate=\"firing\"})",
            both,
        ),
        check("count_over_time(ALERTS{server_port=~\"8081|8082\"}[10m])", " []"),
        check("count_over_time(ALERTS{alertname=\"WhohungupDown\", alertstate=\"firing\"}[10m])", " []"),
    ]
    .concat()
}

fn named(metric: &Value, ports: [u16; 3]) -> String {
    let labels: BTreeMap<&str, &str> = metric
        .as_object()
        .expect("labels")
        .iter()
        .map(|(label, value)| (label.as_str(), value.as_str().expect("a string")))
        .collect();
    let shown = labels.iter().filter(|(label, _)| **label != "__name__").map(|(label, value)| {
        let port = ports.iter().position(|port| *label == "server_port" && port.to_string() == *value);
        let value = match (*label, port) {
            (_, Some(index)) => PORTS[index],
            ("instance", _) => "web-1:9909",
            ("process", _) if *value != "testserver" => "client",
            _ => value,
        };
        format!("{label}=\"{value}\"")
    });
    format!("{}{{{}}}", labels["__name__"], shown.collect::<Vec<_>>().join(", "))
}

/// One value a step, `_` where there was none.
fn values(samples: &Value, (start, end): (u64, u64), is_time: bool) -> String {
    let at: BTreeMap<u64, f64> = samples
        .as_array()
        .expect("samples")
        .iter()
        .map(|sample| (sample[0].as_f64().expect("a time").round() as u64, number(&sample[1])))
        .collect();
    let offset = if is_time { start as f64 } else { 0.0 };
    (start..=end)
        .step_by(STEP as usize)
        .map(|time| at.get(&time).map_or("_".to_owned(), |value| shown(value - offset)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn shown(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
