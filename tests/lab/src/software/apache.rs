//! Apache httpd with its event MPM: static files, and a proxy.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    kit::{self, Kit, Need},
    server::Server,
    server_cases::HTTP1,
    setting::{Setting, write_large},
};

pub(super) const SERVER: Server = Server {
    name: "Apache",
    needs: &[Need::Apt { package: "apache2-bin", program: "apache2" }],
    version: |kit| kit::version(kit.command("apache2").arg("-v")),
    command,
    cases: HTTP1,
    timers: &[
        "head",
        "head-in-pieces",
        "head-reused",
        "body-length",
        "body-chunked",
        "waiting",
        "response-length",
        "response-large",
        "idle",
        "idle-reused",
        "idle-head",
        "idle-204",
    ],
    // Its static handler reads the body before it answers.
    cannot: &["body-answered"],
    forwards: true,
};

/// Where Debian has them.
pub(crate) const MODULES: &str = "/usr/lib/apache2/modules";

const HASTY: &str = "Timeout 1\nRequestReadTimeout header=1 body=1\nKeepAliveTimeout 500ms\nProxyTimeout 1";
const PATIENT: &str = "Timeout 60\nRequestReadTimeout header=0 body=0\nKeepAliveTimeout 60\nProxyTimeout 60";

fn command(kit: &Kit, setting: &Setting) -> Result<Command> {
    let files = setting.directory.join("files");
    fs::create_dir(&files).context("create the document root")?;
    fs::write(files.join("fast"), "hi").context("write a small file")?;
    write_large(&files.join("large"))?;
    let configuration = setting
        .fill(include_str!("../../programs/apache.conf"))
        .replace("@modules@", MODULES)
        .replace("@timeouts@", if setting.hasty { HASTY } else { PATIENT });
    let path = setting.write("apache.conf", &configuration)?;
    let mut command = kit.command("apache2");
    command.arg("-f").arg(path).args(["-D", "FOREGROUND"]);
    Ok(command)
}
