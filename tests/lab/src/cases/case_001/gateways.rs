//! The gateways of plays/cases/gateways.toml, which says what the fields mean.

use std::{fs, net::SocketAddr, path::Path, sync::LazyLock};

use anyhow::{Context as _, Result};
use harness::Program;
use serde::Deserialize;

use super::super::{
    claims::Claims,
    stage::{Place, Scene},
};
use crate::{
    launch::{Launch, Setting},
    plays,
};

/// A gateway and the model server behind it. The gateways are at the stage's first ports, the model servers follow.
#[derive(Debug, Deserialize)]
pub(super) struct Hop {
    pub(super) gateway: String,
    pub(super) idle_setting: String,
    pub(super) request_setting: String,
    pub(super) pool_has_timer: bool,
    pub(super) lost_status: Option<u16>,
    #[serde(default)]
    pub(super) adds: f64,
    #[serde(flatten)]
    launch: Launch,
    log: Option<String>,
    pub(super) model: Model,
}

#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) name: String,
    pub(super) idle_setting: String,
    #[serde(flatten)]
    launch: Launch,
}

#[derive(Debug, Deserialize)]
struct Client {
    name: String,
    #[serde(flatten)]
    launch: Launch,
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

#[derive(Debug, Deserialize)]
struct File {
    hop: Vec<Hop>,
    client: Vec<Client>,
}

static FILE: LazyLock<File> =
    LazyLock::new(|| plays::read(include_str!("../../../plays/cases/gateways.toml")));

pub(super) fn hops() -> &'static [Hop] {
    &FILE.hop
}

/// # Panics
/// When there is none of this name.
pub(super) fn client(name: &str) -> &'static Launch {
    let client = FILE.client.iter().find(|client| client.name == name);
    &client.expect("a client in plays/cases/gateways.toml").launch
}

impl Hop {
    /// When it closes an idle connection of a client, milliseconds of the play, if told so many seconds of the true case.
    pub(super) fn idle_ms(&self, scene: &Scene, seconds: f64) -> u64 {
        milliseconds(scene, seconds) + (self.adds * 1e3) as u64
    }

    pub(super) fn start_model(&self, scene: &Scene, at: SocketAddr, idle: f64) -> Result<Program> {
        let ms = milliseconds(scene, idle);
        // Some take whole seconds only.
        let setting = Setting::within(scene.directory.clone(), at);
        let setting = setting.with("idle_ms", ms).with("idle_s", (ms / 1000).max(1));
        let command = self.model.launch.command(scene.kit, &setting)?;
        scene.serve(Place::Far, command, &self.model.name, &[at.port()])
    }

    pub(super) fn start(
        &self,
        scene: &Scene,
        times: &Times,
        place: Place,
        [at, model]: [SocketAddr; 2],
    ) -> Result<Program> {
        let Times { idle, pool, request } = *times;
        let ms = |seconds| milliseconds(scene, seconds);
        let setting = Setting { backend: model, ..Setting::within(scene.directory.clone(), at) }
            .with("idle_ms", ms(idle))
            .with("pool_ms", ms(pool))
            .with("request_ms", ms(request))
            .with("long_ms", ms(10.0 * idle.max(request)))
            .with("idle", scene.scaled(idle))
            .with("pool", scene.scaled(pool))
            .with("request", scene.scaled(request));
        let command = self.launch.command(scene.kit, &setting)?;
        scene.serve(place, command, &self.gateway, &[at.port()])
    }

    /// Counts what the gateway logged.
    pub(super) fn listen(&self, directory: &Path, program: &Program, claims: &mut Claims) -> Result<()> {
        let Some(log) = &self.log else {
            claims.outcomes(&self.gateway, program);
            return Ok(());
        };
        let log = directory.join(log);
        let text = fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        for word in text.lines().filter_map(|line| line.strip_prefix("outcome ")) {
            claims.outcome(&self.gateway, word);
        }
        Ok(())
    }
}

pub(super) fn milliseconds(scene: &Scene, seconds: f64) -> u64 {
    (scene.scaled(seconds) * 1e3).round() as u64
}
