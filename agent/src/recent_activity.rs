//! What is kept for those who look, beside a session: for `run` and `top`.

use std::{sync::Arc, time::Instant};

use crate::{
    agent::Analyzer,
    clock::{monotonic_ns, wall_ahead_ns},
    live::{EvidenceSampler, Live, LiveChanges, LiveSnapshot},
    session::Session,
};
use whohungup_core::{close::ClosedConnection, endpoint::OpenByEndpoint};

/// Counting open connections by endpoint walks the table: it takes no more than one part in this many of the time.
const COUNT_SHARE: u32 = 50;
/// Endpoints distinguished among the open connections, as many times as among the closed ones.
const OPEN_ENDPOINTS: usize = 2;

#[derive(Debug)]
pub struct RecentActivity {
    live: Live,
    sampler: EvidenceSampler,
    most: usize,
    open: Arc<OpenByEndpoint>,
    /// Not before this are open connections counted again.
    count_again: Instant,
}

impl RecentActivity {
    /// Tells apart at most `endpoints`.
    pub fn new(endpoints: usize) -> Self {
        Self {
            live: Live::default(),
            sampler: EvidenceSampler::default(),
            most: endpoints.saturating_mul(OPEN_ENDPOINTS),
            open: Arc::default(),
            count_again: Instant::now(),
        }
    }

    /// Keeps a settled close.
    pub fn close(&mut self, closed: ClosedConnection) {
        self.sampler.count(closed.verdict.is_trouble());
        self.live.close(closed);
    }

    /// Ends a turn: says how much of the evidence is reported in the next.
    pub fn turn(&mut self, session: &mut Session) {
        session.set_evidence_detail(self.sampler.turn());
    }

    /// What has changed since the close with number `after`.
    pub fn changes(&self, session: &Session, analyzer: &Analyzer, after: u64) -> LiveChanges {
        self.live.changes(analyzer.table(), monotonic_ns(), after, session.tracker().totals().open)
    }

    /// All that a view is made of.
    pub fn snapshot(&mut self, session: &Session, analyzer: &Analyzer) -> LiveSnapshot {
        let began = Instant::now();
        if began >= self.count_again {
            self.open = Arc::new(OpenByEndpoint::count(session.tracker().open_connections(), self.most));
            self.count_again = Instant::now() + began.elapsed() * COUNT_SHARE;
        }
        let (meta, open) = (analyzer.meta(session), Arc::clone(&self.open));
        self.live.snapshot(
            monotonic_ns(),
            wall_ahead_ns(),
            meta,
            analyzer.table(),
            analyzer.shutdowns(),
            open,
        )
    }
}
