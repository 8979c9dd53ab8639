//! One close as the page, the API and `top` show it. Names that docs/json.md has mean the same here.

use serde::{Deserialize, Serialize};

use super::{kept::KeptClose, say};
use crate::clock::wall_time;
use whohungup_core::{
    close::facts::comm,
    labels::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Verdict},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseView {
    /// Counted from 1 since the agent began.
    pub number: u64,
    /// RFC 3339, UTC, of the first FIN or RST.
    pub time: String,
    pub role: Role,
    pub closer: Closer,
    pub how: How,
    pub phase: Phase,
    pub verdict: Verdict,
    pub cause: Cause,
    pub race: Option<Race>,
    pub masked: bool,
    pub code: String,
    pub confidence: Confidence,
    pub basis: Basis,
    pub in_flight: Option<u32>,
    pub requests: Option<u32>,
    pub reuse_gap_seconds: Option<f64>,
    pub age_seconds: Option<f64>,
    pub idle_seconds: Option<f64>,
    pub silent_seconds: Option<f64>,
    pub request_seconds: Option<f64>,
    pub server: Option<String>,
    pub local: String,
    pub remote: String,
    /// The port of the server's end; `null` where the role is unknown.
    pub server_port: Option<u16>,
    pub process: Option<ProcessView>,
    /// The process that closed it on this host.
    pub closed_by: Option<ProcessView>,
    /// What happened, in a sentence.
    pub said: String,
    /// Why, most telling first.
    pub evidence: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    pub pid: Option<u32>,
    pub comm: String,
}

impl CloseView {
    pub fn new(kept: &KeptClose) -> Self {
        let KeptClose { number, report } = kept;
        let close = &report.close;
        Self {
            number: *number,
            time: wall_time(close.at_ns).to_string(),
            role: close.role,
            closer: close.closer,
            how: close.how,
            phase: close.phase,
            verdict: close.verdict,
            cause: close.cause,
            race: close.race,
            masked: close.masked,
            code: close.code(),
            confidence: close.confidence,
            basis: close.basis,
            in_flight: close.in_flight,
            requests: close.requests,
            reuse_gap_seconds: close.reuse_gap,
            age_seconds: close.age,
            idle_seconds: close.idle,
            silent_seconds: close.silent,
            request_seconds: close.request,
            server: close.server.clone(),
            local: report.ends.local.to_string(),
            remote: report.ends.remote.to_string(),
            server_port: report.ends.server_port(close.role),
            process: report
                .process
                .map(|process| ProcessView { pid: process.pid, comm: comm(&process.comm) }),
            closed_by: report.closed_by.map(|by| ProcessView { pid: Some(by.pid), comm: comm(&by.comm) }),
            said: say::close(close),
            evidence: close.evidence.clone(),
        }
    }
}
