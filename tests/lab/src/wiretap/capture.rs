//! A running `dumpcap`: every segment of the lab's connections, into a file.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    kit::{Kit, Need},
    wiretap::{flow::Flow, read},
};

/// What a capture needs on the machine.
pub(crate) const NEEDS: [Need; 1] = [Need::Apt { package: "tshark", program: "tshark" }];

/// Where the connections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The name of a network namespace (`ip netns`); `None` is the lab's own.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) interface: &'a str,
}

impl Place<'static> {
    pub(crate) const LOOPBACK: Self = Self { namespace: None, interface: "lo" };
}

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Capture {
    file: PathBuf,
}

/// What was captured.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) file: PathBuf,
    /// Packets that the kernel had to leave out. With any, what a flow shows may have a hole.
    pub(crate) dropped: u64,
}

impl Capture {
    /// Starts it and waits until it captures. `filter` is what pcap-filter(7) calls an expression: `Kit::filter` has
    /// all addresses that the kit gives out.
    pub(crate) fn start(_kit: &Kit, _place: Place<'_>, _filter: &str) -> Result<Self> {
        bail!("not yet")
    }

    /// Ends it, when what was sent has reached the file.
    pub(crate) fn finish(self) -> Result<Captured> {
        bail!("{} is not there yet", self.file.display())
    }
}

impl Captured {
    /// All connections in it, in the order in which they began.
    pub(crate) fn flows(&self, kit: &Kit) -> Result<Vec<Flow>> {
        read::flows(kit, self)
    }
}
