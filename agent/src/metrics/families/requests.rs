//! What became of requests, and how connections are used again.

use prometheus_client::registry::Unit;

use super::super::{
    family::{Family, Kind, Sets},
    histogram::GAP_BOUNDS,
    series::REQUEST_BASES,
};
use whohungup_core::labels::Verdict;

const LABELS: &[&str] = &["role", "server_port", "process", "basis"];
const SETS: Sets = Sets::PerEndpoint(REQUEST_BASES.len());

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_requests_begun",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Requests whose first byte was seen; of a living connection counted at every 256th and after each long gap",
        write: |scrape, samples| {
            scrape.each_requests(|values, requests| samples.add(&values, requests.begun));
        },
    },
    Family {
        name: "whohungup_requests_answered",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Of the begun, those whose final response ended, counted together with the begun",
        write: |scrape, samples| {
            scrape.each_requests(|values, requests| samples.add(&values, requests.answered));
        },
    },
    Family {
        name: "whohungup_requests_unanswered",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "basis", "verdict"],
        sets: Sets::PerEndpoint(REQUEST_BASES.len() * Verdict::ALL.len()),
        help: "Requests that were open when their connection ended, by the verdict on that close: what users lost",
        write: |scrape, samples| {
            scrape.each_requests(|[role, port, process, basis], requests| {
                for (verdict, &count) in Verdict::ALL.iter().zip(&requests.unanswered) {
                    let always = matches!(verdict, Verdict::IdleRace | Verdict::PrematureHangup);
                    if count > 0 || always {
                        samples.add(&[role, port, process, basis, verdict.as_str()], count);
                    }
                }
            });
        },
    },
    Family {
        name: "whohungup_connection_reuses",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Of the requests begun, those that came on an idle connection which had served others",
        write: |scrape, samples| {
            scrape.each_requests(|values, requests| samples.add(&values, requests.reuses));
        },
    },
    Family {
        name: "whohungup_reuse_gap_seconds",
        kind: Kind::Histogram(&GAP_BOUNDS),
        unit: Some(Unit::Seconds),
        labels: LABELS,
        sets: SETS,
        help: "Time from the end of a response to the next request on the idle connection: gaps near the server's idle time-out are requests that could have been lost. Gaps below the first bound are counted there and not summed",
        write: |scrape, samples| {
            scrape.each_requests(|values, requests| {
                if let Some(gaps) = &requests.gaps {
                    samples.histogram(&values, gaps);
                }
            });
        },
    },
    Family {
        name: "whohungup_reuse_gap_max_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: LABELS,
        sets: SETS,
        help: "The longest of these gaps since the endpoint was first seen; 0 while all were short",
        write: |scrape, samples| {
            scrape.each_requests(|values, requests| {
                if requests.gaps.is_some() {
                    samples.add(&values, requests.longest_gap);
                }
            });
        },
    },
];
