//! HTTP/2 in clear text, frame by frame.

use crate::error::PlayError;
use crate::ledger::Part;
use crate::pair::Pair;
use crate::stage::Stage;
use crate::truth::Expect;

use super::idle::SERVER_IDLE;
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 2] = [
    Scenario::loopback(
        "http2-goaway",
        "streams are answered, a PING passes, then the server says GOAWAY and closes an idle connection",
        goaway,
    ),
    Scenario::loopback(
        "http2-in-flight",
        "of several streams one is answered and one is reset, then the client closes",
        in_flight,
    ),
];

// RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Both prefaces, and `count` requests of which no two begin in one segment's first bytes.
fn open_streams(stage: &mut Stage, pair: &Pair, count: u32) -> Result<(), PlayError> {
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]);
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat();
    pair.client.send(preface.clone(), Part::Middle)?;
    pair.server.receive(preface, Part::Middle)?;
    pair.server.send(settings.clone(), Part::Middle)?;
    pair.client.receive(settings, Part::Middle)?;
    let mut requests = frame(SETTINGS, 1, 0, b"");
    for number in 0..count {
        let size = stage.plan.between(20..=600) as usize;
        requests.extend(frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, &stage.plan.bytes(size)));
    }
    pair.client.send(requests.clone(), Part::Begin)?;
    pair.server.receive(requests, Part::Begin)
}

fn response(stage: &mut Stage, stream: u32) -> Vec<u8> {
    let size = stage.plan.between(1..=3000) as usize;
    [
        frame(HEADERS, END_HEADERS, stream, &stage.plan.bytes(60)),
        frame(DATA, 0, stream, &stage.plan.bytes(size)),
        frame(DATA, END_STREAM, stream, b""),
    ]
    .concat()
}

fn goaway(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let count = stage.plan.between(1..=5);
    open_streams(stage, &pair, count)?;
    // In any order: the last is answered first.
    let responses: Vec<u8> = (0..count).rev().flat_map(|number| response(stage, 2 * number + 1)).collect();
    for piece in responses.chunks(700) {
        pair.server.send(piece.to_vec(), Part::End)?;
    }
    pair.client.receive(responses, Part::End)?;
    let idle = stage.idle();
    let ping = frame(PING, 0, 0, b"pingpong");
    pair.client.send(ping.clone(), Part::Middle)?;
    pair.server.receive(ping, Part::Middle)?;
    pair.server.send(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), Part::Middle)?;
    pair.server_closes()?;
    let expect = SERVER_IDLE.causes(&["h2-goaway"]).served(count);
    Ok(stage.both(&pair, expect.idle_ms(idle).silent_ms(0)))
}

fn in_flight(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let count = stage.plan.between(3..=6);
    open_streams(stage, &pair, count)?;
    let answer = response(stage, 1);
    pair.server.send(answer.clone(), Part::Middle)?;
    pair.client.receive(answer, Part::Middle)?;
    let reset = frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]);
    pair.client.send(reset.clone(), Part::Middle)?;
    pair.server.receive(reset, Part::Middle)?;
    let stalled = stage.stall();
    pair.client_closes()?;
    let expect = Expect::of("premature-hangup", "client", "fin", "waiting", "CW").in_flight(count - 2);
    Ok(stage.both(&pair, expect.served(1).silent_ms(stalled).request_ms(stalled)))
}
