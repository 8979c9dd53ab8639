//! The pass table.

use std::{collections::BTreeMap, fmt};

use super::compare::{Checked, Outcome};

/// Outcomes by scenario.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<&'static str, Row>,
    failed: Vec<(&'static str, String)>,
    /// Records that did not fit the ring buffer, and events whose program run was left out.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Row {
    closes: u64,
    right: u64,
    unknown: u64,
    guess: u64,
    unseen: u64,
    bad: Vec<Checked>,
}

impl Table {
    pub(super) fn add(&mut self, checked: Checked) {
        let row = self.rows.entry(checked.scenario).or_default();
        row.closes += 1;
        match checked.outcome {
            Outcome::Right => row.right += 1,
            Outcome::Unknown => row.unknown += 1,
            Outcome::Guess => row.guess += 1,
            Outcome::Unseen => row.unseen += 1,
            Outcome::Wrong | Outcome::Missing | Outcome::Twice => {}
        }
        if checked.outcome != Outcome::Right {
            row.bad.push(checked);
        }
    }

    pub(super) fn failed(&mut self, scenario: &'static str, reason: String) {
        self.failed.push((scenario, reason));
    }

    pub fn closes(&self) -> u64 {
        self.rows.values().map(|row| row.closes).sum()
    }

    pub fn unknown(&self) -> u64 {
        self.rows.values().map(|row| row.unknown).sum()
    }

    /// Never reported, but reported each time when played again.
    pub fn unseen(&self) -> u64 {
        self.rows.values().map(|row| row.unseen).sum()
    }

    pub fn right(&self) -> u64 {
        self.rows.values().map(|row| row.right).sum()
    }

    /// Wrong with confidence, missing, or reported twice.
    pub fn wrong(&self) -> u64 {
        self.rows.values().map(Row::wrong).sum()
    }

    /// Scenarios that could not be played.
    pub fn unplayed(&self) -> &[(&'static str, String)] {
        &self.failed
    }

    /// Nothing wrong, nothing lost, something compared, and at most one close in a hundred unseen.
    pub fn passed(&self) -> bool {
        self.closes() > 0 && self.wrong() == 0 && self.lost == 0 && self.unseen() * 100 <= self.closes()
    }
}

impl Row {
    const fn wrong(&self) -> u64 {
        self.closes - self.right - self.unknown - self.guess - self.unseen
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<32} {:>7} {:>7} {:>8} {:>6} {:>7} {:>6}",
            "SCENARIO", "CLOSES", "RIGHT", "UNKNOWN", "GUESS", "UNSEEN", "WRONG"
        )?;
        for (scenario, row) in &self.rows {
            writeln!(
                f,
                "{scenario:<32} {:>7} {:>7} {:>8} {:>6} {:>7} {:>6}",
                row.closes,
                row.right,
                row.unknown,
                row.guess,
                row.unseen,
                row.wrong()
            )?;
            for bad in row.bad.iter().take(3) {
                let (end, family, seed) = (&bad.end, &bad.family, bad.seed);
                writeln!(
                    f,
                    "    {:?} at the {end}, {family}, seed {seed}: {}",
                    bad.outcome,
                    bad.differences.join("; ")
                )?;
            }
        }
        for (scenario, reason) in &self.failed {
            writeln!(f, "{scenario:<32} not played: {reason}")?;
        }
        let (closes, right, unknown) = (self.closes(), self.right(), self.unknown());
        writeln!(
            f,
            "{closes} closes: {right} right, {unknown} unknown, {} unseen, {} wrong; {} records lost",
            self.unseen(),
            self.wrong(),
            self.lost
        )?;
        writeln!(f, "{}", if self.passed() { "passed" } else { "FAILED" })
    }
}
