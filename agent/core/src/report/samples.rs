//! Endpoints and a small knowledge base for the tests.

use super::{
    lore::{IdleDefault, Knob, Lore, Seen},
    model::{Candidate, Likelihood},
};
use crate::identity::Comm;
use crate::{
    endpoint::{Endpoint, EndpointKey, Exits, Gaps, Headroom, Risk, Timer},
    labels::{Cause, Clock, Phase, Race, Role, Side, Verdict},
};

pub(super) fn timer(side: Side, seconds: f64, count: u64) -> Timer {
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

pub(super) fn endpoint(role: Role, process: &str) -> Endpoint {
    Endpoint {
        key: EndpointKey { role, server_port: Some(8080), process: Comm::from_text(process) },
        program: None,
        server: None,
        announced: None,
        closes: 100,
        verdicts: vec![(Verdict::ServerIdle, 98), (Verdict::IdleRace, 2)],
        causes: vec![(Cause::KeepaliveTimer, 98)],
        races: Vec::new(),
        retried: 0,
        started: 400,
        reused: 300,
        lost: 0,
        at_risk: 0,
        timers: Vec::new(),
        gaps: Gaps {
            count: 300,
            longest: Some(5.9),
            bins: vec![(0.25, 100), (1.0, 150), (3.0, 40), (6.0, 10)],
        },
        exits: Exits::default(),
        headroom: None,
        risk: Risk::Unknown,
    }
}

/// A server that closes after `server` seconds, whose clients close after `client` seconds or were never seen to.
pub(super) fn risky(role: Role, process: &str, risk: Risk, server: f64, client: Option<f64>) -> Endpoint {
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
        endpoint.races = vec![(Race::Crossed, 2)];
    }
    endpoint
}

/// Node's server, Go's and requests' clients.
pub(super) struct Some3;

impl Lore for Some3 {
    fn candidates(&self, timer: &Timer, seen: &Seen<'_>) -> Vec<Candidate> {
        let row = |product: &str, setting: &str, likelihood, reason: &str| Candidate {
            product: product.to_owned(),
            versions: String::new(),
            setting: setting.to_owned(),
            likelihood,
            reasons: vec![reason.to_owned()],
            source: "https://example.org".to_owned(),
        };
        match (timer.side, seen.process) {
            (Side::Server, "node") => {
                vec![row("Node.js", "server.keepAliveTimeout", Likelihood::Named, "the process is node")]
            }
            (Side::Server, _) => ["Apache", "uvicorn", "hypercorn", "actix"]
                .map(|name| row(name, "keepalive", Likelihood::Possible, "5 s"))
                .into(),
            _ => Vec::new(),
        }
    }

    fn idle_knob(&self, seen: &Seen<'_>, seconds: f64) -> Option<Knob> {
        let knob = |product: &str, setting: Option<&str>, written: Option<String>, default| Knob {
            product: product.to_owned(),
            setting: setting.map(str::to_owned),
            written,
            note: None,
            default,
        };
        match (seen.side, seen.process) {
            (Side::Server, "node") => Some(knob(
                "Node.js",
                Some("server.keepAliveTimeout"),
                Some(format!("server.keepAliveTimeout = {}", (seconds * 1e3).round())),
                IdleDefault::After(5.0),
            )),
            (Side::Client, "go") => Some(knob(
                "Go net/http",
                Some("Transport.IdleConnTimeout"),
                Some(format!("Transport.IdleConnTimeout = {seconds} * time.Second")),
                IdleDefault::After(90.0),
            )),
            (Side::Client, "python3") => Some(knob("requests", None, None, IdleDefault::Never)),
            _ => None,
        }
    }
}
