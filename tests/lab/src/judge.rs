//! What was said of each end of each close, against what is true of it.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{
    agent::{Report, Said},
    truth::{Close, Column, Played, Side},
};

/// How well one socket's close was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    Right,
    /// Nothing false was said, but not everything that is true.
    Unknown {
        said: String,
    },
    /// Something false was said; `confident` when the agent called it exact.
    Wrong {
        said: String,
        confident: bool,
        evidence: Vec<String>,
    },
    /// Not reported, or more than once.
    Lost {
        said: String,
    },
}

impl Outcome {
    /// What a cell of the table shows.
    pub fn cell(&self) -> &str {
        match self {
            Self::Right => "ok",
            Self::Unknown { said } | Self::Wrong { said, .. } | Self::Lost { said } => {
                said.split(' ').next().unwrap_or_default()
            }
        }
    }
}

/// One socket, judged.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    pub close: Close,
    pub end: Side,
    pub column: Column,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether something was said about every socket.
pub(crate) fn all_said(played: &Played, said: &Said) -> bool {
    played.closes.iter().flat_map(sockets).all(|(_, local, remote)| !said.of(local, remote).is_empty())
}

/// Judges both ends of every close.
pub(crate) fn judge(played: &Played, said: &Said, netns: u64) -> Vec<Judged> {
    let mut judged = Vec::new();
    for close in &played.closes {
        for (end, local, remote) in sockets(close) {
            let outcome = match said.of(local, remote) {
                [report] => compare(close, end, report, netns),
                [] => Outcome::Lost { said: "nothing".to_owned() },
                several => Outcome::Lost { said: all_of(several) },
            };
            judged.push(Judged { close: close.clone(), end, column: Column::of(&close.expect), outcome });
        }
    }
    judged
}

fn all_of(reports: &[Report]) -> String {
    let each = reports.iter().map(|report| {
        let Report { time, code, close_type, verdict, evidence, .. } = report;
        format!("{time} {code} {verdict} {close_type} ({})", evidence.join("; "))
    });
    format!("{}-times: {}", reports.len(), each.collect::<Vec<_>>().join(", "))
}

/// Both ends as (end, local, remote).
fn sockets(close: &Close) -> [(Side, SocketAddr, SocketAddr); 2] {
    let &Close { client, server, .. } = close;
    [(Side::Client, client, server), (Side::Server, server, client)]
}

fn compare(close: &Close, end: Side, report: &Report, netns: u64) -> Outcome {
    let expect = &close.expect;
    let code = expect.code();
    let words: [(&str, &str, &str); 6] = [
        ("role", &report.role, end.word()),
        ("closer", &report.closer, expect.closer.word()),
        ("how", &report.close_type, expect.how.word()),
        ("phase", &report.phase, expect.phase.word()),
        ("verdict", &report.verdict, expect.verdict),
        ("code", &report.code, &code),
    ];
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    for (name, said, expected) in words {
        let is_open = said == "unknown" || (name == "code" && says_less(said, expected));
        match (said == expected, is_open) {
            (true, _) => {}
            (false, true) => unknown.push(name.to_owned()),
            (false, false) => wrong.push(format!("{name}={said}")),
        }
    }
    match report.in_flight {
        Some(count) if count != expect.in_flight => wrong.push(format!("in_flight={count}")),
        None => unknown.push("in_flight".to_owned()),
        Some(_) => {}
    }
    if report.netns != netns {
        wrong.push(format!("netns={}", report.netns));
    }
    let count = report.in_flight.map_or("?".to_owned(), |count| count.to_string());
    let what = format!("{}/{count}", report.code);
    if !wrong.is_empty() {
        return Outcome::Wrong {
            said: format!("{what} {} by {}", wrong.join(" "), report.basis),
            confident: report.confidence == "exact",
            evidence: report.evidence.clone(),
        };
    }
    if !unknown.is_empty() {
        return Outcome::Unknown { said: format!("{what} unknown: {}", unknown.join(", ")) };
    }
    Outcome::Right
}

/// A code that leaves out what it does not know: `U` for who, `-` for where.
pub(crate) fn says_less(said: &str, expected: &str) -> bool {
    let unknown = ['U', '-'];
    said.len() == expected.len()
        && said.chars().zip(expected.chars()).zip(unknown).all(|((s, e), u)| s == e || s == u)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
