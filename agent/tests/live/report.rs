//! `whohungup report`: of its own and from a running daemon.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use harness::Ended;
use serde_json::Value;

use crate::{
    agent::{self, BINARY},
    gate::require,
    peer::{Dialled, listen},
};

const IDLE: Duration = Duration::from_millis(300);

/// Connections that the server shuts after the same time, each with an answered request and a reuse.
fn closes_alike(listener: &TcpListener, count: usize) {
    let mut dialled: Vec<_> = (0..count).map(|_| Dialled::to(listener)).collect();
    for one in &mut dialled {
        one.exchange();
        one.exchange();
        thread::sleep(IDLE);
        one.server.shutdown(std::net::Shutdown::Both).expect("shut");
    }
}

fn report(args: &[&str]) -> Output {
    Command::new(BINARY).arg("report").args(args).output().expect("run")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The endpoint of `role` at the port, from a report's JSON.
fn endpoint<'a>(report: &'a Value, role: &str, port: u16) -> Option<&'a Value> {
    let mut all = report["endpoints"].as_array().expect("a list").iter();
    all.find(|endpoint| endpoint["role"] == role && endpoint["server_port"] == port)
}

fn server_timer(endpoint: &Value) -> Option<f64> {
    let mut timers = endpoint["timers"].as_array().expect("a list").iter();
    timers.find(|timer| timer["side"] == "server" && timer["phase"] == "idle")?["seconds"].as_f64()
}

#[test]
fn a_daemon_tells_what_it_inferred_in_every_form() {
    require!();
    let daemon = agent::daemon();
    let url = daemon.url("");
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    closes_alike(&listener, 6);

    let until = Instant::now() + Duration::from_mins(1);
    let (model, seconds) = loop {
        let output = report(&["--from", &url, "--json", "--port", &port.to_string()]);
        assert!(output.status.success(), "{}", said(&output));
        let model: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        if let Some(seconds) = endpoint(&model, "server", port).and_then(server_timer) {
            break (model, seconds);
        }
        assert!(Instant::now() < until, "{model:#}");
        // On a busy host the closes may have been less alike than meant.
        closes_alike(&listener, 2);
    };
    assert_eq!(model["schema"], "whohungup.report/2");
    assert!((seconds - IDLE.as_secs_f64()).abs() < 0.1, "{seconds}");
    let both: Vec<_> =
        ["server", "client"].map(|role| endpoint(&model, role, port)).into_iter().flatten().collect();
    assert_eq!(model["endpoints"].as_array().map(Vec::len), Some(both.len()), "no other port: {model:#}");

    let text = report(&["--from", &url, "--port", &port.to_string()]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains(&format!("server on port {port}")), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour without a terminal: {text}");
    let ticket = report(&["--from", &url, "--markdown"]);
    assert!(String::from_utf8_lossy(&ticket.stdout).starts_with("## whohungup report\n"));

    let timers = format!("whohungup_inferred_timeout_seconds{{role=\"server\",server_port=\"{port}\"");
    let samples = daemon.wait_for(|samples| samples.keys().any(|series| series.starts_with(&timers)));
    let samples = samples.expect("a timer");
    assert!(samples["whohungup_table_entries{table=\"endpoints\"}"] >= 2.0);
    assert!(samples["whohungup_inference_memory_bytes"] > 0.0);
}

#[test]
fn a_report_of_its_own_ends_early_with_what_there_is() {
    require!();
    let listener = listen();
    let port = listener.local_addr().expect("address").port();
    let agent = agent::start(&["report", "--for", "1h", "--json", "--port", &port.to_string()]);
    closes_alike(&listener, 8);
    let ended = agent.interrupt().and_then(Ended::success).expect("a good end");
    let model: Value = serde_json::from_str(&ended.stdout.join("\n")).expect("JSON");
    let server = endpoint(&model, "server", port).expect("the server's end");
    assert_eq!(server["closes"], 8, "{server:#}");
    assert!(server_timer(server).is_some(), "{server:#}");
    assert_eq!(model["meta"]["events_lost"], 0);
}

/// Answers one request with `answer`.
fn impostor(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("accept");
        let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        assert!(head.count() > 0);
        // It may hang up on what it does not like.
        let _written = write!(&stream, "{answer}");
    });
    address
}

#[test]
fn what_is_no_daemon_is_one_clear_line() {
    let rows = [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "not whohungup, or an older one"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<p>\n", "no JSON object with a `schema`"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"schema\":\"whohungup.report/9\"}\n",
            "use the same version on both sides",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{", "read the answer of"),
        ("SSH-2.0-OpenSSH\r\n", "no daemon answers at"),
    ];
    for (answer, wanted) in rows {
        let url = format!("http://{}", impostor(answer));
        let output = report(&["--from", &url]);
        assert!(!output.status.success(), "{answer}");
        assert!(
            said(&output).contains(wanted) && said(&output).contains(&url),
            "{answer}: {}",
            said(&output)
        );
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address");
    let output = report(&["--from", &format!("http://{free}")]);
    assert!(said(&output).contains("is `whohungup run` running there"), "{}", said(&output));
    assert!(TcpStream::connect(free).is_err());
}
