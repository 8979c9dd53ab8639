//! Idle connections: who holds them, who closes them, and what only looks like a timeout.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Stage, ask, asked, dial_from, established, pause, run},
        trap::{Claim, Played},
    },
    software::runtimes::go_program,
    wire::Wire,
};

pub(super) const PLAYS: Plays = plays![
    high_port,
    upstream_pool,
    agent_pool,
    prewarmed,
    unused,
    loser,
    keeps_two,
    purge,
    close_wait,
    stays,
];

fn high_port(stage: &Stage<'_>) -> Result<Played> {
    // Above the ports that the kernel gives out.
    let mut setting = stage.setting(None)?;
    setting.at.set_port(setting.at.port() + 33_000);
    let served = stage.nginx_as(setting, "", "", "location / { return 200 hi; }")?;
    for number in 0..3 {
        let low = SocketAddr::new(served.at.ip(), 2000 + number);
        let mut wire = dial_from(low, served.at)?;
        ask(&mut wire)?;
        pause(400);
        wire.close()?;
    }
    let claim = Claim::at(served.at, &["client-idle"]).by("client").phases(&["idle"]).idle(0.35..=1.5);
    Ok(vec![claim.closes(3..=3).requests(1)].into())
}

fn upstream_pool(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let http = "upstream pool { server @backend@; keepalive 8; keepalive_timeout 1s; }";
    let to_pool =
        "location / { proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header Connection ''; }";
    let proxy = stage.nginx(Some(node.at), "", http, to_pool)?;
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = asked(proxy.at)?;
        ask(&mut wire)?;
        wires.push(wire);
        pause(1500);
    }
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let upstream = Claim::at(node.at, &["client-idle"]).by("client").phases(&["idle"]);
    Ok(vec![
        upstream.idle(0.9..=1.5).closes(4..=4).processes(&["nginx"], &["node", "MainThread"]),
        Claim::at(proxy.at, &["client-idle"]).by("client").closes(4..=4).requests(2),
    ]
    .into())
}

fn agent_pool(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.node(&[])?;
    let script = include_str!("../../../programs/false_alarms/pool.js");
    run(stage.node_script("pool.js", script)?.arg(served.url("/wait/242")))?.fine()?;
    let claim = Claim::at(served.at, &["client-idle"]).by("client").phases(&["idle"]);
    Ok(vec![claim.idle(0.9..=1.6).age(1.1..=2.2).closes(3..=3).requests(1)].into())
}

fn prewarmed(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "", "")?;
    let wires = (0..6).map(|_| Wire::dial(served.at)).collect::<Result<Vec<_>>>()?;
    pause(500);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claim = Claim::at(served.at, &["client-idle"]).by("client").phases(&["unused"]).close_type("fin");
    Ok(vec![claim.closes(6..=6).requests(0)].into())
}

fn unused(stage: &Stage<'_>) -> Result<Played> {
    let servers = [
        stage.nginx(None, "", "client_header_timeout 1s;", "")?,
        stage.haproxy(None, "frontend lab\n  bind @at@\n  timeout http-request 1s\n  http-request return status 200")?,
        stage.haproxy(
            None,
            "frontend lab\n  bind @at@\n  timeout http-request 1s\n  option http-ignore-probes\n  http-request return status 200",
        )?,
        stage.node(&["headersTimeout=1000", "requestTimeout=1000", "connectionsCheckingInterval=200"])?,
    ];
    let mut claims = Vec::new();
    for served in &servers {
        let mut wires = Vec::new();
        for _ in 0..3 {
            wires.push(Wire::dial(served.at)?);
            pause(30);
        }
        for mut wire in wires {
            wire.read_to_end().context("wait for the server's timeout")?;
            wire.close()?;
        }
        let claim = Claim::at(served.at, &["server-idle"]).by("server").phases(&["unused"]);
        claims.push(claim.age(0.9..=3.0).closes(3..=3).requests(0));
    }
    Ok(claims.into())
}

fn loser(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let mut claims = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::dial(served.at)?;
        let second = Wire::dial(served.at)?;
        let unused = Claim::at(served.at, &["client-idle", "completed"]).by("client").phases(&["unused"]);
        claims.push(unused.of(second.local()?));
        second.close()?;
        ask(&mut wire)?;
        pause(300);
        claims.push(Claim::at(served.at, &["client-idle"]).by("client").phases(&["idle"]).of(wire.local()?));
        wire.close()?;
    }
    Ok(claims.into())
}

fn keeps_two(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let program = go_program(stage.kit, "burst", include_str!("../../../programs/false_alarms/burst.go"))?;
    run(std::process::Command::new(program).arg(served.url("/")))?.fine()?;
    // Eight at once, of which two remain: six are let go. It dials more than it comes to use.
    let claim = Claim::at(served.at, &["client-idle", "completed"]).by("client").phases(&["idle", "unused"]);
    Ok(vec![claim.closes(6..=24)].into())
}

fn purge(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let sections = "frontend lab\n  bind @at@\n  default_backend lab\nbackend lab\n  http-reuse always\n  \
        server one @backend@ pool-purge-delay 1s pool-low-conn 0";
    let proxy = stage.haproxy(Some(node.at), sections)?;
    let url = proxy.url("/wait/1500?[1-20]");
    run(&mut stage.curl(&["-Z", "--parallel-max", "20", "--parallel-immediate", &url]))?.fine()?;
    let until = std::time::Instant::now() + crate::wire::PATIENCE;
    while established(node.at)? > 0 {
        ensure!(std::time::Instant::now() < until, "HAProxy purges nothing");
        pause(100);
    }
    Ok(vec![
        Claim::at(node.at, &["client-idle"]).by("client").phases(&["idle"]).closes(15..=20),
        Claim::at(proxy.at, &["completed", "client-idle"]).by("client").closes(15..=20),
    ]
    .into())
}

fn close_wait(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.node(&["keepAliveTimeout=1000"])?;
    let script = include_str!("../../../programs/false_alarms/lazy.py");
    run(stage.python_script("lazy.py", script)?.arg(served.url("/")))?.fine()?;
    let claim = Claim::at(served.at, &["server-idle"]).by("server").phases(&["idle"]).close_type("fin");
    Ok(vec![claim.idle(0.9..=2.6).closes(2..=2).requests(1)].into())
}

fn stays(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "keepalive_timeout 1h;", "location / { return 200 hi; }")?;
    let wire = asked(served.at)?;
    let nothing = Claim::at(served.at, &[]).closes(0..=0);
    Ok(Played { claims: vec![nothing], keep: vec![Box::new(wire), Box::new(served)], closes: None })
}
