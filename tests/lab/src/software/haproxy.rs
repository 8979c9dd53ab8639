//! HAProxy: answers of its own, and a proxy with a pool.

use std::process::Command;

use anyhow::Result;
use harness::software::haproxy;

use crate::{
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP1,
    setting::Setting,
};

pub(super) const SERVER: Server = Server {
    name: "HAProxy",
    needs: &[Need::Apt { package: "haproxy", program: "haproxy" }],
    version: |kit| kit::version(kit.command("haproxy").arg("-v")),
    command,
    cases: HTTP1,
    timers: words![
        "unused" "unused-empty-line" "head" "head-in-pieces" "head-reused" "body-length" "body-chunked"
        "waiting" "response-length" "response-chunked" "response-large" "idle" "idle-reused"
        "idle-head" "idle-204" "idle-chunked" "tunnel"
    ],
    cannot: &[],
    forwards: true,
};

const HASTY: &str = "timeout client 700ms\n  timeout server 600ms\n  timeout http-request 500ms\n  \
    timeout http-keep-alive 500ms\n  timeout tunnel 800ms";
const PATIENT: &str = "timeout client 60s\n  timeout server 60s\n  timeout http-request 60s\n  \
    timeout http-keep-alive 60s\n  timeout tunnel 60s";

fn command(kit: &Kit, setting: &Setting) -> Result<Command> {
    let configuration = setting
        .fill(include_str!("../../programs/haproxy.cfg"))
        .replace("@timeouts@", if setting.hasty { HASTY } else { PATIENT });
    let path = setting.write("haproxy.cfg", &configuration)?;
    Ok(haproxy::in_foreground(kit.command("haproxy"), &path))
}
