//! The lab's commands: one a file, each with its options, what it needs and how it is played.

mod all;
mod case;
mod explain;
mod false_alarms;
mod in_flight;
mod matrix;
mod races;
mod timers;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use lab::kit::Need;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// End real servers' and clients' connections in every phase; print phase by software by side
    InFlight(in_flight::Args),
    /// Lose requests to idle closes over loopback and a slow wire; print what was true by what was said
    Races(races::Args),
    /// Let real software's own time-outs end idle connections; print what `report` says of them
    Timers(timers::Args),
    /// Do to healthy connections what looks like a failure; print what was said of it
    FalseAlarms(false_alarms::Args),
    /// Let many real clients meet many real servers; print how that ended, and what was said of it
    Matrix(matrix::Args),
    /// Replay a founding case: egg on a function platform, whose second POST after a pause fails
    #[command(name = "case-000")]
    Case000(case::Args),
    /// Replay a founding case: a gateway in front of model servers, with time-outs of its own on both sides
    #[command(name = "case-001")]
    Case001(case::Args),
    /// Replay a founding case: whether Node's connections are used again, and what its shutdown waits for
    #[command(name = "case-002")]
    Case002(case::Args),
    /// Replay a founding case: a streaming upload that pauses, and fails with ECONNRESET
    #[command(name = "case-003")]
    Case003(case::Args),
    /// Play everything, one after another; print it all and a summary
    All(all::Args),
    /// Tell what a packet capture proves of each connection in it, and draw it
    Explain(explain::Args),
}

/// What all of them are told.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Under test.
    pub(crate) agent: PathBuf,
    /// Where installed software is.
    pub(crate) state: PathBuf,
}

pub(crate) trait Play {
    /// What it needs that is not installed.
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>>;
    /// Plays and prints; false when anything is wrong.
    fn run(&self, ground: &Ground) -> Result<bool>;
}

impl Command {
    pub(crate) fn play(&self) -> Box<dyn Play + '_> {
        match self {
            Self::InFlight(args) => Box::new(args),
            Self::Races(args) => Box::new(args),
            Self::Timers(args) => Box::new(args),
            Self::FalseAlarms(args) => Box::new(args),
            Self::Matrix(args) => Box::new(args),
            Self::Case000(args) => Box::new(case::Named { name: "case-000", args }),
            Self::Case001(args) => Box::new(case::Named { name: "case-001", args }),
            Self::Case002(args) => Box::new(case::Named { name: "case-002", args }),
            Self::Case003(args) => Box::new(case::Named { name: "case-003", args }),
            Self::All(args) => Box::new(args),
            Self::Explain(args) => Box::new(args),
        }
    }
}

impl<P: Play> Play for &P {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        (**self).missing(ground)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        (**self).run(ground)
    }
}

/// Set by the first SIGINT or SIGTERM, so that the programs under test are ended; the second ends the lab.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag,
    };
    let stop = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stop)).context("install a signal handler")?;
        flag::register(signal, Arc::clone(&stop)).context("install a signal handler")?;
    }
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use clap::Command as Parser;

    use super::*;

    #[test]
    fn every_founding_case_has_a_command_of_its_name() {
        let commands = Command::augment_subcommands(Parser::new("lab"));

        for case in lab::cases::all() {
            assert!(commands.find_subcommand(case.name).is_some(), "{}", case.name);
        }
    }
}
