//! Where the exchange on a socket stands, from what the HTTP tier recorded.

use whohungup_ebpf::{
    exchange::{
        DEEP, DOUBT, Exchange, GAP, GOAWAY_IN, GOAWAY_OUT, HTTP, HTTP2, IN, OUT, STARTED_LATE, Stream, TLS,
        TUNNEL, notes, state,
    },
    tls_records::part,
};

use super::{
    goaway::{Cut, Goaway},
    head,
    tls::Records,
    trace_context::TraceContext,
    websocket::WebSocket,
};
use crate::labels::{Phase, Side};

/// RFC 9110 section 15.5.9.
const REQUEST_TIMEOUT: u16 = 408;

/// How one exchange stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeState {
    pub phase: Phase,
    /// Requests begun and not fully answered; HTTP/2: streams open. `None` when it cannot be known.
    pub in_flight: Option<u32>,
    /// Requests begun.
    pub begun: u32,
    /// Requests answered in full; `None` when they cannot be distinguished (TLS).
    pub answered: Option<u32>,
    /// Every byte that decides was read: nothing missing or encrypted.
    pub exact: bool,
    /// Encrypted: the phase comes from turns and record sizes.
    pub encrypted: bool,
    pub http2: bool,
    /// A head is longer than what is kept of it.
    pub cut: bool,
    /// Either message of the newest exchange said that the connection ends with it.
    pub announced: bool,
    /// The client's message was the one that did, or one of both.
    pub asked_to_end: bool,
    /// A response that ended before the open request was answered said so: its sender should have known.
    pub announced_before: bool,
    /// The newest request had left before its sender could know of the response that has begun last; `None` where that is not
    /// known.
    pub sent_before_response: Option<bool>,
    /// A GOAWAY frame went either way.
    pub goaway: bool,
    /// What it said.
    pub goaway_frame: Option<Goaway>,
    /// TLS: the newest records.
    pub records: Option<Box<Records>>,
    /// HTTP/2: streams that either side gave up before they were answered.
    pub given_up: [Option<Cut>; 2],
    /// HTTP/2: of the open streams, those that the server's GOAWAY says it has not seen.
    pub unseen: u32,
    /// The response's body ends with the connection.
    pub until_close: bool,
    /// Bytes that the responder, which is this end, had written and not sent: what they are was not seen.
    pub unsent: u32,
    /// The first message seen was a response.
    pub started_late: bool,
    /// Response bytes that were promised and had not come; `Some(0)` for a missing last chunk.
    pub missing: Option<u64>,
    /// Jiffies at the end of the newest response that was asked for, when one ended.
    pub response_end: Option<u32>,
    /// Jiffies of the first byte of the request under way, or of the newest, when there was one.
    pub request_start: Option<u32>,
    /// Sequence number of the newest request's first byte; `None` where it did not pass the probe.
    pub request_seq: Option<u32>,
    /// Bytes of the newest request; `None` where its beginning did not pass the probe.
    pub request_bytes: Option<u32>,
    /// A request was answered in full before the newest one.
    pub reused: bool,
    /// The newest request was answered in full before all of it had come: where it stood.
    pub answered_early: Option<Phase>,
    /// Not all of a request's body has come: what comes next is of it.
    pub awaits_body: bool,
    /// What came of a request's body that has a length and has not come in full.
    pub request_body: Option<BodyProgress>,
    /// Bytes behind the end of the newest response that begin no message.
    pub stray_bytes: Option<u32>,
    /// The newest response came when nobody had asked for one, with this status.
    pub unasked_status: Option<u16>,
    pub keep_alive_timeout: Option<u32>,
    pub keep_alive_max: Option<u32>,
    pub server: Option<String>,
    /// Of the newest request, where it is open and its head came along.
    pub trace: Option<TraceContext>,
    pub status: Option<u16>,
    /// What went both ways behind the 101.
    pub websocket: Option<Box<WebSocket>>,
}

/// Bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyProgress {
    pub came: u64,
    pub promised: u64,
}

