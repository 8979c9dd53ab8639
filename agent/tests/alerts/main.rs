//! From a lost request to a message: the agent, Prometheus and Alertmanager, with the rules that ship.
//!
//! Needs root. Everything is started by the test, on loopback addresses and with data directories of its own.

mod gate;
mod monitoring;
mod native;
mod recorded;
mod services;
mod webhook;

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime},
};

use harness::{Daemon, gate::program, wait};
use serde_json::Value;

use crate::{
    monitoring::{Alertmanager, Prometheus},
    services::{Habit, Service},
    webhook::{Delivered, Webhook},
};

const AGENT: &str = env!("CARGO_BIN_EXE_whohungup");
/// From the first request that a client lost to the message.
const WITHIN: Duration = Duration::from_mins(1);

/// Runs cargo, as the server is another package's; what is built lies beside the agent.
fn testserver() -> PathBuf {
    let built = Path::new(AGENT).with_file_name("testserver");
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let target = Path::new(AGENT).ancestors().nth(2).expect("the target directory");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "testserver", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("run cargo");
    assert!(status.success() && built.is_file(), "cargo has not built {}", built.display());
    built
}

fn wait_for<T>(what: &str, until: Instant, found: impl Fn() -> Option<T>) -> T {
    let within = until.saturating_duration_since(Instant::now());
    wait::until(what, within, || Ok(found())).unwrap_or_else(|error| panic!("{error:#}"))
}

fn epoch_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

#[test]
fn a_lost_request_is_reported_within_a_minute_and_healthy_services_are_silent() {
    if !gate::can_observe() {
        return;
    }
    let (Some(prometheus), Some(alertmanager)) = (program("prometheus"), program("prometheus-alertmanager"))
    else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let server = testserver();

    let webhook = Webhook::listen();
    let alertmanager = Alertmanager::start(&alertmanager, directory, webhook.address());
    let agent = Daemon::start(Path::new(AGENT)).expect("the agent");
    let prometheus = Prometheus::start(&prometheus, directory, agent.address(), &alertmanager);
    let begun = epoch_seconds();
    let until = Instant::now() + WITHIN;
    wait_for("the first scrape", until, || {
        (prometheus.number("count(whohungup_build_info)") > 0.0).then_some(())
    });

    let millis = Duration::from_millis;
    let start =
        |name, timeout, clients, habit| Service::start(name, directory, &server, timeout, clients, habit);
    let mut healthy = [
        start("clients-close-first", "30s", 4, Habit::CloseAfter(millis(200))),
        start("never-used-again", "200ms", 4, Habit::Leave),
    ];
    // Twice as long, so that a server that is late on a busy machine has closed all the same.
    let mut mismatch = start("closes-first", "400ms", 2, Habit::UseAgainAfter(millis(800)));

    let first_loss = wait_for("the first loss", Instant::now() + WITHIN, || mismatch.first_loss());
    let reported = |alerts: &[Delivered]| -> Option<Delivered> {
        let wanted = |alert: &&Delivered| {
            alert.is_of(mismatch.port) && alert.label("alertname") == "WhohungupRequestsLost"
        };
        alerts.iter().find(wanted).cloned()
    };
    let message = wait_for("the message", first_loss + WITHIN, || reported(&webhook.delivered()));
    let took = message.at.saturating_duration_since(first_loss);
    eprintln!(
        "the message came {:.1} s after the first loss: {}",
        took.as_secs_f64(),
        message.annotation("summary")
    );
    assert!(message.is_firing() && took < WITHIN, "{message:?}");
    assert_eq!((message.label("severity"), message.label("side")), ("warning", "server"));
    assert_eq!(message.label("job"), "whohungup");
    assert!(message.annotation("summary").contains(&format!("port {}", mismatch.port)), "{message:?}");
    assert!(message.annotation("runbook_url").ends_with("/WhohungupRequestsLost.md"), "{message:?}");

    // The healthy ones have the same time.
    thread::sleep((first_loss + WITHIN).saturating_duration_since(Instant::now()));
    mismatch.stop_clients();
    healthy.iter_mut().for_each(Service::stop_clients);
    assert_counts_are_what_clients_saw(&prometheus, &mismatch);
    assert!(!alerts_at(&prometheus, &mismatch).is_empty(), "what the silence is held against");
    for service in &healthy {
        assert_silent(&prometheus, &webhook, service);
    }
    for alert in webhook.delivered() {
        assert_ne!(alert.label("severity"), "info", "the example sends no message for it: {alert:?}");
        assert_ne!(alert.label("alertname"), "WhohungupDown", "{alert:?}");
    }
    let ports = [mismatch.port, healthy[0].port, healthy[1].port];
    recorded::write_if_asked(&prometheus, ports, (begun, epoch_seconds()));
}

/// The client's end of every loss is counted once, and so is the server's.
fn assert_counts_are_what_clients_saw(prometheus: &Prometheus, service: &Service) {
    let lost = service.lost() as f64;
    assert!(lost >= 3.0, "{lost} lost: too few for the alert");
    for role in ["client", "server"] {
        let labels = format!("role=\"{role}\", server_port=\"{}\"", service.port);
        let query = format!("sum(whohungup_idle_races_total{{{labels}}})");
        wait_for(&query, Instant::now() + WITHIN, || {
            ((prometheus.number(&query) - lost).abs() < 0.5).then_some(())
        });
    }
}

/// All that were firing, or waiting for their `for`, at any time of the run.
fn alerts_at(prometheus: &Prometheus, service: &Service) -> Vec<Value> {
    prometheus.query(&format!("count_over_time(ALERTS{{server_port=\"{}\"}}[10m])", service.port))
}

/// Many idle closes, all seen, and not one alert: neither sent, nor firing, nor waiting for its `for`.
fn assert_silent(prometheus: &Prometheus, webhook: &Webhook, service: &Service) {
    let port = service.port;
    assert_eq!(service.lost(), 0);
    let idle = format!(
        "sum(whohungup_closes_total{{role=\"server\", server_port=\"{port}\", verdict=~\"client-idle|server-idle\"}})"
    );
    let seen = prometheus.number(&idle);
    eprintln!("port {port}: {} answered, {seen} idle closes seen", service.answered());
    assert!(seen >= 100.0, "{seen} idle closes of {} requests", service.answered());
    let alerts = alerts_at(prometheus, service);
    assert!(alerts.is_empty(), "{alerts:?}");
    let sent: Vec<_> = webhook.delivered().into_iter().filter(|alert| alert.is_of(port)).collect();
    assert!(sent.is_empty(), "{sent:?}");
}
