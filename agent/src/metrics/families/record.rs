//! The record on disk: what was written, and what was not.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use crate::record::GapReason;

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_record_closes",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Closes written to the record on disk (run --record)",
        write: |scrape, samples| {
            samples.add(&[], scrape.snapshot.record.map_or(0, |record| record.written));
        },
    },
    Family {
        name: "whohungup_record_dropped",
        kind: Kind::Counter,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(GapReason::DROPPED.len()),
        help: "Closes missing in the record: queue (the disk is too slow), rate (over --record-max-rate), disk (it cannot be written)",
        write: |scrape, samples| {
            for (at, reason) in GapReason::DROPPED.iter().enumerate() {
                samples
                    .add(&[reason.as_str()], scrape.snapshot.record.map_or(0, |record| record.dropped[at]));
            }
        },
    },
    Family {
        name: "whohungup_record_size_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Size of the record on disk when a file was last finished",
        write: |scrape, samples| {
            samples.add(&[], scrape.snapshot.record.map_or(0, |record| record.bytes));
        },
    },
    Family {
        name: "whohungup_record_files_removed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Files of the record removed because they were over --record-max-bytes or --record-max-age",
        write: |scrape, samples| {
            samples.add(&[], scrape.snapshot.record.map_or(0, |record| record.removed));
        },
    },
];