/// Bytes on either side of the socket that the segments have not shown (yet).
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The socket's `write_seq`: what the process has written, sent or not.
    pub write_seq: u32,
    /// The socket's `snd_nxt`: what has been sent.
    pub sent_seq: u32,
}

/// Whether `exchange` tells of messages at all.
pub fn is_read(exchange: &Exchange) -> bool {
    matches!(exchange.protocol, HTTP | HTTP2 | TLS)
}

/// Reads how `exchange` stands.
pub fn read(exchange: &Exchange, written: Written) -> ExchangeState {
    let request = stream(exchange, exchange.request_direction);
    let response = stream(exchange, IN + OUT - exchange.request_direction);
    let mut standing = ExchangeState {
        phase: Phase::Unknown,
        in_flight: None,
        begun: exchange.begun,
        answered: Some(exchange.answered),
        exact: exchange.flags & (GAP | DEEP | DOUBT) == 0,
        encrypted: exchange.protocol == TLS,
        http2: exchange.protocol == HTTP2,
        cut: false,
        announced: false,
        asked_to_end: false,
        announced_before: false,
        sent_before_response: None,
        goaway: exchange.flags & (GOAWAY_IN | GOAWAY_OUT) != 0,
        goaway_frame: None,
        records: None,
        given_up: [None; 2],
        unseen: 0,
        until_close: false,
        unsent: 0,
        started_late: exchange.flags & STARTED_LATE != 0,
        missing: None,
        response_end: (exchange.answered > 0).then_some(exchange.response_ended),
        request_start: (request.state != state::NEW && exchange.begun > 0).then_some(request.started),
        request_seq: request_seq(exchange, request),
        request_bytes: request_seq(exchange, request).map(|start| request.end_seq.wrapping_sub(start)),
        reused: answered_before(exchange) > 0,
        answered_early: None,
        awaits_body: false,
        request_body: None,
        stray_bytes: None,
        unasked_status: None,
        keep_alive_timeout: None,
        keep_alive_max: None,
        server: None,
        trace: None,
        status: None,
        websocket: None,
    };
    match exchange.protocol {
        HTTP => Http { exchange, request, response }.read(&mut standing, written),
        HTTP2 => read_http2(&mut standing, exchange, (request, response), written),
        _ => read_tls(&mut standing, exchange, request, response),
    }
    if standing.phase.is_in_flight() {
        standing.in_flight.get_or_insert(1);
    } else if standing.phase != Phase::Unknown {
        standing.in_flight = Some(0);
    }
    standing
}

/// A position that is not known is not 0: the beginning may have come before there was a probe, or a socket.
fn request_seq(exchange: &Exchange, request: &Stream) -> Option<u32> {
    let is_known = exchange.begun > 0 && !matches!(request.state, state::NEW | state::LOST);
    is_known.then_some(request.start_seq)
}

/// Requests that had been answered before the newest began.
fn answered_before(exchange: &Exchange) -> u32 {
    let is_newest_answered = exchange.begun == exchange.answered;
    exchange.answered.saturating_sub(u32::from(is_newest_answered))
}

fn stream(exchange: &Exchange, direction: u8) -> &Stream {
    &exchange.streams[usize::from(direction & 1)]
}

fn read_tls(standing: &mut ExchangeState, exchange: &Exchange, request: &Stream, response: &Stream) {
    standing.exact = false;
    standing.answered = None;
    if request.state == state::LOST || response.state == state::LOST {
        return;
    }
    let records = Records::of(exchange);
    let (mut begun, mut answered) = (exchange.begun, exchange.answered);
    if let Some(turns) = records.turns(records.count()) {
        // All records are there: what the first of them were is known by now.
        (begun, answered) = (turns.begun, turns.answered);
        standing.begun = begun;
        standing.response_end = turns.answered_at;
        standing.request_start = turns.asked_at;
        standing.reused = answered > 0 && (begun != answered || answered > 1);
    }
    let is_hidden = begun == 0 && records.may_hide_a_request(records.count());
    standing.records = Some(Box::new(records));
    standing.phase = if is_hidden {
        Phase::Unknown
    } else if request.part & part::FINISHED == 0 || begun == 0 {
        Phase::Unused
    } else if begun == answered {
        Phase::Idle
    } else {
        Phase::Waiting
    };
}

