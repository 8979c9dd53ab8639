//! The gateways: each a server to the clients and a client of a model server.

use std::{fmt::Display, fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};
use harness::{Program, software::envoy};

use super::super::{
    claims::Claims,
    software::nginx,
    stage::{Place, Scene, fill},
};
use crate::software::runtimes::go_program;

/// A gateway and the model server behind it. The gateways are at the stage's first ports, the model servers follow.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) gateway: &'static str,
    /// What ends an idle connection of a client, as the knowledge of timeouts calls it.
    pub(super) idle_setting: &'static str,
    /// What ends a request that the model server takes too long for.
    pub(super) request_setting: &'static str,
    /// Its pool ends each connection after a time of its own: one closes some of them now and then instead.
    pub(super) pool_has_timer: bool,
    /// What it answers when the connection that it took from its pool ends; one hangs up on its client instead.
    pub(super) lost_status: Option<u16>,
    /// What it adds to its timeout for idle clients, seconds, whatever that is.
    pub(super) adds: f64,
    serve: fn(&Scene, &Times, SocketAddr, SocketAddr) -> Result<Command>,
    log: Option<&'static str>,
    pub(super) model: Model,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// How long it keeps an idle connection.
    pub(super) idle_setting: &'static str,
    serve: fn(&Scene, SocketAddr, u64) -> Result<Command>,
}

/// Of the gateways, in seconds of the true case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// How long clients' idle connections are kept.
    pub(super) idle: f64,
    /// How long the pool keeps an idle connection to a model server.
    pub(super) pool: f64,
    /// How long a model server may take.
    pub(super) request: f64,
}

pub(super) const HOPS: [Hop; 3] = [
    Hop {
        gateway: "nginx",
        idle_setting: "keepalive_timeout",
        request_setting: "proxy_read_timeout",
        pool_has_timer: true,
        lost_status: Some(502),
        adds: 0.0,
        serve: |scene, times, at, model| {
            let configuration = configure(
                scene,
                include_str!("../../../programs/cases/gateway/nginx.conf"),
                times,
                at,
                model,
            );
            nginx(scene, &configuration)
        },
        log: Some("nginx-access.log"),
        model: Model {
            name: "uvicorn",
            idle_setting: "--timeout-keep-alive",
            serve: |scene, at, idle| {
                let mut command = python_model(scene, "uvicorn", "model:asgi")?;
                command.args(["--host", &at.ip().to_string(), "--port", &at.port().to_string()]);
                command.args(["--no-access-log", "--timeout-keep-alive", &seconds(idle)]);
                Ok(command)
            },
        },
    },
    Hop {
        gateway: "HAProxy",
        idle_setting: "timeout http-keep-alive",
        request_setting: "timeout server",
        pool_has_timer: false,
        lost_status: None,
        adds: 0.0,
        serve: |scene, times, at, model| {
            let configuration = configure(
                scene,
                include_str!("../../../programs/cases/gateway/haproxy.cfg"),
                times,
                at,
                model,
            );
            let mut command = scene.kit.command("haproxy");
            command.arg("-f").arg(scene.write("haproxy.cfg", &configuration)?);
            Ok(command)
        },
        log: None,
        model: Model {
            name: "gunicorn",
            idle_setting: "keepalive",
            serve: |scene, at, idle| {
                let mut command = python_model(scene, "gunicorn", "model:wsgi")?;
                command.args(["--worker-class", "gthread", "--threads", "64", "--no-control-socket"]);
                command.args(["--bind", &at.to_string(), "--keep-alive", &seconds(idle)]);
                Ok(command)
            },
        },
    },
    Hop {
        gateway: "Envoy",
        idle_setting: "common_http_protocol_options.idle_timeout",
        request_setting: "timeout of the route",
        pool_has_timer: true,
        lost_status: Some(503),
        // It drains for 5 s, then waits for 1 s.
        adds: 6.0,
        serve: |scene, times, at, model| {
            let configuration = configure(
                scene,
                include_str!("../../../programs/cases/gateway/envoy.yaml"),
                times,
                at,
                model,
            );
            Ok(envoy::in_foreground(scene.kit.command("envoy"), &scene.write("envoy.yaml", &configuration)?))
        },
        log: None,
        model: Model {
            name: "Go",
            idle_setting: "http.Server.IdleTimeout",
            serve: |scene, at, idle| {
                let source = include_str!("../../../programs/cases/gateway/model.go");
                let mut command =
                    Command::new(scene.kit.once("model.go", || go_program(scene.kit, "model", source))?);
                command.args([at.to_string(), format!("{idle}ms")]);
                Ok(command)
            },
        },
    },
];

impl Hop {
    /// When it closes an idle connection of a client, milliseconds of the play, if told so many seconds of the true case.
    pub(super) fn idle_ms(&self, scene: &Scene, seconds: f64) -> u64 {
        milliseconds(scene, seconds) + (self.adds * 1e3) as u64
    }

    pub(super) fn start_model(
        &self,
        scene: &Scene,
        place: Place,
        at: SocketAddr,
        idle: f64,
    ) -> Result<Program> {
        let command = (self.model.serve)(scene, at, milliseconds(scene, idle))?;
        scene.serve(place, command, self.model.name, &[at.port()])
    }

    pub(super) fn start(
        &self,
        scene: &Scene,
        times: &Times,
        place: Place,
        [at, model]: [SocketAddr; 2],
    ) -> Result<Program> {
        scene.serve(place, (self.serve)(scene, times, at, model)?, self.gateway, &[at.port()])
    }

    /// Counts what the gateway logged.
    pub(super) fn listen(&self, directory: &Path, program: &Program, claims: &mut Claims) -> Result<()> {
        let Some(log) = self.log else {
            claims.outcomes(self.gateway, program);
            return Ok(());
        };
        let log = directory.join(log);
        let text = fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        for word in text.lines().filter_map(|line| line.strip_prefix("outcome ")) {
            claims.outcome(self.gateway, word);
        }
        Ok(())
    }
}

fn configure(scene: &Scene, template: &str, times: &Times, at: SocketAddr, model: SocketAddr) -> String {
    let Times { idle, pool, request } = *times;
    let ms = |seconds| milliseconds(scene, seconds);
    let values: [(&str, &dyn Display); 14] = [
        ("at", &at),
        ("host", &at.ip()),
        ("port", &at.port()),
        ("model", &model),
        ("model_host", &model.ip()),
        ("model_port", &model.port()),
        ("directory", &scene.directory.display()),
        ("idle_ms", &ms(idle)),
        ("pool_ms", &ms(pool)),
        ("request_ms", &ms(request)),
        ("long_ms", &ms(10.0 * idle.max(request))),
        ("idle", &scene.scaled(idle)),
        ("pool", &scene.scaled(pool)),
        ("request", &scene.scaled(request)),
    ];
    fill(template, &values)
}

fn python_model(scene: &Scene, server: &str, application: &str) -> Result<Command> {
    scene.write("model.py", include_str!("../../../programs/cases/gateway/model.py"))?;
    let mut command = scene.kit.command(server);
    command.arg(application).current_dir(&scene.directory);
    Ok(command)
}

/// These take whole seconds only.
fn seconds(milliseconds: u64) -> String {
    (milliseconds / 1000).max(1).to_string()
}

pub(super) fn milliseconds(scene: &Scene, seconds: f64) -> u64 {
    (scene.scaled(seconds) * 1e3).round() as u64
}
