//! The clients of the gateways.

use std::{net::SocketAddr, process::Command};

use anyhow::Result;
use serde_json::json;

use super::{
    super::stage::Scene,
    gateways::{client, milliseconds},
};
use crate::launch::Setting;

/// What clients do, each over connections of its own.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// The pauses between the requests of each connection, milliseconds, not scaled.
    pub(super) gaps: Vec<Vec<u64>>,
    /// How long each request takes the model server, seconds of the true case, as all below.
    pub(super) work: f64,
    /// The same in seconds of the play, instead.
    pub(super) works_for: Option<f64>,
    pub(super) timeout: f64,
    /// After how long the pool closes idle connections; 0: it does not.
    pub(super) idle: f64,
    /// How long connections are held after the last request.
    pub(super) hold: f64,
    /// Between the beginnings of two connections, milliseconds, not scaled.
    pub(super) apart: u64,
}

/// The client of this name, told to ask at this gateway.
pub(super) fn command(scene: &Scene, who: &str, asking: &Asking, at: SocketAddr) -> Result<Command> {
    let ms = |seconds| milliseconds(scene, seconds);
    let work = asking.works_for.map_or_else(|| ms(asking.work), |seconds| (seconds * 1e3) as u64);
    let url = format!("http://{at}/work/{work}");
    let (timeout, idle, hold) = (ms(asking.timeout), ms(asking.idle), ms(asking.hold));
    let plan = json!({
        "url": url,
        "gaps_ms": asking.gaps,
        "timeout_ms": timeout,
        "idle_ms": idle,
        "hold_ms": hold,
        "apart_ms": asking.apart,
    });
    let words = |gaps: &Vec<u64>| gaps.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let gaps: Vec<_> = asking.gaps.iter().map(words).collect();
    let setting = Setting::within(scene.directory.clone(), at)
        .with("plan", plan)
        .with("url", url)
        .with("timeout_ms", timeout)
        .with("idle_ms", idle)
        .with("hold_ms", hold)
        .with("apart_ms", asking.apart)
        .with("gaps", gaps.join(" "));
    client(who).command(scene.kit, &setting)
}
