//! Why the agent sees less than it should.

use whohungup_ebpf::counters::Counter;

use crate::{
    clock::monotonic_ns,
    degraded::{Reason, RecentIncreases},
    delivery,
    record::RecordStats,
    session::Session,
    web,
};
use whohungup_bpf::{CounterTotals, one_line};
use whohungup_core::endpoint::InferTotals;

/// How it stands with what is no part of the session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'a> {
    pub(super) record: Option<&'a RecordStats>,
    pub(super) otlp: &'a delivery::Stats,
    pub(super) web: web::Stats,
}

/// What was noticed so far.
#[derive(Debug, Default)]
pub(super) struct Health {
    increases: RecentIncreases,
    /// As they were last read.
    counters: CounterTotals,
}

impl Health {
    /// The probes' counters, and the reasons that hold now.
    pub(super) fn observe(
        &mut self,
        session: &Session,
        inferred: &InferTotals,
        Beside { record, otlp, web }: Beside<'_>,
    ) -> (CounterTotals, Vec<Reason>) {
        let mut reasons: Vec<Reason> = session.warnings().iter().map(|warning| warning.reason).collect();
        match session.probes().counters() {
            Ok(counters) => self.counters = counters,
            Err(error) => {
                tracing::warn!(error = one_line(&error), "counters cannot be read");
                reasons.push(Reason::Counters);
            }
        }
        let (probes, tls) = (session.probes(), session.probes().tls_libraries());
        let standing = [
            (Reason::HttpDetached, probes.lacks_http() && !session.has_paused_http()),
            (Reason::HttpSampled, session.leaves_out()),
            (Reason::TlsLibraries, tls.failed > 0 || tls.beyond > 0),
            (Reason::KernelMembers, !probes.layout().missing.is_empty()),
            (Reason::Lockdown, !probes.layout().reads_segments),
            (Reason::Reconcile, session.has_failed_to_reconcile()),
            (Reason::RecordIncomplete, record.is_some_and(|record| record.failing)),
            (Reason::OtlpIncomplete, otlp.failing),
            (Reason::WebConfig, web.is_stale),
            (Reason::KubernetesApi, session.kubernetes().is_some_and(|api| api.is_unreachable)),
        ];
        reasons.extend(standing.into_iter().filter(|(_, holds)| *holds).map(|(reason, _)| reason));
        let losses = [
            (Reason::EventsLost, self.counters.lost()),
            (Reason::RunsMissed, probes.missed_runs()),
            (Reason::EventsMalformed, session.malformed()),
            (Reason::ConnectionsFull, session.tracker().totals().untracked),
            (Reason::EndpointsFull, inferred.over),
            (Reason::SocketsNotFollowed, self.counters.get(Counter::ExchangeFailed)),
            (Reason::RecordIncomplete, record.map_or(0, RecordStats::lost)),
            (Reason::OtlpIncomplete, otlp.all_lost()),
        ];
        reasons.extend(self.increases.observe(&losses, monotonic_ns()));
        reasons.sort_unstable();
        reasons.dedup();
        (self.counters, reasons)
    }
}
