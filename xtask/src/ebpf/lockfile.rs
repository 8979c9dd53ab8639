//! Which locked packages end up in the probe object.
//!
//! Counted are the direct dependencies of the probes and whatever belongs to the same family (`aya-ebpf` brings
//! `aya-ebpf-bindings`). The host tools below their macros and build scripts (`syn`, `serde`) are not: a routine
//! `cargo update` would make the object stale without changing it.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use toml::{Table, Value};

const PACKAGE: &str = "whohungup-ebpf";

#[derive(Debug, Deserialize)]
struct Lockfile {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lockfile {
    /// Resolves an entry of a `dependencies` list: a name, with a version only where two are locked.
    fn find(&self, entry: &str) -> Option<&Locked> {
        let mut words = entry.split_whitespace();
        let name = words.next()?;
        let version = words.next();
        self.package.iter().find(|p| p.name == name && version.is_none_or(|version| p.version == version))
    }
}

/// Names and versions of the packages compiled into the probe object, sorted.
pub(crate) fn probe_dependencies(lock: &str, crate_manifest: &str) -> Result<Vec<String>> {
    let lock: Lockfile = toml::from_str(lock).context("parse Cargo.lock")?;
    let manifest: Table = toml::from_str(crate_manifest).context("parse agent-ebpf/Cargo.toml")?;
    let direct = active_dependencies(&manifest);
    let families: HashSet<&str> = direct.iter().map(|name| family(name)).collect();
    let package = lock.find(PACKAGE).with_context(|| format!("find {PACKAGE} in Cargo.lock"))?;

    let mut found = BTreeSet::new();
    let mut pending: Vec<&Locked> = Vec::new();
    for entry in &package.dependencies {
        let locked = lock.find(entry).with_context(|| format!("find {entry} in Cargo.lock"))?;
        if direct.contains(&locked.name) {
            pending.push(locked);
        }
    }
    while let Some(locked) = pending.pop() {
        if !found.insert(format!("{} {}", locked.name, locked.version)) {
            continue;
        }
        for entry in &locked.dependencies {
            let dependency = lock.find(entry).with_context(|| format!("find {entry} in Cargo.lock"))?;
            if families.contains(family(&dependency.name)) {
                pending.push(dependency);
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn family(name: &str) -> &str {
    name.split(['-', '_']).next().unwrap_or(name)
}

/// Direct dependencies that a build with the features `default` and `probes` uses, by package name.
fn active_dependencies(manifest: &Table) -> BTreeSet<String> {
    let no_features = Table::new();
    let features = manifest.get("features").and_then(Value::as_table).unwrap_or(&no_features);
    let activated = activated_by(features, &["default", "probes"]);

    dependency_tables(manifest)
        .flatten()
        .filter(|(key, value)| {
            let optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
            !optional || activated.contains(key.as_str())
        })
        .map(|(key, value)| value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned())
        .collect()
}

fn dependency_tables(manifest: &Table) -> impl Iterator<Item = &Table> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    std::iter::once(manifest)
        .chain(targets.filter_map(|(_, target)| target.as_table()))
        .filter_map(|table| table.get("dependencies").and_then(Value::as_table))
}

/// Keys of optional dependencies that the given features switch on, through other features too.
fn activated_by<'a>(features: &'a Table, wanted: &[&'a str]) -> HashSet<&'a str> {
    let mut activated = HashSet::new();
    let mut seen = HashSet::new();
    let mut pending = wanted.to_vec();
    while let Some(feature) = pending.pop() {
        if !seen.insert(feature) {
            continue;
        }
        let Some(items) = features.get(feature).and_then(Value::as_array) else {
            activated.insert(feature);
            continue;
        };
        for item in items.iter().filter_map(Value::as_str) {
            let dependency = item.strip_prefix("dep:").or_else(|| Some(item.split_once('/')?.0));
            match dependency {
                Some(dependency) => {
                    activated.insert(dependency);
                }
                None => pending.push(item),
            }
        }
    }
    activated
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::ebpf) const CRATE_MANIFEST: &str = r#"
[package]
name = "whohungup-ebpf"

[features]
default = []
probes = ["log"]
log = ["dep:aya-ebpf", "aya-log-ebpf/extra"]
user = ["dep:aya"]

[dependencies]
zerocopy.workspace = true
aya = { workspace = true, optional = true }

[target.'cfg(target_arch = "bpf")'.dependencies]
aya-ebpf = { workspace = true, optional = true }
aya-log-ebpf = { workspace = true, optional = true }

[dev-dependencies]
proptest = "1"
"#;

    pub(in crate::ebpf) const LOCK: &str = r#"
version = 4

[[package]]
name = "aya"
version = "0.14.0"
dependencies = ["serde"]

[[package]]
name = "aya-ebpf"
version = "0.2.1"
dependencies = ["aya-ebpf-bindings", "serde"]

[[package]]
name = "aya-ebpf-bindings"
version = "0.2.0"

[[package]]
name = "aya-log-ebpf"
version = "0.2.0"
dependencies = ["aya-ebpf"]

[[package]]
name = "proptest"
version = "1.0.0"

[[package]]
name = "serde"
version = "1.0.228"

[[package]]
name = "whohungup-ebpf"
version = "0.1.0"
dependencies = ["aya", "aya-ebpf", "aya-log-ebpf", "proptest", "zerocopy 0.8.63"]

[[package]]
name = "zerocopy"
version = "0.7.0"

[[package]]
name = "zerocopy"
version = "0.8.63"
"#;

    #[test]
    fn counts_what_is_compiled_into_the_object_and_nothing_else() {
        let dependencies = probe_dependencies(LOCK, CRATE_MANIFEST).unwrap();

        assert_eq!(
            dependencies,
            ["aya-ebpf 0.2.1", "aya-ebpf-bindings 0.2.0", "aya-log-ebpf 0.2.0", "zerocopy 0.8.63"]
        );
    }

    #[test]
    fn a_lockfile_without_the_probes_is_an_error() {
        let error = probe_dependencies("package = []", CRATE_MANIFEST).unwrap_err();

        assert!(error.to_string().contains(PACKAGE), "{error}");
    }

    #[test]
    fn a_renamed_dependency_counts_under_its_package_name() {
        let manifest: Table =
            toml::from_str("[dependencies]\nbpf = { package = \"aya-ebpf\", version = \"0.2\" }").unwrap();

        assert_eq!(active_dependencies(&manifest), BTreeSet::from(["aya-ebpf".to_owned()]));
    }
}
