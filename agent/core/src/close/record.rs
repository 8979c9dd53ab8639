//! One ended connection as one end saw it: the record that every output shares, schema `whohungup.close/2`
//! (docs/json.md).

use std::{borrow::Cow, fmt, net::SocketAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whohungup_ebpf::event::Task;

use super::{
    community_id::CommunityId,
    facts,
    flow_id::FlowId,
    request_totals::{RequestDelta, RequestTotals},
};
use crate::{
    http::{Goaway, SpanId, TlsAlert, TraceId, WebSocket},
    identity::{Ends, ExitStatus, Process},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Protocol, Race, Role, Verdict},
    text::serde_as_text,
    workload::Workload,
};

/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.close/2";

/// One ended connection at one end. `None` (`null`) means unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClosedConnection {
    pub schema: Cow<'static, str>,
    /// The same in what amends it.
    pub id: CloseId,
    /// What came late changes a close that was reported before, with the same `id`.
    pub amends: bool,
    /// Of the first FIN or RST, by the wall clock as it stood when the close was settled.
    pub time: Timestamp,
    pub role: Role,
    pub closer: Closer,
    pub close_type: CloseType,
    pub phase: Phase,
    pub verdict: Verdict,
    pub cause: Cause,
    pub race: Option<Race>,
    /// `Some(true)` where it is proved that the lost request was sent again by the same process and answered: no caller
    /// noticed the race. `None` where it is not known.
    pub retried: Option<bool>,
    pub code: Code,
    pub confidence: Confidence,
    pub basis: Basis,
    /// What is spoken; `None` where nothing was said or seen.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Requests started and not fully answered.
    pub in_flight: Option<u32>,
    /// Requests served on the connection: started and fully answered.
    pub requests: Option<u32>,
    /// Requests started on it, one that was lost to the close included.
    pub requests_started: Option<u32>,
    /// Seconds from the end of a response to the newest request that reused the idle connection.
    #[serde(rename = "reuse_gap_seconds")]
    pub reuse_gap: Option<f64>,
    /// Seconds since the connection was made (clock `age`).
    #[serde(rename = "age_seconds")]
    pub age: Option<f64>,
    /// Seconds since the last response ended (clock `idle`).
    #[serde(rename = "idle_seconds")]
    pub idle: Option<f64>,
    /// Seconds since the last payload byte either way (clock `silent`).
    #[serde(rename = "silent_seconds")]
    pub silent: Option<f64>,
    /// Seconds without a byte either way after which the path let nothing through any more (cause `flow-forgotten`).
    #[serde(rename = "silence_before_seconds", default)]
    pub silence: Option<f64>,
    /// Seconds since the current request began (clock `request`).
    #[serde(rename = "request_seconds")]
    pub request: Option<f64>,
    /// Seconds from the end of its listener to the end of a server's connection that was older: negative when the
    /// listener ended after it. `None` while the listener lives.
    #[serde(rename = "after_listener_seconds")]
    pub after_listener: Option<f64>,
    /// What the newest response announced.
    pub keep_alive: Option<KeepAlive>,
    /// `Server` of the newest response.
    pub server: Option<String>,
    /// Of the open request, where its head was kept and has a `traceparent`.
    #[serde(default)]
    pub trace_id: Option<TraceId>,
    /// The span that the open request was sent in.
    #[serde(default)]
    pub span_id: Option<SpanId>,
    /// HTTP/2: the newest GOAWAY, the server's first.
    #[serde(default)]
    pub goaway: Option<Goaway>,
    /// The alert with which the TLS handshake failed.
    #[serde(default)]
    pub tls_alert: Option<TlsAlert>,
    /// What the frames of a WebSocket said.
    #[serde(default)]
    pub websocket: Option<Box<WebSocket>>,
    /// As others name the connection, by its addresses; `None` where they are left out or not known.
    #[serde(default)]
    pub community_id: Option<CommunityId>,
    /// The same at both ends, whatever translates addresses between them; `None` where it cannot be known.
    #[serde(default)]
    pub flow_id: Option<FlowId>,
    #[serde(flatten)]
    pub ends: Ends,
    /// The port of the server's end; `None` where the role is unknown.
    pub server_port: Option<u16>,
    pub process: Option<Process>,
    /// The process that closed it first on this host.
    pub closed_by: Option<ClosedBy>,
    pub cgroup_id: Option<u64>,
    /// Whose socket it is; `None` of the host's own processes in no unit, and where it could not be found out.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// Who the other end is, where it is on this host.
    #[serde(default)]
    pub peer: Option<Peer>,
    pub netns: u32,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// The socket is older than the agent.
    pub preexisting: bool,
    /// Why, most telling first, for people.
    pub evidence: Vec<String>,

    /// CLOCK_MONOTONIC ns of the first FIN or RST.
    #[serde(skip)]
    pub at_ns: u64,
    /// What the request counters are made of, requests inferred from turns included.
    #[serde(skip)]
    pub request_totals: Option<RequestTotals>,
    /// Requests that were not counted while the connection was open; `None` when none were followed.
    #[serde(skip)]
    pub uncounted: Option<RequestDelta>,
    /// Bytes behind the end of the newest response that begin no message.
    #[serde(skip)]
    pub stray_bytes: Option<u32>,
    /// The client itself had asked for the end with its newest request: no limit of the server's shows in that.
    #[serde(skip)]
    pub asked_to_end: bool,
}

