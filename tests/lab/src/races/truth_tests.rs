//! What is proved by which segments, and what is left undecided.

use std::{net::SocketAddr, time::Instant};

use super::*;
use crate::races::segment::Segment;

const REQUEST: u32 = 40;
const RESPONSE: u32 = 60;

/// A play of two requests, the first of which was answered.
#[derive(Debug, Clone)]
struct Case {
    client: ClientLog,
    server: ServerLog,
    wire: Conversation,
    began: Instant,
    flight: Duration,
    announced: bool,
}

impl Case {
    fn new() -> Self {
        let began = Instant::now();
        let client = ClientLog {
            local: "127.0.0.2:4000".parse().unwrap(),
            remote: "127.0.0.1:80".parse().unwrap(),
            asked: 2,
            answered: 1,
            partial: false,
            refused: false,
            state_before: Some(ESTABLISHED),
            asking: Some(began),
            saw: Some(End::Eof),
            answered_at: Some(began),
            closed: Some((began, began)),
        };
        let server = ServerLog {
            read: 1,
            answered: 1,
            unread: Some(0),
            closed: Some((began, began)),
            ..ServerLog::default()
        };
        let mut case = Self {
            wire: Conversation::new(client.local),
            client,
            server,
            began,
            flight: Duration::ZERO,
            announced: false,
        };
        case.wire.push(Segment { syn: true, ack: None, ..case.by_client(u32::MAX, 0, 0) });
        case.wire.push(Segment { syn: true, ..case.by_server(u32::MAX, 0, 0) });
        case.wire.push(case.by_client(0, 0, REQUEST));
        case.wire.push(case.by_server(0, REQUEST, RESPONSE));
        case
    }

    fn segment(from: SocketAddr, to: SocketAddr, seq: u32, ack: u32, len: u32) -> Segment {
        let seq = seq.wrapping_add(1000);
        Segment { from, to, seq, ack: Some(ack.wrapping_add(1000)), len, syn: false, fin: false, rst: false }
    }

    fn by_client(&self, seq: u32, ack: u32, len: u32) -> Segment {
        Self::segment(self.client.local, self.client.remote, seq, ack, len)
    }

    fn by_server(&self, seq: u32, ack: u32, len: u32) -> Segment {
        Self::segment(self.client.remote, self.client.local, seq, ack, len)
    }

    /// The second request, which acknowledges so much.
    fn asks(mut self, acks: u32) -> Self {
        self.wire.push(self.by_client(REQUEST, acks, REQUEST));
        self
    }

    fn server_fin(mut self, acks: u32) -> Self {
        self.wire.push(Segment { fin: true, ..self.by_server(RESPONSE, acks, 0) });
        self
    }

    fn server_rst(mut self, acks: u32) -> Self {
        self.wire.push(Segment { rst: true, ..self.by_server(RESPONSE, acks, 0) });
        self.client.saw = Some(End::Reset);
        self
    }

    fn client_fin(mut self, seq: u32, acks: u32) -> Self {
        self.wire.push(Segment { fin: true, ..self.by_client(seq, acks, 0) });
        self
    }

    fn client_closed_after(mut self, after: Duration) -> Self {
        self.client.closed = Some((self.began + after, self.began + after));
        self
    }

