//! Servers in JavaScript, Go and Ruby.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Server, hasty, nothing, with_arguments};
use crate::{
    kit::{self, Kit, Need},
    setting::Setting,
    software::runtimes::{GO_NEEDS, NODE_NEEDS, go_program},
    truth::Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting},
};

pub(in crate::matrix) const NODE: Server = Server {
    name: "Node",
    needs: NODE_NEEDS,
    version: |kit| kit::version(kit.command("node").arg("--version")),
    prepare: nothing,
    command: |kit, setting, _| node(kit, setting, "http"),
    timers: &[Unused, RequestHead, RequestBody, Waiting, Response, Idle],
    is_proxy: false,
    announces: true,
    log: None,
};

pub(super) const EXPRESS: Server = Server {
    name: "Express",
    needs: &[NODE_NEEDS[0], Need::Npm("express")],
    version: |kit| kit.module_version("express"),
    command: |kit, setting, _| node(kit, setting, "express"),
    ..NODE
};

pub(super) const FASTIFY: Server = Server {
    name: "Fastify",
    needs: &[NODE_NEEDS[0], Need::Npm("fastify")],
    version: |kit| kit.module_version("fastify"),
    command: |kit, setting, _| node(kit, setting, "fastify"),
    ..NODE
};

fn node(kit: &Kit, setting: &Setting, framework: &str) -> Result<Command> {
    let script = include_str!("../../../programs/matrix/servers/server.js");
    let mut command = kit.command("node");
    command.env("NODE_PATH", kit.modules()).arg(setting.write("server.js", script)?).arg(framework);
    Ok(with_arguments(command, setting))
}

pub(super) const GO: Server = Server {
    name: "Go net/http",
    needs: GO_NEEDS,
    version: |kit| kit::version(kit.command("go").arg("version")),
    prepare: |kit| go_program(kit, "server", include_str!("../../../programs/matrix/servers/server.go")),
    command: |_, setting, program| {
        let mut command = Command::new(program);
        command.arg(setting.at.to_string()).arg(hasty(setting));
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

pub(super) const PUMA: Server = Server {
    name: "Puma",
    needs: &[Need::Apt { package: "puma", program: "puma" }],
    version: |kit| kit::version(kit.command("puma").arg("--version")),
    prepare: nothing,
    command: puma,
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

fn puma(kit: &Kit, setting: &Setting, _: &Path) -> Result<Command> {
    let limit = if setting.hasty { "2" } else { "120" };
    let template = include_str!("../../../programs/matrix/servers/puma.rb").replace("@limit@", limit);
    let configuration = setting.write("puma.rb", &setting.fill(&template))?;
    let application =
        setting.write("config.ru", include_str!("../../../programs/matrix/servers/config.ru"))?;
    let mut command = kit.command("puma");
    command.arg("-C").arg(configuration).arg(application).current_dir(&setting.directory);
    Ok(command)
}
