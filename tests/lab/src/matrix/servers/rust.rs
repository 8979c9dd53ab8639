//! Servers in Rust, compiled by the lab (programs/rust).

use std::process::Command;

use anyhow::Context as _;

use super::{Server, hasty};
use crate::{
    kit::Need,
    pinned,
    truth::Phase::{Idle, RequestBody, RequestHead, Unused},
};

pub(super) const AXUM: Server = Server {
    name: "axum",
    needs: &[Need::Crate("axum-server")],
    version: |_| pinned::rust_crate("axum").map(str::to_owned).context("find axum's version"),
    prepare: |kit| Ok(kit.rust_program("axum-server")),
    command: |_, setting, program| {
        let mut command = Command::new(program);
        command.arg(setting.at.to_string()).arg(hasty(setting));
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

/// Its answer to a body that does not come leaves the closing to the client.
pub(super) const ACTIX: Server = Server {
    name: "actix-web",
    needs: &[Need::Crate("actix-server")],
    version: |_| pinned::rust_crate("actix-web").map(str::to_owned).context("find actix-web's version"),
    prepare: |kit| Ok(kit.rust_program("actix-server")),
    timers: &[Unused, RequestHead, Idle],
    ..AXUM
};
