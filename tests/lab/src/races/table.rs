//! The confusion table: what was true by what was said, and what is wrong in it.

use std::{collections::BTreeMap, fmt};

use super::{Judged, Outcome, Truth, Wire};
use crate::{
    confusion::{self, Entry, Told, Totals},
    truth::Side,
};

/// The wrong ones that are told in full.
const TOLD: usize = 30;

#[derive(Debug)]
pub struct Table<'a>(pub &'a Outcome);

impl Table<'_> {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.0.judged.iter().for_each(|judged| totals.add(told(judged)));
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
        let here = self.0.judged.iter().filter(|judged| wire.is_none_or(|wire| judged.wire == wire));
        let entries = here.map(|judged| {
            let (rank, name) = row(judged.truth);
            let (end, is_server) = (judged.end.word(), usize::from(judged.end == Side::Server));
            let row = (2 * rank + is_server, format!("{name}, seen by the {end}"));
            Entry { row, said: &judged.said, told: told(judged) }
        });
        confusion::write(f, title, entries)
    }
}

fn told(judged: &Judged) -> Told {
    match judged.right {
        true => Told::Right,
        false if judged.said == "unknown" => Told::Unknown,
        false => Told::Wrong { exact: judged.exact },
    }
}

/// Where a truth's row is, and its name.
fn row(truth: Truth) -> (usize, &'static str) {
    match truth {
        Truth::Survived { .. } => (0, "answered"),
        Truth::Lost(kind) => (1 + kind as usize, kind.word()),
        Truth::NoRace { verdict } => (5 + confusion::column(verdict), verdict),
        Truth::Undecided(_) => (99, "undecided"),
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { judged, undecided, strays, strangers, scanned, dropped, .. } = self.0;
        for wire in Wire::ALL {
            self.grid(f, wire.word(), Some(wire))?;
        }
        self.grid(f, "all", None)?;
        let Totals { compared, right, unknown, wrong, confident, lost: _ } = self.totals();
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
