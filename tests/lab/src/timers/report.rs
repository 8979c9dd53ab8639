//! `whohungup report --json`: what many closes show together.

use std::{path::Path, process::Command};

use anyhow::Result;
use harness::Agent;

use crate::report::Model;

/// A running `report`, which is asked for what it has at the end.
#[derive(Debug)]
pub(super) struct Recorder(Agent);

impl Recorder {
    /// What else happens on the machine is left out: it could fill the table of endpoints.
    pub(super) fn start(binary: &Path, ports: impl Iterator<Item = u16>) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["report", "--json", "--for", "1h"]);
        command.args(ports.flat_map(|port| ["--port".to_owned(), port.to_string()]));
        Agent::start(&mut command).map(Self)
    }

    /// Ends the recording as Ctrl-C does.
    pub(super) fn finish(self) -> Result<Model> {
        Model::parse(&self.0.interrupt()?.success()?.stdout.join("\n"))
    }
}
