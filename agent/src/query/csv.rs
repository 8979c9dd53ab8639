//! Closes as comma-separated values (RFC 4180), for spreadsheets.

use std::io::{self, Write};

use serde::Serialize;
use whohungup_core::{
    close::{ClosedConnection, CommunityId, FlowId},
    identity::Process,
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Race, Role, Verdict},
    workload::Workload,
};

/// The columns, named as in JSON; what is an object there is its words here.
#[derive(Serialize)]
struct Row {
    time: String,
    id: String,
    role: Role,
    closer: Closer,
    close_type: CloseType,
    phase: Phase,
    verdict: Verdict,
    cause: Cause,
    race: Option<Race>,
    retried: Option<bool>,
    confidence: Confidence,
    basis: Basis,
    in_flight: Option<u32>,
    requests: Option<u32>,
    requests_started: Option<u32>,
    reuse_gap_seconds: Option<f64>,
    age_seconds: Option<f64>,
    idle_seconds: Option<f64>,
    silent_seconds: Option<f64>,
    request_seconds: Option<f64>,
    local: String,
    remote: String,
    server_port: Option<u16>,
    process: Option<String>,
    pid: Option<u32>,
    workload: Option<String>,
    peer_process: Option<String>,
    peer_workload: Option<String>,
    bytes_sent: u64,
    bytes_received: u64,
    evidence: String,
    community_id: Option<CommunityId>,
    flow_id: Option<FlowId>,
}

impl From<&ClosedConnection> for Row {
    fn from(close: &ClosedConnection) -> Self {
        let name = |process: Process| process.comm.to_string();
        let words = |workload: &Workload| workload.to_string();
        let peer = close.peer.as_ref();
        Self {
            time: close.time.to_string(),
            id: close.id.to_string(),
            role: close.role,
            closer: close.closer,
            close_type: close.close_type,
            phase: close.phase,
            verdict: close.verdict,
            cause: close.cause,
            race: close.race,
            retried: close.retried,
            confidence: close.confidence,
            basis: close.basis,
            in_flight: close.in_flight,
            requests: close.requests,
            requests_started: close.requests_started,
            reuse_gap_seconds: close.reuse_gap,
            age_seconds: close.age,
            idle_seconds: close.idle,
            silent_seconds: close.silent,
            request_seconds: close.request,
            local: close.ends.local.to_string(),
            remote: close.ends.remote.to_string(),
            server_port: close.server_port,
            process: close.process.map(name),
            pid: close.process.and_then(|process| process.pid),
            workload: close.workload.as_ref().map(words),
            peer_process: peer.and_then(|peer| peer.process).map(name),
            peer_workload: peer.and_then(|peer| peer.workload.as_ref()).map(words),
            bytes_sent: close.bytes_sent,
            bytes_received: close.bytes_received,
            evidence: close.evidence.join("; "),
            community_id: close.community_id,
            flow_id: close.flow_id,
        }
    }
}

/// Writes rows, the names before the first.
#[derive(Default)]
pub(super) struct Csv {
    has_begun: bool,
}

impl Csv {
    pub(super) fn write(&mut self, out: &mut impl Write, close: &ClosedConnection) -> io::Result<()> {
        let mut writer = ::csv::WriterBuilder::new().has_headers(!self.has_begun).from_writer(out);
        self.has_begun = true;
        writer.serialize(Row::from(close)).map_err(io::Error::other)?;
        writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::testing::server_idle;

    #[test]
    fn names_come_once_and_text_cannot_break_out() {
        let mut close = server_idle(8080, "a,b\"c");
        close.evidence = vec!["one\ntwo".to_owned()];
        let (mut csv, mut out) = (Csv::default(), Vec::new());
        csv.write(&mut out, &close).expect("in memory");
        csv.write(&mut out, &close).expect("in memory");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.matches("time,id,role").count(), 1);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().expect("names").clone();
        let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
        let at = names.iter().position(|name| name == "process").expect("a column");
        assert_eq!((rows.len(), &rows[1][at]), (2, "a,b\"c"));
    }
}
