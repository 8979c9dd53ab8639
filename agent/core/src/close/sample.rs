//! Connections for tests, reported by who says what; the fields follow as the kernel would set them.

use jiff::Timestamp;
use whohungup_ebpf::{
    WIRE_VERSION,
    conversation::Conversation,
    event::{Endpoints, Header, Kind, RESET_SENT, Reset, Transition},
    exchange::{Exchange, IN, OUT, TLS, state},
    framing::sample::{begun, converse, follow},
};
use zerocopy::FromZeros as _;

use super::facts::{CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, Facts, Plaintext, Resets};
use crate::{
    close::{ClosedConnection, Identity, Options, judge},
    identity::Ends,
    labels::{Role, Side},
};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// HTTP/2 frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
/// END_STREAM and END_HEADERS.
pub(crate) const WHOLE: u8 = 5;
pub(crate) const COOKIE: u64 = 7;
pub(crate) const NETNS: u32 = 4_026_531_840;
pub(crate) const PID: u32 = 4711;
pub(crate) const OPENED_NS: u64 = 1_000_000_000_000;
pub(crate) const TICK: f64 = 0.004;
pub(crate) const TICK_NS: u64 = 4_000_000;

// include/net/sock.h: enum sock_flags and shutdown bits.
pub(crate) const SOCK_DONE: u32 = 1 << 1;
pub(crate) const SOCK_LINGER: u32 = 1 << 4;
const RCV_SHUTDOWN: u8 = 1;
const SEND_SHUTDOWN: u8 = 2;

/// One end of a connection between 10.0.0.1:80 and 10.0.0.2:40000.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) role: Role,
    /// The socket as it stands.
    pub(crate) socket: Transition,
    pub(crate) exchange: Exchange,
    /// What is said in a protocol that is not followed.
    pub(crate) conversation: Option<Conversation>,
    /// The probes would tell of what was said last.
    pub(crate) reported: bool,
    http: bool,
    newest: u32,
    /// When the peer was heard before what went out last.
    heard_before: u32,
}

pub(crate) fn server() -> Talk {
    Talk::begin(Role::Server, 1000, 5000, 0x1000_0000)
}

pub(crate) fn client() -> Talk {
    Talk::begin(Role::Client, 5000, 1000, 0x1000_0000)
}

impl Talk {
    /// A connection just made, with the next sequence number of each direction.
    pub(crate) fn begin(role: Role, sending: u32, receiving: u32, jiffies: u32) -> Self {
        let mut socket = Transition::new_zeroed();
        socket.header = header::<Transition>(Kind::Transition, COOKIE, OPENED_NS);
        socket.header.jiffies = jiffies;
        socket.endpoints = match role {
            Role::Client => endpoints([10, 0, 0, 2], 40000, [10, 0, 0, 1], 80),
            Role::Server | Role::Unknown => endpoints([10, 0, 0, 1], 80, [10, 0, 0, 2], 40000),
        };
        socket.netns = NETNS;
        socket.has_socket = 1;
        (socket.snd_una, socket.snd_nxt, socket.write_seq) = (sending, sending, sending);
        (socket.rcv_nxt, socket.copied_seq, socket.rcv_wup) = (receiving, receiving, receiving);
        socket.snd_wl1 = receiving.wrapping_sub(1);
        (socket.lsndtime, socket.lrcvtime) = (jiffies, jiffies);
        (socket.rcv_tstamp, socket.chrono_start) = (jiffies, jiffies);
        // The SYN of an active open is counted.
        socket.bytes_acked = u64::from(role == Role::Client);
        let mut exchange = Exchange::new_zeroed();
        exchange.request_direction = if role == Role::Client { OUT } else { IN };
        Self {
            role,
            socket,
            exchange,
            conversation: None,
            reported: false,
            http: true,
            newest: 0,
            heard_before: jiffies,
        }
    }

    /// Nothing reads the messages: only the socket's own fields are known.
    pub(crate) fn unobserved(mut self) -> Self {
        self.http = false;
        self
    }

