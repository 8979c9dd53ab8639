//! Connections that end in the middle of an exchange.

use crate::endpoint::Ending;
use crate::error::PlayError;
use crate::http::{self, Persist, Request};
use crate::ledger::Part;
use crate::pair::Pair;
use crate::stage::Stage;
use crate::truth::{End, Expect};

use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 12] = [
    Scenario::loopback(
        "premature-server-waiting",
        "the server has read the request and closes instead of answering",
        server_waiting,
    ),
    Scenario::loopback(
        "premature-server-linger-zero",
        "the server has read the request and resets instead of answering",
        server_linger_zero,
    ),
    Scenario::loopback(
        "premature-client-waiting",
        "the client gives up waiting and closes; the server answers too late",
        client_waiting,
    ),
    Scenario::loopback(
        "premature-client-linger-zero",
        "the client gives up waiting and resets",
        client_linger_zero,
    ),
    Scenario::loopback(
        "premature-client-head",
        "the client closes in the middle of a request head",
        |stage| stalled_head(stage, End::Client),
    ),
    Scenario::loopback(
        "premature-server-head",
        "the server closes in the middle of a request head",
        |stage| stalled_head(stage, End::Server),
    ),
    Scenario::loopback(
        "premature-client-body",
        "the client stalls in its request body and closes",
        |stage| stalled_body(stage, End::Client),
    ),
    Scenario::loopback("premature-server-body", "the server closes on a stalled request body", |stage| {
        stalled_body(stage, End::Server)
    }),
    Scenario::loopback(
        "truncated-server",
        "the server closes before the promised length is reached",
        truncated_server,
    ),
    Scenario::loopback(
        "truncated-chunked-server",
        "the server closes before it has sent the last chunk",
        truncated_chunked_server,
    ),
    Scenario::loopback(
        "truncated-client",
        "the client closes in the middle of a response that stalls",
        truncated_client,
    ),
    Scenario::loopback(
        "half-close",
        "the client ends its sending direction after the request; the server answers in full and closes",
        half_close,
    ),
];

const SERVER_WAITING: Expect = Expect::of("premature-hangup", "server", "fin", "waiting", "SW").in_flight(1);
const CLIENT_WAITING: Expect = Expect::of("premature-hangup", "client", "fin", "waiting", "CW").in_flight(1);

/// Some exchanges, then a request that the server reads fully and leaves unanswered for a while. Returns how many
/// exchanges came before, and how long the request has been left.
fn ask_and_wait(stage: &mut Stage, pair: &Pair) -> Result<(u32, u32), PlayError> {
    let served = stage.exchanges(pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    stage.ask(pair, &request)?;
    Ok((served, stage.stall()))
}

fn server_waiting(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let (served, stalled) = ask_and_wait(stage, &pair)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_WAITING.served(served).silent_ms(stalled).request_ms(stalled)))
}

fn server_linger_zero(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let (served, stalled) = ask_and_wait(stage, &pair)?;
    pair.server_resets()?;
    let expect = SERVER_WAITING.how("rst").served(served).silent_ms(stalled).request_ms(stalled);
    Ok(stage.both(&pair, expect.causes(&["linger-zero"])))
}

fn client_waiting(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let (served, stalled) = ask_and_wait(stage, &pair)?;
    pair.client.close()?;
    let late = stage.plan.between(20..=60);
    stage.pause(late);
    let response = http::response(&mut stage.plan, Persist::KeepAlive).concat();
    pair.server.send(response, Part::End)?;
    pair.server.finish(Ending::Fin)?;
    Ok(stage.both(&pair, CLIENT_WAITING.served(served).silent_ms(stalled).request_ms(stalled)))
}

fn client_linger_zero(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let (served, stalled) = ask_and_wait(stage, &pair)?;
    pair.client_resets()?;
    let expect = CLIENT_WAITING.how("rst").served(served).silent_ms(stalled).request_ms(stalled);
    Ok(stage.both(&pair, expect.causes(&["linger-zero"])))
}

