//! What is proved by which segments, and what is left undecided.

use std::time::Instant;

use super::*;
use crate::wiretap::flow::tests::Hand;
use Side::{Client, Server};

const GET: &str = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A play of two requests, the first of which was answered.
#[derive(Debug, Clone)]
struct Case {
    client: ClientLog,
    server: ServerLog,
    hand: Hand,
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
            saw: Some(ends::End::Eof),
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
        let hand = Hand::new().says(Client, GET).says(Server, OK);
        Self { client, server, hand, began, flight: Duration::ZERO, announced: false }
    }

    fn on_the_wire(mut self, change: impl FnOnce(Hand) -> Hand) -> Self {
        self.hand = change(self.hand);
        self
    }

    /// The second request.
    fn asks(self) -> Self {
        self.on_the_wire(|hand| hand.throws(Client, GET))
    }

    fn server_fin(self) -> Self {
        self.on_the_wire(|hand| hand.fin(Server))
    }

    fn server_rst(mut self) -> Self {
        self.client.saw = Some(ends::End::Reset);
        self.on_the_wire(|hand| hand.rst(Server))
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

    fn decide(&self) -> Decided {
        let Self { client, server, hand, flight, announced, .. } = self;
        let request_at = if client.asked == 1 { 1 } else { 1 + GET.len() as u64 };
        decide(&Evidence {
            client,
            server,
            flow: &hand.flow,
            request_at,
            announced: *announced,
            flight: *flight,
        })
    }

    fn word(&self) -> &'static str {
        self.decide().map_or("undecided", |truth| truth.word())
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn what_a_request_acknowledges_tells_crossed_from_stale() {
    let closed = Case::new().server_fin();
    let crossed = closed.clone().on_the_wire(|hand| hand.throws_blind(Client, GET, 1));
    assert_eq!(crossed.word(), "crossed");
    let knew = crossed.with(|case| case.client.state_before = Some(CLOSE_WAIT));
    assert_eq!(knew.word(), "undecided", "a socket that had the FIN cannot have crossed it");
    let stale = closed.asks();
    assert_eq!(stale.word(), "stale");
    assert_eq!(stale.with(|case| case.client.state_before = Some(CLOSE_WAIT)).word(), "stale");
}

#[test]
fn who_and_where_it_stood_come_from_the_wire() {
    let unread = Case::new().asks().server_rst().server_closed_after(ms(500));
    assert_eq!(unread.decide().unwrap().to_string(), "SW premature-hangup rst in_flight=1");
    let idle = Case::new().server_fin().with(|case| case.client.asked = 1);
    assert_eq!(idle.decide().unwrap().to_string(), "SI server-idle fin in_flight=0");
}

#[test]
fn a_reset_that_acknowledges_the_request_left_it_unread() {
    let case = Case::new().asks().server_rst().server_closed_after(ms(3));
    assert_eq!(case.word(), "unread");
    assert_eq!(case.clone().server_closed_after(ms(20)).word(), "undecided");
    let slow = case.clone().with(|case| case.flight = ms(20)).server_closed_after(ms(30));
    assert_eq!(slow.word(), "unread");
    assert_eq!(case.clone().with(|case| case.server.read = 2).word(), "premature-hangup");
    assert_eq!(case.server_closed_after(ms(500)).word(), "premature-hangup");
    assert_eq!(Case::new().server_rst().asks().word(), "undecided", "it acknowledges no request");
}

#[test]
fn only_a_close_in_the_moment_of_the_request_is_the_clients_own_timer() {
    let case = Case::new().asks().on_the_wire(|hand| hand.fin(Client).fin(Server));
    let after = |wait| case.clone().client_closed_after(wait).word();
    assert_eq!(after(Duration::from_micros(300)), "own-timer");
    assert_eq!(after(ms(5)), "undecided");
    assert_eq!(after(ms(60)), "premature-hangup");
}

#[test]
fn a_first_request_cannot_race_and_neither_can_one_after_an_announced_end() {
    let first = Case::new().server_rst().with(|case| {
        case.hand = Hand::new().throws(Client, GET).rst(Server);
        case.client.asked = 1;
        case.client.answered = 0;
    });
    assert_eq!(first.word(), "premature-hangup");
    let announced = |case: Case| case.with(|case| case.announced = true).word();
    assert_eq!(announced(Case::new().server_fin().asks()), "completed");
    assert_eq!(announced(Case::new().asks().server_rst()), "premature-hangup");
}

#[test]
fn what_was_answered_ends_as_whoever_closed_after_it() {
    let case = Case::new().on_the_wire(|hand| hand.says(Client, GET).says(Server, OK)).with(|case| {
        case.client.answered = 2;
        case.server = ServerLog { read: 2, answered: 2, ..case.server };
    });
    let by_client = case.clone().on_the_wire(|hand| hand.fin(Client).fin(Server));
    let idle = |wait| by_client.clone().client_closed_after(wait).word();
    assert_eq!([150, 20, 100].map(|wait| idle(ms(wait))), ["client-idle", "completed", "undecided"]);
    assert_eq!(case.clone().on_the_wire(|hand| hand.fin(Server).fin(Client)).word(), "server-idle");
    let tie = case.with(|case| {
        let ends = [case.hand.segment(Server), case.hand.segment(Client)];
        for segment in ends {
            case.hand.push(Segment { fin: true, ..segment });
        }
    });
    assert_eq!(tie.word(), "server-idle");
}

#[test]
fn a_hole_in_the_capture_decides_nothing() {
    let case = Case::new().server_fin().with(|case| case.client.asked = 1);
    assert_eq!(case.word(), "server-idle");
    assert_eq!(case.clone().with(|case| case.hand.flow.may_have_holes = true).word(), "undecided");
    assert_eq!(case.with(|case| drop(case.hand.flow.segments.remove(0))).word(), "undecided");
}
