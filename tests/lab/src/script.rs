//! What the scripted server does on a connection. Over HTTP/1.1 each request's target says it:
//!
//! `/fast`, `/last` (`Connection: close`), `/empty` (204), `/unchanged` (304), `/chunked` answer at once; `/sleep` never;
//! `/slow` and `/slow-chunked` answer in part, `/large` as far as it is read; `/upgrade` and CONNECT open a tunnel;
//! `/body` does not wait for the request's body, nor `/leave` grant it. `?close` or `?reset` behind it: the server
//! ends the connection there.

use std::{
    net::{SocketAddr, TcpStream},
    sync::mpsc::Sender,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    backend::{Ended, Event},
    h2,
    truth::{CloseType, Phase, Side, Truth},
    wire::{SETTLE, Wire},
};

/// Within this a client that closes counts as done (0.1 s); nearer than that to the limit is not decided.
const PROMPT: std::ops::Range<Duration> = Duration::from_millis(85)..Duration::from_millis(120);

pub(crate) fn serve(stream: TcpStream, events: &Sender<Event>) -> Result<Option<Ended>> {
    let client = stream.peer_addr().context("read the client's address")?;
    let mut wire = Wire::new(stream, Side::Server)?;
    let mut spoke = Instant::now();
    let mut target = String::new();
    for number in 0.. {
        let asked = loop {
            if let Some(asked) = wire.talk().asked(number) {
                break asked;
            }
            if !wire.read()? {
                return ended_by_client(&mut wire, client, spoke, target);
            }
        };
        target = asked.target;
        // A tunnel's target is `host:port`: its host says what `?` says elsewhere.
        let (what, how) = match target.split_once('?') {
            Some((what, how)) => (what, how),
            None => (target.as_str(), target.split('.').next().unwrap_or_default()),
        };
        if what == "/body" {
            while !wire.talk().has_begun_body() && wire.read()? {}
        } else if what != "/leave" {
            if asked.expects_continue && !wire.talk().is_asked_whole() {
                wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            while !wire.talk().is_asked_whole() {
                if !wire.read()? {
                    return ended_by_client(&mut wire, client, spoke, target);
                }
            }
        }
        let holds = answer(&mut wire, what, asked.is_head)?;
        spoke = Instant::now();
        // As good as unheard when the case has failed already.
        let _gone = events.send(Event::Reached(wire.state().phase));
        if let Some(end) = End::named(how) {
            thread::sleep(SETTLE);
            if wire.is_over()? {
                return ended_by_client(&mut wire, client, spoke, target);
            }
            // A request that meets an idle end: who was first, and whether it is a race, is not known here.
            let was_idle = wire.state().phase == Phase::Idle;
            if wire.read_arrived()? && was_idle {
                return Ok(None);
            }
            return end_it(wire, end, client, target);
        }
        if holds {
            return ended_by_client(&mut wire, client, spoke, target);
        }
    }
    bail!("more requests than there are numbers")
}

/// One connection of HTTP/2 calls, which all fare alike.
pub(crate) fn serve_calls(
    stream: TcpStream,
    target: &'static str,
    calls: usize,
    events: &Sender<Event>,
) -> Result<Option<Ended>> {
    let client = stream.peer_addr().context("read the client's address")?;
    let mut wire = Wire::new(stream, Side::Server)?;
    let (what, how) = target.split_once('?').unwrap_or((target, ""));
    let wanted = if what == "/lab/upload" { Phase::RequestBody } else { Phase::Waiting };
    let mut greeted = false;
    let has_come = |wire: &Wire| h2::requested(wire.talk()).len() >= calls && wire.state().phase == wanted;
    while !has_come(&wire) {
        if !wire.read()? {
            return ended_by_client(&mut wire, client, Instant::now(), target.to_owned());
        }
        if !greeted && h2::is_spoken(&wire.talk().asked) {
            wire.send(&h2::server_preface())?;
            greeted = true;
        }
    }
    for stream in h2::requested(wire.talk()) {
        if matches!(what, "/lab/slow" | "/lab/fast") {
            wire.send(&h2::response_begin(stream))?;
        }
        if what == "/lab/fast" {
            wire.send(&h2::response_end(stream))?;
        }
    }
    let spoke = Instant::now();
    // As good as unheard when the case has failed already.
    let _gone = events.send(Event::Reached(wire.state().phase));
    let Some(end) = End::named(how) else {
        return ended_by_client(&mut wire, client, spoke, target.to_owned());
    };
    thread::sleep(SETTLE);
    if wire.is_over()? {
        return ended_by_client(&mut wire, client, spoke, target.to_owned());
    }
    wire.read_arrived()?;
    end_it(wire, end, client, target.to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
}

impl End {
    fn named(how: &str) -> Option<Self> {
        match how {
            "close" => Some(Self::Close),
            "reset" => Some(Self::Reset),
            _ => None,
        }
    }
}

fn end_it(wire: Wire, end: End, client: SocketAddr, target: String) -> Result<Option<Ended>> {
    if wire.is_over()? {
        // A client's second connection, which the lab ended with its program.
        return Ok(None);
    }
    let state = wire.state();
    let how = match end {
        End::Reset => wire.reset()?,
        End::Close => wire.close()?,
    };
    // What came in at the very last made it an RST.
    if end == End::Close && how == CloseType::Rst {
        return Ok(None);
    }
    Ok(Some(Ended { client, truth: state.ended(Side::Server, how), target }))
}

/// Answers as far as the script goes; true when it does not go to the end of the response.
fn answer(wire: &mut Wire, what: &str, is_head: bool) -> Result<bool> {
    match what {
        "/fast" if is_head => wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")?,
        "/fast" => wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")?,
        "/last" => wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")?,
        "/empty" => wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")?,
        "/unchanged" => wire.send(b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n")?,
        "/chunked" => {
            wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            wire.send(b"3\r\nabc\r\n")?;
            wire.send(b"0\r\n\r\n")?;
        }
        "/slow" => {
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
            wire.send(&[b'x'; 1000])?;
            return Ok(true);
        }
        "/slow-chunked" => {
            wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            wire.send(b"5\r\nhello\r\n")?;
            return Ok(true);
        }
        "/large" => {
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
            wire.fill(100_000_000)?;
            return Ok(true);
        }
        "/upgrade" => {
            wire.send(UPGRADED)?;
            return Ok(true);
        }
        "/sleep" | "/body" | "/leave" => return Ok(true),
        _ if wire.talk().asked.starts_with(b"CONNECT ") => {
            wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            return Ok(true);
        }
        other => bail!("there is no script for {other}"),
    }
    Ok(false)
}

/// The answer to the key that all scripts send: the example of RFC 6455, section 1.3.
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn ended_by_client(
    wire: &mut Wire,
    client: SocketAddr,
    spoke: Instant,
    target: String,
) -> Result<Option<Ended>> {
    let how = wire.read_to_end()?;
    let silent = spoke.elapsed();
    let state = wire.state();
    let mut truth = state.ended(Side::Client, how);
    if state.phase == Phase::Idle {
        if PROMPT.contains(&silent) {
            return Ok(None);
        }
        if silent < PROMPT.start {
            truth = Truth::completed(Side::Client, how);
        }
    }
    Ok(Some(Ended { client, truth, target }))
}
