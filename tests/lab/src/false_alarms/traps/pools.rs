//! Idle connections: who holds them, who closes them, and what only looks like a time-out.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};

use super::needs::{CURL, GO, HAPROXY, HTTPX, NGINX, NODE};
use crate::{
    false_alarms::{
        stage::{Stage, ask, asked, dial_from, established, pause, run},
        trap::{Claim, How, Sprung, TRAP, Trap},
    },
    software::runtimes::go_program,
    wire::Wire,
};

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "client-idle, the server's port is the higher one",
        source: "row 1",
        played: "a client at a low port asks nginx at a high one, and closes after 0.4 s",
        naive: "server-idle: the lower port is the server's",
        needs: &[NGINX],
        how: How::Play(high_port),
        ..TRAP
    },
    Trap {
        name: "a proxy's upstream pool",
        source: "row 1",
        played: "nginx (upstream keepalive_timeout 1 s) before a patient Node",
        naive: "server-idle: a proxy is a server",
        needs: &[NGINX, NODE],
        how: How::Play(upstream_pool),
        ..TRAP
    },
    Trap {
        name: "a pooled connection closed locally, after a slow 200",
        source: "OBI#3040",
        played: "Node's http.Agent (time-out 1 s): a 242 ms response, then idle",
        naive: "a failed connect, or a request that took as long as the connection",
        needs: &[NODE],
        how: How::Play(agent_pool),
        ..TRAP
    },
    Trap {
        name: "prewarmed and closed by the client",
        source: "row 3, a pool that was never used",
        played: "six connections to nginx, closed after 0.5 s",
        naive: "premature-hangup: no answer came",
        needs: &[NGINX],
        how: How::Play(prewarmed),
        ..TRAP
    },
    Trap {
        name: "prewarmed and closed by the server",
        source: "row 3, and the 408 of row 24",
        played: "nginx, HAProxy and Node end connections that never asked, after 1 s, with and without a 408",
        naive: "premature-hangup, or server-idle after 0 s",
        needs: &[NGINX, HAPROXY, NODE],
        how: How::Play(unused),
        ..TRAP
    },
    Trap {
        name: "a happy-eyeballs' loser",
        source: "row 3",
        played: "four pairs of connections: the second of each is closed unused at once, the first is used",
        naive: "premature-hangup or connect-failed",
        needs: &[NGINX],
        how: How::Play(loser),
        ..TRAP
    },
    Trap {
        name: "a pool that keeps two",
        source: "row 7, MaxIdleConnsPerHost",
        played: "Go's http.Client: eight requests at once, three times; it keeps two connections",
        naive: "server-idle, or a timer of 0 s",
        needs: &[GO, NGINX],
        how: How::Play(keeps_two),
        ..TRAP
    },
    Trap {
        name: "HAProxy's purge of its pool",
        source: "row 7",
        played: "twenty requests at once through HAProxy (pool-purge-delay 1 s) to Node, then nothing",
        naive: "server-idle, a reset by the server, a time-out",
        needs: &[HAPROXY, NODE, CURL],
        how: How::Play(purge),
        ..TRAP
    },
    Trap {
        name: "CLOSE_WAIT for seconds",
        source: "row 29, httpx' lazy pool",
        played: "Node closes after its keep-alive time; httpx looks only when it is closed, 5 s later",
        naive: "client-idle, closed when the client's socket was",
        needs: &[NODE, HTTPX],
        how: How::Play(close_wait),
        ..TRAP
    },
    Trap {
        name: "an idle connection that stays",
        source: "peers: an idle flow called a server time-out",
        played: "asked once, then silent until the agents are gone",
        naive: "anything",
        needs: &[NGINX],
        how: How::Play(stays),
        ..TRAP
    },
];

fn high_port(stage: &Stage<'_>) -> Result<Sprung> {
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

fn upstream_pool(stage: &Stage<'_>) -> Result<Sprung> {
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

fn agent_pool(stage: &Stage<'_>) -> Result<Sprung> {
    let served = stage.node(&[])?;
    let script = include_str!("../../../programs/false_alarms/pool.js");
    run(stage.node_script("pool.js", script)?.arg(served.url("/wait/242")))?.fine()?;
    let claim = Claim::at(served.at, &["client-idle"]).by("client").phases(&["idle"]);
    Ok(vec![claim.idle(0.9..=1.6).age(1.1..=2.2).closes(3..=3).requests(1)].into())
}

fn prewarmed(stage: &Stage<'_>) -> Result<Sprung> {
    let served = stage.nginx(None, "", "", "")?;
    let wires = (0..6).map(|_| Wire::dial(served.at)).collect::<Result<Vec<_>>>()?;
    pause(500);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claim = Claim::at(served.at, &["client-idle"]).by("client").phases(&["unused"]).how("fin");
    Ok(vec![claim.closes(6..=6).requests(0)].into())
}

fn unused(stage: &Stage<'_>) -> Result<Sprung> {
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
            wire.read_to_end().context("wait for the server's time-out")?;
            wire.close()?;
        }
        let claim = Claim::at(served.at, &["server-idle"]).by("server").phases(&["unused"]);
        claims.push(claim.age(0.9..=3.0).closes(3..=3).requests(0));
    }
    Ok(claims.into())
}

fn loser(stage: &Stage<'_>) -> Result<Sprung> {
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

fn keeps_two(stage: &Stage<'_>) -> Result<Sprung> {
    let served = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let program = go_program(stage.kit, "burst", include_str!("../../../programs/false_alarms/burst.go"))?;
    run(std::process::Command::new(program).arg(served.url("/")))?.fine()?;
    // Eight at once, of which two remain: six are let go. It dials more than it comes to use.
    let claim = Claim::at(served.at, &["client-idle", "completed"]).by("client").phases(&["idle", "unused"]);
    Ok(vec![claim.closes(6..=24)].into())
}

fn purge(stage: &Stage<'_>) -> Result<Sprung> {
    let node = stage.node(&[])?;
    let sections = "frontend lab\n  bind @at@\n  default_backend lab\nbackend lab\n  http-reuse always\n  \
        server one @backend@ pool-purge-delay 1s pool-low-conn 0";
    let proxy = stage.haproxy(Some(node.at), sections)?;
    let url = proxy.url("/wait/300?[1-20]");
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

fn close_wait(stage: &Stage<'_>) -> Result<Sprung> {
    let served = stage.node(&["keepAliveTimeout=1000"])?;
    let script = include_str!("../../../programs/false_alarms/lazy.py");
    run(stage.python_script("lazy.py", script)?.arg(served.url("/")))?.fine()?;
    let claim = Claim::at(served.at, &["server-idle"]).by("server").phases(&["idle"]).how("fin");
    Ok(vec![claim.idle(0.9..=2.6).closes(2..=2).requests(1)].into())
}

fn stays(stage: &Stage<'_>) -> Result<Sprung> {
    let served = stage.nginx(None, "", "keepalive_timeout 1h;", "location / { return 200 hi; }")?;
    let wire = asked(served.at)?;
    let nothing = Claim::at(served.at, &[]).closes(0..=0);
    Ok(Sprung { claims: vec![nothing], keep: vec![Box::new(wire), Box::new(served)], said: None })
}
