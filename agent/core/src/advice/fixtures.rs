//! Endpoints and a small table of products for the tests.

use crate::{
    close::LossReason,
    endpoint::{Endpoint, EndpointKey, Exits, Gaps, Headroom, Losses, Risk, Timer},
    identity::Comm,
    labels::{Cause, Clock, Phase, Race, Role, Side, Verdict},
    products::Products,
};

/// Node's server, Go's and requests' clients, and a server that nothing identifies.
const PRODUCTS: &str = r#"
[[product]]
name = "Node.js"
executables = ["node"]

[[product.timer]]
versions = "22"
sides = ["server"]
phases = ["idle"]
clock = "idle"
default = 5
bias = 1
setting = { name = "server.keepAliveTimeout", write = "server.keepAliveTimeout = {ms}" }
source = "https://example.org/node"

[[product]]
name = "Go net/http"
executables = ["go"]

[[product.timer]]
versions = "all"
sides = ["client"]
phases = ["idle"]
clock = "idle"
default = 90
setting = { name = "Transport.IdleConnTimeout", write = "Transport.IdleConnTimeout = {s} * time.Second" }
source = "https://example.org/go"

[[product]]
name = "requests"
executables = ["python3"]

[[product.timer]]
versions = "all"
sides = ["client"]
phases = ["idle"]
clock = "idle"
default = "never"
setting = { name = "none", write = "retry on a new connection", fixed = true }
source = "https://example.org/requests"

[[product]]
name = "Apache httpd"
executables = ["apache2"]
server = ["Apache"]

[[product.timer]]
versions = "all"
sides = ["server"]
phases = ["idle"]
clock = "idle"
default = 6
setting = { name = "KeepAliveTimeout", write = "KeepAliveTimeout {s}" }
source = "https://example.org/apache"
"#;

pub(crate) fn products() -> Products {
    Products::load(&[("products.toml", PRODUCTS)]).expect("a sound table")
}

pub(crate) fn timer(side: Side, seconds: f64, count: u64) -> Timer {
    Timer {
        side,
        phase: Phase::Idle,
        clock: Clock::Idle,
        seconds,
        least: seconds - 0.02,
        most: seconds + 0.02,
        count,
        share: 1.0,
        bins: vec![count as u32],
    }
}

pub(crate) fn endpoint(role: Role, process: &str) -> Endpoint {
    Endpoint {
        key: EndpointKey { role, server_port: Some(8080), process: Comm::from_text(process), workload: None },
        workload: None,
        peers: Vec::new(),
        program: None,
        server: None,
        announced: None,
        protocol: None,
        closes: 100,
        verdicts: vec![(Verdict::ServerIdle, 98), (Verdict::IdleRace, 2)],
        causes: vec![(Cause::KeepaliveTimer, 98)],
        races: Vec::new(),
        retried: 0,
        started: 400,
        reused: 300,
        lost: 0,
        losses: Losses::default(),
        lay_unread: 0,
        after_each: 0,
        idle_resets: 0,
        closed_at_once: 0,
        lost_at_once: 0,
        made_room: 0,
        at_risk: 0,
        timers: Vec::new(),
        gaps: Gaps {
            count: 300,
            longest: Some(5.9),
            bins: vec![(0.25, 100), (1.0, 150), (3.0, 40), (6.0, 10)],
        },
        exits: Exits::default(),
        path: None,
        keepalive: None,
        tunnel_silence: None,
        too_many_pings: 0,
        recent_pids: Vec::new(),
        recent_ports: Vec::new(),
        headroom: None,
        risk: Risk::Unknown,
    }
}

/// A server that closes after `server` seconds, whose clients close after `client` seconds or were never seen to.
pub(crate) fn risky(role: Role, process: &str, risk: Risk, server: f64, client: Option<f64>) -> Endpoint {
    let mut endpoint = endpoint(role, process);
    endpoint.timers.push(timer(Side::Server, server, 98));
    endpoint.timers.extend(client.map(|seconds| timer(Side::Client, seconds, 50)));
    endpoint.headroom = Some(Headroom {
        seconds: client.map_or(0.0, |client| server - client),
        server,
        client: client.unwrap_or(server),
        open_ended: client.is_none(),
        margin: (server / 10.0).min(1.0),
    });
    endpoint.risk = risk;
    if risk == Risk::Losing {
        endpoint.lost = 2;
        endpoint.losses = losses(LossReason::IdleRace, 2);
        endpoint.races = vec![(Race::Crossed, 2)];
    }
    endpoint
}

pub(crate) fn losses(reason: LossReason, count: u64) -> Losses {
    Losses { requests: count, by: vec![(reason, count)], once: vec![(reason, count)], ..Losses::default() }
}
