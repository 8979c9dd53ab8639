//! The table of endpoints.

use hashbrown::HashMap;

use super::{
    cause,
    limits::InferLimits,
    model::{Endpoint, EndpointKey, InferTotals, Outlook},
    newcomers::Newcomers,
    observe,
    place::{EndpointId, Place},
    show,
    state::{MOST_BYTES, State},
    stops::Stops,
};
use crate::{
    connection::{Progressed, Report},
    labels::{Cause, Role},
    program::Program,
};

/// Times that the program of an endpoint is asked for.
const ASKED: u8 = 3;
/// Seconds; the kernel's tick at HZ=250, where what was measured is no time.
const USUAL_TICK: f64 = 0.004;

/// What many closes show together, by endpoint.
#[derive(Debug)]
pub struct Inference {
    limits: InferLimits,
    tick: f64,
    table: HashMap<EndpointId, Box<State>>,
    /// All endpoints over the limit together: counted, with nothing inferred.
    other: Option<Box<State>>,
    over: u64,
    expired: u64,
    evicted: u64,
    newcomers: Newcomers<EndpointId>,
}

impl Inference {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(limits: InferLimits, tick: f64) -> Self {
        let tick = if tick.is_finite() && tick > 0.0 { tick } else { USUAL_TICK };
        Self {
            limits,
            tick,
            table: HashMap::new(),
            other: None,
            over: 0,
            expired: 0,
            evicted: 0,
            newcomers: Newcomers::new(),
        }
    }

    /// Takes in a settled close. Names its cause where this close together with those before it proves one: a cause
    /// that is known stays, except that `announced` becomes `max-requests` or `max-age`. With `tell` the proof is
    /// added to the evidence. Says which endpoint it belongs to.
    pub fn close(&mut self, report: &mut Report, tell: bool) -> Place {
        let tick = self.tick;
        let (state, place) = self.state(id_of(report), report.close.at_ns);
        let own = place.own;
        state.count(report);
        if own {
            let close = &mut report.close;
            if let Some(requests) = &report.requests {
                state.gaps(requests, tick, close.at_ns);
            }
            if let Some(gap) = observe::gap_of_lost(close, report.requests.is_some()) {
                state.gap(gap, tick, close.at_ns);
            }
            let seen = state.see(close, report.amends, tick);
            let limit = if report.amends { None } else { cause::from_limits(&mut state.after, close) };
            let proof = match close.cause {
                Cause::Unknown => limit.or_else(|| cause::from_timers(&seen, tick)),
                Cause::Announced => limit,
                _ => None,
            };
            if let Some(proof) = proof {
                close.cause = proof.cause();
                if tell {
                    close.evidence.push(proof.told());
                }
            }
        }
        if !report.amends {
            state.count_cause(report.close.cause);
        }
        self.over += u64::from(!own);
        place
    }

    /// Counts requests on a connection that is open; `now_ns` is CLOCK_MONOTONIC.
    pub fn progress(&mut self, progressed: &Progressed, now_ns: u64) -> Place {
        let tick = self.tick;
        let Progressed { role, ends, process, requests } = progressed;
        let (state, place) = self.state(EndpointId::of(*role, ends, *process), now_ns);
        state.count_requests(requests);
        if place.own {
            state.gaps(requests, tick, now_ns);
        }
        place
    }

    /// Counts a race, of a close that was taken in, whose request was sent again and answered.
    pub fn masked(&mut self, report: &Report) {
        let known = self.table.get_mut(&id_of(report)).or(self.other.as_mut());
        let Some(state) = known else { return };
        state.masked = state.masked.saturating_add(1);
    }

    /// The process to look up for an endpoint whose program is not known yet; each endpoint asks a few times. What
    /// is found goes to [`Self::know`].
    pub fn unknown_program(&mut self, report: &Report) -> Option<u32> {
        let pid = report.process?.pid?;
        let state = self.table.get_mut(&id_of(report))?;
        if state.program.is_some() || state.asked >= ASKED {
            return None;
        }
        state.asked += 1;
        Some(pid)
    }

