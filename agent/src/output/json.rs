//! One close as one JSON object: the schema is documented in docs/json.md.

use serde::Serialize;

use crate::clock::wall_time;
use whohungup_core::{
    close::{KeepAlive, facts::comm},
    connection::{Process, Report},
    labels::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Verdict},
};

/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.close/1";

/// Names in the order in which they are documented; `null` means unknown.
#[derive(Debug, Serialize)]
pub struct CloseObject<'a> {
    pub schema: &'static str,
    /// RFC 3339, of the first FIN or RST.
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
    pub requests_begun: Option<u32>,
    pub reuse_gap_seconds: Option<f64>,
    pub age_seconds: Option<f64>,
    pub idle_seconds: Option<f64>,
    pub silent_seconds: Option<f64>,
    pub request_seconds: Option<f64>,
    pub after_listener_seconds: Option<f64>,
    pub keep_alive: Option<KeepAliveObject>,
    pub server: Option<&'a str>,
    pub local: String,
    pub remote: String,
    pub process: Option<ProcessObject>,
    pub closed_by: Option<ClosedByObject>,
    pub cgroup_id: Option<u64>,
    pub netns: u32,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub adopted: bool,
    pub evidence: &'a [String],
}

/// As announced; what was not is `null`.
#[derive(Debug, Serialize)]
pub struct KeepAliveObject {
    pub timeout: Option<u32>,
    pub max: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct ProcessObject {
    pub pid: Option<u32>,
    pub comm: String,
}

#[derive(Debug, Serialize)]
pub struct ClosedByObject {
    pub pid: u32,
    pub comm: String,
    pub exiting: bool,
    pub signal: Option<u32>,
    pub status: Option<u32>,
}

impl<'a> CloseObject<'a> {
    pub fn new(report: &'a Report) -> Self {
        let close = &report.close;
        Self {
            schema: SCHEMA,
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
            requests_begun: close.requests_begun,
            reuse_gap_seconds: close.reuse_gap,
            age_seconds: close.age,
            idle_seconds: close.idle,
            silent_seconds: close.silent,
            request_seconds: close.request,
            after_listener_seconds: close.after_listener,
            keep_alive: close.keep_alive.map(KeepAliveObject::new),
            server: close.server.as_deref(),
            local: report.ends.local.to_string(),
            remote: report.ends.remote.to_string(),
            process: report.process.map(ProcessObject::new),
            closed_by: report.closed_by.map(|by| ClosedByObject {
                pid: by.pid,
                comm: comm(&by.comm),
                exiting: by.exiting,
                signal: by.signal,
                status: by.status,
            }),
            cgroup_id: report.cgroup_id,
            netns: report.netns,
            bytes_sent: close.bytes_sent,
            bytes_received: close.bytes_received,
            adopted: close.adopted,
            evidence: &close.evidence,
        }
    }
}

impl KeepAliveObject {
    fn new(KeepAlive { timeout, max }: KeepAlive) -> Self {
        Self { timeout, max }
    }
}

impl ProcessObject {
    fn new(process: Process) -> Self {
        Self { pid: process.pid, comm: comm(&process.comm) }
    }
}
