//! What goes on now, for the page and for `top`: the closes of the last hour by verdict, when idle connections were shut,
//! what is open, the last closes with their evidence, and in words who hangs up on whom.
//!
//! Pure: settled closes in, plain values out, in bounded memory: 2 x [`KEPT_EACH`] closes beside the table of endpoints.

mod build;
mod close;
mod evidence_sampler;
#[cfg(test)]
pub(crate) mod example;
mod headline;
mod kept;
#[cfg(test)]
mod samples;
mod say;
mod shutdown;
mod view;

use std::{collections::HashMap, sync::Arc};

pub use build::{MAX_ENDPOINTS, USUAL_ENDPOINTS, build};
pub use close::NumberedClose;
pub use evidence_sampler::EvidenceSampler;
pub use kept::{KEPT_EACH, KeptClose};
pub use say::close as sentence;
pub use shutdown::ShutdownView;
pub use view::{
    CLOSES, CloseCounts, ClosesView, EVENTS, EndpointView, Headline, LIVE, LiveUpdate, LiveView, Minutes,
    OpenCount, SCHEMA, TimerView, Tone, Viewers,
};

use whohungup_core::{
    advice::Meta,
    close::ClosedConnection,
    endpoint::{
        Endpoint, EndpointKey, Endpoints, OpenByEndpoint,
        last_hour::{self, COUNTS, LOST, LastHour, LostRequests},
    },
    shutdown::Shutdown,
};

/// What is kept for those who look.
#[derive(Debug, Default)]
pub struct Live {
    kept: kept::Kept,
}

/// What a [`LiveUpdate`] is made of.
#[derive(Debug, Default)]
pub struct LiveChanges {
    pub open: u64,
    pub newest: u64,
    pub left_out: u64,
    pub lost_hour: u64,
    pub minute: Vec<u32>,
    pub closes: Vec<Arc<KeptClose>>,
}

/// All that a view is made of, at one moment.
#[derive(Debug)]
pub struct LiveSnapshot {
    /// CLOCK_MONOTONIC ns.
    pub now_ns: u64,
    /// How far the wall clock is ahead of that clock, ns.
    pub wall_ahead_ns: i64,
    pub meta: Meta,
    pub endpoints: Vec<Endpoint>,
    pub shutdowns: Vec<Shutdown>,
    pub open: Arc<OpenByEndpoint>,
    hours: HashMap<EndpointKey, LastHour>,
    all: LastHour,
    other: Option<LastHour>,
    lost: LostRequests,
    newest: u64,
    left_out: u64,
}

impl Live {
    /// Takes in a settled close. Constant time.
    pub fn close(&mut self, closed: ClosedConnection) {
        self.kept.add(closed);
    }

    /// The last closes with a number above `after`, newest first.
    pub fn closes(&self, after: u64) -> Vec<Arc<KeptClose>> {
        self.kept.after(after)
    }

    /// What has changed since the close with number `after`; `open` connections are counted elsewhere.
    pub fn changes(&self, endpoints: &Endpoints, now_ns: u64, after: u64, open: u64) -> LiveChanges {
        let minute = last_hour::minute(now_ns);
        let now: [u32; COUNTS] = endpoints.hour().minutes.up_to(minute).last().unwrap_or([0; COUNTS]);
        LiveChanges {
            open,
            newest: self.kept.newest(),
            left_out: self.kept.left_out(),
            lost_hour: endpoints.lost_requests().sum(minute),
            minute: now[..LOST].to_vec(),
            closes: self.closes(after),
        }
    }

    /// All that a view is made of.
    pub fn snapshot(
        &self,
        now_ns: u64,
        wall_ahead_ns: i64,
        meta: Meta,
        endpoints: &Endpoints,
        shutdowns: Vec<Shutdown>,
        open: Arc<OpenByEndpoint>,
    ) -> LiveSnapshot {
        LiveSnapshot {
            now_ns,
            wall_ahead_ns,
            meta,
            endpoints: endpoints.endpoints(),
            shutdowns,
            open,
            hours: endpoints.hours().map(|(key, hour)| (key, hour.clone())).collect(),
            all: endpoints.hour().clone(),
            other: endpoints.other_hour().cloned(),
            lost: endpoints.lost_requests().clone(),
            newest: self.kept.newest(),
            left_out: self.kept.left_out(),
        }
    }
}

impl LiveSnapshot {
    pub fn close_counts(&self) -> CloseCounts {
        CloseCounts { newest: self.newest, left_out: self.left_out }
    }
}

impl LiveChanges {
    pub fn shown(&self) -> LiveUpdate {
        LiveUpdate {
            open: self.open,
            newest: self.newest,
            left_out: self.left_out,
            lost_hour: self.lost_hour,
            minute: self.minute.clone(),
            closes: self.closes.iter().map(|kept| NumberedClose::new(kept)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
