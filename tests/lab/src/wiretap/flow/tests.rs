//! What is read off flows written by hand, and the hand that writes them.

use super::*;

/// A flow after its handshake; each segment comes a millisecond after the one before.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    pub(crate) flow: Flow,
    pub(crate) now: f64,
}

impl Hand {
    pub(crate) fn new() -> Self {
        let flow = Flow {
            client: "127.0.0.1:40000".parse().unwrap(),
            server: "127.9.0.1:80".parse().unwrap(),
            segments: Vec::new(),
            may_have_holes: false,
        };
        let mut hand = Self { flow, now: 1000.0 };
        hand.push(Segment { syn: true, ack: None, ..hand.segment(Side::Client) });
        hand.push(Segment { syn: true, ack: Some(1), ..hand.segment(Side::Server) });
        hand.push(hand.segment(Side::Client));
        hand
    }

    /// An acknowledgment of all that the other end sent.
    pub(crate) fn segment(&self, by: Side) -> Segment {
        let sent =
            |side: Side| self.flow.of(side).map(|(_, s)| s.end() + u64::from(s.fin)).max().unwrap_or(0);
        Segment {
            at: self.now,
            by,
            seq: sent(by),
            ack: Some(sent(by.other())),
            payload: Vec::new(),
            syn: false,
            fin: false,
            rst: false,
            window: 65536,
        }
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.flow.segments.push(segment);
        self.now += 0.001;
    }

    pub(crate) fn wait(mut self, seconds: f64) -> Self {
        self.now += seconds;
        self
    }

    /// Payload that is acknowledged at once.
    pub(crate) fn says(mut self, by: Side, text: &str) -> Self {
        self = self.throws(by, text);
        self.push(self.segment(by.other()));
        self
    }

    /// Payload that nobody acknowledges.
    pub(crate) fn throws(mut self, by: Side, text: &str) -> Self {
        self.push(Segment { payload: text.as_bytes().to_vec(), ..self.segment(by) });
        self
    }

    /// The same, sent before the other end's newest `behind` sequence numbers had come.
    pub(crate) fn throws_blind(mut self, by: Side, text: &str, behind: u64) -> Self {
        let segment = self.segment(by);
        let ack = segment.ack.map(|ack| ack - behind);
        self.push(Segment { payload: text.as_bytes().to_vec(), ack, ..segment });
        self
    }

    pub(crate) fn fin(mut self, by: Side) -> Self {
        self.push(Segment { fin: true, ..self.segment(by) });
        self
    }

    pub(crate) fn rst(mut self, by: Side) -> Self {
        self.push(Segment { rst: true, ..self.segment(by) });
        self
    }
}

#[test]
fn bytes_are_put_in_order_and_holes_are_seen() {
    let hand = Hand::new().says(Side::Client, "GET /").says(Side::Client, " HTTP/1.1");
    let mut flow = hand.flow.clone();
    flow.segments.swap(3, 5);
    let again = flow.segments[3].clone();
    flow.segments.push(again);

    assert_eq!(flow.bytes(Side::Client, 15), Some(b"GET / HTTP/1.1".to_vec()));
    assert_eq!(flow.bytes(Side::Client, 4), Some(b"GET".to_vec()));
    assert_eq!(flow.bytes(Side::Client, 16), None);
    flow.segments.remove(5);
    assert_eq!(flow.bytes(Side::Client, 15), None);
}

#[test]
fn the_first_end_is_the_one_that_the_other_acknowledges() {
    let flow = Hand::new().fin(Side::Server).fin(Side::Client).flow;

    let (index, segment) = flow.hung_up().unwrap();

    assert_eq!((index, segment.by), (3, Side::Server));
    assert!(matches!(flow.first(), Some(First::Server(_))));
    assert_eq!(Hand::new().flow.first(), None);
}

#[test]
fn what_was_sent_unaware_of_the_end_is_told_apart() {
    let hand = Hand::new().fin(Side::Server).throws_blind(Side::Client, "one", 1).throws(Side::Client, "two");

    let fin = hand.flow.left(Side::Server).unwrap().ending.mark.at;

    assert_eq!((hand.flow.sent_unaware(Side::Client, fin), hand.flow.sent(Side::Client)), (4, 7));
}

#[test]
fn what_comes_behind_a_fin_is_no_payload() {
    let mut hand = Hand::new().says(Side::Client, "abc").fin(Side::Client).fin(Side::Server);
    let behind = Segment { rst: true, ..hand.segment(Side::Client) };
    hand.push(behind);

    assert_eq!(hand.flow.sent(Side::Client), 4);
    assert_eq!(hand.flow.bytes(Side::Client, 4).as_deref(), Some(b"abc".as_slice()));
}

#[test]
fn unacknowledged_bytes_and_a_shut_window_may_hide_more() {
    let acked = Hand::new().says(Side::Server, "x").fin(Side::Client).flow;
    assert!(!acked.may_have_more(Side::Server, 5));
    let thrown = Hand::new().throws(Side::Server, "x").fin(Side::Client).flow;
    assert!(thrown.may_have_more(Side::Server, 4));
    let mut shut = acked;
    shut.segments[4].window = 0;
    assert!(shut.may_have_more(Side::Server, 5));
}

#[test]
fn a_connection_is_established_when_both_know() {
    assert!(Hand::new().flow.is_established() && Hand::new().flow.has_beginning());
    let mut refused = Hand::new();
    refused.flow.segments.truncate(1);
    assert!(!refused.rst(Side::Server).flow.is_established());
}
