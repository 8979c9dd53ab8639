//! A capture file that somebody has: what it proves of each connection in it, and a picture of each.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    agent::Said,
    kit::{Kit, Need},
    picture::{self, Notes},
    wiretap::{
        capture::{Captured, NEEDS},
        truth::{Decided, Told, decide},
    },
};

#[derive(Debug, Clone)]
pub struct Options {
    /// pcap or pcapng.
    pub capture: PathBuf,
    /// What `watch --json` printed meanwhile.
    pub said: Option<PathBuf>,
    /// Where the pictures go.
    pub out: Option<PathBuf>,
}

/// What it needs that is not installed.
///
/// # Errors
/// When no directory can be made.
pub fn missing() -> Result<Vec<Need>> {
    let state = tempfile::tempdir().context("create a temporary directory")?;
    Ok(Kit::new(state.path().to_owned())?.missing(&NEEDS))
}

/// One line for each connection.
///
/// # Errors
/// When the files cannot be read or written, or there is no tshark.
pub fn explain(options: &Options) -> Result<Vec<String>> {
    let state = tempfile::tempdir().context("create a temporary directory")?;
    let kit = Kit::new(state.path().to_owned())?;
    let said = match &options.said {
        Some(path) => Said::read(File::open(path).with_context(|| format!("open {}", path.display()))?)?,
        None => Said::default(),
    };
    let flows = Captured { file: options.capture.clone(), dropped: 0 }.flows(&kit)?;
    let mut lines = Vec::new();
    for (number, flow) in flows.iter().enumerate() {
        let truth = match decide(flow, Told::default()) {
            Decided::Known(truth) => truth.to_string(),
            Decided::Undecided(why) => format!("undecided: {why}"),
        };
        let (client, server) = (flow.client, flow.server);
        lines.push(format!("{number} {client} {server} {truth}"));
        if let Some(out) = &options.out {
            let title = format!("{client} to {server}");
            let newest = |local, remote| said.of(local, remote).last();
            let notes = Notes { title, ..Notes::default() };
            let svg = picture::draw(flow, &notes, [newest(client, server), newest(server, client)]);
            write(&out.join(format!("{number}.svg")), &svg)?;
        }
    }
    Ok(lines)
}

fn write(path: &Path, svg: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    fs::write(path, svg).with_context(|| format!("write {}", path.display()))
}
