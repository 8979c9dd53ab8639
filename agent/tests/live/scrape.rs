//! Scrapes of a host with many connections and many endpoints, by many scrapers, some of which never read what they asked for.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, gate::program, http, port, sum, wait};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{agent::BINARY, gate::require};

/// Each has two ends that are followed.
const CONNECTIONS: usize = 5_000;
/// Ports that one connection each is made to, as two endpoints each.
const PORTS: u16 = 1_000;
/// There are 28,000 ports to come from for each address.
const PER_ADDRESS: usize = 10_000;
const SCRAPES: usize = 10;
/// Opens both ends of so many connections at an address, and holds them until its input ends: one process may have too few
/// descriptors for all.
const HOLDER: &str = "
import resource, socket, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
listener = socket.create_server((sys.argv[1], 0))
ends = []
for _ in range(int(sys.argv[2])):
    ends += [socket.create_connection(listener.getsockname()), listener.accept()[0]]
print('held', flush=True)
sys.stdin.read()
";
/// Connections of a [`HOLDER`].
const HELD: usize = 9_000;
/// How long scrapers are busy at most.
const BUSY: Duration = Duration::from_secs(20);
/// What a scrape may take: the observer looks for work every 25 ms.
const QUICK: Duration = Duration::from_millis(50);
const QUICK_WITHIN: Duration = Duration::from_mins(1);

/// With as much room for endpoints as it has by itself.
fn daemon() -> Daemon {
    let mut command = Command::new(BINARY);
    Daemon::start_by(Path::new(BINARY), command.args(["run", "--listen", "127.0.0.1:0"]))
        .expect("the daemon starts")
}

fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("more file descriptors");
}

fn on(last: u8) -> TcpListener {
    port::listen(Ipv4Addr::new(127, 104, 9, last)).expect("a listener")
}

/// Both ends of `count` connections that stay open.
fn open(count: usize) -> Vec<TcpStream> {
    let mut ends = Vec::with_capacity(2 * count);
    for (last, of_address) in (1..).zip((0..count).collect::<Vec<_>>().chunks(PER_ADDRESS)) {
        let listener = on(last);
        let address = listener.local_addr().expect("address");
        for _ in of_address {
            ends.push(TcpStream::connect(address).expect("connect"));
            ends.push(listener.accept().expect("accept").0);
        }
    }
    ends
}

