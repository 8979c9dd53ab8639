//! The table of endpoints: one entry for each, with all that is kept of it, and one eviction.

mod views;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{
    counters::{Counters, Scale, ShutdownCount},
    eviction::{Newcomer, ProbationQueue, least_worth},
    keepalive::KeepaliveAudit,
    key::EndpointKey,
    last_hour::{LastHour, LostRequests},
    limits::InferLimits,
    losses::{BothEnds, LossCounts},
    peers::Peers,
    recent::Recent,
    shared_cause::SharedCauses,
    state::State,
};
use crate::{
    close::{ClosedConnection, loss},
    connection::{LongLived, Progressed},
    labels::Role,
    program::Program,
    workload::Workload,
};

/// Times that the program of an endpoint is asked for.
const ASKED: u8 = 3;
/// Endpoints beyond the limit that are told apart to be counted.
const BEYOND: usize = 4096;
/// How long a search for room that found none is not repeated.
const LOOK_AGAIN_NS: u64 = 1_000_000_000;
/// Seconds; the kernel's tick at HZ=250, where what was measured is no time.
const USUAL_TICK: f64 = 0.004;

/// What many closes show together, by endpoint: timers and risk, counters for the metrics, the last hour.
#[derive(Debug)]
pub struct Endpoints {
    limits: InferLimits,
    tick: f64,
    native_histograms: bool,
    table: HashMap<EndpointKey, Box<Entry>>,
    /// All endpoints over the limit together: counted, with nothing inferred.
    others: Option<Box<Others>>,
    hour: Box<LastHour>,
    lost: LostRequests,
    /// The same since [`Self::restart_counters`].
    counted_losses: LossCounts,
    both_ends: BothEnds,
    shared_causes: SharedCauses,
    over: u64,
    beyond: HashSet<EndpointKey>,
    expired: u64,
    evicted: u64,
    probation: ProbationQueue<EndpointKey>,
    look_again_ns: u64,
}

/// All that is kept of one endpoint.
#[derive(Debug)]
struct Entry {
    state: State,
    hour: LastHour,
    workload: Option<Workload>,
    peers: Peers,
    /// What a filter may name.
    recent: Recent,
    /// Shared with scrapes that are being written.
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Others {
    state: State,
    hour: LastHour,
    /// By role.
    counters: [Option<Arc<Counters>>; Role::ALL.len()],
}

/// Where something is counted.
struct Slot<'a> {
    /// It is an endpoint's own; otherwise the table is full, and this one is for all others.
    tracked: bool,
    state: &'a mut State,
    hour: &'a mut LastHour,
    /// `None` for all others.
    named: Option<NamedParts<'a>>,
    counters: &'a mut Arc<Counters>,
}

/// What only an endpoint of its own has.
struct NamedParts<'a> {
    workload: &'a mut Option<Workload>,
    peers: &'a mut Peers,
    recent: &'a mut Recent,
}

impl Endpoints {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(limits: InferLimits, tick: f64) -> Self {
        let tick = if tick.is_finite() && tick > 0.0 { tick } else { USUAL_TICK };
        Self {
            limits,
            tick,
            native_histograms: false,
            table: HashMap::new(),
            others: None,
            hour: Box::new(LastHour::new()),
            lost: LostRequests::new(),
            counted_losses: LossCounts::default(),
            both_ends: BothEnds::default(),
            shared_causes: SharedCauses::default(),
            over: 0,
            beyond: HashSet::new(),
            expired: 0,
            evicted: 0,
            probation: ProbationQueue::new(),
            look_again_ns: 0,
        }
    }

    /// Takes in a settled close. Names its cause where this close together with those before it proves one: a cause
    /// that is known stays, except that `announced` becomes `max-requests` or `max-age`. With `evidence` the proof is
    /// added to the close's. Says which endpoint it belongs to.
    pub fn close(&mut self, closed: &mut ClosedConnection, evidence: bool) -> EndpointKey {
        let (tick, scale) = (self.tick, self.scale());
        let key = EndpointKey::of_close(closed);
        let (before, words) = ((closed.verdict, closed.cause), closed.evidence.len());
        let found = self.shared_causes.of(closed).cloned();
        match &found {
            Some(found) => found.give_verdict(closed),
            None => self.find_thrown_away(key, closed, evidence),
        }
        let lost = self.both_ends.count(closed);
        let Slot { tracked, state, hour, named, counters } =
            self.slot(key, closed.at_ns, Newcomer::of(closed));
        state.count(closed, lost);
        if let Some(NamedParts { workload, peers, recent }) = named {
            recent.add(&key, &closed.ends, closed.process);
            peers.add(closed, loss(closed).map_or(0, |(_, requests)| u64::from(requests)));
            learn(workload, closed.workload.as_ref());
        }
        let proof = if tracked { state.infer(closed, tick) } else { None };
        match (&found, proof) {
            (Some(found), _) => found.give_cause(closed, evidence),
            (None, Some(proof)) => {
                closed.cause = proof.cause();
                if evidence {
                    closed.evidence.push(proof.text());
                }
            }
            (None, None) => {}
        }
        if !closed.amends {
            state.count_cause(closed.cause);
        }
        // Copied when a scrape that is being written still holds it.
        Arc::make_mut(counters).close(closed, scale);
        hour.close(closed, lost);
        self.hour.close(closed, lost);
        self.lost.add(closed, lost);
        self.counted_losses.add_once(closed, lost);
        self.over += u64::from(!tracked);
        if found.is_none() {
            self.shared_causes.keep(before, closed, closed.evidence.iter().skip(words).cloned());
        }
        key
    }

