//! What must hold of each stage, gateway by gateway.

use serde::Deserialize;

use super::{
    super::{
        check::Checks,
        observed::{Observed, idle_timer},
    },
    gateways::{Hop, hops},
};
use crate::{
    report::{Endpoint, Timer},
    truth::Side,
};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Holds {
    ClientsLoseRequests,
    ClientsLetGo,
    GatewayLosesRequests,
    Tie,
    GatewayLetsGo,
    ClientsGiveUp,
    GatewaysGiveUp,
}

impl Holds {
    pub(super) fn check(self, seen: &Observed, checks: &mut Checks) {
        match self {
            Self::ClientsLoseRequests => clients_lose_requests(seen, checks),
            Self::ClientsLetGo => clients_let_go(seen, checks),
            Self::GatewayLosesRequests => gateway_loses_requests(seen, checks),
            Self::Tie => tie(seen, checks),
            Self::GatewayLetsGo => gateway_lets_go(seen, checks),
            Self::ClientsGiveUp => clients_give_up(seen, checks),
            Self::GatewaysGiveUp => gateways_give_up(seen, checks),
        }
    }
}

/// A timer shows after closes at so many moments (docs/verdicts.md).
const SHOWS_AFTER: usize = 3;

/// A hop of one gateway, to it or from it to its model server.
struct Way<'a> {
    seen: &'a Observed,
    hop: &'static Hop,
    name: String,
    port: u16,
}

impl<'a> Way<'a> {
    fn end(&self, role: Side) -> Option<&'a Endpoint> {
        self.seen.endpoint(role, self.port)
    }

    fn risk(&self) -> &'a str {
        self.end(Side::Server).map_or("not seen", |end| &end.risk)
    }

    fn has_no_loss(&self, checks: &mut Checks) {
        let lost = self.end(Side::Server).map(|end| end.lost);
        checks.same(format_args!("{}: no request is lost", self.name), &lost, &Some(0));
        let risk = self.risk();
        checks.that(
            format_args!("{}: and none will be", self.name),
            !matches!(risk, "losing" | "mismatch" | "tie"),
            risk,
        );
    }

    /// The server lets go first, after `seconds` of the play, and the report says so and what to set.
    fn loses(&self, checks: &mut Checks, said: u64, seconds: f64, setting: &str) {
        let Self { seen, name, .. } = self;
        checks.that(format_args!("{name}: requests are lost, the clients say"), said > 0, said);
        for role in [Side::Client, Side::Server] {
            let lost = seen.endpoints(role, self.port).map(|end| end.lost).sum::<u64>();
            checks.same(format_args!("{name}: the {}'s end counts as many", role.word()), &lost, &said);
        }
        checks.same(format_args!("{name}: the risk"), &self.risk(), &"losing");
        let server = self.end(Side::Server);
        let timer = server.and_then(|end| idle_timer(end, Side::Server));
        let what = format!("{name}: after how long the server lets go");
        checks.about(what, timer.map(|timer| timer.seconds), seconds, 0.01);
        let advice = server.map_or(&[][..], |end| &end.advice);
        let raise = advice.iter().find(|one| one.side == Side::Server).and_then(|one| one.setting.as_deref());
        checks.same(format_args!("{name}: the server's setting"), &raise, &Some(setting));
        let lower = advice.iter().any(|one| one.side == Side::Client);
        checks.that(format_args!("{name}: or the client's is to be lower"), lower, advice.len());
    }
}

fn to_gateways(seen: &Observed) -> impl Iterator<Item = Way<'_>> {
    ways(seen, 0, |hop| format!("to {}", hop.gateway))
}

fn to_models(seen: &Observed) -> impl Iterator<Item = Way<'_>> {
    ways(seen, hops().len() as u16, |hop| format!("{} to {}", hop.gateway, hop.model.name))
}

fn ways(seen: &Observed, first: u16, name: fn(&Hop) -> String) -> impl Iterator<Item = Way<'_>> {
    (first..).zip(hops()).map(move |(port, hop)| Way { seen, hop, name: name(hop), port })
}

/// How many requests through this gateway came to something, and how many of them to `word`.
fn said(way: &Way, word: &str) -> (u64, u64) {
    way.seen.claims.sum(|who| who.ends_with(&format!("through {}", way.hop.gateway)), word)
}

fn clients_lose_requests(seen: &Observed, checks: &mut Checks) {
    for way in to_gateways(seen) {
        let (all, answered) = said(&way, "200");
        way.loses(checks, all - answered, seen.scaled(600.0) + way.hop.adds, &way.hop.idle_setting);
    }
    to_models(seen).for_each(|way| way.has_no_loss(checks));
}

fn clients_let_go(seen: &Observed, checks: &mut Checks) {
    for way in to_gateways(seen) {
        let (all, answered) = said(&way, "200");
        checks.same(format_args!("{}: every request is answered", way.name), &answered, &all);
        way.has_no_loss(checks);
        for client in seen.endpoints(Side::Client, way.port) {
            let timer = idle_timer(client, Side::Client);
            // aiohttp looks now and then.
            let what = format!("{}: after how long {} lets go", way.name, client.process);
            checks.about(what, timer.map(|timer| timer.seconds), seen.scaled(500.0), 0.03);
        }
        let server = way.end(Side::Server).and_then(|end| idle_timer(end, Side::Server));
        checks.that(
            format_args!("{}: the gateway never does", way.name),
            server.is_none(),
            format!("{server:?}"),
        );
    }
    to_models(seen).for_each(|way| way.has_no_loss(checks));
}

