//! `lab timers`

use std::io::Write as _;

use anyhow::Result;
use lab::{kit::Need, timers};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only cases whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Only timers under ten seconds
    #[arg(long)]
    quick: bool,

    /// One JSON object per end of each case instead of the table
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self, ground: &Ground) -> Result<timers::Options> {
        Ok(timers::Options {
            agent: ground.agent.clone(),
            state: ground.state.clone(),
            only: self.only.clone(),
            quick: self.quick,
            stop: stop_flag()?,
        })
    }
}

impl Play for Args {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        timers::missing(&self.options(ground)?)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let outcome = timers::run(&self.options(ground)?)?;
        let table = timers::Table { judged: &outcome.judged, absent: &outcome.absent };
        let totals = table.totals();
        let mut out = std::io::stdout().lock();
        if self.json {
            for judged in &outcome.judged {
                serde_json::to_writer(&mut out, judged)?;
                writeln!(out)?;
            }
        } else {
            write!(out, "{table}")?;
        }
        eprintln!("took {:.0} s", outcome.took.as_secs_f64());
        Ok(totals.compared > 0 && totals.right == totals.compared)
    }
}
