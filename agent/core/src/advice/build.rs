//! From endpoints to the report.

use std::collections::HashMap;

use super::{
    Case, advise,
    model::{
        EndpointReport, Meta, Named, ReportModel, SCHEMA, Urgency, idle_timer, losses_of, unknown_share,
    },
};
use crate::{
    endpoint::{Endpoint, EndpointKey, Losses, Risk, Timer},
    labels::{Role, Side},
    products::{Observed, Products},
    workload::Workload,
};

/// Finds the products that the timers of `endpoints` can be, and what to change; worst first.
pub fn build(endpoints: &[Endpoint], products: &Products, mut meta: Meta) -> ReportModel {
    meta.closes = endpoints.iter().map(|endpoint| endpoint.closes).sum();
    meta.unknown_share = unknown_share(endpoints);
    let losses = losses_of(&endpoints.iter());
    if meta.losses.requests < losses.requests {
        meta.losses = losses;
    }
    let mut reports: Vec<_> =
        endpoints.iter().map(|endpoint| report(endpoint, endpoints, products)).collect();
    let ranks: HashMap<_, _> = reports
        .iter()
        .map(|report| (report.endpoint.key, (rank(report), report.peer_key(report.endpoint.key.role))))
        .collect();
    reports.sort_by_cached_key(|report| {
        let EndpointKey { role, server_port, .. } = report.endpoint.key;
        // The two ends of one service rank as one, first the one that shows why, then the server's:
        // else chance decides whose advice comes first.
        let ends = [Role::Client, Role::Server].into_iter().filter(|end| *end != role);
        let other = ends.filter_map(|end| ranks.get(&report.peer_key(end)?));
        let is_own = |peer: Option<EndpointKey>| {
            peer.is_some_and(|peer| EndpointKey { role, ..peer } == report.endpoint.key)
        };
        let other = other.filter(|(_, peer)| is_own(*peer)).map(|(rank, _)| *rank);
        (other.chain([rank(report)]).min(), server_port, !shows_why(&report.endpoint), role != Role::Server)
    });
    ReportModel { schema: SCHEMA.to_owned(), meta, endpoints: reports, shutdowns: Vec::new() }
}

/// A timer, or something else that is behind its closes.
fn shows_why(endpoint: &Endpoint) -> bool {
    !endpoint.timers.is_empty() || endpoint.lost_at_once + endpoint.made_room > 0
}

/// Worst first.
type Rank = (Risk, bool, Option<Urgency>, [u64; 3]);

fn rank(report: &EndpointReport) -> Rank {
    let Endpoint { risk, at_risk, closes, .. } = report.endpoint;
    let lost = report.endpoint.losses.requests;
    // However many requests were written into one connection: it must not outrank whoever loses one on each of many.
    let hurt = lost.min(closes);
    let risk = if lost > 0 { Risk::Losing } else { risk };
    let urgency = report.advice.iter().map(|advice| advice.urgency).min();
    // `None` would be less than any urgency.
    (risk, urgency.is_none(), urgency, [hurt, at_risk, closes].map(|count| u64::MAX - count))
}

fn report(endpoint: &Endpoint, endpoints: &[Endpoint], products: &Products) -> EndpointReport {
    let peer = peer(endpoint, endpoints);
    let observe = |side| observe(endpoint, side, peer, endpoints);
    let case =
        Case { endpoint, server: observe(Side::Server), client: observe(Side::Client), products, endpoints };
    let candidates = |timer: &Timer| products.candidates(timer, case.observed(timer.side));
    EndpointReport {
        endpoint: endpoint.clone(),
        named: endpoint.timers.iter().map(|timer| Named { candidates: candidates(timer) }).collect(),
        peer: peer.map(|peer| peer.key.process),
        peer_workload: peer.and_then(|peer| peer.workload.clone()),
        advice: advise(case),
    }
}

