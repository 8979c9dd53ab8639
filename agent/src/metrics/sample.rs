//! A fixed sequence of reports after which every family has a sample.

use std::{net::SocketAddr, time::Duration};

use super::tests::{Counting, TICK, idle_close};
use super::{Overhead, ProcessCost, Reading, Scrape, Snapshot};
use crate::{degraded::Reason, delivery, record::RecordStats, web, workloads::KubernetesHealth};
use whohungup_bpf::{CounterTotals, ProgramStat, TlsLibraries};
use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    connection::{Limits, LongLived, OpenState, Probing, Progressed, Totals},
    endpoint::{
        EndpointKey, InferTotals,
        counters::{ShutdownCount, ShutdownLoss},
    },
    labels::{Basis, Cause, CloseType, Closer, Phase, Race, Role, Verdict},
};

const SECOND: u64 = 1_000_000_000;

fn at(port: u16, process: &str, seconds: u64) -> ClosedConnection {
    let mut closed = idle_close(port, process, None);
    closed.at_ns = seconds * SECOND;
    closed
}

/// A server that closes after 5 s, and loses a request by it.
fn node(counting: &mut Counting) {
    for close in 0..12 {
        let mut closed = at(8080, "node", 10 + close);
        closed.idle = Some(5.0 + 0.004 * (close % 3) as f64);
        closed.uncounted = Some(requests(4, 4, 0));
        counting.close(&closed);
    }
    let mut lost = at(8080, "node", 30);
    (lost.race, lost.verdict) = (Some(Race::Stale), Verdict::IdleRace);
    (lost.amends, lost.uncounted) = (true, Some(requests(1, 0, 1)));
    lost.ends.remote = "192.0.2.7:40001".parse().expect("an address");
    counting.close(&lost);
    let ClosedConnection { ends, process, .. } = lost;
    let progress = RequestDelta { long_gap: Some(4.6), short_gaps: 0, reused: 1, ..requests(1, 1, 0) };
    counting.progress_at(
        &Progressed { role: Role::Server, ends, process, workload: None, requests: progress },
        31 * SECOND,
    );
}

/// A connection to another host that has been open for long.
fn long_lived(counting: &mut Counting) {
    let ClosedConnection { role, mut ends, process, .. } = at(8080, "node", 31);
    ends.remote = "192.0.2.7:40002".parse().expect("an address");
    let connection = LongLived {
        role,
        ends,
        process,
        workload: None,
        silent: 300.0,
        keepalive: Probing::After(7200.0),
        has_user_timeout: false,
    };
    counting.endpoints.audit([connection].into_iter(), 600.0, 31 * SECOND);
}

/// It is stopped, with two requests in flight and a client that connects once more.
fn node_stops(counting: &mut Counting) {
    let ClosedConnection { role, server_port, process, .. } = at(8080, "node", 32);
    let comm = process.expect("a process").comm;
    let key = EndpointKey { role, server_port, process: comm, workload: None };
    let counts = [
        ShutdownCount::Stopped { signalled: true },
        ShutdownCount::Lost(ShutdownLoss::InFlight, 2),
        ShutdownCount::Lost(ShutdownLoss::Refused, 1),
    ];
    for count in counts {
        counting.endpoints.shutdown(key, None, count, 32 * SECOND);
    }
}

/// A client that hangs up on a slow server, over TLS and IPv6.
fn curl(counting: &mut Counting) {
    let mut closed = at(443, "curl", 40);
    (closed.role, closed.closer, closed.close_type) = (Role::Client, Closer::Client, CloseType::Rst);
    (closed.verdict, closed.phase, closed.cause) =
        (Verdict::PrematureHangup, Phase::Waiting, Cause::RequestTimeout);
    (closed.idle, closed.age, closed.requests) = (None, Some(30.0), Some(0));
    let end = |text: &str| text.parse::<SocketAddr>().expect("an address");
    (closed.ends.local, closed.ends.remote) = (end("[2001:db8::1]:50000"), end("[2001:db8::2]:443"));
    closed.uncounted = Some(RequestDelta { basis: Basis::Inferred, ..requests(1, 0, 1) });
    counting.close(&closed);
}

