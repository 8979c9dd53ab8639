//! The agent's words for each end of each play against the truth.

use std::net::SocketAddr;

use serde::Serialize;

use super::{plan::Wire, truth::Truth};
use crate::{
    agent::{Report, Said},
    order::Kind,
    truth::Side,
};

/// One play, as it turned out.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) wire: Wire,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// The network namespaces of both.
    pub(super) namespaces: [u64; 2],
    pub(super) truth: Truth,
    /// What the plan had in mind, for whoever looks into a wrong one.
    pub(super) told: String,
}

impl Played {
    /// The sockets that the agent has to tell of.
    pub(super) fn ends(&self) -> impl Iterator<Item = (Side, SocketAddr, SocketAddr)> {
        let refused = self.truth == Truth::NoRace { verdict: "connect-failed" };
        let client = Some((Side::Client, self.client, self.server));
        let server = (!refused).then_some((Side::Server, self.server, self.client));
        client.into_iter().chain(server)
    }

    /// What was said of one of its ends, and not of a socket with the same addresses elsewhere.
    pub(super) fn reports<'a>(&self, end: Side, said: &'a Said) -> Vec<&'a Report> {
        let (local, remote, namespace) = match end {
            Side::Client => (self.client, self.server, self.namespaces[0]),
            Side::Server => (self.server, self.client, self.namespaces[1]),
        };
        said.of(local, remote).iter().filter(|report| report.netns == namespace).collect()
    }

    /// The word that it is due: the kind of a race, else the verdict.
    pub(super) fn due(&self) -> Option<&'static str> {
        match self.truth {
            Truth::Survived { verdict } | Truth::NoRace { verdict } => Some(verdict),
            Truth::Lost(kind) => Some(kind.word()),
            Truth::Undecided(_) => None,
        }
    }
}

/// One end of one play, compared.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    pub wire: Wire,
    pub truth: Truth,
    pub end: Side,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The kind of race, else the verdict; `not told`, or `told twice`.
    pub said: String,
    pub right: bool,
    /// The agent did not call it probable.
    pub exact: bool,
    /// It had been told otherwise before.
    pub amended: bool,
    pub play: String,
    pub evidence: Vec<String>,
}

pub(super) fn judge(played: &[Played], said: &Said) -> Vec<Judged> {
    let mut judged = Vec::new();
    for play in played {
        let Some(due) = play.due() else { continue };
        for (end, local, remote) in play.ends() {
            let (word, report) = match play.reports(end, said)[..] {
                [] => ("not told", None),
                [report] => (report.verdict_or_race(), Some(report)),
                [.., report] => ("told twice", Some(report)),
            };
            judged.push(Judged {
                wire: play.wire,
                truth: play.truth,
                end,
                local,
                remote,
                said: word.to_owned(),
                right: word == due,
                exact: report.is_some_and(|report| report.confidence == "exact"),
                amended: report.is_some_and(|report| report.amends),
                play: play.told.clone(),
                evidence: report.map(|report| report.evidence.clone()).unwrap_or_default(),
            });
        }
    }
    judged
}

/// Whether there is a report of every end, and the right one where a late request has to amend it.
pub(super) fn all_said(played: &[Played], said: &Said) -> bool {
    played.iter().all(|play| {
        play.ends().all(|(end, ..)| match (&play.reports(end, said)[..], play.truth) {
            ([], _) => false,
            ([.., report], Truth::Lost(Kind::Stale | Kind::Crossed)) => report.verdict == "idle-race",
            _ => true,
        })
    })
}
