//! Node of several versions: what its timers and its shutdown do depends on them.

use std::process::Command;

use anyhow::Result;

use super::runtimes::NODE_NEEDS;
use crate::kit::{self, Kit, Need};

/// A Node, by where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) needs: &'static [Need],
    /// The name that npm knows it by here; the system's own has none.
    alias: Option<&'static str>,
}

/// The system's.
pub(crate) const NODE: Node = Node { needs: NODE_NEEDS, alias: None };

/// The same wherever it is played: from 20.18 on the server waits for a second longer than it says.
pub(crate) const NODE_20: Node = Node { needs: &[Need::Npm("node-20")], alias: Some("node-20") };

/// The last Node 20 whose server closes when it says so; later ones wait a second longer.
pub(crate) const NODE_20_17: Node = Node { needs: &[Need::Npm("node-20-17")], alias: Some("node-20-17") };

/// From 19 on, `server.close()` closes idle connections at once.
pub(crate) const NODE_18: Node = Node { needs: &[Need::Npm("node-18")], alias: Some("node-18") };

impl Node {
    pub(crate) fn command(self, kit: &Kit) -> Command {
        match self.alias {
            None => kit.command("node"),
            Some(alias) => Command::new(kit.module(alias).join("bin/node")),
        }
    }

    pub(crate) fn version(self, kit: &Kit) -> Result<String> {
        kit::version(self.command(kit).arg("--version"))
    }
}
