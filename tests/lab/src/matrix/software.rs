//! The servers and clients of the matrix: plays/matrix_servers.toml and plays/matrix_clients.toml say what each field means.

use std::{process::Command, sync::LazyLock};

use anyhow::Result;
use serde::Deserialize;

use crate::{
    kit::Kit,
    launch::{Launch, Setting},
    plays,
    truth::Phase,
};

#[derive(Debug, Deserialize)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) software: Vec<String>,
    #[serde(flatten)]
    launch: Launch,
    pub(super) timers: Vec<Phase>,
    #[serde(default)]
    pub(super) is_proxy: bool,
    #[serde(default)]
    pub(super) announces: bool,
    pub(super) log: Option<Log>,
}

impl Server {
    pub(super) fn command(&self, kit: &Kit, setting: &Setting) -> Result<Command> {
        self.launch.command(kit, setting)
    }

    /// Where nothing of its own ends a connection, so that it is not waited for.
    pub(super) fn remarks(&self) -> Vec<String> {
        use Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting};
        let all = [Unused, RequestHead, RequestBody, Waiting, Response, Idle];
        let without = all.iter().filter(|phase| !self.timers.contains(phase)).map(|phase| phase.word());
        let without: Vec<_> = without.collect();
        if without.is_empty() { Vec::new() } else { vec![format!("no timeout in {}", without.join(", "))] }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Log {
    Nginx,
    Apache,
    Haproxy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdleLimit {
    #[default]
    Millis,
    WholeSeconds,
    NextUse,
    No,
}

impl IdleLimit {
    pub(super) fn is_timer(self) -> bool {
        matches!(self, Self::Millis | Self::WholeSeconds)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) software: Vec<String>,
    #[serde(flatten)]
    pub(super) launch: Launch,
    #[serde(default)]
    pub(super) idle_limit: IdleLimit,
    #[serde(default)]
    pub(super) cannot_close: bool,
    #[serde(default)]
    is_deaf_while_stalled: bool,
    #[serde(default)]
    retries: bool,
}

impl Client {
    /// What a reader of the tables has to know of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let all = [
            (!self.idle_limit.is_timer(), "no idle timer"),
            (self.cannot_close, "its pool cannot be closed"),
            (self.retries, "asks again by itself"),
            (self.is_deaf_while_stalled, "deaf while its body stalls"),
        ];
        all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned()).collect()
    }
}

#[derive(Debug, Deserialize)]
struct Servers {
    server: Vec<Server>,
}

#[derive(Debug, Deserialize)]
struct Clients {
    client: Vec<Client>,
}

static SERVERS: LazyLock<Servers> =
    LazyLock::new(|| plays::read(include_str!("../../plays/matrix_servers.toml")));
static CLIENTS: LazyLock<Clients> =
    LazyLock::new(|| plays::read(include_str!("../../plays/matrix_clients.toml")));

/// In the order of the tables.
pub(super) fn servers() -> &'static [Server] {
    &SERVERS.server
}

/// In the order of the tables.
pub(super) fn clients() -> &'static [Client] {
    &CLIENTS.client
}

/// What stands behind every proxy.
pub(super) fn behind() -> &'static Server {
    servers().iter().find(|server| server.name == "Node").expect("Node among the matrix' servers")
}
