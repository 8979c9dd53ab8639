//! `lab all`: every table and every case, one after another.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Parser;
use lab::kit::Need;

use super::{Command, Ground, Play, stop_flag};

/// In the order in which they are played.
pub(super) const PLAYS: &[&str] = &[
    "in-flight",
    "races",
    "timers",
    "false-alarms",
    "matrix",
    "case-000",
    "case-001",
    "case-002",
    "case-003",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the cases' pages and pictures to this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Parser)]
struct One {
    #[command(subcommand)]
    command: Command,
}

/// What came of one.
enum Came {
    Right,
    Wrong,
    Failed(String),
}

impl Args {
    fn plays(&self) -> Result<Vec<(&'static str, Command)>> {
        let all = PLAYS.iter().map(|&name| {
            let mut words = vec!["lab".into(), name.into()];
            if let Some(out) = self.out.as_ref().filter(|_| name.starts_with("case-")) {
                words.extend(["--out".into(), out.clone().into_os_string()]);
            }
            Ok((name, One::try_parse_from(words)?.command))
        });
        all.collect()
    }
}

impl Play for Args {
    fn missing(&self, ground: &Ground) -> Result<Vec<Need>> {
        let mut missing = Vec::new();
        for (_, command) in self.plays()? {
            missing.extend(command.play().missing(ground)?);
        }
        missing.sort();
        missing.dedup();
        Ok(missing)
    }

    fn run(&self, ground: &Ground) -> Result<bool> {
        let stop = stop_flag()?;
        let mut came = Vec::new();
        for (name, command) in self.plays()? {
            println!("# {name}\n");
            let began = Instant::now();
            let one = match command.play().run(ground) {
                Ok(true) => Came::Right,
                Ok(false) => Came::Wrong,
                Err(error) => Came::Failed(format!("{error:#}")),
            };
            ensure!(!stop.load(Ordering::Relaxed), "interrupted");
            came.push((name, one, began.elapsed()));
        }
        print!("{}", summary(&came));
        Ok(came.iter().all(|(_, one, _)| matches!(one, Came::Right)))
    }
}

fn summary(came: &[(&str, Came, Duration)]) -> String {
    let mut text = String::from("\n# all\n\n");
    for (name, one, took) in came {
        let told = match one {
            Came::Right => "right",
            Came::Wrong => "WRONG",
            Came::Failed(why) => why,
        };
        let _infallible = writeln!(text, "{name:<14}{:>6.0} s  {told}", took.as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Command as Parser;

    use super::*;

    #[test]
    fn everything_that_is_played_is_played() {
        let commands = <Command as clap::Subcommand>::augment_subcommands(Parser::new("lab"));
        let names = commands.get_subcommands().map(|command| command.get_name().to_owned());
        // One reads what others captured.
        let plays: Vec<_> = names.filter(|name| name != "explain" && name != "all").collect();

        assert_eq!(plays, PLAYS);
        assert_eq!(Args { out: None }.plays().unwrap().len(), PLAYS.len());
    }

    #[test]
    fn one_that_fails_is_told_with_its_reason() {
        let second = Duration::from_secs(1);
        let text = summary(&[
            ("races", Came::Wrong, second),
            ("timers", Came::Failed("no agent".to_owned()), second),
        ]);
        assert!(text.contains("races              1 s  WRONG\ntimers             1 s  no agent\n"), "{text}");
    }
}
