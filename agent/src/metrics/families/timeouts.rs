//! What was inferred of each endpoint: its timers, and what they mean for its requests.

use prometheus_client::registry::Unit;

use super::super::{
    exposition::Samples,
    family::{Family, Kind, Sets},
    scrape::Scrape,
};
use whohungup_core::{
    endpoint::{Endpoint, ProbeSpeed, TIMERS, Timer},
    labels::Role,
};

const LABELS: &[&str] = &["role", "server_port", "process"];

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_inferred_timeout_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: &["role", "server_port", "process", "side", "phase", "clock"],
        sets: Sets::PerEndpoint(TIMERS),
        help: "Time after which a side closes repeatedly: its strongest timer in each phase, by the clock that it is measured on",
        write: |scrape, samples| {
            each(scrape, samples, |[role, port, process], endpoint, samples| {
                for timer in strongest(&endpoint.timers) {
                    let (side, phase, clock) = (timer.side, timer.phase, timer.clock);
                    let words = [side.as_str(), phase.as_str(), clock.as_str()];
                    samples.add(&[role, port, process, words[0], words[1], words[2]], shown(timer.seconds));
                }
            });
        },
    },
    Family {
        name: "whohungup_idle_headroom_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: LABELS,
        sets: Sets::PerEndpoint(1),
        help: "The server's idle timeout minus the time for which its clients hold idle connections. Below 0 requests are lost or will be: raise the server's timeout. Alert below 1",
        write: |scrape, samples| {
            each(scrape, samples, |values, endpoint, samples| {
                if let Some(headroom) = endpoint.headroom {
                    samples.add(&values, shown(headroom.seconds));
                }
            });
        },
    },
    Family {
        name: "whohungup_endpoint_risk",
        kind: Kind::Gauge,
        unit: None,
        labels: &["role", "server_port", "process", "level"],
        sets: Sets::PerEndpoint(1),
        help: "1 with the endpoint's current risk as level; from its timeouts and reuse gaps. losing: requests were lost within the last hour; mismatch: requests will be lost; tie: both sides close at about the same time",
        write: |scrape, samples| {
            each(scrape, samples, |[role, port, process], endpoint, samples| {
                samples.add(&[role, port, process, endpoint.risk.as_str()], 1_u64);
            });
        },
    },
    Family {
        name: "whohungup_long_lived_connections",
        kind: Kind::Gauge,
        unit: None,
        labels: &["role", "server_port", "process", "keepalive"],
        sets: Sets::PerEndpoint(ProbeSpeed::ALL.len()),
        help: "Connections to other hosts open for longer than --long-lived, by their TCP keepalive: none; slow: the first probe comes after 240 s of silence or later (or after what was seen forgotten here); in-time; unknown: the kernel does not say. Load balancers, NATs and firewalls forget silent ones: set SO_KEEPALIVE and TCP_KEEPIDLE. Counted every minute",
        write: |scrape, samples| {
            each(scrape, samples, |[role, port, process], endpoint, samples| {
                let Some(audit) = &endpoint.keepalive else { return };
                for speed in ProbeSpeed::ALL {
                    samples.add(&[role, port, process, speed.as_str()], audit.count(speed));
                }
            });
        },
    },
    Family {
        name: "whohungup_requests_at_risk",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: Sets::PerEndpoint(1),
        help: "Reuses within the margin of the other side's idle timeout: these requests could have been lost",
        write: |scrape, samples| {
            each(scrape, samples, |values, endpoint, samples| {
                if endpoint.started > 0 {
                    samples.add(&values, endpoint.at_risk);
                }
            });
        },
    },
    Family {
        name: "whohungup_idle_races_retried",
        kind: Kind::Counter,
        unit: None,
        labels: LABELS,
        sets: Sets::PerEndpoint(1),
        help: "Idle races whose request the client retried and got answered: no log shows them, users only waited longer",
        write: |scrape, samples| {
            each(scrape, samples, |values, endpoint, samples| {
                if endpoint.started > 0 && endpoint.key.role == Role::Client {
                    samples.add(&values, endpoint.retried);
                }
            });
        },
    },
];

fn each(scrape: &Scrape, samples: &mut Samples<'_>, write: impl Fn([&str; 3], &Endpoint, &mut Samples<'_>)) {
    for (labels, endpoint) in &scrape.inferred {
        write(samples.of(labels), endpoint, samples);
    }
}

/// What is inferred is kept in single precision: to a microsecond, so that it does not show.
fn shown(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// Of the timers of one side, phase and clock, the one with the most closes.
fn strongest(timers: &[Timer]) -> impl Iterator<Item = &Timer> {
    timers.iter().enumerate().filter_map(|(index, timer)| {
        let rank = |index: usize, timer: &Timer| (timer.count, usize::MAX - index);
        let beaten = timers.iter().enumerate().any(|(other_index, other)| {
            (other.side, other.phase, other.clock) == (timer.side, timer.phase, timer.clock)
                && rank(other_index, other) > rank(index, timer)
        });
        (!beaten).then_some(timer)
    })
}
