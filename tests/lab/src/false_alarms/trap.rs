//! A trap: something that happens to healthy connections and looks like a failure, or like another failure than it is.

use std::{collections::BTreeMap, fmt, net::SocketAddr, ops::RangeInclusive, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::script::{Said, Server, Step};
use crate::{
    catalogue::{self, Need},
    launch::Launch,
    plays,
    truth::{Side, Truth},
};

/// One of plays/traps.toml, which says what the fields are.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trap {
    pub(crate) name: String,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) played: String,
    pub(crate) naive: String,
    #[serde(default, skip_serializing)]
    needs: Vec<String>,
    #[serde(default, skip_serializing)]
    pub(crate) advised: bool,
    #[serde(skip_serializing)]
    pub(crate) never_named: Option<String>,
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    #[serde(default)]
    pub(crate) scenarios: Vec<String>,
    #[serde(default, skip_serializing)]
    pub(super) servers: Vec<Server>,
    #[serde(default, skip_serializing)]
    pub(super) begins: Vec<Step>,
    #[serde(default, skip_serializing)]
    pub(super) steps: Vec<Step>,
    #[serde(default, skip_serializing)]
    pub(super) claims: Vec<Said>,
    #[serde(default, skip_serializing)]
    pub(super) keep: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Programs, by their names.
    pub(super) server: BTreeMap<String, Launch>,
    pub(super) client: BTreeMap<String, Launch>,
    trap: Vec<Trap>,
}

pub(super) static FILE: LazyLock<File> =
    LazyLock::new(|| plays::read(include_str!("../../plays/traps.toml")));

/// All of them, those that take longest first.
pub(super) fn all() -> impl Iterator<Item = &'static Trap> {
    FILE.trap.iter()
}

impl Trap {
    /// Otherwise other tests play it.
    pub(super) fn is_played(&self) -> bool {
        !self.claims.is_empty()
    }

    pub(super) fn needs_only(&self, software: &[String]) -> bool {
        self.is_played() && self.needs.iter().all(|name| software.contains(name))
    }

    pub(super) fn needs(&self) -> Vec<Need> {
        catalogue::needs(&self.needs)
    }
}

/// What may be said of the connections to one server, or of one of them. It follows from what was played, and the play
/// has seen that it went so.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) server: SocketAddr,
    /// `None`: every client that no other claim names.
    pub(crate) client: Option<SocketAddr>,
    /// Of the closes that it is about, in the order in which they were told, only this one.
    pub(crate) nth: Option<usize>,
    /// At each end that is there.
    pub(crate) closes: RangeInclusive<usize>,
    pub(crate) ends: Ends,
    pub(crate) may: May,
}

/// What may be said. An empty list: anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct May {
    pub(crate) verdicts: Vec<String>,
    pub(crate) closer: Option<String>,
    pub(crate) phases: Vec<String>,
    pub(crate) causes: Vec<String>,
    pub(crate) never_causes: Vec<String>,
    pub(crate) close_type: Option<String>,
    /// Seconds; the report must have it when this is set.
    pub(crate) idle: Option<(f64, f64)>,
    pub(crate) age: Option<(f64, f64)>,
    /// Requests answered in full.
    pub(crate) requests: Option<u32>,
    /// Words that no evidence may contain.
    pub(crate) never_evidence: Option<String>,
    /// Names that the process at an end may have: client's, server's.
    pub(crate) processes: [Vec<String>; 2],
}

/// Which ends of a connection must have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ends {
    #[default]
    Both,
    /// The server may never have had it.
    Client,
    /// Another claim is about the other end.
    Only(Side),
}

impl May {
    /// Whether a connection may end so.
    pub(crate) fn be(&self, truth: &Truth) -> bool {
        let has = |all: &[String], word: &str| all.iter().any(|one| one == word);
        has(&self.verdicts, truth.verdict)
            && self.closer.as_ref().is_none_or(|closer| closer == truth.closer.word())
            && (self.phases.is_empty() || has(&self.phases, truth.phase.word()))
            && self.close_type.as_ref().is_none_or(|close_type| close_type == truth.close_type.word())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.closes == (0..=0) {
            return f.write_str("nothing");
        }
        let May { verdicts, closer, phases, causes, idle, .. } = &self.may;
        write!(f, "{}", verdicts.join(" or "))?;
        closer.iter().try_for_each(|closer| write!(f, " by the {closer}"))?;
        if !phases.is_empty() {
            write!(f, " in {}", phases.join(" or "))?;
        }
        if !causes.is_empty() {
            let causes: Vec<_> = causes.iter().filter(|cause| *cause != "unknown").cloned().collect();
            write!(f, ", {}", causes.join(" or "))?;
        }
        idle.map_or(Ok(()), |(least, most)| write!(f, " after {least:.1} to {most:.1} s idle"))
    }
}

#[cfg(test)]
mod tests;
