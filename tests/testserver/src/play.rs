//! The command line of the scenarios.

use std::io::{self, Write as _};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use testserver::{Family, Needs, PlayError, Scenario, scenario, scenarios};

/// What to play, and what to print.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The name of a scenario, or `all`.
    #[arg(required_unless_present = "list")]
    scenario: Option<String>,
    /// Play this many times, with seeds that follow one another.
    #[arg(long, default_value_t = 1)]
    repeat: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The IP version; a scenario that has no script for it is left out.
    #[arg(long, value_enum, default_value_t = Families::V4)]
    family: Families,
    /// Play in an order that the seed decides.
    #[arg(long)]
    shuffle: bool,
    /// Print addresses and measured clocks too, which differ from run to run.
    #[arg(long)]
    measured: bool,
    /// List the scenarios instead of playing any.
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Families {
    #[value(name = "4")]
    V4,
    #[value(name = "6")]
    V6,
    Both,
}

impl Families {
    fn members(self) -> &'static [Family] {
        match self {
            Self::V4 => &[Family::V4],
            Self::V6 => &[Family::V6],
            Self::Both => &[Family::V4, Family::V6],
        }
    }
}

/// One scenario over one family with one seed.
type Turn = (&'static Scenario, Family, u64);

/// Plays what was asked for. Of `all`, what the machine cannot play is skipped, with the reason on standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.list {
        return list();
    }
    let name = options.scenario.as_deref().unwrap_or("all");
    let all = name == "all";
    let mut failed = 0;
    for (scenario, family, seed) in programme(name, options)? {
        match scenario.play(family, seed) {
            Ok(truths) => print(truths, options.measured)?,
            Err(reason @ PlayError::Missing { .. }) if all => {
                eprintln!("skipped {} over {family}: {reason}", scenario.name);
            }
            Err(error) if all => {
                failed += 1;
                eprintln!("failed {} over {family}, seed {seed}: {error}", scenario.name);
            }
            Err(error) => return Err(error).with_context(|| format!("{name} over {family}, seed {seed}")),
        }
    }
    if failed > 0 {
        bail!("{failed} scenarios could not be played as written");
    }
    Ok(())
}

fn list() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for scenario in scenarios() {
        let needs = match scenario.needs {
            Needs::Nothing => "",
            Needs::NetAdmin => " (needs root)",
        };
        writeln!(out, "{:34} {}{needs}", scenario.name, scenario.about)?;
    }
    Ok(())
}

fn programme(name: &str, options: &Options) -> anyhow::Result<Vec<Turn>> {
    let chosen: Vec<_> = match name {
        "all" => scenarios().iter().collect(),
        name => vec![scenario(name).with_context(|| format!("there is no scenario {name}: see --list"))?],
    };
    let mut turns = Vec::new();
    for round in 0..options.repeat {
        for scenario in &chosen {
            for family in options.family.members().iter().filter(|&family| scenario.families.contains(family))
            {
                turns.push((*scenario, *family, options.seed.wrapping_add(round)));
            }
        }
    }
    if turns.is_empty() && options.repeat > 0 {
        bail!("{name} cannot be played over this family");
    }
    if options.shuffle {
        fastrand::Rng::with_seed(options.seed).shuffle(&mut turns);
    }
    Ok(turns)
}

fn print(truths: Vec<testserver::Truth>, measured: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for mut truth in truths {
        if !measured {
            truth.measured = None;
        }
        serde_json::to_writer(&mut out, &truth)?;
        writeln!(out)?;
    }
    Ok(())
}
