//! `whohungup debug bundle` of a daemon that has seen something.

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
    time::Duration,
};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    agent::{self, BINARY},
    gate::require,
    peer::{Dialled, ask},
};

/// An address of the loopback that nothing else has.
const ADDRESS: &str = "127.77.3.4";

fn bundle(args: &[&str], to: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["debug", "bundle", "--output"]).arg(to).args(args);
    command.env("WHOHUNGUP_NODE_SECRET", "hunter2").output().expect("run")
}

/// The files in it, by their names.
fn unpacked(path: &Path) -> HashMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).expect("a bundle")));
    let read = |entry: std::io::Result<tar::Entry<'_, GzDecoder<File>>>| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").file_name().expect("a name").to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        (name, text)
    };
    archive.entries().expect("entries").map(read).collect()
}

fn json(files: &HashMap<String, String>, name: &str) -> Value {
    serde_json::from_str(&files[name]).expect(name)
}

/// The process of the server's endpoint at `port`.
fn process(report: &Value, port: u16) -> Option<String> {
    let mut all = report["endpoints"].as_array()?.iter();
    let ours = all.find(|one| one["server_port"] == port && one["role"] == "server")?;
    ours["process"].as_str().map(str::to_owned)
}

#[test]
fn a_bundle_has_what_a_report_of_a_bug_needs_and_no_address_and_no_name() {
    require!();
    let directory = TempDir::with_prefix("secret-folder-").expect("a folder");
    let at = |name: &str| directory.path().join(name);
    let daemon = agent::daemon();
    let listener = TcpListener::bind((ADDRESS, 0)).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    for _ in 0..3 {
        let mut dialled = Dialled::to(&listener);
        dialled.exchange();
        thread::sleep(Duration::from_millis(200));
        let Dialled { client, server } = dialled;
        drop(server);
        drop(client);
    }
    for _ in 0..3 {
        let Dialled { mut client, server } = Dialled::to(&listener);
        ask(&mut client);
        // Unread: in trouble, and so kept with its evidence whatever else the host does.
        thread::sleep(Duration::from_millis(50));
        drop(server);
    }
    let ours = format!("server_port=\"{port}\"");
    let is_seen = |series: &String| series.contains(&ours) && series.contains("premature-hangup");
    let seen = daemon.wait_for(|samples| samples.keys().any(is_seen));
    seen.expect("the closes");

    let from = ["--from", &daemon.url("")];
    let whole = bundle(&[&from[..], &["--no-redact"]].concat(), &at("whole.tar.gz"));
    assert!(whole.status.success(), "{whole:?}");
    let whole = unpacked(&at("whole.tar.gz"));
    let server = process(&json(&whole, "report.json"), port).expect("the server's endpoint");
    assert!(whole["closes.json"].contains(ADDRESS), "the closes in trouble");

    let redacted = bundle(&from, &at("redacted.tar.gz"));
    assert!(redacted.status.success(), "{redacted:?}");
    let said = String::from_utf8_lossy(&redacted.stdout);
    assert!(said.contains("look through it") && !said.contains("missing"), "{said}");
    let redacted = unpacked(&at("redacted.tar.gz"));
    for name in [
        "manifest.json",
        "check.json",
        "host.json",
        "config.toml",
        "report.json",
        "live.json",
        "closes.json",
        "warnings.json",
        "metrics.txt",
        "ready.txt",
    ] {
        assert!(redacted.contains_key(name), "{name}: {:?}", redacted.keys());
    }
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let secrets = [ADDRESS, &server, "hunter2", "secret-folder", &host];
    // A host that is called as what every host has tells nothing.
    let secrets = secrets.iter().filter(|secret| secret.len() > 3 && **secret != "localhost");
    for secret in secrets {
        for (name, text) in &redacted {
            assert!(!text.contains(*secret), "{secret} is in {name}");
        }
    }
    let report = json(&redacted, "report.json");
    let pseudonym = process(&report, port).expect("the endpoint, under another name");
    assert!(pseudonym.starts_with("process-"), "{pseudonym}");
    assert!(redacted["metrics.txt"].contains(&format!("process=\"{pseudonym}\"")), "one name in all of it");
    assert!(redacted["closes.json"].contains("ip-"), "their addresses, under other names");
    assert_eq!(json(&redacted, "check.json")["works"], true);
    assert_eq!(redacted["ready.txt"], "ok\n");
    assert!(redacted["config.toml"].contains("ring-bytes = "), "{}", redacted["config.toml"]);
    assert!(redacted["host.json"].contains("WHOHUNGUP_NODE_SECRET"), "{}", redacted["host.json"]);
    let compare = |name: &str| (whole[name].lines().count(), redacted[name].lines().count());
    let (before, after) = compare("check.json");
    assert_eq!(before, after, "nothing but names is changed");
}

#[test]
fn without_a_daemon_the_rest_is_there_and_what_is_missing_is_named() {
    require!();
    let directory = TempDir::new().expect("a folder");
    let path = directory.path().join("alone.tar.gz");
    let output = bundle(&[], &path);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("6 parts are missing"), "{output:?}");
    let files = unpacked(&path);
    assert!(files["manifest.json"].contains("--from was not given"), "{}", files["manifest.json"]);
    assert_eq!(json(&files, "check.json")["schema"], "whohungup.check/1");
    let again = bundle(&[], &path);
    assert!(!again.status.success(), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("alone.tar.gz"), "{again:?}");
    let nobody = bundle(&["--from", "http://127.0.0.1:1"], &directory.path().join("nobody.tar.gz"));
    assert!(nobody.status.success(), "a daemon that is dead is when one is needed: {nobody:?}");
}
