//! `lab in-flight`

use std::io::Write as _;

use anyhow::Result;
use lab::{kit::Need, run, table::Table};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only software whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Only cases whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,

    /// One JSON object per compared end instead of the table
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self, ground: &Ground) -> Result<run::Options> {
        Ok(run::Options {
            agent: ground.agent.clone(),
            state: ground.state.clone(),
            only: self.only.clone(),
            cases: self.case.clone(),
            stop: stop_flag()?,
        })
    }
}

impl Play for Args {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        run::missing(&self.options(ground)?)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let outcome = run::run(&self.options(ground)?)?;
        let table = Table { lines: &outcome.lines, judged: &outcome.judged, strays: &outcome.played.strays };
        let totals = table.totals();
        let mut out = std::io::stdout().lock();
        if self.json {
            for judged in &outcome.judged {
                serde_json::to_writer(&mut out, judged)?;
                writeln!(out)?;
            }
            for stray in &outcome.played.strays {
                serde_json::to_writer(&mut out, stray)?;
                writeln!(out)?;
            }
        } else {
            write!(out, "{table}")?;
        }
        if let Some(witness) = &outcome.witness {
            eprintln!("{witness}");
        }
        for note in &outcome.notes {
            eprintln!("{note}");
        }
        eprintln!("took {:.0} s", outcome.took.as_secs_f64());
        Ok(totals.compared > 0 && totals.wrong == 0 && totals.lost == 0 && totals.strays == 0)
    }
}
