//! Bytes that nobody in their right mind sends, on thousands of connections: nothing is lost over them, nothing is
//! reported that cannot be known, and what comes after is reported as well as before.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use whohungup::session::{POLL_INTERVAL, Record, Session, SessionOptions};
use whohungup_core::{
    close::ClosedConnection,
    labels::{Closer, Confidence, Verdict},
};

use crate::{
    gate::require,
    peer::{Dialled, dial},
};

const ORDINARY: Ipv4Addr = Ipv4Addr::new(127, 104, 20, 200);
const CONNECTIONS: usize = 3000;
const SEED: u64 = 7;
/// Of the largest inputs there are only so many.
const HUGE: usize = 4;
const REPORTED_WITHIN: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Noise,
    NoiseAfterMethod,
    TruncatedTls,
    BrokenHttp2,
    /// Ten megabytes, and no end.
    EndlessHead,
    EndlessExtension,
    /// An ordinary exchange, each byte in a segment of its own.
    ByteByByte,
    /// An ordinary exchange with thousands of chunks in a segment.
    TinyChunks,
}

const KINDS: [Kind; 8] = [
    Kind::Noise,
    Kind::NoiseAfterMethod,
    Kind::TruncatedTls,
    Kind::BrokenHttp2,
    Kind::EndlessHead,
    Kind::EndlessExtension,
    Kind::ByteByByte,
    Kind::TinyChunks,
];
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

impl Kind {
    fn of(number: usize) -> Self {
        match KINDS[number % KINDS.len()] {
            Self::EndlessHead if number >= HUGE * KINDS.len() => Self::Noise,
            kind => kind,
        }
    }

    /// A server's address for each kind: ports may come again, and then would not tell which it was.
    fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(127, 104, 20, 1 + self as u8)
    }

    fn at(address: IpAddr) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.address() == address)
    }

    /// What the client and then the server says.
    fn bytes(self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let mut rng = Rng::with_seed(SEED + number as u64);
        let mut noise = |most: usize| {
            let len = rng.usize(1..most);
            std::iter::repeat_with(|| rng.u8(..)).take(len).collect::<Vec<_>>()
        };
        match self {
            Self::Noise => (noise(4000), noise(4000)),
            Self::NoiseAfterMethod => ([b"GET ", &*noise(4000)].concat(), noise(400)),
            Self::TruncatedTls => ([b"\x16\x03\x01\x40\x00", &*noise(400)].concat(), noise(400)),
            Self::BrokenHttp2 => (
                [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*noise(4000)].concat(),
                [&[0, 0, 9, 4], &*noise(900)].concat(),
            ),
            Self::EndlessHead => ([b"GET / HTTP/1.1\r\nX: ", &*vec![b'a'; 10_000_000]].concat(), Vec::new()),
            Self::EndlessExtension => ([CHUNKED, b"5;", &*vec![b'a'; 100_000]].concat(), Vec::new()),
            Self::ByteByByte => (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), OK.to_vec()),
            Self::TinyChunks => ([CHUNKED, &*b"1\r\na\r\n".repeat(3000), b"0\r\n\r\n"].concat(), OK.to_vec()),
        }
    }

    /// Whether what is reported as exact can be true. The server closes first, and has read everything.
    fn can_be(self, verdict: Verdict) -> bool {
        match self {
            Self::EndlessHead | Self::EndlessExtension => verdict == Verdict::PrematureHangup,
            Self::ByteByByte | Self::TinyChunks => verdict == Verdict::ServerIdle,
            Self::NoiseAfterMethod | Self::Noise | Self::TruncatedTls | Self::BrokenHttp2 => matches!(
                verdict,
                Verdict::ServerIdle | Verdict::PrematureHangup | Verdict::Completed | Verdict::Unknown
            ),
        }
    }

    fn write(self, stream: &mut TcpStream, bytes: &[u8]) {
        stream.set_nodelay(true).expect("no delay");
        let piece = if self == Self::ByteByByte { 1 } else { bytes.len().max(1) };
        bytes.chunks(piece).for_each(|piece| stream.write_all(piece).expect("write"));
    }
}

