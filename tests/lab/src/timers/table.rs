//! The table of timers, and why what is wrong is wrong.

use std::fmt;

use super::judge::Judged;

#[derive(Debug)]
pub struct Table<'a> {
    pub judged: &'a [Judged],
    pub absent: &'a [(&'static str, String)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub compared: usize,
    pub right: usize,
}

impl Table<'_> {
    pub fn totals(&self) -> Totals {
        Totals {
            compared: self.judged.len(),
            right: self.judged.iter().filter(|judged| judged.is_right()).count(),
        }
    }
}

const TITLES: [&str; 11] = [
    "software",
    "seen by",
    "set",
    "measured",
    "closes",
    "report",
    "spread",
    "error",
    "risk",
    "first candidate",
    "",
];

fn row(judged: &Judged) -> [String; 11] {
    let none = || "-".to_owned();
    let said = judged.said.as_ref();
    let first = said.and_then(|said| {
        let (product, setting, likelihood) = said.candidates.first()?;
        let more = said.candidates.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("{product}: {setting} ({likelihood}){more}"))
    });
    [
        format!("{} {}", judged.case, judged.version),
        format!("{}{}", judged.end.word(), if judged.own { "*" } else { "" }),
        judged.wanted.map_or_else(none, |wanted| format!("{wanted:.1} s")),
        judged.measured.map_or_else(none, |measured| format!("{:.3} s", measured.mean)),
        said.map_or_else(none, |said| said.closes.to_string()),
        said.map_or_else(none, |said| format!("{:.3} s", said.seconds)),
        said.map_or_else(none, |said| format!("{:.0} ms", 1000.0 * (said.most - said.least))),
        said.map_or_else(none, |said| format!("{:+.2} %", 100.0 * said.error)),
        if judged.risk.is_empty() { none() } else { judged.risk.clone() },
        first.unwrap_or_else(none),
        if judged.is_right() { "ok" } else { "WRONG" }.to_owned(),
    ]
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> =
            std::iter::once(TITLES.map(str::to_owned)).chain(self.judged.iter().map(row)).collect();
        for row in &rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let width = rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
                // Numbers to the right.
                let padded = if (2..8).contains(&index) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                };
                line += &padded;
                line += "  ";
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        let Totals { compared, right } = self.totals();
        let (told, ended) = self
            .judged
            .iter()
            .fold((0, 0), |(told, ended), judged| (told + judged.told.0, ended + judged.told.1));
        writeln!(
            f,
            "\n{compared} ends of {} cases compared: {right} right, {} wrong; *: the software's own end; \
             {told} of {ended} ends of closes told right one by one",
            compared / 2,
            compared - right
        )?;
        for judged in self.judged.iter().filter(|judged| !judged.is_right()) {
            writeln!(f, "{} seen by the {}: {}", judged.case, judged.end.word(), judged.faults.join("; "))?;
        }
        for (case, why) in self.absent {
            writeln!(f, "{case}: {why}")?;
        }
        Ok(())
    }
}
