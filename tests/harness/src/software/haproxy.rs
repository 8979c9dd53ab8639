//! HAProxy with one thread.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{Server, installed, scratch};

/// In the foreground.
pub fn in_foreground(mut program: Command, configuration: &Path) -> Command {
    program.arg("-db").arg("-f").arg(configuration);
    program
}

/// For HTTP, with these lines after `mode http` of the defaults.
pub fn start(at: SocketAddr, rest: &str) -> Result<Server> {
    let directory = scratch()?;
    let configuration = directory.path().join("haproxy.cfg");
    fs::write(&configuration, format!("global\n nbthread 1\ndefaults\n mode http\n{rest}"))
        .context("write haproxy.cfg")?;
    Server::start(in_foreground(Command::new(installed("haproxy")?), &configuration), at, directory)
}