#[test]
fn hostile_bytes_cost_nothing_but_themselves() {
    require!();
    let mut session = Session::start(SessionOptions::default()).expect("the session starts");
    let mut reports = Vec::new();
    let traffic = thread::spawn(play);
    while !traffic.is_finished() {
        take_in(&mut session, &mut reports);
    }
    traffic.join().expect("the traffic runs");

    let listener = TcpListener::bind((ORDINARY, 0)).expect("bind");
    let mut ordinary = Dialled::to(&listener);
    ordinary.exchange();
    drop(ordinary.server);
    drop(ordinary.client);

    let expected = 2 * (CONNECTIONS + 1);
    let until = Instant::now() + REPORTED_WITHIN;
    while reports.len() < expected && Instant::now() < until {
        take_in(&mut session, &mut reports);
    }
    // A kernel may leave a program's run out and not say so; the more often the more connections the host has.
    let most = expected / 1000;
    assert!(reports.len() <= expected && reports.len() + most >= expected, "{} of {expected}", reports.len());
    let mut exact = HashMap::new();
    for report in &reports {
        let close = report;
        assert_eq!(close.closer, Closer::Server, "{report:?}");
        let is_exact = close.confidence == Confidence::Exact;
        match Kind::at(report.ends.remote.ip()).or(Kind::at(report.ends.local.ip())) {
            Some(kind) => {
                assert!(!is_exact || kind.can_be(close.verdict), "{kind:?}: {report:?}");
                *exact.entry(format!("{kind:?}")).or_insert(0) += usize::from(is_exact);
            }
            None => assert!(is_exact && close.verdict == Verdict::ServerIdle, "ordinary: {report:?}"),
        }
    }
    eprintln!("reported as exact, of {CONNECTIONS} connections' {} ends: {exact:?}", 2 * CONNECTIONS);
    // Nothing about it is hostile but the segments' size. A server that closes with more segments written than the
    // congestion window takes is not certain what it had said.
    assert!(exact["ByteByByte"] >= CONNECTIONS / KINDS.len(), "{exact:?}");
    let (counters, totals) = (session.counters(), session.tracker().totals());
    assert_eq!((counters.lost(), session.malformed()), (0, 0), "{counters:?}");
    let most_of_host = (totals.opened / 1000).max(most as u64);
    assert!(totals.opened_unseen + totals.closed_unseen <= most_of_host, "{totals:?}");
    assert_eq!(totals.untracked, 0, "{totals:?}");
    assert_eq!(totals.opened + totals.adopted, totals.closed + totals.open, "{totals:?}");
}

/// Makes the connections one after the other.
fn play() {
    let listeners = KINDS.map(|kind| TcpListener::bind((kind.address(), 0)).expect("bind"));
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().expect("address"));
    let server = thread::spawn(move || {
        for number in 0..CONNECTIONS {
            let kind = Kind::of(number);
            let (mut stream, _) = listeners[kind as usize].accept().expect("accept");
            let (asked, answer) = kind.bytes(number);
            let mut got = vec![0; asked.len()];
            stream.read_exact(&mut got).expect("read");
            kind.write(&mut stream, &answer);
        }
    });
    for number in 0..CONNECTIONS {
        let kind = Kind::of(number);
        let mut stream = dial(addresses[kind as usize]);
        kind.write(&mut stream, &kind.bytes(number).0);
        stream.read_to_end(&mut Vec::new()).expect("read to the end");
    }
    server.join().expect("the server runs");
}

/// Keeps what the test's own connections are reported as.
fn take_in(session: &mut Session, reports: &mut Vec<ClosedConnection>) {
    session.poll(|record| {
        let Record::Close(report) = record else { return };
        let is_ours = |end: SocketAddr| end.ip() == ORDINARY || Kind::at(end.ip()).is_some();
        if !report.amends && (is_ours(report.ends.local) || is_ours(report.ends.remote)) {
            reports.push(report);
        }
    });
    thread::sleep(POLL_INTERVAL);
}
