//! What `whohungup report --json` says, as far as it is compared: schema `whohungup.report/2` (docs/report.md).

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::truth::Side;

const SCHEMA: &str = "whohungup.report/2";

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Model {
    schema: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) role: String,
    pub(crate) server_port: Option<u16>,
    pub(crate) process: String,
    pub(crate) closes: u64,
    pub(crate) verdicts: Vec<(String, u64)>,
    pub(crate) causes: Vec<(String, u64)>,
    pub(crate) races: Vec<(String, u64)>,
    pub(crate) started: u64,
    pub(crate) reused: u64,
    pub(crate) lost: u64,
    /// Reuses within the margin of the server's timeout.
    pub(crate) at_risk: u64,
    pub(crate) timers: Vec<Timer>,
    /// Whose each of `timers` could be, in the same order.
    named: Vec<Named>,
    #[serde(default)]
    pub(crate) exits: Exits,
    pub(crate) risk: String,
    pub(crate) advice: Vec<Advice>,
}

/// Of processes and listeners that ended.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Exits {
    /// Idle connections that were closed with their listener, and that outlived it.
    pub(crate) idle_closed: u64,
    pub(crate) idle_left: u64,
    /// For how long at most, seconds.
    pub(crate) waited: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Timer {
    pub(crate) side: Side,
    pub(crate) phase: String,
    pub(crate) clock: String,
    /// Seconds, as the two below.
    pub(crate) seconds: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) count: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) product: String,
    pub(crate) setting: String,
    pub(crate) likelihood: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
pub(crate) struct Advice {
    pub(crate) side: Side,
    pub(crate) program: Option<String>,
    pub(crate) setting: Option<String>,
    pub(crate) value: Option<String>,
    /// What was seen.
    pub(crate) why: String,
    pub(crate) text: String,
    pub(crate) urgency: String,
    pub(crate) alternative: bool,
}

impl Model {
    /// # Errors
    /// When it is no such report.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let model: Self = serde_json::from_str(text).with_context(|| format!("parse {text}"))?;
        ensure!(model.schema == SCHEMA, "the report's schema is {}, not {SCHEMA}", model.schema);
        Ok(model)
    }
}

impl Endpoint {
    /// Whose a timer could be, likeliest first.
    pub(crate) fn candidates(&self, timer: &Timer) -> &[Candidate] {
        let index = self.timers.iter().position(|one| one == timer);
        index.and_then(|index| self.named.get(index)).map_or(&[], |named| &named.candidates)
    }

    /// How many closes had this verdict.
    pub(crate) fn verdict(&self, word: &str) -> u64 {
        counted(&self.verdicts, word)
    }

    pub(crate) fn cause(&self, word: &str) -> u64 {
        counted(&self.causes, word)
    }
}

fn counted(counts: &[(String, u64)], word: &str) -> u64 {
    counts.iter().find(|(one, _)| one == word).map_or(0, |(_, count)| *count)
}