    fn server_closed_after(mut self, after: Duration) -> Self {
        self.server.closed = Some((self.began + after, self.began + after));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn truth(&self) -> Truth {
        let Self { client, server, wire, flight, announced, .. } = self;
        decide(&Evidence {
            client,
            server,
            wire,
            before: 1,
            bytes_before: if client.asked == 1 { 0 } else { REQUEST },
            announced: *announced,
            flight: *flight,
        })
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn is_undecided(truth: Truth) -> bool {
    matches!(truth, Truth::Undecided(_))
}

#[test]
fn a_request_that_does_not_acknowledge_the_fin_has_crossed_it() {
    let case = Case::new().server_fin(REQUEST).asks(RESPONSE);
    assert_eq!(case.truth(), Truth::Lost(Kind::Crossed));
}

#[test]
fn a_request_that_acknowledges_the_fin_is_stale() {
    let case = Case::new().server_fin(REQUEST).asks(RESPONSE + 1);
    assert_eq!(case.truth(), Truth::Lost(Kind::Stale));
    let looked = case.with(|case| case.client.state_before = Some(CLOSE_WAIT));
    assert_eq!(looked.truth(), Truth::Lost(Kind::Stale));
}

#[test]
fn a_socket_that_had_the_fin_cannot_have_crossed_it() {
    let case = Case::new().server_fin(REQUEST).asks(RESPONSE);
    assert!(is_undecided(case.with(|case| case.client.state_before = Some(CLOSE_WAIT)).truth()));
}

#[test]
fn a_reset_that_acknowledges_the_request_left_it_unread() {
    let case = Case::new().asks(RESPONSE).server_rst(2 * REQUEST).server_closed_after(ms(3));
    assert_eq!(case.truth(), Truth::Lost(Kind::Unread));
    assert!(is_undecided(case.clone().server_closed_after(ms(20)).truth()));
    let slow = case.clone().with(|case| case.flight = ms(20)).server_closed_after(ms(30));
    assert_eq!(slow.truth(), Truth::Lost(Kind::Unread));
    let read = case.clone().with(|case| case.server.read = 2);
    assert_eq!(read.truth(), Truth::NoRace { verdict: "premature-hangup" });
    let long = case.server_closed_after(ms(500));
    assert_eq!(long.truth(), Truth::NoRace { verdict: "premature-hangup" });
}

#[test]
fn a_reset_that_acknowledges_no_request_is_undecided() {
    let case = Case::new().asks(RESPONSE).server_rst(REQUEST);
    assert!(is_undecided(case.truth()));
}

#[test]
fn only_a_close_in_the_moment_of_the_request_is_the_clients_own_timer() {
    let case = Case::new().asks(RESPONSE).client_fin(2 * REQUEST, RESPONSE).server_fin(2 * REQUEST + 1);
    let after = |wait| case.clone().client_closed_after(wait).truth();
    assert_eq!(after(Duration::from_micros(300)), Truth::Lost(Kind::OwnTimer));
    assert!(is_undecided(after(ms(5))));
    assert_eq!(after(ms(60)), Truth::NoRace { verdict: "premature-hangup" });
}

#[test]
fn a_first_request_cannot_race_and_neither_can_one_after_an_announced_end() {
    let first = Case::new().server_rst(REQUEST).with(|case| {
        case.client.asked = 1;
        case.client.answered = 0;
    });
    assert_eq!(first.truth(), Truth::NoRace { verdict: "premature-hangup" });
    let announced = Case::new().server_fin(REQUEST).asks(RESPONSE + 1).with(|case| case.announced = true);
    assert_eq!(announced.truth(), Truth::NoRace { verdict: "completed" });
    let unread = Case::new().asks(RESPONSE).server_rst(2 * REQUEST).with(|case| case.announced = true);
    assert_eq!(unread.truth(), Truth::NoRace { verdict: "premature-hangup" });
}

#[test]
fn what_was_answered_survived_whoever_closed_after_it() {
    let answered = |case: &mut Case| {
        case.client.answered = 2;
        case.server = ServerLog { read: 2, answered: 2, ..case.server };
    };
    let case = Case::new().asks(RESPONSE).with(answered);
    let by_client = case.clone().client_fin(2 * REQUEST, RESPONSE).server_fin(2 * REQUEST + 1);
    let idle = |wait| by_client.clone().client_closed_after(wait).truth();
    assert_eq!(idle(ms(150)), Truth::Survived { verdict: "client-idle" });
    assert_eq!(idle(ms(20)), Truth::Survived { verdict: "completed" });
    assert!(is_undecided(idle(ms(100))));
    let by_server = case.clone().server_fin(2 * REQUEST).client_fin(2 * REQUEST, RESPONSE + 1);
    assert_eq!(by_server.truth(), Truth::Survived { verdict: "server-idle" });
    let tie = case.server_fin(2 * REQUEST).client_fin(2 * REQUEST, RESPONSE);
    assert_eq!(tie.truth(), Truth::Survived { verdict: "server-idle" });
}

#[test]
fn a_client_that_looked_and_did_not_ask_lost_nothing() {
    let case = Case::new().server_fin(REQUEST).with(|case| case.client.asked = 1);
    assert_eq!(case.truth(), Truth::NoRace { verdict: "server-idle" });
}

#[test]
fn a_hole_in_the_capture_decides_nothing() {
    let case = Case::new().server_fin(REQUEST);
    assert!(is_undecided(case.truth()));
    assert!(is_undecided(case.with(|case| case.wire = Conversation::new(case.client.local)).truth()));
}
