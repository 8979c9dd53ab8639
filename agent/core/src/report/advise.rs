//! What to change, from the timers and the gaps of one endpoint.
//!
//! The rule behind all of it: the side that waits for requests must wait longer than the side that sends them. A server
//! that closes first may do so in the moment in which a request is on its way; a client that closes first never loses one.

mod idle;
mod in_flight;
mod races;
mod stops;

use super::{
    lore::{Knob, Lore, Seen},
    model::{Advice, Urgency},
};
use crate::sanitize::{clean, quoted};
use crate::{
    endpoint::{Endpoint, Risk, Timer},
    labels::{Race, Side},
};

/// Lines of advice for one endpoint at most.
const MOST: usize = 8;

/// One endpoint, what identifies both of its sides, and what is known of programs.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) server: Seen<'a>,
    pub(super) client: Seen<'a>,
    pub(super) lore: &'a dyn Lore,
    /// The port of the server whose clients' time-out a timer of this process may pass on.
    pub(super) passed_on: &'a dyn Fn(&Timer) -> Option<u16>,
}

/// Empty when nothing is wrong.
pub(super) fn advise(case: Case<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    advice.extend(races::own_timer(case));
    if case.races_with_server() || matches!(case.endpoint.risk, Risk::Mismatch | Risk::Tie) {
        advice.extend(idle::mismatch(case));
    }
    advice.extend(races::stale(case));
    advice.extend(races::announced_too_long(case));
    advice.extend(stops::cut_off(case));
    advice.extend(in_flight::timers(case));
    advice.extend(stops::waited(case));
    advice.truncate(MOST);
    advice
}

impl<'a> Case<'a> {
    fn seen(&self, side: Side) -> &Seen<'a> {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The setting for idle connections of `side`, with `seconds` as its value.
    fn knob(&self, side: Side, seconds: f64) -> Option<Knob> {
        self.lore.idle_knob(self.seen(side), seconds)
    }

    /// What to call the program of `side`: the product, else its process, else what it says of itself.
    fn program(&self, side: Side, knob: Option<&Knob>) -> Option<String> {
        let seen = self.seen(side);
        let product = knob.map(|knob| knob.product.clone());
        product
            .or_else(|| self.lore.idle_knob(seen, 1.0).map(|knob| knob.product))
            .or_else(|| (!seen.process.is_empty()).then(|| seen.process.to_owned()))
            .or_else(|| seen.server.filter(|_| side == Side::Server).map(str::to_owned))
            .map(|name| clean(&name, 64))
    }

    fn races(&self, wanted: impl Fn(Race) -> bool) -> u64 {
        self.endpoint.races.iter().filter(|(race, _)| wanted(*race)).map(|(_, count)| count).sum()
    }

    /// Requests were lost to closes by the server, or it is not known whose.
    fn races_with_server(&self) -> bool {
        self.races(|race| race != Race::OwnTimer) > 0
            || (self.endpoint.risk == Risk::Losing && self.races(|race| race == Race::OwnTimer) == 0)
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

/// `1 request`, `2 requests`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `was` for one, `were` for more.
fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// With a capital to begin a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
