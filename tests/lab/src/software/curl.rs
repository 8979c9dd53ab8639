//! Clients that are programs: curl and h2load.

use std::process::Command;

use crate::{
    client::{Client, GIVES_UP, Order},
    client_cases::{
        Ender::{Itself, Kill, Peer},
        Mode,
    },
    kit::{self, Kit, Need},
};

pub(super) const CLIENT: Client = Client {
    name: "curl",
    http2: false,
    needs: &[Need::Apt { package: "curl", program: "curl" }],
    version: |kit| kit::version(kit.command("curl").arg("--version")),
    // What it uploads.
    prepare: |kit| kit.file("upload", &"x".repeat(500_000)),
    command: curl,
    // It keeps idle connections until it ends, and does not pipeline.
    cannot: &[(Mode::PoolTimer, &[Itself]), (Mode::Pipeline, &[Itself, Kill, Peer])],
};

fn curl(kit: &Kit, order: &Order) -> Command {
    let Order { server, target, .. } = order;
    let url = format!("http://{server}{target}");
    let mut command = kit.command("curl");
    command.args(["--silent", "--show-error", "--output", "/dev/null"]);
    if order.gives_up {
        command.args(["--max-time", &GIVES_UP.as_secs_f64().to_string()]);
    }
    let upload = format!("@{}", order.program.display());
    let slowly = ["--limit-rate", "1000", "--header", "Expect:", "--data-binary", &upload];
    match order.mode {
        Mode::Reuse => command.arg(format!("http://{server}/fast")).args(["--output", "/dev/null"]).arg(url),
        Mode::Pool | Mode::Exit | Mode::PoolTimer => elsewhere(command.arg(url), order),
        Mode::Head => elsewhere(command.arg("--head").arg(url), order),
        Mode::Upload => command.args(slowly).arg(url),
        Mode::UploadChunked => command.args(["--header", "Transfer-Encoding: chunked"]).args(slowly).arg(url),
        Mode::Expect => command
            .args(["--header", "Expect: 100-continue", "--expect100-timeout", "30"])
            .args(["--data-binary", "0123456789"])
            .arg(url),
        Mode::Tunnel => command
            .arg("--proxytunnel")
            .args(["--proxy", &server.to_string()])
            .arg(format!("http://{target}/")),
        Mode::Get | Mode::Pipeline => command.arg(url),
    };
    command
}

/// While it waits for another host (by name), its first connection is idle.
fn elsewhere<'c>(command: &'c mut Command, order: &Order) -> &'c mut Command {
    let (host, port) = (order.server.ip(), order.server.port());
    command
        .args(["--resolve", &format!("elsewhere:{port}:{host}"), "--output", "/dev/null"])
        .arg(format!("http://elsewhere:{port}/sleep"))
}

pub(super) const H2LOAD: Client = Client {
    name: "h2load --h1",
    http2: false,
    needs: &[Need::Apt { package: "nghttp2-client", program: "h2load" }],
    version: |kit| kit::version(kit.command("h2load").arg("--version")),
    prepare: |kit| Ok(kit.state().to_owned()),
    command: h2load,
    // It loads: it closes when it is done, and never tunnels.
    cannot: &[
        (Mode::Upload, &[Itself, Kill, Peer]),
        (Mode::UploadChunked, &[Itself, Kill, Peer]),
        (Mode::Expect, &[Itself, Kill, Peer]),
        (Mode::Reuse, &[Itself, Kill, Peer]),
        (Mode::PoolTimer, &[Itself]),
        (Mode::Pool, &[Kill, Peer]),
        (Mode::Head, &[Kill, Peer]),
        (Mode::Tunnel, &[Itself, Kill, Peer]),
    ],
};

/// The same over HTTP/2.
pub(super) const H2LOAD_H2C: Client =
    Client { name: "h2load h2c", http2: true, command: h2load_h2c, ..H2LOAD };

fn h2load_h2c(kit: &Kit, order: &Order) -> Command {
    load(kit, order, &["--no-tls-proto", "h2c"])
}

fn h2load(kit: &Kit, order: &Order) -> Command {
    load(kit, order, &["--h1"])
}

fn load(kit: &Kit, order: &Order, protocol: &[&str]) -> Command {
    let at_once = if order.mode == Mode::Pipeline { "2" } else { "1" };
    let mut command = kit.command("h2load");
    command.args(protocol);
    command.args(["--requests", at_once, "--clients", "1", "--max-concurrent-streams", at_once]);
    if order.gives_up {
        command.arg("--connection-inactivity-timeout").arg(format!("{}ms", GIVES_UP.as_millis()));
    }
    command.arg(format!("http://{}{}", order.server, order.target));
    command
}
