//! How the real software is started: with its defaults, or with the one setting that the case is about.

use std::process::Command;

use anyhow::Result;
use harness::software::{java, nginx};

use super::origin::Origin;
use crate::{
    kit::{Kit, Need},
    setting::Setting,
    software::{
        clients::java_class,
        nodes,
        runtimes::{GO_NEEDS, JAVA_NEEDS, NODE_NEEDS, go_program},
    },
};

pub(super) const NODE: &[Need] = NODE_NEEDS;
pub(super) const GO: &[Need] = GO_NEEDS;
pub(super) const JAVA: &[Need] = JAVA_NEEDS;
pub(super) const JAVAC: &[Need] = &[Need::Apt { package: "openjdk-17-jdk-headless", program: "javac" }];
pub(super) const NGINX: &[Need] = &[Need::Apt { package: "nginx-light", program: "nginx" }];
pub(super) const GUNICORN: &[Need] = &[Need::Pypi("gunicorn")];
pub(super) const UVICORN: &[Need] = &[Need::Pypi("uvicorn")];
pub(super) const REQUESTS: &[Need] = &[Need::Pypi("requests")];
pub(super) const UNDICI: &[Need] = &[Need::Npm("undici")];
pub(super) const AXIOS: &[Need] = &[Need::Npm("axios")];
pub(super) const JETTY: &[Need] =
    &[Need::AptFile { package: "libjetty9-java", file: "/usr/share/java/jetty9-server.jar" }];

pub(super) const OLD_NODE: &[Need] = nodes::NODE_20_17.needs;

/// Starts a server.
pub(super) type Serve = fn(&Kit, &Setting) -> Result<Command>;

/// Starts a client that plays against these addresses.
pub(super) type Ask = fn(&Kit, &Asking) -> Result<Command>;

/// What a client is told.
#[derive(Debug)]
pub(super) struct Asking {
    /// `http://host:port/`, one or more.
    pub(super) urls: Vec<String>,
    /// Requests at once to each of them.
    pub(super) at_once: u32,
}

/// How often a client asks at all of its connections.
pub(super) const ROUNDS: usize = 3;
const GAP_MS: usize = 300;

impl Asking {
    pub(super) fn of(origin: &Origin, at_once: u32) -> Self {
        Self { urls: origin.at.iter().map(|at| format!("http://{at}/")).collect(), at_once }
    }

    fn add_to(&self, mut command: Command) -> Command {
        command
            .args([self.at_once as usize, ROUNDS, GAP_MS].map(|number| number.to_string()))
            .args(&self.urls);
        command
    }
}

fn node_at(program: Command, setting: &Setting) -> Result<Command> {
    let mut command = program;
    command.arg(setting.write("server.js", include_str!("../../programs/timers/server.js"))?);
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]);
    Ok(command)
}

pub(super) fn node(kit: &Kit, setting: &Setting) -> Result<Command> {
    node_at(kit.command("node"), setting)
}

pub(super) fn old_node(kit: &Kit, setting: &Setting) -> Result<Command> {
    node_at(nodes::NODE_20_17.command(kit), setting)
}

pub(super) fn node_two_seconds(kit: &Kit, setting: &Setting) -> Result<Command> {
    let mut command = node(kit, setting)?;
    command.arg("2000");
    Ok(command)
}

pub(super) fn nginx(kit: &Kit, setting: &Setting) -> Result<Command> {
    nginx_with(kit, setting, "")
}

pub(super) fn nginx_three_seconds(kit: &Kit, setting: &Setting) -> Result<Command> {
    nginx_with(kit, setting, "keepalive_timeout 3s;")
}

fn nginx_with(kit: &Kit, setting: &Setting, more: &str) -> Result<Command> {
    let template = include_str!("../../programs/timers/nginx.conf").replace("@more@", more);
    let path = setting.write("nginx.conf", &setting.fill(&template))?;
    Ok(nginx::in_foreground(kit.command("nginx"), &setting.directory, &path))
}

pub(super) fn gunicorn(kit: &Kit, setting: &Setting) -> Result<Command> {
    setting.write("web.py", include_str!("../../programs/timers/web.py"))?;
    let mut command = kit.command("gunicorn");
    command.arg("--chdir").arg(&setting.directory).args(["--bind", &setting.at.to_string()]);
    command.arg("web:application");
    Ok(command)
}

