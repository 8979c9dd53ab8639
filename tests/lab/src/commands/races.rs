//! `lab races`

use std::io::Write as _;

use anyhow::Result;
use lab::{kit::Need, races};

use super::{Ground, Play, stop_flag};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many requests to send after a gap
    #[arg(long, value_name = "COUNT", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    requests: u32,

    /// What chance decides; without it, another seed each time
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// One JSON object per compared end instead of the table
    #[arg(long)]
    json: bool,
}

impl Play for Args {
    /// It plays both ends itself.
    fn missing(&self, _ground: &Ground) -> Result<Vec<Need>> {
        Ok(Vec::new())
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
        eprintln!("seed {seed}");
        let options = races::Options {
            agent: ground.agent.clone(),
            requests: self.requests,
            seed,
            hasty: false,
            lingering: true,
            stop: stop_flag()?,
        };
        let outcome = races::run(&options)?;
        let table = races::table::Table(&outcome);
        let mut out = std::io::stdout().lock();
        if self.json {
            for judged in &outcome.judged {
                serde_json::to_writer(&mut out, judged)?;
                writeln!(out)?;
            }
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
