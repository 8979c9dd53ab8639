//! What the agent said of each end of each close, against what the capture proves.

use std::{collections::HashMap, fmt, net::SocketAddr};

use serde::Serialize;

use super::truth::Truth;
use crate::{
    agent::{Report, Said},
    confusion::{self, Entry, Told, Totals},
    judge::{Outcome, says_less},
    order::Kind,
    truth::{Phase, Side},
};

/// One connection that ended, and the truth about it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Close {
    /// What was played.
    pub(crate) label: String,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) truth: Truth,
}

impl Close {
    /// The sockets that the agent has to tell of, as (end, local, remote): of a connection that was refused one end only.
    fn ends(&self) -> impl Iterator<Item = (Side, SocketAddr, SocketAddr)> {
        let server = self.truth.phase != Phase::Connecting;
        let both = [(Side::Client, self.client, self.server), (Side::Server, self.server, self.client)];
        both.into_iter().filter(move |(end, ..)| server || *end == Side::Client)
    }
}

/// One end of it, judged.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Judged {
    #[serde(flatten)]
    pub(crate) close: Close,
    pub(crate) end: Side,
    /// The verdict or the kind of the race as the agent has it; `not told`, `told twice`.
    pub(crate) word: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl Judged {
    pub(crate) fn is_right(&self) -> bool {
        matches!(self.outcome, Outcome::Right)
    }

    pub(crate) fn told(&self) -> Told {
        match self.outcome {
            Outcome::Right => Told::Right,
            Outcome::Unknown { .. } => Told::Unknown,
            Outcome::Wrong { confident, .. } => Told::Wrong { exact: confident },
            Outcome::Lost { .. } => Told::Lost,
        }
    }
}

/// Whether something was said about every socket, and the right thing where a late request has to amend it. To be asked
/// before the agent is ended.
pub(crate) fn all_said(closes: &[Close], said: &Said) -> bool {
    closes.iter().all(|close| {
        close.ends().all(|(_, local, remote)| match (said.of(local, remote), close.truth.race) {
            ([], _) => false,
            (reports, Some(Kind::Stale | Kind::Crossed)) => {
                reports.iter().any(|report| report.verdict == "idle-race")
            }
            _ => true,
        })
    })
}

/// Judges both ends of every close. Connections with the same addresses have to be in the order in which they were made,
/// and all of them there. `netns` is where the client and the server are.
pub(crate) fn judge(closes: &[Close], said: &Said, netns: [u64; 2]) -> Vec<Judged> {
    let mut used = HashMap::<(SocketAddr, SocketAddr), usize>::new();
    for close in closes {
        for (_, local, remote) in close.ends() {
            *used.entry((local, remote)).or_default() += 1;
        }
    }
    let mut before = HashMap::<(SocketAddr, SocketAddr), usize>::new();
    let mut judged = Vec::new();
    for close in closes {
        for (end, local, remote) in close.ends() {
            let number = before.entry((local, remote)).or_default();
            let mut reports: Vec<_> = said.of(local, remote).iter().collect();
            reports.sort_by_key(|report| report.moment());
            let due = used[&(local, remote)];
            let (word, outcome) = match reports.get(*number) {
                Some(report) if reports.len() == due => {
                    (report.verdict_or_race(), compare(close, end, report, netns[end as usize]))
                }
                None if reports.is_empty() => ("not told", Outcome::Lost { said: "nothing".to_owned() }),
                _ => (
                    "told twice",
                    Outcome::Lost { said: format!("{} closes instead of {due}", reports.len()) },
                ),
            };
            *number += 1;
            judged.push(Judged { close: close.clone(), end, word: word.to_owned(), outcome });
        }
    }
    judged
}

fn compare(close: &Close, end: Side, report: &Report, netns: u64) -> Outcome {
    let truth = &close.truth;
    let code = truth.code();
    let race = report.race.as_deref().unwrap_or("none");
    let mut words = vec![
        ("role", report.role.as_str(), end.word()),
        ("closer", &report.closer, truth.closer.word()),
        ("how", &report.close_type, truth.how.word()),
        ("verdict", &report.verdict, truth.verdict),
        ("race", race, truth.race.map_or("none", Kind::word)),
    ];
    // A lost request had begun at one end of a race and not at the other.
    let stands_the_same = truth.race.is_none();
    if stands_the_same {
        words.extend([("phase", report.phase.as_str(), truth.phase.word()), ("code", &report.code, &code)]);
    }
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for (name, said, expected) in words {
        if said == expected {
            continue;
        }
        let is_open = said == "unknown" || (name == "code" && says_less(said, expected));
        // Who does not know the verdict does not know the race.
        let follows = name == "race" && said == "none" && report.verdict == "unknown";
        if is_open || follows { unknown.push(name.to_owned()) } else { wrong.push(format!("{name}={said}")) }
    }
    match report.in_flight {
        Some(count) if stands_the_same && count != truth.in_flight => {
            wrong.push(format!("in_flight={count}"));
        }
        None => unknown.push("in_flight".to_owned()),
        Some(_) => {}
    }
    if report.netns != netns {
        wrong.push(format!("netns={}", report.netns));
    }
    let what = format!("{} {}", report.code, report.verdict_or_race());
    if !wrong.is_empty() {
        return Outcome::Wrong {
            said: format!("{what}: {} by {}", wrong.join(" "), report.basis),
            confident: report.confidence == "exact",
            evidence: report.evidence.clone(),
        };
    }
    if !unknown.is_empty() {
        return Outcome::Unknown { said: format!("{what}, unknown: {}", unknown.join(", ")) };
    }
    Outcome::Right
}

/// What was true by what was said, and every end that was not told right.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) judged: &'a [Judged],
}

impl Comparison<'_> {
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.judged.iter().for_each(|judged| totals.add(judged.told()));
        totals
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.judged.iter().map(|judged| {
            let word = judged.close.truth.word();
            Entry { row: (confusion::column(word), word.to_owned()), said: &judged.word, told: judged.told() }
        });
        confusion::write(f, "true, and what was said", entries)?;
        let closes = self.judged.iter().filter(|judged| judged.end == Side::Client).count();
        writeln!(f, "{closes} connections; {}", self.totals())?;
        for Judged { close, end, outcome, .. } in self.judged {
            let Close { label, client, server, truth } = close;
            let said = match outcome {
                Outcome::Right => continue,
                Outcome::Unknown { said } | Outcome::Lost { said } => said.clone(),
                Outcome::Wrong { said, confident, evidence } => {
                    let how = if *confident { "exactly" } else { "probably" };
                    format!("{said} ({how}: {})", evidence.join("; "))
                }
            };
            writeln!(
                f,
                "{label}, {client} to {server}, seen by the {}: true {truth}; said {said}",
                end.word()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
