//! Idle connections that get a last word that is no exchange.

use crate::error::PlayError;
use crate::http::Request;
use crate::ledger::Part;
use crate::pair::Pair;
use crate::plan::Plan;
use crate::stage::Stage;

use super::idle::{CLIENT_IDLE, SERVER_IDLE};
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::loopback("noise-408", "the server says 408 into an idle connection and closes it", said_408),
    Scenario::loopback(
        "noise-tls-close-notify",
        "the server ends an idle TLS connection with a close_notify and a FIN",
        close_notify_server,
    ),
    Scenario::loopback(
        "noise-tls-close-notify-client",
        "the client ends an idle TLS connection with a close_notify and a FIN",
        close_notify_client,
    ),
];

fn said_408(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    let message = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    pair.server.send(message, Part::Middle)?;
    pair.server_closes()?;
    let expect = SERVER_IDLE.causes(&["unknown", "keepalive-timer", "announced"]);
    Ok(stage.both(&pair, expect.served(served).idle_ms(idle).silent_ms(0)))
}

fn close_notify_server(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    tls_exchanges(stage, &pair)?;
    let idle = stage.idle();
    let alert = close_notify(&mut stage.plan);
    pair.server.send(alert, Part::Middle)?;
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.idle_ms(idle).silent_ms(0)))
}

fn close_notify_client(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    tls_exchanges(stage, &pair)?;
    let idle = stage.idle();
    let alert = close_notify(&mut stage.plan);
    pair.client.send(alert, Part::Middle)?;
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.idle_ms(idle).silent_ms(0)))
}

/// What looks like a TLS 1.3 handshake with session tickets, and some encrypted exchanges.
fn tls_exchanges(stage: &mut Stage, pair: &Pair) -> Result<(), PlayError> {
    let hello = record(&mut stage.plan, 0x16, 0x01, 512);
    pair.client.send(hello.clone(), Part::Middle)?;
    pair.server.receive(hello, Part::Middle)?;
    let encrypted = stage.plan.between(900..=2400) as usize;
    let flight = [
        record(&mut stage.plan, 0x16, 0x03, 122),
        record(&mut stage.plan, 0x14, 0x03, 1),
        record(&mut stage.plan, 0x17, 0x03, encrypted),
    ]
    .concat();
    pair.server.send(flight.clone(), Part::Middle)?;
    pair.client.receive(flight, Part::Middle)?;
    let finished = [record(&mut stage.plan, 0x14, 0x03, 1), record(&mut stage.plan, 0x17, 0x03, 53)].concat();
    pair.client.send(finished.clone(), Part::Middle)?;
    pair.server.receive(finished, Part::Middle)?;
    // As OpenSSL sends them. Without any, nobody could tell from outside whether the first record behind a request is one.
    let ticket = stage.plan.between(217..=265) as usize;
    let tickets =
        [record(&mut stage.plan, 0x17, 0x03, ticket), record(&mut stage.plan, 0x17, 0x03, ticket)].concat();
    pair.server.send(tickets.clone(), Part::Middle)?;
    pair.client.receive(tickets, Part::Middle)?;

    for _ in 0..stage.plan.exchanges() {
        let (asked, answered) = (stage.plan.between(260..=340), stage.plan.between(800..=1000));
        let request = Request { head: record(&mut stage.plan, 0x17, 0x03, asked as usize), body: Vec::new() };
        let response = record(&mut stage.plan, 0x17, 0x03, answered as usize);
        stage.exchange(pair, &request, vec![response])?;
    }
    Ok(())
}

/// An alert as TLS 1.3 sends it: an application record of 2 bytes, the inner type and a 16-byte tag.
fn close_notify(plan: &mut Plan) -> Vec<u8> {
    record(plan, 0x17, 0x03, 19)
}

fn record(plan: &mut Plan, kind: u8, minor: u8, length: usize) -> Vec<u8> {
    let [high, low] = (length as u16).to_be_bytes();
    [vec![kind, 0x03, minor, high, low], plan.bytes(length)].concat()
}
