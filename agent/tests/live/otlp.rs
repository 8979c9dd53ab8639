//! `run --otlp`: every close is delivered once, or counted, whatever the receiver does.

mod receiver;

use std::{
    collections::HashMap,
    net::TcpListener,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, Ended, Samples, sum};
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::metric::Data,
};
use rustix::process::Signal;

use self::receiver::{Answer, Receiver};
use crate::{
    agent::BINARY,
    gate::require,
    peer::{Dialled, listen},
};

/// Connections that a part of a test makes.
const EACH: usize = 50;
/// How long a receiver is away; the environment asks for longer.
const AWAY: &str = "WHOHUNGUP_OTLP_AWAY_SECONDS";
const WITHIN: Duration = Duration::from_mins(1);

fn away() -> Duration {
    let seconds = std::env::var(AWAY).map_or(3, |text| text.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

fn sending(receiver: &Receiver, signals: &str, variables: &[(&str, &str)]) -> Daemon {
    let mut command = Command::new(BINARY);
    command.args(["run", "--listen", "127.0.0.1:0", "--max-endpoints", "65536", "--otlp", signals]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", receiver.address()));
    command.envs(variables.iter().copied());
    Daemon::start_by(Path::new(BINARY), &mut command).expect("a daemon")
}

fn connections(listener: &TcpListener, count: usize) {
    for _ in 0..count {
        Dialled::to(listener).exchange();
    }
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name}: {other:?}"),
    }
}

/// The records that were taken, of closes at `port` where one is given, by the id of the close.
fn by_id(receiver: &Receiver, port: Option<u16>) -> HashMap<String, Vec<LogRecord>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for logs in &receiver.taken().logs {
        for record in logs.resource_logs.iter().flat_map(|of| &of.scope_logs).flat_map(|of| &of.log_records) {
            let at = text(&record.attributes, "server.port");
            if port.is_none_or(|port| at == Some(port.to_string())) {
                let id = text(&record.attributes, "tcp.close.id").expect("an id");
                found.entry(id).or_default().push(record.clone());
            }
        }
    }
    found
}

fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    harness::wait::until(what, WITHIN, || Ok(is_so().then_some(()))).expect("in time");
}

fn dropped(samples: &Samples, reason: &str) -> f64 {
    samples[&format!("whohungup_otlp_dropped_total{{reason=\"{reason}\"}}")]
}

#[test]
fn every_close_is_delivered_once_over_a_receiver_that_is_dead_busy_slow_and_resets() {
    require!();
    let mut receiver = Receiver::start();
    let daemon = sending(&receiver, "logs", &[("OTEL_EXPORTER_OTLP_TIMEOUT", "500")]);
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let mut made = 0;
    for answer in [
        Answer::Accept,
        Answer::Status(503, Some(1)),
        Answer::Status(429, None),
        Answer::Reset,
        Answer::Slow(Duration::from_secs(2)),
    ] {
        receiver.answer(answer);
        let before = receiver.requests();
        connections(&listener, EACH);
        made += EACH;
        if !matches!(answer, Answer::Accept) {
            await_that("a second attempt", || receiver.requests() >= before + 2);
            let asked = Instant::now();
            assert!(daemon.get("/readyz").expect("an answer").starts_with("HTTP/1.1 200"));
            assert!(asked.elapsed() < Duration::from_secs(1), "{answer:?} holds the daemon up");
            receiver.answer(Answer::Accept);
        }
        await_that("every close", || by_id(&receiver, Some(port)).len() == 2 * made);
    }
    receiver.die();
    connections(&listener, EACH);
    made += EACH;
    thread::sleep(away());
    let samples = daemon.samples().expect("a scrape");
    assert!(samples["whohungup_otlp_failed_attempts_total"] >= 5.0, "{samples:?}");
    receiver.live();
    await_that("every close", || by_id(&receiver, Some(port)).len() == 2 * made);
    let twice = by_id(&receiver, Some(port)).into_values().filter(|records| records.len() > 1).count();
    assert_eq!(twice, 0, "nothing is delivered twice");
    let samples = daemon.samples().expect("a scrape");
    for reason in ["refused", "rejected", "stopped"] {
        assert!(dropped(&samples, reason) < 0.5, "{reason}");
    }
}

#[test]
fn what_is_refused_or_rejected_is_counted_and_what_waits_at_the_end_is_sent() {
    require!();
    let receiver = Receiver::start();
    receiver.answer(Answer::Status(400, None));
    let daemon = sending(&receiver, "logs", &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]);
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    connections(&listener, EACH);
    let samples =
        daemon.wait_for(|samples| dropped(samples, "refused") >= (2 * EACH) as f64).expect("counted");
    assert!(samples["whohungup_degraded{reason=\"otlp-incomplete\"}"] > 0.5);
    assert_eq!(by_id(&receiver, Some(port)).len(), 0);

    receiver.answer(Answer::Reject(3));
    let before = samples["whohungup_otlp_closes_total"] + dropped(&samples, "rejected");
    connections(&listener, EACH);
    let samples = daemon
        .wait_for(|samples| {
            samples["whohungup_otlp_closes_total"] + dropped(samples, "rejected")
                >= before + (2 * EACH) as f64
        })
        .expect("taken or counted");
    assert!(dropped(&samples, "rejected") >= 3.0, "{samples:?}");
    let (taken, missing) = (by_id(&receiver, Some(port)).len(), dropped(&samples, "rejected") as usize);
    assert!(taken + missing >= 2 * EACH && taken <= 2 * EACH, "{taken} taken, {missing} rejected");

    receiver.answer(Answer::Accept);
    connections(&listener, EACH);
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
    assert_eq!(by_id(&receiver, Some(port)).len(), taken + 2 * EACH);
    assert!(receiver.taken().heads.iter().all(|head| head.contains("content-encoding: gzip")));
}

