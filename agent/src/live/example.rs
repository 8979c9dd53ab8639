//! Hosts made by hand: closes, inference and what is kept, side by side as in the daemon.

use std::sync::Arc;

use super::{
    KeptClose, Live, LiveView, MAX_ENDPOINTS, build,
    samples::{SECOND, closed, raced, reused_after},
};
use whohungup_core::{
    advice::Meta,
    close::ClosedConnection,
    endpoint::{Endpoints, InferLimits, OpenByEndpoint},
    filter::Filter,
    labels::{Race, Verdict},
    products::Products,
};

const TICK: f64 = 0.004;

/// Inference and what is kept, side by side as in the daemon.
pub(super) struct Both {
    pub(super) endpoints: Endpoints,
    pub(super) live: Live,
    pub(super) now_ns: u64,
}

impl Both {
    pub(super) fn new(endpoints: usize) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        let now_ns = 3600 * SECOND;
        Self { endpoints: Endpoints::new(limits, TICK), live: Live::default(), now_ns }
    }

    pub(super) fn close(&mut self, mut closed: ClosedConnection) {
        closed.at_ns = self.now_ns;
        self.now_ns += SECOND / 100;
        self.endpoints.close(&mut closed, true);
        self.live.close(closed);
    }

    pub(super) fn view(&self, filter: &Filter, limit: usize) -> LiveView {
        let endpoints = self.endpoints.endpoints();
        let model = whohungup_core::advice::build(&endpoints, Products::builtin(), Meta::default());
        let material = self.live.snapshot(
            self.now_ns,
            model.meta.clone(),
            &self.endpoints,
            Vec::new(),
            Arc::new(OpenByEndpoint::default()),
        );
        build(&material, &model, filter, limit)
    }

    pub(super) fn everything(&self) -> LiveView {
        self.view(&Filter::default(), MAX_ENDPOINTS)
    }
}

/// A node that loses requests to its idle timeout, and an nginx that does not.
pub(crate) fn losing() -> (LiveView, Vec<Arc<KeptClose>>) {
    let mut both = Both::new(8);
    (0..20).for_each(|_| both.close(closed(8080, "node", Verdict::ServerIdle)));
    both.close(ClosedConnection {
        uncounted: Some(reused_after(4.9)),
        ..closed(8080, "node", Verdict::ServerIdle)
    });
    both.close(closed(9090, "nginx", Verdict::ClientIdle));
    (0..3).for_each(|_| both.close(raced(8080, "node", Race::Stale)));
    (both.everything(), both.live.closes(0))
}
