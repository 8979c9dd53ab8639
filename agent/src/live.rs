//! What goes on now, for the page and for `top`: the closes of the last hour by verdict, when idle connections were shut,
//! what is open, the last closes with their evidence, and in words who hangs up on whom.
//!
//! Pure: settled closes in, plain values out, in bounded memory: under 4 KiB for each of `--max-endpoints`, and
//! 2 x [`KEPT_EACH`] closes.

mod build;
mod close;
#[cfg(test)]
pub(crate) mod example;
mod headline;
mod hour;
mod idle;
mod kept;
mod pace;
#[cfg(test)]
mod samples;
mod say;
mod table;
mod view;

use std::{collections::HashMap, sync::Arc};

pub use build::{MAX_ENDPOINTS, USUAL_ENDPOINTS, build};
pub use close::NumberedClose;
pub use hour::MINUTES;
pub use idle::{BINS, FIRST, PER_DECADE, begins};
pub use kept::{KEPT_EACH, KeptClose};
pub use pace::Pace;
pub use view::{
    CLOSES, CloseCounts, ClosesView, EVENTS, EndpointView, Headline, LIVE, LiveView, Minutes, OpenCount,
    Pulse, SCHEMA, TimerView, Tone, Viewers,
};

use table::{COUNTS, LOST, Lost, Seen, Table};
use whohungup_core::{
    advice::Meta,
    close::ClosedConnection,
    connection::OpenByEndpoint,
    endpoint::{Endpoint, EndpointKey, Place},
};

/// What is kept for those who look.
#[derive(Debug)]
pub struct Live {
    table: Table,
    kept: kept::Kept,
}

/// What a [`Pulse`] is made of.
#[derive(Debug, Default)]
pub struct Beat {
    pub open: u64,
    pub newest: u64,
    pub left_out: u64,
    pub lost_hour: u64,
    pub minute: Vec<u32>,
    pub closes: Vec<Arc<KeptClose>>,
}

/// All that a view is made of, at one moment.
#[derive(Debug)]
pub struct Material {
    /// CLOCK_MONOTONIC ns.
    pub now_ns: u64,
    pub meta: Meta,
    pub endpoints: Vec<Endpoint>,
    pub open: Arc<OpenByEndpoint>,
    seen: HashMap<EndpointKey, Seen>,
    all: Seen,
    other: Seen,
    lost: Lost,
    newest: u64,
    left_out: u64,
}

impl Live {
    pub fn new(now_ns: u64) -> Self {
        Self { table: Table::new(now_ns), kept: kept::Kept::default() }
    }

    /// Takes in a settled close; `place` says which endpoint it belongs to. Constant time.
    pub fn close(&mut self, closed: ClosedConnection, place: &Place) {
        self.table.close(&closed, place);
        self.kept.add(closed);
    }

    /// Forgets endpoints that are no longer told apart.
    pub fn forget(&mut self, gone: &[EndpointKey]) {
        self.table.forget(gone);
    }

    /// The last closes with a number above `after`, newest first.
    pub fn closes(&self, after: u64) -> Vec<Arc<KeptClose>> {
        self.kept.after(after)
    }

    /// What has changed since the close with number `after`; `open` connections are counted elsewhere.
    pub fn beat(&self, now_ns: u64, after: u64, open: u64) -> Beat {
        let hour = &self.table.all.hour;
        let minute = hour::minute(now_ns);
        let now: [u32; COUNTS] = hour.up_to(minute).last().unwrap_or([0; COUNTS]);
        Beat {
            open,
            newest: self.kept.newest(),
            left_out: self.kept.left_out(),
            lost_hour: self.table.lost.sum(minute),
            minute: now[..LOST].to_vec(),
            closes: self.closes(after),
        }
    }

    /// All that a view is made of.
    pub fn material(
        &self,
        now_ns: u64,
        meta: Meta,
        endpoints: Vec<Endpoint>,
        open: Arc<OpenByEndpoint>,
    ) -> Material {
        Material {
            now_ns,
            meta,
            endpoints,
            open,
            seen: self.table.iter().map(|(key, seen)| (*key, seen.clone())).collect(),
            all: (*self.table.all).clone(),
            other: (*self.table.other).clone(),
            lost: self.table.lost.clone(),
            newest: self.kept.newest(),
            left_out: self.kept.left_out(),
        }
    }

    /// Memory of what is kept by endpoint, bytes.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }
}

impl Beat {
    pub fn shown(&self) -> Pulse {
        Pulse {
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
