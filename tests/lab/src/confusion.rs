//! The confusion table: what was true by what was said, and the counts below it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

/// What may be said: verdicts, and of races the kind. `unknown` claims nothing false; all the rest that is not true is wrong.
pub(crate) const COLUMNS: [&str; 16] = [
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
    "not told",
    "told twice",
    "else",
];

/// How well one end was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Right,
    /// Nothing false was said, but not everything that is true.
    Unknown,
    Wrong {
        /// The agent called it exact.
        exact: bool,
    },
    /// Not told, or more than once.
    Lost,
}

/// Counts of compared ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    pub compared: usize,
    pub right: usize,
    pub unknown: usize,
    pub wrong: usize,
    /// Of the wrong ones those that the agent called exact.
    pub confident: usize,
    pub lost: usize,
}

impl Totals {
    pub(crate) fn add(&mut self, told: Told) {
        self.compared += 1;
        match told {
            Told::Right => self.right += 1,
            Told::Unknown => self.unknown += 1,
            Told::Wrong { exact } => {
                self.wrong += 1;
                self.confident += usize::from(exact);
            }
            Told::Lost => self.lost += 1,
        }
    }

    /// The share of ends of which the agent left something open, in percent.
    pub fn unknown_percent(&self) -> f64 {
        if self.compared == 0 { 0.0 } else { 100.0 * self.unknown as f64 / self.compared as f64 }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, right, unknown, wrong, confident, lost } = self;
        write!(
            f,
            "{compared} ends of closes compared: {right} right, {unknown} unknown ({:.2} %), {wrong} wrong ({confident} \
             of them called exact)",
            self.unknown_percent()
        )?;
        if *lost > 0 { write!(f, ", {lost} not told once") } else { Ok(()) }
    }
}

/// One compared end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Where its row is among the others, and the row's name.
    pub(crate) row: (usize, String),
    /// One of the columns; anything else is counted in the last one.
    pub(crate) said: &'a str,
    pub(crate) told: Told,
}

/// How many ends were told right, how many not in full, and how many wrong.
type Cell = [usize; 3];

/// Writes the table; nothing when there are no entries.
pub(crate) fn write<'a>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    entries: impl Iterator<Item = Entry<'a>>,
) -> fmt::Result {
    let mut rows = BTreeMap::<(usize, String), [Cell; COLUMNS.len()]>::new();
    for Entry { row, said, told } in entries {
        let count = match told {
            Told::Right => 0,
            Told::Unknown => 1,
            Told::Wrong { .. } | Told::Lost => 2,
        };
        rows.entry(row).or_default()[column(said)][count] += 1;
    }
    let is_used = |index: &usize| rows.values().any(|cells| cells[*index] != Cell::default());
    let used: Vec<usize> = (0..COLUMNS.len()).filter(is_used).collect();
    if used.is_empty() {
        return Ok(());
    }
    let first = rows.keys().map(|(_, name)| name.len()).chain([title.len(), 34]).max().unwrap_or_default();
    let mut line = format!("{title:first$}");
    for &index in &used {
        write!(line, "  {:>9}", COLUMNS[index])?;
    }
    writeln!(f, "{line}")?;
    for ((_, name), cells) in rows {
        let mut line = format!("{name:first$}");
        for &index in &used {
            let width = COLUMNS[index].len().max(9);
            write!(line, "  {:>width$}", cell(cells[index]))?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    writeln!(f)
}

/// Where what is said is counted.
pub(crate) fn column(said: &str) -> usize {
    COLUMNS.iter().position(|&name| name == said).unwrap_or(COLUMNS.len() - 1)
}

/// What is wrong is marked, and so is what leaves something open.
fn cell([right, unknown, wrong]: Cell) -> String {
    let marked = [(right, ""), (unknown, "?"), (wrong, "!")];
    let parts: Vec<_> =
        marked.iter().filter(|(count, _)| *count > 0).map(|(count, mark)| format!("{count}{mark}")).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("+") }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown(Vec<Entry<'static>>);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, "all", self.0.iter().cloned())
        }
    }

    fn entry(row: usize, said: &'static str, told: Told) -> Entry<'static> {
        Entry { row: (row, format!("row {row}")), said, told }
    }

    #[test]
    fn right_open_and_wrong_stand_side_by_side() {
        let shown = Shown(vec![
            entry(2, "stale", Told::Right),
            entry(1, "crossed", Told::Right),
            entry(1, "crossed", Told::Unknown),
            entry(1, "nonsense", Told::Wrong { exact: true }),
            entry(1, "not told", Told::Lost),
        ]);
        let text = shown.to_string();
        let words: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["all", "crossed", "stale", "not", "told", "else"]);
        assert_eq!(words[1], ["row", "1", "1+1?", ".", "1!", "1!"]);
        assert_eq!(words[2], ["row", "2", ".", "1", ".", "."]);
        assert_eq!(Shown(Vec::new()).to_string(), "");
    }

    #[test]
    fn each_end_is_counted_once() {
        let mut totals = Totals::default();
        for told in [
            Told::Right,
            Told::Unknown,
            Told::Wrong { exact: true },
            Told::Wrong { exact: false },
            Told::Lost,
        ] {
            totals.add(told);
        }
        let expected = Totals { compared: 5, right: 1, unknown: 1, wrong: 2, confident: 1, lost: 1 };
        assert_eq!(totals, expected);
        assert!((totals.unknown_percent() - 20.0).abs() < 1e-9);
        assert!(
            totals.to_string().ends_with("2 wrong (1 of them called exact), 1 not told once"),
            "{totals}"
        );
    }
}