/// Who is at an end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pub process: Option<Process>,
    pub workload: Option<Workload>,
    /// Its own address, where that is not the one that this end knows: behind a service's address (DNAT).
    #[serde(default)]
    pub address: Option<SocketAddr>,
}

impl ClosedConnection {
    /// As the server's end sees them, where that is known: a client may have connected to a service's address.
    pub fn real_ends(&self) -> Ends {
        let address = self.peer.as_ref().and_then(|peer| peer.address).filter(|_| self.role == Role::Client);
        Ends { remote: address.unwrap_or(self.ends.remote), ..self.ends }
    }

    /// The same with the time by the wall clock as it stands when the close is settled.
    #[must_use]
    pub(crate) fn settled(self, cookie: u64, time: Timestamp) -> Self {
        Self { id: CloseId::new(cookie, time), time, ..self }
    }
}

/// Names one close of one socket on one host: its wall-clock time and the socket's cookie (`sock_gen_cookie`,
/// net/core/sock_diag.c, v6.1 to v6.18: unique until the next boot).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CloseId {
    pub time_ns: u64,
    pub cookie: u64,
}

impl CloseId {
    pub(crate) fn new(cookie: u64, time: Timestamp) -> Self {
        Self { time_ns: u64::try_from(time.as_nanosecond()).unwrap_or_default(), cookie }
    }
}

impl fmt::Display for CloseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.time_ns, self.cookie)
    }
}

impl FromStr for CloseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('-').and_then(|(time, cookie)| {
            Some(Self {
                time_ns: u64::from_str_radix(time, 16).ok()?,
                cookie: u64::from_str_radix(cookie, 16).ok()?,
            })
        });
        parsed.ok_or_else(|| {
            format!("`{text}` is no id of a close: two hexadecimal numbers with a dash between")
        })
    }
}

/// Two letters in HAProxy's manner: who ended it, and in which phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub Closer, pub Phase);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.letter(), self.1.letter())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let closer = Closer::ALL.iter().find(|closer| text.starts_with(closer.letter()));
        let phase = Phase::ALL.iter().find(|phase| text.ends_with(phase.letter()));
        match (closer, phase, text.len()) {
            (Some(&closer), Some(&phase), 2) => Ok(Self(closer, phase)),
            _ => Err(format!("`{text}` is no code of a close: a closer's and a phase's letter")),
        }
    }
}

serde_as_text!(CloseId);
serde_as_text!(Code);

/// The parameters of a `Keep-Alive` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepAlive {
    /// Seconds.
    pub timeout: Option<u32>,
    /// Requests.
    pub max: Option<u32>,
}

/// The process that closed it first on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedBy {
    #[serde(flatten)]
    pub process: Process,
    pub exiting: bool,
    pub signal: Option<u32>,
    /// When it exits by itself.
    pub status: Option<u32>,
}

impl ClosedBy {
    /// `None` where no process took the step.
    pub fn from_task(task: &Task) -> Option<Self> {
        Some(Self {
            process: Process::from_task(task)?,
            exiting: facts::is_exiting(task),
            signal: facts::signal(task),
            status: facts::status(task),
        })
    }

    /// How it ended, where it did.
    pub fn exit(&self) -> Option<ExitStatus> {
        self.signal.map(ExitStatus::Signal).or_else(|| self.status.map(ExitStatus::Status))
    }
}

#[cfg(test)]
mod tests;