fn read_http2(
    standing: &mut ExchangeState,
    exchange: &Exchange,
    (request, response): (&Stream, &Stream),
    written: Written,
) {
    standing.given_up = Cut::of(exchange);
    standing.request_start = (exchange.begun > 0).then_some(exchange.oldest_started);
    let was_given_up = standing.given_up.iter().any(Option::is_some);
    standing.response_end = standing.response_end.or(was_given_up.then_some(exchange.response_ended));
    // Several streams at once are no re-use of a connection that was idle.
    standing.reused = exchange.reuses > 0;
    standing.goaway_frame = Goaway::of(exchange);
    if request.state == state::LOST || response.state == state::LOST {
        return;
    }
    let distinguished: u32 = exchange.open.iter().map(|word| word.count_ones()).sum();
    let old = exchange.old_streams().count() as u32;
    let open = distinguished + old + exchange.open_before;
    let last = standing
        .goaway_frame
        .as_ref()
        .filter(|frame| frame.by == Side::Server)
        .map(|frame| frame.last_stream);
    standing.unseen = last.map_or(0, |last| above(exchange, last));
    standing.unsent = if open > 0 { unsent(exchange, response, written) } else { 0 };
    // What was written and has not left may be the answer.
    standing.exact &= standing.unsent == 0;
    standing.in_flight = Some(open);
    let is_open = |id: u64| {
        let at = (id as u32 >> 1).wrapping_sub(exchange.base);
        let is_newer = at < 128 && exchange.open[at as usize / 64] >> (at % 64) & 1 == 1;
        id != 0 && (is_newer || exchange.old_streams().any(|old| u64::from(old) == id))
    };
    standing.phase = if exchange.begun == 0 {
        Phase::Unused
    } else if open == 0 {
        Phase::Idle
    } else if open == 1 && request.part != 0 && is_open(u64::from(request.messages)) {
        // Its header block has not come in full.
        Phase::RequestHead
    } else if is_open(response.length) {
        Phase::Response
    } else if is_open(request.length) {
        Phase::RequestBody
    } else {
        Phase::Waiting
    };
}

/// Open streams with a higher number.
fn above(exchange: &Exchange, last: u32) -> u32 {
    let number = |at: usize, bit: u32| (exchange.base.wrapping_add(at as u32 * 64 + bit) << 1) | 1;
    let newer = exchange.open.iter().enumerate().flat_map(|(at, &word)| {
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| number(at, bit))
    });
    newer.chain(exchange.old_streams()).filter(|&id| id > last).count() as u32
}

/// HTTP/1 on one socket.
struct Http<'a> {
    exchange: &'a Exchange,
    request: &'a Stream,
    response: &'a Stream,
}

