//! What each piece of software says of its version.

use anyhow::{Context as _, Result};

use crate::{
    kit::{self, Kit},
    software::{nodes, runtimes::python_version},
};

pub(super) fn node(kit: &Kit) -> Result<String> {
    nodes::NODE.version(kit)
}

pub(super) fn old_node(kit: &Kit) -> Result<String> {
    nodes::NODE_20_17.version(kit)
}

pub(super) fn nginx(kit: &Kit) -> Result<String> {
    kit::version(kit.command("nginx").arg("-v"))
}

pub(super) fn gunicorn(kit: &Kit) -> Result<String> {
    python_version(kit, "gunicorn")
}

pub(super) fn uvicorn(kit: &Kit) -> Result<String> {
    python_version(kit, "uvicorn")
}

pub(super) fn requests(kit: &Kit) -> Result<String> {
    python_version(kit, "requests")
}

pub(super) fn go(kit: &Kit) -> Result<String> {
    kit::version(kit.command("go").arg("version"))
}

pub(super) fn java(kit: &Kit) -> Result<String> {
    kit::version(kit.command("java").arg("--version"))
}

/// Debian names one jar with the version and links the other to it, in either direction.
pub(super) fn jetty(_kit: &Kit) -> Result<String> {
    let jars = std::fs::read_dir("/usr/share/java").context("look for Jetty's jars")?;
    let names = jars.filter_map(|jar| jar.ok()?.file_name().into_string().ok());
    let mut versions = names.filter_map(|name| {
        let version = name.strip_prefix("jetty9-server-")?.strip_suffix(".jar")?;
        Some(version.split(".v").next()?.to_owned())
    });
    versions.next().context("find a version in the name of Jetty's jar")
}

pub(super) fn undici(kit: &Kit) -> Result<String> {
    kit.module_version("undici")
}

pub(super) fn axios(kit: &Kit) -> Result<String> {
    kit.module_version("axios")
}
