//! Who hung up, and what was lost by it.

use prometheus_client::registry::Unit;

use super::super::{
    family::{Family, Kind, Sets},
    histogram::{DURATION_BOUNDS, IDLE_BOUNDS, REQUEST_BOUNDS},
    series::{CLOSE_SETS, IDLE_CLOSERS},
};
use whohungup_core::labels::{Closer, Race, Role};

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_closes",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "verdict", "closer", "cause", "how"],
        sets: Sets::PerEndpoint(CLOSE_SETS),
        help: "Settled closes by verdict, who hung up first (closer), why (cause) and by what means (how). What each verdict asks for is in docs/verdicts.md",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = endpoint.labels.values();
                for (close, count) in endpoint.series.closes() {
                    let values = [role, port, process, close.verdict, close.closer, close.cause, close.how];
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
        help: "Requests that met an idle close and were lost, also of closes that were counted before the request came: raise the server's idle time-out above its clients', or lower theirs",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = endpoint.labels.values();
                for (kind, hurt) in Race::ALL.iter().zip(&endpoint.series.races) {
                    let newest = scrape.exemplar(hurt);
                    samples.add_with(&[role, port, process, kind.as_str()], hurt.count, newest);
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
        help: "Closes in the middle of a request or response, by the side that hung up: look at that side's request time-outs, crashes and deployments",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = endpoint.labels.values();
                for (closer, hurt) in Closer::ALL.iter().zip(&endpoint.series.hangups) {
                    // What alerts look at is there at 0 before it happens.
                    if hurt.count > 0 || matches!(closer, Closer::Client | Closer::Server) {
                        let newest = scrape.exemplar(hurt);
                        samples.add_with(&[role, port, process, closer.as_str()], hurt.count, newest);
                    }
                }
            }
        },
    },
    Family {
        name: "whohungup_closes_amended",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Closes that turned out to be idle races after they had been counted in closes_total as idle, by a request that came late",
        write: |scrape, samples| samples.add(&[], scrape.amended),
    },
    Family {
        name: "whohungup_idle_at_close_seconds",
        kind: Kind::Histogram(&IDLE_BOUNDS),
        unit: Some(Unit::Seconds),
        labels: &["role", "server_port", "process", "closer"],
        sets: Sets::PerEndpoint(IDLE_CLOSERS.len()),
        help: "Time from the end of the last response to the first FIN or RST: a time-out shows as one narrow bucket that fills",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                let [role, port, process] = endpoint.labels.values();
                for (closer, idle) in IDLE_CLOSERS.iter().zip(&endpoint.series.idle) {
                    if let Some(idle) = idle {
                        samples.histogram(&[role, port, process, closer.as_str()], idle);
                    }
                }
            }
        },
    },
    Family {
        name: "whohungup_requests_per_connection",
        kind: Kind::Histogram(&REQUEST_BOUNDS),
        unit: None,
        labels: &["role", "server_port", "process"],
        sets: Sets::PerEndpoint(1),
        help: "Requests answered in full on a connection before it closed: near 1 means that connections are not used again",
        write: |scrape, samples| {
            for endpoint in &scrape.endpoints {
                samples.histogram(&endpoint.labels.values(), &endpoint.series.requests_each);
            }
        },
    },
    Family {
        name: "whohungup_connection_duration_seconds",
        kind: Kind::Histogram(&DURATION_BOUNDS),
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