impl Http<'_> {
    fn read(&self, standing: &mut ExchangeState, written: Written) {
        let Self { exchange, request, response } = *self;
        self.read_heads(standing);
        if exchange.flags & STARTED_LATE != 0 && exchange.begun == 1 {
            // Nobody saw what was asked, or whether anything was.
            standing.exact = false;
        }
        if exchange.flags & TUNNEL != 0 {
            standing.phase = Phase::Tunnel;
            standing.exact &= standing.websocket.as_ref().is_none_or(|frames| frames.is_whole);
            return;
        }
        let mut answered = exchange.answered;
        let unsent = unsent(exchange, response, written);
        standing.unsent = unsent;
        if let Some(surely) = self.is_answered_by(unsent) {
            answered = answered.wrapping_add(1);
            standing.exact &= surely;
            // Of one of which no byte has left the end is yet to come.
            standing.response_end = self.is_responding().then_some(response.last);
            standing.answered = Some(answered);
        }
        let open = exchange.begun.wrapping_sub(answered);
        // What is under way answers the open request itself (a 408 in its middle, a truncated body).
        standing.announced_before =
            open > 0 && is_last(response) && !self.is_responding() && !self.is_unasked();
        standing.sent_before_response = self.sent_before_response();
        let asking = self.request_phase();
        standing.request_start = standing.request_start.map(|newest| {
            // One is open: it is the newest. Of several, the oldest has been waiting.
            if open > 1 { exchange.oldest_started } else { newest }
        });
        standing.request_body = self.request_body();
        standing.awaits_body =
            matches!(request.state, state::BODY | state::CHUNK | state::CHUNK_DATA | state::TRAILER);
        (standing.phase, standing.in_flight) = match (open, asking) {
            // In the middle of a request 408 says that the rest did not come in time (RFC 9110 section 15.5.9).
            (0, Some(phase)) if standing.status == Some(REQUEST_TIMEOUT) => (phase, Some(1)),
            (0, Some(phase)) => {
                standing.answered_early = Some(phase);
                (Phase::Idle, Some(0))
            }
            (1, Some(phase)) => {
                standing.until_close = self.is_responding() && response.state == state::UNTIL_CLOSE;
                (phase, Some(1))
            }
            // Bytes of a request whose beginning was not seen came behind its response's.
            (0, None) if self.is_request_unknown() => (Phase::Unknown, None),
            (0, None) if exchange.begun == 0 => (Phase::Unused, Some(0)),
            (0, None) => (Phase::Idle, Some(0)),
            (open, _) if answered == exchange.answered && self.is_responding() => {
                standing.until_close = response.state == state::UNTIL_CLOSE;
                standing.missing = missing(response, unsent);
                (Phase::Response, Some(open))
            }
            (open, _) => (Phase::Waiting, Some(open)),
        };
        if request.state == state::LOST || response.state == state::LOST {
            standing.exact = false;
        }
    }

    /// What the process has written before it closed counts, though it has not left: whether it ends the response that
    /// is due, and surely so.
    fn is_answered_by(&self, unsent: u32) -> Option<bool> {
        let open = self.exchange.begun.wrapping_sub(self.exchange.answered);
        if unsent == 0 || open == 0 {
            return None;
        }
        if !self.is_responding() {
            // Not a byte of it has left (a cork, a full window): most likely whole, if the process closes behind it.
            return Some(false);
        }
        match self.response.state {
            // What is more than the rest may be of the responses to others.
            state::BODY if self.response.skip <= u64::from(unsent) => {
                Some(self.response.skip == u64::from(unsent) || open == 1)
            }
            // It may or may not hold the rest of the head, or the last chunk.
            state::HEAD | state::CHUNK | state::CHUNK_DATA | state::TRAILER => Some(false),
            _ => None,
        }
    }

    /// At the responder's end what the request acknowledges tells, at the other the clock does.
    fn sent_before_response(&self) -> Option<bool> {
        let Self { exchange, request, response } = *self;
        if response.state == state::NEW || request_seq(exchange, request).is_none() {
            return None;
        }
        if exchange.request_direction == IN {
            return Some((exchange.request_ack.wrapping_sub(response.start_seq) as i32) <= 0);
        }
        let later = request.started.wrapping_sub(response.started) as i32;
        (later != 0).then_some(later < 0)
    }

    /// Nobody had asked for the newest response.
    fn is_unasked(&self) -> bool {
        self.response.notes & notes::UNASKED != 0
    }

    /// A final response to a request has begun and not ended.
    fn is_responding(&self) -> bool {
        let response = self.response;
        if self.is_unasked() {
            return false;
        }
        match response.state {
            // Not before its first line is whole can it be reported from an interim one.
            state::HEAD => response.notes & notes::FIRST_LINE == 0 || response.status >= 200,
            state::BODY | state::CHUNK | state::CHUNK_DATA | state::TRAILER | state::UNTIL_CLOSE => true,
            _ => false,
        }
    }

    /// Where one message ends and the next begins is not known in the direction of requests.
    fn is_request_unknown(&self) -> bool {
        let Self { exchange, request, response } = *self;
        request.state == state::LOST
            && exchange.flags & STARTED_LATE != 0
            && (request.last.wrapping_sub(response.started) as i32) >= 0
    }

    fn request_body(&self) -> Option<BodyProgress> {
        let Stream { state, skip, length, .. } = *self.request;
        let is_read = state == state::BODY && skip <= length;
        is_read.then(|| BodyProgress { came: length - skip, promised: length })
    }

    /// The phase of a request that has not come in full.
    fn request_phase(&self) -> Option<Phase> {
        let request = self.request;
        let no_body_yet = request.end_seq == request.ends;
        // The newest response is that interim one: no other has come for this request. Or it says that the rest did not come.
        let response = self.response;
        let asked_to_go_on = match response.status {
            100 => response.notes & notes::INTERIM != 0,
            REQUEST_TIMEOUT => response.notes & notes::FIRST_LINE != 0 && !self.is_unasked(),
            _ => false,
        };
        match request.state {
            state::HEAD => Some(Phase::RequestHead),
            // Before a 100 or the first byte the client may still go without (RFC 9110 section 10.1.1).
            state::BODY | state::CHUNK
                if request.notes & notes::EXPECT != 0 && no_body_yet && !asked_to_go_on =>
            {
                None
            }
            state::BODY | state::CHUNK | state::CHUNK_DATA | state::TRAILER => Some(Phase::RequestBody),
            _ => None,
        }
    }

    /// What the heads say besides lengths.
    fn read_heads(&self, standing: &mut ExchangeState) {
        let Self { request, response, .. } = *self;
        standing.asked_to_end = is_last(request);
        standing.announced = standing.asked_to_end;
        if self.exchange.begun != self.exchange.answered {
            standing.trace = TraceContext::of_request(captured(request));
        }
        standing.cut = (request.notes | response.notes) & notes::CUT != 0;
        if self.is_unasked() {
            let is_message =
                response.notes & notes::FIRST_LINE != 0 && (100..1000).contains(&response.status);
            let stray = response.end_seq.wrapping_sub(response.start_seq);
            standing.stray_bytes = (!is_message && self.exchange.answered > 0 && stray > 0).then_some(stray);
            standing.unasked_status =
                Some(self.exchange.unasked_status).filter(|&status| (100..1000).contains(&status));
            return;
        }
        if response.notes & notes::FIRST_LINE == 0 {
            return;
        }
        standing.announced |= is_last(response);
        standing.status = Some(response.status);
        let words = head::response(captured(response));
        standing.keep_alive_timeout = words.keep_alive_timeout;
        standing.keep_alive_max = words.keep_alive_max;
        standing.server = words.server;
        standing.websocket =
            words.is_websocket.then(|| WebSocket::of(request, response).map(Box::new)).flatten();
    }
}

