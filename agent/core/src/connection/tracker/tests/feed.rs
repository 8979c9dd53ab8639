//! Records as they come off the ring, fed to a tracker.

use std::collections::HashSet;

use whohungup_ebpf::{
    decode::{Record, decode},
    event::{Connect, Kind, Listen, Open, Reset, Transition},
    exchange::{Exchange, ExchangeRecord, HEAD_IN, HEAD_OUT},
};
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

use super::super::*;
use crate::{
    close::{
        Facts, Options,
        facts::{LISTEN, SYN_RECV, SYN_SENT},
        sample::{NETNS, OPENED_NS, PID, TICK, Talk, endpoints, header},
    },
    labels::Role,
};

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MS: u64 = 1_000_000;

pub(super) fn tracker() -> Tracker {
    Tracker::new(Limits::default(), Options::default(), TICK)
}

/// A walk's namespaces, when it reached that of every sample.
pub(super) fn here() -> HashSet<u32> {
    [NETNS].into()
}

/// Over the wire format and in.
pub(super) fn feed(tracker: &mut Tracker, record: &(impl IntoBytes + Immutable)) {
    let (record, used) = decode(record.as_bytes()).expect("decodes");
    assert_eq!(used, record_size(&record));
    tracker.apply(&record);
}

fn record_size(record: &Record<'_>) -> usize {
    match record {
        Record::Connect(record) => size_of_val(*record),
        Record::Open(record) => size_of_val(*record),
        Record::Transition(record) => size_of_val(*record),
        Record::Socket(record) => size_of_val(*record),
        Record::Reset(record) => size_of_val(*record),
        Record::Exchange(record) | Record::TlsExchange(record) => record.size(),
        Record::Listen(record) => size_of_val(*record),
        Record::ErrorReport(record) => size_of_val(*record),
        Record::Clock(record) => size_of_val(*record),
        Record::Progress(record) => size_of_val(*record),
        Record::Signal(record) => size_of_val(*record),
        Record::Conversation(record) => size_of_val(*record),
    }
}

pub(super) fn connect(cookie: u64, at_ns: u64) -> Connect {
    let mut record = Connect::new_zeroed();
    record.header = header::<Connect>(Kind::Connect, cookie, at_ns);
    record.task.tgid = PID;
    record
}

/// The handshake of `talk`'s connection.
pub(super) fn open(talk: &Talk, at_ns: u64) -> Open {
    let mut record = Open::new_zeroed();
    record.header = header::<Open>(Kind::Open, talk.socket.header.cookie, at_ns);
    (record.endpoints, record.netns) = (talk.socket.endpoints, talk.socket.netns);
    record.old_state = u32::from(if talk.role == Role::Client { SYN_SENT } else { SYN_RECV });
    record
}

pub(super) fn exchange(cookie: u64, at_ns: u64, exchange: &Exchange) -> ExchangeRecord {
    let mut record = ExchangeRecord::new_zeroed();
    record.header = header::<ExchangeRecord>(Kind::Exchange, cookie, at_ns);
    record.exchange = *exchange;
    record.exchange.heads = HEAD_IN | HEAD_OUT;
    record
}

/// A listener on 10.0.0.1:80.
pub(super) fn listen(cookie: u64, began: bool) -> Listen {
    let mut record = Listen::new_zeroed();
    record.header = header::<Listen>(Kind::Listen, cookie, OPENED_NS - SECOND);
    record.endpoints = endpoints([10, 0, 0, 1], 80, [0; 4], 0);
    (record.netns, record.began) = (NETNS, u32::from(began));
    record.task.tgid = PID;
    record.task.comm[..5].copy_from_slice(b"nginx");
    record
}

/// Opens `talk`'s connection as the probes tell it.
pub(super) fn begin(tracker: &mut Tracker, talk: &Talk) {
    if talk.role == Role::Client {
        feed(tracker, &connect(talk.socket.header.cookie, OPENED_NS));
    }
    feed(tracker, &open(talk, OPENED_NS));
}

/// The first step of `facts`, with what the HTTP tier knew.
pub(super) fn first(tracker: &mut Tracker, facts: &Facts) {
    feed(tracker, &facts.first);
    if let Some(known) = &facts.exchange {
        feed(tracker, &exchange(facts.first.header.cookie, facts.first.header.ktime_ns, known));
    }
}

/// The later step of `facts` likewise.
pub(super) fn last(tracker: &mut Tracker, facts: &Facts) {
    let step = facts.last.expect("a later step");
    feed(tracker, &step);
    if let Some(known) = &facts.exchange_after {
        feed(tracker, &exchange(step.header.cookie, step.header.ktime_ns, known));
    }
}

/// Opens, and takes the first step of `facts`.
pub(super) fn play(tracker: &mut Tracker, talk: &Talk, facts: &Facts) {
    begin(tracker, talk);
    first(tracker, facts);
}

pub(super) fn settle(tracker: &mut Tracker, at_ns: u64) -> Vec<ClosedConnection> {
    let mut reports = Vec::new();
    tracker.settle(at_ns, |closed| reports.push(closed));
    reports
}

pub(super) fn settle_all(tracker: &mut Tracker) -> Vec<ClosedConnection> {
    let mut reports = Vec::new();
    tracker.settle_all(|closed| reports.push(closed));
    reports
}

/// `talk` under another cookie, from another port.
pub(super) fn numbered(mut talk: Talk, cookie: u64) -> Talk {
    talk.socket.header.cookie = cookie;
    let port = (40_000 + cookie as u16).to_be();
    match talk.role {
        Role::Client => talk.socket.endpoints.sport_be = port,
        Role::Server | Role::Unknown => talk.socket.endpoints.dport_be = port,
    }
    talk
}

/// The socket as a walk meets it.
pub(super) fn met(talk: &Talk, state: u8) -> Transition {
    let mut socket = talk.socket;
    socket.header.kind = Kind::Socket as u8;
    (socket.old_state, socket.new_state) = (state, state);
    socket
}

pub(super) fn met_listener(cookie: u64) -> Transition {
    let mut socket = Transition::new_zeroed();
    socket.header = header::<Transition>(Kind::Socket, cookie, OPENED_NS);
    socket.endpoints = endpoints([0; 4], 80, [0; 4], 0);
    socket.netns = NETNS;
    (socket.old_state, socket.new_state) = (LISTEN, LISTEN);
    socket
}

/// A reset that the kernel blames on a listener, or on nothing.
pub(super) fn blaming(mut reset: Reset, cookie: u64, state: u8) -> Reset {
    (reset.header.cookie, reset.state) = (cookie, state);
    reset
}

pub(super) fn assert_balanced(tracker: &Tracker) {
    let totals = tracker.totals();
    assert_eq!(totals.opened + totals.adopted, totals.closed + totals.open, "{totals:?}");
    assert!(totals.opened_unseen <= totals.opened, "{totals:?}");
    assert!(totals.closed_unseen <= totals.closed, "{totals:?}");
}

pub(super) fn one(reports: Vec<ClosedConnection>) -> ClosedConnection {
    let text: Vec<_> = reports.iter().map(|closed| (closed.id.cookie, &closed.evidence)).collect();
    assert_eq!(reports.len(), 1, "{text:#?}");
    reports.into_iter().next().expect("one")
}
