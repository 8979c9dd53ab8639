//! The servers and proxies of the matrix: how each is started, patient or hasty, and what its own timeouts end.

mod java;
mod proxies;
mod python;
mod rust;
mod scripts;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    kit::{Kit, Need},
    setting::Setting,
    truth::Phase,
};

pub(super) use self::scripts::NODE;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) version: fn(&Kit) -> Result<String>,
    /// Makes what all its instances share: a compiled program, or a directory of sources.
    pub(super) prepare: fn(&Kit) -> Result<PathBuf>,
    pub(super) command: fn(&Kit, &Setting, &Path) -> Result<Command>,
    /// Where its own timeouts, set short, end a connection. A phase that is missing has no such timeout, or one that
    /// cannot be set as short.
    pub(super) timers: &'static [Phase],
    /// It answers nothing itself: Node is behind it.
    pub(super) is_proxy: bool,
    /// It says in its responses how long it keeps the connection: clients that heed it close before.
    pub(super) announces: bool,
    pub(super) log: Option<Log>,
}

impl Server {
    /// Where nothing of its own ends a connection, so that it is not waited for.
    pub(super) fn remarks(&self) -> Vec<String> {
        use Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting};
        let all = [Unused, RequestHead, RequestBody, Waiting, Response, Idle];
        let without = all.iter().filter(|phase| !self.timers.contains(phase)).map(|phase| phase.word());
        let without: Vec<_> = without.collect();
        if without.is_empty() { Vec::new() } else { vec![format!("no timeout in {}", without.join(", "))] }
    }
}

/// What it writes about each request, which is held against the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    Nginx,
    Apache,
    Haproxy,
}

/// In the order of the tables.
pub(super) fn all() -> Vec<&'static Server> {
    vec![
        &proxies::NGINX,
        &proxies::APACHE,
        &proxies::HAPROXY,
        &proxies::LIGHTTPD,
        &proxies::CADDY,
        &proxies::TRAEFIK,
        &proxies::ENVOY,
        &NODE,
        &scripts::EXPRESS,
        &scripts::FASTIFY,
        &scripts::GO,
        &scripts::PUMA,
        &python::AIOHTTP,
        &python::UVICORN,
        &python::HYPERCORN,
        &python::GUNICORN,
        &python::WAITRESS,
        &python::TORNADO,
        &java::TOMCAT,
        &java::JETTY,
        &java::PLAIN,
        &rust::AXUM,
        &rust::ACTIX,
    ]
}

/// Nothing is shared by its instances.
fn nothing(kit: &Kit) -> Result<PathBuf> {
    kit.directory()
}

/// `HOST PORT HASTY`, as most of the programs are told.
fn with_arguments(mut command: Command, setting: &Setting) -> Command {
    command.args([setting.at.ip().to_string(), setting.at.port().to_string()]).arg(hasty(setting));
    command
}

fn hasty(setting: &Setting) -> &'static str {
    if setting.hasty { "1" } else { "0" }
}
