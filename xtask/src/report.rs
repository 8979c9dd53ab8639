//! A run of named steps that goes on after a failure and ends in a table of what each gave and how long it took.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::process;

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

#[derive(Debug)]
struct Step {
    name: String,
    outcome: Outcome,
    took: Duration,
}

/// Outcomes of the steps of one command.
#[derive(Debug)]
pub(crate) struct Report {
    title: &'static str,
    started: Instant,
    steps: Vec<Step>,
    /// The last lines of each command that failed, below the step's name.
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, started: Instant::now(), steps: Vec::new(), failures: Vec::new() }
    }

    /// Runs a step and shows its error at once; the next step runs all the same.
    pub(crate) fn step(&mut self, name: impl Into<String>, step: impl FnOnce() -> Result<()>) {
        let name = name.into();
        eprintln!("\n== {}: {name}", self.title);
        let started = Instant::now();
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {name}: {error:#}");
                if let Some(failed) = error.downcast_ref::<process::Failed>() {
                    self.failures.push(format!("\n== failed: {name}\n{}\n", failed.tail.join("\n")));
                }
                Outcome::Failed
            }
        };
        self.steps.push(Step { name, outcome, took: started.elapsed() });
    }

    pub(crate) fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        let (name, why) = (name.into(), why.into());
        eprintln!("\n== {}: {name} skipped: {why}", self.title);
        self.steps.push(Step { name, outcome: Outcome::Skipped(why), took: Duration::ZERO });
    }

    /// Prints how each failure ended, and the table of steps; fails with the names of those that failed.
    pub(crate) fn finish(self) -> Result<()> {
        eprint!("{}", self.failures.concat());
        eprintln!("\n{}{}: {:.0} s together", self.table(), self.title, self.started.elapsed().as_secs_f64());
        let failed = self.failed();
        if !failed.is_empty() {
            bail!("{}: failed: {}", self.title, failed.join(", "));
        }
        Ok(())
    }

    fn failed(&self) -> Vec<&str> {
        self.steps
            .iter()
            .filter(|step| step.outcome == Outcome::Failed)
            .map(|step| step.name.as_str())
            .collect()
    }

    fn table(&self) -> String {
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or_default();
        self.steps
            .iter()
            .map(|Step { name, outcome, took }| {
                format!("  {name:width$} {:4.0} s  {outcome}\n", took.as_secs_f64())
            })
            .collect::<Vec<_>>()
            .concat()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn goes_on_after_a_failure_and_then_names_what_failed() {
        let mut report = Report::new("demo");
        let mut reached = false;
        report.step("first", || Err(anyhow!("broken")));
        report.step("second", || {
            reached = true;
            Ok(())
        });
        report.skip("third", "not root");

        assert!(reached);
        assert_eq!(
            report.table(),
            "  first     0 s  FAILED\n  second    0 s  ok\n  third     0 s  skipped (not root)\n"
        );
        assert_eq!(report.finish().unwrap_err().to_string(), "demo: failed: first");
    }

    #[test]
    fn a_skip_is_not_a_failure() {
        let mut report = Report::new("demo");
        report.skip("only", "why not");

        assert!(report.failed().is_empty());
        assert!(report.finish().is_ok());
    }
}
