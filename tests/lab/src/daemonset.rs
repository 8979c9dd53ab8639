//! The agent in a container, by its own image, manifest and chart, with a real runtime.

use std::path::Path;

use anyhow::Result;

use crate::{
    catalogue, plays,
    suite::{Context, absence},
};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/programs/workloads");
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const NEEDS: [&str; 5] = ["containerd", "podman", "grpc", "python", "curl"];

/// What the play printed, or why it cannot be played. `agent` is a static binary, `tools` the folder with Helm and a Python
/// that reads YAML.
///
/// # Errors
/// When a step of the play fails, or in CI software is missing.
pub fn run(context: &Context, agent: &Path, tools: &Path) -> Result<Result<String, String>> {
    let kit = context.kit()?;
    let needs = catalogue::needs(&NEEDS);
    if let Some(why) = absence(&kit, "daemonset", &needs)? {
        return Ok(Err(why));
    }
    let paths = [agent, Path::new(REPOSITORY), tools].map(|path| path.display().to_string());
    let variables: Vec<_> = ["AGENT", "REPOSITORY", "TOOLS"]
        .into_iter()
        .zip(&paths)
        .map(|(name, path)| (name, path.as_str()))
        .collect();
    plays::run(&kit, PROGRAMS, &["daemonset.sh".to_owned()], &variables).map(Ok)
}
