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
        help: "Connections that are followed now; closing ones wait for their close to be settled",
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
        help: "Connections begun since the agent started: SYN sent, or accepted by the kernel",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.opened),
    },
    Family {
        name: "whohungup_connections_adopted",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections older than the agent, found when it started",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.adopted),
    },
    Family {
        name: "whohungup_connections_closed",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections that ended: all of closes_total, and those that ended unseen",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.closed),
    },
    Family {
        name: "whohungup_connections_balance",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Opened plus adopted minus closed minus open, read at one moment. Anything but 0 is an error of the agent: please report it",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.balance()),
    },
    Family {
        name: "whohungup_connections_opened_unseen",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Of the opened, those whose opening record was lost and whose end was seen",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.opened_unseen),
    },
    Family {
        name: "whohungup_connections_closed_unseen",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Of the closed, those without a verdict: their end was lost and they were found missing by a look at all sockets, which follows each loss and comes every minute",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.closed_unseen),
    },
    Family {
        name: "whohungup_connections_untracked",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Connections not followed because the table was full: raise --max-connections",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.untracked),
    },
    Family {
        name: "whohungup_late_requests",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Requests that met a socket which had closed before, joined to its close",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.late_requests),
    },
    Family {
        name: "whohungup_segments_unmatched",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Segments with data that met no socket and belong to no close that is remembered: scans, or closes more than a minute ago",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.late_strangers),
    },
    Family {
        name: "whohungup_resets_without_socket",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Resets sent for segments without data that no living socket wanted: refused connections, scans, last FINs",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.counters.get(Counter::ResetWithoutSocket)),
    },
    Family {
        name: "whohungup_idle_races_unchecked",
        kind: Kind::Counter,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Idle races of which it is not known whether they were masked: more than 64 came within a second, or there are too many sockets to look at",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.totals.retries_unsought),
    },
];