fn stalled_head(stage: &mut Stage, closer: End) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::bodyless(&mut stage.plan, "GET", "HTTP/1.1", "");
    let half = request.head[..request.head.len() / 2].to_vec();
    pair.client.send(half.clone(), Part::Begin)?;
    pair.server.receive(half, Part::Begin)?;
    let stalled = stage.stall();
    let expect = match closer {
        End::Client => {
            pair.client_closes()?;
            Expect::of("premature-hangup", "client", "fin", "request-head", "CH")
        }
        End::Server => {
            pair.server_closes()?;
            Expect::of("premature-hangup", "server", "fin", "request-head", "SH")
        }
    };
    Ok(stage.both(&pair, expect.in_flight(1).served(served).silent_ms(stalled).request_ms(stalled)))
}

fn stalled_body(stage: &mut Stage, closer: End) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let size = stage.plan.between(1000..=9000);
    let sent = stage.plan.between(1..=900) as usize;
    let request = Request::post(&mut stage.plan, size, "");
    let part = [&request.head[..], &request.body[..sent]].concat();
    pair.client.send(part.clone(), Part::Begin)?;
    pair.server.receive(part, Part::Begin)?;
    let stalled = stage.stall();
    let expect = match closer {
        End::Client => {
            pair.client_closes()?;
            Expect::of("premature-hangup", "client", "fin", "request-body", "CB")
        }
        End::Server => {
            pair.server_closes()?;
            Expect::of("premature-hangup", "server", "fin", "request-body", "SB")
        }
    };
    Ok(stage.both(&pair, expect.in_flight(1).served(served).silent_ms(stalled).request_ms(stalled)))
}

/// Some exchanges, then a request and the beginning of its response, which the client reads. Returns how many
/// exchanges came before.
fn begin_response(stage: &mut Stage, pair: &Pair, beginning: Vec<u8>) -> Result<u32, PlayError> {
    let served = stage.exchanges(pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    stage.ask(pair, &request)?;
    pair.server.send(beginning.clone(), Part::Middle)?;
    pair.client.receive(beginning, Part::Middle)?;
    Ok(served)
}

fn half_a_body(stage: &mut Stage) -> Vec<u8> {
    let size = stage.plan.between(2..=3000) as usize;
    let sent = stage.plan.between(0..=size as u32 - 1) as usize;
    [http::length_head(size, ""), stage.plan.text(sent)].concat()
}

fn truncated_server(stage: &mut Stage) -> Played {
    let beginning = half_a_body(stage);
    truncate(stage, beginning)
}

fn truncated_chunked_server(stage: &mut Stage) -> Played {
    let size = stage.plan.between(1..=3000) as usize;
    let mut beginning = http::chunked(&mut stage.plan, size, "").concat();
    beginning.truncate(beginning.len() - b"0\r\n\r\n".len());
    truncate(stage, beginning)
}

fn truncate(stage: &mut Stage, beginning: Vec<u8>) -> Played {
    let pair = stage.dial()?;
    let served = begin_response(stage, &pair, beginning)?;
    let stalled = stage.stall();
    pair.server_closes()?;
    let expect = Expect::of("premature-hangup", "server", "fin", "response", "SR").causes(&["truncated"]);
    Ok(stage.both(&pair, expect.in_flight(1).served(served).silent_ms(stalled)))
}

fn truncated_client(stage: &mut Stage) -> Played {
    let beginning = half_a_body(stage);
    let pair = stage.dial()?;
    let served = begin_response(stage, &pair, beginning)?;
    let stalled = stage.stall();
    pair.client_closes()?;
    let expect = Expect::of("premature-hangup", "client", "fin", "response", "CR");
    Ok(stage.both(&pair, expect.in_flight(1).served(served).silent_ms(stalled)))
}

fn half_close(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    stage.ask(&pair, &request)?;
    pair.client.close_sending()?;
    stage.pause(50);
    let response = http::response(&mut stage.plan, Persist::KeepAlive);
    pair.answer(response)?;
    pair.server.close()?;
    pair.client.finish(Ending::Fin)?;
    let expect = Expect::of("completed", "client", "fin", "waiting", "CW").causes(&["half-close"]);
    Ok(stage.both(&pair, expect.in_flight(1).silent_ms(0).request_ms(0)))
}
