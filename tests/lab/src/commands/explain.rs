//! `lab explain`

use std::path::PathBuf;

use anyhow::Result;
use lab::{explain, kit::Need};

use super::{Ground, Play};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// pcap or pcapng
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,

    /// What `whohungup watch --json` printed meanwhile
    #[arg(long, value_name = "FILE")]
    said: Option<PathBuf>,

    /// Write a picture of each connection there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Play for Args {
    fn missing(&self, _ground: &Ground) -> Result<Vec<Need>> {
        explain::missing()
    }

    fn run(&self, _ground: &Ground) -> Result<bool> {
        let Self { capture, said, out } = self;
        let options = explain::Options { capture: capture.clone(), said: said.clone(), out: out.clone() };
        for line in explain::explain(&options)? {
            println!("{line}");
        }
        Ok(true)
    }
}
