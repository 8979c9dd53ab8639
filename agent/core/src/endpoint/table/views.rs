//! What the table shows: endpoints for reports, counters for the metrics, the last hour for the page.

use std::{collections::HashMap, sync::Arc};

use super::{Endpoints, Entry};
use crate::{
    endpoint::{
        counters::Counters,
        key::EndpointKey,
        last_hour::{LastHour, LostRequests},
        limits::ENDPOINT_BYTES,
        losses::Losses,
        model::{Endpoint, InferTotals},
        summary,
    },
    identity::Comm,
    labels::Role,
    workload::Workload,
};

impl Endpoints {
    /// All endpoints, the worst risk first, then those of which something stopped, then those with the most closes.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all: Vec<Endpoint> = self.tracked().collect();
        if let Some(others) = &self.others {
            let process = Comm::from_text("other");
            let key = EndpointKey { role: Role::Unknown, server_port: None, process, workload: None };
            all.push(summary::counts(key, &others.state));
        }
        all.sort_by(summary::order);
        all
    }

    /// Those with an entry of their own, in no order.
    pub fn tracked(&self) -> impl Iterator<Item = Endpoint> {
        self.table.iter().map(|(key, entry)| Endpoint {
            workload: entry.workload.clone(),
            peers: entry.peers.shown(),
            recent_pids: entry.recent.pids(),
            recent_ports: entry.recent.ports(),
            ..summary::endpoint(*key, &entry.state, self.tick)
        })
    }

    /// What was counted of each of those.
    pub fn counters(&self) -> impl Iterator<Item = (EndpointKey, Option<&Workload>, &Arc<Counters>)> {
        self.table.iter().map(|(key, entry)| (*key, entry.workload.as_ref(), &entry.counters))
    }

    /// Requests and closes of each server port, as far as they were counted.
    pub fn load_by_port(&self) -> HashMap<u16, u64> {
        let mut loads = HashMap::new();
        for (key, entry) in &self.table {
            if let Some(port) = key.server_port {
                *loads.entry(port).or_default() += entry.counters.load();
            }
        }
        loads
    }

    /// What was counted of all others, by role.
    pub fn other_counters(&self) -> impl Iterator<Item = (Role, &Arc<Counters>)> {
        let others = self.others.iter().flat_map(|others| Role::ALL.iter().zip(&others.counters));
        others.filter_map(|(role, counters)| Some((*role, counters.as_ref()?)))
    }

    /// The last hour of each endpoint with an entry of its own.
    pub fn hours(&self) -> impl Iterator<Item = (EndpointKey, &LastHour)> {
        self.table.iter().map(|(key, entry)| (*key, &entry.hour))
    }

    /// The last hour of all others.
    pub fn other_hour(&self) -> Option<&LastHour> {
        self.others.as_ref().map(|others| &others.hour)
    }

    /// The last hour of all together.
    pub fn hour(&self) -> &LastHour {
        &self.hour
    }

    pub fn lost_requests(&self) -> &LostRequests {
        &self.lost
    }

    /// Requests lost by all together, as the metrics count them: from the start of the agent on.
    pub fn counted_losses(&self) -> Losses {
        self.counted_losses.shown()
    }

    pub fn totals(&self) -> InferTotals {
        let slots = self.table.capacity() * (size_of::<(EndpointKey, Box<Entry>)>() + 1);
        let entries = self.table.values().map(|entry| entry.bytes()).sum::<usize>();
        let others = self.others.as_ref().map_or(0, |others| others.bytes());
        InferTotals {
            endpoints: self.table.len(),
            limit: self.limits.endpoints,
            expired: self.expired,
            evicted: self.evicted,
            over: self.over,
            beyond: self.beyond.len() as u64,
            bytes: entries
                + others
                + slots
                + self.probation.bytes()
                + self.both_ends.bytes()
                + self.shared_causes.bytes()
                + self.beyond.capacity() * (size_of::<EndpointKey>() + 1)
                + size_of::<LastHour>(),
            endpoint_bytes: ENDPOINT_BYTES,
        }
    }
}
