//! An egg application behind a platform that keeps its connections: nginx with a pool.

use std::{fs, os::unix::fs::symlink, process::Command};

use anyhow::{Context as _, Result, bail};
use harness::Program;

use super::{
    claims::Claims,
    software::{self as s, nginx},
    stage::{Place, Scene, Software, fill},
};
use crate::{
    kit::Need,
    software::nodes::{NODE, Node},
};

/// Indexes of the stage's ports.
pub(super) const EGG: u16 = 0;
pub(super) const PLATFORM: u16 = 1;

/// The least that such platforms ask for, seconds.
pub(super) const HOLD: f64 = 900.0;

pub(super) const SOFTWARE: &[Software] = &[s::NODE, EGG_ITSELF, s::NGINX];
pub(super) const SOFTWARE_OF_OLD: &[Software] = &[s::NODE_20_17, EGG_ITSELF, s::NGINX];

const EGG_ITSELF: Software =
    Software { name: "egg", needs: &[Need::Npm("egg")], version: |kit| kit.module_version("egg") };

/// What somebody changed in the application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// Members of the object in `config.default.js`.
    pub(super) config: &'static str,
    /// Statements in `serverDidReady`, where `server` is the listener.
    pub(super) ready: &'static str,
    pub(super) node: Node,
}

pub(super) const NOTHING: Change = Change { config: "", ready: "", node: NODE };

/// Both programs; dropping them ends them.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) egg: Program,
    pub(super) platform: Program,
}

impl Change {
    pub(super) fn start(&self, scene: &Scene) -> Result<Running> {
        let egg = scene.serve(Place::Far, self.application(scene)?, "egg", &[scene.port(EGG)])?;
        let configuration = fill(
            include_str!("../../programs/cases/platform.conf"),
            &[
                ("directory", &scene.directory.display()),
                ("instance", &scene.at(Place::Far, EGG)),
                ("hold", &format!("{:.0}s", scene.scaled(HOLD))),
                ("at", &scene.at(Place::Near, PLATFORM)),
            ],
        );
        let platform = nginx(scene, &configuration)?;
        let platform = scene.serve(Place::Near, platform, "platform", &[scene.port(PLATFORM)])?;
        let running = Running { egg, platform };
        running.await_worker(scene)?;
        Ok(running)
    }

    fn application(&self, scene: &Scene) -> Result<Command> {
        for directory in ["app", "config"] {
            let path = scene.directory.join(directory);
            fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        }
        symlink(scene.kit.modules(), scene.directory.join("node_modules")).context("link to the modules")?;
        scene.write("package.json", r#"{ "name": "orders", "egg": { "typescript": false } }"#)?;
        let config = include_str!("../../programs/cases/egg/config.default.js");
        scene.write("config/config.default.js", &fill(config, &[("change", &self.config)]))?;
        scene.write("app/router.js", include_str!("../../programs/cases/egg/router.js"))?;
        let boot = include_str!("../../programs/cases/egg/app.js");
        scene.write("app.js", &fill(boot, &[("change", &self.ready)]))?;
        let at = scene.at(Place::Far, EGG);
        let mut command = self.node.command(scene.kit);
        command.arg(scene.write("start.js", include_str!("../../programs/cases/egg/start.js"))?);
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
        let told = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once(" died (")?;
            let (how, _) = rest.split_once(", suicide")?;
            Some(format!("a worker died ({how})"))
        });
        told.collect()
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