    /// The messages are of a protocol that is not followed.
    pub(crate) fn in_another_protocol(mut self) -> Self {
        (self.http, self.conversation) = (false, Some(begun(self.exchange.request_direction, false)));
        self
    }

    /// The messages are TLS records, and the handshake is over.
    pub(crate) fn encrypted(mut self) -> Self {
        self.exchange.protocol = TLS;
        let (asking, answering) =
            (self.exchange.request_direction, IN + OUT - self.exchange.request_direction);
        let hello = self.says_raw(asking, &tls_record(22, 200)).says_raw(answering, &tls_record(22, 900));
        hello
            .says_raw(asking, &[tls_record(20, 1), tls_record(22, 40)].concat())
            .says_raw(answering, &[tls_record(20, 1), tls_record(22, 40)].concat())
    }

    pub(crate) fn waits(mut self, ticks: u32) -> Self {
        self.socket.header.jiffies = self.socket.header.jiffies.wrapping_add(ticks);
        self.socket.header.ktime_ns += u64::from(ticks) * TICK_NS;
        self
    }

    /// The messages are HTTP/2 frames, and both have said hello.
    pub(crate) fn http2(self) -> Self {
        let hello = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", frame(SETTINGS, 0, 0, ""));
        self.asks(&hello).answers(&frame(SETTINGS, 0, 0, ""))
    }

    /// A stream is asked for, and answered.
    pub(crate) fn streams(self, stream: u8, ticks: u32) -> Self {
        let asked = self.asks(&frame(HEADERS, WHOLE, stream, "ask")).waits(1);
        asked.answers(&frame(HEADERS, WHOLE, stream, "answer")).waits(ticks)
    }

    /// The client says it, this end reads it or gets it acknowledged.
    pub(crate) fn asks(self, text: &str) -> Self {
        let direction = self.exchange.request_direction;
        self.says(direction, text)
    }

    pub(crate) fn answers(self, text: &str) -> Self {
        let direction = IN + OUT - self.exchange.request_direction;
        self.says(direction, text)
    }

    /// The messages are TLS 1.3 records, and the handshake is over; the client offers these protocols.
    pub(crate) fn encrypted_13(mut self, offered: &[&str]) -> Self {
        self.exchange.protocol = TLS;
        let (asking, answering) =
            (self.exchange.request_direction, IN + OUT - self.exchange.request_direction);
        let hello = self.says_raw(asking, &client_hello(offered));
        let flight =
            [tls_record(22, 120), tls_record(20, 1), tls_record(23, 900), tls_record(23, 53)].concat();
        hello.says_raw(answering, &flight).says_raw(asking, &[tls_record(20, 1), tls_record(23, 53)].concat())
    }

    /// TLS 1.3 with HTTP/2: both have sent their SETTINGS, and the client the acknowledgment.
    pub(crate) fn encrypted_http2(self) -> Self {
        let hello = self.encrypted_13(&["h2", "http/1.1"]).carries(Side::Client, 64);
        hello.waits(1).carries(Side::Server, 40).carries(Side::Server, 9).waits(1).carries(Side::Client, 9)
    }

    /// A TLS 1.3 record of one side that carries so many bytes.
    pub(crate) fn carries(self, by: Side, bytes: usize) -> Self {
        let asking = self.exchange.request_direction;
        let direction = if by == Side::Client { asking } else { IN + OUT - asking };
        self.says_raw(direction, &tls_record(23, bytes + 17))
    }

    /// A TLS 1.2 alert of one side; in clear text where it has a number.
    pub(crate) fn alerts(self, by: Side, number: Option<u8>) -> Self {
        let asking = self.exchange.request_direction;
        let direction = if by == Side::Client { asking } else { IN + OUT - asking };
        let record = match number {
            Some(number) => vec![21, 3, 3, 0, 2, 2, number],
            None => tls_record(21, 26),
        };
        self.says_raw(direction, &record)
    }

