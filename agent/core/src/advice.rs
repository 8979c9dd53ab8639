//! What to change, from the timers and the gaps of one endpoint.
//!
//! The rule behind all of it: the side that waits for requests must wait longer than the side that sends them. A server
//! that closes first may do so while a request is on its way. A client that closes first never loses one.

mod build;
mod exits;
#[cfg(test)]
pub(crate) mod fixtures;
mod idle;
mod in_flight;
mod keepalive;
mod losses;
mod model;
mod no_timer;
mod path;
mod pings;
mod races;
mod timeouts;

pub use build::build;
pub use model::{
    Advice, EndpointReport, Meta, Named, ReportModel, SCHEMA, Urgency, earlier_peers, losses_of,
};

use crate::{
    endpoint::{Endpoint, Risk},
    labels::{Protocol, Race, Side},
    products::{IdleSetting, Observed, Products},
    sanitize::{clean, quoted},
};

/// Most pieces of advice for one endpoint.
const LIMIT: usize = 8;

/// Closes right after the first response from which on they are the server's habit.
const AFTER_EACH: u64 = 5;

/// One endpoint, what identifies the programs at both ends, and the products that they can be.
#[derive(Clone, Copy, Debug)]
struct Case<'a> {
    endpoint: &'a Endpoint,
    server: Observed<'a>,
    client: Observed<'a>,
    products: &'a Products,
    /// All endpoints of this host.
    endpoints: &'a [Endpoint],
}

/// Empty when nothing is wrong.
fn advise(case: Case<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    advice.extend(path::forgets(case));
    advice.extend(pings::too_many(case));
    advice.extend(races::own_timer(case));
    if case.races_with_server() || matches!(case.endpoint.risk, Risk::Mismatch | Risk::Tie) {
        advice.extend(idle::mismatch(case));
    }
    advice.extend(races::after_each(case));
    advice.extend(races::stale(case));
    advice.extend(races::announced_too_long(case));
    advice.extend(exits::cut_off(case));
    advice.extend(in_flight::timers(case));
    let unexplained = losses::unexplained(case, &advice);
    advice.extend(unexplained);
    advice.extend(exits::waited(case));
    advice.extend(keepalive::too_slow(case));
    advice.truncate(LIMIT);
    advice
}

impl<'a> Case<'a> {
    fn observed(&self, side: Side) -> &Observed<'a> {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The setting for idle connections of `side`, with `seconds` as its value.
    fn idle_setting(&self, side: Side, seconds: f64) -> Option<IdleSetting> {
        self.products.idle_setting(side, self.observed(side), seconds)
    }

    /// What to call the program of `side`: the product, else its process, else its `Server` header.
    fn program(&self, side: Side) -> Option<String> {
        let observed = self.observed(side);
        self.idle_setting(side, 1.0)
            .map(|setting| setting.product)
            .or_else(|| (!observed.process.is_empty()).then(|| observed.process.to_owned()))
            .or_else(|| observed.server.filter(|_| side == Side::Server).map(str::to_owned))
            .map(|name| clean(&name, 64))
    }

    fn races(&self, counts: impl Fn(Race) -> bool) -> u64 {
        self.endpoint.races.iter().filter(|(race, _)| counts(*race)).map(|(_, count)| count).sum()
    }

    /// Requests were lost to closes by the server, or it is not known whose.
    fn races_with_server(&self) -> bool {
        self.races(|race| race != Race::OwnTimer) > 0
            || (self.endpoint.risk == Risk::Losing && self.races(|race| race == Race::OwnTimer) == 0)
    }

    /// Most requests that were lost unread had lain there for long.
    fn is_blocked(&self) -> bool {
        let unread = self.races(|race| race == Race::Unread);
        self.endpoint.lay_unread > 0
            && self.endpoint.lay_unread * 2 >= unread
            && unread * 2 >= self.races(|race| race != Race::OwnTimer)
    }

    /// Most requests were lost as the server closed many connections in one moment, each after another idle time.
    fn is_reload(&self) -> bool {
        let Endpoint { lost_at_once, .. } = *self.endpoint;
        !self.closes_after_each()
            && lost_at_once > 0
            && lost_at_once * 2 >= self.races(|race| race != Race::OwnTimer)
    }

    /// The server closes most connections right after their first response, and does not say so.
    fn closes_after_each(&self) -> bool {
        let Endpoint { after_each, closes, .. } = *self.endpoint;
        after_each >= AFTER_EACH && after_each * 10 >= closes * 9
    }

    /// What is spoken is known, and is not HTTP.
    fn is_database(&self) -> bool {
        self.endpoint.protocol.is_some_and(Protocol::has_edges)
    }

    fn urgency(&self) -> Urgency {
        if self.endpoint.risk == Risk::Losing { Urgency::Now } else { Urgency::Soon }
    }
}

/// `the server` or ``the server (`nginx`)``.
fn called(side: Side, program: Option<&str>) -> String {
    match program {
        Some(program) => format!("the {side} ({})", quoted(program)),
        None => format!("the {side}"),
    }
}

#[cfg(test)]
mod tests;