/// What identifies the program at `side` of the endpoint's connections.
fn observe<'a>(
    endpoint: &'a Endpoint,
    side: Side,
    peer: Option<&'a Endpoint>,
    endpoints: &'a [Endpoint],
) -> Observed<'a> {
    let local = match (endpoint.key.role, side) {
        (Role::Server, Side::Server) | (Role::Client, Side::Client) => Some(endpoint),
        (Role::Client, Side::Server) => peer.or_else(|| local_server(endpoint, endpoints)),
        _ => peer,
    };
    let process = local.map_or("", |local| &*local.key.process);
    let program = local.and_then(|local| local.program.as_ref());
    Observed {
        process,
        program,
        server: endpoint.server.as_deref().filter(|_| side == Side::Server),
        // Clients heed it.
        announced: endpoint.announced,
        protocol: endpoint.protocol,
        own: !process.is_empty() || program.is_some(),
    }
}

/// The other end of the same connections, when it is on this host: the only one that was met there, or the only endpoint of the other role with the same port
/// and the same timer or the same losses. The port alone is not enough: clients use it on other hosts as well.
fn peer<'a>(endpoint: &Endpoint, endpoints: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let role = match endpoint.key.role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
        Role::Unknown => return None,
    };
    let port = endpoint.key.server_port?;
    let seen = || {
        let [only] = &endpoint.peers[..] else { return None };
        let workload = only.workload.as_ref().map(Workload::id);
        let key = EndpointKey { role, server_port: Some(port), process: only.process, workload };
        endpoints.iter().find(|other| other.key == key)
    };
    if let Some(other) = seen().filter(|other| !other.key.process.is_empty()) {
        return Some(other);
    }
    let kind = |timer: &Timer| (timer.side, timer.phase, timer.clock);
    let same = |other: &Endpoint| {
        let one_timer = |a: &Timer| other.timers.iter().any(|b| kind(a) == kind(b) && alike(a, b));
        endpoint.timers.iter().any(one_timer) || lost_together(endpoint, other)
    };
    let mut others = endpoints
        .iter()
        .filter(|other| other.key.role == role && other.key.server_port == Some(port))
        .filter(|other| same(other));
    let other = others.next().filter(|other| !other.key.process.is_empty())?;
    others.next().is_none().then_some(other)
}

/// One of them lost requests that the other had reported: most of those that the one with fewer lost at all.
fn lost_together(endpoint: &Endpoint, other: &Endpoint) -> bool {
    let known =
        |losses: &Losses| losses.requests - losses.clone().counted_once().requests.min(losses.requests);
    let (one, two) = (&endpoint.losses, &other.losses);
    (known(one) + known(two)) * 4 >= one.requests.min(two.requests).max(1) * 3
}

/// The server on this host to which the client connects: the only one with the same port and the same idle timer. It
/// may have several clients here. Its responses may name a server behind it, as proxies pass that header on.
fn local_server<'a>(endpoint: &Endpoint, endpoints: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let port = endpoint.key.server_port.filter(|_| endpoint.key.role == Role::Client)?;
    let own = idle_timer(endpoint, Side::Server)?;
    let mut others = endpoints.iter().filter(|other| {
        other.key.role == Role::Server
            && other.key.server_port == Some(port)
            && idle_timer(other, Side::Server)
                .is_some_and(|timer| same_time(own, timer) && timer.count >= own.count)
    });
    let other = others.next().filter(|other| !other.key.process.is_empty())?;
    others.next().is_none().then_some(other)
}

/// The same closes, seen from both ends.
pub(super) fn alike(a: &Timer, b: &Timer) -> bool {
    same_time(a, b) && a.count.min(b.count) * 4 >= a.count.max(b.count) * 3
}

fn same_time(a: &Timer, b: &Timer) -> bool {
    let slack = (a.seconds / 100.0).max(0.02);
    (a.seconds - b.seconds).abs() <= slack
}

#[cfg(test)]
mod tests;
