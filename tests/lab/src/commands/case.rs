//! `lab case-000` and so on.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use lab::{cases, kit::Need};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only stages whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// The time-outs as people have them, not scaled down
    #[arg(long)]
    real_time: bool,

    /// Write the page and its pictures to this directory instead of printing it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) struct Named<'a> {
    pub(crate) name: &'static str,
    pub(crate) args: &'a Args,
}

impl Named<'_> {
    fn options(&self, ground: &Ground) -> Result<cases::Options> {
        Ok(cases::Options {
            agent: ground.agent.clone(),
            state: ground.state.clone(),
            only: self.args.only.clone(),
            real_time: self.args.real_time,
            stop: stop_flag()?,
        })
    }
}

impl Play for Named<'_> {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        cases::missing(cases::find(self.name)?, &self.options(ground)?)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let outcome = cases::run(cases::find(self.name)?, &self.options(ground)?)?;
        match &self.args.out {
            Some(directory) => cases::Page(&outcome).keep(directory)?,
            None => write!(std::io::stdout().lock(), "{}", cases::Page(&outcome))?,
        }
        for (stage, check) in outcome.failed() {
            eprintln!("{stage}: does not hold: {} ({})", check.what, check.found);
        }
        let failed = outcome.failed().count();
        eprintln!("{failed} of {} checks failed; took {:.0} s", outcome.checks(), outcome.took.as_secs_f64());
        Ok(outcome.checks() > 0 && failed == 0)
    }
}
