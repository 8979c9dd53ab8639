//! Real software, one file a program: how it is started in the foreground, and what its tests share of its configuration.

pub mod apache;
pub mod envoy;
pub mod haproxy;
pub mod java;
pub mod nginx;
pub mod node;
pub mod openssl;
pub mod python;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{Program, gate};

/// A program that listens, with a directory of its own.
#[derive(Debug)]
pub struct Server {
    pub program: Program,
    pub at: SocketAddr,
    directory: TempDir,
}

impl Server {
    /// Starts `command`, which was told to listen at `at`, and waits until it does. Nobody connects meanwhile: an agent
    /// that starts after this finds no connection.
    pub fn start(mut command: Command, at: SocketAddr, directory: TempDir) -> Result<Self> {
        let mut program = Program::start(&mut command, directory.path(), "output")?;
        program.await_bound(at.port())?;
        Ok(Self { program, at, directory })
    }

    /// Starts `command`, which says at which port of loopback it listens.
    pub fn announced(command: &mut Command) -> Result<Self> {
        let directory = scratch()?;
        let mut program = Program::start(command, directory.path(), "output")?;
        let port = program.await_word("")?;
        let port: u16 = port.parse().with_context(|| format!("{command:?} says {port:?}"))?;
        Ok(Self { program, at: (Ipv4Addr::LOCALHOST, port).into(), directory })
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// As an operator ends it: it closes its connections by itself.
    pub fn stop(self) -> Result<ExitStatus> {
        self.program.stop()
    }
}

pub fn scratch() -> Result<TempDir> {
    tempfile::tempdir().context("make a directory")
}

fn installed(name: &str) -> Result<PathBuf> {
    gate::find(name).with_context(|| format!("{name} is not installed"))
}