    /// The handshake of TLS 1.3 ends with an alert of one side, in clear text where it has a number.
    pub(crate) fn handshake_fails(mut self, by: Side, number: Option<u8>) -> Self {
        self.exchange.protocol = TLS;
        let (asking, answering) =
            (self.exchange.request_direction, IN + OUT - self.exchange.request_direction);
        let hello = self.says_raw(asking, &client_hello(&[]));
        let answered = hello.says_raw(answering, &[tls_record(22, 120), tls_record(23, 900)].concat());
        if number.is_some() { answered.alerts(by, number) } else { answered.carries(by, 2) }
    }

    /// One request, one response, then `ticks` of silence.
    pub(crate) fn served(self, ticks: u32) -> Self {
        self.asks(GET).waits(1).answers(OK).waits(ticks)
    }

    /// A response to nothing, right behind the last one.
    pub(crate) fn answers_unasked(self, text: &str) -> Self {
        self.answers(text)
    }

    /// The client says it, in bytes.
    pub(crate) fn asks_raw(self, bytes: &[u8]) -> Self {
        let direction = self.exchange.request_direction;
        self.says_raw(direction, bytes)
    }

    pub(crate) fn answers_raw(self, bytes: &[u8]) -> Self {
        let direction = IN + OUT - self.exchange.request_direction;
        self.says_raw(direction, bytes)
    }

    fn says(self, direction: u8, text: &str) -> Self {
        if self.exchange.protocol == TLS {
            return self.says_raw(direction, &tls_record(23, text.len() + 24));
        }
        self.says_raw(direction, text.as_bytes())
    }

    fn says_raw(mut self, direction: u8, bytes: &[u8]) -> Self {
        let now = self.socket.header.jiffies;
        let seq = if direction == OUT { self.socket.write_seq } else { self.socket.rcv_nxt };
        let begun = self.exchange.begun;
        self.move_bytes(direction, bytes.len() as u32);
        self.reported = match &mut self.conversation {
            Some(conversation) => converse(conversation, direction, seq, bytes, now),
            None => follow(&mut self.exchange, direction, seq, bytes, now),
        };
        if direction == IN && self.exchange.begun != begun {
            self.exchange.request_ack = self.socket.snd_nxt;
        }
        self
    }

    /// `len` bytes that nothing reads as a message.
    pub(crate) fn move_bytes(&mut self, direction: u8, len: u32) {
        let socket = &mut self.socket;
        let now = socket.header.jiffies;
        self.newest = len;
        if direction == OUT {
            socket.write_seq = socket.write_seq.wrapping_add(len);
            (socket.snd_nxt, socket.snd_una) = (socket.write_seq, socket.write_seq);
            socket.bytes_sent += u64::from(len);
            socket.bytes_acked += u64::from(len);
            socket.lsndtime = now;
            socket.chrono_start = now;
            // The acknowledgment is the peer's newest segment.
            socket.snd_wl1 = socket.rcv_nxt;
            self.heard_before = socket.rcv_tstamp;
            socket.rcv_tstamp = now;
        } else {
            socket.snd_wl1 = socket.rcv_nxt;
            socket.rcv_nxt = socket.rcv_nxt.wrapping_add(len);
            (socket.copied_seq, socket.rcv_wup) = (socket.rcv_nxt, socket.rcv_nxt);
            socket.bytes_received += u64::from(len);
            (socket.lrcvtime, socket.rcv_tstamp) = (now, now);
        }
    }

    /// This end writes so many bytes that do not leave.
    pub(crate) fn keeps_back(mut self, bytes: u32) -> Self {
        self.socket.write_seq = self.socket.write_seq.wrapping_add(bytes);
        self.socket.chrono_start = self.socket.header.jiffies;
        self
    }

    /// What came last has not been read.
    pub(crate) fn unread(mut self) -> Self {
        self.socket.copied_seq = self.socket.copied_seq.wrapping_sub(self.newest);
        self
    }

