//! The table of endpoints.

use hashbrown::HashMap;

use super::{
    cause,
    limits::InferLimits,
    model::{Endpoint, EndpointKey, InferTotals},
    newcomers::Newcomers,
    observe, show,
    state::{MOST_BYTES, State},
};
use crate::{
    close::{
        facts::comm,
        words::{Cause, Role},
    },
    programs::Program,
    track::{Ends, Process, Progressed, Report},
};

/// Times that the program of an endpoint is asked for.
const ASKED: u8 = 3;
/// Seconds; the kernel's tick at HZ=250, where what was measured is no time.
const USUAL_TICK: f64 = 0.004;

type Key = (Role, Option<u16>, [u8; 16]);

/// What many closes show together, by endpoint.
#[derive(Debug)]
pub struct Inference {
    limits: InferLimits,
    tick: f64,
    table: HashMap<Key, Box<State>>,
    /// All endpoints over the limit together: counted, with nothing inferred.
    other: Option<Box<State>>,
    over: u64,
    expired: u64,
    evicted: u64,
    newcomers: Newcomers<Key>,
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
    /// added to the evidence.
    pub fn close(&mut self, report: &mut Report, tell: bool) {
        let tick = self.tick;
        let key = key(report.close.role, &report.ends, report.process);
        let (state, own) = self.state(key, report.close.at_ns);
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
    }

    /// Counts requests on a connection that is open; `now_ns` is CLOCK_MONOTONIC.
    pub fn progress(&mut self, progressed: &Progressed, now_ns: u64) {
        let tick = self.tick;
        let Progressed { role, ends, process, requests } = progressed;
        let (state, own) = self.state(key(*role, ends, *process), now_ns);
        state.count_requests(requests);
        if own {
            state.gaps(requests, tick, now_ns);
        }
    }

    /// Counts a race whose request was sent again and answered.
    pub fn masked(&mut self, report: &Report) {
        let key = key(report.close.role, &report.ends, report.process);
        let (state, _) = self.state(key, report.close.at_ns);
        state.masked = state.masked.saturating_add(1);
    }

    /// The process to look up for an endpoint whose program is not known yet; each endpoint asks a few times. What
    /// is found goes to [`Self::know`].
    pub fn unknown_program(&mut self, report: &Report) -> Option<u32> {
        let pid = report.process?.pid?;
        let state = self.table.get_mut(&key(report.close.role, &report.ends, report.process))?;
        if state.program.is_some() || state.asked >= ASKED {
            return None;
        }
        state.asked += 1;
        Some(pid)
    }

    /// Notes what the program behind an endpoint is, cut to what is kept of it.
    pub fn know(&mut self, key: &EndpointKey, program: Program) {
        let found = self.table.iter_mut().find(|((role, port, name), _)| {
            (*role, *port) == (key.role, key.server_port) && comm(name) == key.process
        });
        if let Some((_, state)) = found {
            state.know(program);
        }
    }

    /// The endpoint of a close.
    pub fn key_of(report: &Report) -> EndpointKey {
        shown_key(key(report.close.role, &report.ends, report.process))
    }

    /// Forgets endpoints that were not seen for [`InferLimits::stale`]; `now_ns` is CLOCK_MONOTONIC.
    pub fn expire(&mut self, now_ns: u64) {
        let stale = u64::try_from(self.limits.stale.as_nanos()).unwrap_or(u64::MAX);
        let before = self.table.len();
        self.table.retain(|_, state| now_ns.saturating_sub(state.seen_ns) <= stale);
        self.expired += (before - self.table.len()) as u64;
        self.newcomers.retain(|key| self.table.get(key).map(|state| &**state));
        for state in self.table.values_mut() {
            if let Some(gaps) = &mut state.gaps {
                gaps.turn(now_ns);
            }
        }
    }

    /// All endpoints, the worst risk first, and of equal ones that with the most closes.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let known = self.table.iter().map(|(key, state)| show::endpoint(shown_key(*key), state, self.tick));
        let mut all: Vec<Endpoint> = known.collect();
        if let Some(other) = &self.other {
            let key = EndpointKey { role: Role::Unknown, server_port: None, process: "other".to_owned() };
            all.push(show::counts(key, other));
        }
        all.sort_by(|one, other| {
            let order = one.risk.cmp(&other.risk).then(other.closes.cmp(&one.closes));
            order.then_with(|| {
                let by = |endpoint: &Endpoint| (endpoint.key.role, endpoint.key.server_port);
                by(one).cmp(&by(other)).then_with(|| one.key.process.cmp(&other.key.process))
            })
        });
        all
    }

    pub fn totals(&self) -> InferTotals {
        let states = self.table.values().chain(&self.other);
        let slots = self.table.capacity() * (size_of::<(Key, Box<State>)>() + 1);
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

    /// The state of an endpoint, and whether it is its own.
    fn state(&mut self, key: Key, now_ns: u64) -> (&mut State, bool) {
        if !self.table.contains_key(&key) {
            if self.table.len() >= self.limits.endpoints {
                self.make_room(now_ns);
            }
            if self.table.len() >= self.limits.endpoints {
                return (self.other.get_or_insert_with(|| Box::new(State::new())), false);
            }
            self.newcomers.push(key);
        }
        (self.table.entry(key).or_insert_with(|| Box::new(State::new())), true)
    }

    fn make_room(&mut self, now_ns: u64) {
        let given_up = self.newcomers.give_up(now_ns, |key| self.table.get(key).map(|state| &**state));
        if let Some(state) = given_up.and_then(|key| self.table.remove(&key)) {
            self.evicted += 1;
            self.over += state.closes;
            self.other.get_or_insert_with(|| Box::new(State::new())).absorb(&state);
        }
    }
}

fn key(role: Role, ends: &Ends, process: Option<Process>) -> Key {
    let port = match role {
        Role::Server => Some(ends.local.port()),
        Role::Client => Some(ends.remote.port()),
        Role::Unknown => None,
    };
    let mut name = process.map_or([0; 16], |process| process.comm);
    // What lies behind the end of a name is not part of it.
    let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    name[len..].fill(0);
    (role, port, name)
}

fn shown_key((role, server_port, name): Key) -> EndpointKey {
    EndpointKey { role, server_port, process: comm(&name) }
}

#[cfg(test)]
#[path = "inference_tests.rs"]
mod tests;
