//! An egg application behind a platform that keeps its connections: nginx with a pool.

use std::{fs, os::unix::fs::symlink, process::Command};

use anyhow::{Context as _, Result, bail};
use harness::Program;
use serde::Deserialize;

use super::{
    claims::Claims,
    stage::{Place, Scene},
};
use crate::launch::source_of;

/// Indexes of the stage's ports.
pub(super) const EGG: u16 = 0;
pub(super) const PLATFORM: u16 = 1;

/// The least that such platforms ask for, seconds.
pub(super) const HOLD: f64 = 900.0;

/// What somebody changed in the application.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Change {
    /// Members of the object in `config.default.js`.
    config: String,
    /// Statements in `serverDidReady`, where `server` is the listener.
    ready: String,
    /// Which Node, if it is not this.
    node: Option<String>,
}

const NODE: &str = "node-20";

/// Both programs; dropping them ends them.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) egg: Program,
    pub(super) platform: Program,
}

impl Change {
    pub(super) fn start(&self, scene: &Scene) -> Result<Running> {
        let egg = scene.serve(Place::Far, self.application(scene)?, "egg", &[scene.port(EGG)])?;
        let setting = scene.setting(Place::Near, PLATFORM).with("instance", scene.at(Place::Far, EGG));
        let setting = setting.with("hold", format_args!("{:.0}s", scene.scaled(HOLD)));
        let platform = scene.nginx(Place::Near, &setting, "cases/platform.conf")?;
        let running = Running { egg, platform };
        running.await_worker(scene)?;
        Ok(running)
    }

    fn application(&self, scene: &Scene) -> Result<Command> {
        symlink(scene.kit.modules(), scene.directory.join("node_modules")).context("link to the modules")?;
        scene.write("package.json", r#"{ "name": "orders", "egg": { "typescript": false } }"#)?;
        for (file, of, change) in [
            ("config/config.default.js", "config.default.js", self.config.as_str()),
            ("app/router.js", "router.js", ""),
            ("app.js", "app.js", &self.ready),
            ("start.js", "start.js", ""),
        ] {
            let template = source_of(&format!("cases/egg/{of}"))?;
            scene.write(file, &template.replace("@change@", change))?;
        }
        let at = scene.at(Place::Far, EGG);
        let mut command = scene.node(
            self.node.as_deref().unwrap_or(NODE),
            &scene.directory.join("start.js").display().to_string(),
        );
        command.arg(&scene.directory).args([at.ip().to_string(), at.port().to_string()]);
        command.env("NODE_ENV", "production").env("EGG_SERVER_ENV", "prod");
        Ok(command)
    }
}

impl Running {
    /// Waits until there is a worker; returns its process.
    pub(super) fn await_worker(&self, scene: &Scene) -> Result<u32> {
        let file = scene.directory.join("worker.pid");
        for _ in 0..600 {
            match fs::read_to_string(&file).map(|text| text.parse()) {
                Ok(Ok(process)) => return Ok(process),
                _ => scene.pause(0.1)?,
            }
        }
        bail!("egg has no worker; {}", self.egg.said())
    }

    /// A line of the egg's own with these words.
    pub(super) fn egg_says(&self, words: &str) -> Option<String> {
        self.egg.text().lines().find(|line| line.contains(words)).map(str::to_owned)
    }

    /// Waits until another worker than this has taken its place.
    pub(super) fn await_other_worker(&self, scene: &Scene, old: u32) -> Result<()> {
        for _ in 0..600 {
            if self.await_worker(scene)? != old {
                return Ok(());
            }
            scene.pause(0.1)?;
        }
        bail!("egg does not replace worker {old}; {}", self.egg.said())
    }

    /// What the master says of workers that died.
    pub(super) fn deaths(&self) -> Vec<String> {
        let text = self.egg.text();
        let deaths = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once(" died (")?;
            let (how, _) = rest.split_once(", suicide")?;
            Some(format!("a worker died ({how})"))
        });
        deaths.collect()
    }

    /// How often nginx complained, by what it wrote.
    pub(super) fn complain(&self, claims: &mut Claims) {
        let log = self.platform.text();
        for words in ["upstream prematurely closed connection", "Connection reset by peer"] {
            for _ in log.lines().filter(|line| line.contains(words)) {
                claims.outcome("the platform's log", words);
            }
        }
    }
}

/// What egg says that its configuration has under this name.
pub(super) fn configured(scene: &Scene, name: &str) -> Result<String> {
    let path = scene.directory.join("run/application_config.json");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let all: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    Ok(all["config"][name].to_string())
}
