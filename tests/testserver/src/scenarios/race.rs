//! Requests that meet the end of an idle connection, and closes that cross.

use std::time::Duration;

use crate::endpoint::Ending;
use crate::error::PlayError;
use crate::http::{Persist, Request};
use crate::ledger::Part;
use crate::pair::Pair;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::truth::Expect;

use super::idle::SERVER_IDLE;
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario::loopback(
        "race-unread",
        "a request arrives on an idle connection just before the server closes it, and is never read",
        unread,
    ),
    Scenario::loopback(
        "race-stale",
        "the client writes its next request on a connection that the server has closed",
        stale,
    ),
    Scenario::loopback(
        "race-own-timer",
        "the client's own idle timer closes the connection within a millisecond of its request",
        own_timer,
    ),
    Scenario::relay(
        "race-crossed",
        "the server's FIN and the client's next request cross on the wire",
        crossed,
    ),
    Scenario::relay(
        "simultaneous-close",
        "both ends close an idle connection and their FINs cross",
        simultaneous,
    ),
];

/// How often to try again to do two things close enough together.
const ATTEMPTS: u32 = 5;

/// Plays until the request was in flight for less than this when the connection ended: later it would be no race.
fn until_close_enough(
    stage: &mut Stage,
    step: &'static str,
    limit_ms: f64,
    attempt: impl Fn(&mut Stage, &Pair, Vec<u8>) -> Result<(), PlayError>,
) -> Result<Pair, PlayError> {
    let mut best = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        let pair = stage.dial()?;
        stage.exchanges(&pair)?;
        stage.idle();
        let request = Request::any(&mut stage.plan, Persist::KeepAlive).bytes();
        attempt(stage, &pair, request)?;
        let took_ms = pair.server.ledger.request_seconds().unwrap_or(f64::INFINITY) * 1e3;
        if took_ms < limit_ms {
            return Ok(pair);
        }
        best = best.min(took_ms);
    }
    Err(PlayError::Late { step, took_ms: best, attempts: ATTEMPTS })
}

fn unread(stage: &mut Stage) -> Played {
    let after = Duration::from_micros(stage.plan.between(200..=1000).into());
    let step = "close just after a request arrived";
    let pair = until_close_enough(stage, step, 4.0, |_, pair, request| {
        let closing = pair.server.start_closing_unread(after);
        pair.client.send(request, Part::Begin)?;
        closing.wait()?;
        pair.client.finish(Ending::Reset)
    })?;
    let expect = Expect::of("idle-race", "server", "rst", "waiting", "SW").race("unread").in_flight(1);
    Ok(stage.both(&pair, expect.causes(&["unread-data"])))
}

fn stale(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.server.close()?;
    stage.stall();
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    pair.client.send(request.bytes(), Part::Begin)?;
    pair.client.finish(Ending::Fin)?;
    let expect = Expect::of("idle-race", "server", "fin", "idle", "SI").race("stale").in_flight(0);
    Ok(stage.both(&pair, expect.idle_ms(idle).silent_ms(idle)))
}

fn own_timer(stage: &mut Stage) -> Played {
    let step = "close just after writing a request";
    let pair = until_close_enough(stage, step, 0.8, |_, pair, request| {
        pair.client.send_and_close(request)?;
        pair.server.finish(Ending::Fin)
    })?;
    let expect = Expect::of("idle-race", "client", "fin", "waiting", "CW").race("own-timer").in_flight(1);
    Ok(stage.both(&pair, expect.causes(&["unknown", "keepalive-timer", "pool-evict"])))
}

fn crossed(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.exchanges(&pair)?;
    let idle = stage.idle();
    let looks_again = stage.plan.once_in(2);
    let request = Request::bodyless(&mut stage.plan, "GET", "HTTP/1.1", "");
    let apart = stage.plan.between(1..=10);

    stage.relay()?.hold();
    pair.server.close()?;
    stage.pause(apart);
    pair.client.send(request.bytes(), Part::Begin)?;
    stage.relay()?.release();
    pair.client.start_awaiting_end().wait()?;
    if looks_again {
        // Until the RST has come as well.
        stage.pause(60);
    }
    pair.client.finish(Ending::Fin)?;

    let server = Expect::of("idle-race", "server", "fin", "idle", "SI").race("crossed").in_flight(0);
    let client = Expect::of("idle-race", "server", "fin", "waiting", "SW").race("crossed").in_flight(1);
    // The client had read its response, one delay after it was written, before the idle time began.
    let idle = idle + Relay::DELAY_MS;
    Ok(stage.each(&pair, client, server.idle_ms(idle).silent_ms(idle)))
}

fn simultaneous(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    stage.relay()?.hold();
    let closing = [pair.server.start_closing(), pair.client.start_closing()];
    for closed in closing {
        closed.wait()?;
    }
    stage.relay()?.release();
    let expect = Expect { closer: "both", code: "BI", ..SERVER_IDLE }.served(served);
    let fixed = |ms| expect.idle_ms(ms).silent_ms(ms);
    // The client had read its response, one delay after it was written, before the idle time began.
    Ok(stage.each(&pair, fixed(idle), fixed(idle + Relay::DELAY_MS)))
}
