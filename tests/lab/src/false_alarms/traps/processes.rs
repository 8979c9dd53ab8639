//! Sockets that several processes hold or pass on, and processes that end.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Served, Stage, asked, listeners, pause, run, serve},
        trap::{Claim, Played},
    },
    setting::Setting,
    wire::{PATIENCE, Wire},
};

pub(super) const PLAYS: Plays = plays![
    forked,
    reuse_port,
    cluster,
    activated,
    recycled,
    worker_timeout,
    graceful,
    started_anew,
    killed_idle,
    unaccepted,
];

fn python_server(stage: &Stage<'_>, name: &str, text: &str) -> Result<Served> {
    let setting = stage.setting(None)?;
    let mut command = stage.python_script(name, text)?;
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]);
    serve(setting, command)
}

fn forked(stage: &Stage<'_>) -> Result<Played> {
    let server = python_server(stage, "fork.py", include_str!("../../../programs/false_alarms/fork.py"))?;
    for _ in 0..3 {
        let mut wire = asked(server.at)?;
        wire.read_to_end().context("wait for the child's end")?;
        wire.close()?;
    }
    let claim = Claim::at(server.at, &["server-idle"]).by("server").phases(&["idle"]).requests(1);
    Ok(vec![claim.idle(1.4..=2.6).closes(3..=3)].into())
}

/// gunicorn at this address, with these arguments; `/wait` takes long.
fn gunicorn(stage: &Stage<'_>, setting: Setting, arguments: &[&str]) -> Result<Served> {
    setting.write("web.py", include_str!("../../../programs/false_alarms/web.py"))?;
    let mut command = stage.kit.command("gunicorn");
    command.arg("--chdir").arg(&setting.directory).args(["--bind", &setting.at.to_string()]).args(arguments);
    command.arg("web:application");
    serve(setting, command)
}

const THREADS: [&str; 6] = ["--worker-class", "gthread", "--threads", "16", "--keep-alive", "60"];

fn reuse_port(stage: &Stage<'_>) -> Result<Played> {
    let first = stage.setting(None)?;
    let at = first.at;
    let more = [THREADS.as_slice(), &["--reuse-port"]].concat();
    let mut workers = vec![gunicorn(stage, first, &more)?];
    for _ in 0..2 {
        let setting = Setting { at, backend: at, directory: stage.kit.directory()?, hasty: false };
        workers.push(gunicorn(stage, setting, &more)?);
    }
    // Somebody listens: this does not say that all three do.
    let until = Instant::now() + PATIENCE;
    while listeners(at)? < workers.len() {
        ensure!(Instant::now() < until, "not all of the servers listen");
        pause(50);
    }
    let wires = (0..24).map(|_| asked(at)).collect::<Result<Vec<_>>>()?;
    pause(300);
    workers[0].program.kill();
    workers[1].signal(Signal::TERM)?;
    pause(1500);
    let mut claims = Vec::new();
    for wire in wires {
        let client = wire.local()?;
        let claim = if wire.is_over()? {
            let ended = Claim::at(at, &["server-idle"]).by("server").phases(&["idle"]);
            ended.never_causes(&["keepalive-timer", "pool-evict"])
        } else {
            Claim::at(at, &["client-idle"]).by("client").phases(&["idle"])
        };
        wire.close()?;
        claims.push(claim.of(client).requests(1));
    }
    let by = |who| claims.iter().filter(|claim: &&Claim| claim.closer == Some(who)).count();
    ensure!(by("server") > 0 && by("client") > 0, "the connections were not spread: {} ended", by("server"));
    Ok(claims.into())
}

fn cluster(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    let mut command =
        stage.node_script("cluster.js", include_str!("../../../programs/false_alarms/cluster.js"))?;
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]);
    let server = serve(setting, command)?;
    let mut wires = Vec::new();
    for _ in 0..6 {
        wires.push(asked(server.at)?);
        pause(50);
    }
    pause(300);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claim = Claim::at(server.at, &["client-idle"]).by("client").phases(&["idle"]).requests(1);
    Ok(vec![claim.closes(6..=6)].into())
}

fn activated(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    setting.write("web.py", include_str!("../../../programs/false_alarms/web.py"))?;
    let mut command = stage.kit.command("systemd-socket-activate");
    command.args(["-l", &setting.at.to_string(), "-E", "PATH"]);
    command.arg(stage.kit.command("gunicorn").get_program());
    command.arg("--chdir").arg(&setting.directory).args(THREADS).arg("web:application");
    let server = serve(setting, command)?;
    let mut wires = Vec::new();
    for _ in 0..4 {
        wires.push(asked(server.at)?);
    }
    pause(300);
    wires.into_iter().try_for_each(|wire| wire.close().map(drop))?;
    let claim = Claim::at(server.at, &["client-idle"]).by("client").phases(&["idle"]).requests(1);
    Ok(vec![claim.closes(4..=4).processes(&[], &["gunicorn", "python3"])].into())
}

