//! Docker: one directory a container, which stays until the container is removed.

use std::{collections::HashMap, path::Path};

use serde::Deserialize;
use whohungup_core::workload::Names;

use super::{from_labels, read_json};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    /// With a slash before it.
    name: String,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    labels: Option<HashMap<String, String>>,
}

pub(super) fn find(host: &Path, id: &str) -> Option<Names> {
    let path = host.join("var/lib/docker/containers").join(id).join("config.v2.json");
    let Container { name, config } = read_json(&path)?;
    let names = from_labels(&config.labels.unwrap_or_default());
    let own = Some(name.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty());
    Some(Names { container: names.container.or(own), ..names })
}
