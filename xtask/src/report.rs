//! A run of named steps that goes on after a failure and ends in one summary line.

use std::{fmt, time::Instant};

use anyhow::{Result, bail};

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed => f.write_str("FAILED"),
            Self::Skipped(why) => write!(f, "skipped ({why})"),
        }
    }
}

/// Outcomes of the steps of one command.
#[derive(Debug)]
pub(crate) struct Report {
    title: &'static str,
    started: Instant,
    steps: Vec<(&'static str, Outcome)>,
}

impl Report {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, started: Instant::now(), steps: Vec::new() }
    }

    /// Runs a step and shows its error at once; the next step runs all the same.
    pub(crate) fn step(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {}: {name}", self.title);
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {name}: {error:#}");
                Outcome::Failed
            }
        };
        self.steps.push((name, outcome));
    }

    pub(crate) fn skip(&mut self, name: &'static str, why: impl Into<String>) {
        let why = why.into();
        eprintln!("\n== {}: {name} skipped: {why}", self.title);
        self.steps.push((name, Outcome::Skipped(why)));
    }

    pub(crate) fn failed(&self) -> bool {
        self.steps.iter().any(|(_, outcome)| *outcome == Outcome::Failed)
    }

    /// Prints the summary line; fails when a step failed.
    pub(crate) fn finish(self) -> Result<()> {
        eprintln!("\n{} in {:.0} s", self.summary(), self.started.elapsed().as_secs_f64());
        if self.failed() {
            bail!("{} failed", self.title);
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(|(name, outcome)| format!("{name} {outcome}")).collect();
        format!("{}: {}", self.title, steps.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn goes_on_after_a_failure_and_then_fails() {
        let mut report = Report::new("demo");
        let mut reached = false;
        report.step("first", || Err(anyhow!("broken")));
        report.step("second", || {
            reached = true;
            Ok(())
        });
        report.skip("third", "not root");

        assert!(reached);
        assert_eq!(report.summary(), "demo: first FAILED, second ok, third skipped (not root)");
        assert!(report.finish().is_err());
    }

    #[test]
    fn a_skip_is_not_a_failure() {
        let mut report = Report::new("demo");
        report.skip("only", "why not");

        assert!(!report.failed());
        assert!(report.finish().is_ok());
    }
}
