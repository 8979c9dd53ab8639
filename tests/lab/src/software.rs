//! The software of `in-flight`: plays/in_flight.toml.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{
    client::Client,
    kit::Kit,
    plays,
    server::Server,
    truth::{Played, Row, Side},
};

/// Something that can be tried.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Software {
    Server(&'static Server),
    Client(&'static Client),
}

#[derive(Debug, Deserialize)]
struct File {
    server: Vec<Server>,
    client: Vec<Client>,
}

static FILE: LazyLock<File> = LazyLock::new(|| plays::read(include_str!("../plays/in_flight.toml")));

impl Software {
    /// All of it, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        FILE.server.iter().map(Self::Server).chain(FILE.client.iter().map(Self::Client))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server(server) => &server.name,
            Self::Client(client) => &client.name,
        }
    }

    /// What it needs, by the names of the catalogue.
    pub(crate) fn software(self) -> &'static [String] {
        match self {
            Self::Server(server) => &server.software,
            Self::Client(client) => &client.software,
        }
    }

    /// Its row in the table.
    pub(crate) fn row(self) -> Row {
        let part = if matches!(self, Self::Server(_)) { Side::Server } else { Side::Client };
        Row { part, software: self.name() }
    }

    /// Plays those of its cases that are wanted.
    pub(crate) fn play(self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        match self {
            Self::Server(server) => server.play(kit, wants),
            Self::Client(client) => client.play(kit, wants),
        }
    }
}