/// Scrapes one after the other, and how long each took, the quickest first.
fn scrapes(daemon: &Daemon) -> Vec<Duration> {
    let mut took: Vec<Duration> = (0..SCRAPES)
        .map(|_| {
            let began = Instant::now();
            let answer = daemon.get("/metrics").expect("a scrape");
            assert!(answer.ends_with("# EOF\n"), "{answer}");
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took
}

#[test]
fn a_scrape_takes_as_long_with_many_connections_as_with_few() {
    require!();
    beside(CONNECTIONS, if cfg!(debug_assertions) { 2 * QUICK } else { QUICK });
}

#[test]
#[ignore = "the measurement of docs/metrics.md, on a machine that does nothing else"]
fn a_scrape_beside_100_000_connections() {
    require!();
    let Some(python) = program("python3") else { return };
    let daemon = daemon();
    let few = scrapes(&daemon);
    let mut holders: Vec<Child> = (1..=6)
        .map(|last| {
            let mut command = Command::new(&python);
            command.args(["-c", HOLDER, &format!("127.104.10.{last}"), &HELD.to_string()]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("run python3")
        })
        .collect();
    for holder in &mut holders {
        let mut said = [0; 5];
        holder.stdout.as_mut().expect("piped").read_exact(&mut said).expect("connections that are held");
    }
    let opened = 2.0 * (HELD * holders.len()) as f64;
    let samples = daemon.wait_for(|samples| sum(samples, "whohungup_connections_open{") >= opened);
    let samples = samples.expect("all of them");
    assert!(samples["whohungup_connections_balance"].abs() < 0.5);
    let many = scrapes(&daemon);
    let bytes = daemon.get("/metrics").expect("a scrape").len();
    println!("few: {few:?}\n{opened} ends of connections, {bytes} bytes: {many:?}");
    for mut holder in holders {
        drop(holder.stdin.take());
        holder.wait().expect("an end");
    }
    assert!(many[SCRAPES / 2] < QUICK, "{many:?}");
}

/// Scrapes while so many connections are open, both ends of each.
fn beside(connections: usize, tolerated: Duration) {
    raise_descriptors();
    let daemon = daemon();
    let few = scrapes(&daemon);
    let ends = open(connections);
    let samples = daemon.wait_for(|samples| sum(samples, "whohungup_connections_open{") >= ends.len() as f64);
    let samples = samples.expect("all of them");
    assert!(samples["whohungup_connections_balance"].abs() < 0.5);
    // Somebody else may have the processors for a while.
    let quick = wait::until(format_args!("a scrape in {tolerated:?}"), QUICK_WITHIN, || {
        let many = scrapes(&daemon);
        println!("few: {few:?}\n{} connections: {many:?}", ends.len());
        Ok((many[0] < tolerated).then_some(()))
    });
    quick.unwrap_or_else(|error| panic!("{error:#}"));
    drop(ends);
    let samples =
        daemon.wait_for(|samples| sum(samples, "whohungup_connections_open{") < connections as f64 / 10.0);
    let samples = samples.expect("their ends");
    assert!(sum(&samples, "whohungup_events_lost_total{").abs() < 0.5, "{samples:#?}");
}

#[test]
#[ignore = "the measurement of docs/metrics.md, on a machine that does nothing else"]
fn a_scrape_of_10_000_endpoints_that_were_offered() {
    require!();
    let daemon = offered(5_000);
    let (took, bytes) = (scrapes(&daemon), daemon.get("/metrics").expect("a scrape").len());
    println!("{bytes} bytes: {took:?}");
    assert!(took[SCRAPES / 2] < 4 * QUICK, "{took:?}");
}

/// A daemon that has seen one connection to each of so many ports: two endpoints each.
fn offered(ports: u16) -> Daemon {
    let daemon = daemon();
    for _ in 0..ports {
        let listener = on(100);
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        drop(listener.accept().expect("accept"));
        drop(client);
    }
    let closed = 2.0 * f64::from(ports);
    daemon
        .wait_for(|samples| sum(samples, "whohungup_connections_closed_total") >= closed)
        .expect("all of them");
    daemon
}

#[test]
fn many_scrapers_of_many_endpoints_and_those_that_never_read_do_not_hold_up_the_events() {
    require!();
    // Somebody else may have had the processors.
    let held = wait::until_as_scripted(|| Some(held_up_by_scrapers()).filter(|held| *held < 1.0));
    held.expect("the ring is emptied every second at least");
}

/// For how long the ring was not emptied, seconds.
fn held_up_by_scrapers() -> f64 {
    let daemon = offered(PORTS);
    let alone = scrapes(&daemon);
    let bytes = daemon.get("/metrics").expect("a scrape").len();

    let greedy: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(daemon.address()).expect("connect");
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("ask");
            stream
        })
        .collect();
    let (address, over) = (daemon.address(), AtomicBool::new(false));
    let closed = thread::scope(|scope| {
        let scrapers: Vec<_> = (0..4).map(|_| scope.spawn(|| busy(address, &over))).collect();
        let before = daemon.samples().expect("a scrape")["whohungup_connections_closed_total"];
        let _ = open(2_000);
        let after =
            daemon.wait_for(|samples| samples["whohungup_connections_closed_total"] >= before + 4_000.0);
        over.store(true, Ordering::Relaxed);
        let answered: usize = scrapers.into_iter().map(|scraper| scraper.join().expect("scrapes")).sum();
        assert!(answered > 0);
        after.expect("all closes")
    });
    let held = closed["whohungup_poll_interval_max_seconds"];
    println!("{bytes} bytes, alone: {alone:?}; ring emptied every {held} s at least");
    assert!(sum(&closed, "whohungup_events_lost_total{").abs() < 0.5, "{closed:#?}");
    drop(greedy);
    held
}

/// Scrapes all the time; how often it was answered in full.
fn busy(address: SocketAddr, over: &AtomicBool) -> usize {
    let mut answered = 0;
    let until = Instant::now() + BUSY;
    while !over.load(Ordering::Relaxed) && Instant::now() < until {
        let answer = http::ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost").expect("an answer");
        let refused = answer.starts_with("HTTP/1.1 503");
        assert!(refused || answer.contains("process_max_fds "), "{answer}");
        answered += usize::from(!refused);
    }
    answered
}
