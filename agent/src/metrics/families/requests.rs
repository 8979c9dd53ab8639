//! What became of requests, and how connections are used again.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use whohungup_core::{
    endpoint::counters::{COARSE_GAP_BOUNDS, GAP_BOUNDS, REQUEST_BASES},
    labels::Verdict,
};

const LABELS: &[&str] = &["role", "server_port", "process", "basis"];
const SETS: Sets = Sets::PerEndpoint(REQUEST_BASES.len());

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_requests_started",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Requests started. On open connections updated every 256 requests and after each idle gap of 250 ms or more",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, values, requests| samples.add(&values, requests.started));
        },
    },
    Family {
        name: "whohungup_requests_completed",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Requests whose final response ended; updated together with requests_started_total",
        write: |scrape, samples| {
            scrape
                .each_requests(samples, |samples, values, requests| samples.add(&values, requests.completed));
        },
    },
    Family {
        name: "whohungup_requests_unanswered",
        kind: Kind::Counter,
        unit: None,
        labels: &["role", "server_port", "process", "basis", "verdict"],
        sets: Sets::PerEndpoint(REQUEST_BASES.len() * Verdict::ALL.len()),
        help: "Requests without a complete response when their connection ended, by the verdict on that close: losses of users",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, [role, port, process, basis], requests| {
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
        help: "Requests started on an idle connection that had served others before",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, values, requests| samples.add(&values, requests.reuses));
        },
    },
    Family {
        name: "whohungup_short_reuse_gaps",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: SETS,
        help: "Reuses too soon after the response to be timed (250 ms); reuse_gap_seconds has all others",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, values, requests| {
                samples.add(&values, requests.short_gaps);
            });
        },
    },
    Family {
        name: "whohungup_reuse_gap_seconds",
        kind: Kind::Histogram(&GAP_BOUNDS, &COARSE_GAP_BOUNDS),
        unit: Some(Unit::Seconds),
        labels: LABELS,
        sets: SETS,
        help: "Time from the end of a response to the next request on the idle connection: gaps near the server's idle timeout are requests that could have been lost. Gaps under 250 ms are in short_reuse_gaps_total",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, values, requests| {
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
        help: "Longest reuse gap since the endpoint was first seen; 0 while none was timed",
        write: |scrape, samples| {
            scrape.each_requests(samples, |samples, values, requests| {
                if requests.reuses > 0 {
                    samples.add(&values, requests.longest_gap);
                }
            });
        },
    },
];
