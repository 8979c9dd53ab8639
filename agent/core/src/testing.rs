//! Closes made by hand, for the tests of every crate: one builder instead of a literal in each.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, SocketAddr},
};

use jiff::Timestamp;

use crate::{
    close::{CloseId, ClosedConnection, Code, CommunityId, RequestDelta, SCHEMA},
    connection::ListenerEnded,
    identity::{Comm, Ends, Process},
    labels::{Basis, Cause, CloseType, Closer, Confidence, Phase, Protocol, Race, Role, Verdict},
};

pub const SECOND: u64 = 1_000_000_000;
/// The process of [`listener_ended`].
pub const LISTENER_PID: u32 = 42;

/// `process` stopped listening at `port`, an hour after the boot.
pub fn listener_ended(port: u16, process: &str) -> ListenerEnded {
    let at_ns = 3600 * SECOND;
    ListenerEnded {
        at_ns,
        netns: 1,
        address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        process: Some(Process { pid: Some(LISTENER_PID), comm: Comm::from_text(process) }),
        cgroup_id: 9,
        workload: None,
        exit: None,
        replaced: false,
        last_accept_ns: Some(at_ns - SECOND / 2),
    }
}

/// The server's end of a connection to `port` that `process` closed after five idle seconds and three requests, an
/// hour after the boot.
pub fn server_idle(port: u16, process: &str) -> ClosedConnection {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ends = Ends { local: address(port), remote: address(40000) };
    ClosedConnection {
        schema: Cow::Borrowed(SCHEMA),
        id: CloseId { time_ns: 0, cookie: 1 },
        amends: false,
        time: Timestamp::UNIX_EPOCH,
        role: Role::Server,
        closer: Closer::Server,
        close_type: CloseType::Fin,
        phase: Phase::Idle,
        verdict: Verdict::ServerIdle,
        cause: Cause::Unknown,
        race: None,
        retried: None,
        code: Code(Closer::Server, Phase::Idle),
        confidence: Confidence::Exact,
        basis: Basis::Http,
        protocol: Some(Protocol::Http),
        in_flight: Some(0),
        requests: Some(3),
        requests_started: Some(3),
        reuse_gap: None,
        age: Some(6.0),
        idle: Some(5.0),
        silent: Some(5.0),
        silence: None,
        trace_id: None,
        span_id: None,
        goaway: None,
        tls_alert: None,
        websocket: None,
        request: None,
        after_listener: None,
        keep_alive: None,
        server: None,
        community_id: CommunityId::of(&ends),
        flow_id: "0123456789abcdef".parse().ok(),
        ends,
        server_port: Some(port),
        process: Some(Process { pid: Some(7), comm: Comm::from_text(process) }),
        closed_by: None,
        cgroup_id: None,
        workload: None,
        peer: None,
        netns: 1,
        bytes_sent: 1,
        bytes_received: 1,
        preexisting: false,
        evidence: Vec::new(),
        at_ns: 3600 * SECOND,
        request_totals: None,
        uncounted: None,
        stray_bytes: None,
        asked_to_end: false,
    }
}

/// The same close, met by a request.
pub fn raced(port: u16, process: &str, race: Race) -> ClosedConnection {
    ClosedConnection { verdict: Verdict::IdleRace, race: Some(race), ..server_idle(port, process) }
}

/// `started` requests, all completed, the reuses among them after `short_gaps` and one `long_gap` (seconds).
pub fn requests(started: u32, short_gaps: u32, long_gap: Option<f64>) -> RequestDelta {
    RequestDelta {
        basis: Basis::Http,
        begun: started,
        answered: started,
        unanswered: 0,
        reused: short_gaps + u32::from(long_gap.is_some()),
        short_gaps,
        long_gap,
        answered_gap: None,
    }
}