pub(super) fn gunicorn_threads(kit: &Kit, setting: &Setting) -> Result<Command> {
    let mut command = gunicorn(kit, setting)?;
    command.args(["--worker-class", "gthread", "--threads", "4"]);
    Ok(command)
}

pub(super) fn uvicorn(kit: &Kit, setting: &Setting) -> Result<Command> {
    setting.write("web.py", include_str!("../../programs/timers/web.py"))?;
    let mut command = kit.command("uvicorn");
    command.args(["web:app", "--app-dir"]).arg(&setting.directory);
    command.args(["--host", &setting.at.ip().to_string(), "--port", &setting.at.port().to_string()]);
    Ok(command)
}

pub(super) fn go_server(kit: &Kit, setting: &Setting) -> Result<Command> {
    let mut command =
        Command::new(go_program(kit, "server", include_str!("../../programs/timers/server.go"))?);
    command.arg(setting.at.to_string());
    Ok(command)
}

pub(super) fn jetty(kit: &Kit, setting: &Setting) -> Result<Command> {
    let source = include_str!("../../programs/timers/JettyServer.java");
    java_server(kit, setting, "JettyServer", source, java::JETTY_JARS)
}

pub(super) fn java_plain(kit: &Kit, setting: &Setting) -> Result<Command> {
    java_server(kit, setting, "PlainServer", include_str!("../../programs/timers/PlainServer.java"), "")
}

fn java_server(kit: &Kit, setting: &Setting, name: &str, source: &str, jars: &str) -> Result<Command> {
    let classes = java_class(kit, name, source, jars)?;
    let class_path = format!("{}:{jars}", classes.display());
    let mut command = java::main(java::small(kit.command("java")), class_path, name);
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]);
    Ok(command)
}

fn node_pool(kit: &Kit, asking: &Asking, library: &str) -> Result<Command> {
    let mut command = kit.command("node");
    command.env("NODE_PATH", kit.modules());
    command.arg(kit.file("pool.js", include_str!("../../programs/timers/pool.js"))?).arg(library);
    Ok(asking.add_to(command))
}

pub(super) fn node_agent(kit: &Kit, asking: &Asking) -> Result<Command> {
    node_pool(kit, asking, "http")
}

pub(super) fn axios(kit: &Kit, asking: &Asking) -> Result<Command> {
    node_pool(kit, asking, "axios")
}

pub(super) fn undici(kit: &Kit, asking: &Asking) -> Result<Command> {
    node_pool(kit, asking, "undici")
}

pub(super) fn requests(kit: &Kit, asking: &Asking) -> Result<Command> {
    let mut command = kit.command("python");
    command.arg(kit.file("pool_requests.py", include_str!("../../programs/timers/pool_requests.py"))?);
    Ok(asking.add_to(command))
}

pub(super) fn go_client(kit: &Kit, asking: &Asking) -> Result<Command> {
    go_pool(kit, asking, "-")
}

pub(super) fn go_client_five_seconds(kit: &Kit, asking: &Asking) -> Result<Command> {
    go_pool(kit, asking, "5s")
}

fn go_pool(kit: &Kit, asking: &Asking, limit: &str) -> Result<Command> {
    let mut command = Command::new(go_program(kit, "pool", include_str!("../../programs/timers/pool.go"))?);
    command.arg(limit);
    Ok(asking.add_to(command))
}

pub(super) fn java_client(kit: &Kit, asking: &Asking) -> Result<Command> {
    java_pool(kit, asking, None)
}

pub(super) fn java_client_three_seconds(kit: &Kit, asking: &Asking) -> Result<Command> {
    java_pool(kit, asking, Some("-Djdk.httpclient.keepalive.timeout=3"))
}

fn java_pool(kit: &Kit, asking: &Asking, option: Option<&str>) -> Result<Command> {
    let classes = java_class(kit, "Pool", include_str!("../../programs/timers/Pool.java"), "")?;
    let mut command = java::small(kit.command("java"));
    command.args(option);
    Ok(asking.add_to(java::main(command, classes.display(), "Pool")))
}