fn gateway_loses_requests(seen: &Observed, checks: &mut Checks) {
    to_gateways(seen).for_each(|way| way.has_no_loss(checks));
    for way in to_models(seen) {
        let (all, answered) = said(&way, "200");
        if let Some(status) = way.hop.lost_status {
            let (_, lost) = said(&way, &status.to_string());
            checks.same(
                format_args!("{}: what is lost is answered with {status}", way.name),
                &lost,
                &(all - answered),
            );
        }
        way.loses(checks, all - answered, seen.scaled(20.0), &way.hop.model.idle_setting);
    }
}

fn tie(seen: &Observed, checks: &mut Checks) {
    to_gateways(seen).for_each(|way| way.has_no_loss(checks));
    let mut ties = 0;
    for way in to_models(seen) {
        let risk = way.risk();
        ties += u32::from(risk == "tie");
        // Closes of one moment are one piece of evidence; where one side is nearly always a little earlier the other's timer
        // does not show.
        let by_model = seen.moments(Side::Server, way.port, "server-idle");
        let is_reported = by_model < SHOWS_AFTER || matches!(risk, "tie" | "mismatch" | "losing");
        let found = format!("{risk}; the model server closes at {by_model} moments");
        checks.that(
            format_args!(
                "{}: where the model server closes again and again, that is told as a risk",
                way.name
            ),
            is_reported,
            found,
        );
        let end = way.end(Side::Server);
        let timer = end.and_then(|end| idle_timer(end, Side::Server).or(idle_timer(end, Side::Client)));
        let what = format!("{}: after how long the first side lets go", way.name);
        checks.about(what, timer.map(|timer| timer.seconds), seen.scaled(30.0), 0.06);
    }
    checks.that("a tie is seen at one gateway or more", ties > 0, ties);
}

fn gateway_lets_go(seen: &Observed, checks: &mut Checks) {
    to_gateways(seen).for_each(|way| way.has_no_loss(checks));
    for way in to_models(seen) {
        way.has_no_loss(checks);
        let timer = way.end(Side::Client).and_then(|end| idle_timer(end, Side::Client));
        if way.hop.pool_has_timer {
            let what = format!("{}: after how long the pool lets go", way.name);
            checks.about(what, timer.map(|timer| timer.seconds), seen.scaled(30.0), 0.02);
        }
        let server = way.end(Side::Server).and_then(|end| idle_timer(end, Side::Server));
        checks.that(
            format_args!("{}: the model server never does", way.name),
            server.is_none(),
            format!("{server:?}"),
        );
    }
}

fn clients_give_up(seen: &Observed, checks: &mut Checks) {
    for way in to_gateways(seen) {
        let (all, answered) = said(&way, "200");
        checks.same(format_args!("{}: no request is answered", way.name), &answered, &0);
        interrupted(&way, checks, all, 30.0);
        way.has_no_loss(checks);
    }
    to_models(seen).for_each(|way| way.has_no_loss(checks));
}

fn gateways_give_up(seen: &Observed, checks: &mut Checks) {
    for way in to_gateways(seen) {
        let (all, timed_out) = said(&way, "504");
        checks.same(format_args!("{}: every request is answered with 504", way.name), &timed_out, &all);
        let premature = way.end(Side::Server).map(|end| end.verdict("premature-hangup"));
        checks.same(format_args!("{}: none is ended there", way.name), &premature, &Some(0));
    }
    for way in to_models(seen) {
        let (all, _) = said(&way, "504");
        interrupted(&way, checks, all, 60.0);
        let advice = way.end(Side::Client).and_then(|end| end.advice.first());
        let setting = advice.and_then(|advice| advice.setting.as_deref());
        checks.same(
            format_args!("{}: the setting", way.name),
            &setting,
            &Some(way.hop.request_setting.as_str()),
        );
    }
}

/// The client's side ended each of `count` requests while it waited, after `seconds` of the true case.
fn interrupted(way: &Way, checks: &mut Checks, count: u64, seconds: f64) {
    let Way { seen, name, port, .. } = way;
    for role in [Side::Client, Side::Server] {
        let of_waiting = seen.closes(role, *port).filter(|one| {
            one.verdict == "premature-hangup" && one.phase == "waiting" && one.closer == Side::Client.word()
        });
        let what = format!(
            "{name}: each is ended by the client's side while it waits, at the {}'s end",
            role.word()
        );
        checks.same(what, &(of_waiting.count() as u64), &count);
        // Nothing moves while the client waits: since the request and since the last byte are the same time. The first two closes of a
        // timer are not known to be its own yet, nor those that a busy machine delays. HAProxy resets what it gives up, and that is what is known of it.
        let timed_out = |end: &Endpoint| {
            ["request-timeout", "stall-timer", "linger-zero"].map(|word| end.cause(word)).iter().sum::<u64>()
        };
        let caused: u64 = seen.endpoints(role, *port).map(timed_out).sum();
        checks.that(format_args!("{name}: the cause is a timeout there"), caused * 4 >= count, caused);
        for end in seen.endpoints(role, *port) {
            let what = format!("{name}: after how long, at the end of {}", end.process);
            checks.about(what, waiting_timer(end).map(|timer| timer.seconds), seen.scaled(seconds), 0.02);
        }
    }
}

fn waiting_timer(end: &Endpoint) -> Option<&Timer> {
    let waiting = end.timers.iter().filter(|timer| timer.side == Side::Client && timer.phase == "waiting");
    waiting.max_by_key(|timer| timer.count)
}
