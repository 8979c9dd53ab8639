//! Apache httpd with its event MPM: static files, and a proxy.

use std::process::Command;

use anyhow::Result;
use harness::software::apache;

use crate::{
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP1,
    setting::Setting,
};

pub(super) const SERVER: Server = Server {
    name: "Apache",
    needs: &[Need::Apt { package: "apache2-bin", program: "apache2" }],
    version: |kit| kit::version(kit.command("apache2").arg("-v")),
    command,
    cases: HTTP1,
    timers: words![
        "head" "head-in-pieces" "head-reused" "body-length" "body-chunked" "waiting" "response-length"
        "response-large" "idle" "idle-reused" "idle-head" "idle-204"
    ],
    // Its static handler reads the body before it answers.
    cannot: &["body-answered"],
    forwards: true,
};

const HASTY: &str = "Timeout 1\nRequestReadTimeout header=1 body=1\nKeepAliveTimeout 500ms\nProxyTimeout 1";
const PATIENT: &str = "Timeout 60\nRequestReadTimeout header=0 body=0\nKeepAliveTimeout 60\nProxyTimeout 60";

fn command(kit: &Kit, setting: &Setting) -> Result<Command> {
    apache::document_root(&setting.directory)?;
    let configuration = setting
        .fill(include_str!("../../programs/apache.conf"))
        .replace("@modules@", apache::MODULES)
        .replace("@timeouts@", if setting.hasty { HASTY } else { PATIENT });
    let path = setting.write("apache.conf", &configuration)?;
    Ok(apache::in_foreground(kit.command("apache2"), &path))
}
