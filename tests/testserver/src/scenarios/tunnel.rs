//! Connections that stop being HTTP.

use crate::error::PlayError;
use crate::http::Request;
use crate::ledger::Part;
use crate::pair::Pair;
use crate::stage::Stage;
use crate::truth::{Expect, Truth};

use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 2] = [
    Scenario::loopback(
        "tunnel-websocket",
        "a connection becomes a WebSocket, which the server closes",
        websocket,
    ),
    Scenario::loopback("tunnel-connect", "a CONNECT is granted, and the client closes the tunnel", connect),
];

fn websocket(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    stage.exchanges(&pair)?;
    let request = Request::bodyless(
        &mut stage.plan,
        "GET",
        "HTTP/1.1",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    );
    let response = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stage.exchange(&pair, &request, vec![response.into()])?;
    talk(stage, &pair)?;
    let silent = stage.idle();
    pair.server_closes()?;
    Ok(never_idle(
        stage.both(&pair, Expect::of("tunnel-end", "server", "fin", "tunnel", "ST").silent_ms(silent)),
    ))
}

fn connect(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let head = "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n";
    let request = Request { head: head.into(), body: Vec::new() };
    stage.exchange(&pair, &request, vec![b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()])?;
    talk(stage, &pair)?;
    let silent = stage.idle();
    pair.client_closes()?;
    Ok(never_idle(
        stage.both(&pair, Expect::of("tunnel-end", "client", "fin", "tunnel", "CT").silent_ms(silent)),
    ))
}

/// A tunnel has no exchange that could be over: only its silence counts.
fn never_idle(mut truths: Vec<Truth>) -> Vec<Truth> {
    for measured in truths.iter_mut().filter_map(|truth| truth.measured.as_mut()) {
        measured.idle_seconds = None;
    }
    truths
}

/// A few messages that take no turns.
fn talk(stage: &mut Stage, pair: &Pair) -> Result<(), PlayError> {
    for _ in 0..stage.plan.between(2..=5) {
        let size = stage.plan.between(2..=120) as usize;
        let message = [vec![0x82, size as u8], stage.plan.bytes(size)].concat();
        if stage.plan.once_in(2) {
            pair.client.send(message.clone(), Part::Middle)?;
            pair.server.receive(message, Part::Middle)?;
        } else {
            pair.server.send(message.clone(), Part::Middle)?;
            pair.client.receive(message, Part::Middle)?;
        }
    }
    Ok(())
}
