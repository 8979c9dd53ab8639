//! What the agent reported of each end of each connection, against what is true of it.

use std::{collections::HashMap, fmt, net::SocketAddr};

use harness::{Close, Closes};
use serde::Serialize;

use crate::truth::{Connection, Race, Side, Truth};

/// How well one end was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    Right,
    /// Nothing false was reported, but not everything that is true.
    Unknown {
        reported: String,
    },
    /// Something false was; `exact` when the agent called it so.
    Wrong {
        reported: String,
        exact: bool,
        evidence: Vec<String>,
    },
    /// Not reported, or more than once.
    Lost {
        reported: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => f.write_str("right"),
            Self::Unknown { reported } | Self::Lost { reported } => f.write_str(reported),
            Self::Wrong { reported, exact, evidence } => {
                let confidence = if *exact { "exactly" } else { "probably" };
                write!(f, "{reported} ({confidence}: {})", evidence.join("; "))
            }
        }
    }
}

/// One end of one connection, compared.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    #[serde(flatten)]
    pub connection: Connection,
    pub end: Side,
    /// The verdict, or the kind of the race, as the agent has it; `not reported`, `reported twice`.
    pub word: String,
    /// It had been reported otherwise before.
    pub amended: bool,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Comparison {
    pub(crate) fn is_right(&self) -> bool {
        self.outcome == Outcome::Right
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection: Connection { label, group, client, server, truth, .. }, end, outcome, .. } =
            self;
        let group = group.join(" ");
        let end = end.word();
        write!(
            f,
            "{group} {label}, {client} to {server}, seen by the {end}: true {truth}; reported {outcome}"
        )
    }
}

/// Counts of compared ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Score {
    pub compared: usize,
    pub right: usize,
    pub unknown: usize,
    pub wrong: usize,
    /// Of the wrong ones those that the agent called exact.
    pub exact: usize,
    pub lost: usize,
}

impl Score {
    pub(crate) fn of<'a>(comparisons: impl IntoIterator<Item = &'a Comparison>) -> Self {
        let mut score = Self::default();
        comparisons.into_iter().for_each(|comparison| score.add(&comparison.outcome));
        score
    }

    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.compared += 1;
        match outcome {
            Outcome::Right => self.right += 1,
            Outcome::Unknown { .. } => self.unknown += 1,
            Outcome::Wrong { exact, .. } => {
                self.wrong += 1;
                self.exact += usize::from(*exact);
            }
            Outcome::Lost { .. } => self.lost += 1,
        }
    }

    /// Whether ends were compared, and nothing false was reported and nothing left out.
    pub fn has_no_fault(&self) -> bool {
        self.compared > 0 && self.wrong + self.lost == 0
    }

    /// The share of ends of which the agent left something open, in percent.
    pub fn unknown_percent(&self) -> f64 {
        if self.compared == 0 { 0.0 } else { 100.0 * self.unknown as f64 / self.compared as f64 }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, right, unknown, wrong, exact, lost } = self;
        write!(
            f,
            "{compared} ends of closes compared: {right} right, {unknown} unknown ({:.2} %), {wrong} wrong ({exact} of them \
             called exact), {lost} not reported once",
            self.unknown_percent()
        )
    }
}

/// Whether something was reported about every socket, and the right thing where a late request has to amend it. To be
/// asked before the agent is ended.
pub(crate) fn all_reported(connections: &[Connection], closes: &Closes) -> bool {
    connections.iter().all(|connection| {
        let is_amended = matches!(connection.truth.race, Some(Race::Stale | Race::Crossed));
        connection.ends().all(|(end, local, remote)| {
            let mut of_end = reports(connection, end, (local, remote), closes).into_iter();
            of_end.any(|close| !is_amended || close.verdict == "idle-race")
        })
    })
}

