//! Ends that look cut off.

use std::{fs, net::SocketAddr};

use anyhow::{Context as _, Result, ensure};

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Stage, pause, run, serve},
        trap::{Claim, Played},
    },
    wire::{PATIENCE, Wire},
};

pub(super) const PLAYS: Plays =
    plays![half_closes, pipelined, until_close, read_late, undrained, head_misuse,];

fn half_closes(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    fs::write(setting.directory.join("fast"), "hi").context("write a small file")?;
    let template = "server.document-root = \"@directory@\"\nserver.bind = \"@host@\"\nserver.port = @port@\n";
    let configuration = setting.write("lighttpd.conf", &setting.fill(template))?;
    let mut command = stage.kit.command("lighttpd");
    command.arg("-D").arg("-f").arg(configuration);
    let lighttpd = serve(setting, command)?;
    let servers = [
        lighttpd,
        stage.nginx(None, "", "", "location / { return 200 hi; }")?,
        stage.apache("KeepAliveTimeout 60")?,
        stage.node(&[])?,
        stage.haproxy(None, "frontend lab\n  bind @at@\n  http-request return status 200")?,
    ];
    let mut claims = Vec::new();
    for server in &servers {
        for more in ["", "Connection: close\\r\\n"] {
            let (host, port) = (server.at.ip(), server.at.port());
            let ask =
                format!("printf 'GET /fast HTTP/1.1\\r\\nHost: lab\\r\\n{more}\\r\\n' | ncat {host} {port}");
            let output = run(stage.kit.command("sh").args(["-c", &ask]))?.fine()?;
            ensure!(output.contains("200 OK"), "{host}:{port} answered {output:?}");
        }
        // A server that was told that it is the last request may be quicker than ncat.
        claims.push(Claim::at(server.at, &["completed"]).closes(2..=2).causes(&["half-close", "announced"]));
    }
    Ok(claims.into())
}

fn pipelined(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let node = stage.node(&[])?;
    let mut claims = Vec::new();
    for at in [nginx.at, node.at] {
        for _ in 0..2 {
            let mut wire = Wire::dial(at)?;
            wire.send("GET / HTTP/1.1\r\nHost: lab\r\n\r\n".repeat(5).as_bytes())?;
            wire.read_until("five answers", |talk| talk.state().answered == 5)?;
            pause(300);
            wire.close()?;
        }
        let claim = Claim::at(at, &["client-idle"]).by("client").phases(&["idle"]).closes(2..=2);
        claims.push(claim.requests(5));
    }
    Ok(claims.into())
}

/// Python's own server of the files in its directory: HTTP/1.0.
fn plain_server(stage: &Stage<'_>) -> Result<crate::false_alarms::stage::Served> {
    let setting = stage.setting(None)?;
    let mut command = stage.kit.command("python3");
    command.args([
        "-m",
        "http.server",
        "--bind",
        &setting.at.ip().to_string(),
        &setting.at.port().to_string(),
    ]);
    command.current_dir(&setting.directory);
    serve(setting, command)
}

fn until_close(stage: &Stage<'_>) -> Result<Played> {
    let (node, python) = (stage.node(&[])?, plain_server(stage)?);
    for _ in 0..4 {
        run(&mut stage.curl(&["-f", &node.url("/to-the-end")]))?.fine()?;
        run(&mut stage.curl(&["-f", &python.url("/")]))?.fine()?;
    }
    let ended = |at| Claim::at(at, &["completed"]).closes(4..=4).requests(1).close_type("fin");
    Ok(vec![ended(node.at), ended(python.at)].into())
}

fn read_late(stage: &Stage<'_>) -> Result<Played> {
    let python = plain_server(stage)?;
    for _ in 0..3 {
        let mut wire = Wire::dial(python.at)?;
        wire.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        ensure!(wire.await_end(PATIENCE)?, "the server does not close");
        pause(600);
        wire.read_to_end()?;
        ensure!(wire.talk().answered.starts_with(b"HTTP/1.0 200"), "the server did not answer");
        wire.close()?;
    }
    let claim = Claim::at(python.at, &["completed"]).by("server").closes(3..=3).requests(1);
    Ok(vec![claim.close_type("fin").causes(&["announced"])].into())
}

fn undrained(stage: &Stage<'_>) -> Result<Played> {
    let (library, script) = (stage.nginx(None, "", "", "")?, stage.nginx(None, "", "", "")?);
    for served in [&library, &script] {
        fs::write(served.directory.join("sixty"), vec![b'x'; 60_000]).context("write a file")?;
    }
    let mut command =
        stage.python_script("undrained.py", include_str!("../../../programs/false_alarms/undrained.py"))?;
    run(command.arg(library.url("/sixty")))?.fine()?;
    for milliseconds in [300, 450, 650] {
        let mut wire = Wire::dial(script.at)?;
        wire.send(b"GET /sixty HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        pause(milliseconds);
        ensure!(wire.close()? == crate::truth::CloseType::Rst, "nothing was unread");
    }
    let left = |at: SocketAddr| {
        let claim =
            Claim::at(at, &["completed", "client-idle"]).by("client").phases(&["idle"]).close_type("rst");
        claim.closes(3..=3).requests(1).causes(&["unread-data", "unknown"])
    };
    Ok(vec![left(library.at), left(script.at)].into())
}

fn head_misuse(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    let mut command =
        stage.python_script("head.py", include_str!("../../../programs/false_alarms/head.py"))?;
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]);
    let server = serve(setting, command)?;
    for _ in 0..4 {
        run(&mut stage.curl(&["-I", &server.url("/")]))?.fine()?;
    }
    let mut wire = Wire::dial(server.at)?;
    wire.send(b"HEAD / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    pause(300);
    wire.close()?;
    let claim = Claim::at(server.at, &["completed", "client-idle"]).by("client").phases(&["idle"]);
    Ok(vec![claim.closes(5..=5)].into())
}
