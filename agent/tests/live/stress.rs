//! Many connections at once: nothing lost, each close reported once, none of them wrong.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use whohungup::session::{POLL_INTERVAL, Record, Session, SessionOptions};
use whohungup_core::{close::ClosedConnection, identity::Ends, labels::Verdict};
use whohungup_ebpf::counters::Counter;

use crate::{
    gate::require,
    peer::{Dialled, dial, read_request},
};

const SHORT: usize = 20_000;
/// Below what two CPUs can do: there the traffic would starve the session of the time to keep up.
const SHORT_PER_SECOND: usize = 4_000;
const IDLE: usize = 200;
/// Pairs of a client's and a server's thread.
const PAIRS: u8 = 4;
/// Each short connection leaves its port in TIME_WAIT for a minute; ports are counted by destination.
const ADDRESSES_OF_A_PAIR: u8 = 2;
const REPORTED_WITHIN: Duration = Duration::from_secs(15);

const IDLE_UNTIL_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 104, 8, 1));
const IDLE_UNTIL_CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 104, 8, 2));
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

/// How often a connection with these ends (as the client sees them) was made: ports may come again.
type Made = HashMap<Ends, usize>;

#[test]
fn twenty_thousand_short_and_two_hundred_idle_connections_are_each_reported_once() {
    require!();
    let mut session = Session::start(SessionOptions::default()).expect("the session starts");
    let mut made = Made::new();
    let idle: Vec<Dialled> = [IDLE_UNTIL_SERVER, IDLE_UNTIL_CLIENT]
        .into_iter()
        .flat_map(|address| idle(address, &mut made))
        .collect();

    let began = Instant::now();
    let mut reports = Vec::new();
    let pairs: Vec<_> = (0..PAIRS).map(|pair| thread::spawn(move || short_lived(pair))).collect();
    while pairs.iter().any(|pair| !pair.is_finished()) {
        take_in(&mut session, &mut reports);
    }
    let traffic = began.elapsed();
    for pair in pairs {
        made.extend(pair.join().expect("the traffic runs"));
    }
    for Dialled { client, server } in idle {
        let server_first = client.peer_addr().expect("address").ip() == IDLE_UNTIL_SERVER;
        let (first, then) = if server_first { (server, client) } else { (client, server) };
        drop(first);
        drop(then);
    }
    let expected = 2 * (SHORT + IDLE);
    assert_eq!(made.values().sum::<usize>() * 2, expected);
    let until = Instant::now() + REPORTED_WITHIN;
    while reports.len() < expected && Instant::now() < until {
        take_in(&mut session, &mut reports);
    }
    eprintln!("{SHORT} short connections took {traffic:.2?}; all was reported after {:.2?}", began.elapsed());

    let (counters, totals) = (session.counters(), session.tracker().totals());
    assert_eq!((counters.lost(), session.malformed()), (0, 0), "{counters:?} {totals:?}");
    let unreported = assert_none_reported_twice(&made, reports);
    // A kernel may leave a program's run out and not say so, when its interrupt meets certain tasks; the more often
    // the more connections there are.
    let most = expected / 1000;
    assert!(unreported <= most, "{unreported} of {expected} closes were not reported: {totals:?}");
    let most_of_host = (totals.opened / 1000).max(most as u64);
    assert!(totals.opened_unseen + totals.closed_unseen <= most_of_host, "{totals:?}");
    assert_eq!(totals.untracked, 0, "{totals:?}");
    assert!(counters.get(Counter::Opened) >= expected as u64, "{counters:?}");
    assert_eq!(totals.opened + totals.adopted, totals.closed + totals.open, "{totals:?}");
}

/// Makes connections that wait, after one exchange, for somebody to close them.
fn idle(address: IpAddr, made: &mut Made) -> Vec<Dialled> {
    let listener = TcpListener::bind((address, 0)).expect("bind");
    let dialled = (0..IDLE / 2).map(|_| {
        let mut dialled = Dialled::to(&listener);
        dialled.exchange();
        let (local, remote) = dialled.ends();
        *made.entry(Ends { local, remote }).or_default() += 1;
        dialled
    });
    dialled.collect()
}

/// One pair's share of short connections.
fn short_lived(pair: u8) -> Made {
    let listeners: Vec<_> = (0..ADDRESSES_OF_A_PAIR)
        .map(|address| TcpListener::bind((Ipv4Addr::new(127, 104, 9 + pair, 1 + address), 0)).expect("bind"))
        .collect();
    let addresses: Vec<SocketAddr> =
        listeners.iter().map(|listener| listener.local_addr().expect("address")).collect();
    let share = SHORT / usize::from(PAIRS);
    let server = thread::spawn(move || {
        for listener in listeners.iter().cycle().take(share) {
            let (mut stream, _) = listener.accept().expect("accept");
            read_request(&mut stream);
            stream.write_all(RESPONSE).expect("write the response");
        }
    });
    let mut made = Made::new();
    let began = Instant::now();
    for (number, &remote) in addresses.iter().cycle().take(share).enumerate() {
        let due =
            began + Duration::from_secs(1) * (number * usize::from(PAIRS)) as u32 / SHORT_PER_SECOND as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut stream = dial(remote);
        *made.entry(Ends { local: stream.local_addr().expect("address"), remote }).or_default() += 1;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").expect("write the request");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("read the response");
        assert_eq!(response, RESPONSE);
    }
    server.join().expect("the server runs");
    made
}

/// Keeps what the test's own connections are reported as.
fn take_in(session: &mut Session, reports: &mut Vec<ClosedConnection>) {
    session.poll(|record| {
        let Record::Close(report) = record else { return };
        let is_ours = |end: SocketAddr| wanted(end.ip()).is_some();
        if is_ours(report.ends.local) || is_ours(report.ends.remote) {
            reports.push(report);
        }
    });
    thread::sleep(POLL_INTERVAL);
}

/// The verdict that every connection to this address must get; `None` for other people's.
fn wanted(server: IpAddr) -> Option<Verdict> {
    const LAST: u8 = 9 + PAIRS;
    match server {
        IDLE_UNTIL_SERVER => Some(Verdict::ServerIdle),
        IDLE_UNTIL_CLIENT => Some(Verdict::ClientIdle),
        IpAddr::V4(address) if matches!(address.octets(), [127, 104, 9..LAST, _]) => Some(Verdict::Completed),
        _ => None,
    }
}

/// Each close is reported right, and as often as it happened; returns how many were not reported at all.
fn assert_none_reported_twice(made: &Made, reports: Vec<ClosedConnection>) -> usize {
    let mut unreported = 0;
    let mut reported: HashMap<Ends, Vec<ClosedConnection>> = HashMap::new();
    for report in reports {
        reported.entry(report.ends).or_default().push(report);
    }
    for (&ends, &times) in made {
        let verdict = wanted(ends.remote.ip());
        for socket in [ends, ends.turned()] {
            let of_it = reported.remove(&socket).unwrap_or_default();
            let right = of_it.iter().filter(|report| Some(report.verdict) == verdict).count();
            assert!(of_it.len() <= times && right == of_it.len(), "{socket:?}: {of_it:#?}");
            unreported += times - right;
        }
    }
    assert!(reported.is_empty(), "closes of connections that nobody made: {reported:#?}");
    unreported
}
