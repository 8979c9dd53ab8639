//! What was sent by OTLP, and what was not.

use super::super::family::{Family, Kind, Sets};
use crate::delivery::LossReason;

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_otlp_closes",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Closes delivered as OTLP log records (run --otlp logs)",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.otlp.delivered),
    },
    Family {
        name: "whohungup_otlp_dropped",
        kind: Kind::Counter,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(LossReason::ALL.len()),
        help: "Closes not delivered by OTLP: queue (the receiver is away or too slow), refused (by its status), rejected (it took the others of the batch), stopped (the daemon ended first)",
        write: |scrape, samples| {
            for (reason, lost) in LossReason::ALL.iter().zip(scrape.snapshot.otlp.lost) {
                samples.add(&[reason.as_str()], lost);
            }
        },
    },
    Family {
        name: "whohungup_otlp_metric_exports",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Exports of all metrics delivered by OTLP (run --otlp metrics)",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.otlp.exports),
    },
    Family {
        name: "whohungup_otlp_metric_exports_dropped",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Exports of all metrics not delivered before the next one was due, which says the same",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.otlp.exports_lost),
    },
    Family {
        name: "whohungup_otlp_failed_attempts",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Requests by OTLP that failed, of closes and metrics; most are made again",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.otlp.failed_attempts),
    },
];