    /// What went out last has not been acknowledged, except its first `acknowledged` bytes.
    pub(crate) fn unacked(mut self, acknowledged: u32) -> Self {
        let open = self.newest - acknowledged;
        self.socket.snd_una = self.socket.snd_una.wrapping_sub(open);
        self.socket.bytes_acked -= u64::from(open);
        if acknowledged == 0 {
            self.socket.rcv_tstamp = self.heard_before;
        }
        self
    }

    /// Nothing of it came across, in spite of so many retransmissions since.
    pub(crate) fn retransmits(mut self, times: u8) -> Self {
        self = self.unacked(0);
        self.socket.retransmits = times;
        self.socket.total_retrans += u32::from(times);
        self.socket.lsndtime = self.socket.header.jiffies;
        self
    }

    /// This end's process closes.
    pub(crate) fn closes(mut self) -> Facts {
        self.socket.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
        self.by_process().ends(ESTABLISHED, FIN_WAIT1)
    }

    /// This end's process shuts its sending side.
    pub(crate) fn stops_sending(mut self) -> Facts {
        self.socket.shutdown = SEND_SHUTDOWN;
        self.by_process().ends(ESTABLISHED, FIN_WAIT1)
    }

    /// This end resets.
    pub(crate) fn resets(mut self) -> Facts {
        self.socket.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
        self.by_process().ends(ESTABLISHED, CLOSE)
    }

    /// The peer's FIN comes.
    pub(crate) fn gets_fin(self) -> Facts {
        self.fin_came().ends(ESTABLISHED, CLOSE_WAIT)
    }

    /// The socket after the peer's FIN.
    pub(crate) fn fin_came(mut self) -> Self {
        let socket = &mut self.socket;
        socket.snd_wl1 = socket.rcv_nxt;
        socket.rcv_nxt = socket.rcv_nxt.wrapping_add(1);
        socket.bytes_received += 1;
        socket.flags |= SOCK_DONE;
        socket.shutdown |= RCV_SHUTDOWN;
        self
    }

    /// The kernel gives the connection up.
    pub(crate) fn fails(mut self, err: u32) -> Facts {
        self.socket.err = err;
        self.ends(ESTABLISHED, CLOSE)
    }

    pub(crate) fn by_process(mut self) -> Self {
        self.socket.task.tgid = PID;
        self.socket.task.comm[..4].copy_from_slice(b"test");
        self
    }

    /// Any first step.
    pub(crate) fn ends(mut self, old_state: u8, new_state: u8) -> Facts {
        (self.socket.old_state, self.socket.new_state) = (old_state, new_state);
        let spoken = self.exchange.streams.iter().any(|stream| stream.state != state::NEW);
        Facts {
            role: self.role,
            opened_ns: Some(OPENED_NS),
            preexisting: false,
            first: self.socket,
            last: None,
            crossing_fins: false,
            own_fin_waited: false,
            exchange: (self.http && spoken || self.exchange.reset_flags != 0)
                .then(|| Box::new(self.exchange)),
            exchange_after: None,
            conversation: self.conversation.map(Box::new),
            conversation_after: None,
            tls_plaintext: Plaintext::default(),
            resets: Resets::default(),
            soft_error: None,
            peer_reachable: false,
            closing_habit: None,
            rest_lost: false,
            tick: TICK,
        }
    }

    /// Goes on after `facts`: how the socket stands when it makes a later step.
    pub(crate) fn later(mut self, facts: &mut Facts, old_state: u8, new_state: u8) {
        (self.socket.old_state, self.socket.new_state) = (old_state, new_state);
        facts.last = Some(self.socket);
        let news = facts.exchange.as_ref().is_some_and(|known| **known != self.exchange);
        facts.exchange_after = news.then(|| Box::new(self.exchange));
        let newer_one = self.conversation.filter(|newer| facts.conversation.as_deref() != Some(newer));
        facts.conversation_after = newer_one.map(Box::new);
    }
}

/// An HTTP/2 frame; what it says is short and ASCII.
pub(crate) fn frame(kind: u8, flags: u8, stream: u8, payload: &str) -> String {
    let header = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    header.iter().map(|&byte| char::from(byte)).chain(payload.chars()).collect()
}

