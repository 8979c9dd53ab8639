//! What has been inferred of one endpoint, as plain values for the report, the metrics and the API.

use serde::{Deserialize, Serialize};

use super::{
    keepalive::KeepaliveAudit, key::EndpointKey, losses::Losses, path::PathSilence, peers::PeerEndpoint,
    process_exits::Exits,
};
use crate::{
    labels::{Cause, Clock, Phase, Protocol, Race, Side, Verdict},
    program::Program,
    workload::Workload,
};

/// One endpoint, as seen so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    #[serde(flatten)]
    pub key: EndpointKey,
    /// Whose it is: what [`EndpointKey::workload`] stands for.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// Who is at the other end, as far as that is on this host, at most eight: those with the most losses and closes first.
    #[serde(default)]
    pub peers: Vec<PeerEndpoint>,
    /// The newest processes of its connections, newest first, at most 16.
    #[serde(default)]
    pub recent_pids: Vec<u32>,
    /// Where the role is unknown: the newest ports of both ends, newest first, at most 16.
    #[serde(default)]
    pub recent_ports: Vec<u16>,
    /// What is known of the program behind [`EndpointKey::process`].
    pub program: Option<Program>,
    /// `Server` of the newest response.
    pub server: Option<String>,
    /// `Keep-Alive: timeout=` of the newest response that had one, seconds.
    pub announced: Option<u32>,
    /// What is spoken there; `None` where nothing was said or seen.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    pub closes: u64,
    pub verdicts: Vec<(Verdict, u64)>,
    pub causes: Vec<(Cause, u64)>,
    pub races: Vec<(Race, u64)>,
    /// Of the races, those whose request was sent again and answered.
    pub retried: u64,
    /// Requests started, and of them those on an idle connection that had served others.
    pub started: u64,
    pub reused: u64,
    /// Requests lost to idle closes.
    pub lost: u64,
    /// Requests lost to whatever.
    #[serde(default)]
    pub losses: Losses,
    /// Of the races, those whose request had lain unread for longer than 0.1 s.
    #[serde(default)]
    pub lay_unread: u64,
    /// Closes by the server right after the first response, which had not announced them.
    #[serde(default)]
    pub after_each: u64,
    /// Idle connections that the server ended with a reset. What a client writes on one fails unseen.
    #[serde(default)]
    pub idle_resets: u64,
    /// Idle connections that the server closed many in one moment, after different idle times (a reload), and of them
    /// those that met a request.
    #[serde(default)]
    pub closed_at_once: u64,
    #[serde(default)]
    pub lost_at_once: u64,
    /// Of the newest 24 idle connections that the server closed, those that made room for others that came.
    #[serde(default)]
    pub made_room: u64,
    /// Of the reuses, those whose gap came within the margin of the other side's timer.
    pub at_risk: u64,
    pub timers: Vec<Timer>,
    pub gaps: Gaps,
    /// Of processes and listeners that ended.
    #[serde(default)]
    pub exits: Exits,
    /// Connections that a server ended with GOAWAY because the client had sent too many pings.
    #[serde(default)]
    pub too_many_pings: u64,
    /// What between the two ends forgets silent connections; `None` where nothing was seen to.
    #[serde(default)]
    pub path: Option<PathSilence>,
    /// What its old connections to other hosts do to be remembered; `None` where there are none.
    #[serde(default)]
    pub keepalive: Option<KeepaliveAudit>,
    /// WebSockets: the longest time without a frame, seconds, that ended with one.
    #[serde(rename = "longest_tunnel_silence_seconds", default)]
    pub tunnel_silence: Option<f64>,
    pub headroom: Option<Headroom>,
    pub risk: Risk,
}

/// A side closes again and again after the same time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub side: Side,
    pub phase: Phase,
    pub clock: Clock,
    /// Middle of what was observed, seconds. For a timer that is polled (`most` well above `least`) the least.
    pub seconds: f64,
    pub least: f64,
    pub most: f64,
    /// Closes that show it.
    pub count: u64,
    /// Of all closes by this side in this phase, the share that this timer made, 0 to 1.
    pub share: f64,
    /// Closes by bins of equal width from `least` to `most`.
    pub bins: Vec<u32>,
}

/// Seconds from the end of a response to the next request on the same connection, lost ones included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    pub count: u64,
    pub longest: Option<f64>,
    /// Upper bounds (seconds) and counts, shortest first, empty bins left out.
    pub bins: Vec<(f64, u64)>,
}

/// The server's idle timer against the gaps after which clients use the connection again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// `server` minus `client`, seconds; negative when requests are being lost or are about to be.
    pub seconds: f64,
    /// The server's idle timer, seconds.
    pub server: f64,
    /// How long clients hold an idle connection and use it again, seconds: their own idle timer where one shows,
    /// else the longest gap; at least this when `open_ended`.
    pub client: f64,
    pub open_ended: bool,
    /// What counts as too close, seconds.
    pub margin: f64,
}

crate::label_set! {
    /// What the timers and the gaps of an endpoint mean together, worst first.
    #[derive(Default)]
    pub enum Risk {
        /// Requests have been lost to idle closes within the last hour.
        Losing,
        /// The server closes connections that clients would use again: none was lost yet.
        Mismatch,
        /// Both sides close at about the same time.
        Tie,
        /// The clients close first, with room to spare.
        Safe,
        /// Nothing has been seen that tells.
        #[default]
        Unknown,
    }
}

impl Risk {
    /// The same, but for an endpoint that lost requests in a way that no timer shows: it is no calm one.
    #[must_use]
    pub const fn where_lost(self, lost: u64) -> Self {
        match self {
            Self::Safe | Self::Unknown if lost > 0 => Self::Losing,
            known => known,
        }
    }
}

/// How full the table of endpoints is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferTotals {
    /// Endpoints distinguished now, and at most.
    pub endpoints: usize,
    pub limit: usize,
    /// Endpoints forgotten because nothing was seen of them any more.
    pub expired: u64,
    /// Endpoints with hardly a close that made room for others; what was counted of them is in `other`.
    #[serde(default)]
    pub evicted: u64,
    /// Closes of endpoints beyond the limit, counted together, and those endpoints, up to 4,096.
    pub over: u64,
    #[serde(default)]
    pub beyond: u64,
    /// Memory now, and of one endpoint at most.
    pub bytes: usize,
    pub endpoint_bytes: usize,
}
