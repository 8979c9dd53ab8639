//! Idle closes after exchanges that are easily miscounted.

use std::time::Duration;

use socket2::TcpKeepalive;

use crate::http::{self, Request};
use crate::ledger::Part;
use crate::stage::Stage;

use super::idle::{CLIENT_IDLE, SERVER_IDLE};
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario::loopback(
        "expect-continue",
        "a POST with Expect: 100-continue is answered in two steps, then the client closes when idle",
        expect_continue,
    ),
    Scenario::loopback(
        "early-hints",
        "a 103 comes before the response, then the server closes when idle",
        early_hints,
    ),
    Scenario::loopback(
        "slow-response-then-idle",
        "a response takes five writes 40 ms apart, then the server closes 200 ms after its end",
        slow_response_then_idle,
    ),
    Scenario::loopback(
        "bodyless-then-idle",
        "HEAD, 204 and 304 have no body whatever their head says, then the server closes when idle",
        bodyless_then_idle,
    ),
    Scenario::loopback(
        "probed-then-idle",
        "a TCP keepalive probe is answered in the middle of the idle time, then the client closes",
        probed_then_idle,
    ),
];

fn expect_continue(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let size = stage.plan.between(1..=4000);
    let request = Request::post(&mut stage.plan, size, "Expect: 100-continue\r\n");
    pair.client.send(request.head.clone(), Part::Begin)?;
    pair.server.receive(request.head, Part::Begin)?;
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    pair.server.send(interim.clone(), Part::Middle)?;
    pair.client.receive(interim, Part::Middle)?;
    pair.client.send(request.body.clone(), Part::Middle)?;
    pair.server.receive(request.body, Part::Middle)?;
    let response = http::response_with(&mut stage.plan, "");
    pair.answer(response)?;
    let idle = stage.idle();
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.served(served + 1).idle_ms(idle).silent_ms(idle)))
}

fn early_hints(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::bodyless(&mut stage.plan, "GET", "HTTP/1.1", "");
    stage.ask(&pair, &request)?;
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n".to_vec();
    pair.server.send(interim.clone(), Part::Middle)?;
    pair.client.receive(interim, Part::Middle)?;
    let pause = stage.plan.between(5..=60);
    stage.pause(pause);
    let response = http::response_with(&mut stage.plan, "");
    pair.answer(response)?;
    let idle = stage.idle();
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served + 1).idle_ms(idle).silent_ms(idle)))
}

fn slow_response_then_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::bodyless(&mut stage.plan, "GET", "HTTP/1.1", "");
    stage.ask(&pair, &request)?;
    let body = stage.plan.text(5 * 300);
    let mut pieces: Vec<_> = body.chunks(300).map(<[u8]>::to_vec).collect();
    pieces[0].splice(0..0, http::length_head(body.len(), ""));
    let all = pieces.concat();
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            stage.pause(40);
        }
        pair.server.send(piece, if index == 4 { Part::End } else { Part::Middle })?;
    }
    pair.client.receive(all, Part::End)?;
    stage.pause(200);
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served + 1).idle_ms(200).silent_ms(200)))
}

fn bodyless_then_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let count = stage.plan.exchanges();
    for _ in 0..count {
        let size = stage.plan.between(1..=5000);
        let (method, head) = stage.plan.pick(&[
            ("HEAD", "HTTP/1.1 200 OK"),
            ("GET", "HTTP/1.1 204 No Content"),
            ("GET", "HTTP/1.1 304 Not Modified"),
        ]);
        let length = if head.contains("204") { String::new() } else { format!("Content-Length: {size}\r\n") };
        let request = Request::bodyless(&mut stage.plan, method, "HTTP/1.1", "");
        let response = format!("{head}\r\nETag: \"v1\"\r\n{length}\r\n").into_bytes();
        stage.exchange(&pair, &request, vec![response])?;
    }
    let idle = stage.idle();
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(count).idle_ms(idle).silent_ms(idle)))
}

fn probed_then_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let probing = TcpKeepalive::new().with_time(Duration::from_secs(1)).with_interval(Duration::from_secs(1));
    pair.server.configure("set SO_KEEPALIVE", move |socket| socket.set_tcp_keepalive(&probing))?;
    stage.pause(1300);
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.served(served).idle_ms(1300).silent_ms(1300)))
}
