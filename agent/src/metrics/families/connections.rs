//! Connections of the whole host, and whether all of them were seen.

use super::super::family::{Family, Kind, Sets};
use whohungup_core::{connection::OpenState, labels::Role};
use whohungup_ebpf::counters::Counter;

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_connections_open",
        kind: Kind::Gauge,
        unit: None,
        labels: &["role", "state"],
        sets: Sets::Fixed(Role::ALL.len() * OpenState::ALL.len()),
        help: "Connections tracked now; those in state closing wait for their close to be settled",
        write: |scrape, samples| {
            for (role, state, count) in &scrape.snapshot.open {
                samples.add(&[role.as_str(), state.as_str()], *count);
            }
        },
    },
    Family {
        name: "whohungup_connections_opened",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections opened since the agent started: SYN sent, or accepted by the kernel",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.opened),
    },
    Family {
        name: "whohungup_connections_preexisting",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections older than the agent, found by the socket scan at its start",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.adopted),
    },
    Family {
        name: "whohungup_connections_closed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections closed: all of closes_total, and connections_closed_unseen_total",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.closed),
    },
    Family {
        name: "whohungup_connections_balance",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Opened plus preexisting minus closed minus open, read at one moment. Anything but 0 is a bug of the agent: please report it",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.balance()),
    },
    Family {
        name: "whohungup_connections_missed_open",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Opened connections whose open event was lost, known only from their close",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.opened_unseen),
    },
    Family {
        name: "whohungup_connections_closed_unseen",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections whose close event was missed, found by the socket scan (every minute and after each loss); they have no verdict",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.closed_unseen),
    },
    Family {
        name: "whohungup_connections_untracked",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections not tracked because the table was full: raise --max-connections",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.untracked),
    },
    Family {
        name: "whohungup_late_requests",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Requests that reached an already closed socket and were matched to its close",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.late_requests),
    },
    Family {
        name: "whohungup_orphan_segments",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Segments with data for no socket and no remembered close: port scans, or closes more than a minute ago",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.late_strangers),
    },
    Family {
        name: "whohungup_resets_without_socket",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Resets sent for segments without data and without a socket: refused connections, port scans, last FINs",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ResetWithoutSocket)),
    },
    Family {
        name: "whohungup_idle_races_unchecked",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Idle races not checked for a retry: more than 64 within a second, or too many sockets to scan",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.retries_unchecked),
    },
];
