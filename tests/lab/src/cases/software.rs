//! Software of the cases, and how it is started.

use std::process::Command;

use anyhow::Result;

use super::stage::{Scene, Software};
use crate::{
    kit::{self, Need},
    software::nodes,
};

pub(super) const NODE: Software =
    Software { name: "Node", needs: nodes::NODE_20.needs, version: |kit| nodes::NODE_20.version(kit) };
pub(super) const NODE_20_17: Software =
    Software { name: "Node", needs: nodes::NODE_20_17.needs, version: |kit| nodes::NODE_20_17.version(kit) };
pub(super) const NODE_18: Software =
    Software { name: "Node", needs: nodes::NODE_18.needs, version: |kit| nodes::NODE_18.version(kit) };
pub(super) const NGINX: Software = Software {
    name: "nginx",
    needs: &[Need::Apt { package: "nginx-light", program: "nginx" }],
    version: |kit| kit::version(kit.command("nginx").arg("-v")),
};

/// nginx in the foreground with this configuration.
pub(super) fn nginx(scene: &Scene, configuration: &str) -> Result<Command> {
    let path = scene.write("nginx.conf", configuration)?;
    Ok(harness::software::nginx::in_foreground(scene.kit.command("nginx"), &scene.directory, &path))
}
