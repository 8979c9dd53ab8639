//! Hosts made by hand: closes, inference and what is kept, side by side as in the daemon.

use std::sync::Arc;

use super::{
    KeptClose, Live, LiveView, MAX_ENDPOINTS, build,
    samples::{SECOND, closed, raced, reused_after},
};
use jiff::Timestamp;
use whohungup_core::{
    advice::Meta,
    close::ClosedConnection,
    connection::SentSignal,
    endpoint::{Endpoints, InferLimits, OpenByEndpoint},
    filter::Filter,
    identity::Signal,
    labels::{Race, Verdict},
    products::Products,
    shutdown::{Shutdown, Shutdowns},
    testing,
};

const TICK: f64 = 0.004;

/// Inference and what is kept, side by side as in the daemon.
pub(super) struct Both {
    pub(super) endpoints: Endpoints,
    pub(super) live: Live,
    pub(super) now_ns: u64,
    pub(super) shutdowns: Vec<Shutdown>,
}

impl Both {
    pub(super) fn new(endpoints: usize) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        let now_ns = 3600 * SECOND;
        Self { endpoints: Endpoints::new(limits, TICK), live: Live::default(), now_ns, shutdowns: Vec::new() }
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
            crate::clock::wall_ahead_ns(),
            model.meta.clone(),
            &self.endpoints,
            self.shutdowns.clone(),
            Arc::new(OpenByEndpoint::default()),
        );
        build(&material, &model, filter, &[], limit)
    }

    pub(super) fn everything(&self) -> LiveView {
        self.view(&Filter::default(), MAX_ENDPOINTS)
    }
}

/// A server that stopped listening on SIGTERM, and refused so many connects after that.
pub(in crate::live) fn stopped(port: u16, process: &str, refused: u64) -> Shutdown {
    let ended = testing::listener_ended(port, process);
    let at_ns = ended.at_ns;
    let mut shutdowns = Shutdowns::default();
    shutdowns.signal(SentSignal {
        at_ns: at_ns - SECOND,
        signal: Signal::TERM,
        pid: testing::LISTENER_PID,
        cgroup_id: 0,
        ignored: false,
    });
    shutdowns.ended(&ended, Timestamp::UNIX_EPOCH);
    shutdowns.refused(ended.netns, port, refused);
    shutdowns.newest().next().expect("it was added").clone()
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
    both.shutdowns = vec![stopped(9090, "nginx", 0), stopped(8080, "node", 3)];
    (both.everything(), both.live.closes(0))
}
