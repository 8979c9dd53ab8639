//! The tables of servers by clients, and of both by how their connections ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use super::{Ended, Outcome, witness::Source};
use crate::{
    confusion::Totals,
    wiretap::compare::{Comparison, Judged},
};

/// How connections end, in the order of the columns: who and where, or the race that it was.
const WAYS: [&str; 20] = [
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
    "CI",
    "SI",
    "BI",
    "done",
    "crossed",
    "stale",
    "unread",
    "own-timer",
    "SC",
    "else",
];
/// What is not right is told in full so often.
const TOLD: usize = 200;

/// What a cell counts.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    closes: usize,
    ends: Totals,
}

impl Cell {
    fn add(&mut self, closed: &Ended, judged: &[Judged]) {
        self.closes += 1;
        judged[closed.ends.clone()].iter().for_each(|end| self.ends.add(end.told()));
    }

    /// The count of closes; behind it ends that are unknown (`?`), wrong (`!`), and not told once (`x`).
    fn text(self) -> String {
        if self.closes == 0 {
            return "-".to_owned();
        }
        let mut text = self.closes.to_string();
        let Totals { unknown, wrong, lost, .. } = self.ends;
        for (count, mark) in [(unknown, '?'), (wrong, '!'), (lost, 'x')] {
            if count > 0 {
                text.push(' ');
                text += &count.to_string();
                text.push(mark);
            }
        }
        text
    }
}

#[derive(Debug)]
pub struct Table<'a>(pub &'a Outcome);

impl Table<'_> {
    /// Connections.
    pub fn closes(&self) -> usize {
        self.0.closes.len()
    }

    pub fn totals(&self) -> Totals {
        Comparison { judged: &self.0.judged }.totals()
    }

    /// Whether nothing is wrong, and nobody contradicts the capture.
    pub fn is_right(&self) -> bool {
        let totals = self.totals();
        let Outcome { heard, strays, .. } = self.0;
        self.closes() > 0
            && totals.wrong + totals.lost == 0
            && heard.contradictions.is_empty()
            && strays.is_empty()
            && 20 * heard.astray < heard.conversations.max(1)
            && 50 * totals.unknown < totals.compared
            // What is not decided proves nothing: it has to be rare.
            && 20 * self.0.undecided.len() < self.closes()
    }

    /// Whether a connection ended so; the words are the columns'.
    pub fn has(&self, way_word: &str) -> bool {
        self.0.closes.iter().any(|closed| way(closed) == way_word)
    }

    /// Both axes are what the functions give; rows in the order of `order`, then the rest.
    fn grid(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        order: &[&'static str],
        row: impl Fn(&Ended) -> &'static str,
        columns: &[&'static str],
        column: impl Fn(&Ended) -> &'static str,
    ) -> fmt::Result {
        let mut cells = BTreeMap::<(&str, &str), Cell>::new();
        let (mut rows, mut used) = (BTreeSet::new(), BTreeSet::new());
        for closed in &self.0.closes {
            let (row, column) = (row(closed), column(closed));
            cells.entry((row, column)).or_default().add(closed, &self.0.judged);
            cells.entry((row, "all")).or_default().add(closed, &self.0.judged);
            rows.insert(row);
            used.insert(column);
        }
        let known = |wanted: &[&'static str], have: &BTreeSet<&'static str>| -> Vec<&'static str> {
            let first = wanted.iter().filter(|name| have.contains(*name)).copied();
            first.chain(have.iter().filter(|name| !wanted.contains(name)).copied()).collect()
        };
        let columns: Vec<_> = known(columns, &used).into_iter().chain(["all"]).collect();
        let mut lines = vec![
            std::iter::once(title).chain(columns.iter().copied()).map(str::to_owned).collect::<Vec<_>>(),
        ];
        for row in known(order, &rows) {
            let texts =
                columns.iter().map(|column| cells.get(&(row, *column)).copied().unwrap_or_default().text());
            lines.push(std::iter::once(row.to_owned()).chain(texts).collect());
        }
        let width = |index: usize| lines.iter().map(|line| line[index].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..=columns.len()).map(width).collect();
        for line in &lines {
            let mut text = format!("{:w$}", line[0], w = widths[0]);
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                write!(text, "  {cell:>width$}")?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        writeln!(f)
    }
}

fn way(closed: &Ended) -> &'static str {
    let truth = &closed.truth;
    let code = truth.code();
    let word = match (truth.race, truth.verdict) {
        (Some(kind), _) => kind.word(),
        (None, "completed") => "done",
        _ => code.as_str(),
    };
    WAYS.into_iter().find(|way| *way == word).unwrap_or("else")
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { servers, clients, undecided, heard, strays, dropped, .. } = self.0;
        for (what, lines) in [("servers", servers), ("clients", clients)] {
            let named = lines.iter().map(|line| match &line.version {
                Ok(version) if line.remarks.is_empty() => format!("{} {version}", line.name),
                Ok(version) => format!("{} {version} ({})", line.name, line.remarks.join(", ")),
                Err(why) => format!("{} ({why})", line.name),
            });
            writeln!(f, "{what}: {}", named.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(f)?;
        let server_names: Vec<_> = servers.iter().map(|line| line.name).collect();
        let client_names: Vec<_> = clients.iter().map(|line| line.name).collect();
        let (of_server, of_client) = (|closed: &Ended| closed.server, |closed: &Ended| closed.client);
        self.grid(f, "closes", &server_names, of_server, &client_names, of_client)?;
        self.grid(f, "by server", &server_names, of_server, &WAYS, way)?;
        self.grid(f, "by client", &client_names, of_client, &WAYS, way)?;
        for source in Source::ALL {
            let asked = heard.asked.get(&source).copied().unwrap_or(0);
            writeln!(f, "{}: held against the capture for {asked} closes", source.word())?;
        }
        let astray = format!("{} of {} conversations did not come to it", heard.astray, heard.conversations);
        writeln!(
            f,
            "{astray}, {} contradictions, {} closes undecided, {} not as planned, {dropped} packets not captured",
            heard.contradictions.len(),
            undecided.len(),
            strays.len()
        )?;
        self.details(f)
    }
}

impl Table<'_> {
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { judged, undecided, heard, strays, .. } = self.0;
        let mut reasons = BTreeMap::<&str, Vec<&str>>::new();
        for (why, what) in undecided {
            reasons.entry(why).or_default().push(what);
        }
        for (why, all) in reasons {
            let some: Vec<_> = all.iter().take(3).copied().collect();
            writeln!(f, "undecided, {}: {why}: {}", all.len(), some.join("; "))?;
        }
        heard.contradictions.iter().take(TOLD).try_for_each(|one| writeln!(f, "contradiction: {one}"))?;
        strays.iter().take(TOLD).try_for_each(|one| writeln!(f, "not as planned: {one}"))?;
        write!(f, "\n{}", Comparison { judged })
    }
}
