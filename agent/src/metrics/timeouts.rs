//! What was inferred of each endpoint, as gauges. They are written anew at each scrape, so that an endpoint that is
//! forgotten leaves no series behind; how many there are is bounded by the inference's own table.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::infer::{Endpoint, EndpointKey, InferTotals, Risk, Timer};

type Seconds = Gauge<f64, AtomicU64>;

/// The table's name in `table_entries` and its like.
pub(super) const TABLE: &str = "inferred_endpoints";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TimerLabels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
    side: &'static str,
    phase: &'static str,
    clock: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RiskLabels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
    risk: &'static str,
}

/// The families.
#[derive(Debug, Default)]
pub(super) struct TimeoutMetrics {
    timeout: Family<TimerLabels, Seconds>,
    headroom: Family<EndpointLabels, Seconds>,
    at_risk: Family<EndpointLabels, Counter>,
    masked: Family<EndpointLabels, Counter>,
    risk: Family<RiskLabels, Gauge>,
    memory: Gauge,
}

impl TimeoutMetrics {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register_with_unit(
            "inferred_timeout",
            "Time after which a side closes again and again: its strongest timer in each phase",
            Unit::Seconds,
            self.timeout.clone(),
        );
        r.register_with_unit(
            "idle_headroom",
            "The server's idle time-out minus how long its clients hold idle connections; alert below 1",
            Unit::Seconds,
            self.headroom.clone(),
        );
        r.register(
            "requests_at_risk",
            "Re-uses that came so close to the other side's idle time-out that they could have been lost",
            self.at_risk.clone(),
        );
        r.register(
            "idle_races_masked",
            "Idle races whose request was sent again and answered: no log shows them",
            self.masked.clone(),
        );
        r.register(
            "endpoint_risk",
            "1 for what the time-outs and the gaps of an endpoint mean together, 0 for the rest",
            self.risk.clone(),
        );
        r.register_with_unit(
            "inference_memory",
            "Memory of what is inferred, all endpoints together",
            Unit::Bytes,
            self.memory.clone(),
        );
    }

    /// Shows `endpoints` and no others.
    pub(super) fn show(&self, endpoints: &[Endpoint], totals: &InferTotals) {
        self.timeout.clear();
        self.headroom.clear();
        self.at_risk.clear();
        self.masked.clear();
        self.risk.clear();
        self.memory.set(i64::try_from(totals.bytes).unwrap_or(i64::MAX));
        for endpoint in endpoints {
            self.endpoint(endpoint);
        }
    }

    fn endpoint(&self, endpoint: &Endpoint) {
        let labels = labels(&endpoint.key);
        for timer in strongest(&endpoint.timers) {
            let EndpointLabels { role, server_port, process } = labels.clone();
            let (side, phase, clock) = (timer.side.as_str(), timer.phase.as_str(), timer.clock.as_str());
            let labels = TimerLabels { role, server_port, process, side, phase, clock };
            self.timeout.get_or_create(&labels).set(timer.seconds);
        }
        if let Some(headroom) = endpoint.headroom {
            self.headroom.get_or_create(&labels).set(headroom.seconds);
        }
        self.at_risk.get_or_create(&labels).inc_by(endpoint.at_risk);
        self.masked.get_or_create(&labels).inc_by(endpoint.masked);
        for risk in [Risk::Losing, Risk::Mismatch, Risk::Tie, Risk::Safe, Risk::Unknown] {
            let EndpointLabels { role, server_port, process } = labels.clone();
            let labels = RiskLabels { role, server_port, process, risk: word(risk) };
            self.risk.get_or_create(&labels).set(i64::from(risk == endpoint.risk));
        }
    }
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

/// The words of the other families.
fn labels(key: &EndpointKey) -> EndpointLabels {
    EndpointLabels {
        role: key.role.as_str(),
        server_port: key.server_port.map_or_else(|| "unknown".into(), |port| port.to_string().into()),
        process: if key.process.is_empty() { "unknown".into() } else { key.process.as_str().into() },
    }
}

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::Losing => "losing",
        Risk::Mismatch => "mismatch",
        Risk::Tie => "tie",
        Risk::Safe => "safe",
        Risk::Unknown => "unknown",
    }
}

#[cfg(test)]
#[path = "timeouts_tests.rs"]
mod tests;
