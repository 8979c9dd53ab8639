//! The agent itself: what it missed, and how full its tables are.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use crate::degraded::Reason;
use whohungup_ebpf::counters::Counter;

/// Kinds of records that are counted when they are lost.
const LOST_KINDS: usize = 5;

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_degraded",
        kind: Kind::Gauge,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(Reason::ALL.len()),
        help: "1 while the agent sees less than it should for this reason, 0 otherwise; what to do about each is in docs/metrics.md",
        write: |scrape, samples| {
            for &reason in Reason::ALL {
                samples.add(&[reason.as_str()], u64::from(scrape.snapshot.degraded.contains(&reason)));
            }
        },
    },
    Family {
        name: "whohungup_events_lost",
        kind: Kind::Counter,
        unit: None,
        labels: &["record"],
        sets: Sets::Fixed(LOST_KINDS),
        help: "Records that did not fit the ring buffer: raise --ring-bytes. The table is compared with the sockets that exist after each loss",
        write: |scrape, samples| {
            for counter in Counter::ALL {
                if let Some(kind) = counter.lost_kind() {
                    samples.add(&[kind], scrape.snapshot.counters.get(counter));
                }
            }
        },
    },
    Family {
        name: "whohungup_events_malformed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Records that could not be decoded: probes and agent do not fit together",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.malformed),
    },
    Family {
        name: "whohungup_sockets_followed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Sockets whose HTTP or TLS messages are followed",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ExchangeMade)),
    },
    Family {
        name: "whohungup_sockets_follow_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Sockets whose messages are not, for want of kernel memory: who spoke last decides for them",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ExchangeFailed)),
    },
    Family {
        name: "whohungup_segments_unreadable",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Segments whose headers could not be read (IPv6 extension headers, fragments): their messages are not followed",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::SegmentUnreadable)),
    },
    Family {
        name: "whohungup_tls_libraries_attached",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries that are attached to, with --tls openssl (docs/tls.md)",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.attached as u64),
    },
    Family {
        name: "whohungup_tls_libraries_over_limit",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries in use that are not attached to because 64 others are",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.beyond as u64),
    },
    Family {
        name: "whohungup_tls_library_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries that could not be attached to: the log names each",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.failed),
    },
    Family {
        name: "whohungup_tls_sessions_followed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "TLS sessions of OpenSSL that are read inside",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::InsideMade)),
    },
    Family {
        name: "whohungup_tls_session_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "TLS sessions that are not, for want of kernel memory",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::InsideFailed)),
    },
    Family {
        name: "whohungup_table_entries",
        kind: Kind::Gauge,
        unit: None,
        labels: &["table"],
        sets: Sets::Fixed(4),
        help: "Entries in use of each table",
        write: |scrape, samples| {
            for table in scrape.snapshot.tables() {
                samples.add(&[table.name], table.entries);
            }
        },
    },
    Family {
        name: "whohungup_table_limit",
        kind: Kind::Gauge,
        unit: None,
        labels: &["table"],
        sets: Sets::Fixed(3),
        help: "Entries at most of each table that has one limit: raise --max-connections or --max-endpoints when entries come near it",
        write: |scrape, samples| {
            for table in scrape.snapshot.tables() {
                if let Some(limit) = table.limit {
                    samples.add(&[table.name], limit);
                }
            }
        },
    },
    Family {
        name: "whohungup_table_evictions",
        kind: Kind::Counter,
        unit: None,
        labels: &["table"],
        sets: Sets::Fixed(2),
        help: "Entries that made room for others before their time; of endpoints those with fewer than 3 closes and 100 requests that were quiet for a minute",
        write: |scrape, samples| {
            for table in scrape.snapshot.tables() {
                if let Some(evicted) = table.evicted {
                    samples.add(&[table.name], evicted);
                }
            }
        },
    },
    Family {
        name: "whohungup_endpoints_expired",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Endpoints that were quiet for an hour: their series have ended and their place is free",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.inferred.expired),
    },
    Family {
        name: "whohungup_inference_memory_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Memory of what is inferred, all endpoints together",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.inferred.bytes as u64),
    },
    Family {
        name: "whohungup_ring_buffer_size_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Size of the ring buffer between kernel and agent (--ring-bytes)",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.ring_bytes),
    },
    Family {
        name: "whohungup_ring_buffer_peak_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Most bytes taken out of the ring buffer in one go within the last one to two minutes, at most its size: raise --ring-bytes when it comes near that",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.ring_peak),
    },
    Family {
        name: "whohungup_poll_interval_max_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Longest time between two emptyings of the ring buffer within the last one to two minutes: 0.025 is usual, much more means that the agent gets no processor",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.longest_poll.as_secs_f64()),
    },
    Family {
        name: "whohungup_scrapes_refused",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Scrapes that were answered with 503 because too many others were under way",
        write: |scrape, samples| samples.add(&[], scrape.refused),
    },
];
