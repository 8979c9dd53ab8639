//! Connections that only look whether somebody is there.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context as _, Result, ensure};

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Served, Stage, pause, run},
        trap::{Claim, Ends, Played},
    },
    wire::{PATIENCE, Wire},
};

/// A client that closes after its answer: how soon it comes to that is up to the machine.
const PROMPT: &[&str] = &["completed", "client-idle"];

pub(super) const PLAYS: Plays = plays![
    tcp_checks,
    http_checks,
    passive_check,
    kubelet,
    http_probe,
    short,
    http10,
    connect_scan,
    syn_scan,
    denies,
    refused,
];

/// Waits until HAProxy forwards: then its checks have gone well. They go on until the agents have reported enough of them.
fn await_up(stage: &Stage<'_>, proxy: &Served) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let ask = || run(&mut stage.curl(&["-f", "-H", "Connection: close", &proxy.url("/")]));
    while !ask()?.status.success() {
        ensure!(Instant::now() < until, "HAProxy does not take its server for up");
        pause(100);
    }
    Ok(())
}

fn tcp_checks(stage: &Stage<'_>) -> Result<Played> {
    let checked = [stage.nginx(None, "", "", "location / { return 200 hi; }")?, stage.node(&[])?];
    let (mut claims, mut keep): (_, Vec<Box<dyn Send>>) = (Vec::new(), Vec::new());
    for (server, option) in checked.iter().zip(["", "option tcp-check"]) {
        let sections = format!(
            "frontend lab\n  bind @at@\n  default_backend lab\nbackend lab\n  {option}\n  timeout check 10s\n  server one @backend@ check inter 100ms pool-max-conn 0"
        );
        // No pool: the connection of the request that finds it up is closed by HAProxy, and not by whose timer fires first.
        let proxy = stage.haproxy(Some(server.at), &sections)?;
        await_up(stage, &proxy)?;
        keep.push(Box::new(proxy));
        let verdicts = &["client-idle", "completed"];
        let claim = Claim::at(server.at, verdicts).by("client").phases(&["unused", "idle"]);
        // It resets before it has acknowledged the SYN of the server, which never knows.
        claims.push(claim.ends(Ends::Client).closes(6..=usize::MAX).processes(&["haproxy"], &[]));
    }
    keep.push(Box::new(checked));
    Ok(Played { claims, keep, closes: None })
}

fn http_checks(stage: &Stage<'_>) -> Result<Played> {
    let checked = [stage.nginx(None, "", "", "location / { return 200 hi; }")?, stage.node(&[])?];
    let (mut claims, mut keep): (_, Vec<Box<dyn Send>>) = (Vec::new(), Vec::new());
    for (server, send) in checked.iter().zip(["", "http-check send meth GET uri / ver HTTP/1.1 hdr Host lab"])
    {
        let sections = format!(
            "frontend lab\n  bind @at@\n  http-request return status 200 if {{ srv_is_up(lab/one) }}\n  default_backend lab\n\
            backend lab\n  option httpchk\n  {send}\n  timeout check 10s\n  server one @backend@ check inter 100ms"
        );
        let proxy = stage.haproxy(Some(server.at), &sections)?;
        await_up(stage, &proxy)?;
        keep.push(Box::new(proxy));
        claims
            .push(Claim::at(server.at, &["completed"]).phases(&["idle"]).closes(6..=usize::MAX).requests(1));
    }
    keep.push(Box::new(checked));
    Ok(Played { claims, keep, closes: None })
}

fn passive_check(stage: &Stage<'_>) -> Result<Played> {
    let node = stage.node(&[])?;
    let dead = stage.kit.free_address()?;
    let http = format!("upstream pool {{ server @backend@; server {dead} max_fails=1 fail_timeout=1s; }}");
    let proxy = stage.nginx(Some(node.at), "", &http, "location / { proxy_pass http://pool; }")?;
    for _ in 0..12 {
        run(&mut stage.curl(&["-f", &proxy.url("/")]))?.fine()?;
        pause(150);
    }
    Ok(vec![
        // HTTP/1.0 to its upstream, nginx' default.
        Claim::at(node.at, &["completed"]).closes(12..=12).requests(1),
        Claim::at(dead, &["connect-failed"]).ends(Ends::Client).closes(1..=6).causes(&["refused"]),
        Claim::at(proxy.at, PROMPT).by("client").closes(12..=12).requests(1),
    ]
    .into())
}

fn kubelet(stage: &Stage<'_>) -> Result<Played> {
    let servers = [stage.nginx(None, "", "", "")?, stage.node(&[])?];
    let mut claims = Vec::new();
    for server in &servers {
        for number in 0..10 {
            let wire = Wire::dial(server.at)?;
            let claim = Claim::at(server.at, &["client-idle", "completed"]).by("client").phases(&["unused"]);
            let claim = claim.of(wire.local()?).requests(0);
            // Half of them are open for a while, and half are not.
            pause(if number % 2 == 0 { 150 } else { 0 });
            claims.push(if number < 5 {
                wire.close()?;
                claim.close_type("fin")
            } else {
                wire.reset()?;
                claim.close_type("rst")
            });
            pause(20);
        }
    }
    Ok(claims.into())
}

