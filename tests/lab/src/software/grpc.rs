//! HTTP/2 in clear text: gRPC's own library, and nghttpd.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};
use harness::software::apache::stretch;

use super::runtimes::{python, python_version};
use crate::{
    client::Client,
    client_cases::{Ender::Itself, Mode},
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP2,
    setting::Setting,
};

pub(super) const SERVER: Server = Server {
    name: "gRPC",
    needs: &[Need::Pypi("grpcio")],
    version: |kit| python_version(kit, "grpcio"),
    command: |kit, setting| {
        python(kit, setting, "server_grpc.py", include_str!("../../programs/server_grpc.py"))
    },
    cases: HTTP2,
    timers: &["unused", "unused-preface", "idle", "idle-reused"],
    cannot: &[],
    forwards: false,
};

pub(super) const NGHTTPD: Server = Server {
    name: "nghttpd",
    needs: &[Need::Apt { package: "nghttp2-server", program: "nghttpd" }],
    version: |kit| kit::version(kit.command("nghttpd").arg("--version")),
    command: nghttpd,
    cases: HTTP2,
    timers: &[],
    // It serves files, and never waits.
    cannot: &["waiting", "several-waiting", "waiting-other-answered", "idle-cancelled"],
    forwards: false,
};

fn nghttpd(kit: &Kit, setting: &Setting) -> Result<Command> {
    let files = setting.directory.join("lab");
    fs::create_dir(&files).context("create the document root")?;
    fs::write(files.join("fast"), "hi").context("write a small file")?;
    // More than a client that opens no window takes.
    stretch(&files.join("slow"))?;
    let mut command = kit.command("nghttpd");
    command.args(["--no-tls", "--address", &setting.at.ip().to_string(), "--htdocs"]);
    command.arg(&setting.directory).arg(setting.at.port().to_string());
    Ok(command)
}

pub(super) const CLIENT: Client = Client {
    name: "gRPC client",
    http2: true,
    needs: &[Need::Pypi("grpcio")],
    version: |kit| python_version(kit, "grpcio"),
    prepare: |kit| kit.file("client_grpc.py", include_str!("../../programs/client_grpc.py")),
    command: |kit, order| {
        let mut command = kit.command("python");
        order.add_to(command.arg(order.program));
        command
    },
    // A deadline ends a call, not the connection.
    cannot: &[(Mode::Get, &[Itself]), (Mode::Pipeline, &[Itself])],
};
