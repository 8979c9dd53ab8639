//! What each family is called, and what its help text says.

use prometheus_client::{metrics::info::Info, registry::Unit};

use super::{BuildInfo, Metrics};

impl Metrics {
    pub(super) fn register(&mut self, build: &BuildInfo) {
        let Self { registry: r, outcomes, timeouts, .. } = self;
        r.register(
            "closes",
            "Closes by who hung up and why; alert on verdict=\"idle-race\" and \"premature-hangup\"",
            self.closes.clone(),
        );
        r.register("idle_races", "Requests lost to an idle close: raise the server's idle time-out above the clients', or lower the clients'", self.races.clone());
        r.register(
            "amended_closes",
            "Closes whose verdict became idle-race after they had been counted, by a request that came later",
            self.amended.clone(),
        );
        r.register_with_unit(
            "idle_at_close",
            "Time from the end of the last response to the first FIN or RST",
            Unit::Seconds,
            self.idle.clone(),
        );
        r.register_with_unit(
            "connection_age",
            "Time from connect or accept to the first FIN or RST",
            Unit::Seconds,
            self.age.clone(),
        );
        r.register(
            "requests_per_connection",
            "Requests answered in full on a connection before it closed",
            self.requests.clone(),
        );
        outcomes.register(r);
        timeouts.register(r);
        r.register("open_connections", "Connections that are followed now", self.open.clone());
        r.register(
            "connections_opened",
            "Connections begun; opened + adopted = closed + open",
            self.opened.clone(),
        );
        r.register(
            "connections_opened_unseen",
            "Of the opened, those whose opening record was lost",
            self.opened_unseen.clone(),
        );
        r.register("connections_adopted", "Connections older than the agent", self.adopted.clone());
        r.register("connections_closed", "Closes settled", self.closed.clone());
        r.register(
            "connections_closed_unseen",
            "Of the closed, those whose closing record was lost: no verdict",
            self.closed_unseen.clone(),
        );
        r.register(
            "connections_untracked",
            "Connections not followed because the table was full; raise --max-connections",
            self.untracked.clone(),
        );
        r.register(
            "late_requests",
            "Requests that met a socket which had closed before, joined to its close",
            self.late_requests.clone(),
        );
        r.register(
            "late_segments_unknown",
            "Data that met no socket and belongs to no close that is remembered: scans, or closes long ago",
            self.late_strangers.clone(),
        );
        r.register(
            "retries_unsought",
            "Races that were not looked into for a retry: more than 64 at once, or too many sockets to look at",
            self.retries_unsought.clone(),
        );
        r.register(
            "events_lost",
            "Records that did not fit the ring buffer; raise --ring-bytes",
            self.lost.clone(),
        );
        r.register(
            "events_malformed",
            "Records that could not be decoded; probes and agent do not fit together",
            self.malformed.clone(),
        );
        r.register(
            "exchange_sockets",
            "Sockets that got storage for HTTP or TLS exchanges",
            self.exchanges.clone(),
        );
        r.register(
            "exchange_sockets_failed",
            "Sockets that got none for want of kernel memory; their closes have basis turns",
            self.exchanges_failed.clone(),
        );
        r.register("tls_libraries", "OpenSSL libraries that are attached to", self.tls_libraries.clone());
        r.register(
            "tls_libraries_failed",
            "OpenSSL libraries that could not be attached to",
            self.tls_libraries_failed.clone(),
        );
        r.register("tls_sessions", "TLS sessions of OpenSSL that are read inside", self.tls_sessions.clone());
        r.register(
            "tls_sessions_failed",
            "TLS sessions that are not, for want of kernel memory",
            self.tls_sessions_failed.clone(),
        );
        r.register(
            "segments_unreadable",
            "Segments whose headers could not be read",
            self.segments_unreadable.clone(),
        );
        r.register(
            "resets_without_socket",
            "Resets sent for segments without payload that no living socket wanted: refused connections, scans, last FINs",
            self.resets_without_socket.clone(),
        );
        r.register(
            "endpoints_over_limit",
            "Closes counted under process=\"other\" because --max-endpoints was reached",
            self.endpoints_over.clone(),
        );
        r.register("table_entries", "Entries in use of each bounded table", self.table_entries.clone());
        r.register("table_limit", "Bound of each table; bytes for the ring buffer", self.table_limit.clone());
        r.register(
            "table_evicted",
            "Entries that had to make room before their time",
            self.table_evicted.clone(),
        );
        r.register(
            "program_runs",
            "Runs of each BPF program, counted while the kernel's statistics are on",
            self.runs.clone(),
        );
        r.register(
            "program_missed_runs",
            "Runs that the kernel left out because the program was interrupted by itself: events not seen",
            self.missed.clone(),
        );
        r.register_with_unit(
            "program_run_time",
            "Time in each BPF program, counted while the kernel's statistics are on",
            Unit::Seconds,
            self.run_time.clone(),
        );
        r.register_with_unit(
            "program_sampled",
            "Time for which the kernel's statistics were on; 0 with --program-stats off",
            Unit::Seconds,
            self.sampled.clone(),
        );
        r.register_with_unit(
            "agent_cpu",
            "CPU time of the agent's own process",
            Unit::Seconds,
            self.cpu.clone(),
        );
        r.register_with_unit(
            "agent_resident_memory",
            "Resident memory of the agent's own process",
            Unit::Bytes,
            self.memory.clone(),
        );
        r.register("build", "What runs", Info::new(build.labels()));
    }
}
