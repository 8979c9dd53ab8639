//! One line of `watch --json` (docs/json.md). Nothing else in the tests knows the names that the agent writes.

mod expect;

use std::{fmt, net::SocketAddr};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::expect::CLOCK_TOLERANCE;

#[derive(Clone, Deserialize)]
pub struct Close {
    /// The same in what amends it.
    pub id: String,
    /// It replaces what was said of the same socket before.
    pub amends: bool,
    pub time: String,
    pub role: String,
    pub closer: String,
    pub close_type: String,
    pub phase: String,
    pub verdict: String,
    pub cause: String,
    pub race: Option<String>,
    /// `None` where it is not proved.
    pub retried: Option<bool>,
    pub code: String,
    pub confidence: String,
    pub basis: String,
    pub in_flight: Option<u32>,
    /// Answered in full.
    pub requests: Option<u32>,
    pub requests_started: Option<u32>,
    pub reuse_gap_seconds: Option<f64>,
    pub age_seconds: Option<f64>,
    pub idle_seconds: Option<f64>,
    pub silent_seconds: Option<f64>,
    pub request_seconds: Option<f64>,
    pub keep_alive: Option<KeepAlive>,
    /// As the response named it.
    pub server: Option<String>,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub process: Option<Process>,
    pub closed_by: Option<Process>,
    pub netns: u64,
    pub preexisting: bool,
    pub evidence: Vec<String>,
    /// The whole object, by the names of the fields here.
    #[serde(skip)]
    json: Value,
}

/// What a response announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct KeepAlive {
    pub timeout: Option<u64>,
    pub max: Option<u64>,
}

/// Whose socket it is, or who closed it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Process {
    pub pid: Option<u32>,
    pub comm: String,
    /// Only of who closed it: it was ending, and of what signal.
    #[serde(default)]
    pub exiting: bool,
    pub signal: Option<i32>,
}

impl Close {
    pub fn parse(line: &str) -> Result<Self> {
        let json = serde_json::from_str(line).with_context(|| format!("parse {line}"))?;
        Self::from_json(json).with_context(|| format!("read {line}"))
    }

    fn from_json(json: Value) -> Result<Self> {
        Ok(Self { json: json.clone(), ..serde_json::from_value(json)? })
    }

    /// The whole object, by the names of the fields here.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What orders closes by time: the fraction of a second has as many digits as it needs.
    pub fn moment(&self) -> (String, String) {
        let time = self.time.trim_end_matches('Z');
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        (seconds.to_owned(), format!("{fraction:0<9}"))
    }

    /// The verdict, or of a race the kind.
    pub fn verdict_or_race(&self) -> &str {
        if self.verdict == "idle-race" { self.race.as_deref().unwrap_or("idle-race") } else { &self.verdict }
    }

    /// Namespace, local and remote address: what tells one socket from another.
    pub fn socket(&self) -> (u64, SocketAddr, SocketAddr) {
        (self.netns, self.local, self.remote)
    }

    pub fn touches(&self, at: SocketAddr) -> bool {
        self.local == at || self.remote == at
    }

    /// A close by hand: what the server's end says of a client that gave up waiting, with these changes.
    ///
    /// # Panics
    /// When a change has another type than its field.
    pub fn sample(changes: &[(&str, Value)]) -> Self {
        let mut json = json!({
            "id": "0-1", "amends": false, "time": "2026-01-01T00:00:00Z", "role": "server", "closer": "client", "close_type": "fin",
            "phase": "waiting", "verdict": "premature-hangup", "cause": "unknown", "race": null, "retried": null,
            "code": "CW", "confidence": "exact", "basis": "http", "in_flight": 1, "age_seconds": 1.5,
            "idle_seconds": null, "silent_seconds": 1.0, "request_seconds": 1.0, "local": "127.0.0.1:80",
            "remote": "127.0.0.1:1000", "process": {"pid": 7, "comm": "nginx"}, "closed_by": null, "netns": 7,
            "preexisting": false, "evidence": [],
        });
        for (name, value) in changes {
            json[*name] = value.clone();
        }
        Self::from_json(json).expect("a close")
    }
}

impl fmt::Debug for Close {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            write!(formatter, "{:#}", self.json)
        } else {
            write!(formatter, "{}", self.json)
        }
    }
}

#[cfg(test)]
mod tests;
