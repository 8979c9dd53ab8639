//! Who hung up, and what was lost by it.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use crate::metrics::DURATION_BOUNDS;
use whohungup_core::{
    close::LossReason,
    endpoint::counters::{
        CLOSE_SETS, COARSE_IDLE_BOUNDS, COARSE_REQUEST_BOUNDS, IDLE_BOUNDS, IDLE_CLOSERS, REQUEST_BOUNDS,
        ShutdownLoss,
    },
    labels::{Closer, Race, Role},
};

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_closes",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "verdict", "closer", "cause", "close_type"],
        sets: Sets::PerEndpoint(CLOSE_SETS),
        help: "Settled closes by verdict, side that hung up first (closer), reason (cause) and means (close_type). For the remedy of each verdict see docs/verdicts.md",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = samples.of(&endpoint.labels);
                for (close, count) in endpoint.counters.closes() {
                    let values =
                        [role, port, process, close.verdict, close.closer, close.cause, close.close_type];
                    samples.add(&values, count);
                }
            }
        },
    },
    Family {
        name: "whohungup_idle_races",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "kind"],
        sets: Sets::PerEndpoint(Race::ALL.len()),
        help: "Requests lost to a close of an idle connection, late requests to already counted closes included: raise the server's idle timeout above its clients', or lower theirs",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = samples.of(&endpoint.labels);
                for (kind, races) in Race::ALL.iter().zip(&endpoint.counters.races) {
                    // What alerts look at is there at 0 before it happens, where it can happen.
                    if races.count > 0 || endpoint.counters.has_requests() {
                        let newest = scrape.exemplar(races);
                        samples.add_with(&[role, port, process, kind.as_str()], races.count, newest);
                    }
                }
            }
        },
    },
    Family {
        name: "whohungup_requests_lost",
        kind: Kind::Counter,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(LossReason::ALL.len()),
        help: "Requests lost because their connection ended, whatever the verdict; those seen from both ends of a connection on this host count once. The report, the page and top say the same number",
        write: |scrape, samples| {
            for &reason in LossReason::ALL {
                samples.add(&[reason.as_str()], scrape.lost.count_of(reason));
            }
        },
    },
    Family {
        name: "whohungup_requests_given_up",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Requests whose client closed the connection before the response was complete; not among requests_lost_total",
        write: |scrape, samples| samples.add(&[], scrape.lost.given_up),
    },
    Family {
        name: "whohungup_shutdowns",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process"],
        sets: Sets::PerEndpoint(1),
        help: "Server processes that stopped listening after they had made connections",
        write: |scrape, samples| {
            for endpoint in scrape.endpoints.iter().filter(|endpoint| endpoint.counters.shutdowns > 0) {
                let [role, port, process] = samples.of(&endpoint.labels);
                samples.add(&[role, port, process], endpoint.counters.shutdowns);
            }
        },
    },
    Family {
        name: "whohungup_shutdown_requests_lost",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "how"],
        sets: Sets::PerEndpoint(ShutdownLoss::ALL.len()),
        help: "Requests that shutdowns cost within 65 s: cut in flight, lost on idle connections, and connects refused (at least) after the listener had ended. The report says what each shutdown lacked",
        write: |scrape, samples| {
            for endpoint in scrape.endpoints.iter().filter(|endpoint| endpoint.counters.shutdowns > 0) {
                let [role, port, process] = samples.of(&endpoint.labels);
                for (how, count) in ShutdownLoss::ALL.iter().zip(endpoint.counters.shutdown_lost) {
                    samples.add(&[role, port, process, how.as_str()], count);
                }
            }
        },
    },
    Family {
        name: "whohungup_premature_hangups",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "closer"],
        sets: Sets::PerEndpoint(Closer::ALL.len()),
        help: "Closes in the middle of a request or response, by the side that hung up: check that side's request timeouts, crashes and deployments",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = samples.of(&endpoint.labels);
                for (closer, hangups) in Closer::ALL.iter().zip(&endpoint.counters.hangups) {
                    let can_happen =
                        matches!(closer, Closer::Client | Closer::Server) && endpoint.counters.has_requests();
                    if hangups.count > 0 || can_happen {
                        let newest = scrape.exemplar(hangups);
                        samples.add_with(&[role, port, process, closer.as_str()], hangups.count, newest);
                    }
                }
            }
        },
    },
    Family {
        name: "whohungup_closes_reclassified",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Closes reclassified as idle races by a late request, after closes_total had counted them as idle",
        write: |scrape, samples| samples.add(&[], scrape.amended),
    },
    Family {
        name: "whohungup_idle_at_close_seconds",
        kind: Kind::Histogram(&IDLE_BOUNDS, &COARSE_IDLE_BOUNDS),
        unit: Some(Unit::Seconds),
        labels: &["role", "server_port", "process", "closer"],
        sets: Sets::PerEndpoint(IDLE_CLOSERS.len()),
        help: "Time from the end of the last response to the first FIN or RST: a timeout shows as one growing bucket",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = samples.of(&endpoint.labels);
                for (closer, idle) in IDLE_CLOSERS.iter().zip(&endpoint.counters.idle) {
                    if let Some(idle) = idle {
                        samples.histogram(&[role, port, process, closer.as_str()], idle);
                    }
                }
            }
        },
    },
    Family {
        name: "whohungup_requests_per_connection",
        kind: Kind::Histogram(&REQUEST_BOUNDS, &COARSE_REQUEST_BOUNDS),
        unit: None,
        labels: &["role", "server_port", "process"],
        sets: Sets::PerEndpoint(1),
        help: "Requests answered in full per connection: near 1 means that connections are not reused",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let values = samples.of(&endpoint.labels);
                if endpoint.counters.requests_each.count() > 0 {
                    samples.histogram(&values, &endpoint.counters.requests_each);
                }
            }
        },
    },
    Family {
        name: "whohungup_connection_duration_seconds",
        kind: Kind::Histogram(&DURATION_BOUNDS, &DURATION_BOUNDS),
        unit: Some(Unit::Seconds),
        labels: &["role"],
        sets: Sets::Fixed(Role::ALL.len()),
        help: "Time from connect or accept to the first FIN or RST",
        write: |scrape, samples| {
            for (role, durations) in Role::ALL.iter().zip(&scrape.durations) {
                samples.histogram(&[role.as_str()], durations);
            }
        },
    },
];
