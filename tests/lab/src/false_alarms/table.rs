//! One row for each trap: what happened, what must not be said of it, and what was said.

use std::fmt;

use super::{
    judge::Judged,
    trap::{Cover, How, Trap},
};

/// What came of one trap.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Row {
    pub name: &'static str,
    pub source: &'static str,
    pub played: &'static str,
    /// What a naive agent says.
    pub naive: &'static str,
    /// What must be said instead.
    pub right: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    Judged(Judged),
    /// It did not go as scripted, and proves nothing.
    Stray {
        why: String,
    },
    /// Not played here.
    Absent {
        why: String,
    },
    /// Nothing new is played.
    Elsewhere {
        tests: Vec<String>,
    },
}

#[derive(Debug)]
pub struct Table<'a>(pub &'a [Row]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    pub traps: usize,
    pub played: usize,
    pub ends: usize,
    pub unknown: usize,
    /// Traps in which the agent cried wolf.
    pub wolves: usize,
    /// Ends of closes that were told wrong and called exact.
    pub confident: usize,
    /// Connections of which a capture showed what was claimed, and those of which it proved nothing.
    pub witnessed: usize,
    pub undecided: usize,
    pub strays: usize,
    pub absent: usize,
}

impl Row {
    pub(super) fn new(trap: &Trap, right: String, outcome: Outcome) -> Self {
        let Trap { name, source, played, naive, how, .. } = trap;
        let outcome = match how {
            How::Elsewhere(covers) => {
                Outcome::Elsewhere { tests: covers.iter().map(Cover::to_string).collect() }
            }
            How::Play(_) | How::Older(_) => outcome,
        };
        Self { name, source, played, naive, right, outcome }
    }
}

impl Table<'_> {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { traps: self.0.len(), ..Totals::default() };
        for row in self.0 {
            match &row.outcome {
                Outcome::Judged(judged) => {
                    totals.played += 1;
                    totals.ends += judged.ends;
                    totals.unknown += judged.unknown;
                    totals.confident += judged.confident;
                    totals.witnessed += judged.witnessed;
                    totals.undecided += judged.undecided;
                    totals.wolves += usize::from(!judged.wrong.is_empty());
                }
                Outcome::Stray { .. } => totals.strays += 1,
                Outcome::Absent { .. } => totals.absent += 1,
                Outcome::Elsewhere { .. } => {}
            }
        }
        totals
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| trap | source | played | must not be said | must be said | said | |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for row in self.0 {
            let (said, word) = match &row.outcome {
                Outcome::Judged(judged) => {
                    let said: Vec<_> =
                        judged.said.iter().map(|(words, count)| format!("{count} {words}")).collect();
                    (said.join(", "), if judged.wrong.is_empty() { "ok" } else { "WOLF" })
                }
                Outcome::Stray { .. } => (String::new(), "not as scripted"),
                Outcome::Absent { why } => (why.clone(), "not played"),
                Outcome::Elsewhere { tests } => (tests.join(", "), "elsewhere"),
            };
            let Row { name, source, played, naive, right, .. } = row;
            writeln!(f, "| {name} | {source} | {played} | {naive} | {right} | {said} | {word} |")?;
        }
        let Totals { traps, played, ends, unknown, wolves, confident, .. } = self.totals();
        let Totals { witnessed, undecided, strays, absent, .. } = self.totals();
        writeln!(
            f,
            "\n{traps} traps, {played} played: {ends} ends of closes compared, {unknown} unknown; {wolves} traps with a \
             false alarm ({confident} ends wrong and called exact), {strays} not as scripted, {absent} not played; \
             a capture bore out {witnessed} connections and left {undecided} undecided"
        )?;
        for row in self.0 {
            match &row.outcome {
                Outcome::Judged(judged) => {
                    judged.wrong.iter().try_for_each(|wrong| writeln!(f, "{}: {wrong}", row.name))?;
                }
                Outcome::Stray { why } => writeln!(f, "{}: not as scripted: {why}", row.name)?,
                Outcome::Absent { .. } | Outcome::Elsewhere { .. } => {}
            }
        }
        Ok(())
    }
}
