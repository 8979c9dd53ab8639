//! The tables of servers by clients, and of both by how their connections ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use super::{Outcome, Told, witness::Source};
use crate::judge::Outcome as Verdict;

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
const TOLD: usize = 60;

/// Counts of compared ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Connections.
    pub closes: usize,
    pub compared: usize,
    pub right: usize,
    pub unknown: usize,
    pub wrong: usize,
    /// Of the wrong ones those that the agent called exact.
    pub confident: usize,
    pub lost: usize,
}

impl Totals {
    fn add(&mut self, told: &Told) {
        self.closes += 1;
        for end in &told.ends {
            self.compared += 1;
            match &end.outcome {
                Verdict::Right => self.right += 1,
                Verdict::Unknown { .. } => self.unknown += 1,
                Verdict::Wrong { confident, .. } => {
                    self.wrong += 1;
                    self.confident += usize::from(*confident);
                }
                Verdict::Lost { .. } => self.lost += 1,
            }
        }
    }

    /// The count of closes; behind it ends that are unknown (`?`), wrong (`!`), and not told once (`x`).
    fn cell(self) -> String {
        if self.closes == 0 {
            return "-".to_owned();
        }
        let mut text = self.closes.to_string();
        for (count, mark) in [(self.unknown, '?'), (self.wrong, '!'), (self.lost, 'x')] {
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
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.0.closes.iter().for_each(|told| totals.add(told));
        totals
    }

    /// Whether nothing is wrong, and nobody contradicts the capture.
    pub fn is_right(&self) -> bool {
        let totals = self.totals();
        let Outcome { heard, strays, .. } = self.0;
        totals.closes > 0
            && totals.wrong + totals.lost == 0
            && heard.contradictions.is_empty()
            && strays.is_empty()
            && 50 * totals.unknown < totals.compared
            // What is not decided proves nothing: it has to be rare.
            && 20 * self.0.undecided.len() < totals.closes
    }

    /// Both axes are what the functions give; rows in the order of `order`, then the rest.
    fn grid(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        order: &[&'static str],
        row: impl Fn(&Told) -> &'static str,
        columns: &[&'static str],
        column: impl Fn(&Told) -> &'static str,
    ) -> fmt::Result {
        let mut cells = BTreeMap::<(&str, &str), Totals>::new();
        let (mut rows, mut used) = (BTreeSet::new(), BTreeSet::new());
        for told in &self.0.closes {
            let (row, column) = (row(told), column(told));
            cells.entry((row, column)).or_default().add(told);
            cells.entry((row, "all")).or_default().add(told);
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
                columns.iter().map(|column| cells.get(&(row, *column)).copied().unwrap_or_default().cell());
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

fn way(told: &Told) -> &'static str {
    let truth = &told.truth;
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
        let (of_server, of_client) = (|told: &Told| told.server, |told: &Told| told.client);
        self.grid(f, "closes", &server_names, of_server, &client_names, of_client)?;
        self.grid(f, "by server", &server_names, of_server, &WAYS, way)?;
        self.grid(f, "by client", &client_names, of_client, &WAYS, way)?;
        let Totals { closes, compared, right, unknown, wrong, confident, lost } = self.totals();
        let share = 100.0 * unknown as f64 / compared.max(1) as f64;
        writeln!(
            f,
            "{closes} closes, {compared} ends compared: {right} right, {unknown} unknown ({share:.2} %), {wrong} wrong \
             ({confident} of them called exact), {lost} not told once"
        )?;
        for source in Source::ALL {
            let asked = heard.asked.get(&source).copied().unwrap_or(0);
            writeln!(f, "{}: held against the capture for {asked} closes", source.word())?;
        }
        writeln!(
            f,
            "{} contradictions, {} closes undecided, {} not as planned, {dropped} packets not captured",
            heard.contradictions.len(),
            undecided.len(),
            strays.len()
        )?;
        self.details(f)
    }
}

impl Table<'_> {
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { closes, undecided, heard, strays, .. } = self.0;
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
        let ends = closes.iter().flat_map(|told| &told.ends).filter(|end| end.outcome != Verdict::Right);
        for end in ends.take(TOLD) {
            let close = &end.close;
            write!(
                f,
                "{} ({} to {}), seen by the {}: true {} {}; ",
                close.label,
                close.client,
                close.server,
                end.end.word(),
                close.truth.code(),
                close.truth.word()
            )?;
            match &end.outcome {
                Verdict::Right => writeln!(f)?,
                Verdict::Unknown { said } | Verdict::Lost { said } => writeln!(f, "said {said}")?,
                Verdict::Wrong { said, confident, evidence } => {
                    let how = if *confident { "exactly" } else { "probably" };
                    writeln!(f, "said {said} ({how}: {})", evidence.join("; "))?;
                }
            }
        }
        Ok(())
    }
}
