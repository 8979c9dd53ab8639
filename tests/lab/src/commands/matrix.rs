//! `lab matrix`

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use lab::{
    kit::Need,
    matrix::{self, Options, Table},
};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only servers whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,

    /// Only clients whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,

    /// Keep the capture and what the agent printed there when an end was not told right [default: in the cache]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// One JSON object per compared end instead of the table
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self, ground: &Ground) -> Result<Options> {
        Ok(Options {
            agent: ground.agent.clone(),
            state: ground.state.clone(),
            servers: self.server.clone(),
            clients: self.client.clone(),
            keep: self.keep.clone().unwrap_or_else(|| ground.state.join("kept")),
            stop: stop_flag()?,
        })
    }
}

impl Play for Args {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        matrix::missing(&self.options(ground)?)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let outcome = matrix::run(&self.options(ground)?)?;
        let table = Table(&outcome);
        let mut out = std::io::stdout().lock();
        if self.json {
            outcome.write_json(&mut out)?;
        } else {
            write!(out, "{table}")?;
        }
        for note in &outcome.notes {
            eprintln!("{note}");
        }
        eprintln!("took {:.0} s", outcome.took.as_secs_f64());
        Ok(table.is_right())
    }
}
