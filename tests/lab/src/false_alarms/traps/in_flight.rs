//! Requests that really are under way at the end: who ended them, and that no idle timeout did.

use std::{fs, net::SocketAddr, time::Instant};

use anyhow::{Context as _, Result, ensure};
use harness::software::apache::stretch;
use rustix::process::Signal;

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Running, Stage, ask, established, pause, queued, run},
        trap::{Claim, Played},
    },
    wire::{PATIENCE, Wire},
};

const HUNG_UP: &[&str] = &["premature-hangup"];

pub(super) const PLAYS: Plays = plays![
    gives_up,
    interrupted,
    killed,
    stalled_by_client,
    stalled_by_server,
    slow_head,
    stalls_and_goes_on,
    gateway_timeout,
    cut_short,
    exits,
    early_answer,
];

fn gives_up(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    for _ in 0..4 {
        run(&mut stage.curl(&["--max-time", "0.7", &node.url("/wait/5000")]))?.code(28)?;
    }
    let claim = Claim::at(node.at, HUNG_UP).by("client").phases(&["waiting"]).closes(4..=4).requests(0);
    Ok(vec![claim.causes(&["request-timeout", "unknown"])].into())
}

fn interrupted(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "", "")?;
    stretch(&nginx.directory.join("large"))?;
    // At moments of a person's choice: what always comes after the same time is a timer. So that no clock of the agent's
    // is left to chance, not even the one since the last byte, the client is halted first, until nothing more comes.
    let mut before = 0;
    for milliseconds in [300, 1000, 2200] {
        let started = Instant::now();
        let mut curl = Running::start(&mut stage.curl(&["--limit-rate", "1M", &nginx.url("/large")]))?;
        begun(nginx.at)?;
        curl.signal(Signal::STOP)?;
        await_still(nginx.at)?;
        // On a busy machine all else may take long: each clock is at least twice what it was before.
        pause(milliseconds.max(2 * before));
        before = u64::try_from(started.elapsed().as_millis())?;
        curl.signal(Signal::INT)?;
        curl.signal(Signal::CONT)?;
        ensure!(!curl.finish(PATIENCE)?.status.success(), "curl was not interrupted");
    }
    let claim = Claim::at(nginx.at, HUNG_UP).by("client").phases(&["response"]).closes(3..=3).requests(0);
    let claim = claim.never_causes(&["truncated"]);
    Ok(vec![claim].into())
}

/// Waits until a download is under way.
fn begun(server: SocketAddr) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while established(server)? == 0 {
        ensure!(Instant::now() < until, "nobody connects to {server}");
        pause(20);
    }
    pause(300);
    Ok(())
}

/// Waits until a server's connections carry nothing more.
fn await_still(server: SocketAddr) -> Result<()> {
    const STILL_FOR: u32 = 5;
    let until = Instant::now() + PATIENCE;
    let (mut before, mut still) = (String::new(), 0);
    while still < STILL_FOR {
        ensure!(Instant::now() < until, "the download from {server} goes on");
        pause(20);
        let queued = queued(server)?;
        still = if queued == before { still + 1 } else { 0 };
        before = queued;
    }
    Ok(())
}

fn killed(stage: &Stage<'_>) -> Result<Played> {
    let mut nginx = stage.nginx(None, "", "", "")?;
    stretch(&nginx.directory.join("large"))?;
    // What is on its way already is read yet: fast enough not to meet the time that curl has for all of it.
    let curl = Running::start(&mut stage.curl(&["--limit-rate", "8M", &nginx.url("/large")]))?;
    begun(nginx.at)?;
    nginx.program.kill();
    let ran = curl.finish(PATIENCE)?;
    ensure!(matches!(ran.status.code(), Some(18 | 56)), "curl ended with {}", ran.status);
    let claim = Claim::at(nginx.at, HUNG_UP).by("server").phases(&["response"]).closes(1..=1);
    Ok(vec![claim.causes(&["process-killed", "truncated"])].into())
}

fn stalled_by_client(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    for _ in 0..4 {
        let mut command =
            stage.node_script("stalled.js", include_str!("../../../programs/false_alarms/stalled.js"))?;
        let output = run(command.args([&node.url("/"), "700"]))?.fine()?;
        ensure!(output.contains("ECONNRESET"), "the client said {output}");
    }
    let claim = Claim::at(node.at, HUNG_UP).by("client").phases(&["request-body"]).closes(4..=4).requests(0);
    Ok(vec![claim.causes(&["stall-timer", "request-timeout", "truncated", "unknown"])].into())
}