fn http_probe(stage: &Stage<'_>) -> Result<Played> {
    let servers = [stage.nginx(None, "", "", "location / { return 200 hi; }")?, stage.node(&[])?];
    let mut claims = Vec::new();
    for server in &servers {
        for _ in 0..8 {
            run(&mut stage.curl(&["-f", "-H", "Connection: close", &server.url("/")]))?.fine()?;
        }
        let claim = Claim::at(server.at, &["completed"]).phases(&["idle"]).closes(8..=8);
        claims.push(claim.requests(1).causes(&["announced"]).close_type("fin"));
    }
    Ok(claims.into())
}

fn short(stage: &Stage<'_>) -> Result<Played> {
    let server = stage.nginx(None, "", "", "location / { return 200 hi; }")?;
    for _ in 0..10 {
        run(&mut stage.curl(&["-f", &server.url("/")]))?.fine()?;
    }
    let claim = Claim::at(server.at, PROMPT).by("client").phases(&["idle"]).close_type("fin");
    Ok(vec![claim.closes(10..=10).requests(1).processes(&["curl"], &["nginx"])].into())
}

fn http10(stage: &Stage<'_>) -> Result<Played> {
    let server = || stage.nginx(None, "", "", "location / { return 200 hi; }");
    let (ab, ab_kept, curl, wget) = (server()?, server()?, server()?, server()?);
    run(stage.kit.command("ab").args(["-n", "20", "-c", "1", &ab.url("/")]))?.fine()?;
    run(stage.kit.command("ab").args(["-k", "-n", "20", "-c", "1", &ab_kept.url("/")]))?.fine()?;
    for _ in 0..5 {
        run(&mut stage.curl(&["-f", "-0", &curl.url("/")]))?.fine()?;
        let mut command = stage.kit.command("wget");
        run(command.args(["-q", "-O", "/dev/null", "--no-proxy", "--no-http-keep-alive", &wget.url("/")]))?
            .fine()?;
    }
    let completed = |at| Claim::at(at, &["completed"]).phases(&["idle"]).close_type("fin");
    Ok(vec![
        completed(ab.at).closes(20..=21).requests(1),
        Claim::at(ab_kept.at, PROMPT).by("client").phases(&["idle"]).close_type("fin").closes(1..=2),
        completed(curl.at).closes(5..=5).requests(1),
        completed(wget.at).closes(5..=5).requests(1),
    ]
    .into())
}

fn nmap(stage: &Stage<'_>, kind: &str) -> Result<Played> {
    let open = stage.nginx(None, "", "", "")?;
    // On the open one's host, so that one scan has both.
    let closed = SocketAddr::new(open.at.ip(), stage.kit.free_address()?.port());
    let ports = format!("{},{}", open.at.port(), closed.port());
    let mut command = stage.kit.command("nmap");
    command.args([kind, "-Pn", "-n", "--max-retries", "0", "-p", &ports, &open.at.ip().to_string()]);
    let output = run(&mut command)?.fine()?;
    ensure!(output.contains("/tcp open"), "nmap did not find the open port: {output}");
    ensure!(output.contains("/tcp closed"), "nmap did not find the closed port: {output}");
    let claims = if kind == "-sT" {
        vec![
            Claim::at(open.at, &["client-idle", "completed"]).by("client").phases(&["unused"]).closes(1..=2),
            Claim::at(closed, &["connect-failed"]).ends(Ends::Client).closes(1..=2).causes(&["refused"]),
        ]
    } else {
        vec![Claim::at(open.at, &[]).closes(0..=0), Claim::at(closed, &[]).closes(0..=0)]
    };
    Ok(claims.into())
}

fn connect_scan(stage: &Stage<'_>) -> Result<Played> {
    nmap(stage, "-sT")
}

fn syn_scan(stage: &Stage<'_>) -> Result<Played> {
    nmap(stage, "-sS")
}

fn denies(stage: &Stage<'_>) -> Result<Played> {
    let reject = stage.haproxy(None, "frontend lab\n  bind @at@\n  tcp-request connection reject")?;
    let deny = stage.haproxy(None, "frontend lab\n  bind @at@\n  http-request deny")?;
    for _ in 0..5 {
        let mut wire = Wire::dial(reject.at)?;
        wire.read_to_end().context("wait to be rejected")?;
        wire.close()?;
        run(&mut stage.curl(&["-f", &deny.url("/")]))?.code(22)?;
    }
    Ok(vec![
        Claim::at(reject.at, &["server-idle", "completed"]).by("server").phases(&["unused"]).closes(5..=5),
        Claim::at(deny.at, PROMPT).phases(&["idle"]).closes(5..=5).requests(1),
    ]
    .into())
}

fn refused(stage: &Stage<'_>) -> Result<Played> {
    let nobody = stage.kit.free_address()?;
    for _ in 0..5 {
        run(&mut stage.curl(&[&format!("http://{nobody}/")]))?.code(7)?;
    }
    let claim = Claim::at(nobody, &["connect-failed"]).ends(Ends::Client).closes(5..=5);
    Ok(vec![claim.causes(&["refused"]).processes(&["curl"], &[])].into())
}
