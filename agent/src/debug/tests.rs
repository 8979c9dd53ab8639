use std::{io::Read as _, os::unix::fs::PermissionsExt as _};

use flate2::read::GzDecoder;
use serde_json::json;
use whohungup_core::{advice, close::Peer, products::Products, testing::server_idle};

use super::*;
use crate::{
    cli::{Cli, Command},
    config::{Setting, Source},
    live::{KeptClose, NumberedClose, example},
};
use clap::Parser as _;

const SECRETS: [&str; 9] = [
    "192.0.2.7",
    "2001:db8::5",
    "10.1.2.3",
    "payroll",
    "checkout-7d4b9",
    "acme",
    "db.corp.example",
    "/home/bob",
    "Secret/1",
];

fn document(name: &'static str, body: Body) -> Document {
    Document { name, body }
}

fn written(documents: &[Document]) -> String {
    let all = documents.iter().map(|document| document.bytes().expect("there"));
    all.map(|bytes| String::from_utf8(bytes).expect("text")).collect()
}

fn report() -> serde_json::Value {
    json!({
        "schema": "whohungup.report/2",
        "endpoints": [{
            "role": "server", "server_port": 8080, "process": "payroll", "workload_id": "00000000deadbeef",
            "workload": { "kind": "pod", "pod": "checkout-7d4b9", "namespace": "acme", "labels": { "acme/team": "acme" } },
            "program": { "executable": "payroll", "runtime": "node", "words": ["express"] },
            "server": "Secret/1",
            "peers": [{ "id": "client/8080/payroll/00000000deadbeef", "process": "nginx" }],
            "verdicts": [["server-idle", 4]],
            "advice": [{ "side": "server", "program": "Node.js", "setting": "server.keepAliveTimeout",
                "why": "payroll in acme/checkout-7d4b9/app closes; checkout-7d… too; the server closes.",
                "text": "The server (`Node.js`): set `server.keepAliveTimeout = 70000`." }],
            "not_known_here": "acme",
        }],
        "shutdowns": [{ "process": { "comm": "payroll" }, "signals": [{ "signal": "SIGTERM" }],
            "cut": [["waiting", 2]], "missing": ["wait-for-requests"] }],
    })
}

#[test]
fn names_addresses_and_paths_become_pseudonyms_and_the_rest_stays() {
    let log = "cannot read /home/bob/x.toml of acme: connect to 10.1.2.3:443 ([2001:db8::5]:80, http://db.corp.example:1/v1) \
               and 127.0.0.1:9909, payroll-headless.acme.svc (increase --ring-bytes) ... -payroll; see /proc/self/maps and docs/web.md, HTTP/1.1 at 10:43:12.326, ::1";
    let mut documents = [
        document("report.json", Body::Json(report())),
        document("log.json", Body::Json(json!({ "warnings": [{ "level": "WARN", "text": log }] }))),
    ];
    Redactor::redact(&mut documents);
    let text = written(&documents);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for kept in [
        "127.0.0.1:9909",
        "/proc/self/maps",
        "docs/web.md",
        "HTTP/1.1 at 10:43:12.326, ::1",
        "\"nginx\"",
        "\"runtime\": \"node\"",
        "server-idle",
        "Node.js",
        "set `server.keepAliveTimeout = 70000`",
        "express",
        "8080",
        "\"pod\"",
        "the server closes.",
        "waiting",
        "wait-for-requests",
        "SIGTERM",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    let Body::Json(report) = &documents[0].body else { panic!("{text}") };
    let endpoint = &report["endpoints"][0];
    let (process, id) = (endpoint["process"].as_str().expect("a name"), &endpoint["workload_id"]);
    let id = id.as_str().expect("an id");
    assert_eq!(endpoint["program"]["executable"], process);
    assert_eq!(endpoint["peers"][0]["id"], format!("client/8080/{process}/{id}"));
    assert!(endpoint["advice"][0]["why"].as_str().is_some_and(|why| why.starts_with(process)), "{text}");
}

#[test]
fn what_a_daemon_shows_has_no_member_that_is_not_known() {
    let (view, closes) = example::losing();
    let endpoints = advice::build(&[], Products::builtin(), advice::Meta::default());
    let mut close = server_idle(8080, "payroll");
    close.server = Some("Secret/1".to_owned());
    close.ends.local = ([192, 0, 2, 7], 8080).into();
    close.peer =
        Some(Peer { process: close.process, workload: None, address: Some(([10, 1, 2, 3], 1).into()) });
    close.evidence = vec!["payroll wrote to 192.0.2.7:8080".to_owned()];
    let close = NumberedClose::new(&KeptClose { number: 1, close });
    let closes: Vec<_> = closes.iter().map(|close| NumberedClose::new(close)).chain([close]).collect();
    let values = [
        serde_json::to_value(view).expect("JSON"),
        serde_json::to_value(endpoints).expect("JSON"),
        serde_json::to_value(closes).expect("JSON"),
    ];
    let mut unknown = Vec::new();
    for value in &values {
        members(value, "", &mut unknown);
    }
    assert!(unknown.is_empty(), "{unknown:?}");
    let mut documents = values.map(|value| document("x.json", Body::Json(value)));
    Redactor::redact(&mut documents);
    let text = written(&documents);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("ip-1:8080"), "{text}");
}

