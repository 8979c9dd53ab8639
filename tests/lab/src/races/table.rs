//! The confusion table: what was true by what was said, and what is wrong in it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use super::{Judged, Outcome, Truth, Wire};
use crate::truth::Side;

/// What may be said. `unknown` claims nothing false; all the rest that is not true is wrong.
const COLUMNS: [&str; 13] = [
    "crossed",
    "stale",
    "unread",
    "own-timer",
    "server-idle",
    "client-idle",
    "completed",
    "premature-hangup",
    "connect-failed",
    "network",
    "unknown",
    "not told",
    "else",
];

/// The wrong ones that are told in full.
const TOLD: usize = 30;

/// How many ends were told right, and how many not.
type Cell = (usize, usize);

/// Counts of compared ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub compared: usize,
    pub right: usize,
    pub unknown: usize,
    pub wrong: usize,
    /// Of the wrong ones those that the agent called exact.
    pub confident: usize,
}

impl Totals {
    fn add(&mut self, judged: &Judged) {
        self.compared += 1;
        if judged.right {
            self.right += 1;
        } else if judged.said == "unknown" {
            self.unknown += 1;
        } else {
            self.wrong += 1;
            self.confident += usize::from(judged.exact);
        }
    }
}

#[derive(Debug)]
pub struct Table<'a>(pub &'a Outcome);

impl Table<'_> {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.0.judged.iter().for_each(|judged| totals.add(judged));
        totals
    }

    /// Requests after a gap whose truth is known: two compared ends each.
    pub fn requests(&self) -> usize {
        let of_clients = self.0.judged.iter().filter(|judged| judged.end == Side::Client);
        of_clients.filter(|judged| matches!(judged.truth, Truth::Survived { .. } | Truth::Lost(_))).count()
    }

    /// Whether nothing stands off the diagonal.
    pub fn is_right(&self) -> bool {
        let Totals { compared, wrong, .. } = self.totals();
        compared > 0 && wrong == 0 && self.0.strays.is_empty() && self.0.strangers.is_empty()
    }

    fn grid(&self, f: &mut fmt::Formatter<'_>, title: &str, wire: Option<Wire>) -> fmt::Result {
        // By truth and end: per column how many were right, and how many not.
        let mut rows = BTreeMap::<(usize, &str, Side), [Cell; COLUMNS.len()]>::new();
        for judged in self.0.judged.iter().filter(|judged| wire.is_none_or(|wire| judged.wire == wire)) {
            let (rank, name) = row(judged.truth);
            let cells = rows.entry((rank, name, judged.end)).or_default();
            let (right, wrong) = &mut cells[column(&judged.said)];
            *(if judged.right { right } else { wrong }) += 1;
        }
        let used: Vec<usize> =
            (0..COLUMNS.len()).filter(|&index| rows.values().any(|cells| cells[index] != (0, 0))).collect();
        if used.is_empty() {
            return Ok(());
        }
        let mut line = format!("{title:34}");
        for &index in &used {
            write!(line, "  {:>9}", COLUMNS[index])?;
        }
        writeln!(f, "{line}")?;
        for ((_, name, end), cells) in rows {
            let mut line = format!("{:34}", format!("{name}, seen by the {}", end.word()));
            for &index in &used {
                let width = COLUMNS[index].len().max(9);
                write!(line, "  {:>width$}", cell(cells[index], COLUMNS[index]))?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f)
    }
}

/// Where a truth's row is, and its name.
fn row(truth: Truth) -> (usize, &'static str) {
    match truth {
        Truth::Survived { .. } => (0, "answered"),
        Truth::Lost(kind) => (1 + kind as usize, kind.word()),
        Truth::NoRace { verdict } => (5 + column(verdict), verdict),
        Truth::Undecided(_) => (99, "undecided"),
    }
}

fn column(said: &str) -> usize {
    COLUMNS.iter().position(|&name| name == said).unwrap_or(COLUMNS.len() - 1)
}

/// What is wrong is marked.
fn cell((right, wrong): Cell, column: &str) -> String {
    match (right, wrong) {
        (0, 0) => ".".to_owned(),
        (right, 0) => right.to_string(),
        (0, wrong) if column == "unknown" => wrong.to_string(),
        (0, wrong) => format!("{wrong}!"),
        (right, wrong) => format!("{right}+{wrong}!"),
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { judged, undecided, strays, strangers, scanned, dropped, .. } = self.0;
        for wire in Wire::ALL {
            self.grid(f, wire.word(), Some(wire))?;
        }
        self.grid(f, "all", None)?;
        let Totals { compared, right, unknown, wrong, confident } = self.totals();
        let amended = judged.iter().filter(|judged| judged.amended).count();
        writeln!(
            f,
            "{} requests after a gap; {compared} ends of closes compared: {right} right ({amended} amended), \
             {unknown} unknown, {wrong} wrong ({confident} of them called exact)",
            self.requests()
        )?;
        writeln!(
            f,
            "{} plays undecided, {} not as scripted, {} races among strangers ({scanned} segments out of nothing), \
             {dropped} packets not captured",
            undecided.len(),
            strays.len(),
            strangers.len()
        )?;
        let mut reasons = BTreeMap::<(Wire, &str), Vec<&str>>::new();
        for one in undecided {
            reasons.entry((one.wire, one.why)).or_default().push(&one.play);
        }
        for ((wire, why), plays) in reasons {
            let first = plays.first().copied().unwrap_or_default();
            writeln!(f, "undecided, {}: {}: {why}; the first: {first}", wire.word(), plays.len())?;
        }
        for judged in judged.iter().filter(|judged| !judged.right).take(TOLD) {
            let (_, name) = row(judged.truth);
            let how = if judged.exact { "exactly" } else { "probably" };
            writeln!(
                f,
                "{}: {name}, seen by the {}: said {} ({how}: {}); {}",
                judged.wire.word(),
                judged.end.word(),
                judged.said,
                judged.evidence.join("; "),
                judged.play
            )?;
        }
        strays.iter().take(TOLD).try_for_each(|stray| writeln!(f, "not as scripted: {stray}"))?;
        strangers.iter().take(TOLD).try_for_each(|stranger| writeln!(f, "a race of strangers: {stranger}"))
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
