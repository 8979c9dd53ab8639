//! Connections that end as announced.

use crate::http::{self, Persist, Request};
use crate::stage::Stage;
use crate::truth::Expect;

use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario::loopback(
        "completed-announced-server",
        "the last response says Connection: close and the server closes at once",
        by_server,
    ),
    Scenario::loopback(
        "completed-announced-client",
        "the last request says Connection: close, the server answers in kind and closes",
        by_client,
    ),
    Scenario::loopback(
        "completed-announced-client-closes",
        "the last request says Connection: close and it is the client that closes",
        by_client_which_closes,
    ),
    Scenario::loopback(
        "completed-http10",
        "an HTTP/1.0 response without a length ends with the connection",
        http10,
    ),
    Scenario::loopback(
        "completed-until-close",
        "an HTTP/1.1 response with neither length nor chunks ends with the connection",
        until_close,
    ),
    Scenario::loopback(
        "max-requests",
        "the server counts down its requests, says Connection: close with the last and closes",
        max_requests,
    ),
];

const SERVER_COMPLETED: Expect =
    Expect::of("completed", "server", "fin", "idle", "SI").causes(&["announced"]).in_flight(0);
const CLIENT_COMPLETED: Expect =
    Expect::of("completed", "client", "fin", "idle", "CI").causes(&["announced"]).in_flight(0);

fn by_server(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    stage.some_exchange(&pair, Persist::Close)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_COMPLETED.served(served + 1).idle_ms(0).silent_ms(0)))
}

fn by_client(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::Close);
    let response = http::response(&mut stage.plan, Persist::Close);
    stage.exchange(&pair, &request, response)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_COMPLETED.served(served + 1).idle_ms(0).silent_ms(0)))
}

fn by_client_which_closes(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::Close);
    let response = http::response(&mut stage.plan, Persist::Close);
    stage.exchange(&pair, &request, response)?;
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_COMPLETED.served(served + 1).idle_ms(0).silent_ms(0)))
}

fn http10(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let request = Request::bodyless(&mut stage.plan, "GET", "HTTP/1.0", "");
    let response = http::until_close(&mut stage.plan, "HTTP/1.0");
    stage.exchange(&pair, &request, response)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_COMPLETED.served(1).idle_ms(0).silent_ms(0)))
}

fn until_close(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    let response = http::until_close(&mut stage.plan, "HTTP/1.1");
    stage.exchange(&pair, &request, response)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_COMPLETED.served(served + 1).idle_ms(0).silent_ms(0)))
}

fn max_requests(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let count = stage.plan.exchanges() + 1;
    for left in (0..count).rev() {
        let request = Request::any(&mut stage.plan, Persist::KeepAlive);
        let headers = match left {
            0 => "Connection: close\r\n".to_owned(),
            _ => format!("Connection: keep-alive\r\nKeep-Alive: timeout=5, max={left}\r\n"),
        };
        let response = http::response_with(&mut stage.plan, &headers);
        stage.exchange(&pair, &request, response)?;
    }
    pair.server_closes()?;
    let expect = SERVER_COMPLETED.causes(&["announced", "max-requests"]);
    Ok(stage.both(&pair, expect.served(count).idle_ms(0).silent_ms(0)))
}
