//! Connections that somebody closes while nothing is in flight.

use crate::endpoint::Ending;
use crate::http::Persist;
use crate::stage::Stage;
use crate::truth::Expect;

use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 7] = [
    Scenario::loopback("client-idle", "the client closes an idle connection", client_idle),
    Scenario::loopback("server-idle", "the server closes an idle connection", server_idle),
    Scenario::loopback("server-idle-unused", "the server closes before any request", server_idle_unused),
    Scenario::loopback(
        "client-idle-unused",
        "the client closes a connection that it made in advance and never used",
        client_idle_unused,
    ),
    Scenario::loopback(
        "completed-prompt-client",
        "the client closes within 20 ms of its response",
        completed_prompt_client,
    ),
    Scenario::loopback(
        "server-closes-promptly",
        "the server closes 10 ms after its response and has not announced it",
        server_closes_promptly,
    ),
    Scenario::loopback(
        "late-close",
        "the server closes an idle connection and the client takes 300 ms to close too, without writing",
        late_close,
    ),
];

pub(super) const CLIENT_IDLE: Expect = Expect::of("client-idle", "client", "fin", "idle", "CI").in_flight(0);
pub(super) const SERVER_IDLE: Expect = Expect::of("server-idle", "server", "fin", "idle", "SI").in_flight(0);
pub(super) const CLIENT_UNUSED: Expect =
    Expect::of("client-idle", "client", "fin", "unused", "CU").in_flight(0).served(0);
pub(super) const SERVER_UNUSED: Expect =
    Expect::of("server-idle", "server", "fin", "unused", "SU").in_flight(0).served(0);

fn client_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.served(served).idle_ms(idle).silent_ms(idle)))
}

fn server_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served).idle_ms(idle).silent_ms(idle)))
}

fn server_idle_unused(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.idle();
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_UNUSED))
}

fn client_idle_unused(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.idle();
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_UNUSED))
}

fn completed_prompt_client(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.plan.between(0..=15);
    stage.pause(idle);
    pair.client_closes()?;
    let expect = Expect::of("completed", "client", "fin", "idle", "CI");
    Ok(stage.both(&pair, expect.in_flight(0).served(served).idle_ms(idle).silent_ms(idle)))
}

fn server_closes_promptly(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    stage.some_exchange(&pair, Persist::KeepAlive)?;
    stage.pause(10);
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served + 1).idle_ms(10).silent_ms(10)))
}

fn late_close(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.server.close()?;
    pair.client.start_awaiting_end().wait()?;
    stage.pause(300);
    pair.client.finish(Ending::Fin)?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served).idle_ms(idle).silent_ms(idle)))
}