fn recycled(stage: &Stage<'_>) -> Result<Played> {
    let server = gunicorn(stage, stage.setting(None)?, &["--workers", "2", "--max-requests", "3"])?;
    for _ in 0..15 {
        run(&mut stage.curl(&["-f", &server.url("/")]))?.fine()?;
        pause(50);
    }
    Ok(vec![Claim::at(server.at, &["completed"]).closes(15..=15).requests(1)].into())
}

fn worker_timeout(stage: &Stage<'_>) -> Result<Played> {
    // What can be told to stop answers 500; what cannot be told is killed.
    let stuck = gunicorn(stage, stage.setting(None)?, &["--timeout", "1"])?;
    let told = gunicorn(stage, stage.setting(None)?, &["--timeout", "1"])?;
    for _ in 0..2 {
        run(&mut stage.curl(&[&stuck.url("/stuck")]))?.code(52)?;
        let status = run(&mut stage.curl(&["-w", "%{http_code}", &told.url("/wait")]))?.fine()?;
        ensure!(status == "500", "gunicorn answered {status}");
    }
    let killed = Claim::at(stuck.at, &["premature-hangup"]).by("server").phases(&["waiting"]).closes(2..=2);
    Ok(vec![
        killed.causes(&["process-killed", "unknown"]),
        Claim::at(told.at, &["completed"]).phases(&["idle"]).closes(2..=2).requests(1),
    ]
    .into())
}

fn graceful(stage: &Stage<'_>) -> Result<Played> {
    let servers = [
        (stage.nginx(None, "", "", "location / { return 200 hi; }")?, Signal::QUIT),
        (stage.node(&[])?, Signal::TERM),
        (gunicorn(stage, stage.setting(None)?, &THREADS)?, Signal::TERM),
    ];
    let mut claims = Vec::new();
    for (mut server, signal) in servers {
        let mut wires = Vec::new();
        for _ in 0..5 {
            wires.push(asked(server.at)?);
            pause(120);
        }
        server.signal(signal)?;
        for mut wire in wires {
            wire.read_to_end().context("wait for the shutdown")?;
            wire.close()?;
        }
        let claim = Claim::at(server.at, &["server-idle"]).by("server").phases(&["idle"]).closes(5..=5);
        claims.push(claim.requests(1).causes(&["shutdown", "process-exit", "unknown"]));
    }
    Ok(claims.into())
}

fn started_anew(stage: &Stage<'_>) -> Result<Played> {
    let location = "location / { return 200 hi; }";
    let mut old = stage.nginx(None, "", "", location)?;
    old.signal(Signal::QUIT)?;
    let until = Instant::now() + PATIENCE;
    while old.program.ended()?.is_none() {
        ensure!(Instant::now() < until, "nginx does not quit");
        pause(20);
    }
    let setting = Setting { at: old.at, backend: old.at, directory: stage.kit.directory()?, hasty: false };
    let new = stage.nginx_as(setting, "", "keepalive_timeout 1s;", location)?;
    let mut wires = Vec::new();
    for _ in 0..3 {
        wires.push(asked(new.at)?);
        pause(60);
    }
    for mut wire in wires {
        wire.read_to_end().context("wait for keepalive_timeout")?;
        wire.close()?;
    }
    let claim = Claim::at(new.at, &["server-idle"]).by("server").phases(&["idle"]).closes(3..=3);
    Ok(vec![claim.idle(0.9..=1.7).never_causes(&["shutdown"]).never_evidence("its listener")].into())
}

fn killed_idle(stage: &Stage<'_>) -> Result<Played> {
    let mut node = stage.node(&[])?;
    let mut wires = Vec::new();
    for _ in 0..5 {
        wires.push(asked(node.at)?);
        pause(120);
    }
    node.program.kill();
    for mut wire in wires {
        wire.read_to_end().context("wait for the kill")?;
        wire.close()?;
    }
    let claim = Claim::at(node.at, &["server-idle"]).by("server").phases(&["idle"]).closes(5..=5);
    Ok(vec![claim.requests(1).causes(&["process-killed", "unknown"])].into())
}

fn unaccepted(stage: &Stage<'_>) -> Result<Played> {
    let server = python_server(stage, "queue.py", include_str!("../../../programs/false_alarms/queue.py"))?;
    let wires = (0..4).map(|_| Wire::dial(server.at)).collect::<Result<Vec<_>>>()?;
    for mut wire in wires {
        wire.read_to_end().context("wait for the listener's end")?;
        wire.close()?;
    }
    pause(300);
    let claim = Claim::at(server.at, &["server-idle"]).by("server").phases(&["unused"]).closes(4..=4);
    Ok(vec![claim.requests(0).causes(&["not-accepted", "unknown"])].into())
}
