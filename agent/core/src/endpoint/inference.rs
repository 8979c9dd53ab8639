//! The table of endpoints.

use hashbrown::HashMap;

use super::{
    cause,
    key::Place,
    limits::InferLimits,
    model::{Endpoint, InferTotals, Outlook},
    newcomers::Newcomers,
    observe,
    recent::Recent,
    show,
    state::{MOST_BYTES, State},
    stops::Stops,
};
use crate::{
    close::ClosedConnection,
    connection::Progressed,
    labels::{Cause, Role},
    program::Program,
};
use crate::{endpoint::EndpointKey, identity::Comm};

/// Times that the program of an endpoint is asked for.
const ASKED: u8 = 3;
/// Seconds; the kernel's tick at HZ=250, where what was measured is no time.
const USUAL_TICK: f64 = 0.004;

/// What many closes show together, by endpoint.
#[derive(Debug)]
pub struct Inference {
    limits: InferLimits,
    tick: f64,
    table: HashMap<EndpointKey, Box<State>>,
    /// All endpoints over the limit together: counted, with nothing inferred.
    other: Option<Box<State>>,
    over: u64,
    expired: u64,
    evicted: u64,
    newcomers: Newcomers<EndpointKey>,
    /// Of each endpoint in `table`.
    recent: HashMap<EndpointKey, Recent>,
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
            recent: HashMap::new(),
        }
    }

    /// Takes in a settled close. Names its cause where this close together with those before it proves one: a cause
    /// that is known stays, except that `announced` becomes `max-requests` or `max-age`. With `tell` the proof is
    /// added to the evidence. Says which endpoint it belongs to.
    pub fn close(&mut self, closed: &mut ClosedConnection, tell: bool) -> Place {
        let tick = self.tick;
        let (state, place) = self.state(id_of(closed), closed.at_ns);
        let own = place.own;
        state.count(closed);
        if own {
            if let Some(requests) = &closed.uncounted {
                state.gaps(requests, tick, closed.at_ns);
            }
            if let Some(gap) = observe::gap_of_lost(closed, closed.uncounted.is_some()) {
                state.gap(gap, tick, closed.at_ns);
            }
            let seen = state.see(closed, closed.amends, tick);
            let limit = if closed.amends { None } else { cause::from_limits(&mut state.after, closed) };
            let proof = match closed.cause {
                Cause::Unknown => limit.or_else(|| cause::from_timers(&seen, tick)),
                Cause::Announced => limit,
                _ => None,
            };
            if let Some(proof) = proof {
                closed.cause = proof.cause();
                if tell {
                    closed.evidence.push(proof.told());
                }
            }
        }
        if !closed.amends {
            state.count_cause(closed.cause);
        }
        if own {
            self.recent.entry(place.id).or_default().add(&place.id, &closed.ends, closed.process);
        }
        self.over += u64::from(!own);
        place
    }

    /// Counts requests on a connection that is open; `now_ns` is CLOCK_MONOTONIC.
    pub fn progress(&mut self, progressed: &Progressed, now_ns: u64) -> Place {
        let tick = self.tick;
        let Progressed { role, ends, process, requests } = progressed;
        let (state, place) = self.state(EndpointKey::of(*role, ends, *process), now_ns);
        state.count_requests(requests);
        if place.own {
            state.gaps(requests, tick, now_ns);
            self.recent.entry(place.id).or_default().add(&place.id, ends, *process);
        }
        place
    }

    /// Counts a race, of a close that was taken in, whose request was sent again and answered.
    pub fn masked(&mut self, closed: &ClosedConnection) {
        let known = self.table.get_mut(&id_of(closed)).or(self.other.as_mut());
        let Some(state) = known else { return };
        state.masked = state.masked.saturating_add(1);
    }

    /// The process to look up for an endpoint whose program is not known yet; each endpoint asks a few times. What
    /// is found goes to [`Self::know`].
    pub fn unknown_program(&mut self, closed: &ClosedConnection) -> Option<u32> {
        let pid = closed.process?.pid?;
        let state = self.table.get_mut(&id_of(closed))?;
        if state.program.is_some() || state.asked >= ASKED {
            return None;
        }
        state.asked += 1;
        Some(pid)
    }

    /// Notes what the program behind an endpoint is, cut to what is kept of it.
    pub fn know(&mut self, endpoint: &EndpointKey, program: Program) {
        if let Some(state) = self.table.get_mut(endpoint) {
            state.know(program);
        }
    }

    /// Forgets endpoints that were not seen for [`InferLimits::stale`], and names them; `now_ns` is CLOCK_MONOTONIC.
    pub fn expire(&mut self, now_ns: u64) -> Vec<EndpointKey> {
        let stale = u64::try_from(self.limits.stale.as_nanos()).unwrap_or(u64::MAX);
        let is_stale = |state: &State| now_ns.saturating_sub(state.seen_ns) > stale;
        let gone: Vec<EndpointKey> =
            self.table.extract_if(|_, state| is_stale(state)).map(|(id, _)| id).collect();
        self.expired += gone.len() as u64;
        for id in &gone {
            self.recent.remove(id);
        }
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
        let known = self.table.iter().map(|(key, state)| {
            let recent = self.recent.get(key).copied().unwrap_or_default();
            Endpoint {
                recent_pids: recent.pids(),
                recent_ports: recent.ports(),
                ..show::endpoint(*key, state, self.tick)
            }
        });
        let mut all: Vec<Endpoint> = known.collect();
        if let Some(other) = &self.other {
            let key =
                EndpointKey { role: Role::Unknown, server_port: None, process: Comm::from_text("other") };
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
        self.table.iter().map(|(id, state)| show::outlook(*id, state, self.tick)).collect()
    }

    pub fn totals(&self) -> InferTotals {
        let states = self.table.values().chain(&self.other);
        let slots = self.table.capacity() * (size_of::<(EndpointKey, Box<State>)>() + 1)
            + self.recent.capacity() * (size_of::<(EndpointKey, Recent)>() + 1);
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
    fn state(&mut self, id: EndpointKey, now_ns: u64) -> (&mut State, Place) {
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

    fn make_room(&mut self, now_ns: u64) -> Option<EndpointKey> {
        let id = self.newcomers.give_up(now_ns, |id| self.table.get(id).map(|state| &**state))?;
        let state = self.table.remove(&id)?;
        self.recent.remove(&id);
        self.evicted += 1;
        self.over += state.closes;
        self.other.get_or_insert_with(|| Box::new(State::new())).absorb(&state);
        Some(id)
    }
}

fn id_of(closed: &ClosedConnection) -> EndpointKey {
    EndpointKey::of(closed.role, &closed.ends, closed.process)
}

#[cfg(test)]
mod tests;