    /// Notes what the program behind an endpoint is, cut to what is kept of it.
    pub fn know(&mut self, endpoint: &EndpointId, program: Program) {
        if let Some(state) = self.table.get_mut(endpoint) {
            state.know(program);
        }
    }

    /// Forgets endpoints that were not seen for [`InferLimits::stale`], and names them; `now_ns` is CLOCK_MONOTONIC.
    pub fn expire(&mut self, now_ns: u64) -> Vec<EndpointId> {
        let stale = u64::try_from(self.limits.stale.as_nanos()).unwrap_or(u64::MAX);
        let is_stale = |state: &State| now_ns.saturating_sub(state.seen_ns) > stale;
        let gone: Vec<EndpointId> =
            self.table.extract_if(|_, state| is_stale(state)).map(|(id, _)| id).collect();
        self.expired += gone.len() as u64;
        self.newcomers.retain(|key| self.table.get(key).map(|state| &**state));
        for state in self.table.values_mut() {
            if let Some(gaps) = &mut state.gaps {
                gaps.turn(now_ns);
            }
        }
        gone
    }

    /// All endpoints, the worst risk first, then those of which something stopped, then those with the most closes.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let known = self.table.iter().map(|(key, state)| show::endpoint(key.shown(), state, self.tick));
        let mut all: Vec<Endpoint> = known.collect();
        if let Some(other) = &self.other {
            let key = EndpointKey { role: Role::Unknown, server_port: None, process: "other".to_owned() };
            all.push(show::counts(key, other));
        }
        all.sort_by(|one, other| {
            let stopped = |endpoint: &Endpoint| endpoint.stops != Stops::default();
            let order = one.risk.cmp(&other.risk).then(stopped(other).cmp(&stopped(one)));
            let order = order.then(other.closes.cmp(&one.closes));
            order.then_with(|| {
                let by = |endpoint: &Endpoint| (endpoint.key.role, endpoint.key.server_port);
                by(one).cmp(&by(other)).then_with(|| one.key.process.cmp(&other.key.process))
            })
        });
        all
    }

    /// What all endpoints that are told apart look like, in no order.
    pub fn outlooks(&self) -> Vec<Outlook> {
        self.table.iter().map(|(id, state)| show::outlook(id.shown(), state, self.tick)).collect()
    }

    pub fn totals(&self) -> InferTotals {
        let states = self.table.values().chain(&self.other);
        let slots = self.table.capacity() * (size_of::<(EndpointId, Box<State>)>() + 1);
        InferTotals {
            endpoints: self.table.len(),
            limit: self.limits.endpoints,
            expired: self.expired,
            evicted: self.evicted,
            over: self.over,
            bytes: states.map(|state| state.bytes()).sum::<usize>() + slots + self.newcomers.bytes(),
            endpoint_bytes: MOST_BYTES,
        }
    }

    /// The state of an endpoint, or of all others when there is no room for it.
    fn state(&mut self, id: EndpointId, now_ns: u64) -> (&mut State, Place) {
        let mut place = Place { id, own: true, gave_up: None };
        if !self.table.contains_key(&id) {
            if self.table.len() >= self.limits.endpoints {
                place.gave_up = self.make_room(now_ns);
            }
            if self.table.len() >= self.limits.endpoints {
                place.own = false;
                return (self.other.get_or_insert_with(|| Box::new(State::new())), place);
            }
            self.newcomers.push(id);
        }
        (self.table.entry(id).or_insert_with(|| Box::new(State::new())), place)
    }

    fn make_room(&mut self, now_ns: u64) -> Option<EndpointId> {
        let id = self.newcomers.give_up(now_ns, |id| self.table.get(id).map(|state| &**state))?;
        let state = self.table.remove(&id)?;
        self.evicted += 1;
        self.over += state.closes;
        self.other.get_or_insert_with(|| Box::new(State::new())).absorb(&state);
        Some(id)
    }
}

fn id_of(report: &Report) -> EndpointId {
    EndpointId::of(report.close.role, &report.ends, report.process)
}

#[cfg(test)]
mod tests;
