//! Files of the repository, by their path in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) const RULES: &str = "dashboards/prometheus/whohungup.rules.yml";
pub(crate) const ALERTS: &str = "dashboards/prometheus/whohungup.alerts.yml";
pub(crate) const TESTS: &str = "dashboards/prometheus/tests";
pub(crate) const RUNBOOKS: &str = "docs/runbooks";

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

pub(crate) fn read(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// Paths of the files in a directory, sorted.
pub(crate) fn list(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path(directory)).unwrap_or_else(|error| panic!("list {directory}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}
