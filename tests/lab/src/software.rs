//! The software under test.

/// A long list of words, as many to a line as there is room for.
macro_rules! words {
    ($($word:literal)*) => { &[$($word),*] };
}

mod apache;
pub(crate) mod clients;
mod curl;
mod grpc;
mod haproxy;
mod nginx;
pub(crate) mod nodes;
pub(crate) mod runtimes;

use crate::{
    client::Client,
    kit::{Kit, Need},
    server::Server,
    truth::{Played, Row, Side},
};

/// Something that can be tried.
pub(crate) trait Software: Sync {
    fn name(&self) -> &'static str;
    fn needs(&self) -> &'static [Need];
    /// Its rows in the table.
    fn rows(&self) -> Vec<Row>;
    /// # Errors
    /// When it does not say.
    fn version(&self, kit: &Kit) -> anyhow::Result<String>;
    /// Plays those of its cases that are wanted.
    fn play(&self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played;
}

/// All of it, in the order of the table.
pub(crate) fn all() -> Vec<&'static dyn Software> {
    let servers: [&Server; 10] = [
        &nginx::SERVER,
        &apache::SERVER,
        &haproxy::SERVER,
        &runtimes::NODE,
        &runtimes::GO,
        &runtimes::AIOHTTP,
        &runtimes::UVICORN,
        &runtimes::JAVA,
        &grpc::SERVER,
        &grpc::NGHTTPD,
    ];
    let clients: [&Client; 9] = [
        &curl::CLIENT,
        &curl::H2LOAD,
        &curl::H2LOAD_H2C,
        &clients::NODE,
        &clients::GO,
        &clients::REQUESTS,
        &clients::AIOHTTP,
        &clients::JAVA,
        &grpc::CLIENT,
    ];
    let servers = servers.into_iter().map(|server| -> &dyn Software { server });
    let clients = clients.into_iter().map(|client| -> &dyn Software { client });
    servers.chain(clients).collect()
}

impl Software for Server {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> &'static [Need] {
        self.needs
    }

    fn rows(&self) -> Vec<Row> {
        let row = |part| Row { part, software: self.name };
        if self.forwards { vec![row(Side::Server), row(Side::Client)] } else { vec![row(Side::Server)] }
    }

    fn version(&self, kit: &Kit) -> anyhow::Result<String> {
        (self.version)(kit)
    }

    fn play(&self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        Self::play(self, kit, wants)
    }
}

impl Software for Client {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> &'static [Need] {
        self.needs
    }

    fn rows(&self) -> Vec<Row> {
        vec![Row { part: Side::Client, software: self.name }]
    }

    fn version(&self, kit: &Kit) -> anyhow::Result<String> {
        (self.version)(kit)
    }

    fn play(&self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        Self::play(self, kit, wants)
    }
}