fn requests(begun: u32, answered: u32, unanswered: u32) -> RequestDelta {
    let reused = answered.saturating_sub(1);
    RequestDelta {
        basis: Basis::Http,
        begun,
        answered,
        unanswered,
        reused,
        short_gaps: reused,
        long_gap: None,
        answered_gap: None,
    }
}

fn snapshot(counting: &Counting) -> Snapshot {
    let totals = Totals {
        opened: 20,
        opened_unseen: 1,
        adopted: 4,
        closed: 17,
        closed_unseen: 2,
        untracked: 3,
        late_requests: 1,
        late_strangers: 9,
        retries_unchecked: 6,
        open: 7,
        listeners: 5,
        recent: 11,
        recent_evicted: 8,
        ..Totals::default()
    };
    let states = Role::ALL.iter().flat_map(|&role| OpenState::ALL.map(|state| (role, state)));
    let open = states.map(|(role, state)| {
        (
            role,
            state,
            u64::from(role != Role::Unknown) + u64::from(state == OpenState::Closing && role == Role::Server),
        )
    });
    let inferred = InferTotals { bytes: 4096, ..counting.endpoints.totals() };
    Snapshot {
        cgroups_unresolved: 2,
        kubernetes: KubernetesHealth {
            is_unreachable: true,
            failures: std::array::from_fn(|reason| reason as u64),
            skipped: [1, 0, 0],
            pods: 12,
        },
        totals,
        limits: Limits { connections: 1000, recent: 100 },
        open: open.collect(),
        counters: CounterTotals::from_fn(|counter| counter as u64),
        malformed: 1,
        ring_bytes: 65536,
        ring_peak: 2048,
        longest_poll: Duration::from_millis(31),
        programs: vec![ProgramStat {
            program: "state_changed",
            runs: 100,
            time: Duration::from_micros(50),
            missed: 1,
        }],
        sampled: Duration::from_secs(2),
        overhead: Some(Overhead {
            budget: 0.02,
            newest: Some(Reading { programs: 0.0125, agent: 0.003, http: 0.01 }),
            is_over: false,
        }),
        http_coverage: vec![(8080, 0.25)],
        tls: TlsLibraries { attached: 2, failed: 1, beyond: 0 },
        inferred,
        degraded: vec![Reason::EventsLost],
        record: Some(RecordStats {
            written: 90,
            dropped: [1, 2, 3],
            bytes: 65536,
            files: 3,
            removed: 4,
            failing: false,
        }),
        otlp: delivery::Stats {
            delivered: 80,
            lost: [4, 3, 2, 1],
            exports: 5,
            exports_lost: 6,
            failed_attempts: 7,
            failing: false,
        },
        web: web::Stats { refused: [8, 9, 10], is_stale: false },
        wall_ahead_ns: 1_800_000_000 * SECOND as i64,
    }
}

/// The same every time.
pub(crate) fn scrape() -> Scrape {
    let mut counting = Counting::new(3, TICK);
    node(&mut counting);
    long_lived(&mut counting);
    node_stops(&mut counting);
    curl(&mut counting);
    let mut stranger = at(0, "", 50);
    (stranger.role, stranger.verdict, stranger.closer) = (Role::Unknown, Verdict::Unknown, Closer::Unknown);
    (stranger.idle, stranger.requests) = (None, None);
    counting.close(&stranger);
    counting.close(&at(81, "one too many", 51));
    let mut scrape = counting.metrics.scrape(&counting.endpoints, snapshot(&counting));
    scrape.refused = 2;
    scrape.process = ProcessCost {
        cpu: Duration::from_millis(1250),
        resident_bytes: 40 << 20,
        virtual_bytes: 120 << 20,
        started: 1_799_999_000.5,
        open_fds: 42,
        max_fds: 1024,
    };
    scrape
}