/// Compares every end. Connections with the same addresses have to be in the order in which they were made, and all of
/// them there.
pub(crate) fn compare(connections: &[Connection], closes: &Closes) -> Vec<Comparison> {
    let all = || connections.iter().flat_map(|one| one.ends().map(move |end| (one, end)));
    let mut expected = HashMap::<_, usize>::new();
    for (connection, (end, local, remote)) in all() {
        *expected.entry((connection.namespaces[end as usize], local, remote)).or_default() += 1;
    }
    let mut before = HashMap::<_, usize>::new();
    let mut comparisons = Vec::new();
    for (connection, (end, local, remote)) in all() {
        let socket = (connection.namespaces[end as usize], local, remote);
        let number = before.entry(socket).or_default();
        let mut reports = reports(connection, end, (local, remote), closes);
        reports.sort_by_key(|close| close.moment());
        let (wanted, found) = (expected[&socket], reports.len());
        let report = reports.get(*number).copied();
        let (word, outcome) = match report {
            Some(close) if found == wanted => (close.verdict_or_race(), check(&connection.truth, end, close)),
            None if found == 0 => ("not reported", Outcome::Lost { reported: "nothing".to_owned() }),
            _ => {
                ("reported twice", Outcome::Lost { reported: format!("{found} closes instead of {wanted}") })
            }
        };
        *number += 1;
        comparisons.push(Comparison {
            connection: connection.clone(),
            end,
            word: word.to_owned(),
            amended: report.is_some_and(|close| close.amends),
            outcome,
        });
    }
    comparisons
}

/// What was reported of one end, and not of a socket with the same addresses in another namespace.
fn reports<'a>(
    connection: &Connection,
    end: Side,
    (local, remote): (SocketAddr, SocketAddr),
    closes: &'a Closes,
) -> Vec<&'a Close> {
    let namespace = connection.namespaces[end as usize];
    closes.of(local, remote).iter().filter(|close| close.netns == namespace).collect()
}

fn check(truth: &Truth, end: Side, close: &Close) -> Outcome {
    let code = truth.code();
    let race = close.race.as_deref().unwrap_or("none");
    let mut words = vec![
        ("role", close.role.as_str(), end.word()),
        ("closer", &close.closer, truth.closer.word()),
        ("close_type", &close.close_type, truth.close_type.word()),
        ("verdict", &close.verdict, truth.verdict),
        ("race", race, truth.race.map_or("none", Race::word)),
    ];
    // A lost request had begun at one end of a race and not at the other.
    let stands_the_same = truth.race.is_none();
    if stands_the_same {
        words.extend([("phase", close.phase.as_str(), truth.phase.word()), ("code", &close.code, &code)]);
    }
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for (name, reported, expected) in words {
        if reported == expected {
            continue;
        }
        let is_open = reported == "unknown" || (name == "code" && is_less(reported, expected));
        // Who does not know the verdict does not know the race.
        let follows = name == "race" && reported == "none" && close.verdict == "unknown";
        if is_open || follows {
            unknown.push(name.to_owned());
        } else {
            wrong.push(format!("{name}={reported}"));
        }
    }
    match close.in_flight {
        Some(count) if stands_the_same && count != truth.in_flight => {
            wrong.push(format!("in_flight={count}"));
        }
        None => unknown.push("in_flight".to_owned()),
        Some(_) => {}
    }
    let what = format!("{} {}", close.code, close.verdict_or_race());
    if !wrong.is_empty() {
        return Outcome::Wrong {
            reported: format!("{what}: {} by {}", wrong.join(" "), close.basis),
            exact: close.confidence == "exact",
            evidence: close.evidence.clone(),
        };
    }
    if !unknown.is_empty() {
        return Outcome::Unknown { reported: format!("{what}, unknown: {}", unknown.join(", ")) };
    }
    Outcome::Right
}

/// A code that leaves out what it does not know: `U` for who, `-` for where.
fn is_less(reported: &str, expected: &str) -> bool {
    let unknown = ['U', '-'];
    reported.len() == expected.len()
        && reported.chars().zip(expected.chars()).zip(unknown).all(|((r, e), u)| r == e || r == u)
}

#[cfg(test)]
pub(crate) mod tests;
