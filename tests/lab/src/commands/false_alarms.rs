//! `lab false-alarms`

use std::io::Write as _;

use anyhow::Result;
use lab::{false_alarms, kit::Need};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only traps whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// One JSON object per trap instead of the table
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self, ground: &Ground) -> Result<false_alarms::Options> {
        Ok(false_alarms::Options {
            agent: ground.agent.clone(),
            state: ground.state.clone(),
            only: self.only.clone(),
            stop: stop_flag()?,
        })
    }
}

impl Play for Args {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        false_alarms::missing(&self.options(ground)?)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let played = false_alarms::run(&self.options(ground)?)?;
        let table = false_alarms::Table(&played.rows);
        let totals = table.totals();
        let mut out = std::io::stdout().lock();
        if self.json {
            for row in &played.rows {
                serde_json::to_writer(&mut out, row)?;
                writeln!(out)?;
            }
        } else {
            write!(out, "{table}")?;
        }
        eprintln!("took {:.0} s", played.took.as_secs_f64());
        Ok(totals.ends > 0 && totals.wolves == 0 && totals.strays == 0)
    }
}