fn stalled_by_server(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "client_body_timeout 1s;", "location / { proxy_pass http://@at@; }")?;
    for _ in 0..3 {
        let mut wire = Wire::dial(nginx.at)?;
        wire.send(b"PUT / HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n\r\nhalf")?;
        wire.read_to_end().context("wait for client_body_timeout")?;
        wire.close()?;
    }
    let claim = Claim::at(nginx.at, HUNG_UP).by("server").phases(&["request-body"]).closes(3..=3);
    Ok(vec![claim.causes(&["stall-timer", "request-timeout", "unknown"])].into())
}

fn slow_head(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "client_header_timeout 1s;", "")?;
    for _ in 0..3 {
        let mut wire = Wire::dial(nginx.at)?;
        wire.send(b"GET / HTTP/1.1\r\nHost: l")?;
        wire.read_to_end().context("wait for client_header_timeout")?;
        wire.close()?;
    }
    let claim = Claim::at(nginx.at, HUNG_UP).by("server").phases(&["request-head"]).closes(3..=3);
    Ok(vec![claim.causes(&["head-timer", "stall-timer", "unknown"])].into())
}

fn stalls_and_goes_on(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::dial(node.at)?;
        wire.send(b"PUT / HTTP/1.1\r\nHost: lab\r\nContent-Length: 8\r\n\r\nhalf")?;
        wires.push(wire);
    }
    // A minute, scaled.
    pause(3000);
    for wire in &mut wires {
        wire.send(b"half")?;
        wire.read_until("the answer", |talk| talk.state().answered > 0)?;
    }
    pause(400);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claim = Claim::at(node.at, &["client-idle"]).by("client").phases(&["idle"]).requests(1);
    Ok(vec![claim.idle(0.3..=1.5).age(3.3..=6.0).closes(3..=3)].into())
}

fn gateway_timeout(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let location = "proxy_read_timeout 1s; location / { proxy_pass http://@backend@; }";
    let nginx = stage.nginx(Some(node.at), "", "", location)?;
    for _ in 0..3 {
        let output = run(&mut stage.curl(&["-w", "%{http_code}", &nginx.url("/wait/5000")]))?.fine()?;
        ensure!(output == "504", "nginx answered {output}");
    }
    let upstream = Claim::at(node.at, HUNG_UP).by("client").phases(&["waiting"]).closes(3..=3);
    Ok(vec![
        upstream.causes(&["request-timeout", "unknown"]),
        Claim::at(nginx.at, &["completed", "client-idle"])
            .by("client")
            .phases(&["idle"])
            .closes(3..=3)
            .requests(1),
    ]
    .into())
}

fn cut_short(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    // Far enough from each other that no two are alike on a busy machine.
    for path in ["/cut/40", "/cut-chunks/300", "/cut/900", "/cut-chunks/2000"] {
        run(&mut stage.curl(&[&node.url(path)]))?.code(18)?;
    }
    let claim = Claim::at(node.at, HUNG_UP).by("server").phases(&["response"]).closes(4..=4).requests(0);
    Ok(vec![claim.causes(&["truncated"])].into())
}

fn exits(stage: &Stage<'_>) -> Result<Played> {
    let mut claims = Vec::new();
    for reused in [false, true] {
        let node = stage.node(&[])?;
        let mut wire = Wire::dial(node.at)?;
        if reused {
            ask(&mut wire)?;
            pause(300);
        }
        wire.send(b"GET /die HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        wire.read_to_end().context("wait for the server's end")?;
        wire.close()?;
        let claim = Claim::at(node.at, HUNG_UP).by("server").phases(&["waiting"]).closes(1..=1);
        claims.push(claim.causes(&["process-exit", "unknown"]).requests(u32::from(reused)));
    }
    Ok(claims.into())
}

fn early_answer(stage: &Stage<'_>) -> Result<Played> {
    let nginx =
        stage.nginx(None, "", "client_max_body_size 1k;", "location / { proxy_pass http://@at@; }")?;
    let node = stage.node(&[])?;
    let body = nginx.directory.join("eight-megabytes");
    fs::write(&body, vec![0; 8_000_000]).context("write a large body")?;
    let body = format!("@{}", body.display());
    for (url, status) in [(nginx.url("/"), "413"), (node.url("/refuse"), "401")] {
        for expect in ["Expect: 100-continue", "Expect:"] {
            let more = ["-w", "%{http_code}", "-H", expect, "--data-binary", &body, &url];
            let ran = run(&mut stage.curl(&more))?;
            // It may miss the answer to the reset that follows: curl's 55 and 56.
            let fine = ran.output.contains(status) || matches!(ran.status.code(), Some(55 | 56));
            ensure!(fine, "curl ended with {}: {}", ran.status, ran.output);
        }
    }
    let may = |at| Claim::at(at, &["completed", "premature-hangup"]).closes(2..=2);
    Ok(vec![may(nginx.at), may(node.at)].into())
}
