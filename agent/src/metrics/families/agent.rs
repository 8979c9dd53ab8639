//! The agent itself: what it missed, and how full its tables are.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use crate::{
    degraded::Reason,
    workloads::{FailureReason, SkippedPod},
};
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
        help: "1 while the agent's view is incomplete for this reason, 0 otherwise; for the remedy of each reason see docs/metrics.md",
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
        help: "Events lost because the ring buffer was full: raise --ring-bytes. A socket scan follows each loss",
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
        help: "Events that could not be decoded: BPF programs and agent are of different versions",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.malformed),
    },
    Family {
        name: "whohungup_sockets_followed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Sockets with HTTP or TLS messages tracked",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ExchangeMade)),
    },
    Family {
        name: "whohungup_socket_tracking_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Sockets without message tracking because the kernel was out of memory: verdicts rest on traffic direction",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ExchangeFailed)),
    },
    Family {
        name: "whohungup_cgroups_unresolved",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Cgroups of sockets whose path was not found: they had ended, or the agent does not see the host's cgroups",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.cgroups_unresolved),
    },
    Family {
        name: "whohungup_kubernetes_api_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(FailureReason::ALL.len()),
        help: "Requests to the Kubernetes API that failed, or broke off, with --workload-names api: the log has the newest. Each is made again after 1 to 60 s",
        write: |scrape, samples| {
            for &reason in FailureReason::ALL {
                samples.add(&[reason.as_str()], scrape.snapshot.kubernetes.failures[reason as usize]);
            }
        },
    },
    Family {
        name: "whohungup_kubernetes_pods",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Pods of this node that are known from the Kubernetes API, with those that ended in the last 10 minutes",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.kubernetes.pods),
    },
    Family {
        name: "whohungup_kubernetes_pods_skipped",
        kind: Kind::Counter,
        unit: None,
        labels: &["reason"],
        sets: Sets::Fixed(SkippedPod::ALL.len()),
        help: "What the Kubernetes API said of pods and was not kept: an event over 2 MiB, one that cannot be read, or more than 2,048 pods",
        write: |scrape, samples| {
            for &reason in SkippedPod::ALL {
                samples.add(&[reason.as_str()], scrape.snapshot.kubernetes.skipped[reason as usize]);
            }
        },
    },
    Family {
        name: "whohungup_signals_unrecorded",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Signals not recorded because the kernel was out of memory: a shutdown may lack a signal that the process got",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::SignalFailed)),
    },
    Family {
        name: "whohungup_segments_unreadable",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Segments with unreadable headers (IPv6 extension headers, fragments): their messages are not tracked",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::SegmentUnreadable)),
    },
    Family {
        name: "whohungup_tls_libraries_attached",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries with uprobes attached, with --tls openssl (docs/tls.md)",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.attached as u64),
    },
    Family {
        name: "whohungup_tls_libraries_over_limit",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries in use without uprobes because the limit of 64 is reached",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.beyond as u64),
    },
    Family {
        name: "whohungup_tls_library_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL libraries to which uprobes could not be attached: the log names each",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.tls.failed),
    },
    Family {
        name: "whohungup_tls_sessions_followed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL sessions with plaintext tracked",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::TlsSessionTracked)),
    },
    Family {
        name: "whohungup_tls_session_failures",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "OpenSSL sessions without plaintext tracking because the kernel was out of memory",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::TlsSessionFailed)),
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
        help: "Maximum entries of each table with a single limit: raise --max-connections or --max-endpoints when table_entries approaches it",
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
        help: "Entries evicted early to make room. Endpoints are evicted only with fewer than 3 closes and 100 requests, after a quiet minute",
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
        help: "Endpoints removed after a quiet hour: their series have ended",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.inferred.expired),
    },
    Family {
        name: "whohungup_inference_memory_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Memory of the table of endpoints: inference, series and the last hour",
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
        help: "Most bytes drained from the ring buffer at once within the last one to two minutes: raise --ring-bytes when it approaches ring_buffer_size_bytes",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.ring_peak),
    },
    Family {
        name: "whohungup_poll_interval_max_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Longest time between two drains of the ring buffer within the last one to two minutes: 0.025 is normal, much more means that the agent is short of CPU",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.longest_poll.as_secs_f64()),
    },
    Family {
        name: "whohungup_scrapes_refused",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Scrapes refused with 503 because too many others were in progress",
        write: |scrape, samples| samples.add(&[], scrape.refused),
    },
];
