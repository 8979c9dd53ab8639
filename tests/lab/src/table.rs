//! The table of phase, software and side, and what is to be said below it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::{
    judge::{Judged, Outcome},
    truth::{Column, Row, Side, Stray},
};

/// One line of the table: a row that was played, or why it was not.
#[derive(Debug, Clone)]
pub struct Line {
    pub row: Row,
    /// The version, or why it was not played.
    pub version: Result<String, String>,
}

#[derive(Debug)]
pub struct Table<'a> {
    pub lines: &'a [Line],
    pub judged: &'a [Judged],
    pub strays: &'a [Stray],
}

/// Counts of compared sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    pub compared: usize,
    pub right: usize,
    pub unknown: usize,
    pub wrong: usize,
    /// Of the wrong ones those that the agent called exact.
    pub confident: usize,
    pub lost: usize,
    pub strays: usize,
}

impl Table<'_> {
    pub fn totals(&self) -> Totals {
        let mut totals =
            Totals { compared: self.judged.len(), strays: self.strays.len(), ..Totals::default() };
        for judged in self.judged {
            match &judged.outcome {
                Outcome::Right => totals.right += 1,
                Outcome::Unknown { .. } => totals.unknown += 1,
                Outcome::Wrong { confident, .. } => {
                    totals.wrong += 1;
                    totals.confident += usize::from(*confident);
                }
                Outcome::Lost { .. } => totals.lost += 1,
            }
        }
        totals
    }

    /// The worst that was said in a cell; `-` where nothing was played.
    fn cell(&self, row: Row, column: Column, closer: Side) -> String {
        let here = self.judged.iter().filter(|judged| {
            judged.close.row == row && judged.column == column && judged.close.expect.closer == closer
        });
        let (mut all, mut bad) = (0, BTreeMap::<&str, usize>::new());
        for judged in here {
            all += 1;
            if judged.outcome != Outcome::Right {
                *bad.entry(judged.outcome.cell()).or_default() += 1;
            }
        }
        match bad.iter().max_by_key(|(_, count)| **count) {
            _ if all == 0 => "-".to_owned(),
            None => "ok".to_owned(),
            Some((said, _)) if bad.len() == 1 => (*said).to_owned(),
            Some((said, _)) => format!("{said}.."),
        }
    }

    fn part(&self, f: &mut fmt::Formatter<'_>, part: Side) -> fmt::Result {
        let lines: Vec<_> = self.lines.iter().filter(|line| line.row.part == part).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let mut grid = vec![heading()];
        let mut notes = BTreeMap::new();
        for line in lines {
            let name = line.row.software;
            match &line.version {
                Ok(version) => {
                    let mut cells = vec![format!("{name} {version}")];
                    for column in Column::ALL {
                        for closer in [Side::Client, Side::Server] {
                            cells.push(self.cell(line.row, column, closer));
                        }
                    }
                    grid.push(cells);
                }
                Err(why) => {
                    notes.insert(grid.len(), why);
                    grid.push(vec![name.to_owned()]);
                }
            }
        }
        let width =
            |index| grid.iter().filter_map(|cells| cells.get(index)).map(String::len).max().unwrap_or(0);
        let mut titles = format!("{:w$}", format!("as {}", part.word()), w = width(0));
        for (index, column) in Column::ALL.into_iter().enumerate() {
            let pair = (width(2 * index + 1) + 1 + width(2 * index + 2)).max(column.title().len());
            write!(titles, "  {:pair$}", column.title())?;
        }
        writeln!(f, "{}", titles.trim_end())?;
        for (number, cells) in grid.iter().enumerate() {
            let mut text = String::new();
            for (index, cell) in cells.iter().enumerate() {
                if index == 0 {
                    write!(text, "{cell:w$}", w = width(0))?;
                    continue;
                }
                let column = Column::ALL[(index - 1) / 2];
                let (first, second) = (width(index - (index + 1) % 2), width(index + index % 2));
                if index % 2 == 1 {
                    write!(text, "  {cell:first$}")?;
                } else {
                    let second = second.max(column.title().len().saturating_sub(first + 1));
                    write!(text, " {cell:second$}")?;
                }
            }
            if let Some(why) = notes.get(&number) {
                write!(text, "  {why}")?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        writeln!(f)
    }
}

fn heading() -> Vec<String> {
    let mut cells = vec!["ended by client (C), server (S)".to_owned()];
    for _ in Column::ALL {
        cells.extend([Side::Client, Side::Server].map(|side| side.letter().to_string()));
    }
    cells
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.part(f, Side::Server)?;
        self.part(f, Side::Client)?;
        let Totals { compared, right, unknown, wrong, confident, lost, strays } = self.totals();
        writeln!(
            f,
            "{compared} ends of closes compared: {right} right, {unknown} unknown, {wrong} wrong \
             ({confident} of them called exact), {lost} not told once; {strays} cases did not go as scripted"
        )?;
        for judged in self.judged.iter().filter(|judged| judged.outcome != Outcome::Right) {
            let Judged { close, end, outcome, .. } = judged;
            write!(
                f,
                "{} as {}, {}, seen by the {}: true {}; ",
                close.row.software,
                close.row.part.word(),
                close.case,
                end.word(),
                close.expect
            )?;
            match outcome {
                Outcome::Right => writeln!(f)?,
                Outcome::Unknown { said } | Outcome::Lost { said } => writeln!(f, "said {said}")?,
                Outcome::Wrong { said, confident, evidence } => {
                    let how = if *confident { "exactly" } else { "probably" };
                    writeln!(f, "said {said} ({how}: {})", evidence.join("; "))?;
                }
            }
        }
        for Stray { row, case, why } in self.strays {
            writeln!(f, "{} as {}, {case}: not as scripted: {why}", row.software, row.part.word())?;
        }
        Ok(())
    }
}
