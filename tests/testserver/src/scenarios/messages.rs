//! Messages that do not come one to a segment.

use crate::error::PlayError;
use crate::http::{self, Persist, Request};
use crate::ledger::Part;
use crate::pair::Pair;
use crate::stage::Stage;
use crate::truth::Expect;

use super::idle::{CLIENT_IDLE, SERVER_IDLE};
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario::loopback(
        "pipelined",
        "several requests go out in one write; the server answers some and closes",
        pipelined,
    ),
    Scenario::loopback(
        "pipelined-then-idle",
        "several requests and then several responses go in one write each, then the server closes when idle",
        pipelined_then_idle,
    ),
    Scenario::loopback(
        "pieces-then-idle",
        "a request after an empty line, and its response, come a few bytes at a time",
        pieces_then_idle,
    ),
    Scenario::loopback("long-heads", "heads of several KiB, then the client closes when idle", long_heads),
    Scenario::loopback(
        "trailers",
        "chunks with extensions and trailers both ways, then the client closes when idle",
        trailers,
    ),
    Scenario::loopback(
        "early-answer",
        "the server refuses a body of which half has come, and the client closes instead of sending the rest",
        early_answer,
    ),
];

fn requests(stage: &mut Stage) -> Vec<Vec<u8>> {
    let count = stage.plan.between(2..=5);
    (0..count).map(|_| Request::any(&mut stage.plan, Persist::KeepAlive).bytes()).collect()
}

fn pipelined(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let requests = requests(stage);
    pair.client.send(requests.concat(), Part::Begin)?;
    pair.server.receive(requests.concat(), Part::Begin)?;
    let answered = stage.plan.between(0..=requests.len() as u32 - 2);
    for _ in 0..answered {
        let response = http::response(&mut stage.plan, Persist::KeepAlive).concat();
        pair.server.send(response.clone(), Part::Middle)?;
        pair.client.receive(response, Part::Middle)?;
    }
    let stalled = stage.stall();
    pair.server_closes()?;
    let open = requests.len() as u32 - answered;
    let expect = Expect::of("premature-hangup", "server", "fin", "waiting", "SW").in_flight(open);
    Ok(stage.both(&pair, expect.served(served + answered).silent_ms(stalled).request_ms(stalled)))
}

fn pipelined_then_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let requests = requests(stage);
    pair.client.send(requests.concat(), Part::Begin)?;
    pair.server.receive(requests.concat(), Part::Begin)?;
    let responses: Vec<_> =
        requests.iter().map(|_| http::response(&mut stage.plan, Persist::KeepAlive).concat()).collect();
    pair.server.send(responses.concat(), Part::End)?;
    pair.client.receive(responses.concat(), Part::End)?;
    let idle = stage.idle();
    pair.server_closes()?;
    let served = served + requests.len() as u32;
    Ok(stage.both(&pair, SERVER_IDLE.served(served).idle_ms(idle).silent_ms(idle)))
}

/// Each write a segment of its own.
fn without_delay(pair: &Pair) -> Result<(), PlayError> {
    pair.client.configure("set TCP_NODELAY", |socket| socket.set_tcp_nodelay(true))?;
    pair.server.configure("set TCP_NODELAY", |socket| socket.set_tcp_nodelay(true))
}

fn pieces_then_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    without_delay(&pair)?;
    let served = stage.exchanges(&pair)?;
    let request = [b"\r\n".to_vec(), Request::any(&mut stage.plan, Persist::KeepAlive).bytes()].concat();
    let response = http::response(&mut stage.plan, Persist::KeepAlive).concat();
    let mut part = Part::Begin;
    let (head, rest) = request.split_at(request.len().min(90));
    for piece in head.chunks(stage.plan.between(1..=3) as usize).chain(rest.chunks(400)) {
        pair.client.send(piece.to_vec(), part)?;
        part = Part::Middle;
    }
    pair.server.receive(request, Part::Middle)?;
    let (head, rest) = response.split_at(response.len().min(90));
    for piece in head.chunks(stage.plan.between(1..=3) as usize).chain(rest.chunks(400)) {
        pair.server.send(piece.to_vec(), Part::End)?;
    }
    pair.client.receive(response, Part::End)?;
    let idle = stage.idle();
    pair.server_closes()?;
    Ok(stage.both(&pair, SERVER_IDLE.served(served + 1).idle_ms(idle).silent_ms(idle)))
}

fn long_heads(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let headers = |stage: &mut Stage| -> String {
        let (first, second) = (stage.plan.between(300..=5000), stage.plan.between(1..=900));
        let (first, second) = (stage.plan.text(first as usize), stage.plan.text(second as usize));
        let [first, second] = [first, second].map(|text| String::from_utf8_lossy(&text).into_owned());
        format!("Cookie: {first}\r\nX-Trace: {second}\r\n")
    };
    let (asking, answering) = (headers(stage), headers(stage));
    let size = stage.plan.between(1..=900);
    let mut request = Request::post(&mut stage.plan, size, "");
    // The length comes after the long lines.
    let at = request.head.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    request.head.splice(at..at, asking.into_bytes());
    let response = http::response_with(&mut stage.plan, &answering);
    stage.exchange(&pair, &request, response)?;
    let idle = stage.idle();
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.served(served + 1).idle_ms(idle).silent_ms(idle)))
}

fn trailers(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let chunked = |start: &str, text: &[u8]| {
        let (first, second) = text.split_at(text.len() / 2);
        [
            format!("{start}\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n")
                .as_bytes(),
            format!("{:X};name=\"value\"\r\n", first.len()).as_bytes(),
            first,
            format!("\r\n00{:x}\r\n", second.len()).as_bytes(),
            second,
            b"\r\n0\r\nX: 1\r\nContent-Length: 7\r\n\r\n",
        ]
        .concat()
    };
    let (asked, answered) = (stage.plan.between(2..=2000), stage.plan.between(2..=2000));
    let (asked, answered) = (stage.plan.text(asked as usize), stage.plan.text(answered as usize));
    let request = Request { head: chunked("PUT /object HTTP/1.1", &asked), body: Vec::new() };
    stage.exchange(&pair, &request, vec![chunked("HTTP/1.1 201 Created", &answered)])?;
    let idle = stage.idle();
    pair.client_closes()?;
    Ok(stage.both(&pair, CLIENT_IDLE.served(served + 1).idle_ms(idle).silent_ms(idle)))
}

fn early_answer(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let size = stage.plan.between(100..=900);
    let request = Request::post(&mut stage.plan, size, "");
    let half = [request.head.as_slice(), &request.body[..size as usize / 2]].concat();
    pair.client.send(half.clone(), Part::Begin)?;
    pair.server.receive(half, Part::Begin)?;
    let refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n".to_vec();
    pair.server.send(refusal.clone(), Part::End)?;
    pair.client.receive(refusal, Part::End)?;
    let stalled = stage.stall();
    pair.client_closes()?;
    let expect =
        Expect::of("completed", "client", "fin", "idle", "CI").causes(&["early-response"]).in_flight(0);
    Ok(stage.both(&pair, expect.served(served + 1).silent_ms(stalled).idle_ms(stalled)))
}
