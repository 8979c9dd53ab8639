//! A trap: something that happens to healthy connections and looks like a failure, or like another failure than it is.

use std::{fmt, net::SocketAddr, ops::RangeInclusive};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::stage::Stage;
use crate::{
    agent::Closes,
    truth::{Side, Truth},
};

/// One of plays/traps.toml, which says what the fields are.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Trap {
    pub(crate) name: String,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) played: String,
    pub(crate) naive: String,
    #[serde(default, skip_serializing)]
    pub(crate) needs: Vec<String>,
    #[serde(default, skip_serializing)]
    pub(crate) advised: bool,
    #[serde(skip_serializing)]
    pub(crate) never_named: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) play: Option<String>,
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    #[serde(default)]
    pub(crate) scenarios: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum Play {
    /// While the agents watch.
    Now(fn(&Stage<'_>) -> Result<Played>),
    /// Begun before the agents are there; the rest is played while they watch.
    Older(fn(&Stage<'_>) -> Result<Rest>),
}

/// What is played when the agents are there.
pub(crate) type Rest = Box<dyn FnOnce(&Stage<'_>) -> Result<Played> + Send>;

/// What a play leaves behind: what may be said of its connections, and what still lives.
#[derive(Default)]
pub(crate) struct Played {
    pub(crate) claims: Vec<Claim>,
    /// Dropped when the agents are gone.
    pub(crate) keep: Vec<Box<dyn Send>>,
    /// What agents of the play's own reported, besides the one that watches all.
    pub(crate) closes: Option<Closes>,
}

impl fmt::Debug for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Played").field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl From<Vec<Claim>> for Played {
    fn from(claims: Vec<Claim>) -> Self {
        Self { claims, ..Self::default() }
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
    pub(crate) verdicts: &'static [&'static str],
    /// `None` where it may be either.
    pub(crate) closer: Option<&'static str>,
    /// Empty: any.
    pub(crate) phases: &'static [&'static str],
    pub(crate) causes: &'static [&'static str],
    pub(crate) never_causes: &'static [&'static str],
    pub(crate) close_type: Option<&'static str>,
    /// Seconds, where the report has the clock at all; it must have it when this is set.
    pub(crate) idle: Option<RangeInclusive<f64>>,
    pub(crate) age: Option<RangeInclusive<f64>>,
    /// Requests answered in full.
    pub(crate) requests: Option<u32>,
    /// Words that no evidence may contain.
    pub(crate) never_evidence: Option<&'static str>,
    /// Names that the process at an end may have: client's, server's. Empty: any.
    pub(crate) processes: [&'static [&'static str]; 2],
}

/// Which ends of a connection must have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Both,
    /// The server may never have had it.
    Client,
    /// Another claim is about the other end.
    Only(Side),
}

impl Claim {
    /// Any number of connections to this server, of which nothing may be said but these verdicts.
    pub(crate) fn at(server: SocketAddr, verdicts: &'static [&'static str]) -> Self {
        Self {
            server,
            client: None,
            nth: None,
            closes: 1..=usize::MAX,
            ends: Ends::Both,
            verdicts,
            closer: None,
            phases: &[],
            causes: &[],
            never_causes: &[],
            close_type: None,
            idle: None,
            age: None,
            requests: None,
            never_evidence: None,
            processes: [&[], &[]],
        }
    }

    /// Of this client's connection alone.
    pub(crate) fn of(mut self, client: SocketAddr) -> Self {
        self.client = Some(client);
        self.closes = 1..=1;
        self
    }

    pub(crate) fn nth(mut self, number: usize) -> Self {
        self.nth = Some(number);
        self
    }

    pub(crate) fn closes(mut self, closes: RangeInclusive<usize>) -> Self {
        self.closes = closes;
        self
    }

    pub(crate) fn ends(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
    }

    pub(crate) fn by(mut self, closer: &'static str) -> Self {
        self.closer = Some(closer);
        self
    }

    pub(crate) fn phases(mut self, phases: &'static [&'static str]) -> Self {
        self.phases = phases;
        self
    }

    pub(crate) fn causes(mut self, causes: &'static [&'static str]) -> Self {
        self.causes = causes;
        self
    }

    pub(crate) fn never_causes(mut self, causes: &'static [&'static str]) -> Self {
        self.never_causes = causes;
        self
    }

    pub(crate) fn never_evidence(mut self, words: &'static str) -> Self {
        self.never_evidence = Some(words);
        self
    }

    pub(crate) fn close_type(mut self, close_type: &'static str) -> Self {
        self.close_type = Some(close_type);
        self
    }

    pub(crate) fn idle(mut self, seconds: RangeInclusive<f64>) -> Self {
        self.idle = Some(seconds);
        self
    }

    pub(crate) fn age(mut self, seconds: RangeInclusive<f64>) -> Self {
        self.age = Some(seconds);
        self
    }

    pub(crate) fn requests(mut self, answered: u32) -> Self {
        self.requests = Some(answered);
        self
    }

    pub(crate) fn processes(
        mut self,
        client: &'static [&'static str],
        server: &'static [&'static str],
    ) -> Self {
        self.processes = [client, server];
        self
    }
}

impl Claim {
    /// Whether it is claimed that a connection may end so.
    pub(crate) fn is_so(&self, truth: &Truth) -> bool {
        self.verdicts.contains(&truth.verdict)
            && self.closer.is_none_or(|closer| closer == truth.closer.word())
            && (self.phases.is_empty() || self.phases.contains(&truth.phase.word()))
            && self.close_type.is_none_or(|close_type| close_type == truth.close_type.word())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.closes == (0..=0) {
            return f.write_str("nothing");
        }
        write!(f, "{}", self.verdicts.join(" or "))?;
        self.closer.map_or(Ok(()), |closer| write!(f, " by the {closer}"))?;
        if !self.phases.is_empty() {
            write!(f, " in {}", self.phases.join(" or "))?;
        }
        if !self.causes.is_empty() {
            let causes: Vec<_> = self.causes.iter().filter(|cause| **cause != "unknown").copied().collect();
            write!(f, ", {}", causes.join(" or "))?;
        }
        if let Some(idle) = &self.idle {
            write!(f, " after {:.1} to {:.1} s idle", idle.start(), idle.end())?;
        }
        Ok(())
    }
}
