//! From endpoints to the report.

use super::{
    advise::{Case, advise},
    lore::{Lore, Seen},
    model::{EndpointReport, Meta, Named, ReportModel, SCHEMA, idle_timer, unknown_share},
};
use crate::{
    close::words::{Role, Side},
    infer::{Endpoint, Timer},
};

/// Candidates kept of each timer.
const CANDIDATES: usize = 8;

/// Names the timers of `endpoints` by what `lore` knows and says what to change; worst first.
pub fn build(endpoints: &[Endpoint], lore: &dyn Lore, mut meta: Meta) -> ReportModel {
    meta.closes = endpoints.iter().map(|endpoint| endpoint.closes).sum();
    meta.unknown_share = unknown_share(endpoints);
    let mut reports: Vec<_> =
        endpoints.iter().map(|endpoint| report(endpoint, peer(endpoint, endpoints), lore)).collect();
    reports.sort_by_key(|report| {
        let Endpoint { risk, lost, at_risk, closes, .. } = report.endpoint;
        let urgency = report.advice.iter().map(|advice| advice.urgency).min();
        // `None` would be less than any urgency.
        (risk, urgency.is_none(), urgency, u64::MAX - lost, u64::MAX - at_risk, u64::MAX - closes)
    });
    ReportModel { schema: SCHEMA.to_owned(), meta, endpoints: reports }
}

fn report(endpoint: &Endpoint, peer: Option<&Endpoint>, lore: &dyn Lore) -> EndpointReport {
    let seen = |side: Side| {
        let here = match (endpoint.key.role, side) {
            (Role::Server, Side::Server) | (Role::Client, Side::Client) => Some(endpoint),
            _ => peer,
        };
        let server = endpoint.server.as_deref().filter(|_| side == Side::Server);
        Seen {
            side,
            process: here.map_or("", |here| &here.key.process),
            program: here.and_then(|here| here.program.as_ref()),
            server,
            // Clients heed it.
            announced: endpoint.announced,
        }
    };
    let case = Case { endpoint, server: seen(Side::Server), client: seen(Side::Client), lore };
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
        peer: peer.map(|peer| peer.key.process.clone()),
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

/// The same closes, seen from both ends.
fn alike(a: &Timer, b: &Timer) -> bool {
    let slack = (a.seconds / 100.0).max(0.02);
    (a.seconds - b.seconds).abs() <= slack && a.count.min(b.count) * 4 >= a.count.max(b.count) * 3
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