    /// Where the server threw a request away at its idle timer, the close becomes an idle race.
    fn find_thrown_away(&self, key: EndpointKey, closed: &mut ClosedConnection, evidence: bool) {
        let entry = self.table.get(&key);
        let found = entry.and_then(|entry| entry.state.find_thrown_away(closed));
        if let Some(text) = found.filter(|_| evidence) {
            closed.evidence.push(text);
        }
    }

    /// Counts requests on a connection that is open; `now_ns` is CLOCK_MONOTONIC.
    pub fn progress(&mut self, progressed: &Progressed, now_ns: u64) {
        let (tick, scale) = (self.tick, self.scale());
        let Progressed { role, ends, process, workload: whose, requests } = progressed;
        let key = EndpointKey::of(*role, ends, *process, whose.as_ref());
        let Slot { tracked, state, named, counters, .. } = self.slot(key, now_ns, Newcomer::Usual);
        state.count_requests(requests);
        if let Some(NamedParts { workload, recent, .. }) = named {
            recent.add(&key, ends, *process);
            learn(workload, whose.as_ref());
        }
        if tracked {
            // A client's may be the one that is lost.
            if let Some(gap) = requests.long_gap.filter(|_| *role == Role::Server) {
                state.server_closes.outlive(gap);
            }
            state.gaps(requests, tick, now_ns);
        }
        Arc::make_mut(counters).count(requests, scale);
    }

    /// Counts a process that stopped listening, or what that cost later; `now_ns` is CLOCK_MONOTONIC.
    pub fn shutdown(
        &mut self,
        key: EndpointKey,
        whose: Option<&Workload>,
        count: ShutdownCount,
        now_ns: u64,
    ) {
        if matches!(count, ShutdownCount::Stopped { .. }) && !self.table.contains_key(&key) {
            // Nothing of it was seen.
            return;
        }
        let Slot { state, named, counters, .. } = self.slot(key, now_ns, Newcomer::Usual);
        state.seen_ns = state.seen_ns.max(now_ns);
        if let Some(NamedParts { workload, .. }) = named {
            learn(workload, whose);
        }
        let counters = Arc::make_mut(counters);
        match count {
            ShutdownCount::Stopped { signalled } => {
                counters.shutdowns += 1;
                state.exits.note_stop(signalled);
            }
            ShutdownCount::Lost(how, count) => {
                // The first that is seen of an endpoint may be what its shutdown cost.
                counters.shutdowns = counters.shutdowns.max(1);
                counters.shutdown_lost[how as usize] += count;
            }
        }
    }

