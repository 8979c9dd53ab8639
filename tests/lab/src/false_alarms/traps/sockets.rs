//! What the kernel does to sockets, addresses that come again, and agents that come late.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::Plays;
use crate::{
    agent::Watch,
    false_alarms::{
        compare::is_complete,
        stage::{Running, Stage, ask, asked, dial_from, pause, run, serve},
        trap::{Claim, Ends, Play, Played, Rest},
    },
    suite::wait_until,
    truth::Side,
    wire::{PATIENCE, Wire},
};

pub(super) const PLAYS: Plays = &[
    ("older", Play::Older(older)),
    ("restarted", Play::Now(restarted)),
    ("destroyed", Play::Now(destroyed)),
    ("icmp", Play::Now(icmp)),
    ("same_address", Play::Now(same_address)),
    ("busy", Play::Now(busy)),
    ("redis", Play::Now(redis)),
];

fn older(stage: &Stage<'_>) -> Result<Rest> {
    let nginx = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let node = stage.node(&[])?;
    let [left, used, ended] = [asked(nginx.at)?, asked(nginx.at)?, asked(nginx.at)?];
    let mut under_way = Wire::dial(node.at)?;
    under_way.send(b"GET /wait/12000 HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    let mut nginx = nginx;
    Ok(Box::new(move |_stage| {
        let idle = |wire: &Wire| -> Result<Claim> {
            Ok(Claim::at(nginx.at, &["client-idle"])
                .by("client")
                .phases(&["idle", "unknown"])
                .of(wire.local()?))
        };
        let mut claims = vec![idle(&left)?];
        left.close()?;
        let mut used = used;
        ask(&mut used)?;
        pause(400);
        claims.push(idle(&used)?);
        used.close()?;
        let mut ended = ended;
        claims.push(Claim::at(nginx.at, &["server-idle"]).by("server").of(ended.local()?));
        nginx.signal(Signal::QUIT)?;
        ended.read_to_end().context("wait for nginx to quit")?;
        ended.close()?;
        under_way.read_until("the answer", |talk| talk.state().answered > 0)?;
        pause(400);
        let answered = Claim::at(node.at, &["client-idle", "completed"]).by("client");
        claims.push(answered.of(under_way.local()?));
        under_way.close()?;
        drop(node);
        Ok(claims.into())
    }))
}

fn restarted(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let mut watch = Watch::start(stage.agent)?;
    let mut wires = (0..4).map(|_| asked(node.at)).collect::<Result<Vec<_>>>()?;
    for _ in 0..2 {
        let (closes, _notes) = watch.finish()?;
        ensure!(closes.all().all(|close| close.local != node.at), "an agent reported a close that was none");
        wires.iter_mut().try_for_each(ask)?;
        watch = Watch::start(stage.agent)?;
        wires.iter_mut().try_for_each(ask)?;
    }
    pause(400);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claims = vec![Claim::at(node.at, &["client-idle"]).by("client").phases(&["idle"]).closes(4..=4)];
    wait_until(PATIENCE, || watch.look(|closes| is_complete(&claims, closes)));
    let (closes, _notes) = watch.finish()?;
    Ok(Played { claims, keep: Vec::new(), closes: Some(closes) })
}

fn destroyed(stage: &Stage<'_>) -> Result<Played> {
    let (nginx, node) = (stage.nginx(None, "", "", "location / { return 200 hi; }")?, stage.node(&[])?);
    let mut idle = (0..3).map(|_| asked(nginx.at)).collect::<Result<Vec<_>>>()?;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::dial(node.at)?;
        wire.send(b"GET /wait/5000 HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        waiting.push(wire);
    }
    pause(400);
    for (at, which) in [(nginx.at, "src"), (node.at, "dst")] {
        let (host, port) = (at.ip().to_string(), format!(":{}", at.port()));
        let port_of = if which == "src" { "sport" } else { "dport" };
        let filter = ["-K", "-t", "state", "established", which, &host, port_of, "=", &port];
        run(stage.kit.command("ss").args(filter))?.fine()?;
    }
    for wire in idle.iter_mut().chain(&mut waiting) {
        // ECONNABORTED at the end that was destroyed, a reset at the other.
        let _ended = wire.read_to_end();
    }
    pause(100);
    drop((idle, waiting));
    let aborted = |at, end| {
        let claim = Claim::at(at, &["host-abort"]).ends(Ends::Only(end)).causes(&["sock-destroy"]);
        claim.closes(3..=3)
    };
    // Across the wire it is a reset, which could have come from anywhere; who sent it is all that can be said.
    let peer =
        |at, end, verdicts| Claim::at(at, verdicts).ends(Ends::Only(end)).close_type("rst").closes(3..=3);
    Ok(vec![
        aborted(nginx.at, Side::Server),
        peer(nginx.at, Side::Client, &["server-idle", "host-abort"]),
        aborted(node.at, Side::Client),
        peer(node.at, Side::Server, &["premature-hangup", "host-abort"]),
    ]
    .into())
}

fn icmp(stage: &Stage<'_>) -> Result<Played> {
    let (at, other) = (stage.kit.free_address()?, stage.kit.free_address()?);
    let script = stage.python_script("icmp.py", include_str!("../../../programs/false_alarms/icmp.py"))?;
    let mut command = stage.kit.command("unshare");
    command.arg("-n").arg(script.get_program()).args(script.get_args());
    run(command.args([at.ip().to_string(), at.port().to_string(), other.port().to_string()]))?.fine()?;
    let answered = Claim::at(at, &["client-idle"]).by("client").phases(&["idle"]).closes(1..=1).requests(2);
    let unreachable = SocketAddr::new(at.ip(), other.port());
    Ok(vec![
        answered.idle(0.35..=1.5),
        Claim::at(unreachable, &["connect-failed"]).ends(Ends::Client).closes(1..=1),
    ]
    .into())
}

fn same_address(stage: &Stage<'_>) -> Result<Played> {
    let long = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let short = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let from = SocketAddr::new(long.at.ip(), 3001);
    let mut first = dial_from(from, long.at)?;
    ask(&mut first)?;
    pause(2000);
    first.reset()?;
    let mut second = dial_from(from, long.at)?;
    ask(&mut second)?;
    pause(300);
    second.close()?;
    let idle = || Claim::at(long.at, &["client-idle"]).by("client").phases(&["idle"]).of(from).requests(1);
    let mut claims = vec![
        idle().nth(0).idle(1.9..=3.5).age(1.9..=3.5).close_type("rst"),
        idle().nth(1).idle(0.25..=1.5).age(0.25..=1.5).close_type("fin"),
    ];
    let from = SocketAddr::new(short.at.ip(), 3002);
    for number in 0..5 {
        let mut wire = dial_from(from, short.at)?;
        wire.send(b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")?;
        wire.read_to_end()?;
        wire.close()?;
        let claim = Claim::at(short.at, &["completed"]).by("server").phases(&["idle"]).of(from);
        claims.push(claim.nth(number).age(0.0..=1.4).requests(1));
        pause(1500);
    }
    Ok(claims.into())
}

fn busy(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let mut hogs = Vec::new();
    for _ in 0..4 {
        hogs.push(Running::start(stage.kit.command("sh").args(["-c", "while :; do :; done"]))?);
    }
    for number in 0..20 {
        // Half of them end in a request: then the last packet comes when the other end does not expect it.
        let path = if number % 2 == 0 { "/" } else { "/nowhere" };
        run(&mut stage.curl(&[&nginx.url(path)]))?.fine()?;
    }
    drop(hogs);
    let claim = Claim::at(nginx.at, &["completed", "client-idle"]).by("client").phases(&["idle"]);
    Ok(vec![claim.closes(20..=20).requests(1).processes(&["curl"], &["nginx"])].into())
}

fn redis(stage: &Stage<'_>) -> Result<Played> {
    let server = |limit: &str| {
        let setting = stage.setting(None)?;
        let mut command = stage.kit.command("redis-server");
        command.args(["--port", &setting.at.port().to_string(), "--bind", &setting.at.ip().to_string()]);
        command
            .args(["--save", "", "--appendonly", "no", "--timeout", limit, "--dir"])
            .arg(&setting.directory);
        serve(setting, command)
    };
    let (patient, hasty) = (server("0")?, server("1")?);
    for _ in 0..4 {
        let (host, port) = (patient.at.ip().to_string(), patient.at.port().to_string());
        let output = run(stage.kit.command("redis-cli").args(["-h", &host, "-p", &port, "ping"]))?.fine()?;
        ensure!(output.trim() == "PONG", "redis answered {output}");
    }
    for _ in 0..3 {
        let mut wire = Wire::dial(hasty.at)?;
        wire.send(b"PING\r\n")?;
        wire.read_to_end().context("wait for redis' timeout")?;
        wire.close()?;
    }
    Ok(vec![
        Claim::at(patient.at, &["completed", "client-idle"]).by("client").closes(4..=4),
        Claim::at(hasty.at, &["server-idle"]).by("server").closes(3..=3),
    ]
    .into())
}