#[test]
fn a_receiver_that_stays_away_costs_closes_that_are_counted_and_no_more() {
    require!();
    let mut receiver = Receiver::start();
    receiver.die();
    let daemon = sending(&receiver, "logs", &[]);
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let many = 4200;
    connections(&listener, many);
    let samples = daemon.wait_for(|samples| dropped(samples, "queue") > 1000.0).expect("counted");
    assert!(samples["whohungup_otlp_closes_total"] < 0.5);
    assert!(samples["whohungup_degraded{reason=\"otlp-incomplete\"}"] > 0.5);
    receiver.live();
    let samples =
        daemon.wait_for(|samples| samples["whohungup_otlp_closes_total"] > 6000.0).expect("delivered");
    let ours = by_id(&receiver, Some(port)).len();
    assert!(ours <= 2 * many && ours as f64 + dropped(&samples, "queue") >= (2 * many) as f64, "{ours}");
    // Dead again, and the daemon is to end: it does not wait for ever.
    receiver.die();
    connections(&listener, EACH);
    let asked = Instant::now();
    daemon.signal(Signal::TERM).expect("stop it");
    daemon.wait().and_then(Ended::success).expect("a good end");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[test]
fn metrics_are_those_of_a_scrape_and_say_whose_they_are() {
    require!();
    let receiver = Receiver::start();
    let daemon = sending(
        &receiver,
        "logs,metrics",
        &[
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ("OTEL_SERVICE_NAME", "closes"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20one"),
        ],
    );
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    connections(&listener, EACH);
    let ours = format!("server_port=\"{port}\"");
    let is_ours = |name: &str| name.starts_with("whohungup_closes_total{") && name.contains(&ours);
    let scraped =
        |samples: &Samples| samples.iter().filter(|(name, _)| is_ours(name)).map(|(_, n)| n).sum::<f64>();
    daemon.wait_for(|samples| scraped(samples) >= (2 * EACH) as f64).expect("counted");
    await_that("an export with all closes", || {
        let taken = receiver.taken();
        let Some(newest) = taken.metrics.last() else { return false };
        let of = &newest.resource_metrics[0];
        let metrics = &of.scope_metrics[0].metrics;
        let Some(closes) = metrics.iter().find(|metric| metric.name == "whohungup_closes") else {
            return false;
        };
        let Some(Data::Sum(closes)) = &closes.data else { panic!("{closes:?}") };
        assert!(closes.is_monotonic && closes.aggregation_temporality == 2, "cumulative");
        let ours = closes.data_points.iter().filter(|point| {
            text(&point.attributes, "server_port") == Some(port.to_string()) && point.start_time_unix_nano > 0
        });
        let count: i64 = ours
            .map(|point| match point.value {
                Some(opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt(count)) => {
                    count
                }
                ref other => panic!("{other:?}"),
            })
            .sum();
        count == 2 * EACH as i64
    });
    let samples = daemon.samples().expect("a scrape");
    assert!(
        samples["whohungup_otlp_metric_exports_total"] > 0.0 && sum(&samples, "whohungup_otlp_dropped") < 0.5
    );
    await_that("a batch of closes", || !receiver.taken().logs.is_empty());
    let taken = receiver.taken();
    assert!(taken.heads.iter().all(|head| head.contains("authorization: bearer one")), "{:?}", taken.heads);
    let resource = taken.metrics[0].resource_metrics[0].resource.as_ref().expect("a resource");
    let of = |name: &str| text(&resource.attributes, name);
    assert_eq!(
        (of("service.name"), of("deployment.environment.name")),
        (Some("closes".into()), Some("test".into()))
    );
    assert!(of("host.name").is_some());
    assert_eq!(
        taken.logs.first().map(|logs| logs.resource_logs[0].resource.as_ref() == Some(resource)),
        Some(true)
    );
}

#[test]
fn over_tls_only_the_named_authority_is_trusted() {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    require!();
    let folder = tempfile::tempdir().expect("a folder");
    let certified = rcgen::generate_simple_self_signed(["127.104.7.1".to_owned()]).expect("a certificate");
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, certified.cert.pem()).expect("write it");
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.into()], key)
        .expect("a server's configuration");
    let receiver = Receiver::with(Some(Arc::new(config)));
    let url = format!("https://{}", receiver.address());
    let authority = authority.to_str().expect("a path");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let stranger = sending(&receiver, "logs", &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    connections(&listener, 1);
    stranger.wait_for(|samples| samples["whohungup_otlp_failed_attempts_total"] > 0.0).expect("it fails");
    assert_eq!(receiver.requests(), 0, "nothing is sent to whom nobody trusts");
    drop(stranger);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_EXPORTER_OTLP_CERTIFICATE", authority)];
    let _daemon = sending(&receiver, "logs", &variables);
    connections(&listener, EACH);
    await_that("every close", || by_id(&receiver, Some(port)).len() == 2 * EACH);
}

#[test]
fn a_variable_that_cannot_be_used_ends_the_start_with_a_remedy() {
    let ended = |variables: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        command.args(["run", "--listen", "127.0.0.1:0", "--otlp", "logs"]).envs(variables.iter().copied());
        let output = command.output().expect("run");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = ended(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert!(said.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && said.contains("4318"), "{said}");
    let said = ended(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem")]);
    assert!(said.contains("/nowhere/ca.pem"), "{said}");
}
