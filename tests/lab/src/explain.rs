//! A capture file that somebody has: what it proves of each connection in it, and a picture of each.

use std::{
    fmt,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use harness::Closes;

use crate::{
    catalogue::Need,
    picture::{self, Notes},
    suite::{Context, Results, Suite},
    wiretap::{
        capture::{Captured, NEEDS},
        decide::{Script, decide},
    },
};

#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// pcap or pcapng
    #[arg(value_name = "CAPTURE")]
    pub capture: PathBuf,

    /// What `whohungup watch --json` printed meanwhile
    #[arg(long = "said", value_name = "FILE")]
    pub reported: Option<PathBuf>,

    /// Write a picture of each connection there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// One line for each connection.
#[derive(Debug)]
struct Lines(Vec<String>);

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        NEEDS.to_vec()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        let closes = match &self.reported {
            Some(path) => {
                Closes::read(File::open(path).with_context(|| format!("open {}", path.display()))?)?
            }
            None => Closes::default(),
        };
        let flows = Captured { file: self.capture.clone(), dropped: 0 }.flows(&context.kit()?)?;
        let mut lines = Vec::new();
        for (number, flow) in flows.iter().enumerate() {
            let truth = match decide(flow, Script::default()) {
                Ok(truth) => truth.to_string(),
                Err(why) => format!("undecided: {why}"),
            };
            let (client, server) = (flow.client, flow.server);
            lines.push(format!("{number} {client} {server} {truth}"));
            if let Some(out) = &self.out {
                let newest = |local, remote| closes.of(local, remote).last();
                let notes = Notes { title: format!("{client} to {server}"), ..Notes::default() };
                let svg = picture::draw(flow, &notes, [newest(client, server), newest(server, client)]);
                write(&out.join(format!("{number}.svg")), &svg)?;
            }
        }
        Ok(Box::new(Lines(lines)))
    }
}

fn write(path: &Path, svg: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    fs::write(path, svg).with_context(|| format!("write {}", path.display()))
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Results for Lines {
    fn json(&self) -> Result<String> {
        Ok(self.to_string())
    }

    fn is_right(&self) -> bool {
        true
    }
}
