//! Clients that are libraries: each with a small program that does what it is told.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use harness::{software::java, spawn};

use super::runtimes::{GO_NEEDS, JAVA_NEEDS, NODE_NEEDS, go_program, python_version};
use crate::{
    client::{Client, Order},
    client_cases::{
        Ender::{self, Itself, Kill, Peer},
        Mode,
    },
    kit::{self, Kit, Need},
};

const ALL: &[Ender] = &[Itself, Kill, Peer];

pub(super) const NODE: Client = Client {
    name: "Node http.Agent",
    http2: false,
    needs: NODE_NEEDS,
    version: |kit| kit::version(kit.command("node").arg("--version")),
    prepare: |kit| kit.file("client.js", include_str!("../../programs/client.js")),
    command: |kit, order| script(kit.command("node"), order),
    cannot: &[(Mode::Pipeline, ALL)],
};

pub(super) const GO: Client = Client {
    name: "Go http.Client",
    http2: false,
    needs: GO_NEEDS,
    version: |kit| kit::version(kit.command("go").arg("version")),
    prepare: |kit| go_program(kit, "client", include_str!("../../programs/client.go")),
    command: |_, order| {
        let mut command = Command::new(order.program);
        order.add_to(&mut command);
        command
    },
    cannot: &[(Mode::Pipeline, ALL)],
};

pub(super) const REQUESTS: Client = Client {
    name: "requests",
    http2: false,
    needs: &[Need::Pypi("requests")],
    version: |kit| python_version(kit, "requests"),
    prepare: |kit| kit.file("client_requests.py", include_str!("../../programs/client_requests.py")),
    command: |kit, order| script(kit.command("python"), order),
    // It does not wait for leave to send a body, and its pool has no timer.
    cannot: &[(Mode::Pipeline, ALL), (Mode::Expect, ALL), (Mode::PoolTimer, &[Itself])],
};

pub(super) const AIOHTTP: Client = Client {
    name: "aiohttp client",
    http2: false,
    needs: &[Need::Pypi("aiohttp")],
    version: |kit| python_version(kit, "aiohttp"),
    prepare: |kit| kit.file("client_aiohttp.py", include_str!("../../programs/client_aiohttp.py")),
    command: |kit, order| script(kit.command("python"), order),
    cannot: &[(Mode::Pipeline, ALL)],
};

pub(super) const JAVA: Client = Client {
    name: "Java HttpClient",
    http2: false,
    needs: JAVA_NEEDS,
    version: |kit| kit::version(kit.command("java").arg("--version")),
    prepare: |kit| java_class(kit, "Client", include_str!("../../programs/Client.java"), ""),
    command: |kit, order| {
        let mut command = java::small(kit.command("java"));
        if order.mode == Mode::PoolTimer {
            command.arg("-Djdk.httpclient.keepalive.timeout=1");
        }
        command.arg("-cp").arg(order.program).arg("Client");
        order.add_to(&mut command);
        command
    },
    cannot: &[(Mode::Pipeline, ALL)],
};

fn script(mut command: Command, order: &Order) -> Command {
    order.add_to(command.arg(order.program));
    command
}

/// Compiles a class, with what is on this class path. Returns the directory that it is in.
pub(crate) fn java_class(kit: &Kit, name: &str, source: &str, class_path: &str) -> Result<PathBuf> {
    let source = kit.file(&format!("{name}.java"), source)?;
    let classes = kit.directory()?;
    let mut command = kit.command("javac");
    command.args(["-cp", class_path, "-d"]).arg(&classes).arg(source);
    let status = spawn(&mut command)?.wait();
    ensure!(status.context("wait for the Java compiler")?.success(), "the Java compiler refused {name}.java");
    Ok(classes)
}
