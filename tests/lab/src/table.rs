//! The tables of the suites: how well ends were reported, by row and column, and every end that was not.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{self, Write as _},
};

use crate::{
    compare::{Comparison, Outcome, Score},
    truth::Truth,
};

/// What may be reported: verdicts, and of races the kind.
pub(crate) const WORDS: [&str; 15] = [
    "crossed",
    "stale",
    "unread",
    "own-timer",
    "server-idle",
    "client-idle",
    "completed",
    "premature-hangup",
    "tunnel-end",
    "connect-failed",
    "network",
    "host-abort",
    "unknown",
    "not reported",
    "reported twice",
];

/// How connections end: who and where, with `+` where several requests were in flight; or the race that it was.
pub(crate) const WAYS: [&str; 23] = [
    "CU",
    "SU",
    "CH",
    "SH",
    "CB",
    "SB",
    "CW",
    "SW",
    "CR",
    "SR",
    "C+",
    "S+",
    "CI",
    "SI",
    "BI",
    "CT",
    "ST",
    "done",
    "crossed",
    "stale",
    "unread",
    "own-timer",
    "SC",
];

/// One of [`WAYS`].
pub(crate) fn way(truth: &Truth) -> String {
    let mut code = truth.code();
    match truth.word() {
        "completed" => "done".to_owned(),
        word if truth.race.is_some() => word.to_owned(),
        _ => {
            if truth.in_flight > 1 {
                code.replace_range(1.., "+");
            }
            code
        }
    }
}

/// Ends by row and column: how many were reported right, `?` not in full, `!` wrong or not once.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    rows: Vec<String>,
    columns: Vec<String>,
    cells: HashMap<(usize, usize), Score>,
}

impl Table {
    /// Rows and columns come in this order, then in the one in which they turn up; empty ones are left out.
    pub(crate) fn new(title: &str, rows: &[&str], columns: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self { title: title.to_owned(), rows: owned(rows), columns: owned(columns), cells: HashMap::new() }
    }

    pub(crate) fn add(&mut self, row: &str, column: &str, outcome: &Outcome) {
        let cell = (index(&mut self.rows, row), index(&mut self.columns, column));
        self.cells.entry(cell).or_default().add(outcome);
    }

    /// What was true by what was reported.
    pub(crate) fn of_words<'a>(title: &str, all: impl Iterator<Item = &'a Comparison>) -> Self {
        let mut table = Self::new(title, &WORDS, &WORDS);
        all.for_each(|one| table.add(one.connection.truth.word(), &one.word, &one.outcome));
        table
    }

    /// How the connections of each row ended.
    pub(crate) fn of_ways<'a>(
        title: &str,
        rows: &[&str],
        all: impl Iterator<Item = &'a Comparison>,
        row: impl Fn(&Comparison) -> &str,
    ) -> Self {
        let mut table = Self::new(title, rows, &WAYS);
        for one in all {
            table.add(row(one), &way(&one.connection.truth), &one.outcome);
        }
        table
    }
}

fn index(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|one| one == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = |count: usize, is_in: &dyn Fn(&(usize, usize), usize) -> bool| -> Vec<usize> {
            (0..count).filter(|index| self.cells.keys().any(|cell| is_in(cell, *index))).collect()
        };
        let rows = used(self.rows.len(), &|(row, _), index| *row == index);
        let columns = used(self.columns.len(), &|(_, column), index| *column == index);
        if rows.is_empty() {
            return Ok(());
        }
        let titles = columns.iter().map(|&column| self.columns[column].clone());
        let mut lines: Vec<Vec<_>> = vec![std::iter::once(self.title.clone()).chain(titles).collect()];
        for row in rows {
            let cells = columns.iter().map(|&column| self.cells.get(&(row, column)).copied());
            let cells = cells.map(|score| score.map_or(".".to_owned(), cell));
            lines.push(std::iter::once(self.rows[row].clone()).chain(cells).collect());
        }
        writeln!(f, "{}", grid(&lines, |column| column > 0))
    }
}

fn cell(score: Score) -> String {
    let marked = [(score.right, ""), (score.unknown, "?"), (score.wrong + score.lost, "!")];
    let parts = marked.iter().filter(|(count, _)| *count > 0).map(|(count, mark)| format!("{count}{mark}"));
    parts.collect::<Vec<_>>().join("+")
}

/// Each column as wide as its widest cell; those with numbers are aligned to the right.
pub(crate) fn grid(lines: &[Vec<String>], has_numbers: impl Fn(usize) -> bool) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _infallible = if has_numbers(column) {
                write!(row, "{cell:>width$}  ")
            } else {
                write!(row, "{cell:width$}  ")
            };
        }
        text += row.trim_end();
        text.push('\n');
    }
    text
}

/// So many of each are printed in full.
const PRINTED: usize = 100;

/// Every end that was not reported right.
pub(crate) fn write_faults<'a>(
    f: &mut fmt::Formatter<'_>,
    all: impl IntoIterator<Item = &'a Comparison>,
) -> fmt::Result {
    let faults = all.into_iter().filter(|one| !one.is_right());
    faults.take(PRINTED).try_for_each(|fault| writeln!(f, "{fault}"))
}

/// What did not go as scripted.
pub(crate) fn write_invalid(f: &mut fmt::Formatter<'_>, all: &[String]) -> fmt::Result {
    all.iter().take(PRINTED).try_for_each(|one| writeln!(f, "not as scripted: {one}"))
}

/// Connections of which it is not known how they ended, by the reason; of each reason some are named.
#[derive(Debug, Clone, Default)]
pub struct Undecided(BTreeMap<String, Vec<String>>);

impl Undecided {
    pub(crate) fn add(&mut self, why: impl Into<String>, what: String) {
        self.0.entry(why.into()).or_default().push(what);
    }

    pub fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(why, all)| {
            let some: Vec<_> = all.iter().take(2).map(String::as_str).collect();
            writeln!(f, "undecided, {}: {why}: {}", all.len(), some.join("; "))
        })
    }
}

#[cfg(test)]
mod tests;