    /// Takes in the connections of a walk over the sockets that have been open for `older_than` seconds; `now_ns` is
    /// CLOCK_MONOTONIC.
    pub fn audit<'a>(
        &mut self,
        connections: impl Iterator<Item = LongLived<'a>>,
        older_than: f64,
        now_ns: u64,
    ) {
        self.table.values_mut().for_each(|entry| entry.state.keepalive = None);
        for connection in connections {
            let LongLived { role, ends, process, workload: whose, .. } = &connection;
            let key = EndpointKey::of(*role, ends, *process, *whose);
            let Slot { state, named: Some(NamedParts { workload, recent, .. }), .. } =
                self.slot(key, now_ns, Newcomer::Usual)
            else {
                continue;
            };
            recent.add(&key, ends, *process);
            learn(workload, *whose);
            state.seen_ns = state.seen_ns.max(now_ns);
            let forgotten = state.silences.forgotten();
            let audit =
                state.keepalive.get_or_insert_with(|| Box::new(KeepaliveAudit::new(older_than, forgotten)));
            audit.add(&connection);
        }
    }

    /// The process to look up for an endpoint whose program is not known yet; each endpoint asks a few times. What
    /// is found goes to [`Self::know`].
    pub fn unknown_program(&mut self, closed: &ClosedConnection) -> Option<u32> {
        let pid = closed.process?.pid?;
        let state = &mut self.table.get_mut(&EndpointKey::of_close(closed))?.state;
        if state.program.is_some() || state.asked >= ASKED {
            return None;
        }
        state.asked += 1;
        Some(pid)
    }

    /// Notes what the program behind an endpoint is, cut to what is kept of it.
    pub fn know(&mut self, endpoint: &EndpointKey, program: Program) {
        if let Some(entry) = self.table.get_mut(endpoint) {
            entry.state.know(program);
        }
    }

    /// Drops endpoints that were not seen for [`InferLimits::stale`]; `now_ns` is CLOCK_MONOTONIC.
    pub fn expire(&mut self, now_ns: u64) {
        let stale = u64::try_from(self.limits.stale.as_nanos()).unwrap_or(u64::MAX);
        let before = self.table.len();
        self.table.retain(|_, entry| now_ns.saturating_sub(entry.state.seen_ns) <= stale);
        self.expired += (before - self.table.len()) as u64;
        self.probation.retain(|key| self.table.get(key).map(|entry| &entry.state));
        for entry in self.table.values_mut() {
            if let Some(gaps) = &mut entry.state.gaps {
                gaps.turn(now_ns);
            }
        }
    }

    /// Has what is counted from now on be in native histograms too: at most 36 KiB an endpoint more.
    pub fn keep_native_histograms(&mut self) {
        self.native_histograms = true;
    }

    fn scale(&self) -> Scale {
        Scale { tick: self.tick, native: self.native_histograms }
    }

    /// Has the metrics' counters begin at zero: what was taken in so far had been counted before a restart, and a counter
    /// that goes on from there would be added up twice.
    pub fn restart_counters(&mut self) {
        self.table.values_mut().for_each(|entry| entry.counters = Arc::default());
        if let Some(others) = &mut self.others {
            others.counters = Default::default();
        }
        self.counted_losses = LossCounts::default();
        (self.over, self.expired, self.evicted) = (0, 0, 0);
        self.beyond.clear();
    }

    /// Of the endpoint, or of all others when there is no room for it.
    fn slot(&mut self, key: EndpointKey, now_ns: u64, newcomer: Newcomer) -> Slot<'_> {
        if !self.table.contains_key(&key) {
            if self.table.len() >= self.limits.endpoints {
                self.evict(now_ns, newcomer);
            }
            if self.table.len() >= self.limits.endpoints {
                if self.beyond.len() < BEYOND {
                    self.beyond.insert(key);
                }
                let others = self.others.get_or_insert_with(Others::new);
                let Others { state, hour, counters } = &mut **others;
                let counters = counters[key.role as usize].get_or_insert_default();
                return Slot { tracked: false, state, hour, named: None, counters };
            }
            self.probation.push(key);
        }
        let Entry { state, hour, workload, peers, recent, counters } =
            &mut **self.table.entry(key).or_insert_with(Entry::new);
        Slot { tracked: true, state, hour, named: Some(NamedParts { workload, peers, recent }), counters }
    }

    /// Makes room, if there is an endpoint that showed hardly anything yet: what was counted of it goes to the others.
    fn evict(&mut self, now_ns: u64, newcomer: Newcomer) {
        let table = &self.table;
        let mut key = self.probation.evict(now_ns, newcomer, |key| table.get(key).map(|entry| &entry.state));
        if key.is_none() && newcomer == Newcomer::Losing && now_ns >= self.look_again_ns {
            key = least_worth(table.iter().map(|(key, entry)| (*key, &entry.state)));
            // Where all lose requests, nobody looks through all of them for each loss.
            self.look_again_ns = key.map_or(now_ns + LOOK_AGAIN_NS, |_| 0);
        }
        if let Some((key, entry)) = key.and_then(|key| self.table.remove_entry(&key)) {
            if self.beyond.len() < BEYOND {
                self.beyond.insert(key);
            }
            self.evicted += 1;
            self.over += entry.state.closes;
            self.others.get_or_insert_with(Others::new).state.absorb(&entry.state);
        }
    }
}

/// Takes over the newest names: a container may be renamed.
fn learn(known: &mut Option<Workload>, newest: Option<&Workload>) {
    if let Some(newest) = newest
        && !known.as_ref().is_some_and(|known| known.is_same_lookup(newest))
    {
        *known = Some(newest.clone());
    }
}

impl Entry {
    fn new() -> Box<Self> {
        Box::new(Self {
            state: State::new(),
            hour: LastHour::new(),
            workload: None,
            peers: Peers::default(),
            recent: Recent::default(),
            counters: Arc::default(),
        })
    }

    /// All that it holds.
    fn bytes(&self) -> usize {
        self.state.bytes()
            + size_of::<LastHour>()
            + size_of::<Recent>()
            + self.peers.bytes()
            + self.counters.bytes()
    }
}

impl Others {
    fn new() -> Box<Self> {
        Box::new(Self { state: State::new(), hour: LastHour::new(), counters: Default::default() })
    }

    fn bytes(&self) -> usize {
        let counters = self.counters.iter().flatten().map(|counters| counters.bytes()).sum::<usize>();
        self.state.bytes() + size_of::<LastHour>() + counters
    }
}

#[cfg(test)]
mod tests;