/// Members with a text of which it is not known what it is.
fn members(value: &serde_json::Value, member: &str, unknown: &mut Vec<String>) {
    match value {
        serde_json::Value::String(_) if redact::kind(member).is_none() => unknown.push(member.to_owned()),
        serde_json::Value::Array(all) => all.iter().for_each(|value| members(value, member, unknown)),
        serde_json::Value::Object(all) => all.iter().for_each(|(name, value)| members(value, name, unknown)),
        _ => {}
    }
}

#[test]
fn labels_of_metrics_have_the_same_pseudonyms() {
    let metrics = "# HELP whohungup_closes Closes {of} all.\n\
        whohungup_closes_total{role=\"server\",server_port=\"8080\",process=\"payroll\",k8s_pod_name=\"a\\\"b\"} 3\n\
        whohungup_closes_total{process=\"other\",server_port=\"other\"} 1\n\
        whohungup_x_bucket{process=\"nginx\",le=\"+Inf\",k8s_pod_label_team=\"acme\"} 3 # {local=\"10.1.2.3:1\"} 1\n\
        whohungup_up 1\n";
    let mut documents = [
        document("report.json", Body::Json(report())),
        document("metrics.txt", Body::Metrics(metrics.to_owned())),
    ];
    Redactor::redact(&mut documents);
    let text = String::from_utf8(documents[1].bytes().expect("there")).expect("text");
    let Body::Json(report) = &documents[0].body else { panic!("{text}") };
    let process = report["endpoints"][0]["process"].as_str().expect("a name");
    assert!(
        text.contains(&format!(
            "{{role=\"server\",server_port=\"8080\",process=\"{process}\",k8s_pod_name=\"pod-"
        )),
        "{text}"
    );
    assert!(text.contains("{process=\"other\",server_port=\"other\"} 1"), "{text}");
    assert!(text.contains("{process=\"nginx\",le=\"+Inf\","), "{text}");
    assert!(text.contains("# {local=\"ip-1:1\"} 1") && text.ends_with("whohungup_up 1\n"), "{text}");
    assert!(!text.contains("acme") && !text.contains("a\\\"b"), "{text}");
}

#[test]
fn settings_keep_what_is_measured_or_chosen() {
    let setting = |key: &str, value: &str| Setting {
        key: key.to_owned(),
        values: vec![value.to_owned()],
        is_list: false,
        source: Source::File("/home/bob/w.toml".into(), 3),
    };
    let settings = vec![
        setting("ring-bytes", "8192"),
        setting("idle-threshold", "100ms"),
        setting("http-inspection", "off"),
        setting("listen", "10.1.2.3:9909"),
        setting("record", "/home/bob/record"),
        setting("node-name", "acme"),
        Setting { source: Source::Default, ..setting("service-account", "/var/run/secrets/x") },
    ];
    let mut documents = [document("config.toml", Body::Config(settings))];
    Redactor::redact(&mut documents);
    let text = written(&documents);
    for kept in [
        "ring-bytes = 8192",
        "\"100ms\"",
        "\"off\"",
        "listen = \"ip-1:9909\"",
        "record = \"path-",
        "node-name = \"name-1\"",
        "/var/run/secrets/x",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
}

#[test]
fn a_bundle_is_for_its_owner_alone_bounded_and_overwrites_nothing() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("bundle.tar.gz");
    let documents = [
        document("a.txt", Body::Text("payroll".to_owned())),
        document("big.txt", Body::Text("x".repeat(MOST_OF_ONE + 1))),
        document("none.txt", Body::Missing("no daemon".to_owned())),
    ];
    let now = Timestamp::now();
    archive::write(&path, &files(&documents, now, false), now).expect("written");
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(&path).expect("open")));
    let mut names = Vec::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        if name.ends_with("manifest.json") {
            assert!(text.contains("left out: it has 16777217 bytes") && text.contains("no daemon"), "{text}");
        }
        names.push(name);
    }
    assert_eq!(names, ["whohungup-debug/manifest.json", "whohungup-debug/a.txt"]);
    let again = archive::write(&path, &[], now).expect_err("it is there");
    assert!(format!("{again:#}").contains("bundle.tar.gz"), "{again:#}");
}

#[test]
fn the_command_line_is_as_documented() {
    let line =
        ["whohungup", "debug", "bundle", "--from", "http://127.0.0.1:9909", "-o", "x.tar.gz", "--no-redact"];
    let Command::Debug(args) = Cli::try_parse_from(line).expect("a command").command else {
        panic!("another")
    };
    let DebugCommand::Bundle(args) = args.command;
    assert!(args.no_redact && args.output.is_some() && args.from.is_some());
}
