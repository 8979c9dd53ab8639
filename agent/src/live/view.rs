//! What the page and `top` are given: schema `whohungup.live/2`, documented in docs/page.md.

use serde::{Deserialize, Serialize};

use super::{close::NumberedClose, shutdown::ShutdownView};
use whohungup_core::{
    advice::{Advice, Meta},
    endpoint::{Gaps, Headroom, PeerEndpoint, Risk},
    labels::{Clock, Phase, Role, Side, Verdict},
    workload::{Workload, WorkloadId},
};

/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.live/2";
/// Where a daemon answers with [`LiveView`], with [`ClosesView`], and with [`LiveUpdate`]s as server-sent events.
pub const LIVE: &str = "/api/v1/live";
pub const CLOSES: &str = "/api/v1/closes";
pub const EVENTS: &str = "/api/v1/events";

/// Everything at one moment, but for the single closes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveView {
    pub schema: String,
    /// RFC 3339, UTC.
    pub now: String,
    pub meta: Meta,
    pub headline: Headline,
    pub minutes: Minutes,
    /// Requests lost in the last hour, whatever the verdict.
    pub lost_hour: u64,
    pub open: Vec<OpenCount>,
    pub closes: CloseCounts,
    #[serde(default)]
    pub viewers: Viewers,
    /// Endpoints that were asked for, and of them those shown.
    pub endpoints_total: usize,
    /// Of all that were asked for; two ends of the same connections count once.
    pub endpoints_in_trouble: usize,
    pub endpoints: Vec<EndpointView>,
    /// Servers that stopped, newest first: those that were asked for of the newest 64.
    #[serde(default)]
    pub shutdowns: Vec<ShutdownView>,
}

/// Who hangs up on whom, and why, in a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    pub tone: Tone,
    pub text: String,
    /// What to do about it.
    pub action: Option<String>,
    /// The endpoint that it is about: its `id`.
    pub endpoint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Requests are being lost.
    Losing,
    /// They will be.
    Warning,
    /// Nothing of this, but connections broke off.
    Notice,
    Calm,
    /// Nothing has been seen yet.
    Empty,
}

/// Closes of the last hour by minute and verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// What each column of `counts` is.
    pub verdicts: Vec<Verdict>,
    /// When the first minute began: RFC 3339, UTC.
    pub from: String,
    /// One row for each minute, oldest first; the last has only begun.
    pub counts: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCount {
    pub role: Role,
    /// `connecting`, `established` or `closing`.
    pub state: String,
    pub count: u64,
}

/// Who follows the daemon's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewers {
    pub now: u64,
    pub most: u64,
    /// Turned away because there were so many.
    pub refused: u64,
    /// Let go because they did not read.
    pub dropped: u64,
}

/// Of all closes, those that are kept with their evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseCounts {
    /// The number of the newest that was kept.
    pub newest: u64,
    /// Not kept, because too many came at once.
    pub left_out: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointView {
    /// `server/8080/node`, and its workload's id where it has one.
    pub id: String,
    pub role: Role,
    pub server_port: Option<u16>,
    pub process: String,
    /// Whose it is.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// The workload's id, for a filter.
    #[serde(default)]
    pub workload_id: Option<WorkloadId>,
    /// The workload's names as people say them: `shop/checkout-7d4b9/app`.
    #[serde(default)]
    pub workload_name: Option<String>,
    /// `node server on port 8080 in nginx.service`.
    pub title: String,
    #[serde(default)]
    pub peers: Vec<PeerEndpoint>,
    /// The newest processes of its connections, newest first, at most 16.
    #[serde(default)]
    pub recent_pids: Vec<u32>,
    /// By its timers and races.
    pub risk: Risk,
    /// The same, but for one that lost requests in the last hour in another way: it is [`Risk::Losing`] too.
    #[serde(default)]
    pub state: Risk,
    /// `state` in words.
    pub risk_text: String,
    /// It needs a look: at risk, losing requests, or with advice.
    pub trouble: bool,
    /// The other end's process, when it runs on this host and shows the same timer.
    pub peer: Option<String>,
    /// The endpoint with the other end of the same connections, when that is on this host and comes before.
    pub peer_endpoint: Option<String>,
    pub closes: u64,
    pub closes_hour: u64,
    pub lost: u64,
    pub lost_hour: u64,
    /// When the newest request was lost: RFC 3339, UTC.
    #[serde(default)]
    pub last_lost: Option<String>,
    /// Closes, and requests lost, in each minute of [`LiveView::minutes`]; empty where there were none.
    #[serde(default)]
    pub minute_closes: Vec<u64>,
    #[serde(default)]
    pub minute_lost: Vec<u64>,
    /// Ended in the middle of a request or response, in the last hour.
    pub premature_hour: u64,
    pub at_risk: u64,
    /// Idle connections that the server ended with a reset.
    #[serde(default)]
    pub idle_resets: u64,
    pub started: u64,
    pub reused: u64,
    pub verdicts: Vec<(Verdict, u64)>,
    pub connecting: u64,
    pub established: u64,
    pub closing: u64,
    pub timers: Vec<TimerView>,
    pub headroom: Option<Headroom>,
    pub gaps: Gaps,
    /// Closes of idle connections by the server and by the client: number of the bin and count. Bin *n* begins at
    /// 0.01 s x 10^(n/24).
    pub idle_server: Vec<(u16, u32)>,
    pub idle_client: Vec<(u16, u32)>,
    /// The newest 128 of them in the last hour: minutes ago, number of the bin, and count; the oldest first.
    #[serde(default)]
    pub idle_server_minutes: Vec<(u64, u16, u32)>,
    #[serde(default)]
    pub idle_client_minutes: Vec<(u64, u16, u32)>,
    /// What the report says: label and text.
    pub lines: Vec<(String, String)>,
    pub advice: Vec<Advice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerView {
    pub side: Side,
    pub phase: Phase,
    pub clock: Clock,
    pub seconds: f64,
    pub least: f64,
    pub most: f64,
    pub count: u64,
    pub text: String,
    /// Whose it is or could be.
    pub whose: Option<String>,
}

/// The last closes, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClosesView {
    pub schema: String,
    pub newest: u64,
    pub left_out: u64,
    pub closes: Vec<NumberedClose>,
}

/// What each second brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveUpdate {
    /// Open connections.
    pub open: u64,
    pub newest: u64,
    pub left_out: u64,
    pub lost_hour: u64,
    /// Closes of the minute that has begun, by verdict.
    pub minute: Vec<u32>,
    /// New since the pulse before, newest first.
    pub closes: Vec<NumberedClose>,
}
