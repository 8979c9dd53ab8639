use whohungup_ebpf::{
    exchange::{Exchange, IN, NONE, OUT, UNREAD, notes},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

use crate::{
    close::{
        ClosedConnection, Facts, Plaintext,
        facts::{CLOSE, CLOSE_WAIT, ESTABLISHED, LAST_ACK},
        sample::{
            GET, HEADERS, OK, SETTINGS, Talk, WHOLE, classified, client, frame, goaway, late_segment, server,
        },
    },
    labels::{Basis, Closer, Confidence, Race, Role, Side, Verdict},
};

const BEGUN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";

/// A TLS connection, and what the process has read and written of it.
#[derive(Clone)]
struct Read {
    talk: Talk,
    inside: Exchange,
}

fn read(talk: Talk) -> Read {
    let mut inside = Exchange::new_zeroed();
    inside.last_direction = NONE;
    assert_eq!(inside.protocol, UNREAD);
    Read { talk: talk.encrypted(), inside }
}

impl Read {
    fn asks(self, text: &str) -> Self {
        let direction = if self.talk.role == Role::Client { OUT } else { IN };
        Self { talk: self.talk.clone().asks(text), ..self.passes(direction, text) }
    }

    fn answers(self, text: &str) -> Self {
        let direction = if self.talk.role == Role::Client { IN } else { OUT };
        Self { talk: self.talk.clone().answers(text), ..self.passes(direction, text) }
    }

    fn served(self, ticks: u32) -> Self {
        self.asks(GET).waits(1).answers(OK).waits(ticks)
    }

    fn waits(self, ticks: u32) -> Self {
        Self { talk: self.talk.waits(ticks), ..self }
    }

    /// Only the process's side of it: the records went by before.
    fn passes(mut self, direction: u8, text: &str) -> Self {
        let seq = self.inside.streams[usize::from(direction)].end_seq;
        follow(&mut self.inside, direction, seq, text.as_bytes(), self.talk.socket.header.jiffies);
        self.inside.streams[usize::from(IN)].notes &= !notes::DRAINED;
        self
    }

    fn drained(mut self) -> Self {
        self.inside.streams[usize::from(IN)].notes |= notes::DRAINED;
        self
    }

    fn ends(self, end: impl FnOnce(Talk) -> Facts) -> Facts {
        let at = Some(Box::new(self.inside));
        Facts { tls_plaintext: Plaintext { at, after: None }, ..end(self.talk) }
    }
}

fn judge(facts: &Facts) -> ClosedConnection {
    classified(facts)
}

fn summary(facts: &Facts) -> String {
    let close = judge(facts);
    let requests = close.requests.map_or("-".to_owned(), |n| n.to_string());
    format!("{} {} {requests} {} {}", close.verdict, close.phase, close.basis, close.confidence)
}

#[test]
fn what_was_read_inside_is_as_good_as_clear_text() {
    let idle = read(server()).served(3).served(250).ends(Talk::closes);
    assert_eq!(summary(&idle), "server-idle idle 2 http exact");
    assert_eq!(judge(&idle).idle, Some(1.0));
    assert!(judge(&idle).evidence.iter().any(|said| said == "read inside TLS (OpenSSL)"));
    let waiting = read(client()).served(3).asks(GET).waits(5).ends(Talk::closes);
    assert_eq!(summary(&waiting), "premature-hangup waiting 1 http exact");
    assert_eq!(judge(&waiting).request, Some(0.02));
}

#[test]
fn without_it_the_same_connection_is_inferred() {
    let mut facts = read(server()).served(250).ends(Talk::closes);
    facts.tls_plaintext = Plaintext::default();
    assert_eq!(summary(&facts), "server-idle idle - inferred probable");
}

#[test]
fn a_request_that_the_process_has_not_read_leaves_it_to_the_records() {
    let mut unread = read(server()).served(250);
    unread.talk = unread.talk.asks(GET).unread();
    assert_eq!(summary(&unread.ends(Talk::closes)), "premature-hangup waiting - inferred probable");
    // OpenSSL has taken it out of the socket, and the process has not asked for it.
    let mut pending = read(server()).served(250);
    pending.talk = pending.talk.asks(GET);
    assert_eq!(summary(&pending.ends(Talk::closes)), "premature-hangup waiting - inferred probable");
}

#[test]
fn a_response_is_cut_short_only_when_openssl_has_no_more_of_it() {
    let cut = read(client()).asks(GET).answers(BEGUN);
    assert_eq!(
        summary(&cut.clone().drained().ends(Talk::gets_fin)),
        "premature-hangup response 0 http exact"
    );
    assert_eq!(summary(&cut.ends(Talk::gets_fin)), "completed idle - inferred probable");
}

#[test]
fn a_response_that_came_with_the_fin_is_read_after_it() {
    let asked = read(client()).asks(GET).waits(1);
    let mut came = asked.clone();
    came.talk = came.talk.answers(OK).unread();
    let mut facts = came.clone().ends(Talk::gets_fin);
    assert_eq!(summary(&facts), "completed idle - inferred probable", "not read yet");
    let read_now = came.passes(IN, OK);
    let mut socket = read_now.talk;
    socket.socket.copied_seq = socket.socket.rcv_nxt;
    socket.fin_came().waits(1).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    facts.tls_plaintext.after = Some(Box::new(read_now.inside));
    assert_eq!(summary(&facts), "server-idle idle 1 http exact");
}

#[test]
fn what_had_not_left_when_the_peer_ended_it_leaves_it_to_the_records() {
    let mut stuck = read(server()).served(3);
    stuck.talk.socket.snd_nxt = stuck.talk.socket.write_seq.wrapping_sub(40);
    assert_eq!(summary(&stuck.clone().ends(Talk::gets_fin)), "completed idle - inferred probable");
    assert_eq!(summary(&stuck.ends(Talk::closes)), "server-idle idle 1 http exact");
}

#[test]
fn a_session_that_was_not_followed_in_full_is_not_believed() {
    let mut half = read(server()).served(3);
    half.talk = half.talk.served(3).served(250);
    assert_eq!(summary(&half.ends(Talk::closes)), "server-idle idle - inferred probable");
}

#[test]
fn more_plaintext_than_the_socket_has_carried_is_somebody_else_s() {
    let mut foreign = read(server()).served(250);
    foreign.talk.socket.bytes_sent = 20;
    assert_eq!(summary(&foreign.ends(Talk::closes)), "server-idle idle - inferred probable");
}

#[test]
fn a_goodbye_into_a_closed_connection_is_no_request_inside_tls_either() {
    let mut facts = read(server()).served(250).ends(Talk::closes);
    let fin = facts.first.write_seq;
    facts.resets.push(late_segment(&facts.first, 24, fin));
    assert_eq!(summary(&facts), "server-idle idle 1 http exact");
    facts.resets = crate::close::facts::Resets::default();
    facts.resets.push(late_segment(&facts.first, 90, fin));
    assert_eq!(summary(&facts), "idle-race idle 1 http probable");
}

#[test]
fn a_request_whose_write_a_reset_cut_short_is_known_by_its_record() {
    let Read { talk, inside } = read(client()).served(125);
    let after = talk.fin_came();
    let mut facts = after.clone().ends(ESTABLISHED, CLOSE_WAIT);
    facts.tls_plaintext.at = Some(Box::new(inside));
    after.waits(50).asks(GET).later(&mut facts, CLOSE_WAIT, CLOSE);
    let close = judge(&facts);
    assert_eq!((close.verdict, close.race), (Verdict::IdleRace, Some(Race::Stale)));
    assert_eq!((close.basis, close.confidence), (Basis::Inferred, Confidence::Probable));
}

#[test]
fn what_goes_through_a_tunnel_is_no_request() {
    const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    const SWITCHES: &str =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    for end in [client(), server()] {
        let made = read(end).asks(UPGRADE).waits(1).answers(SWITCHES).waits(1);
        let talked =
            (0..3).fold(made, |talk, _| talk.asks("hello you").waits(1).answers("hello too").waits(1));
        assert_eq!(summary(&talked.waits(100).ends(Talk::closes)), "tunnel-end tunnel 0 http exact");
    }
}

/// HTTP/2 over TLS 1.3, read inside by both the process and its records.
fn read_http2(talk: Talk) -> Read {
    let asking = talk.exchange.request_direction;
    let read = Read { talk: talk.encrypted_http2(), ..read(client()) };
    let hello = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", frame(SETTINGS, 0, 0, ""));
    read.passes(asking, &hello).passes(IN + OUT - asking, &frame(SETTINGS, 0, 0, ""))
}

#[test]
fn a_goaway_that_the_process_has_not_read_leaves_it_to_the_records() {
    let carried = |text: &str| text.chars().count();
    let (ask, answer) = (frame(HEADERS, WHOLE, 1, "ask for it"), frame(HEADERS, WHOLE, 1, "the answer"));
    let mut asked = read_http2(client()).waits(1).passes(OUT, &ask);
    asked.talk =
        asked.talk.carries(Side::Client, carried(&ask)).waits(1).carries(Side::Server, carried(&answer));
    let idle = asked.passes(IN, &answer).waits(250);
    assert_eq!(summary(&idle.clone().ends(Talk::closes)), "client-idle idle 1 http exact");

    let goaway = goaway(1, 0, "");
    let mut parted = idle.clone();
    parted.talk = parted.talk.carries(Side::Server, carried(&goaway)).waits(100);
    let unread = summary(&parted.clone().ends(Talk::closes));
    assert!(unread.ends_with("inferred probable"), "{unread}");
    let read = judge(&parted.passes(IN, &goaway).ends(Talk::closes));
    assert_eq!((read.basis, read.closer), (Basis::Http, Closer::Server), "{read:?}");
}
