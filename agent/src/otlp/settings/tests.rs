use super::*;

fn settings(set: &[(&str, &str)]) -> Result<Settings, OtlpError> {
    let variable =
        |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Settings::from_environment(&[Signal::Metrics, Signal::Logs], variable)
}

#[test]
fn without_variables_a_collector_on_this_host_is_meant() {
    let settings = settings(&[]).expect("settings");
    let urls: Vec<_> = settings.targets.iter().map(|target| target.url.as_str()).collect();
    assert_eq!(urls, ["http://localhost:4318/v1/logs", "http://localhost:4318/v1/metrics"]);
    assert_eq!(settings.target(Signal::Logs).expect("logs").timeout, Duration::from_secs(10));
    assert_eq!(settings.metric_interval, Duration::from_mins(1));
}

#[test]
fn a_signals_own_variable_comes_before_that_of_all() {
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318/otlp/"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://other/logs"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20Zm9vOmJhcg%3D%3D, x-scope=one"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-scope=two"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=no,deployment.environment.name=prod%2Ceu"),
        ("OTEL_SERVICE_NAME", "closes"),
    ])
    .expect("settings");
    let (logs, metrics) = (&settings.targets[0], &settings.targets[1]);
    assert_eq!(
        (logs.url.as_str(), metrics.url.as_str()),
        ("http://other/logs", "https://collector:4318/otlp/v1/metrics")
    );
    assert_eq!(logs.headers, [("x-scope".to_owned(), "two".to_owned())]);
    assert_eq!(metrics.headers[0], ("authorization".to_owned(), "Basic Zm9vOmJhcg==".to_owned()));
    assert_eq!((logs.compression, metrics.compression), (Compression::Gzip, Compression::None));
    assert_eq!(logs.timeout, Duration::from_millis(2500));
    assert_eq!(logs.certificate.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
    assert_eq!(settings.metric_interval, Duration::from_secs(15));
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        settings.resource,
        [pair("deployment.environment.name", "prod,eu"), pair("service.name", "closes")]
    );
    assert!(!format!("{metrics:?}").contains("Basic"), "secrets are not shown");
}

#[test]
fn what_cannot_be_used_is_named_with_a_remedy_and_secrets_are_not() {
    let said = |name: &str, value: &str| settings(&[(name, value)]).expect_err("refused").to_string();
    for (name, value, remedy) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "give http://HOST:PORT"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://a b/", "give http://HOST:PORT"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https:///v1", "give http://HOST:PORT"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "%2C"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0d%0ab", "printable ASCII"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret", "letters"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%zz", "%25"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem", "or neither"),
    ] {
        let said = said(name, value);
        assert!(said.contains(remedy), "{said}");
        assert!(said.contains(name) || name.ends_with("KEY"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}
