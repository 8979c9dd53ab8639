//! Uploads that pause, by one of the libraries, to nginx in the part of the store's front.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::json;

use super::super::{
    claims::Claims,
    stage::{Place, Scene},
};
use crate::launch::source_of;

pub(super) const UPLOADS: u64 = 8;
/// Seconds between the beginnings of two uploads, not scaled: what ends at one moment is one piece of evidence.
const APART: f64 = 0.3;
/// The server lives on after its last connection, seconds, not scaled.
const OUTLIVES: f64 = 1.0;

/// All times are those of the true case, in seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The npm package, as it is installed.
    library: String,
    /// What the program's own package.json calls it.
    depends: String,
    /// Timeout of the agent's sockets, whether idle or at work.
    agent: Limit,
    /// Timeout of the whole response.
    response: Limit,
    /// How long the server waits for the next byte of a body.
    server: f64,
    /// When each upload sends one byte more; upload after upload takes the next.
    chunks: Vec<Vec<f64>>,
    /// When the body ends.
    ends: f64,
}

/// A timeout of the client.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Limit {
    /// Nobody set it: it has this length by itself. Scaled down it must be set.
    Default(f64),
    Set(f64),
    /// Nobody sets it, at any scale.
    Own,
}

impl Limit {
    fn set_ms(self, scene: &Scene) -> Option<u64> {
        match self {
            Self::Own => None,
            Self::Default(_) if scene.scaled(1.0) >= 1.0 => None,
            Self::Default(seconds) | Self::Set(seconds) => Some(milliseconds(scene, seconds)),
        }
    }
}

impl Upload {
    /// Returns when every upload has come to its end.
    pub(super) fn play(&self, scene: &Scene) -> Result<Claims> {
        let at = scene.at(Place::Far, 0);
        let setting = scene.setting(Place::Far, 0).with("body_ms", milliseconds(scene, self.server));
        let _server = scene.nginx(Place::Far, &setting, "cases/store.conf")?;
        let package = json!({"name": "uploader", "private": true, "dependencies": {&self.depends: "*"}});
        scene.write("package.json", &package.to_string())?;
        // Beside its package.json, by which the agent knows the library.
        let script = scene.write("upload.js", &source_of("cases/upload.js")?)?;
        let mut command = scene.node("node-20", &script.display().to_string());
        command.arg(self.plan(scene, &format!("http://{at}")));
        let mut client = scene.start(Place::Near, command, "client")?;
        scene.finish(&mut client, scene.scaled(self.ends) + 60.0)?;
        // A server that ends with its last connection has shut down.
        scene.pause(OUTLIVES)?;
        let mut claims = Claims::default();
        claims.outcomes("client", &client);
        let text = client.text();
        let seconds: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("seconds ")).collect();
        claims.quote("seconds until then", seconds.join(", "));
        let log = scene.directory.join("store-access.log");
        let log = std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        for status in log.lines().filter_map(|line| line.strip_prefix("outcome ")) {
            claims.outcome("server", status);
        }
        Ok(claims)
    }

    fn plan(&self, scene: &Scene, url: &str) -> String {
        let chunks = self.chunks.iter().map(|times| times.iter().map(|time| milliseconds(scene, *time)));
        let chunks: Vec<Vec<_>> = chunks.map(Iterator::collect).collect();
        json!({
            "library": self.library,
            "url": url,
            "uploads": UPLOADS,
            "apart_ms": APART * 1e3,
            "chunks_ms": chunks,
            "ends_ms": milliseconds(scene, self.ends),
            "agent_ms": self.agent.set_ms(scene),
            "timeout_ms": self.response.set_ms(scene),
        })
        .to_string()
    }
}

fn milliseconds(scene: &Scene, seconds: f64) -> u64 {
    (scene.scaled(seconds) * 1e3).round() as u64
}
