//! nginx: static files by sendfile, and a proxy with a pool.

use std::process::Command;

use anyhow::Result;
use harness::software::{apache, nginx};

use crate::{
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP1,
    setting::Setting,
};

pub(super) const SERVER: Server = Server {
    name: "nginx",
    needs: &[Need::Apt { package: "nginx-light", program: "nginx" }],
    version: |kit| kit::version(kit.command("nginx").arg("-v")),
    command,
    cases: HTTP1,
    timers: words![
        "unused" "unused-empty-line" "head" "head-in-pieces" "head-reused" "body-length" "body-chunked"
        "waiting" "waiting-reused" "pipelined" "response-length" "response-chunked" "response-large"
        "idle" "idle-reused" "idle-head" "idle-204" "idle-chunked" "tunnel"
    ],
    cannot: &[],
    forwards: true,
};

const HASTY: &str = "client_header_timeout 500ms; client_body_timeout 500ms; keepalive_timeout 600ms;
  send_timeout 500ms; proxy_read_timeout 500ms; lingering_timeout 300ms;";

const PATIENT: &str = "client_header_timeout 60s; client_body_timeout 60s; keepalive_timeout 60s;
  send_timeout 60s; proxy_read_timeout 60s;";

fn command(kit: &Kit, setting: &Setting) -> Result<Command> {
    apache::document_root(&setting.directory)?;
    let configuration = setting
        .fill(include_str!("../../programs/nginx.conf"))
        .replace("@timeouts@", if setting.hasty { HASTY } else { PATIENT })
        .replace("@upstream@", if setting.hasty { "keepalive_timeout 400ms;" } else { "" });
    let path = setting.write("nginx.conf", &configuration)?;
    Ok(nginx::in_foreground(kit.command("nginx"), &setting.directory, &path))
}
