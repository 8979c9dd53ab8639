//! What each piece of software says of its version.

use anyhow::Result;

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

pub(super) fn jetty(_kit: &Kit) -> Result<String> {
    harness::software::java::jar_version("jetty9-server-")
}

pub(super) fn undici(kit: &Kit) -> Result<String> {
    kit.module_version("undici")
}

pub(super) fn axios(kit: &Kit) -> Result<String> {
    kit.module_version("axios")
}
