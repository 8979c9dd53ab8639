//! Bytes that are no request, and streams that end as they are meant to.

use std::process::Command;

use anyhow::Result;

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Running, Stage, asked, pause, run, serve},
        trap::{Claim, Played},
    },
    software::runtimes::go_program,
};

pub(super) const PLAYS: Plays = plays![close_notify, goaway, newlines, websocket, connect_tunnel, events,];

fn close_notify(stage: &Stage<'_>) -> Result<Played> {
    let directory = stage.kit.directory()?;
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| directory.join(name));
    let mut openssl = stage.kit.command("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-subj", "/CN=lab", "-days", "2", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    run(&mut openssl)?.fine()?;
    let tls = format!("ssl_certificate {}; ssl_certificate_key {};", certificate.display(), key.display());
    let location = format!("{tls} location / {{ return 200 hi; }}");
    let nginx = stage.nginx(None, " ssl", "keepalive_timeout 1s;", &location)?;
    let setting = stage.setting(None)?;
    let go = go_program(stage.kit, "tls", include_str!("../../../programs/false_alarms/tls.go"))?;
    let mut command = Command::new(go);
    command.arg(setting.at.to_string()).arg(&certificate).arg(&key);
    let go = serve(setting, command)?;
    let mut claims = Vec::new();
    for at in [nginx.at, go.at] {
        let mut hold =
            stage.python_script("hold.py", include_str!("../../../programs/false_alarms/hold.py"))?;
        run(hold.args([&format!("https://{at}/"), "3", "2.5"]))?.fine()?;
        let claim = Claim::at(at, &["server-idle"]).by("server").phases(&["idle"]).closes(3..=3);
        claims.push(claim.idle(0.9..=1.7));
    }
    Ok(claims.into())
}

fn goaway(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    let script = include_str!("../../../programs/false_alarms/http2.js");
    let mut command = stage.node_script("http2.js", script)?;
    command.args(["serve", &setting.at.ip().to_string(), &setting.at.port().to_string()]);
    let node = serve(setting, command)?;
    let nginx = stage.nginx(None, " http2", "keepalive_timeout 1s;", "location / { return 200 hi; }")?;
    for at in [node.at, nginx.at] {
        for _ in 0..3 {
            let mut command = stage.node_script("http2.js", script)?;
            run(command.args(["ask", &at.ip().to_string(), &at.port().to_string()]))?.fine()?;
        }
    }
    // After its GOAWAY the client may be quicker.
    let ended =
        |at| Claim::at(at, &["server-idle", "client-idle"]).phases(&["idle"]).closes(3..=3).requests(1);
    let ended = |at| ended(at).causes(&["h2-goaway", "keepalive-timer"]);
    Ok(vec![ended(node.at).idle(1.4..=2.2), ended(nginx.at).idle(0.9..=2.2)].into())
}

fn newlines(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let node = stage.node(&[])?;
    let mut claims = Vec::new();
    for at in [nginx.at, node.at] {
        for _ in 0..2 {
            let mut wire = asked(at)?;
            for _ in 0..3 {
                pause(300);
                wire.send(b"\r\n")?;
            }
            pause(300);
            wire.close()?;
        }
        let claim = Claim::at(at, &["client-idle"]).by("client").phases(&["idle"]).closes(2..=2);
        claims.push(claim.idle(1.15..=2.5).requests(1));
    }
    Ok(claims.into())
}

fn websocket(stage: &Stage<'_>) -> Result<Played> {
    let setting = stage.setting(None)?;
    let script = include_str!("../../../programs/false_alarms/websocket.py");
    let mut command = stage.python_script("websocket.py", script)?;
    command.args(["serve", &setting.at.ip().to_string(), &setting.at.port().to_string()]);
    let server = serve(setting, command)?;
    for way in ["close", "be-closed"] {
        let mut command = stage.python_script("websocket.py", script)?;
        run(command.args([way, &server.at.ip().to_string(), &server.at.port().to_string()]))?.fine()?;
    }
    let mut command = stage.python_script("websocket.py", script)?;
    let stays =
        Running::start(command.args(["stay", &server.at.ip().to_string(), &server.at.port().to_string()]))?;
    pause(2500);
    drop(stays);
    pause(200);
    Ok(vec![Claim::at(server.at, &["tunnel-end"]).phases(&["tunnel"]).closes(3..=3)].into())
}

fn connect_tunnel(stage: &Stage<'_>) -> Result<Played> {
    let nginx = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    let setting = stage.setting(Some(nginx.at))?;
    let template =
        format!("Listen @host@\nPort @port@\nTimeout 60\nConnectPort {}\nStartServers 2\n", nginx.at.port());
    let configuration = setting.write("tinyproxy.conf", &setting.fill(&template))?;
    let mut command = stage.kit.command("tinyproxy");
    command.arg("-d").arg("-c").arg(configuration);
    let proxy = serve(setting, command)?;
    for _ in 0..4 {
        let through = format!("http://{}", proxy.at);
        run(&mut stage.curl(&["-f", "-p", "--noproxy", "", "-x", &through, &nginx.url("/")]))?.fine()?;
    }
    Ok(vec![
        Claim::at(proxy.at, &["tunnel-end"]).by("client").phases(&["tunnel"]).closes(4..=4),
        Claim::at(nginx.at, &["completed", "client-idle"])
            .by("client")
            .phases(&["idle"])
            .closes(4..=4)
            .requests(1),
    ]
    .into())
}

fn events(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    for _ in 0..4 {
        run(&mut stage.curl(&["-N", "--max-time", "1", &node.url("/events")]))?.code(28)?;
    }
    let claim = Claim::at(node.at, &["premature-hangup"]).by("client").phases(&["response"]).closes(4..=4);
    Ok(vec![claim.never_causes(&["truncated", "keepalive-timer", "middlebox-reset"])].into())
}