/// Bytes that the responder, when it is this end, has written and not sent.
fn unsent(exchange: &Exchange, response: &Stream, written: Written) -> u32 {
    if exchange.request_direction == OUT {
        return 0;
    }
    // Before the first byte went out its position is what the requests acknowledge; the caller knows better.
    let sent = if response.state == state::NEW { written.sent_seq } else { response.end_seq };
    let ahead = written.write_seq.wrapping_sub(sent);
    if ahead > u32::MAX / 2 { 0 } else { ahead }
}

fn captured(stream: &Stream) -> &[u8] {
    &stream.head[..usize::from(stream.head_len).min(stream.head.len())]
}

/// The message says that it is the last on its connection (RFC 9112 section 9.3).
fn is_last(stream: &Stream) -> bool {
    let said = stream.notes;
    let old = said & notes::OLD != 0 && said & notes::KEEP_ALIVE == 0;
    said & notes::HEAD_DONE != 0 && said & notes::INTERIM == 0 && (said & notes::CLOSE != 0 || old)
}

fn missing(response: &Stream, unsent: u32) -> Option<u64> {
    match response.state {
        state::BODY => Some(response.skip.saturating_sub(u64::from(unsent))),
        state::CHUNK | state::CHUNK_DATA | state::TRAILER => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