/// A GOAWAY frame.
pub(crate) fn goaway(last: u8, code: u8, debug: &str) -> String {
    let numbers: String = [0, 0, 0, last, 0, 0, 0, code].map(char::from).iter().collect();
    frame(GOAWAY, 0, 0, &(numbers + debug))
}

/// A TLS 1.2 record with a payload of `len` bytes.
fn tls_record(kind: u8, len: usize) -> Vec<u8> {
    let mut record = vec![0; len + 5];
    record[..3].copy_from_slice(&[kind, 3, 3]);
    record[3..5].copy_from_slice(&(len as u16).to_be_bytes());
    record
}

/// A segment of the peer's that meets what the close of `first` left, and the reset that it draws.
pub(crate) fn late_segment(first: &Transition, payload: u32, ack_seq: u32) -> Reset {
    const TIME_WAIT: u8 = 6;
    let mut reset = Reset::new_zeroed();
    reset.header = header::<Reset>(Kind::Reset, first.header.cookie, first.header.ktime_ns + TICK_NS);
    let ends = &first.endpoints;
    reset.segment = Endpoints {
        sport_be: ends.dport_be,
        dport_be: ends.sport_be,
        saddr: ends.daddr,
        daddr: ends.saddr,
        ..*ends
    };
    (reset.direction, reset.state, reset.has_segment) = (RESET_SENT, TIME_WAIT, 1);
    (reset.payload, reset.ack_seq, reset.netns) = (payload, ack_seq, first.netns);
    reset
}

/// A ClientHello that offers these protocols (RFC 8446 section 4.1.2; RFC 7301 section 3.1).
pub(crate) fn client_hello(offered: &[&str]) -> Vec<u8> {
    let short = |text: &str| [vec![text.len() as u8], text.as_bytes().to_vec()].concat();
    let long = |bytes: &[u8]| [(bytes.len() as u16).to_be_bytes().to_vec(), bytes.to_vec()].concat();
    let names: Vec<u8> = offered.iter().flat_map(|name| short(name)).collect();
    let extension = |kind: u16, bytes: &[u8]| [kind.to_be_bytes().to_vec(), long(bytes)].concat();
    let alpn = if offered.is_empty() { Vec::new() } else { extension(16, &long(&names)) };
    let extensions = [extension(0, &[7; 20]), extension(23, &[]), alpn, extension(51, &[9; 40])].concat();
    let fields =
        [vec![3, 3], vec![1; 32], short("session"), long(&[0x13, 1, 0x13, 2]), vec![1, 0], long(&extensions)];
    let body = fields.concat();
    let handshake = [vec![1, 0], long(&body)].concat();
    [vec![22, 3, 1], long(&handshake)].concat()
}

pub(crate) fn header<T>(kind: Kind, cookie: u64, ktime_ns: u64) -> Header {
    Header {
        version: WIRE_VERSION,
        kind: kind as u8,
        size: size_of::<T>() as u16,
        jiffies: 0,
        ktime_ns,
        cookie,
    }
}

pub(crate) fn endpoints(local: [u8; 4], sport: u16, remote: [u8; 4], dport: u16) -> Endpoints {
    let (mut saddr, mut daddr) = ([0; 16], [0; 16]);
    saddr[..4].copy_from_slice(&local);
    daddr[..4].copy_from_slice(&remote);
    Endpoints { family: 2, sport_be: sport.to_be(), dport_be: dport.to_be(), reserved: 0, saddr, daddr }
}

/// The record of a close with nothing around it.
pub(crate) fn classified(facts: &Facts) -> ClosedConnection {
    classified_with(facts, Options::default())
}

pub(crate) fn classified_with(facts: &Facts, options: Options) -> ClosedConnection {
    let identity = Identity {
        cookie: facts.first.header.cookie,
        time: Timestamp::UNIX_EPOCH,
        ends: Ends::new(&facts.first.endpoints),
        netns: facts.first.netns,
        holder: None,
        closed_by: None,
    };
    judge(facts, options).record(identity, options.detail)
}
