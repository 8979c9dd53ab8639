//! From endpoints to the report.

use super::{
    advise::{Case, advise},
    lore::{Lore, Seen},
    model::{EndpointReport, Meta, Named, ReportModel, SCHEMA, idle_timer, unknown_share},
};
use crate::{
    endpoint::{Endpoint, Timer},
    labels::{Role, Side},
};

/// Candidates kept of each timer.
const CANDIDATES: usize = 8;

/// Names the timers of `endpoints` by what `lore` knows and says what to change; worst first.
pub fn build(endpoints: &[Endpoint], lore: &dyn Lore, mut meta: Meta) -> ReportModel {
    meta.closes = endpoints.iter().map(|endpoint| endpoint.closes).sum();
    meta.unknown_share = unknown_share(endpoints);
    let mut reports: Vec<_> = endpoints.iter().map(|endpoint| report(endpoint, endpoints, lore)).collect();
    reports.sort_by_key(|report| {
        let Endpoint { risk, lost, at_risk, closes, .. } = report.endpoint;
        let urgency = report.advice.iter().map(|advice| advice.urgency).min();
        // `None` would be less than any urgency.
        (risk, urgency.is_none(), urgency, u64::MAX - lost, u64::MAX - at_risk, u64::MAX - closes)
    });
    ReportModel { schema: SCHEMA.to_owned(), meta, endpoints: reports }
}

fn report(endpoint: &Endpoint, endpoints: &[Endpoint], lore: &dyn Lore) -> EndpointReport {
    let peer = peer(endpoint, endpoints);
    let server_here = server_here(endpoint, endpoints);
    let seen = |side: Side| {
        let here = match (endpoint.key.role, side) {
            (Role::Server, Side::Server) | (Role::Client, Side::Client) => Some(endpoint),
            (Role::Client, Side::Server) => peer.or(server_here),
            _ => peer,
        };
        let server = endpoint.server.as_deref().filter(|_| side == Side::Server);
        Seen {
            side,
            process: here.map_or("", |here| &*here.key.process),
            program: here.and_then(|here| here.program.as_ref()),
            server,
            // Clients heed it.
            announced: endpoint.announced,
        }
    };
    let passed_on = |timer: &Timer| passed_on(endpoint, timer, endpoints);
    let case = Case {
        endpoint,
        server: seen(Side::Server),
        client: seen(Side::Client),
        lore,
        passed_on: &passed_on,
    };
    let named = endpoint
        .timers
        .iter()
        .map(|timer| {
            let mut candidates = lore.candidates(timer, &seen(timer.side));
            candidates.truncate(CANDIDATES);
            Named { candidates }
        })
        .collect();
    EndpointReport {
        endpoint: endpoint.clone(),
        named,
        peer: peer.map(|peer| peer.key.process),
        advice: advise(case),
    }
}

/// The other end of the same connections, when it is on this host: the only endpoint of the other role with that port
/// and the same idle timer. A port alone does not say so: clients use it on other hosts as well.
fn peer<'a>(endpoint: &Endpoint, endpoints: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let role = match endpoint.key.role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
        Role::Unknown => return None,
    };
    let port = endpoint.key.server_port?;
    let same = |other: &Endpoint, side: Side| match (idle_timer(endpoint, side), idle_timer(other, side)) {
        (Some(a), Some(b)) => alike(a, b),
        _ => false,
    };
    let mut others = endpoints
        .iter()
        .filter(|other| other.key.role == role && other.key.server_port == Some(port))
        .filter(|other| same(other, Side::Server) || same(other, Side::Client));
    let other = others.next().filter(|other| !other.key.process.is_empty())?;
    others.next().is_none().then_some(other)
}

/// The server on this host that several clients here have their connections to: the port, what the responses say and after
/// how long it closes are the same. They may carry the name of another behind it: proxies pass that on.
fn server_here<'a>(endpoint: &Endpoint, endpoints: &'a [Endpoint]) -> Option<&'a Endpoint> {
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

/// Where clients end as many requests to the process, after the same time, as it ends itself: a proxy passes on that its
/// client gave up. It may be chance, or another process of the same name. Returns that server's port.
fn passed_on(endpoint: &Endpoint, timer: &Timer, endpoints: &[Endpoint]) -> Option<u16> {
    let is_gateway = endpoint.key.role == Role::Client && !endpoint.key.process.is_empty();
    if !is_gateway || timer.side != Side::Client || !timer.phase.is_in_flight() {
        return None;
    }
    let is_it = |other: &&Endpoint| {
        other.key.role == Role::Server
            && other.key.process == endpoint.key.process
            && other
                .timers
                .iter()
                .any(|outer| outer.side == Side::Client && outer.phase == timer.phase && alike(outer, timer))
    };
    endpoints.iter().find(is_it).and_then(|other| other.key.server_port)
}

/// The same closes, seen from both ends.
fn alike(a: &Timer, b: &Timer) -> bool {
    same_time(a, b) && a.count.min(b.count) * 4 >= a.count.max(b.count) * 3
}

fn same_time(a: &Timer, b: &Timer) -> bool {
    let slack = (a.seconds / 100.0).max(0.02);
    (a.seconds - b.seconds).abs() <= slack
}

#[cfg(test)]
mod tests;
